"""What is doubtful about stored bars: found, counted, shown, and never changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from dataapi.ingest.calendars import FX, bar_opens, sessions
from dataapi.ingest.stamps import DAY_MS
from dataapi.ingest.times import timeframe_ms
from engine.types import Bars, BoolArray, IntArray

Level = Literal["pass", "info", "doubt", "not_run"]

MAX_EXAMPLES = 20
OUTLIER_SIGMAS = 12.0
STALE_BARS = 5
SPLIT_RATIOS = (2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 20.0, 1.5)
SPLIT_TOLERANCE = 0.03
MAX_MARKET_BREAK_DAYS = 10
_MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of one check; examples are the first or the largest, at most twenty."""

    kind: str
    level: Level
    count: int
    text: str
    examples: tuple[dict[str, Any], ...] = ()

    def document(self) -> dict[str, Any]:
        """Return the finding as JSON."""
        return {
            "kind": self.kind,
            "level": self.level,
            "count": self.count,
            "text": self.text,
            "examples": list(self.examples),
        }


def quality(bars: Bars, timeframe: str) -> list[Finding]:
    """Return every check on valid bars.

    Order, duplicates and impossible prices cannot be stored, so those pass by construction; they
    are listed because a reader looks for them.
    """
    return [
        _passed("order", "Times increase, no bar is there twice."),
        _passed("prices", "High and low enclose open and close, no price is zero or missing."),
        *_gaps(bars, timeframe),
        _outliers(bars, timeframe),
        _split_like(bars, timeframe),
        _stale(bars, timeframe),
        _zero_volume(bars, timeframe),
    ]


def coverage(bars: Bars, timeframe: str) -> list[dict[str, str]]:
    """Return the stretches without a break of more than ten days (three bars when longer)."""
    limit = max(MAX_MARKET_BREAK_DAYS * DAY_MS, 3 * timeframe_ms(timeframe))
    starts = np.concatenate([[0], np.flatnonzero(np.diff(bars.time) > limit) + 1])
    ends = np.concatenate([starts[1:] - 1, [bars.time.size - 1]])
    return [
        {"from": _text(bars.time[a], timeframe), "to": _text(bars.time[b], timeframe)}
        for a, b in zip(starts, ends, strict=True)
    ]


def _gaps(bars: Bars, timeframe: str) -> list[Finding]:
    is_intraday = not timeframe.endswith(("d", "w", "mo"))
    if bars.calendar is None or bars.calendar == FX or timeframe.endswith(("w", "mo")):
        return [_long_breaks(bars, timeframe)]
    first, last = int(bars.time[0]), int(bars.time[-1])
    if is_intraday:
        expected = bar_opens(bars.calendar, first, last, timeframe_ms(timeframe))
    elif timeframe == "1d":
        expected = sessions(bars.calendar, first, last)
    else:
        return [_long_breaks(bars, timeframe)]
    if not expected.size:
        text = f"The calendar {bars.calendar} has no record of this period."
        return [Finding(kind="gaps", level="not_run", count=0, text=text)]
    missing = expected[~np.isin(expected, bars.time)]
    findings = [_missing_bars(missing, expected.size, bars.calendar, timeframe)]
    if not is_intraday:
        findings.append(_closed_days(bars.time[~np.isin(bars.time, expected)], bars.calendar))
    return findings


def _missing_bars(missing: IntArray, n_expected: int, calendar: str, timeframe: str) -> Finding:
    if not missing.size:
        return _passed("gaps", f"Every bar of the calendar {calendar} is there.")
    examples = tuple({"time": _text(t, timeframe)} for t in missing[:MAX_EXAMPLES])
    text = (
        f"{missing.size:,} of {n_expected:,} bars that the calendar {calendar} expects are "
        f"missing, first {examples[0]['time']}."
    )
    return Finding(kind="gaps", level="doubt", count=missing.size, text=text, examples=examples)


def _closed_days(extra: IntArray, calendar: str) -> Finding:
    if not extra.size:
        return _passed("closed_days", f"No bar stands on a day when {calendar} was closed.")
    examples = tuple({"time": _text(t, "1d")} for t in extra[:MAX_EXAMPLES])
    text = f"Bars on days when {calendar} was closed: {extra.size:,}, first {examples[0]['time']}."
    return Finding(
        kind="closed_days", level="doubt", count=extra.size, text=text, examples=examples
    )


def _long_breaks(bars: Bars, timeframe: str) -> Finding:
    limit = max(MAX_MARKET_BREAK_DAYS * DAY_MS, 3 * timeframe_ms(timeframe))
    i_before = np.flatnonzero(np.diff(bars.time) > limit)
    if not i_before.size:
        return _passed("gaps", "No break is longer than holidays explain.")
    examples = tuple(
        {"from": _text(bars.time[i], timeframe), "to": _text(bars.time[i + 1], timeframe)}
        for i in i_before[:MAX_EXAMPLES]
    )
    text = (
        f"Breaks longer than holidays explain: {i_before.size:,}, first from "
        f"{examples[0]['from']} to {examples[0]['to']}."
    )
    return Finding(kind="gaps", level="doubt", count=i_before.size, text=text, examples=examples)


