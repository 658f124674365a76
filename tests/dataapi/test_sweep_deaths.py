"""A worker killed in the middle of a sweep or a walk-forward costs its block and nothing else."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time

import pytest

from config.settings import load_settings
from dataapi.services.bundled_runs import service
from dataapi.services.job_context import JobContext, Services
from dataapi.services.working import LONG, Worker
from dataapi.store import open_store
from engine import sweep
from engine.walkforward import walk_forward
from tests.apps import api_app, config, save_waves, wave_bars

API = "/api/v1"
LEASE_S = 0.5
AXES = {"fast": "2..6", "slow": "7..12"}
STUDIES = {
    "sweeps": {"run": config(), "axes": AXES},
    "walkforwards": {"run": config(), "axes": AXES, "in_sample": 120, "out_of_sample": 60},
}


def small_blocks(n_points, point_s):
    return tuple((a, min(a + 5, n_points)) for a in range(0, n_points, 5))


def worker_of(store):
    settings = load_settings({})
    terms = settings.worker.model_copy(
        update={"lease_s": LEASE_S, "poll_s": 0.01, "threads": 1, "max_attempts": 3}
    )
    settings = settings.model_copy(update={"worker": terms})
    return Worker(Services(runs=service(store, settings), settings=settings), LONG)


def die(url: str, n_blocks: int, moment: str) -> None:
    """Work until so many blocks are kept, and be killed there."""
    import engine.sweeps.preparing as preparing

    preparing._blocks = small_blocks
    put, n_put = JobContext.put_block, 0

    def put_and_die(context, i_block, data):
        nonlocal n_put
        n_put += 1
        if n_put == n_blocks and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        put(context, i_block, data)
        if n_put == n_blocks:
            os.kill(os.getpid(), signal.SIGKILL)

    JobContext.put_block = put_and_die
    worker_of(open_store(url)).work_once()


@pytest.mark.parametrize("kind", sorted(STUDIES))
@pytest.mark.parametrize("moment", ["before", "after"])
def test_the_next_worker_goes_on_behind_the_last_block(each_store, monkeypatch, kind, moment):
    monkeypatch.setattr("engine.sweeps.preparing._blocks", small_blocks)
    save_waves(each_store)
    client = api_app(each_store).test_client()
    study = client.post(f"{API}/{kind}", json=STUDIES[kind]).json
    victim = multiprocessing.get_context("spawn").Process(
        target=die, args=(each_store.url, 3, moment)
    )
    victim.start()
    victim.join(120)
    assert victim.exitcode == -signal.SIGKILL
    n_kept = 2 if moment == "before" else 3
    kept = client.get(f"{API}/{kind}/{study['id']}").json
    assert kept["status"] == "running"
    assert kept["n_done"] == n_kept * (5 if kind == "sweeps" else 1)

    put, did = JobContext.put_block, []

    def put_and_note(context, i_block, data):
        did.append(i_block)
        put(context, i_block, data)

    monkeypatch.setattr(JobContext, "put_block", put_and_note)
    worker = worker_of(each_store)
    deadline = time.monotonic() + 30.0
    while not worker.work_once():
        assert time.monotonic() < deadline, "The job was not taken again."
        time.sleep(0.02)

    found = client.get(f"{API}/{kind}/{study['id']}").json
    assert found["status"] == "done"
    n_blocks = 6 if kind == "sweeps" else 5
    assert did == list(range(n_kept, n_blocks))
    bars = {"AAPL": wave_bars()}
    if kind == "sweeps":
        assert found["points"]["sharpe"] == sweep(bars, config(), AXES)["sharpe"].tolist()
    else:
        wanted = walk_forward(bars, STUDIES[kind])
        assert found["stitched"]["metrics"] == wanted["stitched"]["metrics"]
    assert client.get(f"{API}/trials").json["items"][0]["trials"] == 30
    assert client.get(f"{API}/jobs").json["items"][-1]["state"] == "done"
