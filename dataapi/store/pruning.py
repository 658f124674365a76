"""Rows that nobody refers to any more: how many, what they take, and their removal in batches.

Deleting leaves little behind, since content goes with its last entry and blocks go with their job.
What is found here is what is left all the same: content without an entry, jobs that are over and
say nothing that is not said elsewhere, and versions of series that no run can have seen.

Never here are the trial ledger, which counts what was deleted; the blocks of interrupted studies,
which are shown and gone on from; and bars, by which runs are verified.
"""

from __future__ import annotations

import functools
import operator
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import peewee
from peewee import fn

from dataapi.store.analyses import KIND
from dataapi.store.database import Connections
from dataapi.store.job_list import DONE
from dataapi.store.jobs import lock_jobs_of
from dataapi.store.models import (
    Analysis,
    Job,
    Run,
    RunBlob,
    RunEntry,
    RunSymbol,
    Series,
    SeriesVersion,
    Study,
)

BATCH = 100
"""Rows that one transaction removes: on SQLite others wait for it, some hundredths of a second."""

LOOKED_FOR = 10_000
"""Rows that are looked for at once."""

STUDY_KINDS = ("sweep", "walkforward")
SUBMISSION_MS = 3_600_000
"""A run reads its bars before it is stored: at most so long before."""

Key = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """What can go of one kind: how many, and about how many bytes they take."""

    kind: str
    number: int
    n_bytes: int


class PruneStore:
    """What nobody refers to; reached as `store.pruning`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._kinds: dict[str, _Kind] = {
            kind.name: kind for kind in (_Runs(), _Jobs(), _Versions())
        }

    def find(self, before_ms: int) -> list[Leftover]:
        """Return what was over before an instant, by kind; only reads."""
        with self._connections.session() as database:
            return [kind.measure(database, before_ms) for kind in self._kinds.values()]

    def remove(self, kind: str, before_ms: int) -> Iterator[int]:
        """Remove what `find` counts of a kind; yield how many went after each transaction.

        Safe beside everybody else, also beside a request that wants one of the rows again: each
        batch is locked first and judged once more, so either it finds the row wanted and leaves it,
        or the request finds it gone and stores it anew. May be left at any point.
        """
        one = self._kinds[kind]
        while True:
            # Without the lock that SQLite has only one of: looking takes longer than removing.
            with self._connections.session() as database:
                keys = one.find(database, before_ms, LOOKED_FOR)
            if not keys:
                return
            for begin in range(0, len(keys), BATCH):
                with self._connections.transaction() as database:
                    number = one.remove(database, before_ms, keys[begin : begin + BATCH])
                yield number


class _Kind(ABC):
    """One kind of rows that may go."""

    name: str

    @abstractmethod
    def measure(self, database: peewee.Database, before_ms: int) -> Leftover:
        """Return how much there is."""

    @abstractmethod
    def find(self, database: peewee.Database, before_ms: int, limit: int) -> list[Key]:
        """Return the keys of some, in order."""

    @abstractmethod
    def remove(self, database: peewee.Database, before_ms: int, keys: Sequence[Key]) -> int:
        """Remove those of the keys that may still go, inside the caller's transaction."""


class _Runs(_Kind):
    """The content of runs of which nobody has an entry."""

    name = "runs"

    def measure(self, database: peewee.Database, before_ms: int) -> Leftover:
        unkept = self._unkept(before_ms)
        number, n_bytes = _sums(database, Run, unkept)
        ids = Run.select(Run.id).where(unkept)
        for model in (RunSymbol, RunBlob, Analysis, Job):
            n_bytes += _sums(database, model, model.run.in_(ids))[1]
        return Leftover(kind=self.name, number=number, n_bytes=n_bytes)

    def find(self, database: peewee.Database, before_ms: int, limit: int) -> list[Key]:
        query = Run.select(Run.id).where(self._unkept(before_ms)).order_by(Run.id).limit(limit)
        return [run_id for (run_id,) in query.tuples().execute(database)]

    def remove(self, database: peewee.Database, before_ms: int, keys: Sequence[Key]) -> int:
        is_one = Run.id.in_(keys)
        lock_jobs_of(database, keys)
        _lock(database, Run.select(Run.id).where(is_one).order_by(Run.id))
        # A statement of its own, so that it sees the entries made while the locks were waited for;
        # whoever makes one holds the run's lock, so none is made from here on.
        return int(Run.delete().where(is_one & self._unkept(before_ms)).execute(database))

    @staticmethod
    def _unkept(before_ms: int) -> Any:
        entry = RunEntry.select(peewee.SQL("1")).where(RunEntry.run == Run.id)
        return (Run.created_ms < before_ms) & ~fn.EXISTS(entry)


