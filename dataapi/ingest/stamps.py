"""Time stamps as people write them, read into a wall clock and, where given, an offset."""

from __future__ import annotations

import re
from datetime import date
from typing import NamedTuple

EPOCH_DAY = date(1970, 1, 1).toordinal()
DAY_MS = 86_400_000
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_YEAR_FIRST = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})", re.ASCII)
_COMPACT = re.compile(r"((?:19|20)\d{2})(\d{2})(\d{2})", re.ASCII)
_YEAR_LAST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})", re.ASCII)
_DAY_NAME = re.compile(r"(\d{1,2})[-/ ]([A-Za-z]{3})[a-z]*[-/ ,]+(\d{4})", re.ASCII)
_NAME_DAY = re.compile(r"([A-Za-z]{3})[a-z]*[-/ ](\d{1,2})[-/ ,]+(\d{4})", re.ASCII)
_CLOCK = re.compile(
    r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*([AaPp][Mm])?"
    r"\s*(?:(Z|UTC|GMT)|([+-])(\d{2}):?(\d{2})?)?",
    re.ASCII,
)
_COMPACT_CLOCK = re.compile(r"(\d{2})(\d{2})(\d{2})?", re.ASCII)
_EPOCH = re.compile(r"(\d{9,10}|\d{12,13}|\d{15,16}|\d{18,19})(?:\.(\d+))?", re.ASCII)
# By number of digits: from 1973 (9 digits of seconds) on, units cannot be confused.
_EPOCH_UNITS = {9: ("s", 10**9), 12: ("ms", 10**6), 15: ("µs", 10**3), 18: ("ns", 1)}


class Stamp(NamedTuple):
    """One time stamp.

    `days` counts from 1970-01-01, None where that order of day and month gives no date;
    `month_first` differs from `days` only for 03/04/2000. `offset_min` is None when no zone is
    written. `style` names how it is written: a file uses one style. The text before `cut` is the
    date, the rest the clock time; None where the two cannot be parted.
    """

    style: str
    days: int | None
    month_first: int | None
    clock_ms: int | None
    offset_min: int | None
    cut: int | None = None


def _parse_date(text: str) -> tuple[str, int | None, int | None] | None:
    if match := _YEAR_FIRST.fullmatch(text):
        year, mark, month, day = match.groups()
        days = _days(year, month, day)
        return (f"year{mark}month{mark}day", days, days)
    if match := _COMPACT.fullmatch(text):
        days = _days(*match.groups())
        return ("yearmonthday", days, days)
    if match := _YEAR_LAST.fullmatch(text):
        first, mark, second, year = match.groups()
        day_first = _days(year, second, first)
        if mark == ".":
            return ("day.month.year", day_first, day_first)
        return (f"day{mark}month{mark}year", day_first, _days(year, first, second))
    if match := _DAY_NAME.fullmatch(text):
        day, name, year = match.groups()
        days = _days(year, _month(name), day)
        return ("day month-name year", days, days)
    if match := _NAME_DAY.fullmatch(text):
        name, day, year = match.groups()
        days = _days(year, _month(name), day)
        return ("month-name day year", days, days)
    return None


def _parse_clock(text: str) -> tuple[int | None, int | None] | None:
    """Return (milliseconds of the day, offset in minutes); None when it is no clock time."""
    if match := _COMPACT_CLOCK.fullmatch(text):
        hour, minute, second = match.groups()
        return _clock_ms(int(hour), int(minute), int(second or 0), ""), None
    match = _CLOCK.fullmatch(text)
    if match is None:
        return None
    hour, minute, second, fraction, half, utc, sign, off_h, off_m = match.groups()
    hours = int(hour)
    if half:
        if not 1 <= hours <= 12:
            return None, None
        hours = hours % 12 + (12 if half.lower() == "pm" else 0)
    offset: int | None = 0 if utc else None
    if sign:
        offset = (int(off_h) * 60 + int(off_m or 0)) * (1 if sign == "+" else -1)
    return _clock_ms(hours, int(minute), int(second or 0), fraction or ""), offset


def parse_stamp(text: str) -> Stamp | None:
    """Return the stamp written in `text`, or None when it is in no known form."""
    n_blanks = len(text) - len(text.lstrip())
    text = text.strip()
    if len(text) in {12, 14} and text.isdigit() and (stamp := _compact_instant(text)) is not None:
        return stamp
    if match := _EPOCH.fullmatch(text):
        return _epoch(match)
    date_text, clock_text = _split(text)
    parsed = _parse_date(date_text)
    if parsed is None:
        return None
    style, days, month_first = parsed
    if not clock_text:
        return Stamp(style, days, month_first, 0, None, n_blanks + len(text))
    clock = _parse_clock(clock_text)
    if clock is None:
        return None
    cut = n_blanks + len(date_text)
    return Stamp(f"{style} clock", days, month_first, clock[0], clock[1], cut)


def _split(text: str) -> tuple[str, str]:
    """Return the date part and the clock part."""
    colon = text.find(":")
    if colon >= 0:
        cut = max(text.rfind(" ", 0, colon), text.rfind("T", 0, colon))
        return (text[:cut].rstrip(), text[cut + 1 :]) if cut > 0 else (text, "")
    head, _, tail = text.rpartition(" ")
    if head and tail.isdigit() and len(tail) in {4, 6} and head[-1].isdigit():
        return head.rstrip(), tail
    return text, ""


def _compact_instant(text: str) -> Stamp | None:
    """Return 20000301093000 or 200003010930 as a stamp when it is one."""
    parsed, clock = _parse_date(text[:8]), _parse_clock(text[8:])
    if parsed is None or parsed[1] is None or clock is None or clock[0] is None:
        return None
    return Stamp("yearmonthdayclock", parsed[1], parsed[1], clock[0], None)


def _epoch(match: re.Match[str]) -> Stamp:
    whole, fraction = match.groups()
    unit, unit_ns = _EPOCH_UNITS[len(whole) // 3 * 3]
    fraction_ns = int((fraction or "").ljust(9, "0")[:9]) * unit_ns // 10**9
    days, clock_ms = divmod((int(whole) * unit_ns + fraction_ns) // 10**6, DAY_MS)
    return Stamp(f"epoch {unit}", days, days, clock_ms, 0)


def _days(year: str, month: str, day: str) -> int | None:
    try:
        return date(int(year), int(month), int(day)).toordinal() - EPOCH_DAY
    except ValueError:
        return None


def _month(name: str) -> str:
    name = name.lower()
    return str(_MONTHS.index(name) + 1) if name in _MONTHS else "0"


def _clock_ms(hour: int, minute: int, second: int, fraction: str) -> int | None:
    if hour > 23 or minute > 59 or second > 59:
        return None
    return ((hour * 60 + minute) * 60 + second) * 1000 + int(fraction.ljust(3, "0")[:3])
