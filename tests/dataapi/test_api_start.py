"""The serving process, and what an empty store is given first."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest

from config.run import RunConfig
from config.settings import load_settings
from dataapi.services.bundled import import_bundled
from dataapi.services.bundled_runs import demo_runs, ensure_bundled, ensure_demo, service
from dataapi.store import RunQuery, open_store
from tests.ports import free_port, wait_for

ROOT = Path(__file__).resolve().parents[2]


def test_demo_runs_are_many_and_varied():
    demos = demo_runs()
    configs = [RunConfig.model_validate(demo["config"]) for demo in demos]

    assert len(demos) >= 8
    assert len({demo["name"] for demo in demos}) == len(demos)
    assert {symbol for config in configs for symbol in config.symbols} == {
        "AAPL", "GOOG", "IBM", "MSFT"
    }  # fmt: skip
    assert any(len(config.symbols) > 1 for config in configs)
    assert any(config.costs.rate_bps == 0.0 for config in configs)
    assert any("short" in str(config.strategy.params.get("direction")) for config in configs)
    assert any("stop_long" in (config.strategy.formula or {}) for config in configs)


def test_two_starts_at_once_give_an_empty_store_each_run_once(each_store):
    import_bundled(each_store)
    settings = load_settings({})
    starts = [
        threading.Thread(target=ensure_demo, args=(service(each_store, settings),))
        for _ in range(2)
    ]
    for start in starts:
        start.start()
    for start in starts:
        start.join()

    page = each_store.runs.list(RunQuery(limit=100))
    assert sorted(item.name for item in page.items) == sorted(demo["name"] for demo in demo_runs())
    assert {item.tags for item in page.items} == {("demo",)}
    assert "survivors" in each_store.runs.about(page.items[0].id).note
    checks = [json.loads(each_store.runs.get(item.id).document)["checks"] for item in page.items]
    assert {check["look_ahead"]["status"] for check in checks} == {"pass"}
    badges = [badge["kind"] for item in page.items for badge in item.summary["badges"]]
    assert {"costs", "same_close", "trades"} <= set(badges)


def test_a_second_start_changes_nothing(tmp_path):
    settings = load_settings({}).with_data_dir(tmp_path)
    said: list[str] = []
    ensure_bundled(settings, said.append)
    first = len(said)
    ensure_bundled(settings, said.append)

    assert (first, len(said)) == (2, 2)


@pytest.fixture
def server(tmp_path):
    port = free_port()
    open_store(f"sqlite:///{tmp_path / 'hindcast.db'}").close()
    environment = {
        **os.environ,
        "HINDCAST_STORE_DATA_DIR": str(tmp_path),
        "HINDCAST_DATAAPI_PORT": str(port),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "dataapi"],
        cwd=ROOT,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    # Cold kernels are compiled before the process listens.
    wait_for(f"http://127.0.0.1:{port}/readyz", process, timeout_s=240.0)
    yield process, f"http://127.0.0.1:{port}"
    process.kill()
    process.communicate()


@pytest.mark.slow
def test_the_process_is_ready_serves_and_leaves(server):
    process, url = server
    with urllib.request.urlopen(f"{url}/readyz", timeout=10) as answer:
        ready = json.load(answer)
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
        metrics = answer.read().decode()

    process.terminate()

    assert process.wait(timeout=20) == 0
    assert ready["status"] == "ready"
    assert "hindcast_request_seconds_bucket" in metrics
    assert "stopped name=dataapi in_flight=0" in process.stderr.read()


def test_a_first_start_that_was_killed_is_finished_and_a_deleted_run_stays_deleted(tmp_path):
    settings = load_settings({}).with_data_dir(tmp_path)
    said: list[str] = []
    ensure_bundled(settings, said.append)
    store = open_store(settings.database_url)
    first, second, *_ = store.runs.list(RunQuery(limit=100)).items

    store.runs.delete(first.id)
    ensure_bundled(settings, said.append)
    assert store.runs.count() == len(demo_runs()) - 1

    store.runs.delete(second.id)
    (tmp_path / "first_start").write_text("begun")
    ensure_bundled(settings, said.append)
    assert store.runs.count() == len(demo_runs())
    assert said.count("Computing the first runs …") == 2
    store.close()
