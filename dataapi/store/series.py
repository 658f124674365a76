"""Stored series: the catalogue, their bars, and the one way to change them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import peewee
from peewee import fn

from dataapi.store.bars import (
    canonical,
    read_actions,
    read_columns,
    slice_bars,
    write_actions,
    write_bars,
)
from dataapi.store.cache import BarsCache
from dataapi.store.database import Connections, execute
from dataapi.store.errors import (
    AdjustmentConflictError,
    CorruptDataError,
    NotStoredError,
    SeriesInUseError,
    StoreBusyError,
)
from dataapi.store.fingerprints import fingerprint
from dataapi.store.models import Action, RunSymbol, Series, SeriesVersion
from engine.types import Bars

Row = dict[str, Any]
Merge = Callable[[Bars | None, Bars], Bars]
"""(stored bars or None, given bars) -> the bars to be stored; raises to refuse."""

READ_ATTEMPTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesInfo:
    """A row of the catalogue; times are int64 UTC milliseconds of a bar's open."""

    symbol: str
    timeframe: str
    first_ms: int
    last_ms: int
    n_bars: int
    fingerprint: str
    rev: int
    is_adjusted: bool
    is_synthetic: bool
    is_delisted: bool
    n_splits: int
    n_dividends: int
    lot: float
    calendar: str | None
    tz: str
    source: str
    updated_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesVersionInfo:
    """What a series was after one change."""

    rev: int
    fingerprint: str
    first_ms: int
    last_ms: int
    n_bars: int
    source: str
    created_ms: int


