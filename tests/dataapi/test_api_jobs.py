"""Jobs over HTTP and on the command line."""

from __future__ import annotations

import json

import pytest

from dataapi.cli import main
from dataapi.store import Progress, open_store
from tests.apps import api_app
from tests.dataapi.counting import queue

API = "/api/v1"


@pytest.fixture
def client(store):
    return api_app(store).test_client()


def test_a_job_says_how_far_it_is(client, store):
    job_id = queue(store, "s1", executor="local")
    taken = store.jobs.take("host:1", lease_s=30)
    progress = Progress(progress=0.25, unit="points", rate=50.0, eta_s=3.0, note="block 2 of 8")
    store.jobs.renew(taken, lease_s=30, progress=progress)

    answer = client.get(f"{API}/jobs/{job_id}")
    assert answer.headers["Cache-Control"] == "no-store"
    document = dict(answer.json)
    assert document.pop("created") <= document.pop("updated")
    assert document == {
        "id": job_id,
        "kind": "count",
        "subject": "s1",
        "state": "running",
        "cancel_requested": False,
        "executor": "local",
        "progress": 0.25,
        "unit": "points",
        "rate": 50.0,
        "eta_s": 3.0,
        "note": "block 2 of 8",
        "attempts": 1,
        "worker": "host:1",
        "error": None,
    }


def test_a_job_is_cancelled_once_and_what_is_over_is_not(client, store):
    waiting, running, done = (queue(store, name) for name in ("a", "b", "c"))
    store.jobs.take("w", lease_s=30, job_id=running)
    store.jobs.finish(store.jobs.take("w", lease_s=30, job_id=done), lambda database: None)

    assert client.delete(f"{API}/jobs/{waiting}").json["state"] == "cancelled"
    assert client.delete(f"{API}/jobs/{waiting}").status_code == 200
    asked = client.delete(f"{API}/jobs/{running}").json
    assert (asked["state"], asked["cancel_requested"]) == ("running", True)
    refused = client.delete(f"{API}/jobs/{done}")
    assert refused.status_code == 409
    assert refused.json["detail"] == f"Job {done} is done already; there is nothing to cancel."


@pytest.mark.parametrize(
    ("path", "status"), [("999", 404), ("0", 422), ("x", 422), ("9" * 20, 422)]
)
def test_a_job_that_is_not_there_is_refused(client, path, status):
    assert client.get(f"{API}/jobs/{path}").status_code == status
    assert client.delete(f"{API}/jobs/{path}").status_code == status


def test_the_list_has_pages_and_filters(client, store):
    ids = [queue(store, f"s{i}") for i in range(3)]
    store.jobs.cancel(ids[0])

    first = client.get(f"{API}/jobs?limit=2").json
    assert [item["id"] for item in first["items"]] == [ids[2], ids[1]]
    second = client.get(f"{API}/jobs?limit=2&cursor={first['next_cursor']}").json
    assert [item["id"] for item in second["items"]] == [ids[0]]
    assert second["next_cursor"] is None
    cancelled = client.get(f"{API}/jobs?state=cancelled&kind=count").json["items"]
    assert [item["id"] for item in cancelled] == [ids[0]]
    for query in ("state=sleeping", "cursor=x", "limit=0", "unknown=1"):
        assert client.get(f"{API}/jobs?{query}").status_code == 422, query


@pytest.fixture
def cli(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("dataapi.cli.prepare_kernels", lambda directory: directory)
    for name in ("HINDCAST_STORE_URL", "HINDCAST_CONFIG"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments):
        code = main([*arguments, "--data-dir", str(tmp_path)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_the_command_line_lists_and_cancels(cli, tmp_path):
    assert cli("jobs") == (0, "No jobs.\n", "")
    store = open_store(f"sqlite:///{tmp_path / 'hindcast.db'}")
    waiting, running = queue(store, "abc"), queue(store, "def")
    taken = store.jobs.take("w", lease_s=30, job_id=running)
    progress = Progress(progress=0.5, unit="points", rate=1200.0, eta_s=30.0, note="block 3")
    store.jobs.renew(taken, lease_s=30, progress=progress)

    code, out, _ = cli("jobs", "list")
    assert code == 0
    assert out.splitlines() == [
        f"{running:>6}  count def                  running   "
        "50%, 1,200 points/s, 30 s left, block 3",
        f"{waiting:>6}  count abc                  queued",
    ]
    assert cli("jobs", "cancel", str(waiting))[:2] == (0, f"Cancelled job {waiting}.\n")
    assert cli("jobs", "cancel", str(running))[1] == f"Job {running} will stop in a moment.\n"
    code, out, _ = cli("jobs", "list", "--json", "--state", "cancelled")
    assert [item["id"] for item in json.loads(out)["items"]] == [waiting]
    assert cli("jobs", "cancel", "999") == (1, "", "No job 999 is stored.\n")
    assert cli("jobs", "cancel", "x")[0] == 2
    store.jobs.fail(taken, "Out of luck.", is_final=True)
    assert cli("jobs", "list")[1].splitlines()[0].endswith("failed    Out of luck.")
    store.close()
