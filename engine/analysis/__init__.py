"""What is worked out about a run after it is finished: robustness, confidence, luck, diagnosis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.analysis.diagnosis import diagnose
from engine.analysis.evidence import Known, gather_evidence, returns_of_run
from engine.analysis.luck import monte_carlo
from engine.analysis.outcome import Outcome, outcome_of
from engine.analysis.robustness import paid_bps, robustness
from engine.clock import DAY_MS, DAYS_PER_YEAR
from engine.significance import bootstrap_intervals
from engine.types import Bars

__all__ = ["Known", "Outcome", "analyse", "outcome_of"]


def analyse(base: Outcome, bars: Mapping[str, Bars], known: Known) -> dict[str, Any]:
    """Return the analysis of a run: robustness, confidence, Monte-Carlo, diagnosis.

    Parameters
    ----------
    base : Outcome
        The run, by `outcome_of` of its resolved configuration.
    bars : mapping of symbol to Bars
        What it was made from, warm-up bars included.
    known : Known
        What its document says already.
    """
    found = robustness(base, bars)
    time = base.ledger.time
    confidence = bootstrap_intervals(
        returns_of_run(base),
        periods_per_year=base.rules.periods_per_year,
        years=float(time[-1] - time[0]) / (DAYS_PER_YEAR * DAY_MS),
        risk_free_per_period=base.rules.risk_free_per_period,
        seed=base.plan.config.seed,
    )
    chance = monte_carlo(base)
    evidence = gather_evidence(base, known, found, confidence, chance, paid_bps(base))
    return {
        "robustness": found,
        "confidence": confidence,
        "monte_carlo": chance,
        "diagnosis": diagnose(evidence),
    }
