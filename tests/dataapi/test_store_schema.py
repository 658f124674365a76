"""Opening a store: settings that were measured, migrations that are safe, errors that say why."""

from __future__ import annotations

import multiprocessing
import shutil
from pathlib import Path

import peewee
import pytest
from playhouse.migrations import Runner
from playhouse.schema_diff import diff_models

from dataapi.store import Store, StoreBusyError, StoreUnavailableError, open_store
from dataapi.store.database import Connections, execute
from dataapi.store.models import ALL
from dataapi.store.schema import CONTRACT, MIGRATIONS


def described(database: peewee.Database) -> dict[str, object]:
    """Return everything the database says about our tables."""
    tables: dict[str, object] = {}
    for model in ALL:
        name = model._meta.table_name
        columns = {
            (column.name, column.data_type.upper(), column.null, column.primary_key)
            for column in database.get_columns(name)
        }
        keys = {
            (key.column, key.dest_table, key.dest_column) for key in database.get_foreign_keys(name)
        }
        indexes = {(tuple(i.columns), i.unique) for i in database.get_indexes(name)}
        tables[name] = (columns, keys, indexes)
    return tables


def test_migrations_make_what_the_models_say(each_store, each_database_url, tmp_path):
    connections = Connections(each_store.url, max_connections=2)
    with connections.session() as database:
        assert not diff_models(database, ALL)
        migrated = described(database)
        for model in reversed(ALL):
            execute(database, f'DROP TABLE "{model._meta.table_name}"')
        with database.bind_ctx(ALL):
            database.create_tables(ALL)
        assert migrated == described(database)
    connections.close()


def test_deleting_a_parent_deletes_its_rows_in_every_table(each_store):
    connections = Connections(each_store.url, max_connections=2)
    with connections.session() as database:
        if connections.is_sqlite:
            sql = "SELECT COUNT(*) FROM sqlite_master WHERE sql LIKE '%ON DELETE CASCADE%'"
        else:
            sql = "SELECT COUNT(*) FROM pg_constraint WHERE confdeltype = 'c'"
            sql += " AND connamespace = current_schema()::regnamespace"
        n_cascades = execute(database, sql).fetchone()[0]
    connections.close()

    assert n_cascades == len([m for m in ALL if m._meta.refs]) == 10


