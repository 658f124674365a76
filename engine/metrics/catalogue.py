"""What each metric is: the static half of its passport, read from `catalogue.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Literal

Unit = Literal["ratio", "fraction", "money", "days", "count", "bars"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One number of a run.

    Parameters
    ----------
    name, title : str
        In documents, and for people.
    rule : str
        M1 to M11, as the tests name them.
    unit : str
        Fractions are fractions, not percents; money is in the run's currency.
    formula, convention : str
        How it is computed, and what the formula leaves open.
    undefined : str
        When it is null.
    inputs : tuple of str
        The quantities and metrics that the formula is made of.
    """

    name: str
    title: str
    rule: str
    unit: Unit
    formula: str
    convention: str
    undefined: str
    inputs: tuple[str, ...]


def _catalogue() -> tuple[Metric, ...]:
    text = resources.files(__package__).joinpath("catalogue.toml").read_text("utf-8")
    return tuple(
        Metric(name=name, **{**fields, "inputs": tuple(fields["inputs"])})
        for name, fields in tomllib.loads(text).items()
    )


CATALOGUE = _catalogue()
"""Every metric of a run, in the order of its document."""

METRIC_NAMES = tuple(metric.name for metric in CATALOGUE)
