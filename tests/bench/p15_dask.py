"""P15: a sweep on dask with two workers, against the same in one process on two threads.

Both have their bars and kernels ready, as they do from the second block of a job on. Then the same
once more, while one of the workers is killed and another takes its place.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from config.run import RunConfig
from config.settings import Settings, load_settings
from config.sweep import SweepConfig
from dataapi.executors import BlockTask, Executor, LocalExecutor, make_executor
from dataapi.services import sweep_work
from dataapi.services.bundled_runs import service
from dataapi.services.runs import Runs
from dataapi.services.sweep_inputs import gather_sweep
from dataapi.services.sweeps import Sweeps
from dataapi.store import open_store
from engine.sweeps.preparing import prepare_sweep
from tests.bench.measure import Row, Scale, row, timed
from tests.bench.sweeping import SYMBOL
from tests.bench.synthetic import random_walk
from tests.dataapi.dask_cluster import Cluster

N_WORKERS = 2
SIZES = {"tiny": (5_000, 2, 3), "normal": (1_000_000, 20, 100), "full": (1_000_000, 125, 800)}
"""Bars, and values of both axes."""

Blocks = dict[int, bytes]


def measure(scale: Scale) -> list[Row]:
    """Compute all blocks both ways in turns, and compare their bytes."""
    n_bars, n_fast, n_slow = SIZES[scale]
    repeats = 3 if scale == "normal" else 1
    work = f"sweep of {n_fast * n_slow:,} points × {n_bars:,} bars on dask, {N_WORKERS} workers"
    with tempfile.TemporaryDirectory() as folder, _runs(folder, n_bars) as runs:
        task, n_blocks = _task(runs, n_fast, n_slow)
        with _cluster(folder) as cluster, _dask(cluster) as dask, LocalExecutor(N_WORKERS) as local:
            wanted = _computed(local, task, n_blocks)
            _assert_equal(wanted, _computed(dask, task, n_blocks))
            ours, theirs = [], []
            for _ in range(repeats):
                ours.append(timed(lambda: _computed(dask, task, n_blocks)))
                theirs.append(timed(lambda: _computed(local, task, n_blocks)))
            began = time.perf_counter()
            killed = _computed(dask, task, n_blocks, after_first=cluster.replace_one)
            killed_s = time.perf_counter() - began
            _assert_equal(wanted, killed)
    reference = f"the same in one process on {N_WORKERS} threads"
    return [
        row(
            "P15",
            work=work,
            ours=ours,
            reference=reference,
            other=theirs,
            target=1.2,
            note=f"{n_blocks} blocks",
        ),
        row(
            "P15 killed",
            work="the same, one worker killed and another started after the first block",
            ours=[killed_s],
            reference=reference,
            other=theirs,
            target=None,
            note="the same bytes",
        ),
    ]


@contextmanager
def _runs(folder: str, n_bars: int) -> Iterator[Runs]:
    settings = _settings(folder)
    with closing(open_store(settings.database_url)) as store:
        bars = random_walk(n_bars)
        store.series.save(SYMBOL, "1min", bars, source="bench", is_synthetic=True)
        yield service(store, settings)


def _settings(folder: str) -> Settings:
    settings = load_settings()
    placed = settings.store.model_copy(update={"url": f"sqlite:///{folder}/bench.db"})
    return settings.model_copy(update={"store": placed})


def _task(runs: Runs, n_fast: int, n_slow: int) -> tuple[BlockTask, int]:
    """Return the blocks of a sweep that is asked for and that no worker is there to take."""
    run = RunConfig(
        symbols=[SYMBOL], timeframe="1min", strategy={"name": "sma_cross"}, lot=0, benchmark=None
    )
    axes = {"fast": list(range(2, 2 + n_fast)), "slow": list(range(130, 130 + n_slow))}
    config = SweepConfig(run=run, axes=axes)
    inputs = gather_sweep(runs, config)
    Sweeps(runs).submit(config)
    prepared = prepare_sweep(inputs.run.bars, inputs.config.run, inputs.points)
    task = BlockTask(
        prepare=f"{sweep_work.__name__}:{sweep_work.prepare.__name__}",
        subject=inputs.id,
        key=inputs.key,
        work=sweep_work.SweepBlocks(prepared),
    )
    return task, len(prepared.blocks)


class _Workers(Cluster):
    """A cluster of one-threaded workers, of which one can be replaced."""

    def replace_one(self) -> None:
        self._workers.pop(0).kill()
        self.start_worker()


@contextmanager
def _cluster(folder: str) -> Iterator[_Workers]:
    # Read where dask is imported, in a process that is forked later.
    os.environ.setdefault("DASK_LOGGING__DISTRIBUTED", "error")
    cluster = _Workers(f"sqlite:///{folder}/bench.db", Path(folder))
    cluster.start_scheduler()
    try:
        for _ in range(N_WORKERS):
            cluster.start_worker()
        cluster.wait_for_workers(N_WORKERS)
        yield cluster
    finally:
        cluster.stop()


def _dask(cluster: Cluster) -> Executor:
    settings = load_settings().worker.model_copy(update={"dask_address": cluster.address})
    return make_executor("dask", settings)


def _computed(
    executor: Executor,
    task: BlockTask,
    n_blocks: int,
    after_first: Callable[[], None] | None = None,
) -> Blocks:
    found: Blocks = {}
    for i_block, data in executor.map_blocks(task, range(n_blocks), is_cancelled=lambda: False):
        if after_first is not None and not found:
            after_first()
        found[i_block] = data
    return found


def _assert_equal(wanted: Blocks, found: Blocks) -> None:
    if wanted != found:
        raise AssertionError("The dask workers and this process measured different points.")