def test_sqlite_runs_with_the_measured_settings(tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'a' / 'b.db'}")
    connections = Connections(store.url, max_connections=1)
    with connections.session() as database:
        values = {
            name: execute(database, f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    connections.close()
    store.close()

    # synchronous 1 is NORMAL.
    assert values == {
        "journal_mode": "wal",
        "synchronous": 1,
        "foreign_keys": 1,
        "busy_timeout": 30_000,
    }


def test_a_sqlite_transaction_takes_the_write_lock_at_once(tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'a.db'}")
    first = Connections(store.url, max_connections=1)
    second = Connections(store.url, max_connections=1)
    second.database.init(second.database.database, timeout=0)

    with (
        first.transaction(),
        pytest.raises(StoreUnavailableError, match="locked"),
        second.transaction(),
    ):
        pass

    for closing in (first, second, store):
        closing.close()


def _open(url: str, barrier: object, results: object) -> None:
    barrier.wait()  # type: ignore[attr-defined]
    try:
        store = open_store(url)
        results.put(store.pending_migrations())  # type: ignore[attr-defined]
        store.close()
    except Exception as error:  # noqa: BLE001 - the test shows whatever went wrong
        results.put(repr(error))  # type: ignore[attr-defined]


def test_four_processes_may_open_an_empty_store_at_once(each_database_url):
    spawn = multiprocessing.get_context("spawn")
    barrier, results = spawn.Barrier(4), spawn.Queue()
    openers = [
        spawn.Process(target=_open, args=(each_database_url, barrier, results)) for _ in range(4)
    ]
    for opener in openers:
        opener.start()
    answers = [results.get(timeout=60) for _ in openers]
    for opener in openers:
        opener.join(60)

    assert answers == [[], [], [], []]
    store = open_store(each_database_url)
    connections = Connections(store.url, max_connections=2)
    with connections.session() as database:
        applied = execute(database, "SELECT name FROM schema_migration ORDER BY name").fetchall()
    connections.close()
    store.close()
    assert [name for (name,) in applied] == sorted(path.stem for path in MIGRATIONS.glob("0*.py"))


def test_a_store_that_is_not_migrated_says_what_is_missing(each_database_url):
    store = open_store(each_database_url, migrate=False)

    names = ["0001_initial", "0002_jobs", "0003_long_jobs", "0004_sweeps"]
    names.append("0005_processes")
    assert store.pending_migrations() == names
    assert store.migrate() == names
    assert store.pending_migrations() == []
    assert store.migrate() == []
    store.close()


def note_migration(store: Store, name: str) -> None:
    connections = Connections(store.url, max_connections=2)
    with connections.session() as database:
        sql = "INSERT INTO schema_migration (name, applied) VALUES (?, ?)"
        execute(database, sql.replace("?", database.param), (name, "2030-01-01"))
    connections.close()


def test_a_store_from_which_a_newer_version_took_something_is_refused(each_store):
    note_migration(each_store, "9999_contract_later")

    with pytest.raises(StoreUnavailableError, match="9999_contract_later, which this version"):
        each_store.pending_migrations()


def test_code_runs_on_a_schema_to_which_a_newer_version_added(each_store, make_bars):
    note_migration(each_store, "9999_later")
    connections = Connections(each_store.url, max_connections=2)
    with connections.session() as database:
        execute(database, "ALTER TABLE series ADD COLUMN later TEXT NOT NULL DEFAULT ''")
        execute(database, "CREATE TABLE later (id INTEGER PRIMARY KEY)")
    connections.close()

    assert each_store.pending_migrations() == []
    each_store.series.save("A", "1d", make_bars(5), source="")
    assert [info.symbol for info in each_store.series.list()] == ["A"]


def columns(database: peewee.Database) -> dict[tuple[str, str], tuple[str, bool]]:
    """Return type and whether it must be given, for each column of each table."""
    found = {}
    for table in database.get_tables():
        for column in database.get_columns(table):
            must = not column.null and column.default is None
            found[table, column.name] = (column.data_type.upper(), must)
    return found


def test_migrations_only_add_what_older_code_need_not_know(each_database_url):
    connections = Connections(each_database_url, max_connections=2)
    names = [path.stem for path in sorted(MIGRATIONS.glob("0*.py")) if CONTRACT not in path.stem]
    with connections.session() as database:
        runner = Runner(database, str(MIGRATIONS))
        for name in names:
            before = columns(database)
            runner.up(target=name)
            after = columns(database)
            assert before.items() <= after.items(), name
            old_tables = {table for table, _ in before}
            new = {key: must for key, (_, must) in after.items() if key not in before}
            assert not [key for key, must in new.items() if must and key[0] in old_tables], name
    connections.close()


def test_a_migration_that_fails_half_way_leaves_everything_as_it_was(
    each_store, make_bars, monkeypatch, tmp_path
):
    each_store.series.save("A", "1d", make_bars(5), source="")
    shutil.copytree(MIGRATIONS, tmp_path / "migrations")
    (tmp_path / "migrations" / "9999_broken.py").write_text(
        "from dataapi.store.database import execute\n"
        "def up(migrator, db):\n"
        "    execute(db, 'CREATE TABLE half (id INTEGER PRIMARY KEY)')\n"
        "    execute(db, 'DELETE FROM series')\n"
        "    execute(db, 'SELECT missing FROM nowhere')\n"
    )
    monkeypatch.setattr("dataapi.store.schema.MIGRATIONS", tmp_path / "migrations")

    with pytest.raises((StoreUnavailableError, peewee.DatabaseError), match="nowhere"):
        each_store.migrate()

    assert each_store.pending_migrations() == ["9999_broken"]
    # To the release before, which goes on, nothing has happened.
    monkeypatch.undo()
    assert each_store.pending_migrations() == []
    assert [info.symbol for info in each_store.series.list()] == ["A"]
    connections = Connections(each_store.url, max_connections=1)
    with connections.session() as database:
        assert "half" not in database.get_tables()
    connections.close()


def test_two_stores_of_one_process_do_not_mix(tmp_path, make_bars):
    stores = [open_store(f"sqlite:///{tmp_path / name}.db") for name in ("a", "b")]
    stores[0].series.save("A", "1d", make_bars(5), source="")

    assert [len(store.series.list()) for store in stores] == [1, 0]
    for store in stores:
        store.close()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://root:secret@host/x", "starts with 'mysql'"),
        ("hindcast.db", "Expected a database address"),
        ("sqlite:///", "Expected the path of a SQLite file"),
        ("sqlite:///:memory:", "Expected the path of a SQLite file"),
        ("postgresql://nobody@127.0.0.1:1/x", "not available"),
        ("sqlite:////proc/nowhere/x.db", "Cannot create the directory of /proc/nowhere/x.db"),
    ],
)
def test_an_address_that_leads_nowhere_is_refused(url, message):
    with pytest.raises(StoreUnavailableError, match=message) as caught:
        open_store(url)

    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database_is_refused(tmp_path):
    path = tmp_path / "a.db"
    path.write_text("this is a text file, and long enough to be looked at as a database" * 10)

    with pytest.raises(StoreUnavailableError, match="not a database"):
        open_store(f"sqlite:///{path}")


@pytest.mark.postgres
def test_a_pool_without_a_free_connection_says_so(postgres_url, monkeypatch):
    monkeypatch.setattr("dataapi.store.database.POOL_TIMEOUT_S", 1)
    connections = Connections(postgres_url, max_connections=1)
    import threading

    failures: list[Exception] = []

    def wait_in_vain() -> None:
        try:
            with connections.session():
                pass
        except StoreBusyError as error:
            failures.append(error)

    with connections.session():
        thread = threading.Thread(target=wait_in_vain)
        thread.start()
        thread.join(10)
    connections.close()

    assert "store.max_connections" in str(failures[0])


@pytest.mark.postgres
def test_a_connection_that_the_server_ended_is_replaced(postgres_url):
    connections = Connections(postgres_url, max_connections=2)
    with connections.session() as database:
        pid = execute(database, "SELECT pg_backend_pid()").fetchone()[0]
    other = Connections(postgres_url, max_connections=1)
    with other.session() as database:
        execute(database, "SELECT pg_terminate_backend(%s)", (pid,))
    other.close()

    with connections.session() as database:
        assert execute(database, "SELECT 1").fetchone() == (1,)
    connections.close()


def test_size_is_that_of_the_file(tmp_path, make_bars):
    path = Path(tmp_path / "a.db")
    store: Store = open_store(f"sqlite:///{path}")
    before = store.size_bytes()

    store.series.save("A", "1d", make_bars(20_000), source="")

    assert store.size_bytes() > before > 0
    store.close()
