"""Trading sessions of exchanges; exchange_calendars takes a second to import, so late."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from dataapi.ingest.problems import IngestError
from dataapi.ingest.stamps import DAY_MS
from engine.types import IntArray

DEFAULT = "XNYS"
ALWAYS_OPEN = "24/7"
FX = "fx"
_CODE = re.compile(r"[A-Z0-9_/]{2,16}")
# A calendar fits when nearly all bars stand on its sessions and nearly all sessions have a bar.
_MIN_ON_SESSIONS = 0.995
_MIN_COVERED = 0.95
_MIN_BARS = 20
_FIRST_WEEKEND_DAY = 5
_MARGIN_MS = 7 * DAY_MS


def check_calendar(code: str) -> str:
    """Return a calendar's code when it is known.

    Raises
    ------
    IngestError
        If no exchange has that code.
    """
    if code in {ALWAYS_OPEN, FX}:
        return code
    import exchange_calendars

    if _CODE.fullmatch(code) and code in exchange_calendars.get_calendar_names():
        return code
    raise IngestError(
        f"Unknown calendar {code!r}: expected an exchange's code such as XNYS, 24/7 or fx."
    )


def detect_calendar(time: IntArray, timeframe: str) -> str | None:
    """Return the calendar that daily bars follow: 24/7, XNYS, or None when it cannot be told."""
    if timeframe != "1d" or time.size < _MIN_BARS:
        return None
    weekday = (time // DAY_MS + 3) % 7
    span_days = (int(time[-1]) - int(time[0])) // DAY_MS + 1
    if (weekday >= _FIRST_WEEKEND_DAY).any():
        return ALWAYS_OPEN if time.size >= _MIN_COVERED * span_days else None
    if time.size < 0.6 * span_days:
        return None
    open_days = sessions(DEFAULT, int(time[0]), int(time[-1]))
    n_hits = int(np.isin(time, open_days).sum())
    fits = n_hits >= _MIN_ON_SESSIONS * time.size and n_hits >= _MIN_COVERED * open_days.size
    return DEFAULT if fits else None


def sessions(code: str, first_ms: int, last_ms: int) -> IntArray:
    """Return the session dates from the first to the last day, as UTC ms of their midnight."""
    if code == ALWAYS_OPEN:
        return np.arange(first_ms // DAY_MS, last_ms // DAY_MS + 1, dtype=np.int64) * DAY_MS
    calendar = _calendar(code, first_ms, last_ms)
    if calendar is None:
        return np.empty(0, np.int64)
    days = np.asarray(calendar.sessions.values, "datetime64[ms]").astype(np.int64)
    return days[(days >= first_ms // DAY_MS * DAY_MS) & (days <= last_ms)]


def bar_opens(code: str, first_ms: int, last_ms: int, step_ms: int) -> IntArray:
    """Return when each intraday bar of the regular sessions opens, UTC ms; breaks are left out."""
    if code == ALWAYS_OPEN:
        return np.arange(first_ms, last_ms + 1, step_ms, dtype=np.int64)
    calendar = _calendar(code, first_ms, last_ms)
    if calendar is None:
        return np.empty(0, np.int64)
    parts: list[IntArray] = []
    for name_open, name_close in (("open", "break_start"), ("break_end", "close")):
        opens = np.asarray(calendar.schedule[name_open].values, "datetime64[ms]").astype(np.int64)
        closes = np.asarray(calendar.schedule[name_close].values, "datetime64[ms]").astype(np.int64)
        parts.append(np.stack([opens, closes]))
    missing = np.iinfo(np.int64).min
    has_break = parts[0][1] != missing
    whole = np.stack([parts[0][0], parts[1][1]])[:, ~has_break]
    spans = np.concatenate([whole, *(part[:, has_break] for part in parts)], axis=1)
    stamps = [np.arange(a, b, step_ms, dtype=np.int64) for a, b in spans.T.tolist()]
    stamp = np.unique(np.concatenate(stamps)) if stamps else np.empty(0, np.int64)
    return stamp[(stamp >= first_ms) & (stamp <= last_ms)]


def _calendar(code: str, first_ms: int, last_ms: int) -> Any:
    """Return the calendar around a period, None when it has no session or no record there."""
    import exchange_calendars
    import pandas as pd

    # A calendar of a single day is refused, hence the days around.
    first = pd.Timestamp(first_ms // DAY_MS * DAY_MS - _MARGIN_MS, unit="ms")
    last = pd.Timestamp(last_ms // DAY_MS * DAY_MS + _MARGIN_MS, unit="ms")
    try:
        return exchange_calendars.get_calendar(code, start=first, end=last)
    except (exchange_calendars.errors.NoSessionsError, ValueError):
        return None
