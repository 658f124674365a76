"""engine.backtest end to end: what goes in, what comes out, what is refused."""

import json
import math
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import engine
from config.run import RunConfig
from engine.clock import DAY_MS
from engine.errors import (
    EngineError,
    InvalidBarsError,
    InvalidFormulaError,
    InvalidParameterError,
    UnknownStrategyError,
)
from engine.kernels.broker import run_bars
from engine.kernels.indicators import sma
from engine.metrics import METRIC_NAMES
from engine.resolve import end_ms, plan_run, resolve, start_ms
from engine.strategies import builtin_names
from engine.tables import NO_TIME
from engine.version import ENGINE_VERSION, RELEASE

FREE = {"costs": {"rate_bps": 0}, "execution": {"slippage_bps": 0}}
FIRST_DAY = 12_784  # 2005-01-01


def bars_of(close, *, open_=None, high=None, low=None, step_ms=DAY_MS, **options):
    close = np.array(close, dtype=float)
    open_ = close if open_ is None else np.array(open_, dtype=float)
    high = np.maximum(open_, close) if high is None else np.array(high, dtype=float)
    low = np.minimum(open_, close) if low is None else np.array(low, dtype=float)
    time = FIRST_DAY * DAY_MS + step_ms * np.arange(close.size, dtype=np.int64)
    return engine.Bars(time, open_, high, low, close, np.full(close.size, 1e6), **options)


def wave(n=300, seed=1):
    generator = np.random.default_rng(seed)
    return 100 * np.exp(np.cumsum(generator.normal(0, 0.02, n)))


def stamp(i_bar):
    return (FIRST_DAY + i_bar) * DAY_MS


def test_buy_and_hold_by_hand():
    # Cash 1,000, all in at the open of bar 1 at 10 + 5 bps slippage = 10.005, fee 10 bps.
    # floor(1000 / (10.005 * 1.001)) = floor(99.85...) = 99 shares; fee 99 * 10.005 / 1000
    # = 0.990495; cash 1000 - 990.495 - 0.990495 = 8.514505; at close 12: 1196.514505.
    bars = bars_of([10, 11, 12], open_=[10, 10, 11])

    result = engine.backtest({"X": bars}, {"strategy": {"name": "buy_and_hold"}, "cash": 1000})

    assert result.status == "done"
    assert result.fills["quantity"].tolist() == [99.0]
    assert result.fills["price"] == pytest.approx([10.005], abs=1e-12)
    assert result.fills["fee"] == pytest.approx([0.990495], abs=1e-12)
    assert result.fills["side"].tolist() == ["buy"]
    assert result.fills["time"].tolist() == [stamp(1)]
    assert result.equity["equity"] == pytest.approx([1000, 1097.514505, 1196.514505], abs=1e-9)
    assert result.equity["cash"] == pytest.approx([1000, 8.514505, 8.514505], abs=1e-9)
    assert result.equity["exposure"] == pytest.approx([0, 1089 / 1097.514505, 1188 / 1196.514505])
    assert result.equity["drawdown"].tolist() == [0.0, 0.0, 0.0]
    assert result.metrics["total_return"] == pytest.approx(0.196514505)
    assert result.metrics["fees"] == pytest.approx(0.990495)
    # Two bars of three; bought once, so half of 990.495 over the mean equity and two days.
    assert result.metrics["exposure_time"] == pytest.approx(2 / 3)
    mean_equity = (1000 + 1097.514505 + 1196.514505) / 3
    assert result.metrics["turnover"] == pytest.approx(990.495 / 2 / mean_equity / (2 / 365.25))
    # The benchmark is bought at the first close: 10 to 12.
    assert result.curves["benchmark"] == pytest.approx([1000, 1100, 1200])
    assert result.metrics["benchmark_return"] == pytest.approx(0.2)
    assert result.benchmark_metrics["final_equity"] == pytest.approx(1200)