class SeriesStore:
    """Series by (symbol, timeframe); reached as `store.series`."""

    def __init__(self, connections: Connections, *, cache_bytes: int) -> None:
        self._connections = connections
        self.cache = BarsCache(cache_bytes)

    def list(self) -> list[SeriesInfo]:
        """Return the catalogue in order of symbol and timeframe."""
        with self._connections.session() as database:
            rows = _rows(database, Series.select())
        return sorted(rows, key=lambda info: (info.symbol, info.timeframe))

    def get(self, symbol: str, timeframe: str) -> SeriesInfo:
        """Return one row of the catalogue.

        Raises
        ------
        NotStoredError
            If there is no such series.
        """
        with self._connections.session() as database:
            rows = _rows(database, Series.select().where(_is(symbol, timeframe)))
            if not rows:
                raise _not_stored(database, symbol, timeframe)
            return rows[0]

    def bars(
        self,
        symbol: str,
        timeframe: str,
        start_ms: int | None = None,
        end_ms: int | None = None,
        *,
        warm_up_bars: int = 0,
    ) -> Bars:
        """Return stored bars with start_ms ≤ time ≤ end_ms, and their actions.

        Parameters
        ----------
        symbol, timeframe : str
            For example "AAPL" and "1d".
        start_ms, end_ms : int or None
            UTC milliseconds, both inclusive; None is the series' own end.
        warm_up_bars : int
            How many bars before `start_ms` are wanted as well (fewer when there are fewer).

        Returns
        -------
        Bars
            Read-only arrays, shared with every caller in this process; empty when nothing is
            stored in the range. Splits and dividends are those from the first to the last bar
            returned, so that later bars never change an older range.

        Raises
        ------
        NotStoredError
            If there is no such series.
        CorruptDataError
            If stored bytes do not match their checksum.
        """
        with self._connections.session() as database:
            whole = self._whole(database, symbol, timeframe)
        n_bars = whole.time.size
        first = 0 if start_ms is None else int(np.searchsorted(whole.time, start_ms))
        last = n_bars if end_ms is None else int(np.searchsorted(whole.time, end_ms, side="right"))
        return slice_bars(whole, min(max(first - warm_up_bars, 0), last), last)

    def states(self, symbols: Sequence[str], timeframe: str) -> tuple[tuple[object, ...], ...]:
        """Return what tells each stored series from every other state of it, one row a symbol.

        Asked on every submission, so the statement is written out: building it with peewee takes
        several times as long as the database needs to answer it.
        """
        with self._connections.session() as database:
            mark = str(database.param)
            sql = (
                "SELECT symbol, fingerprint, rev, updated_ms FROM series "  # noqa: S608 - marks only
                f"WHERE timeframe = {mark} AND symbol IN ({', '.join([mark] * len(symbols))}) "
                "ORDER BY symbol"
            )
            rows = execute(database, sql, (timeframe, *symbols)).fetchall()
        return tuple(tuple(row) for row in rows)

    def versions(self, symbol: str, timeframe: str) -> tuple[SeriesVersionInfo, ...]:
        """Return what the series was after each change, newest first."""
        with self._connections.session() as database:
            row = _row(database, symbol, timeframe)
            query = (
                SeriesVersion.select(
                    SeriesVersion.rev,
                    SeriesVersion.fingerprint,
                    SeriesVersion.first_ms,
                    SeriesVersion.last_ms,
                    SeriesVersion.n_bars,
                    SeriesVersion.source,
                    SeriesVersion.created_ms,
                )
                .where(SeriesVersion.series == row["id"])
                .order_by(SeriesVersion.rev.desc())
                .dicts()
            )
            return tuple(SeriesVersionInfo(**row) for row in query.execute(database))

    def save(
        self,
        symbol: str,
        timeframe: str,
        bars: Bars,
        *,
        source: str,
        is_adjusted: bool = False,
        is_synthetic: bool = False,
        merge: Merge | None = None,
    ) -> SeriesInfo:
        """Store bars and actions in one transaction: everything, or nothing.

        The series' row is locked, so two processes that append to one series take turns. Chunks
        that the change leaves as they are stay untouched: appending rewrites the open tail only.

        Parameters
        ----------
        symbol, timeframe : str
            The series; it is made when it does not exist.
        bars : Bars
            At least one, valid (`engine.validation.check_bars`). −0.0 is stored as 0.0.
        source : str
            Where the bars come from, for example a file's name.
        is_adjusted, is_synthetic : bool
            Whether prices are already adjusted for splits and dividends; whether they are made.
        merge : callable, optional
            Called inside the lock with (stored or None, given); its result is stored. Without
            it the given bars replace the stored ones, whatever those were.

        Returns
        -------
        SeriesInfo
            The new row; `rev` is one more when bars, actions or terms changed, else unchanged.

        Raises
        ------
        AdjustmentConflictError
            If raw and adjusted bars would be merged.
        """
        with self._connections.transaction() as database:
            row = _locked_row(database, symbol, timeframe)
            stored = self._decode(database, row) if row["n_bars"] else None
            if merge and stored is not None and row["is_adjusted"] != is_adjusted:
                raise AdjustmentConflictError.between(row["is_adjusted"])
            final = canonical(merge(stored, bars) if merge else bars)
            if not final.time.size:
                raise ValueError(f"Expected at least one bar of {symbol} {timeframe}, was none.")
            columns = {
                "fingerprint": fingerprint(final),
                "is_adjusted": is_adjusted,
                "is_synthetic": is_synthetic,
                "is_delisted": final.delisted,
                "lot": final.lot,
                "calendar": final.calendar,
                "tz": final.tz,
            }
            is_same = stored is not None and all(row[k] == value for k, value in columns.items())
            if not is_same or _actions(stored) != _actions(final):
                write_bars(database, row["id"], stored, final)
                write_actions(database, row["id"], final)
                _write_row(database, row, final, columns, source)
            return self.get(symbol, timeframe)

    def delete(self, symbol: str, timeframe: str, *, force: bool = False) -> None:
        """Delete a series with its bars and actions.

        Raises
        ------
        NotStoredError
            If there is no such series.
        SeriesInUseError
            If runs refer to it and `force` is not set. The runs keep their results either way;
            without the bars they can no longer be verified.
        """
        with self._connections.transaction() as database:
            row = _row(database, symbol, timeframe, lock=True)
            run_ids = uses_of_series(database, symbol, timeframe)
            if run_ids and not force:
                shown = ", ".join(run_ids[:3]) + (", …" if len(run_ids) > 3 else "")
                raise SeriesInUseError(
                    f"{symbol} {timeframe} is used by {len(run_ids)} run"
                    f"{'' if len(run_ids) == 1 else 's'} ({shown}): delete those first, "
                    "or force it.",
                    run_ids=run_ids,
                )
            Series.delete().where(Series.id == row["id"]).execute(database)

    def _whole(self, database: peewee.Database, symbol: str, timeframe: str) -> Bars:
        """Return all bars of a series as they were at one instant.

        Row, chunks and actions are read by separate statements; when somebody saved in between,
        the row's rev tells, and all is read again. A transaction would be simpler, but on SQLite
        it would take the write lock.
        """
        for _ in range(READ_ATTEMPTS):
            row = _row(database, symbol, timeframe)
            damage: CorruptDataError | None = None
            try:
                bars = self._decode(database, row)
            except CorruptDataError as error:
                damage = error
            after = _row(database, symbol, timeframe)
            if (row["id"], row["rev"]) != (after["id"], after["rev"]):
                continue
            if damage is not None:
                raise damage
            self.cache.put(row["fingerprint"], bars)
            return bars
        raise StoreBusyError(f"{symbol} {timeframe} is being changed all the time: try again.")

    def _decode(self, database: peewee.Database, row: Row) -> Bars:
        """Return the bars of a row; their columns may come from the cache."""
        columns: dict[str, Any] | None = self.cache.get(row["fingerprint"])
        if columns is None:
            where = f"{row['symbol']} {row['timeframe']}"
            columns = read_columns(database, row["id"], row["n_bars"], where=where)
        splits, dividends = read_actions(database, row["id"])
        return Bars(
            **columns,
            splits=splits or None,
            dividends=dividends or None,
            lot=row["lot"],
            delisted=row["is_delisted"],
            calendar=row["calendar"],
            tz=row["tz"],
        )


