"""What was paid in, what was made of it, and at which rate (M1)."""

from __future__ import annotations

import math

import numpy as np

from engine.clock import DAY_MS, DAYS_PER_YEAR
from engine.metrics.ratios import Metrics
from engine.types import FloatArray, IntArray

MAX_BISECTIONS = 200
"""More than the bits of a float64 need."""


def money_metrics(
    time: IntArray, value: FloatArray, flow: FloatArray | None, *, base: float, n_before: int = 0
) -> Metrics:
    """Return the final equity, the money made, the money paid in, and the money-weighted return.

    Parameters
    ----------
    time, value : ndarray, shape (n_bars,)
        UTC ms and equity at each close, at least one.
    flow : ndarray of float64, shape (n_bars,), or None
        Money paid in at each close; None when the run has no contributions.
    base : float
        The initial cash; of a range, the equity at the close before it.
    n_before : int
        Leading rows that only give the base of a range.
    """
    paid = 0.0 if flow is None else float(flow[n_before:].sum())
    last = float(value[-1])
    rate = None
    if flow is not None:
        rate = money_weighted_return(time[n_before:], flow[n_before:], base, last, int(time[0]))
    return {
        "final_equity": last,
        "net_pnl": last - base - paid,
        "contributions": paid,
        "money_weighted_return": rate,
    }


def money_weighted_return(
    time: IntArray, flow: FloatArray, base: float, last: float, start_ms: int
) -> float | None:
    """Return the internal rate of return a year of cash, flows and final equity (M1).

    Parameters
    ----------
    time, flow : ndarray, shape (n_bars,)
        UTC ms and money paid in at each close, all of one sign.
    base : float
        Paid in at `start_ms`, positive.
    last : float
        Equity at the last close; below zero counts as zero.

    Returns
    -------
    float or None
        -1 when nothing came back; None when no time passed or the rate is no number.

    Notes
    -----
    With g = ln(1 + i), base + Σ flow · e^(-g t) - last · e^(-g T) has one root: money goes in and
    then comes out. It is bisected to the last bit.
    """
    years = (time - start_ms) / (DAYS_PER_YEAR * DAY_MS)
    length, end = float(years[-1]), max(last, 0.0)
    if length <= 0.0:
        return None
    is_flow = flow != 0.0
    when, paid = years[is_flow], flow[is_flow]
    if end == 0.0 and not (paid < 0.0).any():
        return -1.0

    def surplus(g: float) -> float:
        # Divided by the larger end of e^(-g t), so that nothing overflows.
        scale = max(0.0, -g * length)
        outlay = base * np.exp(-scale) + float(paid @ np.exp(-g * when - scale))
        return float(outlay - end * np.exp(-g * length - scale))

    high = 1.0 / length
    while surplus(high) <= 0.0:
        high *= 2.0
        if high * length > 700.0:
            return None
    low = -1.0 / length
    while surplus(low) > 0.0:
        low *= 2.0
        if low * length < -700.0:
            return -1.0
    for _ in range(MAX_BISECTIONS):
        middle = (low + high) / 2.0
        if middle in (low, high):
            break
        low, high = (low, middle) if surplus(middle) > 0.0 else (middle, high)
    try:
        return math.expm1(low)
    except OverflowError:
        return None
