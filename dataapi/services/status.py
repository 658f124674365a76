"""The whole installation at a glance: processes, queue, store, disk, caches, the last day."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from config.settings import Settings
from config.version import VERSION
from dataapi import wire
from dataapi.services.documents import Document
from dataapi.services.presence import ABSENT_S
from dataapi.services.working import KINDS
from dataapi.store import HOUR_MS, ProcessInfo, Store
from engine.version import ENGINE_VERSION

HOURS = 24


def document(store: Store, settings: Settings) -> Document:
    """Return the status; times are ISO 8601, sizes bytes, ages seconds.

    The disk is that of this host; caches are this process's own.
    """
    now_ms = time.time_ns() // 1_000_000
    return {
        "version": VERSION,
        "engine_version": ENGINE_VERSION,
        "processes": [_process(process, now_ms) for process in store.processes.list()],
        "queue": _queue(store),
        "store": {
            "kind": "sqlite" if settings.database_url.startswith("sqlite") else "postgres",
            "size": store.size_bytes(),
            # Of the size: what removed rows left, and prune gives back.
            "free": store.room.free_bytes(),
            "series": len(store.series.list()),
            "runs": store.runs.count(),
        },
        "disk": _disk(settings.data_dir),
        "cache": {
            "bars": store.series.cache.held_bytes,
            "limit": settings.dataapi.cache_bytes,
            "hits": store.series.cache.hits,
            "misses": store.series.cache.misses,
        },
        "hours": _hours(store, now_ms),
    }


def _process(process: ProcessInfo, now_ms: int) -> Document:
    return {
        "name": process.name,
        "part": process.part,
        "version": process.version,
        "started": wire.iso_instant(process.started_ms),
        "seen": wire.iso_instant(process.seen_ms),
        "is_present": now_ms - process.seen_ms < ABSENT_S * 1e3,
    }


def _queue(store: Store) -> list[Document]:
    figures = {figure.kind: figure for figure in store.jobs.queue()}
    names = ("waiting", "running", "abandoned", "oldest_s")
    return [
        {"kind": kind, **{name: getattr(figures.get(kind), name, 0) for name in names}}
        for kind in KINDS
    ]


def _disk(data_dir: Path) -> Document:
    # With Postgres nothing may have made it yet.
    place = next(path for path in (data_dir, *data_dir.parents) if path.exists())
    usage = shutil.disk_usage(place)
    return {"free": usage.free, "total": usage.total}


def _hours(store: Store, now_ms: int) -> Document:
    """Return what was done in each of the last 24 hours, the running one last."""
    last = now_ms // HOUR_MS
    hours = range(last - HOURS + 1, last + 1)
    done = store.activity(hours[0] * HOUR_MS)
    return {
        "time": [wire.iso_instant(hour * HOUR_MS) for hour in hours],
        **{name: [numbers.get(hour, 0) for hour in hours] for name, numbers in done.items()},
    }
