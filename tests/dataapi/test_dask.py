"""Blocks on a real dask cluster: a killed worker costs its block, a dead scheduler the attempt."""

from __future__ import annotations

import threading
import time

import pytest

from config.settings import load_settings
from dataapi.executors import (
    BlockTask,
    ExecutionCancelledError,
    ExecutorError,
    make_executor,
    remote,
)
from dataapi.problems import Conflict
from dataapi.store import open_store
from tests.apps import save_waves
from tests.dataapi.counting import queue, worker_of
from tests.dataapi.dask_cluster import Cluster, until

pytest.importorskip("distributed", reason="the extra `dask` is not installed")
pytestmark = [pytest.mark.cluster, pytest.mark.slow]
MODULE = "tests.dataapi.dask_blocks"


class Nowhere:
    """The same work in this process, which a cluster does not use."""

    def block(self, i_block, *, threads, is_cancelled):
        raise AssertionError("computed here")


def task_of(notes, pause_s=0.05, function="prepare"):
    return BlockTask(
        prepare=f"{MODULE}:{function}",
        subject=f"{notes} {pause_s}",
        key=f"{function} {notes}",
        work=Nowhere(),
    )


def never():
    return False


@pytest.fixture(scope="module")
def waves_url(tmp_path_factory):
    """Address of a store with bars; in a file, since every worker opens it."""
    url = f"sqlite:///{tmp_path_factory.mktemp('waves') / 'hindcast.db'}"
    store = open_store(url)
    save_waves(store)
    store.close()
    return url


@pytest.fixture(scope="module")
def cluster(waves_url, tmp_path_factory):
    """A scheduler with two workers, of one thread and of two."""
    cluster = Cluster(waves_url, tmp_path_factory.mktemp("dask"))
    cluster.start_scheduler()
    cluster.start_worker()
    cluster.start_worker(2)
    cluster.wait_for_workers(2)
    yield cluster
    cluster.stop()


@pytest.fixture
def lonely(waves_url, tmp_path):
    """A scheduler without workers."""
    cluster = Cluster(waves_url, tmp_path)
    cluster.start_scheduler()
    yield cluster
    cluster.stop()


@pytest.fixture
def notes(tmp_path):
    path = tmp_path / "notes"
    path.touch()
    return path


def lines(notes, word):
    return [line.split() for line in notes.read_text().splitlines() if line.startswith(word)]


def computed(cluster, task, blocks, is_cancelled=never):
    settings = load_settings({}).worker.model_copy(update={"dask_address": cluster.address})
    with make_executor("dask", settings) as executor:
        return dict(executor.map_blocks(task, blocks, is_cancelled=is_cancelled))


def test_blocks_come_from_the_workers_who_load_the_bars_once(waves_url, cluster, notes):
    found = computed(cluster, task_of(notes), range(30))

    assert sorted(found) == list(range(30))
    store = open_store(waves_url)
    total = store.series.bars("AAPL", "1d").close.sum()
    store.close()
    words = {i_block: data.decode().split() for i_block, data in found.items()}
    assert {i_block: (int(i), float(x)) for i_block, (_, i, x) in words.items()} == {
        i_block: (i_block, round(total + i_block, 6)) for i_block in range(30)
    }
    # Two processes with three threads: each process has prepared once.
    prepared = [pid for _, pid, _ in lines(notes, "prepared")]
    assert len(prepared) == len(set(prepared)) == 2
    assert {pid for pid, *_ in words.values()} == set(prepared)


def test_a_cancel_is_heard_at_once(cluster, notes):
    asked = []

    def is_cancelled():
        if not asked and lines(notes, "block"):
            asked.append(time.monotonic())
        return bool(asked)

    with pytest.raises(ExecutionCancelledError):
        computed(cluster, task_of(notes, 3.0), range(50), is_cancelled)
    # The blocks that were begun take 3 s; nobody waits for them.
    assert time.monotonic() - asked[0] < 2.5
    assert len(lines(notes, "block")) <= 3


def test_what_the_work_refuses_is_refused(cluster, notes):
    with pytest.raises(Conflict, match="The bars have changed"):
        computed(cluster, task_of(notes, function="refuse"), [0])


def test_a_worker_with_another_store_says_so(cluster, notes):
    with pytest.raises(ExecutorError, match=r"does not find it: No bars of NONE.*same store"):
        computed(cluster, task_of(notes, function="look_in_vain"), [0])


def test_a_worker_without_a_store_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("HINDCAST_STORE_URL", f"sqlite:///{tmp_path}/elsewhere/x.db")

    with pytest.raises(ExecutorError, match=r"no store at its settings' address.*same store"):
        remote._runs.__wrapped__()


def test_a_worker_of_another_release_says_so(cluster, notes, monkeypatch):
    monkeypatch.setattr("dataapi.executors.cluster.ENGINE_VERSION", "9.9.9+00000000")

    with pytest.raises(ExecutorError, match=r"the job is one of 9\.9\.9"):
        computed(cluster, task_of(notes), [0])


