"""A throw-away Postgres server of the tests' own, from Debian's package."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

BINARIES = Path("/usr/lib/postgresql")
START_TIMEOUT_S = 30.0
# Nothing here has to survive a crash.
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=")


def missing_postgres() -> None:
    """Skip, or fail under CI=true, where a missing component must not pass for a tested one."""
    message = "no Postgres server here: apt-get install postgresql"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


def binaries() -> Path | None:
    """Return the directory of the newest server's programs, or None."""
    found = sorted(BINARIES.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


class Server:
    """A server on a private socket, which may be stopped and started again.

    Attributes
    ----------
    url : str
        The address of its first database.
    """

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._directory = Path(tempfile.mkdtemp(prefix="hindcast-pg-"))
        if os.geteuid() == 0:
            shutil.chown(self._directory, "postgres", "postgres")
        self._data = self._directory / "data"
        options = ("-D", self._data, "-U", "postgres", "-A", "trust", "-N")
        subprocess.run(
            [*_as_postgres(), programs / "initdb", *options], check=True, capture_output=True
        )
        self.url = f"postgresql://postgres@/postgres?host={self._directory}"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        log = self._directory / "server.log"
        options = [part for option in FAST for part in ("-c", option)]
        place = ("-D", self._data, "-k", self._directory)
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [*_as_postgres(), self._programs / "postgres", *place, *options],
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        _wait_until_ready(self.url, self._process, log)

    def stop(self) -> None:
        """Stop the server at once: whoever is connected is cut off."""
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def remove(self) -> None:
        """Remove what a stopped server has left."""
        shutil.rmtree(self._directory, ignore_errors=True)


@contextmanager
def running(programs: Path) -> Iterator[Server]:
    """Run a server of the test's own."""
    server = Server(programs)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        server.remove()


@contextmanager
def running_server(programs: Path) -> Iterator[str]:
    """Run a server on a private socket; yield the address of its first database."""
    with running(programs) as server:
        yield server.url


@contextmanager
def fresh_schema(server_url: str) -> Iterator[str]:
    """Make an empty schema in a database; yield the address that leads into it; drop it.

    A schema of its own takes 10 ms, a database of its own half a second.
    """
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
        mark = "&" if "?" in server_url else "?"
        try:
            yield f"{server_url}{mark}options=-csearch_path%3D{name}"
        finally:
            connection.execute(f"DROP SCHEMA {name} CASCADE")


def _as_postgres() -> list[str]:
    """Return what runs a program as `postgres`, which ends when the tests end."""
    words = ["setpriv", "--pdeathsig", "INT"]
    if os.geteuid() == 0:
        words += ["--reuid", "postgres", "--regid", "postgres", "--clear-groups"]
    return words


def _wait_until_ready(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            psycopg.connect(url, connect_timeout=1).close()
            return
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"Postgres did not start:\n{log.read_text()}") from None
            time.sleep(0.05)
