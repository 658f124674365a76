"""A process's signs of life in the store, and those of the dashboards that ask it.

Dashboards reach no database: they say who they are with each request (`User-Agent`), and the API
that answers passes it on with its own next sign of life.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time

from config.version import VERSION
from dataapi.store import ProcessInfo, Store, StoreError

logger = logging.getLogger(__name__)

SIGN_S = 15.0
ABSENT_S = 60.0
"""Seen longer ago than this, a process is taken for gone."""
DASHBOARD = re.compile(
    r"hindcast-dashboard/(?P<version>[\w.+-]{1,40}) "
    r"\((?P<name>[\w.:-]{1,80}); (?P<started>\d{13})\)"
)
# Whatever claims to be one: no more are listed.
MAX_DASHBOARDS = 64


class Presence:
    """Says every quarter of a minute that this process is there.

    Parameters
    ----------
    store : Store
    part : str
        dataapi or worker.
    port : int
        Where it answers; 0 when nowhere, then its process id stands in the name.
    """

    def __init__(self, store: Store, part: str, port: int) -> None:
        self._store = store
        self._started_ms = _now_ms()
        self._part = part
        self.name = f"{os.uname().nodename}:{port or os.getpid()}"
        self._dashboards: dict[str, ProcessInfo] = {}
        self._is_over = threading.Event()

    def note(self, user_agent: str) -> None:
        """Note the dashboard that asks, if one does."""
        said = DASHBOARD.fullmatch(user_agent)
        if said is None:
            return
        known = self._dashboards
        if said["name"] in known or len(known) < MAX_DASHBOARDS:
            known[said["name"]] = ProcessInfo(
                name=said["name"],
                part="dashboard",
                version=said["version"],
                started_ms=int(said["started"]),
                seen_ms=_now_ms(),
            )

    def start(self) -> None:
        """Give signs of life in a thread, until `leave`."""
        threading.Thread(target=self._work, name="presence", daemon=True).start()

    def _work(self) -> None:
        while True:
            self.sign()
            if self._is_over.wait(SIGN_S):
                return

    def sign(self) -> None:
        """Give a sign of life, and pass on those of the dashboards since the last one."""
        me = ProcessInfo(
            name=self.name,
            part=self._part,
            version=VERSION,
            started_ms=self._started_ms,
            seen_ms=_now_ms(),
        )
        noted, self._dashboards = self._dashboards, {}
        try:
            for process in (me, *noted.values()):
                self._store.processes.see(process)
        except StoreError as error:
            logger.warning("no sign of life name=%s reason=%s", self.name, error)

    def leave(self) -> None:
        """Say that this process ends."""
        self._is_over.set()
        try:
            self._store.processes.leave(self.name)
        except StoreError as error:
            logger.warning("no farewell name=%s reason=%s", self.name, error)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
