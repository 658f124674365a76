"""The status is what the store says."""

from __future__ import annotations

import time

from config.settings import load_settings
from dataapi.app import create_app
from dataapi.store import ProcessInfo
from dataapi.store.activity import HOUR_MS
from tests.dataapi.counting import Count, queue, worker_of
from tests.dataapi.test_store_runs import new_run


def ask(store, tmp_path):
    settings = load_settings({"HINDCAST_STORE_DATA_DIR": str(tmp_path)})
    answer = create_app(settings, store).test_client().get("/api/v1/status")
    assert answer.status_code == 200
    return answer.json


def test_jobs_processes_and_hours_are_counted(each_store, tmp_path):
    queue(each_store, "a")
    worker_of(each_store, {"count": Count()}).work_once()
    now = time.time_ns() // 1_000_000
    for name, seen_ms in (("here:1", now), ("gone:2", now - 120_000)):
        each_store.processes.see(
            ProcessInfo(name=name, part="worker", version="1", started_ms=now, seen_ms=seen_ms)
        )

    status = ask(each_store, tmp_path)

    assert status["hours"]["jobs"] == [0] * 23 + [1]
    assert status["hours"]["runs"] == [0] * 24
    assert [(p["name"], p["is_present"]) for p in status["processes"]] == [
        ("gone:2", False),
        ("here:1", True),
    ]
    assert [figure["kind"] for figure in status["queue"]] == ["analysis", "sweep", "walkforward"]
    assert status["store"]["size"] > status["store"]["free"] == 0
    assert 0 < status["disk"]["free"] < status["disk"]["total"]


def test_work_of_earlier_days_is_left_out(each_store):
    queue(each_store, "a")
    worker_of(each_store, {"count": Count()}).work_once()
    now = time.time_ns() // 1_000_000

    assert sum(each_store.activity(now - HOUR_MS)["jobs"].values()) == 1
    assert each_store.activity(now + HOUR_MS)["jobs"] == {}


def test_the_room_of_deleted_rows_is_counted(each_store, tmp_path):
    for i in range(50):
        each_store.runs.insert(new_run(f"run{i}"))
    for i in range(50):
        each_store.runs.delete(f"run{i}")

    store = ask(each_store, tmp_path)["store"]

    assert store["free"] == each_store.room.free_bytes()
    # Postgres uses it again by itself.
    assert (store["free"] > 0) == each_store.room.is_ours
