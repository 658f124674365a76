"""Sweeps and walk-forwards on a real dask cluster: the result of this process, bit for bit."""

from __future__ import annotations

import pytest

from config.settings import load_settings
from dataapi.services.bundled_runs import service
from dataapi.services.job_context import Services
from dataapi.services.working import LONG, Worker
from dataapi.store import open_store
from engine import sweep
from engine.walkforward import walk_forward
from tests.apps import api_app, config, save_waves, wave_bars
from tests.dataapi.dask_cluster import Cluster

pytest.importorskip("distributed", reason="the extra `dask` is not installed")
pytestmark = [pytest.mark.cluster, pytest.mark.slow]
API = "/api/v1"
AXES = {"fast": "2..6", "slow": "7..12"}


@pytest.fixture
def on_cluster(tmp_path):
    """A store, a worker that hands blocks to two dask workers, and a client of the API."""
    store = open_store(f"sqlite:///{tmp_path / 'hindcast.db'}")
    save_waves(store)
    cluster = Cluster(store.url, tmp_path)
    cluster.start_scheduler()
    for _ in range(2):
        cluster.start_worker()
    cluster.wait_for_workers(2)
    settings = load_settings({})
    terms = settings.worker.model_copy(update={"dask_address": cluster.address})
    settings = settings.model_copy(update={"worker": terms})
    worker = Worker(Services(runs=service(store, settings), settings=settings), LONG)
    yield worker, api_app(store).test_client()
    cluster.stop()
    store.close()


def test_a_cluster_computes_what_this_process_would(on_cluster):
    worker, client = on_cluster
    windows = {"run": config(), "axes": AXES, "in_sample": 120, "out_of_sample": 60}
    asked = client.post(
        f"{API}/sweeps", json={"run": config(), "axes": AXES, "executor": "dask"}
    ).json
    walked = client.post(f"{API}/walkforwards", json={**windows, "executor": "dask"}).json

    assert worker.work_off() == 2

    bars = {"AAPL": wave_bars()}
    found = client.get(f"{API}/sweeps/{asked['id']}").json
    assert (found["status"], found["job"]["executor"]) == ("done", "dask")
    assert found["points"]["final_equity"] == sweep(bars, config(), AXES)["final_equity"].tolist()
    found = client.get(f"{API}/walkforwards/{walked['id']}").json
    assert found["status"] == "done", found["job"]
    assert found["stitched"]["metrics"] == walk_forward(bars, windows)["stitched"]["metrics"]


def test_a_cluster_that_is_not_there_is_said(tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'hindcast.db'}")
    save_waves(store)
    settings = load_settings({})
    terms = settings.worker.model_copy(update={"max_attempts": 1})
    settings = settings.model_copy(update={"worker": terms})
    worker = Worker(Services(runs=service(store, settings), settings=settings), LONG)
    client = api_app(store).test_client()
    asked = client.post(
        f"{API}/sweeps", json={"run": config(), "axes": AXES, "executor": "dask"}
    ).json
    assert worker.work_once()

    found = client.get(f"{API}/sweeps/{asked['id']}").json
    assert found["status"] == "failed"
    assert "set worker.dask_address" in found["job"]["error"]
    # Asked for again, without the cluster, it is done here.
    client.post(f"{API}/sweeps", json={"run": config(), "axes": AXES})
    assert worker.work_once()
    assert client.get(f"{API}/sweeps/{asked['id']}").json["status"] == "done"
    store.close()
