"""A database address made into connections: SQLite for one host, Postgres for several.

The settings were measured; see ARCHITECTURE.md. With deferred transactions WAL lost 368 of 800
read-then-write transactions to "database is locked", with IMMEDIATE none of 4,000. Without a
waiting time the Postgres pool refused 52 of 64 requests at once.
"""

from __future__ import annotations

import fcntl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import peewee
from playhouse.pool import MaxConnectionsExceeded, PooledPostgresqlDatabase

from dataapi.store.errors import StoreBusyError, StoreUnavailableError

LOCK_TIMEOUT_S = 30
POOL_TIMEOUT_S = 5
STALE_TIMEOUT_S = 300
CONNECT_TIMEOUT_S = 5
# A process that is frozen inside a transaction holds locks that others wait for: as long as SQLite
# waits, then the server ends its session. None of our transactions pauses for a second.
IDLE_TIMEOUT_S = 30
# A database that was there a moment ago restarts: for so long new sessions wait for it, and look so
# often. Only some of a process' threads wait, the others are free to say at once that it is alive.
RESTART_TIMEOUT_S = 8.0
RESTART_POLL_S = 0.1
MOST_WAITING = 4
# Any number that nobody else uses: processes that migrate one database meet at it.
ADVISORY_LOCK = 0x48494E44


def execute(database: peewee.Database, sql: str, parameters: tuple[object, ...] = ()) -> Any:
    """Run one statement and return its cursor."""
    return database.execute_sql(sql, parameters)  # type: ignore[no-untyped-call]


class Connections:
    """Connections to one database; `session` hands one to the calling thread."""

    def __init__(self, url: str, *, max_connections: int) -> None:
        self.url = url
        self.database = _connect(url, max_connections)
        self.is_sqlite = isinstance(self.database, peewee.SqliteDatabase)
        # Whether Postgres could be reached when it was last tried.
        self._is_known = False
        self._waiting = threading.BoundedSemaphore(MOST_WAITING)

    @contextmanager
    def session(self) -> Iterator[peewee.Database]:
        """Hold a connection; nested sessions of a thread share it.

        SQLite keeps the thread's connection open; Postgres gives it back to the pool. While
        Postgres restarts the outermost session of a thread waits for it: nothing was done yet.

        Raises
        ------
        StoreUnavailableError
            If the database cannot be reached or stays locked.
        """
        is_outer = self.database.is_closed()
        try:
            self._reach()
            yield self.database
        except MaxConnectionsExceeded:
            raise StoreBusyError(
                f"All connections to the database are in use for {POOL_TIMEOUT_S} s: try again, "
                "or raise the setting store.max_connections."
            ) from None
        except (peewee.OperationalError, peewee.InterfaceError) as error:
            raise StoreUnavailableError(
                f"The database is not available: {_reason(error)}"
            ) from error
        except peewee.DatabaseError as error:
            # Its subclasses are our own faults; itself it says that the file is none, or damaged.
            if type(error) is not peewee.DatabaseError:
                raise
            raise StoreUnavailableError(
                f"The database cannot be read: {error}. Restore a backup."
            ) from error
        finally:
            if is_outer and not self.is_sqlite:
                self.database.close()

    def _reach(self) -> None:
        """Connect the thread; wait for a Postgres that could be reached until now."""
        try:
            self.database.connect(reuse_if_open=True)
        except peewee.OperationalError:
            if not self._is_known or not self._waiting.acquire(blocking=False):
                raise
            try:
                self._try_again()
            finally:
                self._waiting.release()
        self._is_known = not self.is_sqlite

    def _try_again(self) -> None:
        deadline = time.monotonic() + RESTART_TIMEOUT_S
        while True:
            time.sleep(RESTART_POLL_S)
            try:
                self.database.connect(reuse_if_open=True)
                return
            except peewee.OperationalError:
                if time.monotonic() > deadline:
                    # After a wait in vain everybody is told at once, until it is back.
                    self._is_known = False
                    raise

    @contextmanager
    def transaction(self) -> Iterator[peewee.Database]:
        """Hold a connection and one transaction: everything inside is stored, or nothing."""
        with self.session() as database, database.atomic():
            yield database

    @contextmanager
    def exclusive(self) -> Iterator[peewee.Database]:
        """Hold a connection while no other process is inside `exclusive` on this database.

        Not a transaction: a migration rebuilds SQLite tables with foreign keys switched off,
        which works outside transactions only. So SQLite is guarded by a file beside it.
        """
        if self.is_sqlite:
            with _locked_file(Path(f"{self.database.database}.lock")), self.session() as database:
                yield database
            return
        with self.session() as database:
            execute(database, "SELECT pg_advisory_lock(%s)", (ADVISORY_LOCK,))
            try:
                yield database
            finally:
                execute(database, "SELECT pg_advisory_unlock(%s)", (ADVISORY_LOCK,))

    def size_bytes(self) -> int:
        """Return how much the database takes on disk."""
        with self.session() as database:
            if self.is_sqlite:
                query = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
            else:
                query = "SELECT pg_database_size(current_database())"
            return int(execute(database, query).fetchone()[0])

    def pool(self) -> dict[str, int]:
        """Return how many connections are used and idle, and the limit; empty without a pool."""
        if self.is_sqlite:
            return {}
        pool = self.database
        # Its own lists: peewee tells nobody how full the pool is.
        return {
            "used": len(pool._in_use),
            "idle": len(pool._connections),
            "limit": pool._max_connections,
        }

    def close(self) -> None:
        """Close this thread's connection and the pool's."""
        if isinstance(self.database, PooledPostgresqlDatabase):
            self.database.close_all()
        else:
            self.database.close()