class _Jobs(_Kind):
    """Jobs of runs that have their analysis, and jobs about studies that are not stored.

    A failed job says what went wrong, and that of a study is part of its document: they stay.
    """

    name = "jobs"

    def measure(self, database: peewee.Database, before_ms: int) -> Leftover:
        number, n_bytes = _sums(database, Job, self._needless(before_ms))
        return Leftover(kind=self.name, number=number, n_bytes=n_bytes)

    def find(self, database: peewee.Database, before_ms: int, limit: int) -> list[Key]:
        query = Job.select(Job.id).where(self._needless(before_ms)).order_by(Job.id).limit(limit)
        return [job_id for (job_id,) in query.tuples().execute(database)]

    def remove(self, database: peewee.Database, before_ms: int, keys: Sequence[Key]) -> int:
        is_one = Job.id.in_(keys)
        _lock(database, Job.select(Job.id).where(is_one).order_by(Job.id))
        # As above: whoever stores a study holds the lock of its job.
        return int(Job.delete().where(is_one & self._needless(before_ms)).execute(database))

    @staticmethod
    def _needless(before_ms: int) -> Any:
        one = peewee.SQL("1")
        analysis = Analysis.select(one).where(Analysis.run == Job.run)
        study = Study.select(one).where((Study.id == Job.subject) & (Study.kind == Job.kind))
        is_said = (Job.kind == KIND) & (Job.state == DONE) & fn.EXISTS(analysis)
        is_about_nothing = Job.kind.in_(STUDY_KINDS) & ~fn.EXISTS(study)
        return (Job.updated_ms < before_ms) & (is_said | is_about_nothing)


class _Versions(_Kind):
    """Lines of the history of series, replaced long ago, that no stored run or study can have seen.

    They hold no bars, only what a series was and when: those stay during which something was made.
    """

    name = "versions"

    def measure(self, database: peewee.Database, before_ms: int) -> Leftover:
        number = sum(len(keys) for keys in self._unseen(database, before_ms))
        ((n_all, n_bytes),) = [_sums(database, SeriesVersion, None)]
        return Leftover(kind=self.name, number=number, n_bytes=number * n_bytes // max(n_all, 1))

    def find(self, database: peewee.Database, before_ms: int, limit: int) -> list[Key]:
        found: list[Key] = []
        for keys in self._unseen(database, before_ms):
            found += keys
            if len(found) >= limit:
                break
        return found[:limit]

    def remove(self, database: peewee.Database, before_ms: int, keys: Sequence[Key]) -> int:
        number = 0
        for series_id in sorted({series_id for series_id, _ in keys}):
            revs = [rev for one, rev in keys if one == series_id]
            is_one = (SeriesVersion.series == series_id) & SeriesVersion.rev.in_(revs)
            number += SeriesVersion.delete().where(is_one).execute(database)
        return number

    @staticmethod
    def _unseen(database: peewee.Database, before_ms: int) -> Iterator[list[Key]]:
        """Yield the keys that may go, series by series."""
        studies = _times(database, Study.select(Study.created_ms))
        series = Series.select(Series.id, Series.symbol).order_by(Series.id).tuples()
        for series_id, symbol in list(series.execute(database)):
            made = (
                Run.select(Run.created_ms)
                .join(RunSymbol, on=RunSymbol.run == Run.id)
                .where(RunSymbol.symbol == symbol)
            )
            # Of any timeframe: a run reads finer bars as well. And of any symbol: so do studies.
            seen = np.sort(np.concatenate([studies, _times(database, made)]))
            rows = (
                SeriesVersion.select(SeriesVersion.rev, SeriesVersion.created_ms)
                .where(SeriesVersion.series == series_id)
                .order_by(SeriesVersion.rev)
                .tuples()
            )
            found = np.array(list(rows.execute(database)), dtype=np.int64).reshape(-1, 2)
            begin, end = found[:-1, 1], found[1:, 1] + SUBMISSION_MS
            is_seen = np.searchsorted(seen, begin) < np.searchsorted(seen, end, side="right")
            unseen = found[:-1, 0][~is_seen & (end < before_ms)]
            yield [(series_id, rev) for rev in unseen.tolist()]


def _sums(
    database: peewee.Database, model: type[peewee.Model], where: peewee.Node | None
) -> tuple[int, int]:
    """Return how many rows there are, and about how many bytes: texts, blobs, 8 for a number."""
    fields = model._meta.sorted_fields
    terms = [
        fn.COALESCE(fn.LENGTH(field).coerce(False), 0).coerce(False)
        if isinstance(field, peewee.TextField | peewee.BlobField)
        else peewee.Value(8)
        for field in fields
    ]
    length = functools.reduce(operator.add, terms)
    query = model.select(fn.COUNT(peewee.SQL("1")), fn.COALESCE(fn.SUM(length), 0).coerce(False))
    if where is not None:
        query = query.where(where)
    ((number, n_bytes),) = query.tuples().execute(database)
    return int(number), int(n_bytes)


def _times(database: peewee.Database, query: Any) -> npt.NDArray[np.int64]:
    return np.array([ms for (ms,) in query.tuples().execute(database)], dtype=np.int64)


def _lock(database: peewee.Database, query: Any) -> None:
    """Lock rows until the transaction ends, in their order; on SQLite the database is locked."""
    if database.for_update:
        list(query.for_update().tuples().execute(database))
