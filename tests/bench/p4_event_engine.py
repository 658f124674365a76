"""P4: the event engine against a plain C loop with the same costs and fills, equity written."""

from __future__ import annotations

import numpy as np

from config.run import RunConfig
from engine import Bars, indicator
from engine.formula import evaluate, plan_strategy
from engine.market import build_market
from engine.resolve import resolve
from engine.simulation import simulate
from engine.types import Ledger
from tests.bench.measure import Row, Scale, compare
from tests.bench.reference import library, pointer
from tests.bench.synthetic import random_walk

FAST, SLOW = 20, 100


def measure(scale: Scale) -> list[Row]:
    """Compare loop with loop, and the whole way from bars with indicators included."""
    n_bars, repeats = (3_000, 2) if scale == "tiny" else (1_000_000, 15)
    bars = random_walk(n_bars)
    config, definition, params = resolve(
        RunConfig(
            symbols=["SYNTHETIC"],
            timeframe="1min",
            strategy={"name": "sma_cross", "params": {"fast": FAST, "slow": SLOW}},
            lot=0.0,
        )
    )
    plan = plan_strategy(definition, params)
    market = build_market({"SYNTHETIC": bars}, start_ms=None, end_ms=None, warm_up_bars=0)
    signals = evaluate(plan, market)
    ledger = simulate(market, signals, config)
    reference = _CLoop(bars)
    _assert_equal(ledger, reference)
    return [
        compare(
            "P4",
            work=f"event engine, sma_cross, {n_bars:,} bars, signals given",
            ours=lambda: simulate(market, signals, config),
            reference="plain C loop, averages given",
            other=reference.run,
            target=1.5,
            repeats=repeats,
        ),
        compare(
            "P4 whole",
            work="the same with market, averages and signals",
            ours=lambda: simulate(market, evaluate(plan, market), config),
            reference="plain C loop with two plain C averages",
            other=lambda: (reference.averages(), reference.run()),
            target=1.5,
            repeats=repeats,
        ),
    ]


class _CLoop:
    """The C loop over these bars, with its arrays."""

    def __init__(self, bars: Bars) -> None:
        self.n_bars = bars.time.size
        self.open, self.close = bars.open, bars.close
        # The same rows as the engine's: a running sum ties and crosses a little elsewhere.
        self.fast = indicator(f"sma(close, {FAST})", bars)
        self.slow = indicator(f"sma(close, {SLOW})", bars)
        self.scratch = np.empty(self.n_bars)
        self.equity = np.empty(self.n_bars)
        self.bar = np.empty(self.n_bars, dtype=np.int64)
        self.quantity, self.price = np.empty(self.n_bars), np.empty(self.n_bars)
        self.n_fills = 0
        self.run()

    def averages(self) -> None:
        for window in (FAST, SLOW):
            library().sma(self.n_bars, pointer(self.close), window, pointer(self.scratch))

    def run(self) -> None:
        self.n_fills = library().sma_cross(
            self.n_bars,
            *map(pointer, (self.open, self.close, self.fast, self.slow)),
            100_000.0,
            5e-4,
            1e-3,
            *map(pointer, (self.equity, self.bar, self.quantity, self.price)),
        )


def _assert_equal(ledger: Ledger, reference: _CLoop) -> None:
    """A comparison of different work is worth nothing: fills and equity have to agree."""
    same = np.array_equal(ledger.fills["i_time"], reference.bar[: reference.n_fills])
    if not same or not np.allclose(ledger.equity, reference.equity, rtol=1e-9):
        raise AssertionError("The event engine and the C loop did different work.")
