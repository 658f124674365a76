"""Bars and actions of one series as rows: chunks of compressed columns, and a row per action."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any

import numpy as np
import peewee
import psycopg

from dataapi.store import chunks
from dataapi.store.database import execute
from dataapi.store.errors import CorruptDataError
from dataapi.store.fingerprints import normalised
from dataapi.store.models import Action, Chunk
from engine.types import Bars, Table

Actions = tuple[tuple[int, float], ...]

_SELECT_CHUNKS = (
    "SELECT first_ms, n_bars, codec, crc32, time, open, high, low, close, volume "
    "FROM chunk WHERE series_id = {parameter} ORDER BY first_ms"
)


def read_columns(database: peewee.Database, series_id: int, n_bars: int, *, where: str) -> Table:
    """Return all columns of a series: one query, and no Python per bar.

    Raises
    ------
    CorruptDataError
        If a chunk is damaged or missing.
    """
    columns = chunks.empty_columns(n_bars)
    end = 0
    # One thread: pcodec leaves the GIL, but two threads gained nothing over a million bars (35 ms
    # to 34 ms), because the blobs are small.
    for _, size, codec, crc32, *blobs in _chunk_rows(database, series_id):
        begin, end = end, end + size
        if end > n_bars:
            break
        out = [columns[name][begin:end] for name in chunks.COLUMNS]
        chunks.decode_chunk(blobs, codec, crc32, out, where)
    if end != n_bars:
        raise CorruptDataError(f"{where}: the stored chunks hold {end} of {n_bars} bars.")
    return columns


def write_bars(database: peewee.Database, series_id: int, stored: Bars | None, bars: Bars) -> None:
    """Replace the chunks of a series from the first bar on that differs from `stored`.

    Full chunks before it stay as they are; so an append rewrites the open tail only.
    """
    first = 0
    if stored is not None:
        first = _common_bars(stored, bars) // chunks.MAX_BARS * chunks.MAX_BARS
    delete = Chunk.delete().where(Chunk.series == series_id)
    if stored is not None and first < stored.time.size:
        delete = delete.where(Chunk.first_ms >= int(stored.time[first]))
        delete.execute(database)
    for begin in range(first, bars.time.size, chunks.MAX_BARS):
        part = slice(begin, begin + chunks.MAX_BARS)
        columns = {name: getattr(bars, name)[part] for name in chunks.COLUMNS}
        Chunk.insert(
            series=series_id,
            first_ms=int(columns["time"][0]),
            n_bars=columns["time"].size,
            **chunks.encode_chunk(columns),
        ).execute(database)


def read_actions(database: peewee.Database, series_id: int) -> tuple[Actions, Actions]:
    """Return the splits and the dividends of a series in order of time."""
    query = (
        Action.select(Action.time_ms, Action.kind, Action.value)
        .where(Action.series == series_id)
        .order_by(Action.time_ms)
        .tuples()
    )
    rows = list(query.execute(database))
    splits = tuple((time_ms, value) for time_ms, kind, value in rows if kind == "split")
    dividends = tuple((time_ms, value) for time_ms, kind, value in rows if kind == "dividend")
    return splits, dividends


def write_actions(database: peewee.Database, series_id: int, bars: Bars) -> None:
    """Replace the actions of a series."""
    Action.delete().where(Action.series == series_id).execute(database)
    rows = [
        {"series": series_id, "time_ms": int(time_ms), "kind": kind, "value": float(value)}
        for kind, pairs in (("split", bars.splits), ("dividend", bars.dividends))
        for time_ms, value in pairs or ()
    ]
    for begin in range(0, len(rows), 200):
        Action.insert_many(rows[begin : begin + 200]).execute(database)


def canonical(bars: Bars) -> Bars:
    """Return the same bars as they are stored: contiguous arrays, −0.0 as 0.0, sorted actions."""
    return Bars(
        time=np.ascontiguousarray(bars.time, np.int64),
        open=normalised(bars.open),
        high=normalised(bars.high),
        low=normalised(bars.low),
        close=normalised(bars.close),
        volume=normalised(bars.volume),
        splits=_sorted(bars.splits),
        dividends=_sorted(bars.dividends),
        lot=float(bars.lot),
        delisted=bars.delisted,
        calendar=bars.calendar,
        tz=bars.tz,
    )


def slice_bars(bars: Bars, first: int, last: int) -> Bars:
    """Return bars first … last − 1 as views, with the actions from the first to the last."""
    time = bars.time[first:last]
    return Bars(
        time=time,
        open=bars.open[first:last],
        high=bars.high[first:last],
        low=bars.low[first:last],
        close=bars.close[first:last],
        volume=bars.volume[first:last],
        splits=_between(bars.splits, time),
        dividends=_between(bars.dividends, time),
        lot=bars.lot,
        delisted=bars.delisted and last == bars.time.size,
        calendar=bars.calendar,
        tz=bars.tz,
    )


def _chunk_rows(database: peewee.Database, series_id: int) -> Iterator[tuple[Any, ...]]:
    query = _SELECT_CHUNKS.format(parameter=database.param)
    try:
        if isinstance(database, peewee.SqliteDatabase):
            yield from execute(database, query, (series_id,))
            return
        # Binary results: as text a blob would travel in hexadecimal, at twice its size.
        connection = database.connection()  # type: ignore[no-untyped-call]
        with closing(connection.cursor(binary=True)) as cursor:
            yield from cursor.execute(query, (series_id,))
    except (sqlite3.DatabaseError, psycopg.Error) as error:
        # peewee translates what it executes, not what is iterated or executed beside it.
        raise peewee.OperationalError(str(error)) from error


def _common_bars(stored: Bars, bars: Bars) -> int:
    """Return how many first bars are the same."""
    n_bars = min(stored.time.size, bars.time.size)
    same = np.ones(n_bars, np.bool_)
    for name in chunks.COLUMNS:
        same &= getattr(stored, name)[:n_bars] == getattr(bars, name)[:n_bars]
    return n_bars if same.all() else int(np.argmin(same))


def _sorted(actions: Iterable[tuple[int, float]] | None) -> Actions | None:
    return tuple(sorted((int(t), float(value)) for t, value in actions or ())) or None


def _between(actions: Actions | None, time: np.typing.NDArray[np.int64]) -> Actions | None:
    if not actions or not time.size:
        return None
    return tuple(a for a in actions if time[0] <= a[0] <= time[-1]) or None
