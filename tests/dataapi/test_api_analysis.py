"""The analysis of a run over HTTP and from the command line."""

from __future__ import annotations

import pytest

from config.settings import load_settings
from dataapi.services.bundled_runs import service
from dataapi.services.job_context import Services
from dataapi.services.working import Lanes
from tests.apps import api_app, config, save_waves

API = "/api/v1"
PARTS = ("robustness", "confidence", "monte_carlo", "diagnosis")


@pytest.fixture
def client(store):
    save_waves(store)
    return api_app(store).test_client()


@pytest.fixture
def run(client):
    return client.post(f"{API}/runs", json=config()).json


def work_off(store):
    settings = load_settings({})
    return Lanes(Services(runs=service(store, settings), settings=settings)).work_off()


def test_it_is_queued_until_a_worker_has_done_it_and_never_changes_then(client, run, store):
    address = f"{API}/runs/{run['id']}/analysis"
    waiting = client.get(address)

    assert waiting.status_code == 200
    assert waiting.headers["Cache-Control"] == "no-store"
    assert waiting.json["status"] == "queued"
    assert [waiting.json[part] for part in PARTS] == [None] * len(PARTS)

    assert work_off(store) == 1
    done = client.get(address)
    assert (done.json["status"], done.json["error"]) == ("done", None)
    assert done.json["engine_version"] == run["engine_version"]
    assert done.json["elapsed_ms"] > 0
    assert "immutable" in done.headers["Cache-Control"]
    again = client.get(address, headers={"If-None-Match": done.headers["ETag"]})
    assert again.status_code == 304


def test_its_base_is_the_run_itself(client, run, store):
    work_off(store)
    robustness = client.get(f"{API}/runs/{run['id']}/analysis").json["robustness"]
    variants = {variant["id"]: variant for variant in robustness["variants"]}

    assert robustness["base"] == {name: run["metrics"][name] for name in robustness["base"]}
    assert variants["costs_1"]["metrics"] == robustness["base"]


def test_variants_are_the_runs_that_a_user_would_get(client, run, store):
    work_off(store)
    found = client.get(f"{API}/runs/{run['id']}/analysis").json["robustness"]["variants"]
    variants = {variant["id"]: variant["metrics"] for variant in found}
    asked = {
        "costs_2": {"costs": {"rate_bps": 20.0}, "execution": {"slippage_bps": 10.0}},
        "start_21": {"start": "2000-01-22"},
        "parameters_slow_up": {"strategy": {"name": "sma_cross", "params": {"fast": 3, "slow": 9}}},
    }
    for name, changes in asked.items():
        same = client.post(f"{API}/runs", json=config(**changes)).json["metrics"]
        assert variants[name] == {key: same[key] for key in variants[name]}, name


def test_its_monte_carlo_stands_around_the_run_itself(client, run, store):
    work_off(store)
    found = client.get(f"{API}/runs/{run['id']}/analysis").json["monte_carlo"]
    methods = {method["id"]: method for method in found["methods"]}

    assert list(methods) == ["trade_shuffle", "block_bootstrap", "random_entries"]
    bootstrap = methods["block_bootstrap"]
    assert bootstrap["final_equity"]["actual"] == pytest.approx(run["metrics"]["final_equity"])
    assert len(bootstrap["fan"]["at"]) == len(bootstrap["fan"]["p50"]) <= 200


def test_changed_bars_are_said(client, run, store):
    store.series.delete("AAPL", "1d", force=True)
    work_off(store)
    found = client.get(f"{API}/runs/{run['id']}/analysis").json

    assert found["status"] == "failed"
    assert "No bars of AAPL are stored" in found["error"]