def test_the_open_trade_is_marked_and_has_no_exit_time():
    bars = bars_of([10, 11, 12], open_=[10, 10, 11])

    trades = engine.backtest({"X": bars}, {"strategy": {"name": "buy_and_hold"}, **FREE}).trades

    assert trades["open"].tolist() == [True]
    assert trades["side"].tolist() == ["long"]
    assert trades["entry_time"].tolist() == [stamp(1)]
    assert trades["exit_time"].tolist() == [NO_TIME]
    assert np.isnat(trades["exit_time"].astype("datetime64[ms]")).all()
    assert trades["exit_reason"].tolist() == [""]
    assert trades["exit_price"].tolist() == [12.0]
    assert trades["pnl"].tolist() == [20_000.0]


def test_columns_are_those_of_the_exported_files():
    result = engine.backtest({"X": bars_of(wave())}, {"strategy": {"name": "sma_cross"}})

    assert ",".join(result.equity) == "time,equity,cash,exposure,drawdown"
    assert ",".join(result.orders) == (
        "order_id,time,symbol,side,type,quantity,limit,stop,time_in_force,status,reason,"
        "filled_quantity,filled_price"
    )
    assert ",".join(result.fills) == "time,symbol,side,quantity,price,fee,order_id,reason,ambiguous"
    assert ",".join(result.trades).startswith(
        "symbol,side,quantity,entry_time,entry_price,exit_time,exit_price,fees,pnl,return,bars,"
        "mae,mfe,exit_reason,ambiguous,open"
    )
    for table in (result.equity, result.orders, result.fills, result.trades):
        assert len({column.size for column in table.values()}) == 1


def test_the_result_is_complete_and_strict_json():
    bars = {"X": bars_of(wave(400)), "Y": bars_of(wave(400, seed=2))}

    result = engine.backtest(bars, {"strategy": {"name": "sma_cross"}})

    assert tuple(result.metrics) == METRIC_NAMES
    assert set(result.checks) == {
        "look_ahead",
        "warm_up",
        "ambiguous_fills",
        "band",
        "recon_error",
    }
    assert result.checks["look_ahead"]["status"] == "pass"
    assert result.checks["warm_up"]["status"] == "pass"
    assert set(result.checks["band"]) == {"pessimistic", "optimistic", "ohlc"}
    assert result.checks["recon_error"] <= 1e-9
    assert result.equity["equity"].size == result.curves["band_low"].size == 400
    json.dumps(
        [result.metrics, result.benchmark_metrics, result.checks, result.config, result.status],
        allow_nan=False,
    )


def test_the_resolved_configuration_shows_every_default():
    result = engine.backtest(
        {"X": bars_of(wave()), "Y": bars_of(wave(seed=2))}, {"strategy": {"name": "sma_cross"}}
    )

    assert result.config["symbols"] == ["X", "Y"]
    assert result.config["timeframe"] == "1d"
    assert result.config["sizing"] == {"kind": "fraction", "value": 0.5}
    assert result.config["strategy"]["params"] == {
        "fast": 10,
        "slow": 30,
        "direction": "long_only",
    }
    again = engine.backtest(
        {"X": bars_of(wave()), "Y": bars_of(wave(seed=2))}, RunConfig.model_validate(result.config)
    )
    assert again.config == result.config
    assert again.equity["equity"].tobytes() == result.equity["equity"].tobytes()


def test_the_order_of_symbols_does_not_matter():
    bars = {"X": bars_of(wave()), "Y": bars_of(wave(seed=2))}
    config = {"strategy": {"name": "sma_cross"}}

    one = engine.backtest(bars, config)
    other = engine.backtest(dict(reversed(bars.items())), config | {"symbols": ["Y", "X"]})

    assert one.equity["equity"].tobytes() == other.equity["equity"].tobytes()
    assert one.metrics == other.metrics


def test_a_configured_size_wins_over_the_formula():
    formula = {"enter_long": "close > 0", "size": "fraction(0.5)"}
    config = {"strategy": {"formula": formula}, "cash": 1000, **FREE}
    bars = {"X": bars_of([10, 10, 10])}

    assert engine.backtest(bars, config).fills["quantity"].tolist() == [50.0]
    sized = config | {"sizing": {"kind": "units", "value": 7}}
    assert engine.backtest(bars, sized).fills["quantity"].tolist() == [7.0]


