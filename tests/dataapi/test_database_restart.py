"""A Postgres that restarts: who comes meanwhile waits, and whoever waited in vain is told."""

import threading
import time

import pytest

from dataapi.store import StoreUnavailableError
from dataapi.store.database import Connections, execute
from tests.dataapi.postgres import binaries, missing_postgres, running

pytestmark = pytest.mark.postgres


@pytest.fixture
def server():
    """A server that the test may stop."""
    programs = binaries()
    if programs is None:
        missing_postgres()
    with running(programs) as server:
        yield server


@pytest.fixture
def connections(server):
    connections = Connections(server.url, max_connections=8)
    yield connections
    connections.close()


def ask(connections):
    with connections.session() as database:
        return execute(database, "SELECT 1").fetchone()[0]


def together(work, count):
    """Return what so many threads found, or the error that they met."""
    found = []

    def run():
        try:
            found.append(work())
        except StoreUnavailableError as error:
            found.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads, found


def test_sessions_wait_for_a_database_that_restarts(server, connections):
    ask(connections)
    server.stop()
    threads, found = together(lambda: ask(connections), 3)
    time.sleep(0.5)
    assert found == []

    server.start()
    for thread in threads:
        thread.join(10)

    assert found == [1, 1, 1]


def test_only_some_wait_so_that_others_can_be_told(server, connections, monkeypatch):
    monkeypatch.setattr("dataapi.store.database.RESTART_TIMEOUT_S", 60.0)
    ask(connections)
    server.stop()

    threads, found = together(lambda: ask(connections), 6)
    # Four wait; two do not: they would hold the threads that say that the process is alive.
    for _ in range(100):
        if len(found) == 2:
            break
        time.sleep(0.05)
    assert [type(one) for one in found] == [StoreUnavailableError] * 2
    server.start()
    for thread in threads:
        thread.join(10)

    assert found[2:] == [1] * 4


def test_after_a_wait_in_vain_nobody_waits_until_it_is_back(server, connections, monkeypatch):
    monkeypatch.setattr("dataapi.store.database.RESTART_TIMEOUT_S", 3.0)
    ask(connections)
    server.stop()

    started = time.monotonic()
    with pytest.raises(StoreUnavailableError, match="not available"):
        ask(connections)
    waited = time.monotonic()
    with pytest.raises(StoreUnavailableError, match="not available"):
        ask(connections)
    told = time.monotonic()

    assert waited - started > 3.0
    assert told - waited < 3.0
    server.start()
    assert ask(connections) == 1


def test_what_is_half_done_is_not_done_again(server, connections):
    def interrupted():
        with connections.transaction() as database:
            execute(database, "CREATE TABLE half (id INTEGER)")
            server.stop()
            server.start()
            execute(database, "INSERT INTO half VALUES (1)")

    with pytest.raises(StoreUnavailableError):
        interrupted()

    with connections.session() as database:
        assert "half" not in database.get_tables()


def test_an_address_where_nothing_ever_was_is_refused_at_once(monkeypatch):
    monkeypatch.setattr("dataapi.store.database.RESTART_TIMEOUT_S", 60.0)
    nowhere = Connections("postgresql://nobody@127.0.0.1:1/x", max_connections=1)

    with pytest.raises(StoreUnavailableError, match="not available"):
        ask(nowhere)
