"""What is worked out about a run after it is finished: robustness, confidence, diagnosis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.analysis.outcome import Outcome, outcome_of
from engine.analysis.robustness import robustness
from engine.types import Bars

__all__ = ["Outcome", "analyse", "outcome_of"]


def analyse(base: Outcome, bars: Mapping[str, Bars]) -> dict[str, Any]:
    """Return the analysis of a run: robustness, confidence, diagnosis.

    Parameters
    ----------
    base : Outcome
        The run, by `outcome_of` of its resolved configuration.
    bars : mapping of symbol to Bars
        What it was made from, warm-up bars included.
    """
    return {"robustness": robustness(base, bars), "confidence": None, "diagnosis": []}
