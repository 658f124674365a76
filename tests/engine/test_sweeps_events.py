"""Sweeps on the event engine: every point is the backtest that it stands for."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

import engine
from config.run import RunConfig
from config.sweep import SweepConfig
from engine.errors import InvalidFormulaError, InvalidParameterError, SweepCancelledError
from engine.event_files import add_file, read_event_strategy
from engine.strategies import builtin, builtin_names
from engine.sweeps.axes import resolve_points
from engine.sweeps.preparing import estimate_sweep
from engine.types import Bars
from tests.engine.sample_bars import DAY_MS, constant_bars, random_bars, real_bars
from tests.engine.sweep_checks import (
    assert_same_as_runs,
    measured,
    prepared,
    single_run,
    time_block_sums,
)

FREE = {"costs": {"rate_bps": 0.0}, "execution": {"slippage_bps": 0.0}}
GRIDS = {
    "buy_and_hold": {"direction": ["long_only", "short_only"]},
    "sma_cross": {"fast": [3, 10], "slow": [12, 30], "direction": ["long_only", "long_short"]},
    "ema_cross": {"fast": [3, 10], "slow": [12, 30], "direction": ["short_only", "long_short"]},
    "macd_cross": {"fast": [5, 12], "slow": [15, 26], "signal": [3, 9]},
    "rsi_reversion": {"length": [5, 14], "lower": [30, 45], "upper": [55.0, 70.0]},
    "bollinger_reversion": {"length": [5, 20], "width": [1.0, 2.5]},
    "donchian_breakout": {"entry": [5, 20], "exit": [3, 10]},
    "keltner_breakout": {"length": [5, 20], "width": [0.5, 2.0]},
    "time_series_momentum": {"lookback": [5, 60, 252]},
    "momentum_rotation": {"lookback": [10, 60], "top": [1, 2]},
    "dual_momentum": {"lookback": [10, 60]},
    "pairs": {"lookback": [20, 60], "entry": [1.0, 2.0]},
    "volatility_target": {"target": [0.05, 0.2], "lookback": [5, 20]},
    "fixed_weights": {"rebalance": ["month", "quarter", "band:0.05"]},
    "dollar_cost_average": {"amount": [500.0, 1000.0], "every": [5, 21]},
}


def several(n=300):
    """Three symbols, of which one has gaps, one a split."""
    a, b, c = (random_bars(n, seed) for seed in (1, 2, 3))
    kept = np.flatnonzero(np.arange(n) % 7 != 3)
    columns = {name: getattr(b, name)[kept] for name in ("time", "open", "high", "low", "close")}
    b = Bars(**columns, volume=b.volume[kept])
    return {"A": a, "B": b, "C": replace(c, splits=((100 * DAY_MS, 2.0),))}


def test_every_builtin_strategy_has_a_grid_here():
    assert set(GRIDS) == set(builtin_names())


@pytest.mark.parametrize("name", builtin_names())
def test_points_are_the_single_runs_on_a_portfolio(name):
    bars = several()
    if name == "pairs":
        bars = {"A": bars["A"], "C": bars["C"]}
    table = assert_same_as_runs(bars, {"strategy": {"name": name}}, GRIDS[name])
    assert (table["trades"] > 0).any() or name in ("buy_and_hold", "dollar_cost_average")


@pytest.mark.parametrize("name", ["sma_cross", "donchian_breakout", "volatility_target"])
def test_points_are_the_single_runs_on_real_bars(name):
    grid = {key: values[:2] for key, values in GRIDS[name].items() if key != "direction"}
    assert builtin(name).params.keys() >= grid.keys()
    assert_same_as_runs({"IBM": real_bars("IBM")}, {"strategy": {"name": name}}, grid)


def test_points_of_a_python_file():
    code = """
from engine.orders import buy, close

PARAMS = {"hold": 5}
INDICATORS = {"n": "bar_index"}

