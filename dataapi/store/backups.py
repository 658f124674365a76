"""Backups of the store: a copy that was read back before it is called one, and the way back.

SQLite is copied through its own online backup, while everybody goes on working; Postgres by
`pg_dump` and `pg_restore`, in one transaction.
"""

from __future__ import annotations

import fcntl
import math
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from dataapi.store.errors import StoreError, StoreUnavailableError

SUFFIXES = {"sqlite": ".db", "postgres": ".dump"}
STAMP = "%Y%m%dT%H%M%SZ"
PAGES_AT_ONCE = 1024
# The bytes of a SQLite file on which every open connection in WAL mode holds a shared lock.
SHARED_FIRST, SHARED_SIZE = 0x40000002, 510
PROGRAM_TIMEOUT_S = 4 * 3600
# What was begun so long ago and has no name yet was interrupted.
INTERRUPTED_S = 86_400.0
# Whoever restores owns what comes back, and the rights of others follow from that.
DUMP = ("--format=custom", "--no-owner", "--no-privileges")
RESTORE = ("--single-transaction", "--clean", "--if-exists", "--no-owner", "--no-privileges")


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A backup that was verified.

    Attributes
    ----------
    schema : str
        The newest migration in it.
    n_runs : int or None
        How many runs are in it; None for Postgres, whose dump is read when it is restored.
    """

    path: Path
    size_bytes: int
    schema: str | None
    n_runs: int | None


class BackupError(StoreError):
    """A backup could not be made, is none, or cannot be restored now."""


def back_up(url: str, folder: Path, *, keep: int | None = None) -> Backup:
    """Write a verified backup of the store into a folder.

    Parameters
    ----------
    url : str
        The store's address.
    folder : Path
        Made when it does not exist.
    keep : int, optional
        How many backups of this kind stay in the folder, this one included; None all.

    Raises
    ------
    BackupError
        If it cannot be written, or what was written is not a whole store.
    """
    kind, place = _kind(url)
    folder.mkdir(parents=True, exist_ok=True)
    for left in interrupted(url, folder, time.time() - INTERRUPTED_S):
        left.unlink(missing_ok=True)
    stamp = time.strftime(STAMP, time.gmtime())
    final = folder / f"hindcast-{stamp}{SUFFIXES[kind]}"
    unfinished = final.with_name(f".{final.name}.unfinished")
    try:
        if kind == "sqlite":
            _copy_sqlite(Path(place), unfinished)
            found = examine_sqlite(unfinished)
        else:
            _run("pg_dump", *DUMP, f"--file={unfinished}", url=url)
            found = examine_dump(unfinished)
        _sync(unfinished)
        unfinished.rename(final)
        _sync(folder)
    except OSError as error:
        raise BackupError(f"Cannot write a backup into {folder}: {error.strerror}.") from None
    finally:
        unfinished.unlink(missing_ok=True)
    if keep is not None:
        for old in backups(folder, kind)[keep:]:
            old.unlink()
    return Backup(path=final, size_bytes=found.size_bytes, schema=found.schema, n_runs=found.n_runs)


def backups(folder: Path, kind: str) -> list[Path]:
    """Return the backups in a folder, the newest first."""
    return sorted(folder.glob(f"hindcast-[0-9]*{SUFFIXES[kind]}"), reverse=True)


def interrupted(url: str, folder: Path, before_s: float) -> list[Path]:
    """Return what killed backups into a folder, and killed restores of the store, left behind.

    Parameters
    ----------
    url : str
        The store's address.
    folder : Path
    before_s : float
        Seconds since 1970; a file that was written to since may still be being written.
    """
    kind, place = _kind(url)
    found = [*folder.glob(".hindcast-*.unfinished*")]
    if kind == "sqlite":
        found += Path(place).parent.glob(f".{Path(place).name}.incoming*")
    return sorted(path for path in found if _written_s(path) < before_s)


def put_aside(url: str) -> list[Path]:
    """Return the stores that restores put aside, each with its log."""
    kind, place = _kind(url)
    if kind != "sqlite":
        return []
    return sorted(Path(place).parent.glob(f"{Path(place).name}.before-*"))


def newest(url: str, folder: Path) -> Path:
    """Return the newest backup of the store's kind in a folder.

    Raises
    ------
    BackupError
        If there is none.
    """
    kind, _ = _kind(url)
    found = backups(folder, kind)
    if not found:
        raise BackupError(f"There is no backup hindcast-…{SUFFIXES[kind]} in {folder}.")
    return found[0]


def restore(url: str, backup: Path) -> Path | None:
    """Put a backup in the store's place, all of it or nothing.

    Returns
    -------
    Path or None
        Where the store that was there is now; None when there was none, and for Postgres.

    Raises
    ------
    BackupError
        If the backup is not whole, or a process has the store open.
    """
    kind, place = _kind(url)
    if kind == "postgres":
        examine_dump(backup)
        _require_alone(url)
        # Of the schema its contents: the schema itself has rights that a dump does not know.
        _run("pg_restore", *RESTORE, "--schema=public", str(backup), url=url)
        return None
    examine_sqlite(backup)
    return _replace_sqlite(Path(place), backup)


def examine_sqlite(path: Path) -> Backup:
    """Return what a SQLite file holds, after it was read as a whole.

    Raises
    ------
    BackupError
        If it is damaged, or no store of ours.
    """
    if not path.is_file():
        raise BackupError(f"There is no backup {path}.")
    if not os.access(path, os.R_OK):
        raise BackupError(f"{path} cannot be read by this user: give it the right to.")
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as database:
            (verdict,) = database.execute("PRAGMA integrity_check(1)").fetchone()
            if verdict != "ok":
                raise BackupError(f"{path} is damaged: {verdict}.")
            if database.execute("PRAGMA foreign_key_check").fetchone() is not None:
                raise BackupError(f"{path} is damaged: rows whose parents are missing.")
            (schema,) = database.execute("SELECT MAX(name) FROM schema_migration").fetchone()
            (n_runs,) = database.execute("SELECT COUNT(*) FROM run").fetchone()
    except sqlite3.DatabaseError as error:
        raise BackupError(f"{path} is no backup of a store: {error}.") from None
    return Backup(path=path, size_bytes=path.stat().st_size, schema=schema, n_runs=n_runs)


def examine_dump(path: Path) -> Backup:
    """Return what is known of a dump, after its contents were decompressed once.

    Raises
    ------
    BackupError
        If it is damaged, or no dump of a store.
    """
    if not path.is_file():
        raise BackupError(f"There is no backup {path}.")
    # To nowhere: every block is read and decompressed.
    _run("pg_restore", "--file=/dev/null", str(path))
    tables = _run("pg_restore", "--list", str(path))
    if " TABLE DATA public schema_migration " not in tables:
        raise BackupError(f"{path} is no backup of a store: it has no table schema_migration.")
    return Backup(path=path, size_bytes=path.stat().st_size, schema=None, n_runs=None)


def _kind(url: str) -> tuple[str, str]:
    scheme, _, rest = url.partition("://")
    return ("sqlite", rest.removeprefix("/")) if scheme == "sqlite" else ("postgres", rest)


def _copy_sqlite(source: Path, target: Path) -> None:
    if not source.is_file():
        raise BackupError(f"There is no store at {source}.")
    try:
        with (
            closing(sqlite3.connect(source, timeout=30)) as store,
            closing(sqlite3.connect(target)) as copy,
        ):
            store.backup(copy, pages=PAGES_AT_ONCE)
            # One file: a backup has no log beside it.
            copy.execute("PRAGMA journal_mode = delete")
    except sqlite3.DatabaseError as error:
        raise BackupError(f"Cannot back {source} up: {error}.") from None


def _replace_sqlite(store: Path, backup: Path) -> Path | None:
    """Put a copy of the backup where the store is; the store's own files move aside together."""
    store.parent.mkdir(parents=True, exist_ok=True)
    incoming = store.with_name(f".{store.name}.incoming")
    try:
        shutil.copyfile(backup, incoming)
        _sync(incoming)
        examine_sqlite(incoming)
        aside = None
        if store.exists():
            stamp = time.strftime(STAMP, time.gmtime())
            aside = store.with_name(f"{store.name}.before-{stamp}")
            with _held_alone(store):
                # Its log first: beside the new file it would be taken for the new file's.
                for end in ("-wal", "-shm"):
                    log = store.with_name(store.name + end)
                    if log.exists():
                        log.rename(aside.with_name(aside.name + end))
                os.link(store, aside)
                incoming.rename(store)
        else:
            incoming.rename(store)
        _sync(store.parent)
    except OSError as error:
        raise BackupError(f"Cannot restore {store}: {error.strerror}.") from None
    finally:
        incoming.unlink(missing_ok=True)
    return aside


