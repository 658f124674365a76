"""Passports: every metric has one, its inputs make its value, and what others print is told."""

import json
import math
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.backtesting import backtest
from engine.metrics import METRIC_NAMES, compute_metrics
from engine.metrics.catalogue import CATALOGUE
from engine.metrics.inputs import measure_inputs
from engine.metrics.libraries import OTHERS, SAME
from engine.metrics.passports import passports
from engine.metrics.record import Record
from engine.metrics.series import Conventions
from tests.apps import wave_bars
from tests.engine.accounts import DAILY, days, no_fills, no_trades

RULES = Conventions(periods_per_year=252.0, risk_free_rate=0.02)


def of_curve(value, *, flow=None, benchmark=None, trades=None, fills=None, rules=RULES):
    """The record of an account worth `value` from 100 on, and its metrics."""
    value = np.asarray(value, dtype=float)
    equity = {"time": days(value.size), "equity": value, "cash": value / 2}
    equity["exposure"] = np.full(value.size, 0.5)
    if flow is not None:
        equity["flow"] = np.asarray(flow, dtype=float)
    record = Record(
        equity=equity,
        trades=trades or no_trades(),
        fills=fills or no_fills(),
        benchmark=None if benchmark is None else np.asarray(benchmark, dtype=float),
        base=100.0,
        rules=rules,
    )
    metrics = compute_metrics(
        equity, record.trades, record.fills, base=100.0, rules=rules, benchmark=record.benchmark
    )
    return record, metrics


def traded_run(seed=0, **changes):
    """A real run with many trades, and its record."""
    config = {
        "strategy": {"name": "sma_cross", "params": {"fast": 3, "slow": 8}},
        "risk_free_rate": 0.02,
    }
    bars = wave_bars(400, phase=seed)
    result = backtest({"ABC": bars}, {**config, **changes}, checks=False)
    rules = Conventions(periods_per_year=365.0, risk_free_rate=0.02, is_seven_day=True)
    record = Record(
        equity=result.equity,
        trades=result.trades,
        fills=result.fills,
        benchmark=result.curves["benchmark"],
        base=100_000.0,
        rules=rules,
    )
    return record, result.metrics


def wild_run():
    """Two hundred random days with a contribution, and trades by hand."""
    rng = np.random.default_rng(5)
    returns = rng.normal(0.001, 0.02, 200)
    flow = np.zeros(200)
    flow[100] = 30.0
    value = np.empty(200)
    for t in range(200):
        value[t] = (100.0 if t == 0 else value[t - 1]) * (1.0 + (t > 0) * returns[t]) + flow[t]
    n = 12
    trades = no_trades() | {
        "pnl": rng.normal(1.0, 5.0, n),
        "return": rng.normal(0.01, 0.05, n),
        "bars": rng.integers(1, 9, n),
        "mae": -rng.random(n),
        "mfe": rng.random(n),
        "r_multiple": np.where(np.arange(n) % 3 == 0, np.nan, rng.normal(0.0, 1.0, n)),
        "open": np.arange(n) == n - 1,
        "exit_time": np.arange(n),
        "entry_time": np.arange(n),
    }
    fills = {name: rng.random(20) for name in ("quantity", "price", "fee")}
    benchmark = 50.0 * np.cumprod(1.0 + rng.normal(0.0005, 0.015, 200))
    return of_curve(value, flow=flow, benchmark=benchmark, trades=trades, fills=fills)


