"""Local dates of bar stamps, and how many periods make a year (M1, M2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from engine.errors import InvalidBarsError
from engine.kernels.bars import count_short_steps
from engine.types import IntArray

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
DAYS_PER_YEAR = 365.25

SATURDAY = 5
"""Days of the week count from Monday 0."""

_CALENDAR_PERIODS = {"24/7": 365.0, "24/5": 260.0, "fx": 260.0}
_LONG_STEPS = ((300, 1.0), (80, 4.0), (25, 12.0), (5, 52.0))
_RARE_WEEKEND = 0.05
DENSE_DAYS = 16
"""Bars a day from which days are looked up among them."""

_UNITS = ((7 * DAY_MS, "w"), (DAY_MS, "d"), (HOUR_MS, "h"), (MINUTE_MS, "min"))


def is_intraday(time: IntArray) -> bool:
    """Return whether bars are shorter than a day, judged by the median step."""
    return time.size > 1 and _median_step_is_below(time, DAY_MS)


def timeframe_of(times: Sequence[IntArray]) -> str:
    """Return the timeframe of bars by their most frequent step: "1d", "15min", "1w", "3mo".

    Parameters
    ----------
    times : sequence of ndarray of int64
        Stamps of each symbol, UTC ms. Without two bars of one symbol it is "1d".
    """
    steps = np.concatenate([np.diff(time) for time in times])
    if steps.size == 0:
        return "1d"
    values, counts = np.unique(steps, return_counts=True)
    step_ms = int(values[np.argmax(counts)])
    if step_ms >= 28 * DAY_MS:
        return f"{max(round(step_ms / (30.4375 * DAY_MS)), 1)}mo"
    for unit_ms, name in _UNITS:
        if step_ms % unit_ms == 0:
            return f"{step_ms // unit_ms}{name}"
    return f"{max(round(step_ms / 1000), 1)}s"


def local_days(time: IntArray, zone: str) -> IntArray:
    """Return the local date of each instant, as days since 1970-01-01.

    Parameters
    ----------
    time : ndarray of int64, shape (n,)
        UTC milliseconds.
    zone : str
        IANA zone, for example "America/New_York".

    Raises
    ------
    InvalidBarsError
        If the zone is unknown.
    """
    return (time + utc_offset_ms(time, zone)) // DAY_MS


def utc_offset_ms(time: IntArray, zone: str) -> IntArray:
    """Return what is added to each UTC instant (ms, ascending) to read the zone's wall clock.

    Notes
    -----
    The zone is asked at both ends of each day, and within a day on which the clocks change once
    per quarter of an hour: offsets of all zones in use change on such boundaries.
    """
    if zone == "UTC" or time.size == 0:
        return np.zeros(time.size, dtype=np.int64)
    day = time // DAY_MS
    last = last_of_each(day)
    days, n_bars = day[last], np.diff(last, prepend=-1)
    at_start = np.array([_offset_at(zone, int(one) * DAY_MS) for one in days], dtype=np.int64)
    at_end = np.array([_offset_at(zone, int(one + 1) * DAY_MS) for one in days], dtype=np.int64)
    offset: IntArray = np.repeat(at_start, n_bars)
    quarter = 15 * MINUTE_MS
    for i in np.flatnonzero(np.repeat(at_start != at_end, n_bars)):
        offset[i] = _offset_at(zone, int(time[i]) // quarter * quarter)
    return offset


@lru_cache(maxsize=65_536)
def _offset_at(zone: str, instant_ms: int) -> int:
    instant = datetime.fromtimestamp(instant_ms / 1000.0, UTC)
    wall = instant.astimezone(_zone(zone)).replace(tzinfo=UTC)
    return (wall - instant) // timedelta(milliseconds=1)


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidBarsError(
            f"Expected an IANA time zone such as America/New_York, was {name!r}."
        ) from None


def is_seven_day(days: IntArray, calendars: Sequence[str | None]) -> bool:
    """Return whether the market trades at weekends too: by its calendar, else by its Saturdays."""
    known = _calendar_periods(calendars)
    if known is not None:
        return known == _CALENDAR_PERIODS["24/7"]
    return _share_on(days, SATURDAY) > _RARE_WEEKEND


def periods_per_year(time: IntArray, days: IntArray, calendars: Sequence[str | None]) -> float:
    """Return how many periods of the return series make a year (M2).

    Parameters
    ----------
    time : ndarray of int64, shape (n_bars,)
        Stamps of the bars, UTC ms.
    days : ndarray of int64
        Dates of the bars, days since 1970-01-01, ascending; of one date one is enough.
    calendars : sequence of str or None
        Calendar code of each symbol, None when unknown.

    Notes
    -----
    Bars of a week or longer follow their step whatever the calendar: a calendar tells which days
    are open, not how many weeks a year has. Several symbols share one clock, so the calendar that
    is open most decides.
    """
    if time.size > 1 and not _median_step_is_below(time, _LONG_STEPS[-1][0] * DAY_MS):
        step_days = float(np.median(np.diff(time))) / DAY_MS
        for at_least, periods in _LONG_STEPS:
            if step_days >= at_least:
                return periods
    known = _calendar_periods(calendars)
    if known is not None:
        return known
    if _share_on(days, SATURDAY) > _RARE_WEEKEND:
        return 365.0
    return 260.0 if _share_on(days, SATURDAY + 1) > _RARE_WEEKEND else 252.0


def weekends_to_monday(days: IntArray) -> IntArray:
    """Return the dates with each Saturday and Sunday replaced by the Monday after it."""
    weekday = _weekday(days)
    return days + np.where(weekday >= SATURDAY, 7 - weekday, 0)


def last_of_each(keys: IntArray) -> IntArray:
    """Return the index of the last element of every run of equal neighbours."""
    if keys.size == 0:
        return np.zeros(0, dtype=np.int64)
    return np.concatenate((np.flatnonzero(keys[1:] != keys[:-1]), (keys.size - 1,)))


def last_of_days(time: IntArray, zone: str) -> IntArray:
    """Return the index of the last bar of each local date; `time` is ascending UTC ms."""
    if zone != "UTC" or time.size == 0:
        return last_of_each(local_days(time, zone))
    first, last = int(time[0]) // DAY_MS, int(time[-1]) // DAY_MS
    if DENSE_DAYS * (last - first) > time.size:
        return last_of_each(time // DAY_MS)
    # Looking up when each day begins takes less than telling the day of each bar.
    ends = np.append(time.searchsorted(DAY_MS * np.arange(first + 1, last + 1)), time.size)
    return ends[np.diff(ends, prepend=0) > 0] - 1


def _median_step_is_below(time: IntArray, bound_ms: int) -> bool:
    """Return whether the median step is below a bound: counted, in a tenth of finding it."""
    n_below = int(count_short_steps(np.require(time, np.int64, ("C", "W")), bound_ms))
    if 2 * n_below == time.size - 1:
        return float(np.median(np.diff(time))) < bound_ms
    return 2 * n_below > time.size - 1


def _calendar_periods(calendars: Sequence[str | None]) -> float | None:
    if not calendars or None in calendars:
        return None
    return max(_CALENDAR_PERIODS.get(str(calendar), 252.0) for calendar in calendars)


def _share_on(days: IntArray, weekday: int) -> float:
    dates = days[last_of_each(days)]
    n_there = int(np.count_nonzero(_weekday(dates) == weekday))
    return n_there / dates.size if dates.size else 0.0


def _weekday(days: IntArray) -> IntArray:
    # 1970-01-01 was a Thursday. (numpy divides by a constant six times as fast as it takes rests.)
    since_monday = days + 3
    return since_monday - since_monday // 7 * 7
