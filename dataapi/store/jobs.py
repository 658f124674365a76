"""The queue of jobs: a table, so that a worker that is killed loses nothing and doubles nothing.

A job is queued, running, done or failed. A worker takes it for a lease and renews the lease while
it works; when the lease runs out the worker is dead, and the next one takes the job. Every taking
has a new token, and the result is stored in the transaction that ends the job, only for the token
that holds it: a worker that was only slow finds that its result is no longer wanted.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import peewee

from dataapi.store.database import Connections
from dataapi.store.models import Job

QUEUED, RUNNING, DONE, FAILED = "queued", "running", "done", "failed"
MAX_ATTEMPTS = 3
BACKOFF_MS = 2_000
"""Before the second attempt; twice as long before each one after it."""

MAX_ERROR_LENGTH = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenJob:
    """A job in the hands of one worker; `token` is worthless once another one has taken it."""

    id: int
    kind: str
    run_id: str | None
    token: int
    attempts: int


class JobStore:
    """The queue; reached as `store.jobs`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def take(self, worker: str, *, lease_s: float) -> TakenJob | None:
        """Take the job that has waited longest, or None when nothing is due.

        A job whose lease ran out is due again, up to `MAX_ATTEMPTS` times in all; then it fails.
        """
        while self._is_something_due():
            job = self._take_first(worker, lease_s)
            if job is not None:
                return job
        return None

    def _take_first(self, worker: str, lease_s: float) -> TakenJob | None:
        """Take the job that has waited longest, None when it was given up or went to another."""
        now = _now_ms()
        with self._connections.transaction() as database:
            query = _due(now).order_by(Job.due_ms, Job.id).limit(1)
            if database.for_update:
                query = query.for_update(skip_locked=True)
            rows = list(query.dicts().execute(database))
            if not rows:
                return None
            row = rows[0]
            held = (row["id"], row["token"])
            if row["attempts"] >= MAX_ATTEMPTS:
                error = f"The worker died {row['attempts']} times over it."
                _update(database, *held, state=FAILED, error=error)
                return None
            taken = {"token": row["token"] + 1, "attempts": row["attempts"] + 1}
            due_ms = now + round(lease_s * 1e3)
            if not _update(database, *held, state=RUNNING, due_ms=due_ms, worker=worker, **taken):
                return None
        return TakenJob(id=row["id"], kind=row["kind"], run_id=row["run"], **taken)

    def _is_something_due(self) -> bool:
        """Return whether it is worth a transaction: idle workers only read."""
        with self._connections.session() as database:
            return bool(list(_due(_now_ms()).limit(1).tuples().execute(database)))

    def renew(self, job: TakenJob, *, lease_s: float) -> bool:
        """Prolong the lease; return whether the job is still this worker's."""
        with self._connections.transaction() as database:
            due_ms = _now_ms() + round(lease_s * 1e3)
            return _update(database, job.id, job.token, state=RUNNING, due_ms=due_ms)

    def finish(self, job: TakenJob, store: Callable[[peewee.Database], None]) -> bool:
        """End the job and store its result in one transaction; return whether it was still ours."""
        with self._connections.transaction() as database:
            is_ours = _update(database, job.id, job.token, state=DONE, error=None)
            if is_ours:
                store(database)
            return is_ours

    def fail(self, job: TakenJob, error: str, *, is_final: bool) -> bool:
        """Record what went wrong; unless that is final, the job is tried again a little later."""
        is_over = is_final or job.attempts >= MAX_ATTEMPTS
        due_ms = _now_ms() + BACKOFF_MS * 2 ** (job.attempts - 1)
        with self._connections.transaction() as database:
            return _update(
                database,
                job.id,
                job.token,
                state=FAILED if is_over else QUEUED,
                due_ms=due_ms,
                error=error[:MAX_ERROR_LENGTH],
            )


def add_job(database: peewee.Database, kind: str, run_id: str) -> None:
    """Queue a job about a run, unless there is one, inside the caller's transaction."""
    now = _now_ms()
    Job.insert(
        kind=kind,
        run=run_id,
        state=QUEUED,
        attempts=0,
        token=0,
        due_ms=now,
        created_ms=now,
        updated_ms=now,
        worker="",
    ).on_conflict_ignore().execute(database)


def end_job(database: peewee.Database, kind: str, run_id: str) -> None:
    """End a run's job whoever holds it: its result is there, inside the caller's transaction."""
    Job.update(state=DONE, error=None, token=Job.token + 1, updated_ms=_now_ms()).where(
        (Job.run == run_id) & (Job.kind == kind) & (Job.state != DONE)
    ).execute(database)


def _due(now: int) -> peewee.ModelSelect[Job]:
    return Job.select().where(Job.state.in_((QUEUED, RUNNING)) & (Job.due_ms <= now))


def _update(database: peewee.Database, job_id: int, held_token: int, /, **changes: object) -> bool:
    """Change a job if the token still holds it; return whether it does."""
    is_held = (Job.id == job_id) & (Job.token == held_token) & Job.state.in_((QUEUED, RUNNING))
    update = Job.update(updated_ms=_now_ms(), **changes).where(is_held)
    return bool(update.execute(database))


def _now_ms() -> int:
    # The clocks of two hosts may differ: a lease that ends too early costs work, never a result.
    return time.time_ns() // 1_000_000
