"""The three roles of the database can do what they are for and nothing else, on a real Postgres."""

import subprocess

import psycopg
import pytest

from config.run import RunConfig
from config.settings import ROOT, load_settings
from dataapi.services.bundled_runs import service
from dataapi.services.pruning import Pruning
from dataapi.store import open_store
from dataapi.store.backups import back_up, restore
from tests.apps import config, save_waves
from tests.components import require_program
from tests.dataapi.postgres import binaries, missing_postgres, running_server
from tests.deploy.playbooks import templates

ROLE = ROOT / "ansible" / "roles" / "postgres"
NAMES = ("hindcast_owner", "hindcast", "hindcast_backup")
pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def urls():
    """Addresses of the database for each role, set up by what the playbooks run, twice."""
    programs = binaries()
    if programs is None:
        missing_postgres()
    require_program("psql", "postgresql-client")
    statements = templates("postgres")
    values = {"postgres_roles": [{"name": name} for name in NAMES]}
    with running_server(programs) as server:
        said = []
        for name, database in (("roles", "postgres"), ("rights", "hindcast")) * 2:
            sql = statements.get_template(f"{name}.sql.j2").render(values)
            url = server.replace("/postgres?", f"/{database}?")
            done = subprocess.run(
                ["psql", "-X", "-At", "--set=ON_ERROR_STOP=1", url],
                input=sql,
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stderr
            said.append(done.stdout)
        # What is there already is not done again, so that a second run says nothing.
        assert said[0]
        assert said[1]
        assert said[2:] == ["", ""]
        own = server.replace("/postgres?", "/hindcast?")
        yield {name: own.replace("postgres@", f"{name}@") for name in NAMES}


@pytest.fixture(scope="module")
def run_id(urls):
    """A run that the processes stored, in a schema that the owner made."""
    owned = open_store(urls["hindcast_owner"], max_connections=1)
    owned.close()
    store = open_store(urls["hindcast"], max_connections=2)
    save_waves(store)
    submitted = service(store, load_settings({})).submit(RunConfig.model_validate(config()))
    store.close()
    return submitted.id


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (id INTEGER)",
        "DROP TABLE run",
        "ALTER TABLE run ADD COLUMN mine TEXT",
        "TRUNCATE run",
        "CREATE ROLE mine",
        "CREATE DATABASE mine",
        "CREATE SCHEMA mine",
        "SELECT pg_read_file('/etc/passwd')",
        "COPY run TO PROGRAM 'cat'",
    ],
)
@pytest.mark.parametrize("name", ["hindcast", "hindcast_backup"])
def test_neither_the_processes_nor_backups_can_do_more_than_they_need(
    urls, run_id, name, statement
):
    with (
        psycopg.connect(urls[name], autocommit=True) as connection,
        pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedFunction)),
    ):
        connection.execute(statement)


@pytest.mark.parametrize(
    "statement", ["DELETE FROM run", "UPDATE run SET status = ''", "INSERT INTO job DEFAULT VALUES"]
)
def test_backups_only_read(urls, run_id, statement):
    with (
        psycopg.connect(urls["hindcast_backup"]) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement)


def test_the_processes_may_prune(urls, run_id, tmp_path):
    with psycopg.connect(urls["hindcast_owner"]) as owner:
        owner.execute(
            "INSERT INTO job (kind, subject, executor, state, attempts, token, due_ms, created_ms, "
            "updated_ms, worker, progress, unit, note, is_cancelled) VALUES "
            "('sweep', 'nothing', '', 'failed', 1, 1, 0, 0, 0, '', 0, '', '', FALSE)"
        )
    place = {"HINDCAST_STORE_DATA_DIR": str(tmp_path), "HINDCAST_STORE_CACHE_DIR": str(tmp_path)}
    settings = load_settings(place)
    store = open_store(urls["hindcast"], max_connections=2)
    pruning = Pruning(store, settings, before_ms=1)

    done = pruning.carry_out(lambda *how_far: None)

    assert {item["kind"]: item["number"] for item in done["items"]}["jobs"] == 1
    assert pruning.find()["bytes"] == 0
    assert store.runs.table(run_id, "equity")["equity"].size > 0
    store.close()


def test_nobody_else_gets_in(urls):
    with psycopg.connect(urls["hindcast_owner"].replace("hindcast_owner@", "postgres@")) as one:
        one.execute("CREATE ROLE stranger LOGIN")

    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(urls["hindcast_owner"].replace("hindcast_owner@", "stranger@"))


def test_what_backups_read_the_owner_restores_and_the_processes_work_on(urls, run_id, tmp_path):
    backup = back_up(urls["hindcast_backup"], tmp_path)
    with psycopg.connect(urls["hindcast_owner"]) as owner:
        owner.execute("DROP TABLE run_blob")

    restore(urls["hindcast_owner"], backup.path)

    store = open_store(urls["hindcast"], max_connections=2)
    runs = service(store, load_settings({}))
    assert runs.table(run_id, "equity")["equity"].size > 0
    runs.submit(RunConfig.model_validate(config(cash=50_000)))
    assert store.runs.count() == 2
    store.close()
