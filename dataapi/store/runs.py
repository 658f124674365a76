"""Stored runs: immutable content that is shared, and beside it what a person says about it."""

from __future__ import annotations

import json
import math
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import peewee
from peewee import fn

from dataapi import frames
from dataapi.store.analyses import KIND
from dataapi.store.database import Connections
from dataapi.store.errors import CorruptDataError, InvalidQueryError, NotStoredError, StoreError
from dataapi.store.jobs import add_job, lock_jobs_of
from dataapi.store.models import Run, RunBlob, RunEntry, RunSymbol
from dataapi.store.run_list import (
    MAX_LIMIT,
    METRICS,
    RunQuery,
    encode_cursor,
    filters,
    parts,
    reads_runs,
    sorted_by,
)
from dataapi.store.series import uses_of_series
from dataapi.store.trials import NewTrials, put_trials
from engine.types import Table

INSERT_ATTEMPTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A finished run, to be stored.

    Parameters
    ----------
    id, key : str
        See `interfaces`: the key is the identity, the id its first 12 base58 characters.
    strategy : str
        Name of the strategy, for the list.
    params_text : str
        The parameters in a few words, for the list ("fast 10, slow 30").
    data : tuple of (symbol, fingerprint)
        In the order of the configuration.
    metrics : mapping
        All metrics; those of `run_list.METRICS` become columns, NaN and infinity null.
    summary : mapping
        Whatever else a row of the list shows (sparkline, badges); JSON.
    document : mapping
        The run document as it will be answered; JSON, no NaN.
    tables : mapping of str to columns
        Equity, orders, fills, trades, … by kind; what `RunStore.table` gives back.
    trials : NewTrials or None
        What the run adds to the trial ledger.
    """

    id: str
    key: str
    strategy: str
    timeframe: str
    status: str
    engine_version: str
    first_ms: int
    last_ms: int
    data: tuple[tuple[str, str], ...]
    metrics: Mapping[str, float | int | None]
    document: Mapping[str, Any]
    tables: Mapping[str, Table]
    params_text: str = ""
    summary: Mapping[str, Any] = field(default_factory=dict)
    trials: NewTrials | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """The immutable content of a run without its tables; `document` is JSON text."""

    id: str
    key: str
    strategy: str
    timeframe: str
    status: str
    engine_version: str
    first_ms: int
    last_ms: int
    created_ms: int
    document: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAbout:
    """What a person says about a run."""

    name: str
    tags: tuple[str, ...]
    note: str
    is_starred: bool
    created_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunListItem:
    """A row of the list of runs; `created_ms` is when this person first asked for it."""

    id: str
    name: str
    tags: tuple[str, ...]
    is_starred: bool
    created_ms: int
    strategy: str
    params_text: str
    symbols: tuple[str, ...]
    timeframe: str
    first_ms: int
    last_ms: int
    status: str
    engine_version: str
    metrics: dict[str, float | int | None]
    summary: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPage:
    """One page of the list; `total` counts all runs that match."""

    items: list[RunListItem]
    next_cursor: str | None
    total: int


class RunStore:
    """Runs by id; reached as `store.runs`.

    `owner` is the person whose entry is meant; "" as long as nobody logs in.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def insert(self, run: NewRun, *, name: str = "", owner: str = "") -> tuple[StoredRun, bool]:
        """Store a run, its owner's entry and its job; return it, and whether its content is new.

        The key is unique: the same run twice, even from two processes at once, is one row, and
        the first one's content stays. `name` counts only when the owner had no entry yet.
        """
        for _ in range(INSERT_ATTEMPTS):
            with self._connections.transaction() as database:
                is_new = _insert_content(database, run)
                if is_new:
                    add_job(database, KIND, subject=run.id, run_id=run.id)
                    if run.trials is not None:
                        put_trials(database, run.trials)
                stored = _content(database, Run.key == run.key, lock=True)
                if stored is not None:
                    _insert_entry(database, stored.id, name, owner)
                    return stored, is_new
            # Somebody deleted the run between our insert, which found it, and our select.
        raise StoreError(f"Run {run.id} cannot be stored: another run has the same id.")

    def get_by_key(self, key: str) -> StoredRun | None:
        """Return the run of a key, or None: then it was never computed, or was deleted.

        Content of which nobody has an entry counts as deleted: it may go at any moment (`pruning`),
        and `insert` gives it an entry again.
        """
        entry = RunEntry.select(peewee.SQL("1")).where(RunEntry.run == Run.id)
        with self._connections.session() as database:
            return _content(database, (Run.key == key) & fn.EXISTS(entry))

    def get(self, run_id: str) -> StoredRun:
        """Return a run.

        Raises
        ------
        NotStoredError
            If there is no such run.
        """
        with self._connections.session() as database:
            stored = _content(database, Run.id == run_id)
        if stored is None:
            raise _not_stored(run_id)
        return stored

    def table(self, run_id: str, kind: str) -> Table:
        """Return a table of a run, as it was given to `insert`.

        Raises
        ------
        NotStoredError
            If there is no such run, or the run has no such table.
        CorruptDataError
            If the stored bytes do not match their checksum.
        """
        query = (
            RunBlob.select(RunBlob.crc32, RunBlob.data)
            .where((RunBlob.run == run_id) & (RunBlob.kind == kind))
            .tuples()
        )
        with self._connections.session() as database:
            rows = list(query.execute(database))
        if not rows:
            self.get(run_id)
            raise NotStoredError(f"Run {run_id} has no {kind}.")
        crc32, data = rows[0]
        if zlib.crc32(data) != crc32:
            raise CorruptDataError(
                f"Run {run_id}: the stored {kind} are damaged (checksum differs). "
                "Restore a backup, or delete the run and compute it again."
            )
        return frames.decode(bytes(data))

    def list(self, query: RunQuery | None = None, *, owner: str = "") -> RunPage:
        """Return one page of the owner's runs.

        Raises
        ------
        InvalidQueryError
            If the sort key is unknown, the cursor of another list, or the limit out of range.
        """
        query = RunQuery() if query is None else query
        if not 1 <= query.limit <= MAX_LIMIT:
            raise InvalidQueryError(f"Expected limit in 1 … {MAX_LIMIT}, was {query.limit}.")
        column, conditions = sorted_by(query.sort), filters(query, owner)
        base = RunEntry.select().join(Run)
        # Every entry has its run: counting them is several times faster without looking it up.
        counted = base if reads_runs(query) else RunEntry.select()
        total = counted.select(fn.COUNT(RunEntry.id)).where(*conditions).tuples()
        columns = [getattr(Run, name) for name in (*_ITEM_COLUMNS, *METRICS)]
        entry = (RunEntry.name, RunEntry.tags, RunEntry.is_starred, RunEntry.created_ms)
        found = base.select(
            *columns, *entry, RunEntry.id.alias("entry_id"), column.alias("sorted")
        ).where(*conditions)
        rows: list[dict[str, Any]] = []
        with self._connections.session() as database:
            for part in parts(query):
                page = found.where(*part.conditions) if part.conditions else found
                n_left = query.limit + 1 - len(rows)
                if n_left:
                    page = page.order_by(*part.terms).limit(n_left).dicts()
                    rows += page.execute(database)
            (n_all,) = total.execute(database)[0]
        next_cursor = None
        if len(rows) > query.limit:
            last = rows[query.limit - 1]
            next_cursor = encode_cursor(query.sort, last["sorted"], last["entry_id"])
        items = [_item(row) for row in rows[: query.limit]]
        return RunPage(items=items, next_cursor=next_cursor, total=n_all)

    def about(self, run_id: str, *, owner: str = "") -> RunAbout:
        """Return what the owner says about a run.

        Raises
        ------
        NotStoredError
            If there is no such run. A run that only others have is answered with an empty entry.
        """
        query = RunEntry.select().where((RunEntry.run == run_id) & (RunEntry.owner == owner))
        with self._connections.session() as database:
            rows = list(query.dicts().execute(database))
        if not rows:
            return RunAbout(
                name="",
                tags=(),
                note="",
                is_starred=False,
                created_ms=self.get(run_id).created_ms,
            )
        row = rows[0]
        return RunAbout(
            name=row["name"],
            tags=tuple(json.loads(row["tags"])),
            note=row["note"],
            is_starred=row["is_starred"],
            created_ms=row["created_ms"],
        )

    def patch(
        self,
        run_id: str,
        *,
        name: str | None = None,
        tags: tuple[str, ...] | None = None,
        note: str | None = None,
        is_starred: bool | None = None,
        owner: str = "",
    ) -> RunAbout:
        """Change what is given of the owner's entry, made when it is missing; return it.

        Raises
        ------
        NotStoredError
            If there is no such run.
        """
        changes: dict[str, object] = {
            key: value
            for key, value in (("name", name), ("note", note), ("is_starred", is_starred))
            if value is not None
        }
        if tags is not None:
            changes["tags"] = json.dumps(sorted(set(tags)), ensure_ascii=False)
        with self._connections.transaction() as database:
            if _content(database, Run.id == run_id, lock=True) is None:
                raise _not_stored(run_id)
            _insert_entry(database, run_id, "", owner)
            if changes:
                RunEntry.update(**changes).where(
                    (RunEntry.run == run_id) & (RunEntry.owner == owner)
                ).execute(database)
            return self.about(run_id, owner=owner)

    def delete(self, run_id: str, *, owner: str = "") -> None:
        """Delete the owner's entry; the content goes when nobody else refers to it.

        Raises
        ------
        NotStoredError
            If there is no such run.
        """
        with self._connections.transaction() as database:
            lock_jobs_of(database, [run_id])
            if _content(database, Run.id == run_id, lock=True) is None:
                raise _not_stored(run_id)
            RunEntry.delete().where((RunEntry.run == run_id) & (RunEntry.owner == owner)).execute(
                database
            )
            others = RunEntry.select(RunEntry.run).where(RunEntry.run == run_id)
            Run.delete().where((Run.id == run_id) & Run.id.not_in(others)).execute(database)

    def count(self) -> int:
        """Return how many runs are stored."""
        with self._connections.session() as database:
            ((n_runs,),) = Run.select(fn.COUNT(Run.id)).tuples().execute(database)
        return int(n_runs)

    def uses_of_series(self, symbol: str, timeframe: str) -> tuple[str, ...]:
        """Return the ids of the runs that used a series."""
        with self._connections.session() as database:
            return uses_of_series(database, symbol, timeframe)


