"""Sweeps and walk-forwards: asked for once, done by a job, kept under what determines them.

What is known when one is asked for is its document, and its job says how far it is; the result,
and the tables that belong to it, come in the transaction that ends the job.
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import peewee

from dataapi import frames
from dataapi.store.database import Connections
from dataapi.store.errors import (
    CorruptDataError,
    InvalidQueryError,
    NotStoredError,
    StoreError,
)
from dataapi.store.jobs import JobStore, TakenJob, add_job, remove_job
from dataapi.store.models import Job, Study, StudyBlob
from dataapi.store.trials import NewTrials, put_trials
from engine.types import Table

Kind = Literal["sweep", "walkforward"]
MAX_LIMIT = 500
INSERT_ATTEMPTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStudy:
    """A sweep or a walk-forward to be done; `document` is JSON without NaN."""

    id: str
    key: str
    strategy: str
    timeframe: str
    symbols: tuple[str, ...]
    axes_text: str
    n_points: int
    engine_version: str
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredStudy:
    """A sweep or a walk-forward; `result` is None until its job is done."""

    id: str
    key: str
    strategy: str
    timeframe: str
    symbols: tuple[str, ...]
    axes_text: str
    n_points: int
    engine_version: str
    created_ms: int
    document: dict[str, Any]
    result: dict[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyResult:
    """What ends a job: the result (JSON without NaN), tables by kind, and the trials made.

    `summary` is what a row of the list shows of it.
    """

    document: Mapping[str, Any]
    summary: Mapping[str, Any]
    tables: Mapping[str, Table]
    trials: NewTrials


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyItem:
    """A row of the list; `state` and `progress` are those of its job."""

    id: str
    strategy: str
    timeframe: str
    symbols: tuple[str, ...]
    axes_text: str
    n_points: int
    engine_version: str
    created_ms: int
    summary: dict[str, Any]
    state: str | None
    progress: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyPage:
    """One page of the list, the newest first."""

    items: list[StudyItem]
    next_cursor: str | None
    total: int


class StudyStore:
    """Studies of one kind by id; reached as `store.sweeps` and `store.walkforwards`."""

    def __init__(self, connections: Connections, kind: Kind) -> None:
        self._connections = connections
        self._kind = kind
        self._jobs = JobStore(connections)

    def insert(self, study: NewStudy, *, executor: str = "") -> tuple[StoredStudy, bool]:
        """Store a study with its job; return it, and whether it is new.

        The same one twice is one row and one job. When that job failed or was cancelled it is
        queued again, and goes on from its finished blocks.
        """
        with self._connections.transaction() as database:
            for _ in range(INSERT_ATTEMPTS):
                is_new = self._insert(database, study)
                stored = self._one(database, Study.key == study.key)
                if stored is not None and stored.result is None:
                    add_job(database, self._kind, subject=stored.id, executor=executor)
                    # Whoever deletes a study begins with its job, and we hold that by now.
                    stored = self._one(database, Study.key == study.key)
                if stored is not None:
                    return stored, is_new
                # Somebody deleted it after our insert, which found it.
        raise StoreError(f"{study.id} cannot be stored: another one has the same id.")

    def _insert(self, database: peewee.Database, study: NewStudy) -> bool:
        """Insert a study unless its key exists; return whether it was inserted."""
        query = Study.insert(
            id=study.id,
            key=study.key,
            kind=self._kind,
            strategy=study.strategy,
            timeframe=study.timeframe,
            symbols=" ".join(study.symbols),
            axes_text=study.axes_text,
            n_points=study.n_points,
            engine_version=study.engine_version,
            created_ms=time.time_ns() // 1_000_000,
            document=_json(study.document),
            summary="{}",
        )
        return bool(query.on_conflict_ignore().as_rowcount().execute(database))

    def get(self, study_id: str) -> StoredStudy:
        """Return a study.

        Raises
        ------
        NotStoredError
            If there is no such one.
        """
        with self._connections.session() as database:
            stored = self._one(database, Study.id == study_id)
        if stored is None:
            raise NotStoredError(
                f"No {self._kind} {study_id!r}: it was deleted, or is stored elsewhere."
            )
        return stored

    def get_by_key(self, key: str) -> StoredStudy | None:
        """Return the study of a key, or None."""
        with self._connections.session() as database:
            return self._one(database, Study.key == key)

    def finish(self, job: TakenJob, result: StudyResult) -> bool:
        """Store a result and end its job; return False when it is no longer this worker's."""

        def store(database: peewee.Database) -> None:
            Study.update(result=_json(result.document), summary=_json(result.summary)).where(
                Study.id == job.subject
            ).execute(database)
            for kind, columns in result.tables.items():
                data = frames.encode(columns, compress=True)
                StudyBlob.insert(
                    study=job.subject, kind=kind, crc32=zlib.crc32(data), data=data
                ).execute(database)
            put_trials(database, result.trials)

        return self._jobs.finish(job, store)

    def table(self, study_id: str, kind: str) -> Table:
        """Return a table of a finished study.

        Raises
        ------
        NotStoredError
            If there is no such study, or it has no such table.
        CorruptDataError
            If the stored bytes do not match their checksum.
        """
        query = (
            StudyBlob.select(StudyBlob.crc32, StudyBlob.data)
            .where((StudyBlob.study == study_id) & (StudyBlob.kind == kind))
            .tuples()
        )
        with self._connections.session() as database:
            rows = list(query.execute(database))
        if not rows:
            self.get(study_id)
            raise NotStoredError(f"The {self._kind} {study_id} has no {kind}.")
        crc32, data = rows[0]
        if zlib.crc32(data) != crc32:
            raise CorruptDataError(
                f"The {self._kind} {study_id}: the stored {kind} are damaged (checksum differs). "
                "Restore a backup, or delete it and compute it again."
            )
        return frames.decode(bytes(data))

    def list(self, *, limit: int = 50, cursor: str | None = None) -> StudyPage:
        """Return one page of the list, the newest first.

        Raises
        ------
        InvalidQueryError
            If the limit is out of range or the cursor none of this list.
        """
        if not 1 <= limit <= MAX_LIMIT:
            raise InvalidQueryError(f"Expected limit in 1 … {MAX_LIMIT}, was {limit}.")
        is_kind = Study.kind == self._kind
        page = (
            Study.select(*(getattr(Study, name) for name in _LISTED), Job.state, Job.progress)
            .join(
                Job,
                peewee.JOIN.LEFT_OUTER,
                on=(Job.subject == Study.id) & (Job.kind == Study.kind),
            )
            .where(is_kind)
            .order_by(Study.created_ms.desc(), Study.id.desc())
        )
        if cursor is not None:
            created_ms, study_id = _decode_cursor(cursor)
            page = page.where(
                (Study.created_ms < created_ms)
                | ((Study.created_ms == created_ms) & (Study.id < study_id))
            )
        total = Study.select(peewee.fn.COUNT(Study.id)).where(is_kind).tuples()
        with self._connections.session() as database:
            rows = [_item(row) for row in page.limit(limit + 1).dicts().execute(database)]
            ((n_all,),) = total.execute(database)
        items = rows[:limit]
        more = f"{items[-1].created_ms}-{items[-1].id}" if len(rows) > limit else None
        return StudyPage(items=items, next_cursor=more, total=int(n_all))

    def delete(self, study_id: str) -> None:
        """Delete a study with its job and its blocks; its trials stay in the ledger.

        Raises
        ------
        NotStoredError
            If there is no such study.
        """
        self.get(study_id)
        with self._connections.transaction() as database:
            remove_job(database, self._kind, study_id)
            Study.delete().where(Study.id == study_id).execute(database)

    def _one(self, database: peewee.Database, condition: peewee.Expression) -> StoredStudy | None:
        query = Study.select().where(condition & (Study.kind == self._kind)).dicts()
        rows = list(query.execute(database))
        return _stored(rows[0]) if rows else None


_LISTED = (
    "id",
    "strategy",
    "timeframe",
    "symbols",
    "axes_text",
    "n_points",
    "engine_version",
    "created_ms",
    "summary",
)


def _item(row: dict[str, Any]) -> StudyItem:
    parts = {"symbols": tuple(row["symbols"].split()), "summary": json.loads(row["summary"])}
    return StudyItem(**{**row, **parts})


def _stored(row: dict[str, Any]) -> StoredStudy:
    names = set(StoredStudy.__dataclass_fields__) - {"symbols", "document", "result"}
    return StoredStudy(
        **{name: row[name] for name in names},
        symbols=tuple(row["symbols"].split()),
        document=json.loads(row["document"]),
        result=None if row["result"] is None else json.loads(row["result"]),
    )


def _decode_cursor(cursor: str) -> tuple[int, str]:
    created_ms, separator, study_id = cursor.partition("-")
    if not separator or not created_ms.isdigit():
        raise InvalidQueryError("The cursor is not one of this list: start again without it.")
    return int(created_ms), study_id


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
