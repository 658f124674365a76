"""The processes of the product on all hosts, by their own signs of life."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass

from dataapi.store.database import Connections
from dataapi.store.models import Process

FORGOTTEN_MS = 86_400_000
"""A process that gave no sign of life for a day is no longer listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessInfo:
    """A process: `name` is host:port or host:pid, `part` dashboard, dataapi or worker."""

    name: str
    part: str
    version: str
    started_ms: int
    seen_ms: int


class ProcessStore:
    """Who is there; reached as `store.processes`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def see(self, process: ProcessInfo) -> None:
        """Note a sign of life, and forget those that gave none for a day."""
        row = asdict(process)
        with self._connections.transaction() as database:
            Process.insert(row).on_conflict(
                conflict_target=[Process.name],
                preserve=[Process.part, Process.version, Process.started_ms, Process.seen_ms],
            ).execute(database)
            forgotten = Process.seen_ms < process.seen_ms - FORGOTTEN_MS
            Process.delete().where(forgotten).execute(database)

    def leave(self, name: str) -> None:
        """Forget a process that ends."""
        with self._connections.transaction() as database:
            Process.delete().where(Process.name == name).execute(database)

    def list(self) -> list[ProcessInfo]:
        """Return the processes seen within the last day, by part and name."""
        since = time.time_ns() // 1_000_000 - FORGOTTEN_MS
        query = (
            Process.select().where(Process.seen_ms >= since).order_by(Process.part, Process.name)
        )
        with self._connections.session() as database:
            return [ProcessInfo(**row) for row in query.dicts().execute(database)]