def _reason(error: BaseException) -> str:
    """Return why a database refused, and what helps where the disk is full.

    SQLite then ends the transaction by itself, so the ROLLBACK after it fails and hides the cause.
    """
    while "no transaction is active" in str(error) and error.__context__ is not None:
        error = error.__context__
    helps = "; free some space on its disk" if "disk is full" in str(error) else ""
    return f"{error}{helps}"


def _connect(url: str, max_connections: int) -> Any:
    scheme, separator, rest = url.partition("://")
    if separator and scheme == "sqlite":
        return _connect_sqlite(rest.removeprefix("/"))
    if separator and scheme in {"postgresql", "postgres"}:
        return _PostgresPool(
            f"postgresql://{rest}",
            max_connections=max_connections,
            timeout=POOL_TIMEOUT_S,
            stale_timeout=STALE_TIMEOUT_S,
            connect_timeout=CONNECT_TIMEOUT_S,
            prefer_psycopg3=True,
        )
    raise StoreUnavailableError(
        f"Expected a database address such as sqlite:////var/lib/hindcast/hindcast.db or "
        f"postgresql://user@host/name, was one that starts with {url.split(':')[0]!r}."
    )


def _connect_sqlite(path: str) -> peewee.Database:
    if not path or path == ":memory:":
        raise StoreUnavailableError(
            "Expected the path of a SQLite file: a store in memory is private to one connection."
        )
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailableError(
            f"Cannot create the directory of {path}: {error.strerror}."
        ) from None
    return peewee.SqliteDatabase(
        path,
        timeout=LOCK_TIMEOUT_S,
        lock_type="IMMEDIATE",
        pragmas={"synchronous": "normal", "foreign_keys": 1},
    )


class _Postgres(peewee.PostgresqlDatabase):
    def _connect(self) -> Any:
        connection = super()._connect()  # type: ignore[misc]
        timeout_ms = IDLE_TIMEOUT_S * 1000
        connection.execute(f"SET idle_in_transaction_session_timeout = {timeout_ms}")
        return connection


class _PostgresPool(PooledPostgresqlDatabase, _Postgres):  # type: ignore[misc]
    """The pool makes its connections by the class above."""


@contextmanager
def _locked_file(path: Path) -> Iterator[None]:
    try:
        file = path.open("a")
    except OSError as error:
        raise StoreUnavailableError(f"Cannot write {path}: {error.strerror}.") from None
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