def test_a_configured_size_does_not_wait_for_the_formula_s():
    formula = {"enter_long": "close > 0", "size": "fraction(0.5 / stddev(close, 20))"}
    config = {
        "strategy": {"formula": formula},
        "sizing": {"kind": "units", "value": 7},
        "cash": 1000,
        **FREE,
    }

    result = engine.backtest({"X": bars_of([10, 11, 12])}, config)

    assert result.fills["time"].tolist() == [stamp(1)]


def test_earlier_bars_feed_indicators_only():
    # From bar 100 on, with all of sma(30)'s history before: a cross can fill at bar 101 already,
    # and nothing at all is dated before the start.
    bars = {"X": bars_of(wave(300))}
    start = str(np.datetime64(FIRST_DAY + 100, "D"))

    result = engine.backtest(bars, {"strategy": {"name": "sma_cross"}, "start": start})

    assert result.equity["time"][0] == stamp(100)
    assert result.equity["equity"][0] == 100_000.0
    assert result.orders["time"].min() >= stamp(100)
    assert f"first tradable bar {start}" in result.checks["warm_up"]["detail"]


def test_the_end_date_is_that_whole_day():
    hourly = bars_of(wave(96), step_ms=3_600_000)
    config = {"strategy": {"name": "buy_and_hold"}, "start": "2005-01-02", "end": "2005-01-03"}

    result = engine.backtest({"X": hourly}, config)

    assert result.equity["time"].size == 48
    assert result.config["timeframe"] == "1h"
    assert start_ms("2005-01-02T00:00:00+01:00") == start_ms("2005-01-02") - 3_600_000
    assert end_ms("2005-01-03") - start_ms("2005-01-03") == DAY_MS - 1
    assert end_ms("2005-01-03T12:00:00") - start_ms("2005-01-03") == DAY_MS // 2


def test_a_benchmark_symbol_is_measured_and_not_traded():
    bars = {"X": bars_of([10, 10, 10, 10]), "SPY": bars_of([50, 55, 66, 66])}
    config = {"symbols": ["X"], "strategy": {"name": "buy_and_hold"}, "benchmark": "SPY"}

    result = engine.backtest(bars, config)

    assert result.config["symbols"] == ["X"]
    assert set(result.fills["symbol"]) == {"X"}
    assert result.curves["benchmark"] == pytest.approx([1e5, 1.1e5, 1.32e5, 1.32e5])
    assert result.benchmark_metrics["total_return"] == pytest.approx(0.32)


def test_a_benchmark_with_fewer_bars_is_empty_where_it_has_none():
    whole = bars_of([50, 55, 66, 66])
    late = engine.Bars(
        *(getattr(whole, name)[[1, 3]] for name in ("time", "open", "high", "low", "close")),
        volume=whole.volume[[1, 3]],
    )
    config = {"symbols": ["X"], "strategy": {"name": "buy_and_hold"}, "benchmark": "SPY"}

    value = engine.backtest({"X": bars_of([10] * 4), "SPY": late}, config).curves["benchmark"]

    assert value == pytest.approx([math.nan, 1e5, math.nan, 1.2e5], nan_ok=True)


def test_without_a_benchmark_there_is_no_curve():
    result = engine.backtest(
        {"X": bars_of(wave())}, {"strategy": {"name": "sma_cross"}, "benchmark": None}
    )

    assert "benchmark" not in result.curves
    assert result.benchmark_metrics == {}
    assert result.metrics["beta"] is None


def test_a_preview_skips_the_checks_and_keeps_the_numbers():
    bars, config = {"X": bars_of(wave())}, {"strategy": {"name": "rsi_reversion"}}

    preview, whole = engine.backtest(bars, config, checks=False), engine.backtest(bars, config)

    assert preview.checks["look_ahead"]["status"] == "not_run"
    assert preview.checks["warm_up"]["status"] == "not_run"
    assert preview.metrics == whole.metrics
    assert preview.checks["band"] == whole.checks["band"]


N_SYMBOLS = {"momentum_rotation": 3, "dual_momentum": 2, "pairs": 2}
"""Of the strategies that need more than one."""


