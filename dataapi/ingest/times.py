"""A column of time stamps made into UTC milliseconds, and the timeframe that its steps show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from dataapi.ingest.problems import IngestError, Problems
from dataapi.ingest.stamps import DAY_MS, Stamp, parse_stamp
from engine.types import BoolArray, IntArray

DateOrder = Literal["dmy", "mdy"]

NO_OFFSET = 100_000
NO_DAY = -(10**9)
MINUTE_MS = 60_000
_UNIT_MS = {"s": 1000, "min": MINUTE_MS, "h": 60 * MINUTE_MS, "d": DAY_MS, "w": 7 * DAY_MS}
# Holidays make a week start late and months differ: the shortest step that is still one of them.
_SHORTEST_STEP = {"d": 1.0, "w": 5.0 / 7.0, "mo": 26.0 / 30.0}
_MONTH_MS = 30 * DAY_MS
_QUARTER_HOUR_MS = 15 * MINUTE_MS


@dataclass(slots=True)
class StampColumn:
    """Stamps of the rows that can be read, in the order of the file.

    `dates` holds (days, month-first days), NO_DAY where that is no date; `clocks` holds
    (milliseconds of the day, offset in minutes), NO_OFFSET where none is written.
    """

    style: str | None = None
    style_row: int = 0
    rows: list[int] = field(default_factory=list)
    dates: list[tuple[int, int]] = field(default_factory=list)
    clocks: list[tuple[int, int]] = field(default_factory=list)
    _cut: int = 0
    _known_dates: dict[str, tuple[int, int]] = field(default_factory=dict)
    _known_clocks: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, rows: Sequence[int], texts: Sequence[str], problems: Problems) -> BoolArray:
        """Read a block of stamps; return which could be read, and note why the others not.

        Dates and clock times repeat: a stamp whose two parts were seen before, in the same
        places, is looked up instead of parsed. A million minute bars take half a second so.
        """
        readable = np.ones(len(texts), np.bool_)
        cut, known_date, known_clock = self._cut, self._known_dates.get, self._known_clocks.get
        for i, text in enumerate(texts):
            day, clock = known_date(text[:cut]), known_clock(text[cut:])
            if day is None or clock is None:
                found = self._parse(rows[i], text, problems)
                cut = self._cut
                if found is None:
                    readable[i] = False
                    continue
                day, clock = found
            self.rows.append(rows[i])
            self.dates.append(day)
            self.clocks.append(clock)
        return readable

    def _parse(
        self, row: int, text: str, problems: Problems
    ) -> tuple[tuple[int, int], tuple[int, int]] | None:
        stamp = parse_stamp(text)
        reason = self._reason(row, text, stamp)
        if reason or stamp is None or stamp.clock_ms is None:
            problems.add(row, "time", text, reason)
            return None
        day = (_or(stamp.days, NO_DAY), _or(stamp.month_first, NO_DAY))
        clock = (stamp.clock_ms, _or(stamp.offset_min, NO_OFFSET))
        if stamp.cut is not None:
            if stamp.cut != self._cut:
                self._cut = stamp.cut
                self._known_dates.clear()
                self._known_clocks.clear()
            self._known_dates[text[: stamp.cut]] = day
            self._known_clocks[text[stamp.cut :]] = clock
        return day, clock

    def _reason(self, row: int, text: str, stamp: Stamp | None) -> str:
        if not text.strip():
            return "is empty"
        if stamp is None:
            return "is no date or time in a known form, for example 2005-02-28 or 2005-02-28 09:30"
        if stamp.days is None and stamp.month_first is None:
            return "is no date of the calendar"
        if stamp.clock_ms is None:
            return "is no time of the day"
        if self.style is None:
            self.style, self.style_row = stamp.style, row
        if stamp.style != self.style:
            return f"is written as {stamp.style}, row {self.style_row} as {self.style}"
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Bar stamps of the rows that have one.

    time : ndarray of int64, UTC ms, in the order of the file; row : line numbers; is_good : rows
    without a problem in their stamp.
    """

    time: IntArray
    row: IntArray
    is_good: BoolArray
    timeframe: str
    notes: tuple[str, ...]


