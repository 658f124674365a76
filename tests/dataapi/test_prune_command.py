"""`prune`: what is visible stays as it is to the last byte, what nobody refers to goes."""

# ruff: noqa: S311, S608 - seeded chance, and statements of the tests' own

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from config.settings import ROOT, load_settings
from dataapi.cli import main
from dataapi.services.bundled_runs import service
from dataapi.services.job_context import Services
from dataapi.services.pruning import Pruning
from dataapi.services.verification import verify
from dataapi.services.working import Lanes
from dataapi.store import open_store
from dataapi.store.backups import back_up
from tests.apps import api_app, config, save_waves, wave_bars
from tests.dataapi.test_api_sweeps import StopAfter, asked, cancel, small_blocks, worker_of
from tests.dataapi.test_api_walkforwards import asked as asked_windows
from tests.dataapi.test_store_runs import new_run

__all__ = ["small_blocks"]

API = "/api/v1"
DAY_S = 86_400
STAMPS = {
    "run": ("created_ms",),
    "run_entry": ("created_ms",),
    "job": ("created_ms", "updated_ms"),
    "study": ("created_ms",),
    "series_version": ("created_ms",),
}


@pytest.fixture
def cli(each_store, tmp_path, monkeypatch, capsys):
    """Run a command on the store, with a directory of data and one of kernels."""
    monkeypatch.setattr("dataapi.cli.prepare_kernels", lambda directory: directory)
    monkeypatch.delenv("HINDCAST_CONFIG", raising=False)
    monkeypatch.setenv("HINDCAST_STORE_URL", each_store.url)
    monkeypatch.setenv("HINDCAST_STORE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("HINDCAST_STORE_CACHE_DIR", str(tmp_path / "cache"))

    def call(*words):
        code = main([*words])
        captured = capsys.readouterr()
        assert code == 0, captured.err
        return json.loads(captured.out) if "--json" in words else captured.out

    return call


def age(sql, days):
    """Make everything in the store older."""
    for table, columns in STAMPS.items():
        changes = ", ".join(f"{column} = {column} - {days * DAY_S * 1000}" for column in columns)
        sql(f"UPDATE {table} SET {changes}")


def items(document):
    return {item["kind"]: item["number"] for item in document["items"]}


@pytest.fixture
def lived_in(each_store, sql, monkeypatch, small_blocks):
    """A store with runs and studies of every fate; its address book of what is visible."""
    for n_bars in range(200, 400, 20):
        each_store.series.save("AAPL", "1d", wave_bars(n_bars), source="daily.csv")
    age(sql, 30)
    save_waves(each_store)
    client = api_app(each_store).test_client()
    strategies = [{"name": "sma_cross", "params": {"fast": f, "slow": 9}} for f in range(2, 6)]
    runs = [client.post(f"{API}/runs", json=config(strategy=s)).json["id"] for s in strategies]
    settings = load_settings({})
    services = Services(runs=service(each_store, settings), settings=settings)
    assert Lanes(services).work_off() == 4
    done = client.post(f"{API}/sweeps", json=asked()).json["id"]
    windows = client.post(f"{API}/walkforwards", json=asked_windows()).json["id"]
    while worker_of(each_store).work_once():
        pass
    stopped = client.post(f"{API}/sweeps", json=asked(objective="cagr")).json["id"]
    with monkeypatch.context() as patch:
        StopAfter(patch, 2, cancel)
        assert worker_of(each_store).work_once()
    client.delete(f"{API}/runs/{runs[3]}")
    gone = client.post(f"{API}/sweeps", json=asked(objective="calmar")).json["id"]
    client.delete(f"{API}/sweeps/{gone}")
    addresses = [
        "runs",
        "sweeps",
        "walkforwards",
        "trials",
        "series",
        f"compare?ids={runs[0]},{runs[1]}",
    ]
    parts = ("", "/about", "/analysis", "/equity", "/orders", "/fills", "/trades", "/bundle.json")
    addresses += [f"runs/{run_id}{part}" for run_id in runs[:3] for part in parts]
    for sweep in (done, stopped):
        addresses += [f"sweeps/{sweep}", f"sweeps/{sweep}/points?format=columns"]
    addresses += [f"walkforwards/{windows}{part}" for part in ("", "/equity", "/trades")]
    return runs[:3], addresses


def answers(store, addresses):
    """Return what a server that has just started answers."""
    client = api_app(store).test_client()
    found = {address: client.get(f"{API}/{address}") for address in addresses}
    assert {answer.status_code for answer in found.values()} == {200}
    return {address: (answer.data, answer.headers.get("ETag")) for address, answer in found.items()}


def test_everything_visible_is_the_same_afterwards_and_what_nobody_refers_to_is_gone(
    each_store, sql, cli, lived_in
):
    runs, addresses = lived_in
    each_store.runs.insert(new_run("unkept"))
    sql("DELETE FROM run_entry WHERE run_id = 'unkept'")
    sql(
        "INSERT INTO job (kind, subject, executor, state, attempts, token, due_ms, created_ms, "
        "updated_ms, worker, progress, unit, note, is_cancelled) VALUES "
        "('sweep', 'nothing', '', 'failed', 1, 1, 0, 0, 0, '', 0, '', '', FALSE)"
    )
    age(sql, 31)
    before = answers(each_store, addresses)
    all_runs = sql("SELECT id FROM run")
    ledger = sql("SELECT family, data, source_id, n_trials FROM trial_set ORDER BY id")

    found = cli("prune", "--json")

    # Ten versions of AAPL were replaced a month before the runs; the last one until then.
    wanted = {"runs": 1, "jobs": 3 + 1, "versions": 9}
    assert items(found).items() >= wanted.items()
    assert not found["is_done"]
    assert answers(each_store, addresses) == before

    done = cli("prune", "--yes", "--json")

    assert items(done).items() >= wanted.items()
    assert answers(each_store, addresses) == before
    assert sql("SELECT family, data, source_id, n_trials FROM trial_set ORDER BY id") == ledger
    assert set(sql("SELECT id FROM run")) == set(all_runs) - {("unkept",)}
    # The best of the sweep became a run, whose analysis still waits.
    assert sql("SELECT state, COUNT(*) FROM job WHERE kind = 'analysis' GROUP BY state") == [
        ("queued", 1)
    ]
    assert sql("SELECT id FROM job WHERE subject = 'nothing'") == []
    assert len(sql("SELECT i_block FROM job_block")) == 2
    verdicts = [verify(service(each_store, load_settings({})), run_id) for run_id in runs]
    assert [verdict["verdict"] for verdict in verdicts] == ["same"] * 3
    again = cli("prune", "--json")
    assert [(item["number"] or 0, item["bytes"]) for item in again["items"]] == [(0, 0)] * 6
    assert again["bytes"] == 0
    # The stopped sweep goes on where it stopped.
    stopped = next(
        a for a in addresses if a.startswith("sweeps/") and "cancelled" in str(before[a])
    )
    client = api_app(each_store).test_client()
    client.post(f"{API}/sweeps", json=asked(objective="cagr"))
    assert worker_of(each_store).work_once()
    assert client.get(f"{API}/{stopped}").json["status"] == "done"
    # And a run that went is made again under its id.
    assert each_store.runs.insert(new_run("unkept"))[1]


def test_a_request_for_a_run_that_is_being_removed_is_answered_with_a_run_that_stays(
    each_store, sql, reopened, tmp_path
):
    save_waves(each_store)
    client = api_app(reopened(each_store)).test_client()
    # The first one loads the kernels.
    assert client.post(f"{API}/runs", json=config()).status_code == 201
    end, before_ms = time.monotonic() + 3, time.time_ns() // 1_000_000 + DAY_S * 1000

    def remove():
        store, number = reopened(each_store), 0
        while time.monotonic() < end:
            number += sum(store.pruning.remove("runs", before_ms))
        return number

    answered = Counter()
    with ThreadPoolExecutor(1) as pool:
        removing = pool.submit(remove)
        while time.monotonic() < end:
            answer = client.post(f"{API}/runs", json=config())
            answered[answer.status_code] += 1
            run_id = answer.json["id"]
            assert [item["id"] for item in client.get(f"{API}/runs").json["items"]] == [run_id]
            assert len(client.get(f"{API}/runs/{run_id}/equity").json["time"]) > 300
            # As if its only reader had left it, and something had kept the content.
            sql("DELETE FROM run_entry")
        n_removed = removing.result(60)

    # Some requests found the content gone, some gave it an entry again in time.
    assert answered[201]
    assert n_removed


def test_what_is_younger_stays(each_store, sql, cli, lived_in):
    age(sql, 20)

    assert items(cli("prune", "--json"))["jobs"] == 0
    assert items(cli("prune", "--json", "--older-than", "2w"))["jobs"] == 3
    assert items(cli("prune", "--json", "--older-than", "19d", "--yes"))["jobs"] == 3


def test_files_of_the_host_go_and_are_counted(each_store, tmp_path, cli):
    kernels = tmp_path / "cache" / "kernels" / "0123456789abcdef" / "engine_0"
    left = tmp_path / "backups" / ".hindcast-20200101T000000Z.db.unfinished"
    young = tmp_path / "backups" / ".hindcast-20260101T000000Z.db.unfinished"
    for path, size in ((kernels / "broker.nbc", 70_000), (left, 5_000), (young, 100)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
    long_ago = time.time() - 31 * DAY_S
    for path in (kernels.parent, left):
        os.utime(path, (long_ago, long_ago))

    text = cli("prune")
    assert "Compiled kernels of other versions             1     70.0 kB" in text
    assert "Interrupted backups and restores               1      5.0 kB" in text
    assert "75.0 kB can go. Nothing was removed: --yes does it." in text
    assert left.exists()
    assert "75.0 kB went; the store takes" in cli("prune", "--yes")

    assert not kernels.parent.exists()
    assert not left.exists()
    assert young.exists()
    assert "Nothing can go." in cli("prune")


def test_a_backup_removes_what_a_killed_one_left(tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'hindcast.db'}")
    left = tmp_path / "backups" / ".hindcast-20200101T000000Z.db.unfinished"
    young = tmp_path / "backups" / ".hindcast-20200102T000000Z.db.unfinished"
    left.parent.mkdir()
    for path, hours in ((left, 25), (young, 1)):
        path.write_bytes(b"x")
        then = time.time() - hours * 3600
        os.utime(path, (then, then))

    made = back_up(store.url, left.parent)

    store.close()
    assert sorted(left.parent.iterdir()) == [young, made.path]


def test_the_room_is_given_back_and_what_cannot_be_is_said(each_store, cli, tmp_path, monkeypatch):
    for i in range(200):
        each_store.runs.insert(new_run(f"run{i}"))
    for i in range(1, 200):
        each_store.runs.delete(f"run{i}")
    before = each_store.size_bytes()
    if not each_store.room.is_ours:
        assert "Postgres keeps the room of removed rows" in cli("prune", "--yes")
        return
    free = each_store.room.free_bytes()
    # As a large store of before: nothing is done to it unasked.
    each_store.room._script("PRAGMA auto_vacuum = none; VACUUM")
    for i in range(1, 50):
        each_store.runs.insert(new_run(f"run{i}"))
    for i in range(1, 50):
        each_store.runs.delete(f"run{i}")
    monkeypatch.setattr("dataapi.services.pruning.UNASKED_BYTES", 1000)
    (said,) = cli("prune", "--json")["notes"]
    assert "--vacuum gives them to the disk, by writing the file anew once" in said
    assert cli("prune", "--yes", "--json")["items"][-1]["bytes"] == 0
    assert each_store.room.free_bytes() > 0
    aside = tmp_path / "hindcast.db.before-20200101T000000Z"
    aside.write_bytes(b"x" * 2_000_000)

    done = cli("prune", "--yes", "--vacuum", "--json")

    assert done["bytes"] == done["items"][-1]["bytes"] > 0
    assert each_store.size_bytes() == done["store_bytes"] <= before - free
    (said,) = done["notes"]
    assert "Restores put 2.0 MB aside" in said
    assert aside.exists()


PRUNE = """
import sys, time
from config.settings import load_settings
from dataapi.services.pruning import Pruning
from dataapi.store import open_store, pruning
pruning.BATCH = 5
store = open_store(sys.argv[1])
place = {"HINDCAST_STORE_DATA_DIR": sys.argv[2], "HINDCAST_STORE_CACHE_DIR": sys.argv[2]}
settings = load_settings(place)

def report(kind, done, total):
    print(kind, done, flush=True)
    time.sleep(0.02)

Pruning(store, settings, before_ms=int(sys.argv[3])).carry_out(report)
"""


def test_killed_at_any_moment_it_has_done_whole_steps_and_the_next_one_does_the_rest(
    each_store, sql, tmp_path
):
    chance = random.Random(7)
    for i in range(120):
        each_store.runs.insert(new_run(f"run{i}"), name=f"name {i}")
    kept = sorted(f"run{i}" for i in range(0, 120, 4))
    names = ", ".join(f"'{run_id}'" for run_id in kept)
    sql(f"DELETE FROM run_entry WHERE run_id NOT IN ({names})")
    before_ms = time.time_ns() // 1_000_000 + DAY_S * 1000
    words = [sys.executable, "-c", PRUNE, each_store.url, str(tmp_path), str(before_ms)]
    counts = [120]
    for n_steps in (1, 3, 2):
        process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE)
        for _ in range(n_steps):
            assert process.stdout.readline().startswith(b"runs ")
        time.sleep(chance.uniform(0.0, 0.03))
        process.kill()
        process.communicate(timeout=30)
        counts.append(each_store.runs.count())
        assert each_store.runs.table("run4", "equity")["time"].size == 1000
    assert counts == sorted(counts, reverse=True)
    assert 120 > counts[1] > counts[3] > len(kept)

    place = {"HINDCAST_STORE_DATA_DIR": str(tmp_path), "HINDCAST_STORE_CACHE_DIR": str(tmp_path)}
    settings = load_settings(place)
    pruning = Pruning(each_store, settings, before_ms=before_ms)
    pruning.carry_out(lambda *how_far: None)

    assert sorted(run_id for (run_id,) in sql("SELECT id FROM run")) == kept
    for table, column in (("run_blob", "run_id"), ("run_symbol", "run_id"), ("job", "subject")):
        assert sorted({row for (row,) in sql(f"SELECT {column} FROM {table}")}) == kept
    assert sum(item["number"] or 0 for item in pruning.find()["items"]) == 0