def enough_symbols(name, prices):
    return {
        symbol: bars_of(prices * k) for k, symbol in enumerate("XYZ"[: N_SYMBOLS.get(name, 1)], 1)
    }


@pytest.mark.parametrize("name", builtin_names())
def test_one_bar_runs_and_measures_nothing(name):
    bars = enough_symbols(name, np.array([10.0]))

    result = engine.backtest(bars, {"strategy": {"name": name}})

    assert result.metrics["final_equity"] == 100_000.0
    assert result.metrics["trades"] == 0
    assert result.metrics["cagr"] is None
    assert result.checks["look_ahead"]["status"] == "not_run"


@pytest.mark.parametrize("name", builtin_names())
def test_every_built_in_strategy_passes_its_checks(name):
    bars = enough_symbols(name, np.array(wave(1500)))

    result = engine.backtest(bars, {"strategy": {"name": name}})

    assert result.checks["look_ahead"]["status"] == "pass"
    # What a pair does depends on what it held before.
    has_memory = name == "pairs"
    assert result.checks["warm_up"]["status"] == ("not_run" if has_memory else "pass")
    assert all(value is None or math.isfinite(value) for value in result.metrics.values())


def test_a_run_without_trades_is_all_zeros_and_nulls():
    formula = {"enter_long": "close > 1000000"}

    result = engine.backtest({"X": bars_of(wave())}, {"strategy": {"formula": formula}})

    assert result.metrics["final_equity"] == 100_000.0
    for name in ("total_return", "cagr", "volatility", "max_drawdown", "turnover", "fees"):
        assert result.metrics[name] == 0.0
    for name in ("sharpe", "sortino", "calmar", "win_rate", "sqn", "kelly"):
        assert result.metrics[name] is None


def test_ruin_is_recorded_and_measured_as_a_total_loss():
    # Short 9,999 shares at 10 with 100,000; at 25 the equity is 100,000 - 9,999·15 < 0.
    formula = {"enter_short": "close > 0"}
    config = {"strategy": {"formula": formula}, **FREE}

    result = engine.backtest({"X": bars_of([10, 10, 25, 25, 5])}, config)

    assert result.status == "bankrupt"
    assert result.metrics["final_equity"] < 0
    assert result.metrics["total_return"] == -1.0
    assert result.metrics["cagr"] == -1.0
    assert result.metrics["max_drawdown"] == -1.0
    assert result.equity["exposure"][2:].tolist() == [0.0, 0.0, 0.0]
    assert result.equity["drawdown"][-1] == -1.0


def test_flows_of_fills_and_cash_conserve_money():
    result = engine.backtest({"X": bars_of(wave())}, {"strategy": {"name": "sma_cross"}})
    fills = result.fills

    signs = np.where(fills["side"] == "buy", 1.0, -1.0)
    spent = signs * fills["quantity"] * fills["price"] + fills["fee"]

    assert result.equity["cash"][-1] == pytest.approx(100_000 - spent.sum(), abs=1e-6)


# Refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        (
            {"execution": {"detail_timeframe": "1w"}},
            "execution.detail_timeframe",
            "finer than the run's 1d",
        ),
        ({"execution": {"participation": 1.5}}, "execution.participation", "less than or equal"),
        ({"execution": {"impact": -0.1}}, "execution.impact", "greater than or equal to 0"),
        ({"execution": {"slippage_ticks": 2}}, "execution", "Expected `tick`"),
        (
            {"execution": {"slippage_ticks": 0.5, "tick": 0.01}},
            "execution.slippage_ticks",
            "integer",
        ),
        ({"flows": {"amount": 500, "every": "hour"}}, "flows.every", "month"),
        ({"sizing": {"kind": "kelly", "value": 0}}, "sizing.value", "greater than 0"),
        ({"cash": -5}, "cash", "greater than"),
        ({"cahs": 5}, "cahs", "Did you mean `cash`?"),
        ({"execution": {"slipage_bps": 5}}, "execution.slipage_bps", "`slippage_bps`"),
        ({"execution": {"fill": "now"}}, "execution.fill", "next_open"),
        ({"strategy": {}}, "strategy", "formula"),
        ({"strategy": {"name": "sma_cross", "params": {"fast": 1.5}}}, "strategy.params.fast", ""),
        (
            {"strategy": {"name": "sma_cross", "params": {"fats": 3}}},
            "strategy.params.fats",
            "fast",
        ),
        ({"start": "2005-13-01"}, "start", "2005-13-01"),
        ({"benchmark": "SPY"}, "benchmark", "SPY"),
        ({"benchmark": "../x"}, "benchmark", "../x"),
        (
            {"strategy": {"name": "sma_cross", "params": {"fast": [1]}}},
            "strategy.params.fast",
            "[1]",
        ),
        ({"strategy": {"formula": {"enter_long": None}}}, "strategy.formula.enter_long", "None"),
        ({"sizing": {"kind": "units"}}, "sizing.value", "missing"),
        ({"risk": {"max_gros": 1}}, "risk.max_gros", "`max_gross`"),
        ({"execution": 5}, "execution", "5"),
    ],
)
def test_what_is_refused_is_named(change, field, said):
    config = {"strategy": {"name": "sma_cross"}} | change

    with pytest.raises(InvalidParameterError) as refused:
        engine.backtest({"X": bars_of(wave())}, config)

    assert refused.value.field == field
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("bars", "config", "error"),
    [
        ({}, {"strategy": {"name": "sma_cross"}}, InvalidBarsError),
        ({"X": bars_of([])}, {"strategy": {"name": "sma_cross"}}, InvalidBarsError),
        (
            {"X": bars_of([1, 2])},
            {"strategy": {"name": "sma_cross"}, "start": "2011-01-01"},
            InvalidBarsError,
        ),
        ({"X": bars_of([1, 2])}, {"strategy": {"name": "smacross"}}, UnknownStrategyError),
        (
            {"X": bars_of([1, 2])},
            {"strategy": {"formula": {"enter_long": "close[-1] > 1"}}},
            InvalidFormulaError,
        ),
    ],
)
def test_bad_bars_strategies_and_formulas_are_refused(bars, config, error):
    with pytest.raises(error) as refused:
        engine.backtest(bars, config)

    assert isinstance(refused.value, EngineError)
    assert len(str(refused.value)) > 20


def test_a_formula_in_place_of_a_name_declares_its_parameters():
    formula = {"enter_long": "close > sma(close, fast)"}

    config, definition, params = resolve(
        {"symbols": ["X"], "strategy": {"formula": formula, "params": {"fast": 5}}}
    )

    assert params == {"fast": 5}
    assert definition.formula == formula
    assert config.sizing is not None
    assert plan_run(config).warm_up_bars == 4 * 4


# Packaging ------------------------------------------------------------------------------------


def test_engine_version_is_the_release_and_its_sources():
    assert re.fullmatch(r"\d+\.\d+\.\d+\+[0-9a-f]{8}", ENGINE_VERSION)
    pyproject = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{RELEASE}"' in pyproject


def test_importing_the_engine_does_not_load_the_compiler():
    # Both ways round: the function is there whoever loaded its module first.
    program = (
        "import sys, engine; assert 'numba' not in sys.modules; "
        "assert callable(engine.backtest) and callable(engine.indicator); "
        "from engine import backtest; assert engine.backtest is backtest"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
    )

    assert done.returncode == 0, done.stderr


def test_stored_bars_which_are_read_only_need_no_kernel_of_their_own():
    config = {"strategy": {"name": "sma_cross"}}
    engine.backtest({"X": bars_of(wave()), "Y": bars_of(wave())}, config)
    known = [list(kernel.signatures) for kernel in (run_bars, sma)]
    bars = bars_of(wave())
    for name in ("time", "open", "high", "low", "close", "volume"):
        getattr(bars, name).flags.writeable = False

    engine.backtest({"X": bars}, config)

    assert [list(kernel.signatures) for kernel in (run_bars, sma)] == known


def test_unknown_attributes_are_refused():
    with pytest.raises(AttributeError, match="nothing"):
        _ = engine.nothing
