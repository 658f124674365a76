"""What is measured: a finished run as it is stored."""

from __future__ import annotations

from dataclasses import dataclass

from engine.metrics.series import Conventions
from engine.types import FloatArray, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A finished run as it is stored, or a range of one.

    Parameters
    ----------
    equity, trades, fills : tables
        As exported; equity has the columns time, equity, cash, exposure, and flow with
        contributions.
    benchmark : ndarray of float64, shape (n_bars,), or None
        Value of the benchmark's account, NaN where it has none.
    base : float
        Initial cash; of a range, the equity at the close before it.
    rules : Conventions
        Those of the whole run, of a range too.
    n_before : int
        1 when the first row only gives the base of a range, else 0.
    """

    equity: Table
    trades: Table
    fills: Table
    benchmark: FloatArray | None
    base: float
    rules: Conventions
    n_before: int = 0
