"""The sweep workloads: bars, configuration and grid, and the same for the C loops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from config.run import RunConfig
from config.sweep import SweepConfig
from engine import Bars, indicator, sweep
from engine.metrics import conventions
from engine.metrics.series import period_ends
from engine.sweeps.axes import Points, resolve_points
from engine.sweeps.preparing import prepare_sweep, whole_table
from engine.types import Table
from tests.bench.measure import Row, compare
from tests.bench.reference import RESULTS, library, pointer
from tests.bench.synthetic import DAY_MS, random_walk

SYMBOL = "SYNTHETIC"
CASH, SLIPPAGE_BPS, FEE_BPS = 100_000.0, 5.0, 10.0
TOLERANCE = 1e-9

CROSS = {"name": "sma_cross"}
CROSS_WITH_EXITS = {
    "formula": {
        "enter_long": "cross_above(sma(close, fast), sma(close, slow))",
        "exit_long": "cross_below(sma(close, fast), sma(close, slow))",
        "stop_long": "entry_price * (1 - stop)",
        "target_long": "entry_price * (1 + target)",
    },
    "params": {"fast": 10, "slow": 30, "stop": 0.05, "target": 0.1},
}


@dataclass(frozen=True, slots=True)
class Workload:
    """Bars and the values of each parameter, every combination of which is a point."""

    bars: Bars
    config: RunConfig
    grid: Mapping[str, Sequence[float]]

    @property
    def n_points(self) -> int:
        """Return how many combinations there are."""
        return int(np.prod([len(values) for values in self.grid.values()]))

    def points(self) -> Points:
        """Return the combinations as the engine takes them."""
        axes = {name: list(values) for name, values in self.grid.items()}
        return resolve_points(SweepConfig(run=self.config, axes=axes))

    def sweep(self) -> Table:
        """Prepare the sweep and measure every point, on one thread."""
        return whole_table(prepare_sweep({SYMBOL: self.bars}, self.config, self.points()))

    def columns(self) -> dict[str, np.ndarray]:
        """Return each parameter's value at each point, the last parameter fastest."""
        axes = np.meshgrid(*map(np.asarray, self.grid.values()), indexing="ij")
        return {name: axis.ravel() for name, axis in zip(self.grid, axes, strict=True)}


def daily(n_bars: int, grid: Mapping[str, Sequence[float]], strategy: dict) -> Workload:
    """Return a workload on daily bars."""
    bars = random_walk(n_bars, step_ms=DAY_MS, volatility=0.01)
    return Workload(bars, _config("1d", strategy), grid)


def by_minute(n_bars: int, grid: Mapping[str, Sequence[float]], strategy: dict) -> Workload:
    """Return a workload on minute bars."""
    return Workload(random_walk(n_bars), _config("1min", strategy), grid)


def _config(timeframe: str, strategy: dict) -> RunConfig:
    return RunConfig(
        symbols=[SYMBOL],
        timeframe=timeframe,
        strategy=strategy,
        cash=CASH,
        lot=0.0,
        costs={"rate_bps": FEE_BPS},
        execution={"slippage_bps": SLIPPAGE_BPS},
    )


class CSweep:
    """The C loops over a workload, with their arrays.

    The averages are the engine's at first, so that results can be compared; `averages` overwrites
    them with C's own, whose running sums tie and cross a little elsewhere.
    """

    def __init__(self, work: Workload) -> None:
        self.work = work
        columns = work.columns()
        self.windows = np.unique(np.concatenate([columns["fast"], columns["slow"]])).astype(int)
        self.rows = np.array([indicator(f"sma(close, {n})", work.bars) for n in self.windows])
        self.fast, self.slow = (
            np.searchsorted(self.windows, columns[name]).astype(np.int64)
            for name in ("fast", "slow")
        )
        self.exits = [
            np.ascontiguousarray(columns[name], dtype=np.float64)
            for name in ("stop", "target")
            if name in columns
        ]
        rules = conventions(work.bars.time, zones=("UTC",))
        self.periods_per_year = rules.periods_per_year
        self.is_last = None
        if rules.is_intraday:
            self.is_last = np.zeros(work.bars.time.size, np.uint8)
            self.is_last[period_ends(work.bars.time, rules)] = 1
        self.results = np.empty((work.n_points, len(RESULTS)))

    def run(self) -> None:
        """Prepare the averages and walk every combination."""
        self.averages()
        self.walk()

    def averages(self) -> None:
        """Compute each distinct average once."""
        close = self.work.bars.close
        for window, row in zip(self.windows, self.rows, strict=True):
            library().sma(close.size, pointer(close), int(window), pointer(row))

    def walk(self) -> None:
        """Walk every combination, one after the other."""
        bars = self.work.bars
        numbers = (CASH, SLIPPAGE_BPS / 1e4, FEE_BPS / 1e4, self.periods_per_year)
        if self.exits:
            library().sweep_with_exits(
                bars.time.size,
                *map(pointer, (bars.open, bars.high, bars.low, bars.close, self.rows)),
                self.work.n_points,
                *map(pointer, (self.fast, self.slow, *self.exits)),
                *numbers,
                pointer(self.results),
            )
            return
        library().sweep(
            bars.time.size,
            *map(pointer, (bars.open, bars.close, self.rows)),
            self.work.n_points,
            *map(pointer, (self.fast, self.slow)),
            None if self.is_last is None else pointer(self.is_last),
            *numbers,
            pointer(self.results),
        )


def assert_equal(found: Mapping[str, np.ndarray], reference: CSweep) -> None:
    """A comparison of different work is worth nothing: every result has to agree."""
    for name, theirs in zip(RESULTS, reference.results.T, strict=True):
        ours = np.asarray(found[name], dtype=np.float64)
        # A variance from sums of squares loses digits, and a flat account has none at all.
        is_known = np.isfinite(theirs) & np.isfinite(ours)
        close = np.isclose(ours, theirs, rtol=1e-7 if name == "sharpe" else TOLERANCE)
        if not close[is_known].all() or is_known.mean() < 0.9:
            at = int(np.flatnonzero(is_known & ~close)[0]) if is_known.any() else 0
            raise AssertionError(
                f"The sweep and the C loop did different work: {name} of point {at} is "
                f"{ours[at]!r} and {theirs[at]!r}."
            )


def compare_with_c(
    name: str, work: Workload, *, text: str, target: float, repeats: int
) -> list[Row]:
    """Return the rows of a sweep against the C loops, both on one thread, preparation included."""
    points, reference = work.points(), CSweep(work)
    reference.walk()
    bars = {SYMBOL: work.bars}
    assert_equal(whole_table(prepare_sweep(bars, work.config, points)), reference)
    engine = prepare_sweep(bars, work.config, points).engine
    shared = {"other": reference.run, "reference": "plain C loop a combination, averages shared"}
    return [
        compare(
            name,
            work=text,
            ours=lambda: whole_table(prepare_sweep(bars, work.config, points)),
            target=target,
            repeats=repeats,
            note=f"by {engine}",
            **shared,
        ),
        compare(
            f"{name} whole",
            work="the same by `engine.sweep`, grid and configuration read",
            ours=lambda: sweep(bars, work.config, work.grid),
            target=None,
            repeats=repeats,
            **shared,
        ),
    ]
