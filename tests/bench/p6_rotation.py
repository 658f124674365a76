"""P6: momentum rotation over hundreds of symbols, against a vectorised pandas script.

The script is `p6_momentum_pandas.py`. Both start from aligned prices in memory; the last row starts
both from one series a symbol.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from engine import Bars, backtest
from engine.resolve import RunPlan, plan_run
from engine.simulation import simulate
from engine.types import Ledger, Market, Targets
from tests.bench import p6_momentum_pandas as script
from tests.bench.measure import Row, Scale, compare
from tests.bench.synthetic import random_walk

CASH, FEE = 100_000.0, 5e-4
TARGET = 1.0 / 50.0


def measure(scale: Scale) -> list[Row]:
    """Compare the broker with the script, and with one that ranks only where weights are wanted."""
    n_days, n_symbols, lookback, top = (
        (300, 20, 40, 3) if scale == "tiny" else (5_000, 500, 126, 10)
    )
    repeats = 2 if scale == "tiny" else 9
    days = pd.bdate_range("2000-01-03", periods=n_days)
    bars = _bars(days, n_symbols)
    run = _plan(sorted(bars), lookback, top)
    market = run.market(bars)
    opens, closes = _frame(market, "open", days), _frame(market, "close", days)
    chosen = {"lookback": lookback, "top": top}
    money = {"cash": CASH, "fee": FEE}

    def ours() -> tuple[Targets, Ledger]:
        targets, _ = run.strategy.decide(market, run.config)
        return targets, simulate(market, targets, run.config)

    def textbook() -> pd.Series:
        return script.equity(opens, closes, script.choose(closes, **chosen), **money)

    def careful() -> pd.Series:
        return script.equity(opens, closes, script.choose_sparsely(closes, **chosen), **money)

    def from_series() -> pd.Series:
        frames = [_gathered(bars, name, days) for name in ("open", "close")]
        return script.equity(*frames, script.choose(frames[1], **chosen), **money)

    targets, ledger = ours()
    for choose, run_script in ((script.choose, textbook), (script.choose_sparsely, careful)):
        _assert_equal(targets, ledger, choose(closes, **chosen), run_script())
    work = f"{lookback}-day momentum, top {top} of {n_symbols}, monthly, {n_days:,} days"
    shared = {"ours": ours, "target": TARGET, "repeats": repeats}
    return [
        compare("P6", work=work, reference="pandas script, ranks daily", other=textbook, **shared),
        compare(
            "P6 sparse",
            work=work,
            reference="pandas script, ranks only each month's first day",
            other=careful,
            **shared | {"target": None},
        ),
        compare(
            "P6 whole",
            work="the same from one series a symbol to metrics, trades and tables",
            ours=lambda: backtest(bars, run.config, checks=False),
            reference="pandas script with its frames gathered, equity only",
            other=from_series,
            target=None,
            repeats=repeats,
        ),
    ]


def _bars(days: pd.DatetimeIndex, n_symbols: int) -> dict[str, Bars]:
    time = days.as_unit("ms").asi8
    walks = (random_walk(days.size, seed=i, volatility=0.01) for i in range(n_symbols))
    return {f"S{i:04}": replace(walk, time=time) for i, walk in enumerate(walks)}


def _plan(symbols: list[str], lookback: int, top: int) -> RunPlan:
    return plan_run(
        {
            "symbols": symbols,
            "strategy": {
                "name": "momentum_rotation",
                "params": {"lookback": lookback, "top": top},
            },
            "cash": CASH,
            "lot": 0.0,
            "costs": {"rate_bps": FEE * 1e4},
            "execution": {"slippage_bps": 0.0},
            "benchmark": None,
        }
    )


def _frame(market: Market, name: str, days: pd.DatetimeIndex) -> pd.DataFrame:
    columns = np.ascontiguousarray(getattr(market, name).T)
    return pd.DataFrame(columns, index=days, columns=list(market.symbols))


def _gathered(bars: dict[str, Bars], name: str, days: pd.DatetimeIndex) -> pd.DataFrame:
    return pd.DataFrame({s: pd.Series(getattr(b, name), index=days) for s, b in bars.items()})


def _assert_equal(
    targets: Targets, ledger: Ledger, weights: pd.DataFrame, equity: pd.Series
) -> None:
    """The same symbols on the same days; equity but for the fee's effect on what it is paid of."""
    if not np.array_equal(targets.rows, weights.to_numpy()):
        raise AssertionError("The engine and the script chose different symbols.")
    if not np.allclose(ledger.equity, equity.to_numpy(), rtol=1e-3):
        raise AssertionError("The engine and the script reached another equity.")
