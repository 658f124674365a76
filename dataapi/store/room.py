"""Room inside SQLite's file that removed rows left: how much, and giving it back to the disk.

A store made by this version gives room back in small steps, between which others write. One made
before could do so only after its file was written anew once, and nobody writes meanwhile. Postgres
uses the room again by itself.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import peewee

from dataapi.store.database import LOCK_TIMEOUT_S, Connections, execute
from dataapi.store.errors import NoRoomError

STEP_PAGES = 256
"""Four megabytes a transaction, some hundredths of a second."""

PAUSE_S = 0.01
"""Between two steps: whoever waits for the lock looks for it about so often."""

LOG_WAIT_MS = 500
LOG_ATTEMPTS = 10
"""For a reader to end before the log is emptied: little by little, for nobody writes meanwhile."""

INCREMENTAL = 2
"""What SQLite calls a file that can give back its free pages one by one."""

COPIES = 2
"""Of what the file holds: while it is written anew one is beside it and one in its log."""


class RoomStore:
    """The room of removed rows; reached as `store.room`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    @property
    def is_ours(self) -> bool:
        """Return whether it is ours to give back: on SQLite."""
        return self._connections.is_sqlite

    @property
    def is_in_steps(self) -> bool:
        """Return whether the file can give back room in small steps."""
        return self._pragma("auto_vacuum") == INCREMENTAL

    def free_bytes(self) -> int:
        """Return how much of SQLite's file is free for new rows; 0 on Postgres."""
        return self._pragma("freelist_count") * self._pragma("page_size") if self.is_ours else 0

    def held_bytes(self) -> int:
        """Return how much of SQLite's file is not free."""
        return self._pragma("page_count") * self._pragma("page_size") - self.free_bytes()

    def give_back(self) -> Iterator[int]:
        """Give free room back in steps; yield how many bytes after each. May be left at any point.

        The file shrinks at the end, when its log is emptied into it.
        """
        free = self.free_bytes()
        while free:
            self._script(f"PRAGMA incremental_vacuum({STEP_PAGES})")
            before, free = free, self.free_bytes()
            yield before - free
            time.sleep(PAUSE_S)
        self._empty_log()

    def rewrite(self) -> int:
        """Write the file anew without its free room; return how many bytes went.

        From then on it can give back room in steps. Nobody can write meanwhile, reading goes on;
        a request that waits for longer than `database.LOCK_TIMEOUT_S` is refused.

        Raises
        ------
        NoRoomError
            If the disk has no room for it; nothing was done then.
        """
        before = self.held_bytes() + self.free_bytes()
        folder = Path(self._connections.database.database).parent
        needed, there = COPIES * self.held_bytes(), shutil.disk_usage(folder).free
        if needed > there:
            raise NoRoomError(
                f"Writing the store anew needs {needed / 1e6:,.0f} MB free in {folder}, "
                f"and there are {there / 1e6:,.0f} MB."
            )
        # Otherwise the copy would be made wherever temporary files go, often in memory.
        os.environ["SQLITE_TMPDIR"] = str(folder)
        self._script("PRAGMA auto_vacuum = incremental; VACUUM")
        self._empty_log()
        return before - self.held_bytes()

    def _empty_log(self) -> None:
        """Write the log into the file, which has its new length then.

        Where somebody reads on all the while, that is left to one who writes later.
        """
        with self._connections.session() as database:
            execute(database, f"PRAGMA busy_timeout = {LOG_WAIT_MS}")
            try:
                for _ in range(LOG_ATTEMPTS):
                    (is_busy, *_) = execute(database, "PRAGMA wal_checkpoint(truncate)").fetchone()
                    if not is_busy:
                        return
                    time.sleep(PAUSE_S)
            finally:
                execute(database, f"PRAGMA busy_timeout = {LOCK_TIMEOUT_S * 1000}")

    def _pragma(self, name: str) -> int:
        with self._connections.session() as database:
            return int(execute(database, f"PRAGMA {name}").fetchone()[0])

    def _script(self, sql: str) -> None:
        with self._connections.session() as database:
            connection: Any = database.connection()  # type: ignore[no-untyped-call]
            try:
                # As a script: of a statement without columns `execute` does the first step only,
                # and one step of giving back is one page.
                connection.executescript(sql)
            except sqlite3.DatabaseError as error:
                # peewee translates what it executes itself, and nothing else.
                raise peewee.OperationalError(str(error)) from error
