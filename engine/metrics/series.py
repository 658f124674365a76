"""The series the statistics are made from: values at the ends of periods and their returns (M1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from engine import clock
from engine.types import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Conventions:
    """How the statistics of a run are dated and annualised (M1, M2).

    `is_intraday` makes the risk statistics run on daily values in `zone`; weekend dates then
    belong to the Monday after them unless the market is open seven days.
    """

    periods_per_year: float
    risk_free_rate: float = 0.0
    zone: str = "UTC"
    is_intraday: bool = False
    is_seven_day: bool = False

    @property
    def risk_free_per_period(self) -> float:
        """The annual risk-free rate, compounded down to one period (M4)."""
        return float((1.0 + self.risk_free_rate) ** (1.0 / self.periods_per_year) - 1.0)


def conventions(
    time: IntArray,
    *,
    calendars: Sequence[str | None] = (),
    zones: Sequence[str] = (),
    periods_per_year: float | None = None,
    risk_free_rate: float = 0.0,
) -> Conventions:
    """Return the conventions that fit a run's clock (M1, M2).

    Parameters
    ----------
    time : ndarray of int64, shape (n_bars,)
        The whole run's stamps, UTC ms.
    calendars, zones : sequences of str
        Calendar code and IANA zone of each symbol. Zones that differ make UTC.
    periods_per_year : float, optional
        Set by the user; None follows the calendar or the dates.
    """
    is_intraday = clock.is_intraday(time)
    zone = zones[0] if len(set(zones)) == 1 else "UTC"
    day_zone = zone if is_intraday else "UTC"
    dates = clock.local_days(time[clock.last_of_days(time, day_zone)], day_zone)
    return Conventions(
        periods_per_year=periods_per_year or clock.periods_per_year(time, dates, calendars),
        risk_free_rate=risk_free_rate,
        zone=zone,
        is_intraday=is_intraday,
        is_seven_day=clock.is_seven_day(dates, calendars),
    )


class Periods(NamedTuple):
    """Values at the ends of the periods of the risk statistics.

    `last` is the index of each period's last bar, `value` what the account is worth there, never
    below zero, its first element replaced by the base.
    """

    last: IntArray
    value: FloatArray


def period_values(time: IntArray, value: FloatArray, base: float, rules: Conventions) -> Periods:
    """Return the values that returns are taken between (M1).

    Parameters
    ----------
    time, value : ndarray, shape (n_bars,)
        UTC ms and the account's value at each bar's close.
    base : float
        What stands in for the first value: the initial cash.
    """
    last = period_ends(time, rules)
    ends = np.maximum(value[last], 0.0)
    ends[:1] = base
    return Periods(last, ends)


def period_ends(time: IntArray, rules: Conventions) -> IntArray:
    """Return the last bar of each period of the risk statistics."""
    if not rules.is_intraday:
        return np.arange(time.size)
    last = clock.last_of_days(time, rules.zone)
    if rules.is_seven_day:
        return last
    dates = clock.weekends_to_monday(clock.local_days(time[last], rules.zone))
    return last[clock.last_of_each(dates)]


def unit_curve(value: FloatArray, flow: FloatArray | None, base: float) -> FloatArray:
    """Return what the account would be worth without contributions: base · Π(1 + r) (M1).

    Parameters
    ----------
    value : ndarray of float64, shape (n_bars,)
        Equity at each close, flows included.
    flow : ndarray of float64, shape (n_bars,), or None
        Money paid in (withdrawn: negative) at each close; None without contributions. That of the
        first row came before the base and does not count.
    base : float
        What the first value is measured against: the initial cash.

    Returns
    -------
    ndarray of float64, shape (n_bars,)
        `value` itself without flows. An account that a withdrawal emptied earns nothing.
    """
    if flow is None:
        return value
    before = np.concatenate((np.array([base]), value[:-1]))
    earned: FloatArray = value - flow
    earned[:1] = value[:1]
    growth = np.ones(value.size)
    np.divide(np.maximum(earned, 0.0), before, out=growth, where=before > 0.0)
    curve: FloatArray = base * growth.cumprod()
    return curve


def return_series(time: IntArray, curve: FloatArray, base: float, rules: Conventions) -> FloatArray:
    """Return the returns that the risk statistics are made of (M1): of bars, or of days."""
    return returns_of(period_values(time, curve, base, rules).value)


def common_returns(
    time: IntArray, curve: FloatArray, benchmark: FloatArray | None, base: float, rules: Conventions
) -> tuple[FloatArray, FloatArray] | None:
    """Return the account's and the benchmark's returns on the dates both have (M7).

    Parameters
    ----------
    time, curve : ndarray, shape (n_bars,)
        UTC ms and the account's value without contributions.
    benchmark : ndarray of float64, shape (n_bars,), or None
        Value of the benchmark's account, NaN where it has none.
    base : float
        The initial cash.

    Returns
    -------
    tuple of two ndarrays of one length, or None
        None without a common date, or when the account was ruined before the first one.
    """
    if benchmark is None or not np.isfinite(benchmark).any():
        return None
    both = np.isfinite(benchmark)
    own_base = base if both[0] else max(float(curve[both][0]), 0.0)
    if own_base == 0.0:
        return None
    own = return_series(time[both], curve[both], own_base, rules)
    theirs = return_series(time[both], benchmark[both], float(benchmark[both][0]), rules)
    n = min(own.size, theirs.size)
    return own[:n], theirs[:n]


def calendar_returns(
    time: IntArray, value: FloatArray, base: float, unit: str, rules: Conventions
) -> tuple[IntArray, FloatArray]:
    """Return the number of each calendar month or year since 1970, and its return.

    Parameters
    ----------
    time, value : ndarray, shape (n_bars,)
        UTC ms and the account's value at each close; below zero counts as zero.
    base : float
        What the first one is measured against, so the returns compound to the total return.
    unit : {"datetime64[M]", "datetime64[Y]"}
        Of the local date for bars shorter than a day, else of the UTC date.

    Returns
    -------
    tuple of ndarray
        Numbers and returns; NaN once the account was ruined.
    """
    days = clock.local_days(time, rules.zone if rules.is_intraday else "UTC")
    keys = days.astype("datetime64[D]").astype(unit).astype(np.int64)
    last = clock.last_of_each(keys)
    ends = np.concatenate((np.array([base]), np.maximum(value[last], 0.0)))
    with np.errstate(divide="ignore", invalid="ignore"):
        returns: FloatArray = ends[1:] / ends[:-1] - 1.0
    return keys[last], returns


def returns_of(value: FloatArray) -> FloatArray:
    """Return v_t / v_(t-1) - 1, up to the return that ends at zero (F12).

    Parameters
    ----------
    value : ndarray of float64, shape (n,)
        Not negative, the first positive.

    Returns
    -------
    ndarray of float64, shape (n - 1,) or shorter
    """
    zeros = np.flatnonzero(value == 0.0)
    alive = value[: zeros[0] + 1] if zeros.size else value
    return alive[1:] / alive[:-1] - 1.0