def resolve_times(
    column: StampColumn,
    problems: Problems,
    *,
    timeframe: str | None,
    tz: str | None,
    date_order: DateOrder | None,
) -> Times:
    """Return UTC stamps of the bars' open.

    Bars of a day or longer are stamped 00:00 UTC of their session date: the date as written, or
    in the zone `tz` when the stamps are instants. Shorter bars are instants; without a zone of
    their own they are read in `tz`, else in UTC.

    Raises
    ------
    IngestError
        If day and month cannot be told apart, zones are mixed, or the timeframe does not fit.
    """
    zone = _zone(tz)
    notes: list[str] = []
    is_good = np.ones(len(column.rows), np.bool_)
    row = np.array(column.rows, np.int64)
    wall = _wall_clock(column, date_order, problems, is_good)
    offset = np.array(column.clocks, np.int64).reshape(-1, 2)[:, 1]
    has_offset = offset != NO_OFFSET
    _refuse_half_zoned(row, wall, has_offset, problems, is_good)
    is_zoned = bool(has_offset[is_good].any())
    instant = wall - np.where(has_offset, offset, 0) * MINUTE_MS
    found = timeframe or sniff_timeframe(instant[is_good])
    is_daily = found.endswith(("d", "w", "mo"))
    _check_offsets(offset[is_good & has_offset], is_daily=is_daily, tz=tz)
    if is_daily:
        local = _to_zone(instant, zone) if is_zoned and zone is not None else wall
        time = local // DAY_MS * DAY_MS
    elif is_zoned:
        time = instant
        if zone is not None:
            _check_zone(row, instant, offset, zone, problems, is_good)
    elif zone is not None:
        time = _from_zone(wall, zone, row, problems, is_good)
    else:
        time = wall
        notes.append("Times carry no zone and no --tz was given: read as UTC.")
    if timeframe is None:
        notes.append(f"Timeframe {found}, found from the steps between bars.")
    return Times(time=time, row=row, is_good=is_good, timeframe=found, notes=tuple(notes))


def sniff_timeframe(time: IntArray) -> str:
    """Return the timeframe that most steps have, for example "1d", "5min" or "1mo".

    Raises
    ------
    IngestError
        If fewer than two different times are given.
    """
    steps = np.abs(np.diff(time))
    steps = steps[steps > 0]
    if not steps.size:
        raise IngestError("One bar does not show its timeframe: say it with --timeframe.")
    values, counts = np.unique(steps, return_counts=True)
    step = int(values[np.argmax(counts)])
    median = float(np.median(steps))
    if median >= 25 * DAY_MS:
        months = max(round(median / (30.4375 * DAY_MS)), 1)
        return f"{months}mo"
    if median >= 5 * DAY_MS:
        return f"{max(round(median / (7 * DAY_MS)), 1)}w"
    # An hour more or less is summer time in a daily stamp that is an instant.
    if median >= 20 * 60 * MINUTE_MS:
        return f"{max(round(step / DAY_MS), 1)}d"
    for unit in ("h", "min", "s"):
        if step % _UNIT_MS[unit] == 0:
            return f"{step // _UNIT_MS[unit]}{unit}"
    raise IngestError(f"The most frequent step between bars is {step} ms: no timeframe has it.")


def timeframe_ms(timeframe: str) -> int:
    """Return the length of a bar in milliseconds; a month counts 30 days."""
    number, unit = split_timeframe(timeframe)
    return number * (_MONTH_MS if unit == "mo" else _UNIT_MS[unit])


def split_timeframe(timeframe: str) -> tuple[int, str]:
    """Return the number and the unit of a timeframe: ("15min") is (15, "min")."""
    unit = timeframe.lstrip("0123456789")
    return int(timeframe[: -len(unit)]), unit


