"""The catalogue: what is stored, its bars at any level of detail, and what is doubtful about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dataapi import wire
from dataapi.ingest.quality import coverage, quality
from dataapi.ingest.stamps import DAY_MS
from dataapi.ingest.times import timeframe_ms
from dataapi.services.documents import Document
from dataapi.store import SeriesInfo, SeriesVersionInfo, Store
from engine.types import Bars, IntArray, Table

_MINUTE_MS = 60_000
_WEEK_MS = 7 * DAY_MS
# Weeks begin on Monday; day 0 of 1970 was a Thursday.
_MONDAY_MS = 4 * DAY_MS
BUCKETS_MS = (
    *(n * 1000 for n in (1, 2, 5, 10, 15, 30)),
    *(n * _MINUTE_MS for n in (1, 2, 3, 5, 10, 15, 30, 60, 120, 240, 480, 720)),
    *(n * DAY_MS for n in (1, 2)),
    *(n * _WEEK_MS for n in (1, 2, 4, 8, 13, 26, 52, 104, 260, 520)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BarColumns:
    """Bars for a chart; `bucket_ms` is 0 when every column value is one stored bar."""

    columns: Table
    bucket_ms: int
    fingerprint: str


def list_series(store: Store) -> list[Document]:
    """Return one item for each stored series."""
    return [series_item(info) for info in store.series.list()]


def series_item(info: SeriesInfo) -> Document:
    """Return a row of the catalogue as it is answered."""
    return {
        "symbol": info.symbol,
        "timeframe": info.timeframe,
        "first": wire.iso_stamp(info.first_ms, info.timeframe),
        "last": wire.iso_stamp(info.last_ms, info.timeframe),
        "bars": info.n_bars,
        "fingerprint": info.fingerprint,
        "adjusted": info.is_adjusted,
        "splits": info.n_splits,
        "dividends": info.n_dividends,
        "calendar": info.calendar,
        "tz": info.tz,
        "lot": info.lot,
        "delisted": info.is_delisted,
        "source": info.source,
        "synthetic": info.is_synthetic,
        "updated": wire.iso_instant(info.updated_ms),
    }


def series_document(store: Store, symbol: str, timeframe: str) -> Document:
    """Return one series with its actions, covered stretches and versions.

    Raises
    ------
    NotStoredError
        If there is no such series.
    """
    info = store.series.get(symbol, timeframe)
    bars = store.series.bars(symbol, timeframe)
    return {
        **series_item(info),
        "actions": actions(bars, timeframe),
        "coverage": coverage(bars, timeframe),
        "versions": [
            _version_item(version, timeframe)
            for version in store.series.versions(symbol, timeframe)
        ],
    }


def actions(bars: Bars, timeframe: str) -> list[Document]:
    """Return splits and dividends in order of time, a split before a dividend of its day."""
    found = [
        (time_ms, kind, value)
        for kind, pairs in (("split", bars.splits), ("dividend", bars.dividends))
        for time_ms, value in pairs or ()
    ]
    return [
        {"time": wire.iso_stamp(time_ms, timeframe), "kind": kind, "value": value}
        for time_ms, kind, value in sorted(found, key=lambda action: action[0])
    ]


def bar_columns(
    store: Store,
    symbol: str,
    timeframe: str,
    *,
    from_ms: int | None = None,
    to_ms: int | None = None,
    points: int | None = None,
) -> BarColumns:
    """Return stored bars from … to (inclusive), aggregated to at most `points`.

    A bucket has the first open, the extremes, the last close and the mean volume of its bars, and
    begins at an absolute edge, so that a moved view shows the same buckets.

    Raises
    ------
    NotStoredError
        If there is no such series.
    """
    info = store.series.get(symbol, timeframe)
    bars = store.series.bars(symbol, timeframe, from_ms, to_ms)
    names = ("time", "open", "high", "low", "close", "volume")
    columns = {name: getattr(bars, name) for name in names}
    bucket_ms = 0
    if points is not None and bars.time.size > max(points, 1):
        bucket_ms = _bucket_ms(bars.time, timeframe, max(points, 1))
        columns = _aggregated(bars, _edges(bars.time, bucket_ms))
    return BarColumns(columns=columns, bucket_ms=bucket_ms, fingerprint=info.fingerprint)


def quality_document(store: Store, symbol: str, timeframe: str) -> Document:
    """Return every check on a stored series.

    Raises
    ------
    NotStoredError
        If there is no such series.
    """
    info = store.series.get(symbol, timeframe)
    findings = quality(store.series.bars(symbol, timeframe), timeframe)
    return {
        "symbol": symbol,
        "timeframe": timeframe,
        "fingerprint": info.fingerprint,
        "bars": info.n_bars,
        "calendar": info.calendar,
        "checks": [finding.document() for finding in findings],
        "doubts": sum(finding.level == "doubt" for finding in findings),
    }


def _version_item(version: SeriesVersionInfo, timeframe: str) -> Document:
    return {
        "rev": version.rev,
        "fingerprint": version.fingerprint,
        "first": wire.iso_stamp(version.first_ms, timeframe),
        "last": wire.iso_stamp(version.last_ms, timeframe),
        "bars": version.n_bars,
        "source": version.source,
        "created": wire.iso_instant(version.created_ms),
    }


def _bucket_ms(time: IntArray, timeframe: str, points: int) -> int:
    """Return the smallest bucket that leaves at most `points` of them."""
    at_least = max(timeframe_ms(timeframe) * time.size // points, timeframe_ms(timeframe))
    for bucket_ms in BUCKETS_MS:
        if bucket_ms >= at_least and np.unique(_edges(time, bucket_ms)).size <= points:
            return bucket_ms
    bucket_ms = BUCKETS_MS[-1]
    while np.unique(_edges(time, bucket_ms)).size > points:
        bucket_ms *= 2
    return bucket_ms


def _edges(time: IntArray, bucket_ms: int) -> IntArray:
    origin = _MONDAY_MS if bucket_ms % _WEEK_MS == 0 else 0
    return (time - origin) // bucket_ms * bucket_ms + origin


def _aggregated(bars: Bars, edges: IntArray) -> Table:
    starts = np.concatenate([[0], np.flatnonzero(np.diff(edges)) + 1])
    counts = np.diff(np.concatenate([starts, [edges.size]]))
    return {
        "time": edges[starts],
        "open": bars.open[starts],
        "high": np.maximum.reduceat(bars.high, starts),
        "low": np.minimum.reduceat(bars.low, starts),
        "close": bars.close[starts + counts - 1],
        "volume": np.add.reduceat(bars.volume, starts) / counts,
    }
