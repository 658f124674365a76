"""P3: the sweeps of P1 and P2 against vectorbt, in an environment of its own."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from engine.sweeps.preparing import prepare_sweep, whole_table
from tests.bench import p1_daily_sweep, p2_minute_sweep
from tests.bench.measure import Row, Scale, row, timed, unmeasured
from tests.bench.peers import PACKAGES, PeersUnavailableError, interpreter
from tests.bench.sweeping import SYMBOL, CSweep, Workload

TARGET = 1.0 / 600.0
REFERENCE = f"{PACKAGES[0]}, in an environment of its own"
SCRIPT = Path(__file__).with_name("p3_vectorbt_sweep.py")
COLUMNS = {"P3 daily": 1_000, "P3 minute": 10}
"""Points at a time: of a million bars each takes about 100 MB."""

EVERY = 10
"""On minute bars vectorbt sweeps every tenth point, unless all are asked for."""


def measure(scale: Scale) -> list[Row]:
    """Sweep the same in both; vectorbt without its imports and compilations."""
    rows = []
    for name, module in (("P3 daily", p1_daily_sweep), ("P3 minute", p2_minute_sweep)):
        work = module.workload(scale)
        every = EVERY if name == "P3 minute" and scale == "normal" else 1
        text = f"sweep, sma_cross, {work.n_points:,} pairs × {work.bars.time.size:,} bars, 1 thread"
        try:
            theirs = _vectorbt(work, every, COLUMNS[name])
        except PeersUnavailableError as error:
            why = f"vectorbt could not be installed: {error}"
            rows.append(unmeasured(name, work=text, reference=REFERENCE, target=TARGET, why=why))
            continue
        note = _agreement(work, theirs["final_equity"], every)
        if every > 1:
            note += f"; its time for every {every}th point, × {every}"
        rows.append(
            row(
                name,
                work=text,
                ours=_ours(work, 2 if scale == "tiny" else 9),
                reference=REFERENCE,
                other=[every * seconds for seconds in theirs["seconds"]],
                target=TARGET,
                note=note,
            )
        )
    return rows


def _ours(work: Workload, repeats: int) -> list[float]:
    points, bars = work.points(), {SYMBOL: work.bars}

    def sweep() -> None:
        whole_table(prepare_sweep(bars, work.config, points))

    sweep()
    return [timed(sweep) for _ in range(repeats)]


def _vectorbt(work: Workload, every: int, n_columns: int) -> dict[str, list[float]]:
    columns = {name: column[::every] for name, column in work.columns().items()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "work.npz"
        np.savez(path, time=work.bars.time, open=work.bars.open, close=work.bars.close, **columns)
        done = subprocess.run(
            [str(interpreter()), str(SCRIPT), str(path), str(n_columns)],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise AssertionError(f"The script of vectorbt failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout)


def _agreement(work: Workload, final_equity: list[float], every: int) -> str:
    """Return how many points end the same; raise when most are not even near.

    vectorbt's averages are running sums: they tie, and so cross, a little elsewhere.
    """
    reference = CSweep(work)
    reference.walk()
    off = np.abs(np.array(final_equity) / reference.results[::every, 0] - 1.0)
    if not np.median(off) < 0.02:
        raise AssertionError(f"vectorbt did different work: its equities are {off} off.")
    share = (off < 1e-9).mean()
    return f"{share:.0%} of the final equities equal, median difference {np.median(off):.1g}"