def check_steps(times: Times, time: IntArray, row: IntArray, problems: Problems) -> None:
    """Note rows that stand still, go back, come too early, or lie off the timeframe's grid.

    `time` and `row` are the good rows in the order of the file.
    """
    _, unit = split_timeframe(times.timeframe)
    length = timeframe_ms(times.timeframe)
    shortest = int(length * _SHORTEST_STEP.get(unit, 1.0))
    is_daily = unit in _SHORTEST_STEP
    if np.diff(time).min(initial=shortest) < shortest:
        _note_backward_steps(times, time, row, shortest, problems)
    if not is_daily:
        _note_off_grid(times.timeframe, time, row, problems)
    if not _is_close_enough(np.diff(time), length, unit):
        raise IngestError(
            f"The bars do not fit the timeframe {times.timeframe}: they look like "
            f"{sniff_timeframe(time)}. Say the right one with --timeframe."
        )


def _note_backward_steps(
    times: Times, time: IntArray, row: IntArray, shortest: int, problems: Problems
) -> None:
    is_daily = times.timeframe.endswith(("d", "w", "mo"))
    first_row: dict[int, int] = {}
    latest, latest_row = int(time[0]) - shortest, 0
    for stamp, line in zip(time.tolist(), row.tolist(), strict=True):
        if stamp - latest >= shortest:
            latest, latest_row = stamp, line
            first_row[stamp] = line
            continue
        if stamp in first_row:
            reason = f"is a duplicate of row {first_row[stamp]}"
        elif stamp < latest:
            reason = f"comes before row {latest_row}: rows must be sorted by time"
        else:
            reason = f"comes less than {times.timeframe} after row {latest_row}"
        problems.add(line, "time", _text(stamp, is_daily=is_daily), reason)


def _note_off_grid(timeframe: str, time: IntArray, row: IntArray, problems: Problems) -> None:
    """Note intraday rows off the grid; sessions may start at any quarter of an hour."""
    grid = math.gcd(timeframe_ms(timeframe), _QUARTER_HOUR_MS)
    phases, counts = np.unique(time % grid, return_counts=True)
    usual = int(phases[np.argmax(counts)])
    for i in np.flatnonzero(time % grid != usual).tolist():
        text = _text(int(time[i]), is_daily=False)
        problems.add(int(row[i]), "time", text, f"lies off the grid of {timeframe} bars")


def _is_close_enough(steps: IntArray, length: int, unit: str) -> bool:
    """Return whether some bars stand as close as the timeframe says, judged from four steps on."""
    forward = steps[steps > 0]
    if forward.size < 4:
        return True
    # A month counts 30 days here, and three of them can have 92.
    slack = 1.1 if unit == "mo" else 1.0
    return bool(forward.min() <= length * slack)


def _wall_clock(
    column: StampColumn, date_order: DateOrder | None, problems: Problems, is_good: BoolArray
) -> IntArray:
    """Return the wall clock as written, in milliseconds as if it were UTC."""
    dates = np.array(column.dates, np.int64).reshape(-1, 2)
    clock_ms = np.array(column.clocks, np.int64).reshape(-1, 2)[:, 0]
    days = dates[:, int(_is_month_first(dates, date_order))]
    np.logical_and(is_good, days != NO_DAY, out=is_good)
    for i in np.flatnonzero(~is_good).tolist():
        problems.add(column.rows[i], "time", "", "is no date of the calendar in this order")
    return np.where(is_good, days * DAY_MS + clock_ms, 0)


def _is_month_first(dates: IntArray, date_order: DateOrder | None) -> bool:
    """Return whether 03/04/2000 is the fourth of March, shown by the file or said by the caller."""
    if (dates[:, 0] == dates[:, 1]).all():
        return False
    if date_order is not None:
        return date_order == "mdy"
    can_be_day_first, can_be_month_first = (dates != NO_DAY).all(axis=0).tolist()
    if can_be_day_first and can_be_month_first:
        raise IngestError(
            "Day and month cannot be told apart in these dates: say which comes first with "
            "--date-order dmy or --date-order mdy."
        )
    if not can_be_day_first and not can_be_month_first:
        raise IngestError(
            "Some dates are day first and others month first: write them as 2005-02-28."
        )
    return bool(can_be_month_first)


