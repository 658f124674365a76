"""Everything that is compiled on first use, used once before anybody waits for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.backtesting import backtest
from engine.indicators import warm_functions
from engine.sweeps.sweeping import sweep
from engine.types import Bars

DAY_MS = 86_400_000
N_BARS = 120


def warm_kernels() -> None:
    """Compile the kernels, or load them from their cache, by a small run of each kind."""
    warm_functions()
    bars = _wave()
    bracket = {
        "enter_long": "close > sma(close, 5)",
        "trigger_long": "highest(high, 3)",
        "stop_long": "entry_price * 0.98",
        "target_long": "entry_price * 1.03",
        "enter_short": "close < sma(close, 5)",
        "trail_short": "percent(0.02)",
    }
    for strategy in ({"name": "sma_cross", "params": {"fast": 2, "slow": 5}}, {"formula": bracket}):
        backtest({"A": bars}, {"strategy": strategy})
    backtest({"A": bars, "B": bars}, {"strategy": {"name": "rsi_reversion"}})
    plain = replace(bars, splits=None, dividends=None)
    sweep({"A": plain}, {"strategy": {"name": "keltner_breakout"}}, {"length": [2, 5]})
    sweep({"A": plain}, {"strategy": {"name": "sma_cross"}}, {"fast": [2, 5]})


def _wave() -> Bars:
    """Return a few months of a rising wave with a split and a dividend."""
    n = np.arange(N_BARS)
    close = 100.0 + 10.0 * np.sin(n / 5.0) + 0.1 * n
    time = DAY_MS * n.astype(np.int64)
    return Bars(
        time,
        close,
        close * 1.01,
        close * 0.99,
        close,
        np.full(N_BARS, 1e6),
        splits=((int(time[50]), 2.0),),
        dividends=((int(time[70]), 0.5),),
    )