@contextmanager
def _held_alone(store: Path) -> Iterator[None]:
    """Hold the lock that every connection shares, so that none is open and none can be opened."""
    with store.open("r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, SHARED_SIZE, SHARED_FIRST)
        except OSError:
            raise BackupError(
                f"A process has {store} open: stop the data API and the workers first."
            ) from None
        yield


def _require_alone(url: str) -> None:
    query = (
        "SELECT COUNT(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND backend_type = 'client backend'"
    )
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            (n_others,) = connection.execute(query).fetchone() or (0,)
    except psycopg.OperationalError as error:
        raise StoreUnavailableError(f"The database is not available: {error}") from None
    if n_others:
        raise BackupError(
            f"{n_others} connections to the database are open: stop the data API and the workers "
            "first."
        )


def _run(program: str, *arguments: str, url: str | None = None) -> str:
    """Run a program of Postgres, on a database or not, and return what it wrote."""
    environment = dict(os.environ)
    if url is not None:
        known = conninfo_to_dict(url)
        # Everybody on the machine can read a command line.
        environment["PGPASSWORD"] = str(known.pop("password", ""))
        arguments = (*arguments[:-1], f"--dbname={make_conninfo('', **known)}", arguments[-1])
    try:
        done = subprocess.run(  # noqa: S603 - a program of ours to choose, its arguments apart
            [program, *arguments],
            capture_output=True,
            text=True,
            env=environment,
            timeout=PROGRAM_TIMEOUT_S,
        )
    except FileNotFoundError:
        raise BackupError(
            f"{program} is not installed (Debian: apt-get install postgresql-client)."
        ) from None
    if done.returncode != 0:
        raise BackupError(f"{program} failed: {done.stderr.strip()}")
    return done.stdout


def _written_s(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        # Finished just now: it has its name.
        return math.inf


def _sync(path: Path) -> None:
    """Have what was written survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