FORMULAS = {
    "final_equity": lambda i: i["cash_at_end"] + i["market_value_at_end"],
    "net_pnl": lambda i: i["final_equity"] - i["cash"] - i["contributions"],
    "total_return": lambda i: i["growth"] - 1,
    "cagr": lambda i: i["growth"] ** (365.25 / i["elapsed_days"]) - 1,
    "positive_months": lambda i: i["n_positive_months"] / i["n_months"],
    "volatility": lambda i: i["std_return"] * i["periods_per_year"] ** 0.5,
    "downside_deviation": lambda i: i["root_mean_square_loss"] * i["periods_per_year"] ** 0.5,
    "sharpe": lambda i: i["mean_excess"] / i["std_excess"] * i["periods_per_year"] ** 0.5,
    "sortino": lambda i: (
        i["mean_excess"] / i["root_mean_square_loss"] * i["periods_per_year"] ** 0.5
    ),
    "calmar": lambda i: i["cagr"] / abs(i["max_drawdown"]),
    "omega": lambda i: i["sum_gains"] / i["sum_losses"],
    "gain_to_pain": lambda i: i["sum_months"] / abs(i["sum_losing_months"]),
    "max_drawdown": lambda i: i["trough_value"] / i["peak_value"] - 1,
    "max_drawdown_days": lambda i: _days(i["peak_time"], i["recovered_time"]),
    "max_drawdown_recovery_days": lambda i: _days(i["trough_time"], i["recovered_time"]),
    "average_drawdown": lambda i: i["sum_depths"] / i["n_drawdowns"],
    "ulcer_index": lambda i: (i["sum_squared_drawdowns"] / i["n_bars"]) ** 0.5,
    "recovery_factor": lambda i: i["total_return"] / abs(i["max_drawdown"]),
    "positive_periods": lambda i: i["n_positive_returns"] / i["n_returns"],
    "cvar_95": lambda i: i["sum_tail"] / i["n_tail"],
    "tail_ratio": lambda i: abs(i["quantile_95"]) / abs(i["quantile_05"]),
    "skew": lambda i: i["third_moment"] / i["second_moment"] ** 1.5,
    "kurtosis": lambda i: i["fourth_moment"] / i["second_moment"] ** 2 - 3,
    "autocorrelation": lambda i: i["lagged_product_sum"] / i["squared_deviation_sum"],
    "beta": lambda i: i["covariance"] / i["benchmark_variance"],
    "correlation": lambda i: (
        i["covariance"] / (i["common_variance"] * i["benchmark_variance"]) ** 0.5
    ),
    "alpha": lambda i: (
        i["periods_per_year"] * (i["mean_common_excess"] - i["beta"] * i["mean_benchmark_excess"])
    ),
    "tracking_error": lambda i: i["std_difference"] * i["periods_per_year"] ** 0.5,
    "information_ratio": lambda i: (
        i["mean_difference"] / i["std_difference"] * i["periods_per_year"] ** 0.5
    ),
    "benchmark_return": lambda i: i["benchmark_last"] / i["benchmark_first"] - 1,
    "exposure_time": lambda i: i["n_bars_held"] / i["n_bars"],
    "gross_exposure": lambda i: i["sum_exposure"] / i["n_bars"],
    "turnover": lambda i: i["traded_value"] / 2 / i["mean_equity"] / (i["elapsed_days"] / 365.25),
    "trades": lambda i: i["n_trade_rows"] - i["open_trades"],
    "open_trades": lambda i: i["n_trade_rows"] - i["trades"],
    "win_rate": lambda i: i["n_wins"] / i["trades"],
    "profit_factor": lambda i: i["sum_wins"] / abs(i["sum_lost"]),
    "expectancy": lambda i: i["sum_pnl"] / i["trades"],
    "average_trade": lambda i: i["sum_trade_returns"] / i["trades"],
    "average_win": lambda i: i["sum_wins"] / i["n_wins"],
    "average_loss": lambda i: i["sum_lost"] / i["n_losses"],
    "payoff_ratio": lambda i: i["average_win"] / abs(i["average_loss"]),
    "average_bars_held": lambda i: i["sum_bars"] / i["trades"],
    "average_mae": lambda i: i["sum_mae"] / i["trades"],
    "average_mfe": lambda i: i["sum_mfe"] / i["trades"],
    "average_r_multiple": lambda i: i["sum_r_multiples"] / i["n_r_multiples"],
    "sqn": lambda i: i["trades"] ** 0.5 * i["expectancy"] / i["std_pnl"],
    "kelly": lambda i: i["win_rate"] - (1 - i["win_rate"]) / i["payoff_ratio"],
    "psr": lambda i: (1 + math.erf(_psr_z(i) / math.sqrt(2))) / 2,
    "dsr": lambda i: i["psr"],
    "min_track_record_length": lambda i: (
        1 + _spread(i) * (1.6448536269514722 / i["sharpe_per_period"]) ** 2
    ),
}
"""The formulas of the passports, from their inputs alone."""

