"""A backup is a whole store, and a restore brings every run back, on SQLite and on Postgres."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from config.run import RunConfig
from config.settings import ROOT, load_settings
from dataapi.cli import main
from dataapi.services.bundled_runs import service
from dataapi.store import RunQuery, open_store
from dataapi.store.backups import BackupError, back_up, backups, restore
from dataapi.store.database import Connections
from dataapi.store.database import execute as run_sql
from tests.apps import config, save_waves
from tests.components import require_program


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request, tmp_path):
    """A database of its own: a restore wants nobody else in it."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'data' / 'hindcast.db'}"
        return
    require_program("pg_dump", "postgresql-client")
    server = request.getfixturevalue("postgres_url")
    name = f"backup_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield server.replace("/postgres?", f"/{name}?")
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def fill(url, *fasts):
    """Store two series, and a run for each parameter; return everything about the runs."""
    store = open_store(url, max_connections=2)
    if not store.series.list():
        save_waves(store)
    runs = service(store, load_settings({}))
    for fast in fasts:
        strategy = {"name": "sma_cross", "params": {"fast": fast, "slow": 8}}
        runs.submit(RunConfig.model_validate(config(strategy=strategy)))
    store.close()
    return opened(url)


def opened(url):
    """Return every run with its document and its equity, read as a page would."""
    store = open_store(url, max_connections=2)
    runs = service(store, load_settings({}))
    ids = sorted(item["id"] for item in runs.page(RunQuery())["items"])
    found = {i: (runs.document(i), runs.table(i, "equity")["equity"].tolist()) for i in ids}
    store.close()
    return found


def execute(url, sql):
    connections = Connections(url, max_connections=1)
    with connections.session() as database:
        run_sql(database, sql)
    connections.close()


def test_a_dropped_table_comes_back_and_every_run_is_opened(url, tmp_path):
    before = fill(url, 3, 4, 5)
    backup = back_up(url, tmp_path / "backups")
    execute(url, "DROP TABLE run_blob")

    restore(url, backup.path)

    assert len(before) == 3
    assert opened(url) == before


def test_a_restore_undoes_what_came_after_the_backup(url, tmp_path):
    before = fill(url, 3)
    backup = back_up(url, tmp_path / "backups")
    assert len(fill(url, 4)) == 2

    restore(url, backup.path)

    assert opened(url) == before


def test_only_the_newest_backups_are_kept(url, tmp_path, monkeypatch):
    fill(url, 3)
    kind = "sqlite" if url.startswith("sqlite") else "postgres"
    moments = iter(range(4))
    monkeypatch.setattr("time.gmtime", lambda: time.localtime(next(moments) * 60))

    made = [back_up(url, tmp_path, keep=2).path for _ in range(4)]

    assert backups(tmp_path, kind) == [made[3], made[2]]


def test_a_store_that_somebody_has_open_is_not_replaced(url, tmp_path):
    fill(url, 3)
    backup = back_up(url, tmp_path / "backups").path
    # As a server does: Postgres' connections are given back, and stay open.
    store = open_store(url, max_connections=2)
    with held(store):
        with pytest.raises(BackupError, match="stop the data API and the workers first"):
            restore(url, backup)
        assert store.runs.count() == 1
    store.close()

    restore(url, backup)


@contextmanager
def held(store):
    """Have another process hold the store open: locks of one process do not see each other."""
    code = (
        "import sys, time; from dataapi.store import open_store; "
        "store = open_store(sys.argv[1], max_connections=2); "
        "print(store.runs.count(), flush=True); time.sleep(60)"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, store.url], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        assert other.stdout.readline() == "1\n"
        yield
    finally:
        other.kill()
        other.communicate()


@pytest.mark.parametrize("damage", [b"", b"this is no backup", None])
def test_a_backup_that_is_not_whole_is_refused_and_the_store_stays(url, tmp_path, damage):
    before = fill(url, 3)
    backup = back_up(url, tmp_path / "backups").path
    content = backup.read_bytes()
    backup.write_bytes(content[: len(content) // 2] if damage is None else damage)

    with pytest.raises(BackupError):
        restore(url, backup)

    assert opened(url) == before


def test_a_sqlite_store_is_put_aside_with_its_log(tmp_path):
    url = f"sqlite:///{tmp_path / 'hindcast.db'}"
    fill(url, 3)
    backup = back_up(url, tmp_path / "backups")
    later = fill(url, 4)

    aside = restore(url, backup.path)

    assert opened(f"sqlite:///{aside}") == later
    assert backup.n_runs == len(opened(url)) == 1


def test_a_backup_is_made_while_runs_are_stored(url, tmp_path):
    fill(url, 3)
    store = open_store(url, max_connections=4)
    runs = service(store, load_settings({}))

    def submit():
        for slow in range(9, 29):
            strategy = {"name": "sma_cross", "params": {"fast": 3, "slow": slow}}
            runs.submit(RunConfig.model_validate(config(strategy=strategy)))

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(submit)
        backup = back_up(url, tmp_path / "backups")
        writing.result()
    n_stored = store.runs.count()
    store.close()
    restore(url, backup.path)

    assert n_stored == 21
    # Of each run everything or nothing.
    assert 1 <= len(opened(url)) <= 21


def test_a_full_disk_leaves_no_backup_behind(tmp_path):
    url = f"sqlite:///{tmp_path / 'hindcast.db'}"
    fill(url, 3)
    folder = tmp_path / "backups"
    code = (
        "import resource, signal, sys; from pathlib import Path; "
        "from dataapi.store.backups import BackupError, back_up; "
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))\n"
        "try: back_up(sys.argv[1], Path(sys.argv[2]))\n"
        "except BackupError as error: print(error)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, url, folder], capture_output=True, text=True, cwd=ROOT
    )

    assert done.stdout.startswith("Cannot back"), done.stderr
    assert list(folder.iterdir()) == []


def test_the_commands_say_what_they_did(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("dataapi.cli.prepare_kernels", lambda directory: directory)
    for name in ("HINDCAST_STORE_URL", "HINDCAST_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    fill(f"sqlite:///{tmp_path / 'hindcast.db'}", 3)
    where = ["--data-dir", str(tmp_path)]

    assert main(["backup", *where, "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert main(["restore", "--newest", str(tmp_path / "backups"), *where, "--json"]) == 0
    restored = json.loads(capsys.readouterr().out)

    assert (made["runs"], made["path"]) == (1, restored["restored"])
    assert Path(restored["before"]).is_file()
    assert main(["restore", *where]) == 2
    assert "Say which backup" in capsys.readouterr().err
    assert main(["restore", str(tmp_path / "none.db"), *where]) == 1
    assert "There is no backup" in capsys.readouterr().err
