"""P13: how much a large sweep adds to the memory of a warmed idle process."""

from __future__ import annotations

import json
import subprocess
import sys

from config.settings import ROOT
from tests.bench.measure import Row, Scale, row

BAR_BYTES, RESULTS_FACTOR, FIXED_BYTES = 256, 3, 32e6
REPEATS = 3

# Warmed: bars in memory, and a sweep of two points over a few of them.
SWEEP = """
import json, sys
from config.kernels import prepare_kernels
from config.settings import load_settings

prepare_kernels(load_settings().cache_dir)
import numpy as np
from config.sweep import SweepConfig
from engine.sweeps.axes import resolve_points
from engine.sweeps.preparing import prepare_sweep, whole_table
from tests.bench.sweeping import CROSS, SYMBOL, by_minute

def status(name):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))

n_bars, n_fast, n_slow = map(int, sys.argv[1:])
small = by_minute(2_000, {"fast": [2], "slow": [5, 9]}, CROSS)
work = by_minute(n_bars, {"fast": range(1, n_fast + 1), "slow": range(201, 201 + n_slow)}, CROSS)
for one in (small, work):
    points = one.points()
    if one is work:
        idle = status("VmRSS")
        with open("/proc/self/clear_refs", "w") as peak:
            peak.write("5")
    table = whole_table(prepare_sweep({SYMBOL: one.bars}, one.config, points))
sweep = prepare_sweep({SYMBOL: small.bars}, small.config, small.points())
block = sweep.evaluate(0)
kept = sum(c.nbytes for c in (*block.columns.values(), block.sums, block.squares)) // 2
json.dump({"growth": status("VmHWM") - idle, "a_point": kept, "engine": sweep.engine}, sys.stdout)
"""


def measure(scale: Scale) -> list[Row]:
    """Sweep in fresh processes, and compare the growth of their peaks with what is allowed."""
    n_bars, n_fast, n_slow = {
        "tiny": (5_000, 2, 10),
        "normal": (100_000, 125, 800),
        "full": (1_000_000, 125, 800),
    }[scale]
    n_points = n_fast * n_slow
    found = [_sweep(n_bars, n_fast, n_slow) for _ in range(1 if scale == "tiny" else REPEATS)]
    results = n_points * found[0]["a_point"]
    allowed = BAR_BYTES * n_bars + RESULTS_FACTOR * results + FIXED_BYTES
    return [
        row(
            "P13",
            work=f"memory that a sweep of {n_points:,} points over {n_bars:,} bars adds",
            ours=[one["growth"] for one in found],
            reference=f"{BAR_BYTES} B a bar + {RESULTS_FACTOR} × results + 32 MB",
            other=[allowed],
            target=1.0,
            unit="B",
            note=f"results {results / 1e6:.3g} MB, by {found[0]['engine']}",
        )
    ]


def _sweep(*numbers: int) -> dict:
    done = subprocess.run(
        [sys.executable, "-c", SWEEP, *map(str, numbers)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"The sweep failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout)
