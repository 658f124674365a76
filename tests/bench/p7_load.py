"""P7: 1,000,000 bars out of the store in a fresh process, against np.load of the same arrays."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from config.settings import ROOT
from dataapi.store import open_store
from tests.bench.measure import Row, Scale, row
from tests.bench.synthetic import random_walk
from tests.dataapi.postgres import binaries, fresh_schema, running_server

N_BARS = 1_000_000
FRESH_PROCESSES = 9

# Each fresh process has imported everything and opened its store or its file before the clock runs.
LOAD_STORE = """
import json, sys, time
from dataapi.store import open_store
store = open_store(sys.argv[1], migrate=False)
store.series.list()
times = []
for _ in range(2):
    started = time.perf_counter()
    bars = store.series.bars("SYNTHETIC", "1min")
    times.append(time.perf_counter() - started)
assert bars.time.size == int(sys.argv[2])
print(json.dumps(times))
"""
LOAD_NUMPY = """
import json, sys, time
import numpy as np
started = time.perf_counter()
columns = [np.load(f"{sys.argv[1]}/{i}.npy") for i in range(6)]
times = [time.perf_counter() - started]
assert columns[0].size == int(sys.argv[2])
print(json.dumps(times))
"""


def measure(scale: Scale) -> list[Row]:
    """Compare both databases' first load, and the second in one process."""
    bars = random_walk(N_BARS)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_server(binaries()) as server,
        fresh_schema(server) as postgres,
    ):
        for i, column in enumerate(
            (bars.time, bars.open, bars.high, bars.low, bars.close, bars.volume)
        ):
            np.save(Path(folder) / f"{i}.npy", column)
        rows = []
        for name, url, target in (
            ("SQLite", f"sqlite:///{folder}/bench.db", 4.0),
            ("Postgres", postgres, 6.0),
        ):
            store = open_store(url)
            store.series.save("SYNTHETIC", "1min", bars, source="bench", is_synthetic=True)
            store.close()
            rows += _compare(name, url, folder, target)
        return rows


def _compare(name: str, url: str, folder: str, target: float) -> list[Row]:
    _times(LOAD_STORE, url)
    _times(LOAD_NUMPY, folder)
    store, numpy = [], []
    for _ in range(FRESH_PROCESSES):
        store.append(_times(LOAD_STORE, url))
        numpy.append(_times(LOAD_NUMPY, folder)[0])
    return [
        row(
            f"P7 {name}",
            work=f"load 1,000,000 bars from {name}, fresh process",
            ours=[first for first, _ in store],
            reference="np.load of six arrays",
            other=numpy,
            target=target,
        ),
        row(
            f"P7 {name} again",
            work="the second load in the process",
            ours=[second for _, second in store],
            reference="np.load of six arrays",
            other=[statistics.median(numpy)],
            target=1.0,
        ),
    ]


def _times(program: str, where: str) -> list[float]:
    done = subprocess.run(
        [sys.executable, "-c", program, where, str(N_BARS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)
