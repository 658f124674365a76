"""The queue of jobs: a table, so that a worker that is killed loses nothing and doubles nothing.

A job is queued, running, done, failed or cancelled. A worker takes it for a lease and renews the
lease while it works; when the lease runs out the worker is dead, and the next one takes the job.
Every taking has a new token. Finished blocks are put, and the result is stored in the transaction
that ends the job, only for the token that holds it: a worker that was only slow finds that its
result is no longer wanted. The next worker goes on from the finished blocks.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

import peewee
from peewee import Case

from config.logs import request_id
from dataapi.store import job_list
from dataapi.store.database import Connections
from dataapi.store.errors import NotStoredError
from dataapi.store.job_list import (
    ACTIVE,
    CANCELLED,
    DONE,
    FAILED,
    QUEUED,
    RUNNING,
    JobInfo,
    JobPage,
    JobQuery,
    QueueFigure,
)
from dataapi.store.models import Job, JobBlock

MAX_ATTEMPTS = 3
BACKOFF_MS = 2_000
"""Before the second attempt; twice as long before each one after it."""

MAX_ERROR_LENGTH = 2_000

InTransaction = Callable[[peewee.Database], None]
"""Stores something inside a transaction that somebody else began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenJob:
    """A job in the hands of one worker; `token` is worthless once another one has taken it.

    `request_id` is that of the request which asked for it, "-" when none did.
    """

    id: int
    kind: str
    subject: str
    run_id: str | None
    executor: str
    token: int
    attempts: int
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a job is: a fraction, `rate` in units a second, seconds left, what is being done."""

    progress: float
    unit: str = ""
    rate: float | None = None
    eta_s: float | None = None
    note: str = ""


class GivenUp:
    """A job that was due, and is over instead: there may be another one."""


class Hold(StrEnum):
    """What a worker learns about its job: whether it is still its own, and still wanted."""

    OURS = "ours"
    CANCELLED = "cancelled"
    LOST = "lost"


class JobStore:
    """The queue; reached as `store.jobs`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def take(
        self,
        worker: str,
        *,
        lease_s: float,
        kinds: Collection[str] | None = None,
        job_id: int | None = None,
        max_attempts: int = MAX_ATTEMPTS,
    ) -> TakenJob | None:
        """Take the job that has waited longest, or None when nothing is due.

        A job whose lease ran out is due again. It fails when it was taken `max_attempts` times
        without finishing a block, so that a job which kills its worker does not kill all of them.

        Parameters
        ----------
        worker : str
            Who takes it, for people who look.
        lease_s : float
            How long it stays this worker's without a sign of life.
        kinds : collection of str, optional
            What the worker can do; all kinds when not given.
        job_id : int, optional
            This job and no other.
        max_attempts : int
        """
        wanted = _due(kinds, job_id)
        while self._is_any(wanted):
            taken = self._take_first(worker, wanted, lease_s, max_attempts)
            if not isinstance(taken, GivenUp):
                return taken
        return None

    def is_waiting(self, kinds: Collection[str]) -> bool:
        """Return whether a job of these kinds is due; only reads."""
        return self._is_any(_due(kinds, None))

    def _take_first(
        self, worker: str, wanted: Callable[[], peewee.Node], lease_s: float, max_attempts: int
    ) -> TakenJob | GivenUp | None:
        """Take the job that has waited longest; None when others hold all that are due."""
        with self._connections.transaction() as database:
            query = Job.select().where(wanted()).order_by(Job.due_ms, Job.id).limit(1)
            if database.for_update:
                query = query.for_update(skip_locked=True)
            rows = list(query.dicts().execute(database))
            if not rows:
                return None
            row = rows[0]
            held = (row["id"], row["token"])
            if row["is_cancelled"]:
                _update(database, *held, state=CANCELLED)
                return GivenUp()
            if row["attempts"] >= max_attempts:
                error = f"The worker died {row['attempts']} times over it."
                _update(database, *held, state=FAILED, error=error)
                return GivenUp()
            taken = {"token": row["token"] + 1, "attempts": row["attempts"] + 1}
            # The row is ours alone: locked on Postgres, and on SQLite the whole database is.
            _update(database, *held, state=RUNNING, due_ms=_after(lease_s), worker=worker, **taken)
        named = {name: row[name] for name in ("id", "kind", "subject", "executor")}
        asked_by = row["request_id"] or "-"
        return TakenJob(run_id=row["run"], request_id=asked_by, **named, **taken)

    def _is_any(self, wanted: Callable[[], peewee.Node]) -> bool:
        """Return whether it is worth a transaction: idle workers only read."""
        with self._connections.session() as database:
            return bool(Job.select().where(wanted()).exists(database))

    def look(self, job: TakenJob) -> Hold:
        """Return whether the job is still this worker's and still wanted; only reads."""
        with self._connections.session() as database:
            return _hold(database, job)

    def renew(self, job: TakenJob, *, lease_s: float, progress: Progress | None = None) -> Hold:
        """Prolong the lease and say how far the job is; return what `look` returns."""
        said = {} if progress is None else asdict(progress)
        with self._connections.transaction() as database:
            is_held = _update(database, job.id, job.token, due_ms=_after(lease_s), **said)
            return _hold(database, job) if is_held else Hold.LOST

    def put_block(self, job: TakenJob, i_block: int, data: bytes, *, lease_s: float) -> Hold:
        """Store a finished block, unless the job is lost; return what `look` returns.

        A block that was not there yet is progress: from here on the attempts count anew.
        """
        row = {"job": job.id, "i_block": i_block, "crc32": zlib.crc32(data), "data": data}
        with self._connections.transaction() as database:
            # First of all, since it locks the job: nobody takes it before the block is stored.
            if not _update(database, job.id, job.token, due_ms=_after(lease_s)):
                return Hold.LOST
            is_this = (JobBlock.job == job.id) & (JobBlock.i_block == i_block)
            if not JobBlock.select().where(is_this).exists(database):
                _update(database, job.id, job.token, attempts=0)
            JobBlock.insert(row).on_conflict(
                conflict_target=[JobBlock.job, JobBlock.i_block],
                preserve=[JobBlock.crc32, JobBlock.data],
            ).execute(database)
            return _hold(database, job)

    def blocks(self, job_id: int, *, known: Collection[int] = ()) -> dict[int, bytes]:
        """Return the finished blocks of a job, except those that are known already.

        A damaged one is left out: it counts as not finished, and is put again.
        """
        query = (
            JobBlock.select(JobBlock.i_block, JobBlock.crc32, JobBlock.data)
            .where((JobBlock.job == job_id) & JobBlock.i_block.not_in(list(known)))
            .order_by(JobBlock.i_block)
            .tuples()
        )
        with self._connections.session() as database:
            rows = list(query.execute(database))
        blocks = ((i_block, crc32, bytes(data)) for i_block, crc32, data in rows)
        return {i_block: data for i_block, crc32, data in blocks if zlib.crc32(data) == crc32}

    def finished_blocks(self, job_id: int) -> list[int]:
        """Return the numbers of the finished blocks of a job, without reading them."""
        query = JobBlock.select(JobBlock.i_block).where(JobBlock.job == job_id).tuples()
        with self._connections.session() as database:
            return sorted(i_block for (i_block,) in query.execute(database))

    def finish(self, job: TakenJob, store: InTransaction) -> bool:
        """End the job and store its result in one transaction; return whether it was still ours.

        Its blocks go: what of them shall last is part of the result.
        """
        with self._connections.transaction() as database:
            is_ours = _update(
                database, job.id, job.token, state=DONE, error=None, progress=1.0, note=""
            )
            if is_ours:
                store(database)
                JobBlock.delete().where(JobBlock.job == job.id).execute(database)
            return is_ours

    def release(self, job: TakenJob) -> bool:
        """Give the job back: cancelled when that was asked for, else queued behind the others.

        The attempt does not count. Returns whether the job was still ours.
        """
        state = Case(None, [(Job.is_cancelled, CANCELLED)], QUEUED)
        attempts = Case(None, [(Job.attempts > 0, Job.attempts - 1)], 0)
        with self._connections.transaction() as database:
            return _update(
                database, job.id, job.token, state=state, attempts=attempts, due_ms=_now_ms()
            )

    def fail(
        self, job: TakenJob, error: str, *, is_final: bool, max_attempts: int = MAX_ATTEMPTS
    ) -> bool:
        """Record what went wrong; unless that is final, the job is tried again a little later."""
        with self._connections.transaction() as database:
            row = Job.select(Job.attempts).where(_is_held(job.id, job.token)).tuples()
            attempts = next((n for (n,) in row.execute(database)), 0)
            is_over = is_final or attempts >= max_attempts
            return _update(
                database,
                job.id,
                job.token,
                state=FAILED if is_over else QUEUED,
                due_ms=_now_ms() + BACKOFF_MS * 2 ** max(attempts - 1, 0),
                error=error[:MAX_ERROR_LENGTH],
            )

    def cancel(self, job_id: int) -> JobInfo:
        """Cancel a job: at once while nobody works on it, else as soon as its worker notices.

        A job that is over stays as it is.

        Raises
        ------
        NotStoredError
            If there is no such job.
        """
        now = _now_ms()
        # One statement: between two, the job could go from one state to the other unseen.
        is_idle = (Job.state == QUEUED) | (Job.due_ms <= now)
        state = Case(None, [(is_idle, CANCELLED)], Job.state)
        with self._connections.transaction() as database:
            Job.update(state=state, is_cancelled=True, updated_ms=now).where(
                (Job.id == job_id) & Job.state.in_(ACTIVE)
            ).execute(database)
        return self.get(job_id)

    def get(self, job_id: int) -> JobInfo:
        """Return how far a job is.

        Raises
        ------
        NotStoredError
            If there is no such job.
        """
        with self._connections.session() as database:
            found = job_list.one(database, Job.id == job_id)
        if found is None:
            raise NotStoredError(f"No job {job_id} is stored.")
        return found

    def find(self, kind: str, subject: str) -> JobInfo | None:
        """Return how far the job of a kind about something is; None when there is none."""
        with self._connections.session() as database:
            return job_list.one(database, (Job.kind == kind) & (Job.subject == subject))

    def queue(self) -> Sequence[QueueFigure]:
        """Return how many jobs of each kind wait and run, and how long the oldest waits."""
        with self._connections.session() as database:
            return job_list.queue(database, _now_ms())

    def list(self, query: JobQuery | None = None) -> JobPage:
        """Return a page of jobs, the newest first."""
        with self._connections.session() as database:
            return job_list.page(database, query or JobQuery())


