"""Bars of higher timeframes: which calendar period each bar belongs to, and the periods' prices."""

from __future__ import annotations

import math
import re
from difflib import get_close_matches

import numpy as np

from engine.clock import DAY_MS, HOUR_MS, MINUTE_MS, utc_offset_ms
from engine.types import FloatArray, IntArray

USUAL = ("1min", "5min", "15min", "30min", "1h", "4h", "1d", "1w", "1mo", "3mo", "12mo")

_TIMEFRAME = re.compile(r"([1-9][0-9]{0,3})(s|min|h|d|w|mo)")
_LONGEST_MS = {
    "s": 1000, "min": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS, "w": 7 * DAY_MS, "mo": 31 * DAY_MS,
}  # fmt: skip
_WORDS = {
    "1m": "1min", "minute": "1min", "hour": "1h", "hourly": "1h", "1hour": "1h", "day": "1d",
    "daily": "1d", "1day": "1d", "week": "1w", "weekly": "1w", "1week": "1w", "month": "1mo",
    "monthly": "1mo", "1month": "1mo", "quarter": "3mo", "quarterly": "3mo", "1q": "3mo",
    "year": "12mo", "yearly": "12mo", "1y": "12mo",
}  # fmt: skip


def is_timeframe(text: str) -> bool:
    """Return whether a text is a timeframe such as 5min, 1h, 1d, 1w, 1mo."""
    return _TIMEFRAME.fullmatch(text) is not None


def nearest_timeframe(text: str) -> str | None:
    """Return the timeframe that a text was meant to be."""
    word = text.strip().lower()
    if word in _WORDS or is_timeframe(word):
        return _WORDS.get(word, word)
    close = get_close_matches(word, (*USUAL, *_WORDS), 1, 0.5)
    return _WORDS.get(close[0], close[0]) if close else None


def most_bars(timeframe: str, base: str) -> int:
    """Return how many bars of a timeframe one period of another holds at most; 0 for a finer one.

    Examples
    --------
    >>> most_bars("1w", "1d"), most_bars("1d", "5min"), most_bars("1d", "1d")
    (7, 288, 0)
    """
    (count, unit), (base_count, base_unit) = _parts(timeframe), _parts(base)
    if unit == base_unit:
        return math.ceil(count / base_count) if count > base_count else 0
    length, base_length = count * _LONGEST_MS[unit], base_count * _LONGEST_MS[base_unit]
    return math.ceil(length / base_length) if length > base_length else 0


def period_numbers(time: IntArray, timeframe: str, zone: str) -> IntArray:
    """Return for each bar how many periods have begun before its own.

    Parameters
    ----------
    time : ndarray of int64, shape (n,)
        Stamps, UTC ms. Bars of a day or longer belong to the period of their UTC date, others to
        that of the wall clock in `zone`.
    timeframe : str
        Weeks begin on Monday, months and days by the calendar, shorter periods anew each day.

    Notes
    -----
    A period begins where the calendar's changes: one without bars does not exist.
    """
    period = _calendar_periods(local_time(time, zone), timeframe)
    return np.cumsum(np.diff(period, prepend=period[:1]) != 0)


def grouped(name: str, values: FloatArray, starts: IntArray) -> FloatArray:
    """Return a column of the periods that begin at `starts`, from that of their bars."""
    if name in ("open", "close"):
        ends = np.append(starts[1:], values.size) - 1
        return np.asarray(values[starts if name == "open" else ends], np.float64)
    reduce = {"high": np.maximum, "low": np.minimum, "volume": np.add}[name]
    return np.asarray(reduce.reduceat(values, starts), np.float64)


def local_time(time: IntArray, zone: str) -> IntArray:
    """Return wall-clock milliseconds; bars of a day or longer keep their UTC date."""
    if is_daily(time):
        return time
    return time + utc_offset_ms(time, zone)


def is_daily(time: IntArray) -> bool:
    """Return whether bars are of a day or longer: then they are stamped by their date alone."""
    return not (time % DAY_MS).any()


def _parts(timeframe: str) -> tuple[int, str]:
    match = _TIMEFRAME.fullmatch(timeframe)
    if match is None:
        raise ValueError(f"Expected a timeframe such as 1d, was {timeframe!r}.")
    return int(match[1]), match[2]


def _calendar_periods(local: IntArray, timeframe: str) -> IntArray:
    count, unit = _parts(timeframe)
    day = local // DAY_MS
    if unit == "mo":
        months: IntArray = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        return months // count
    if unit == "w":
        # 1970-01-01 was a Thursday, three days after a Monday.
        return (day + 3) // 7 // count
    length = count * _LONGEST_MS[unit]
    if length >= DAY_MS:
        return local // length
    return day * DAY_MS + local % DAY_MS // length