def test_a_worker_that_lacks_the_program_says_so(cluster):
    task = BlockTask(prepare="no_such:thing", subject="", key="", work=Nowhere())

    with pytest.raises(ExecutorError, match=r"cannot import what they need .*this release"):
        computed(cluster, task, [0])


def test_a_killed_worker_costs_its_block(lonely, notes):
    first, second = lonely.start_worker(), lonely.start_worker()
    lonely.wait_for_workers(2)

    def kill_one():
        until(lambda: len(lines(notes, "block")) >= 6)
        first.kill()

    killer = threading.Thread(target=kill_one)
    killer.start()
    found = computed(lonely, task_of(notes, 0.2), range(20))
    killer.join()

    assert sorted(found) == list(range(20))
    # Done again: what the dead worker was at, and what it had done and not handed over yet.
    assert len(lines(notes, "block")) <= 20 + 3
    assert second.is_alive()


def test_a_cluster_without_workers_waits_for_one(lonely, notes):
    threading.Timer(1.0, lonely.start_worker).start()

    assert sorted(computed(lonely, task_of(notes), range(3))) == [0, 1, 2]


def test_a_cluster_that_stays_without_workers_is_said(lonely, notes, monkeypatch):
    monkeypatch.setattr("dataapi.executors.cluster.PATIENCE_S", 0.5)

    with pytest.raises(ExecutorError, match="has had no worker"):
        computed(lonely, task_of(notes), range(3))


def test_a_block_that_kills_every_worker_is_given_up(lonely, notes):
    for _ in range(4):
        lonely.start_worker()
    lonely.wait_for_workers(4)

    with pytest.raises(ExecutorError, match="Block 0 was given up: every dask worker"):
        computed(lonely, task_of(notes, function="die"), [0])


def test_a_dead_scheduler_fails_the_attempt_and_the_job_goes_on_after_it(
    store, lonely, notes, monkeypatch
):
    monkeypatch.setattr("dataapi.store.jobs.BACKOFF_MS", 200)
    monkeypatch.setattr("dataapi.executors.cluster.CONNECT_TIMEOUT_S", 1.0)
    lonely.start_worker()
    lonely.wait_for_workers(1)
    job_id = queue(store, "s1", executor="dask")
    n_blocks, came = 8, []

    def carry_out(context):
        finished = context.blocks()
        todo = [i for i in range(n_blocks) if i not in finished]
        for i_block, data in context.compute(task_of(notes, 0.1), todo):
            context.put_block(i_block, data)
            came.append(i_block)
            if len(came) == 3:
                lonely.kill_scheduler()
        return context.finish(lambda database: None)

    terms = {"dask_address": lonely.address, "lease_s": 30.0}
    worker = worker_of(store, {"count": carry_out}, **terms)
    worker.work_once()
    waiting = store.jobs.get(job_id)
    assert (waiting.state, waiting.attempts) == ("queued", 0)
    assert waiting.error == f"The dask scheduler at {lonely.address} is gone."
    assert sorted(store.jobs.blocks(job_id)) == came == [0, 1, 2]
    # Still dead: the next attempt says so as well.
    until(worker.work_once)
    assert "No dask scheduler answers at" in store.jobs.get(job_id).error

    monkeypatch.setattr("dataapi.executors.cluster.CONNECT_TIMEOUT_S", 60.0)
    lonely.start_scheduler()
    lonely.start_worker()
    until(worker.work_once)
    assert store.jobs.get(job_id).state == "done"
    assert sorted(came) == list(range(n_blocks))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dask_address": ""}, "set worker.dask_address"),
        ({"dask_address": "tls://127.0.0.1:1"}, "needs worker.dask_ca, worker.dask_cert, worker.d"),
        ({"dask_ca": "a", "dask_cert": "b", "dask_key": "c", "dask_address": "tcp://127.0.0.1:1"},
         "needs an address that starts with tls://"),
        ({"dask_address": "tls://127.0.0.1:1", "dask_ca": "/no/such", "dask_cert": "/no/such",
          "dask_key": "/no/such"}, "Cannot read worker.dask_ca: no file /no/such"),
        ({"dask_address": "tcp://127.0.0.1:1"}, "No dask scheduler answers at tcp://127.0.0.1:1"),
    ],
)  # fmt: skip
def test_settings_that_lead_nowhere_are_said(changes, message, monkeypatch):
    monkeypatch.setattr("dataapi.executors.cluster.CONNECT_TIMEOUT_S", 0.5)
    settings = load_settings({}).worker.model_copy(update=changes)

    with pytest.raises(ExecutorError, match=message):
        make_executor("dask", settings)


def test_without_the_extra_the_executor_says_how_to_get_it(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "distributed", None)
    settings = load_settings({"HINDCAST_WORKER_DASK_ADDRESS": "tcp://127.0.0.1:1"}).worker

    with pytest.raises(ExecutorError, match=r"pip install 'hindcast\[dask\]'"):
        make_executor("dask", settings)
