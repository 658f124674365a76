"""What target strategies know at a close: earlier closes of each symbol's own bars, and dates."""

from __future__ import annotations

import numpy as np

from config.run import Period, RunConfig
from engine.clock import DAY_MS
from engine.flows import flow_bars
from engine.types import FloatArray, IntArray, Market

SESSION_HOURS = {"24/7": 24.0, "24/5": 24.0, "fx": 24.0}
"""How long a market is open a day; others 6.5 hours."""

DAYS_A_YEAR = {"24/7": 365.0, "24/5": 260.0, "fx": 260.0}
LONG_BARS = {"w": 52.0, "mo": 12.0}
UNIT_MS = {"s": 1_000, "min": 60_000, "h": 3_600_000}


def comparable_closes(market: Market) -> FloatArray:
    """Return the closes in the shares of each symbol's first bar, shape (n_symbols, n_times).

    Splits multiply what comes after them, so no close depends on a later split, and the ratio of
    two closes is that in the shares of either. NaN where a symbol has no bar.
    """
    if not market.has_action.any():
        return market.close
    closes: FloatArray = market.close * np.cumprod(market.split, axis=1)
    return closes


def closes_before(market: Market, closes: FloatArray, at: IntArray, n_bars: int) -> FloatArray:
    """Return each symbol's close `n_bars` of its own bars before each instant.

    Parameters
    ----------
    market : Market
    closes : ndarray of float64, shape (n_symbols, n_times)
    at : ndarray of int64, shape (n,)
        Indices of the clock, ascending.
    n_bars : int
        0 is the close at the instant itself.

    Returns
    -------
    ndarray of float64, shape (n_symbols, n)
        NaN where a symbol has no bar at the instant, or too few before it.
    """
    found = np.full((len(market.symbols), at.size), np.nan)
    if market.has_bar.all():
        begin = int(np.searchsorted(at, n_bars))
        found[:, begin:] = closes[:, at[begin:] - n_bars]
        return found
    for s, has_bar in enumerate(market.has_bar):
        own = np.flatnonzero(has_bar)
        place = np.searchsorted(own, at)
        is_known = has_bar[at] & (place >= n_bars)
        found[s, is_known] = closes[s, own[place[is_known] - n_bars]]
    return found


def deviations_before(market: Market, closes: FloatArray, at: IntArray, n: int) -> FloatArray:
    """Return the sample standard deviation of each symbol's last n own-bar returns.

    Returns
    -------
    ndarray of float64, shape (n_symbols, at.size)
        NaN where a symbol has no bar at the instant, or fewer than n returns.
    """
    past = np.stack([closes_before(market, closes, at, k) for k in range(n, -1, -1)])
    deviations: FloatArray = (past[1:] / past[:-1]).std(axis=0, ddof=1)
    return deviations


def rebalance_bars(market: Market, every: Period) -> IntArray:
    """Return the run's first bar and the first bar of each new period."""
    return np.append(market.first, flow_bars(market.time, market.first, every))


def bars_a_year(market: Market, config: RunConfig) -> float:
    """Return how many bars make a year, by timeframe and calendar alone.

    Nothing is measured from the bars themselves: what is not known yet must not change it.
    """
    calendars = [DAYS_A_YEAR.get(str(calendar), 252.0) for calendar in market.calendars]
    days = config.periods_per_year or max(calendars)
    count = config.timeframe.rstrip("abcdefghijklmnopqrstuvwxyz")
    unit = config.timeframe[len(count) :]
    if unit == "d":
        return days / int(count)
    if unit in LONG_BARS:
        return LONG_BARS[unit] / int(count)
    hours = max(SESSION_HOURS.get(str(calendar), 6.5) for calendar in market.calendars)
    session_ms = hours / 24.0 * DAY_MS
    return days * max(session_ms / (int(count) * UNIT_MS[unit]), 1.0)