_ITEM_COLUMNS = (
    "id",
    "strategy",
    "params_text",
    "symbols",
    "timeframe",
    "first_ms",
    "last_ms",
    "status",
    "engine_version",
    "summary",
)
_CONTENT_COLUMNS = (
    "id",
    "key",
    "strategy",
    "timeframe",
    "status",
    "engine_version",
    "first_ms",
    "last_ms",
    "created_ms",
    "document",
)


def _content(
    database: peewee.Database, condition: peewee.Expression, *, lock: bool = False
) -> StoredRun | None:
    query = Run.select(*(getattr(Run, name) for name in _CONTENT_COLUMNS)).where(condition)
    if lock and database.for_update:
        query = query.for_update()
    rows = list(query.dicts().execute(database))
    return StoredRun(**rows[0]) if rows else None


def _insert_content(database: peewee.Database, run: NewRun) -> bool:
    """Insert a run's rows unless its key exists; return whether it was inserted."""
    n_rows = (
        Run.insert(
            id=run.id,
            key=run.key,
            strategy=run.strategy,
            params_text=run.params_text,
            symbols=" ".join(symbol for symbol, _ in run.data),
            timeframe=run.timeframe,
            status=run.status,
            engine_version=run.engine_version,
            first_ms=run.first_ms,
            last_ms=run.last_ms,
            created_ms=_now_ms(),
            summary=_json(run.summary),
            document=_json(run.document),
            **{name: _finite(run.metrics.get(name)) for name in METRICS},
        )
        .on_conflict_ignore()
        .as_rowcount()
        .execute(database)
    )
    if not n_rows:
        return False
    for position, (symbol, print_) in enumerate(run.data):
        RunSymbol.insert(
            run=run.id,
            position=position,
            symbol=symbol,
            timeframe=run.timeframe,
            fingerprint=print_,
        ).execute(database)
    for kind, columns in run.tables.items():
        data = frames.encode(columns, compress=True)
        RunBlob.insert(run=run.id, kind=kind, crc32=zlib.crc32(data), data=data).execute(database)
    return True


def _insert_entry(database: peewee.Database, run_id: str, name: str, owner: str) -> None:
    RunEntry.insert(
        run=run_id,
        owner=owner,
        name=name,
        tags="[]",
        note="",
        is_starred=False,
        created_ms=_now_ms(),
    ).on_conflict_ignore().execute(database)


def _item(row: dict[str, Any]) -> RunListItem:
    return RunListItem(
        name=row["name"],
        tags=tuple(json.loads(row["tags"])),
        is_starred=row["is_starred"],
        created_ms=row["created_ms"],
        metrics={name: row[name] for name in METRICS},
        **{name: row[name] for name in _ITEM_COLUMNS if name not in {"symbols", "summary"}},
        symbols=tuple(row["symbols"].split()),
        summary=json.loads(row["summary"]),
    )


def _not_stored(run_id: str) -> NotStoredError:
    return NotStoredError(f"No run {run_id!r}: it was deleted, or is stored elsewhere.")


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
