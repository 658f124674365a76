"""P4: the event engine against a plain C loop with the same costs and fills, equity written."""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from config.run import RunConfig
from engine import indicator
from engine.formula import evaluate, plan_strategy
from engine.market import build_market
from engine.resolve import resolve
from engine.simulation import simulate
from tests.bench.measure import Row, compare
from tests.bench.synthetic import random_walk

N_BARS = 1_000_000
FAST, SLOW = 20, 100


def compiled_reference() -> ctypes.CDLL:
    """Compile the C loops on the spot."""
    library = Path(tempfile.mkdtemp()) / "reference.so"
    source = Path(__file__).with_name("reference.c")
    subprocess.run(
        ["gcc", "-O3", "-march=native", "-shared", "-fPIC", str(source), "-o", str(library)],
        check=True,
    )
    loaded = ctypes.CDLL(str(library))
    loaded.sma_cross.restype = ctypes.c_long
    return loaded


def measure() -> list[Row]:
    """Compare loop with loop, and the whole way from bars with indicators included."""
    bars = random_walk(N_BARS)
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
            work="event engine, sma_cross, 1,000,000 bars, signals given",
            ours=lambda: simulate(market, signals, config),
            reference="plain C loop, averages given",
            other=reference.run,
            target=1.5,
            repeats=15,
        ),
        compare(
            "P4 whole",
            work="the same with market, averages and signals",
            ours=lambda: simulate(market, evaluate(plan, market), config),
            reference="plain C loop with two plain C averages",
            other=lambda: (reference.averages(), reference.run()),
            target=1.5,
            repeats=15,
        ),
    ]


class _CLoop:
    """The C loop over these bars, with its arrays."""

    def __init__(self, bars) -> None:
        self.library = compiled_reference()
        self.open, self.close = bars.open, bars.close
        # The same rows as the engine's: a running sum ties and crosses a little elsewhere.
        self.fast = indicator(f"sma(close, {FAST})", bars)
        self.slow = indicator(f"sma(close, {SLOW})", bars)
        self.scratch = np.empty(N_BARS)
        self.equity = np.empty(N_BARS)
        self.bar = np.empty(N_BARS, dtype=np.int64)
        self.quantity, self.price = np.empty(N_BARS), np.empty(N_BARS)
        self.n_fills = 0
        self.run()

    def averages(self) -> None:
        for window in (FAST, SLOW):
            self.library.sma(
                ctypes.c_long(N_BARS),
                _pointer(self.close),
                ctypes.c_long(window),
                _pointer(self.scratch),
            )

    def run(self) -> None:
        self.n_fills = self.library.sma_cross(
            ctypes.c_long(N_BARS),
            *map(_pointer, (self.open, self.close, self.fast, self.slow)),
            ctypes.c_double(100_000.0),
            ctypes.c_double(5e-4),
            ctypes.c_double(1e-3),
            *map(_pointer, (self.equity, self.bar, self.quantity, self.price)),
        )


def _pointer(array: np.ndarray) -> ctypes.c_void_p:
    return array.ctypes.data_as(ctypes.c_void_p)


def _assert_equal(ledger, reference: _CLoop) -> None:
    """A comparison of different work is worth nothing: fills and equity have to agree."""
    same = np.array_equal(ledger.fills["i_time"], reference.bar[: reference.n_fills])
    if not same or not np.allclose(ledger.equity, reference.equity, rtol=1e-9):
        raise AssertionError("The event engine and the C loop did different work.")
