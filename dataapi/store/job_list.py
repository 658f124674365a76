"""Jobs as people see them: how far each one is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import peewee
from peewee import Case, fn

from dataapi.store.models import Job

QUEUED, RUNNING, DONE, FAILED, CANCELLED = "queued", "running", "done", "failed", "cancelled"
ACTIVE = (QUEUED, RUNNING)
STATES = (*ACTIVE, DONE, FAILED, CANCELLED)
MAX_LIMIT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class JobInfo:
    """How far a job is; `rate` (units a second) and `eta_s` are known only while it runs.

    `is_cancelled` of a running job: somebody asked, and its worker has not stopped yet.
    """

    id: int
    kind: str
    subject: str
    state: str
    is_cancelled: bool
    executor: str
    progress: float
    unit: str
    rate: float | None
    eta_s: float | None
    note: str
    attempts: int
    worker: str
    error: str | None
    created_ms: int
    updated_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobQuery:
    """Which jobs are wanted, the newest first.

    Parameters
    ----------
    state, kind : str or None
    before : int or None
        Only jobs older than this one: the last id of the page before.
    limit : int
        1 … 500 jobs a page.
    """

    state: str | None = None
    kind: str | None = None
    before: int | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPage:
    """A page of jobs; `next_before` asks for the next one, None at the end."""

    items: list[JobInfo]
    next_before: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFigure:
    """How many jobs of a kind wait, run, or were abandoned by a worker that died.

    `oldest_s` is how long the one that has waited longest could have been taken, 0 when none waits.
    """

    kind: str
    waiting: int
    running: int
    abandoned: int
    oldest_s: float


def queue(database: peewee.Database, now_ms: int) -> list[QueueFigure]:
    """Return the figures of every kind that has a job in the queue."""
    is_overdue = (Job.state == RUNNING) & (Job.due_ms <= now_ms)
    state = Case(None, [(is_overdue, "abandoned")], Job.state).alias("found")
    query = (
        Job.select(Job.kind, state, fn.COUNT(Job.id), fn.MIN(Job.due_ms))
        .where(Job.state.in_(ACTIVE))
        .group_by(Job.kind, peewee.SQL("found"))
        .tuples()
    )
    kinds: dict[str, dict[str, tuple[int, int]]] = {}
    for kind, name, number, first_due_ms in query.execute(database):
        kinds.setdefault(kind, {})[name] = (number, first_due_ms)
    nothing = (0, now_ms)
    return [
        QueueFigure(
            kind=kind,
            waiting=found.get(QUEUED, nothing)[0],
            running=found.get(RUNNING, nothing)[0],
            abandoned=found.get("abandoned", nothing)[0],
            oldest_s=max(0, now_ms - found.get(QUEUED, nothing)[1]) / 1e3,
        )
        for kind, found in kinds.items()
    ]


def one(database: peewee.Database, condition: peewee.Node) -> JobInfo | None:
    """Return the job that fits a condition, or None."""
    for row in Job.select().where(condition).limit(1).dicts().execute(database):
        return _info(row)
    return None


def page(database: peewee.Database, query: JobQuery) -> JobPage:
    """Return a page of jobs."""
    limit = min(max(query.limit, 1), MAX_LIMIT)
    jobs = Job.select().order_by(Job.id.desc()).limit(limit + 1)
    if query.state is not None:
        jobs = jobs.where(Job.state == query.state)
    if query.kind is not None:
        jobs = jobs.where(Job.kind == query.kind)
    if query.before is not None:
        jobs = jobs.where(Job.id < query.before)
    items = [_info(row) for row in jobs.dicts().execute(database)]
    has_more = len(items) > limit
    items = items[:limit]
    return JobPage(items=items, next_before=items[-1].id if has_more else None)


def _info(row: dict[str, Any]) -> JobInfo:
    found = {name: row[name] for name in JobInfo.__dataclass_fields__}
    if found["state"] != RUNNING:
        found |= {"rate": None, "eta_s": None}
    return JobInfo(**found)