def add_job(
    database: peewee.Database,
    kind: str,
    *,
    subject: str,
    run_id: str | None = None,
    executor: str = "",
) -> int:
    """Queue a job about something, inside the caller's transaction; return the job's id.

    There is one job of a kind about one thing: when it waits, runs or is done it stays so; when it
    failed or was cancelled it is queued again and goes on from its finished blocks. It is locked
    until the transaction ends, so that nobody deletes it unseen.
    """
    now = _now_ms()
    new = Job.insert(
        kind=kind,
        run=run_id,
        subject=subject,
        executor=executor,
        state=QUEUED,
        attempts=0,
        token=0,
        due_ms=now,
        created_ms=now,
        updated_ms=now,
        worker="",
        progress=0.0,
        unit="",
        note="",
        is_cancelled=False,
        request_id=request_id.get(),
    ).on_conflict_ignore()
    is_this = (Job.kind == kind) & (Job.subject == subject)
    job_ids: list[int] = []
    while not job_ids:
        # Again when it was there, and somebody deleted it before it was locked.
        new.execute(database)
        job_ids = _lock(database, is_this)
    # A cancel that its worker has not noticed yet is taken back.
    Job.update(is_cancelled=False).where(is_this & (Job.state == RUNNING)).execute(database)
    Job.update(
        state=QUEUED,
        is_cancelled=False,
        executor=executor,
        attempts=0,
        token=Job.token + 1,
        due_ms=now,
        error=None,
        request_id=request_id.get(),
        updated_ms=now,
    ).where(is_this & Job.state.in_((FAILED, CANCELLED))).execute(database)
    return job_ids[0]