def _outliers(bars: Bars, timeframe: str) -> Finding:
    """Find returns beyond twelve robust sigmas, splits taken out; real crashes are among them."""
    returns = np.diff(np.log(bars.close)) + np.log(_split_steps(bars))[1:]
    if returns.size < 20:
        return Finding(kind="outliers", level="not_run", count=0, text="Fewer than 20 returns.")
    centre = float(np.median(returns))
    sigma = _MAD_TO_SIGMA * float(np.median(np.abs(returns - centre)))
    distance = np.abs(returns - centre)
    found = np.flatnonzero(distance > OUTLIER_SIGMAS * sigma) if sigma > 0.0 else np.array([], int)
    if not found.size:
        return _passed("outliers", "No return is further out than twelve robust sigmas.")
    largest = found[np.argsort(-distance[found], kind="stable")]
    examples = tuple(
        {"time": _text(bars.time[i + 1], timeframe), "return": float(np.expm1(returns[i]))}
        for i in largest[:MAX_EXAMPLES]
    )
    text = (
        f"Returns beyond twelve robust sigmas: {found.size:,}, the largest "
        f"{examples[0]['return']:+.1%} at {examples[0]['time']}: real, or a bad price?"
    )
    return Finding(kind="outliers", level="info", count=found.size, text=text, examples=examples)


def _split_like(bars: Bars, timeframe: str) -> Finding:
    """Find opens near a simple fraction of the close before, without a stored split."""
    step = bars.close[:-1] / bars.open[1:]
    ratios = np.array([*SPLIT_RATIOS, *(1.0 / ratio for ratio in SPLIT_RATIOS)])
    is_near = (np.abs(step[:, None] / ratios - 1.0) < SPLIT_TOLERANCE).any(axis=1)
    found = np.flatnonzero(is_near & (_split_steps(bars)[1:] == 1.0))
    if not found.size:
        return _passed("splits", "No jump looks like a split that is not stored.")
    examples = tuple(
        {"time": _text(bars.time[i + 1], timeframe), "ratio": float(step[i])}
        for i in found[:MAX_EXAMPLES]
    )
    text = (
        f"Jumps that look like splits but are not stored: {found.size:,}, first at "
        f"{examples[0]['time']} (ratio {examples[0]['ratio']:.3f})."
    )
    return Finding(kind="splits", level="doubt", count=found.size, text=text, examples=examples)


def _stale(bars: Bars, timeframe: str) -> Finding:
    same = np.ones(max(bars.time.size - 1, 0), np.bool_)
    for name in ("open", "high", "low", "close"):
        column = getattr(bars, name)
        same &= column[1:] == column[:-1]
    starts, lengths = _runs(same)
    is_long = lengths + 1 >= STALE_BARS
    if not is_long.any():
        return _passed("stale", f"Prices never repeat over {STALE_BARS} bars.")
    examples = tuple(
        {"from": _text(bars.time[a], timeframe), "bars": int(n) + 1}
        for a, n in list(zip(starts[is_long], lengths[is_long], strict=True))[:MAX_EXAMPLES]
    )
    text = (
        f"Stretches of {STALE_BARS} or more bars with the same prices: {int(is_long.sum()):,}, "
        f"first from {examples[0]['from']}."
    )
    count = int(is_long.sum())
    return Finding(kind="stale", level="doubt", count=count, text=text, examples=examples)


def _zero_volume(bars: Bars, timeframe: str) -> Finding:
    found = np.flatnonzero(bars.volume == 0.0)
    if not found.size:
        return _passed("volume", "Every bar has volume.")
    examples = tuple({"time": _text(bars.time[i], timeframe)} for i in found[:MAX_EXAMPLES])
    text = f"{found.size:,} of {bars.time.size:,} bars have no volume."
    return Finding(kind="volume", level="info", count=found.size, text=text, examples=examples)


def _split_steps(bars: Bars) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the split ratio that acts at each bar, 1.0 where there is none."""
    steps = np.ones(bars.time.size)
    for time_ms, ratio in bars.splits or ():
        i = int(np.searchsorted(bars.time, time_ms))
        if i < steps.size:
            steps[i] *= ratio
    return steps


def _runs(flags: BoolArray) -> tuple[IntArray, IntArray]:
    """Return where each run of True begins, and how long it is."""
    edges = np.diff(np.concatenate([[0], flags.astype(np.int8), [0]]))
    starts = np.flatnonzero(edges == 1)
    return starts, np.flatnonzero(edges == -1) - starts


def _passed(kind: str, text: str) -> Finding:
    return Finding(kind=kind, level="pass", count=0, text=text)


def _text(time_ms: int | np.int64, timeframe: str) -> str:
    text = str(np.datetime64(int(time_ms), "ms"))
    if timeframe.endswith(("d", "w", "mo")):
        return text[:10]
    return text.removesuffix(".000") + "Z"
