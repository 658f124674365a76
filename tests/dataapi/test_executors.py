"""Where blocks are computed."""

from __future__ import annotations

import os
import sys

import pytest

from config.settings import load_settings
from dataapi.cli import doctor
from dataapi.executors import BlockTask, ExecutionCancelledError, ExecutorError, make_executor
from dataapi.executors.local import core_count


class Squares:
    def __init__(self):
        self.threads = set()

    def block(self, i_block, *, threads, is_cancelled):
        self.threads.add(threads)
        return b"%d" % i_block**2


def task_of(work):
    return BlockTask(prepare="nowhere:nothing", subject="s", key="k", work=work)


def never():
    return False


def test_the_local_executor_gives_each_block_all_threads():
    work = Squares()
    with make_executor("local", load_settings({}).worker) as executor:
        found = dict(executor.map_blocks(task_of(work), [3, 1], is_cancelled=never))

    assert found == {3: b"9", 1: b"1"}
    assert work.threads == {len(os.sched_getaffinity(0))} == {core_count()}


def test_the_number_of_threads_is_a_setting():
    work = Squares()
    settings = load_settings({"HINDCAST_WORKER_THREADS": "3"}).worker
    with make_executor("local", settings) as executor:
        list(executor.map_blocks(task_of(work), [0], is_cancelled=never))

    assert work.threads == {3}


def test_a_cancelled_task_stops_before_the_next_block():
    found = []
    with (
        make_executor("local", load_settings({}).worker) as executor,
        pytest.raises(ExecutionCancelledError),
    ):
        found.extend(
            i for i, _ in executor.map_blocks(
                task_of(Squares()), range(9), is_cancelled=lambda: len(found) == 2)
        )  # fmt: skip

    assert found == [0, 1]


def test_an_executor_that_does_not_exist_is_refused():
    with pytest.raises(ExecutorError, match="No executor 'slurm'"):
        make_executor("slurm", load_settings({}).worker)


@pytest.mark.parametrize(
    ("environment", "level", "detail"),
    [
        ({"HINDCAST_WORKER_THREADS": "3"}, "ok", "local, 3 threads"),
        ({"HINDCAST_WORKER_EXECUTOR": "dask"}, "fail", "set worker.dask_address"),
        (
            {
                "HINDCAST_WORKER_EXECUTOR": "dask",
                "HINDCAST_WORKER_DASK_ADDRESS": "tcp://127.0.0.1:1",
            },
            "fail",
            "pip install 'hindcast[dask]'",
        ),
        (
            {"HINDCAST_WORKER_DASK_ADDRESS": "tcp://127.0.0.1:1"},
            "note",
            "pip install 'hindcast[dask]'",
        ),
    ],
)
def test_doctor_says_where_blocks_are_computed_and_what_is_missing(
    environment, level, detail, monkeypatch
):
    monkeypatch.setitem(sys.modules, "distributed", None)
    found = doctor._executor(load_settings(environment))

    assert (found.level, found.name) == (level, "executor")
    assert detail in found.detail


def test_doctor_names_the_package_that_parallel_kernels_need(monkeypatch):
    monkeypatch.setattr("ctypes.util.find_library", lambda name: None)

    assert "apt-get install libgomp1" in doctor._threads(load_settings({})).detail