def _refuse_half_zoned(
    row: IntArray, wall: IntArray, has_offset: BoolArray, problems: Problems, is_good: BoolArray
) -> None:
    """Note rows that carry a zone where the others do not, or the other way round."""
    if has_offset.all() or not has_offset.any():
        return
    is_usual = has_offset if 2 * int(has_offset.sum()) > has_offset.size else ~has_offset
    reason = (
        "has no zone, other rows have one"
        if has_offset[is_usual][0]
        else ("has a zone, other rows have none")
    )
    for i in np.flatnonzero(~is_usual).tolist():
        is_good[i] = False
        problems.add(int(row[i]), "time", _text(int(wall[i]), is_daily=False)[:-1], reason)


def _check_offsets(offset: IntArray, *, is_daily: bool, tz: str | None) -> None:
    """Refuse several UTC offsets unless a zone explains them, or daily bars show summer time."""
    found = np.unique(offset)
    if found.size < 2 or (tz is not None and not is_daily):
        return
    if is_daily and found.size == 2 and found[1] - found[0] == 60:
        return
    names = ", ".join(f"{minutes / 60:+g} h" for minutes in found[:4].tolist())
    raise IngestError(
        f"Rows have different UTC offsets ({names}): when they are one exchange's winter and "
        "summer time, name its zone with --tz; otherwise import the parts one by one."
    )


def _check_zone(
    row: IntArray,
    instant: IntArray,
    offset: IntArray,
    zone: ZoneInfo,
    problems: Problems,
    is_good: BoolArray,
) -> None:
    """Note rows whose own offset is neither UTC nor that of the zone the caller named."""
    expected = (_to_zone(instant, zone) - instant) // MINUTE_MS
    is_foreign = (offset != NO_OFFSET) & (offset != 0) & (offset != expected) & is_good
    for i in np.flatnonzero(is_foreign).tolist():
        is_good[i] = False
        reason = f"has the offset {offset[i] / 60:+g} h; {zone.key} has {expected[i] / 60:+g} h"
        problems.add(int(row[i]), "time", _text(int(instant[i]), is_daily=False), reason)


def _to_zone(instant: IntArray, zone: ZoneInfo) -> IntArray:
    """Return the wall clock in a zone, as milliseconds as if it were UTC."""
    import pandas as pd  # half a second: only where zones are

    index = pd.DatetimeIndex(instant.astype("datetime64[ms]"), tz="UTC").tz_convert(zone)
    return np.asarray(index.tz_localize(None), "datetime64[ms]").astype(np.int64)


def _from_zone(
    wall: IntArray, zone: ZoneInfo, row: IntArray, problems: Problems, is_good: BoolArray
) -> IntArray:
    """Return instants of wall clocks; note those that a change of the clock repeats or skips."""
    import pandas as pd  # half a second: only where zones are

    index = pd.DatetimeIndex(wall.astype("datetime64[ms]"))
    local = index.tz_localize(zone, ambiguous="NaT", nonexistent="NaT").tz_convert("UTC")
    is_lost = np.asarray(local.isna())
    for i in np.flatnonzero(is_lost & is_good).tolist():
        is_good[i] = False
        clock = datetime(1970, 1, 1) + timedelta(milliseconds=int(wall[i]))  # noqa: DTZ001 - a wall clock
        first = clock.replace(tzinfo=zone, fold=0).utcoffset()
        second = clock.replace(tzinfo=zone, fold=1).utcoffset()
        is_repeated = first is not None and second is not None and first > second
        reason = (
            f"happens twice in {zone.key} (summer time ends): write the UTC offset"
            if is_repeated
            else f"does not exist in {zone.key} (summer time begins)"
        )
        problems.add(int(row[i]), "time", clock.isoformat(sep=" "), reason)
    utc = np.asarray(local.tz_localize(None), "datetime64[ms]").astype(np.int64)
    return np.where(is_lost, 0, utc)


def _or(value: int | None, missing: int) -> int:
    return missing if value is None else value


def _text(time_ms: int, *, is_daily: bool) -> str:
    stamp = str(np.datetime64(time_ms, "ms"))
    return stamp[:10] if is_daily else f"{stamp.removesuffix('.000')}Z"


def _zone(tz: str | None) -> ZoneInfo | None:
    if tz is None:
        return None
    try:
        return ZoneInfo(tz)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise IngestError(
            f"Unknown time zone {tz!r}: expected one like America/New_York."
        ) from None
