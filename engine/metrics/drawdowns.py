"""Falls of the account from its running peak (M5)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engine.clock import DAY_MS
from engine.types import FloatArray, IntArray


class Drawdown(NamedTuple):
    """One fall from a peak: indices of its bars, `i_recovered` None while it is ongoing."""

    depth: float
    i_peak: int
    i_trough: int
    i_recovered: int | None
    i_end: int


def drawdown_series(value: FloatArray, base: float) -> FloatArray:
    """Return value / running peak - 1, the first peak being the base (M1, M5).

    Parameters
    ----------
    value : ndarray of float64, shape (n_bars,)
        Account value; below zero counts as zero.
    base : float
        Initial cash, positive.

    Returns
    -------
    ndarray of float64, shape (n_bars,)
        Fractions in [-1, 0].

    Examples
    --------
    >>> drawdown_series(np.array([100.0, 120.0, 90.0]), 100.0)
    array([ 0.  ,  0.  , -0.25])
    """
    floored = np.maximum(value, 0.0)
    peak = np.maximum(np.maximum.accumulate(floored), base) if floored.size else floored
    result: FloatArray = floored / peak - 1.0
    return result


def find_drawdowns(drawdown: FloatArray) -> list[Drawdown]:
    """Return every fall in order of time.

    A fall runs from the last bar at the peak to the first bar that is back at it, or to the last
    bar of all. When the first bar is already below the base, it stands for the peak.
    """
    is_below = np.concatenate(([False], drawdown < 0.0, [False]))
    edges = np.flatnonzero(is_below[1:] != is_below[:-1])
    n_bars = drawdown.size
    falls = []
    for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        i_trough = start + int(np.argmin(drawdown[start:stop]))
        falls.append(
            Drawdown(
                depth=float(drawdown[i_trough]),
                i_peak=max(start - 1, 0),
                i_trough=i_trough,
                i_recovered=stop if stop < n_bars else None,
                i_end=min(stop, n_bars - 1),
            )
        )
    return falls


def duration_days(time: IntArray, fall: Drawdown) -> float:
    """Return the days from the peak to the recovery, or to the end while ongoing."""
    return float(time[fall.i_end] - time[fall.i_peak]) / DAY_MS


def drawdown_metrics(time: IntArray, drawdown: FloatArray) -> dict[str, float | int | None]:
    """Return depths, durations and the ulcer index; zero when the account never fell."""
    falls = find_drawdowns(drawdown)
    deepest = min(falls, key=lambda fall: fall.depth, default=None)
    days = [duration_days(time, fall) for fall in falls]
    recovery_days = None
    if deepest and deepest.i_recovered is not None:
        recovery_days = float(time[deepest.i_recovered] - time[deepest.i_trough]) / DAY_MS
    return {
        "max_drawdown": deepest.depth if deepest else 0.0,
        "max_drawdown_days": duration_days(time, deepest) if deepest else 0.0,
        "max_drawdown_recovery_days": recovery_days,
        "longest_drawdown_days": max(days, default=0.0),
        "average_drawdown": float(np.mean([fall.depth for fall in falls])) if falls else 0.0,
        "ulcer_index": float(np.sqrt(np.mean(drawdown**2))) if drawdown.size else 0.0,
    }