def on_bar(bar, indicators, position, orders, state, params):
    at = indicators.n % (2 * params.hold)
    if at == 0:
        buy(orders, 10.0)
    elif at == params.hold:
        close(orders)
    return state
"""
    definition = read_event_strategy(code, name="hold_and_rest")
    add_file(definition)
    bars = {"A": random_bars(200, 4)}
    table = assert_same_as_runs(bars, {"strategy": {"name": "hold_and_rest"}}, {"hold": [3, 7]})
    # Bars 0, 6, …, 198 buy; closes at 3, 9, …, 195 end 33 holdings.
    assert table["trades"].tolist() == [33, 14]


def test_warm_up_of_each_point_is_that_of_its_run():
    """Recursive averages depend on where they begin: 4 · slow bars before the start."""
    config = {"strategy": {"name": "ema_cross"}, "start": "1970-07-01"}
    assert_same_as_runs({"A": random_bars(400, 5)}, config, {"fast": [3, 5], "slow": [10, 40]})


def test_contributions_are_no_gain():
    config = {"strategy": {"name": "sma_cross"}, "flows": {"amount": 500.0, "every": "month"}}
    assert_same_as_runs({"A": random_bars(300, 6)}, config, {"fast": [3, 5], "slow": [10, 20]})


# ── time blocks ─────────────────────────────────────────────────────────────────────────────


def test_sums_of_time_blocks_are_those_of_the_returns():
    bars = {"A": random_bars(203, 7)}
    config = {"strategy": {"name": "sma_cross"}}
    sweep = prepared(bars, config, {"fast": [3], "slow": [10]})
    table = measured(sweep)
    equity = single_run(bars, config, {"fast": 3, "slow": 10}).equity["equity"]
    returns = [b / a - 1.0 for a, b in pairwise(equity)]
    sums, squares = time_block_sums(returns)
    np.testing.assert_allclose(table["sums"][0], sums, atol=1e-15)
    np.testing.assert_allclose(table["squares"][0], squares, atol=1e-15)
    # 202 returns: block k ends at return 202·(k+1)//16, so 12 and 13 alternate to a sum of 202.
    assert sweep.n_returns.tolist() == [12, 13, 12, 13, 13, 12, 13, 13] * 2
    assert sweep.block_edges_ms[0] == bars["A"].time[0]
    assert sweep.block_edges_ms[1] == bars["A"].time[12]
    assert sweep.block_edges_ms[-1] == bars["A"].time[-1]


def test_bars_shorter_than_a_day_are_measured_by_the_day():
    minutes = random_bars(2400, 8)
    # 30-minute bars: 48 a day, 50 days from Thursday 1970-01-01 on; weekends belong to Mondays.
    bars = {"A": replace(minutes, time=np.arange(2400, dtype=np.int64) * 30 * 60_000)}
    config = {"strategy": {"name": "sma_cross"}, "timeframe": "30min"}
    sweep = prepared(bars, config, {"fast": [3], "slow": [10]})
    assert_same_as_runs(bars, config, {"fast": [3, 5], "slow": [10, 40]})
    # Saturdays are more than 5 % of the dates: the market is open seven days, 49 returns.
    assert sweep.n_returns.sum() == 49


# ── ugly inputs ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("n_bars", [1, 2, 3, 17])
def test_few_bars(n_bars):
    bars = {"A": random_bars(n_bars, 9)}
    assert_same_as_runs(bars, {"strategy": {"name": "time_series_momentum"}}, {"lookback": [1, 2]})


def test_constant_prices_have_no_ratio():
    config = {"strategy": {"name": "rsi_reversion"}, **FREE}
    table = assert_same_as_runs({"A": constant_bars(50)}, config, {"length": [2, 5]})
    assert np.isnan(table["sharpe"]).all()
    assert table["trades"].tolist() == [0, 0]


def test_a_ruined_account_keeps_its_true_equity_and_no_returns_after():
    # Short 1,000 at 100 (bar 1); the close of bar 2, 250, leaves 200,000 − 250,000.
    close = np.array([100.0, 100.0, 250.0, 100.0, 100.0])
    bars = Bars(np.arange(5) * DAY_MS, close, close, close, close, np.ones(5))
    config = {"strategy": {"name": "buy_and_hold"}, **FREE}
    table = assert_same_as_runs({"A": bars}, config, {"direction": ["short_only"]})
    assert table["final_equity"].tolist() == [-50_000.0]
    assert table["total_return"].tolist() == [-1.0]
    assert table["sums"].sum() == -1.0


# ── the same result however it is asked for ─────────────────────────────────────────────────


def test_threads_and_blocks_change_no_bit():
    grid = {"fast": [2, 3, 5], "slow": [10, 20, 30]}
    bars, config = {"A": random_bars(300, 10)}, {"strategy": {"name": "sma_cross"}}
    alone, together = measured(prepared(bars, config, grid)), prepared(bars, config, grid)
    together.blocks = ((0, 2), (2, 7), (7, 9))
    other = measured(together, threads=2)
    for name, column in alone.items():
        assert column.tobytes() == other[name].tobytes()


def test_blocks_cover_the_points_in_order_and_are_always_the_same():
    grid = {"fast": list(range(2, 60)), "slow": list(range(60, 160))}
    bars, config = {"A": random_bars(50, 11)}, {"strategy": {"name": "sma_cross"}}
    first, second = prepared(bars, config, grid), prepared(bars, config, grid)
    assert first.blocks == second.blocks
    edges = [0, *(end for _, end in first.blocks)]
    assert [begin for begin, _ in first.blocks] == edges[:-1]
    assert edges[-1] == 5800


def test_a_cancelled_sweep_stops():
    grid = {"fast": [2, 3, 5], "slow": [10, 20, 30]}
    sweep = prepared({"A": random_bars(60, 12)}, {"strategy": {"name": "sma_cross"}}, grid)
    with pytest.raises(SweepCancelledError):
        sweep.evaluate(0, is_cancelled=lambda: True)


def test_refused_before_any_work():
    bars = {"A": random_bars(60, 13)}
    with pytest.raises(InvalidParameterError, match="axes") as caught:
        engine.sweep(bars, {"strategy": {"name": "sma_cross"}}, {})
    assert caught.value.field == "axes"
    with pytest.raises(InvalidParameterError, match="fats"):
        engine.sweep(bars, {"strategy": {"name": "sma_cross"}}, {"fats": [1]})
    with pytest.raises(InvalidFormulaError):
        engine.sweep(bars, {"strategy": {"formula": {"enter_long": "close >"}, "params": {"n": 1}}},
                     {"n": [1, 2]})  # fmt: skip


def test_the_table_is_in_the_order_of_the_grid():
    bars = {"A": random_bars(120, 14)}
    table = engine.sweep(
        bars, {"strategy": {"name": "sma_cross"}}, {"fast": [2, 4], "slow": range(10, 40, 10)}
    )
    assert table["fast"].tolist() == [2, 2, 2, 4, 4, 4]
    assert table["slow"].tolist() == [10, 20, 30, 10, 20, 30]
    run = single_run(bars, {"strategy": {"name": "sma_cross"}}, {"fast": 4, "slow": 10})
    assert table["final_equity"][3] == run.metrics["final_equity"]


def test_an_estimate_says_how_long_and_how_much():
    bars = {"A": random_bars(500, 15)}
    run = {"symbols": ["A"], "strategy": {"name": "sma_cross"}}
    config = RunConfig.model_validate(run)

    def estimated(fast):
        sweep = SweepConfig.model_validate({"run": run, "axes": {"fast": fast, "slow": "5..999"}})
        return estimate_sweep(bars, config, resolve_points(sweep))

    one, many = estimated("3"), estimated("3..102")
    assert 0.0 < one.seconds < many.seconds
    assert one.memory_bytes < many.memory_bytes
    assert many.engine == "transitions"
