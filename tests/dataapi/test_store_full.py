"""A store whose disk is full says so, loses nothing, and goes on when there is room."""

import pytest

from dataapi.store.database import Connections, execute
from dataapi.store.errors import StoreUnavailableError

ROW = "INSERT INTO notes VALUES (zeroblob(300000))"


@pytest.fixture
def connections(tmp_path):
    """Connections to a database that may have forty pages of 4 KiB."""
    found = Connections(f"sqlite:///{tmp_path}/hindcast.db", max_connections=4)
    with found.session() as database:
        execute(database, "CREATE TABLE notes (text BLOB)")
        execute(database, "PRAGMA max_page_count = 40")
    yield found
    found.database.close()


def test_a_full_disk_is_named_though_the_rollback_fails_too(connections):
    with (
        pytest.raises(StoreUnavailableError, match="disk is full; free some space on its disk"),
        connections.transaction() as database,
    ):
        execute(database, ROW)


def test_it_goes_on_when_there_is_room_again(connections):
    with pytest.raises(StoreUnavailableError), connections.transaction() as database:
        execute(database, ROW)

    with connections.transaction() as database:
        execute(database, "PRAGMA max_page_count = 400")
        execute(database, ROW)
        assert execute(database, "SELECT count(*) FROM notes").fetchone() == (1,)