def end_job(database: peewee.Database, kind: str, subject: str) -> None:
    """End a job whoever holds it: its result is there, inside the caller's transaction."""
    Job.update(
        state=DONE, error=None, progress=1.0, token=Job.token + 1, updated_ms=_now_ms()
    ).where((Job.subject == subject) & (Job.kind == kind) & (Job.state != DONE)).execute(database)


def remove_job(database: peewee.Database, kind: str, subject: str) -> None:
    """Delete a job with its blocks, whoever holds it, inside the caller's transaction."""
    Job.delete().where((Job.subject == subject) & (Job.kind == kind)).execute(database)


def lock_jobs_of(database: peewee.Database, run_ids: Sequence[str]) -> None:
    """Lock the jobs of runs that shall go, before the runs, inside the caller's transaction.

    A worker that ends a job locks the two in this order, and deleting a run deletes its jobs: in
    the other order each would wait for the other.
    """
    _lock(database, Job.run.in_(run_ids))


def _lock(database: peewee.Database, condition: peewee.Node) -> list[int]:
    """Lock jobs until the transaction ends; return their ids. SQLite is locked as a whole."""
    query = Job.select(Job.id).where(condition).order_by(Job.id)
    if database.for_update:
        query = query.for_update()
    return [int(job_id) for (job_id,) in query.tuples().execute(database)]


def _due(kinds: Collection[str] | None, job_id: int | None) -> Callable[[], peewee.Node]:
    """Return the condition of what may be taken, made anew for each moment."""

    def condition() -> peewee.Node:
        wanted = Job.state.in_(ACTIVE) & (Job.due_ms <= _now_ms())
        if kinds is not None:
            wanted &= Job.kind.in_(list(kinds))
        return wanted if job_id is None else wanted & (Job.id == job_id)

    return condition


def _is_held(job_id: int, held_token: int) -> peewee.Expression:
    return (Job.id == job_id) & (Job.token == held_token) & Job.state.in_(ACTIVE)


def _hold(database: peewee.Database, job: TakenJob) -> Hold:
    rows = Job.select(Job.is_cancelled).where(_is_held(job.id, job.token)).tuples()
    for (is_cancelled,) in rows.execute(database):
        return Hold.CANCELLED if is_cancelled else Hold.OURS
    return Hold.LOST


def _update(database: peewee.Database, job_id: int, held_token: int, /, **changes: object) -> bool:
    """Change a job if the token still holds it; return whether it does."""
    update = Job.update(updated_ms=_now_ms(), **changes).where(_is_held(job_id, held_token))
    return bool(update.execute(database))


def _after(lease_s: float) -> int:
    return _now_ms() + round(lease_s * 1e3)


def _now_ms() -> int:
    # The clocks of two hosts may differ: a lease that ends too early costs work, never a result.
    return time.time_ns() // 1_000_000