OF_THE_WHOLE_SERIES = {
    "contributions",
    "money_weighted_return",
    "best_month",
    "worst_month",
    "longest_drawdown_days",
    "best_period",
    "worst_period",
    "var_95",
    "fees",
    "best_trade",
    "worst_trade",
    "max_consecutive_wins",
    "max_consecutive_losses",
    "dsr_trials",
    "periods_per_year",
}
"""Metrics that no few numbers determine: an extreme, a quantile, a sum over everything."""


def _spread(i):
    s = i["sharpe_per_period"]
    return 1 - i["skew"] * s + (i["kurtosis"] + 2) / 4 * s * s


def _days(start, end):
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds() / 86_400


def _psr_z(i):
    return i["sharpe_per_period"] * math.sqrt((i["n_returns"] - 1) / _spread(i))


def test_every_metric_has_a_passport_in_the_order_of_the_document():
    record, metrics = traded_run()

    items = passports(record, metrics)

    assert [item["name"] for item in items] == list(METRIC_NAMES) == list(metrics)
    assert {item["name"]: item["value"] for item in items} == metrics
    for item, metric in zip(items, CATALOGUE, strict=True):
        assert item["formula"] == metric.formula
        assert item["undefined"]
        assert item["unit"] in {"ratio", "fraction", "money", "days", "count", "bars"}
        assert item["rule"] in {f"M{n}" for n in range(1, 13)}


def test_every_formula_is_checked_or_known_to_need_the_whole_series():
    assert set(FORMULAS) | OF_THE_WHOLE_SERIES == set(METRIC_NAMES)
    assert not set(FORMULAS) & OF_THE_WHOLE_SERIES


@pytest.mark.parametrize("make", [traded_run, wild_run, lambda: traded_run(1.0, lot=0)])
def test_the_inputs_of_a_passport_make_its_value(make):
    items = passports(*make())

    n_checked = 0
    for item in items:
        if item["name"] in FORMULAS and item["value"] is not None:
            value = FORMULAS[item["name"]](item["inputs"])
            assert value == pytest.approx(item["value"], rel=1e-9, abs=1e-12), item["name"]
            n_checked += 1
    assert n_checked > 40


def test_every_input_has_a_value_in_a_run_that_has_everything():
    record, metrics = wild_run()

    for item in passports(record, metrics):
        assert None not in item["inputs"].values(), item["name"]
    measured = set(measure_inputs(record))
    used = {name for metric in CATALOGUE for name in metric.inputs}
    assert measured <= used
    assert used <= measured | set(METRIC_NAMES)


@pytest.mark.parametrize("make", [traded_run, wild_run])
def test_what_others_print_is_the_same_where_the_passport_says_so(make):
    for item in passports(*make()):
        for other in item["others"]:
            if other["why"] == SAME and other["value"] is not None:
                assert other["value"] == pytest.approx(item["value"], rel=1e-12, abs=1e-12), item


def test_what_others_print_differs_where_the_passport_says_why():
    record, metrics = wild_run()

    differing = {
        (item["name"], other["library"])
        for item in passports(record, metrics)
        for other in item["others"]
        if other["value"] is not None and abs(other["value"] - item["value"]) > 1e-9
    }

    assert {
        ("cagr", "empyrical"),
        ("skew", "quantstats"),
        ("sharpe", "backtesting.py"),
    } <= differing
    assert {("win_rate", "quantstats"), ("information_ratio", "empyrical")} <= differing
    assert ("sharpe", "empyrical") not in differing


def test_others_are_of_metrics_that_exist():
    assert set(OTHERS) <= set(METRIC_NAMES)


def test_a_metric_that_an_older_run_has_not_has_no_passport():
    record, metrics = traded_run()
    del metrics["psr"]

    names = [item["name"] for item in passports(record, metrics)]

    assert names == [name for name in METRIC_NAMES if name != "psr"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=12),
    st.booleans(),
    st.booleans(),
)
def test_passports_of_the_shortest_runs_are_finite_json(returns, has_benchmark, is_ruined):
    value = 100.0 * np.cumprod(1.0 + np.array(returns))
    if is_ruined:
        value[-1] = -1.0
    benchmark = np.linspace(10.0, 11.0, value.size) if has_benchmark else None
    record, metrics = of_curve(value, benchmark=benchmark, rules=DAILY)

    items = passports(record, metrics)

    json.dumps(items, allow_nan=False)
