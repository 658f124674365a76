"""Regular contributions and withdrawals: at which closes, and how much (docs, "Flows")."""

from __future__ import annotations

import numpy as np

from config.run import Flows, Period
from engine.clock import DAY_MS
from engine.types import FloatArray, IntArray


def flow_bars(time: IntArray, first: int, every: Period) -> IntArray:
    """Return the index of the first bar of each new period after a run's first bar.

    Parameters
    ----------
    time : ndarray of int64, shape (n_times,)
        Stamps, UTC ms, ascending.
    first : int
        Index of the run's first bar.
    every : {"day", "week", "month", "quarter", "year"}
        Of the stamps' UTC dates; weeks begin on Monday.

    Examples
    --------
    >>> flow_bars(DAY_MS * np.array([0, 30, 31, 58, 59]), 0, "month").tolist()
    [2, 4]
    """
    period = period_numbers(time[first:], every)
    return first + 1 + np.flatnonzero(period[1:] != period[:-1])


def period_numbers(time: IntArray, every: Period) -> IntArray:
    """Return the calendar period that each stamp lies in, as an ascending number.

    Examples
    --------
    >>> period_numbers(DAY_MS * np.array([3, 4]), "week").tolist()  # 1970-01-04 was a Sunday
    [0, 1]
    """
    day = time // DAY_MS
    if every == "day":
        return day
    if every == "week":
        return (day + 3) // 7
    months = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return months // {"month": 1, "quarter": 3, "year": 12}[every]


def planned_flows(time: IntArray, first: int, flows: Flows) -> FloatArray:
    """Return the money to be moved at each close of the run, 0.0 at most of them."""
    planned = np.zeros(time.size - first)
    planned[flow_bars(time, first, flows.every) - first] = flows.amount
    return planned
