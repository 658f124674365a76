"""How much was done lately: jobs ended and runs made, hour by hour."""

from __future__ import annotations

from collections.abc import Mapping

import peewee
from peewee import fn

from dataapi.store.job_list import DONE
from dataapi.store.models import Job, RunEntry

HOUR_MS = 3_600_000


def by_hour(database: peewee.Database, since_ms: int) -> Mapping[str, Mapping[int, int]]:
    """Return numbers by the hour since 1970: `runs` kept, `jobs` done."""
    hours: dict[str, tuple[type[RunEntry] | type[Job], peewee.Field, peewee.Node]] = {
        "runs": (RunEntry, RunEntry.created_ms, RunEntry.created_ms >= since_ms),
        "jobs": (Job, Job.updated_ms, (Job.state == DONE) & (Job.updated_ms >= since_ms)),
    }
    return {
        name: _counted(database, model, stamp, wanted)
        for name, (model, stamp, wanted) in hours.items()
    }


def _counted(
    database: peewee.Database,
    model: type[RunEntry] | type[Job],
    stamp: peewee.Field,
    wanted: peewee.Node,
) -> dict[int, int]:
    hour = (stamp / peewee.SQL(str(HOUR_MS))).alias("hour")
    query = model.select(hour, fn.COUNT(model.id)).where(wanted).group_by(peewee.SQL("hour"))
    return {int(hour): int(number) for hour, number in query.tuples().execute(database)}