def uses_of_series(database: peewee.Database, symbol: str, timeframe: str) -> tuple[str, ...]:
    """Return the ids of the runs that used a series, in order."""
    query = (
        RunSymbol.select(RunSymbol.run)
        .where((RunSymbol.symbol == symbol) & (RunSymbol.timeframe == timeframe))
        .order_by(RunSymbol.run)
        .distinct()
        .tuples()
    )
    return tuple(run_id for (run_id,) in query.execute(database))


def _is(symbol: str, timeframe: str) -> peewee.Expression:
    return (Series.symbol == symbol) & (Series.timeframe == timeframe)


def _row(database: peewee.Database, symbol: str, timeframe: str, *, lock: bool = False) -> Row:
    query = Series.select().where(_is(symbol, timeframe))
    if lock and database.for_update:
        query = query.for_update()
    rows: list[Row] = list(query.dicts().execute(database))
    if not rows:
        raise _not_stored(database, symbol, timeframe)
    return rows[0]


def _locked_row(database: peewee.Database, symbol: str, timeframe: str) -> Row:
    """Return the series' row, made when it is missing, locked until the transaction ends."""
    Series.insert(
        symbol=symbol,
        timeframe=timeframe,
        first_ms=0,
        last_ms=0,
        n_bars=0,
        fingerprint="",
        rev=0,
        is_adjusted=False,
        is_synthetic=False,
        is_delisted=False,
        lot=1.0,
        tz="UTC",
        source="",
        updated_ms=0,
    ).on_conflict_ignore().execute(database)
    return _row(database, symbol, timeframe, lock=True)


def _write_row(database: peewee.Database, row: Row, bars: Bars, columns: Row, source: str) -> None:
    """Write what the series is now, and a line of its history."""
    now_ms = time.time_ns() // 1_000_000
    change = {
        "rev": row["rev"] + 1,
        "first_ms": int(bars.time[0]),
        "last_ms": int(bars.time[-1]),
        "n_bars": bars.time.size,
        "source": source,
    }
    Series.update(**columns, **change, updated_ms=now_ms).where(Series.id == row["id"]).execute(
        database
    )
    SeriesVersion.insert(
        series=row["id"], fingerprint=columns["fingerprint"], created_ms=now_ms, **change
    ).execute(database)


def _actions(bars: Bars | None) -> tuple[object, object]:
    return (None, None) if bars is None else (bars.splits, bars.dividends)


def _rows(database: peewee.Database, query: Any) -> list[SeriesInfo]:
    count = (
        Action.select(Action.series, Action.kind, fn.COUNT(Action.value))
        .group_by(Action.series, Action.kind)
        .tuples()
    )
    n_actions = {(series, kind): n for series, kind, n in count.execute(database)}
    return [
        SeriesInfo(
            **{name: value for name, value in row.items() if name != "id"},
            n_splits=n_actions.get((row["id"], "split"), 0),
            n_dividends=n_actions.get((row["id"], "dividend"), 0),
        )
        for row in query.dicts().execute(database)
    ]


def _not_stored(database: peewee.Database, symbol: str, timeframe: str) -> NotStoredError:
    query = Series.select(Series.symbol, Series.timeframe).tuples()
    stored = sorted(query.execute(database))
    same = [known for name, known in stored if name == symbol]
    if same:
        hint = f"stored timeframes of {symbol}: {', '.join(same)}."
    elif stored:
        names = sorted({name for name, _ in stored})
        hint = f"stored: {', '.join(names[:10])}{', …' if len(names) > 10 else ''}."
    else:
        hint = "nothing is stored yet; import a CSV file first."
    return NotStoredError(f"No bars of {symbol} {timeframe}: {hint}")
