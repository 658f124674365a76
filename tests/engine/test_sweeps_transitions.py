"""The walk over transitions against the event engine, which is its oracle."""

import random
from dataclasses import replace

import numpy as np
import pytest

from engine.strategies import builtin, builtin_names
from engine.sweeps.measuring import COLUMNS
from tests.engine.sample_bars import random_bars, real_bars
from tests.engine.sweep_checks import measured, prepared
from tests.engine.test_sweeps_events import GRIDS

FORMULAS = [n for n in builtin_names() if builtin(n).kind == "formula" and n in GRIDS]
WALKED = [name for name in FORMULAS if name != "dollar_cost_average"]
DIRECTIONS = ["long_only", "short_only", "long_short"]


def cut(bars, begin, end):
    """Some of the bars."""
    fields = ("time", "open", "high", "low", "close", "volume")
    return replace(bars, **{name: getattr(bars, name)[begin:end] for name in fields})


def by_events(sweep):
    """All columns of a sweep as the event engine measures them."""
    walkers, sweep._by_transitions = sweep._by_transitions, ()
    table = measured(sweep)
    sweep._by_transitions = walkers
    return table


def assert_walks_as_events(bars, config, grid, **more):
    """Every number of every point agrees; returns the columns."""
    sweep = prepared(bars, config, grid, **more)
    assert sweep.engine == "transitions", sweep.reason
    walked, expected = measured(sweep), by_events(sweep)
    assert_equal_tables(walked, expected)
    return walked


def assert_equal_tables(walked, expected):
    assert walked["trades"].tolist() == expected["trades"].tolist()
    for name in ("final_equity", "total_return", "max_drawdown", "sums", "squares"):
        np.testing.assert_allclose(
            walked[name], expected[name], rtol=1e-12, atol=1e-12, err_msg=name
        )
    for name in COLUMNS:
        np.testing.assert_allclose(
            walked[name], expected[name], rtol=1e-9, atol=1e-12, err_msg=name
        )


def assert_same_curve(bars, config, params):
    """At every bar equity and closed trades are those of the event engine: so is every fill.

    The walk writes no curve, so it is stopped after each bar in turn.
    """
    (symbol,) = bars
    series, grid = bars[symbol], {name: [value] for name, value in params.items()}
    whole = prepared(bars, config, grid)
    ledger = whole._by_events.ledger(0)
    exits = ledger.trades["exit_i"][ledger.trades["exit_i"] >= 0]
    for n in range(1, series.time.size + 1):
        table = measured(prepared({symbol: cut(series, 0, n)}, config, grid))
        np.testing.assert_allclose(table["final_equity"][0], ledger.equity[n - 1], rtol=1e-12)
        assert table["trades"][0] == (exits < n).sum()


# ── every built-in strategy ─────────────────────────────────────────────────────────────────


def grid_of(name, direction):
    grid = {key: values for key, values in GRIDS[name].items() if key != "direction"}
    return grid | {"direction": [direction]}


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("name", WALKED)
def test_builtin_strategies_on_real_bars(name, direction):
    if direction not in builtin(name).params["direction"].choices:
        pytest.skip(f"{name} is never {direction}")
    for symbol, begin in (("AAPL", 0), ("IBM", 1500)):
        bars = {symbol: cut(real_bars(symbol), begin, begin + 2000)}
        table = assert_walks_as_events(bars, {"strategy": {"name": name}}, grid_of(name, direction))
        if name != "buy_and_hold":
            assert (table["trades"] > 0).any()


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("name", WALKED)
def test_builtin_strategies_on_random_bars(name, direction):
    if direction not in builtin(name).params["direction"].choices:
        pytest.skip(f"{name} is never {direction}")
    for seed, tick, lot in ((1, None, 0.0), (2, 5.0, 1.0), (3, 20.0, 0.01)):
        bars = {"A": replace(random_bars(330, seed, tick=tick), lot=lot)}
        assert_walks_as_events(bars, {"strategy": {"name": name}}, grid_of(name, direction))


@pytest.mark.parametrize("name", ["sma_cross", "rsi_reversion", "keltner_breakout"])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_every_fill_is_the_event_engines(name, direction):
    params = {key: values[0] for key, values in GRIDS[name].items()} | {"direction": direction}
    bars = {"A": random_bars(150, 21, tick=2.0)}
    assert_same_curve(bars, {"strategy": {"name": name}, "lot": 0}, params)


# ── stops, targets, trails, sizes, costs, margins: whatever a configuration says ────────────


@pytest.mark.parametrize("op", ["fast > slow", "fast >= slow", "fast == slow", "fast < slow"])
def test_conditions_between_two_parameters(op):
    formula = {"enter_long": f"close > open and {op}", "exit_long": f"close < open or not {op}"}
    config = {"strategy": {"formula": formula, "params": {"fast": 5, "slow": 20}}}

    table = assert_walks_as_events(
        {"A": random_bars(150, 3)}, config, {"fast": [4, 5, 6], "slow": [5, 6]}
    )

    traded = [eval(op, {"fast": f, "slow": s}) for f in (4, 5, 6) for s in (5, 6)]  # noqa: S307
    assert (table["trades"] > 0).tolist() == traded


def random_formula(rng):
    """An entry and exit by averages, with levels of every form."""
    entry = rng.choice(
        ["cross_above(sma(close, fast), sma(close, slow))", "close > sma(close, fast)"]
    )
    formula = {
        "enter_long": entry,
        "exit_long": rng.choice(["close < sma(close, slow)", "close < close[fast]"]),
    }
    if rng.random() < 0.6:
        formula["enter_short"] = rng.choice(
            ["close < sma(close, slow) * 0.99", "cross_below(ema(close, fast), ema(close, slow))"]
        )
        formula["exit_short"] = "close > highest(high, fast)[1]"
    sides = [side for side in ("long", "short") if f"enter_{side}" in formula]
    for side in sides:
        sign = 1 if side == "long" else -1
        if rng.random() < 0.6:
            formula[f"stop_{side}"] = rng.choice(
                [f"entry_price * (1 - {sign} * near)", f"close - {sign} * 2 * atr(5)"]
            )
        if rng.random() < 0.5:
            formula[f"target_{side}"] = rng.choice(
                [f"entry_price * (1 + {sign} * far)", f"entry_price + {sign} * 3 * atr(5)"]
            )
        if rng.random() < 0.3:
            formula[f"trail_{side}"] = rng.choice(["percent(near)", "2 * atr(5)"])
    if rng.random() < 0.3:
        formula["size"] = rng.choice(
            ["fraction(0.4)", "units(30)", "cash(20000)", "fraction(near * 9)"]
        )
    if rng.random() < 0.2 and all(f"stop_{side}" in formula for side in sides):
        formula["size"] = "risk(0.02)"
    return formula


def random_config(seed):
    rng = random.Random(seed)  # noqa: S311
    config = {
        "strategy": {
            "formula": random_formula(rng),
            "params": {"fast": 5, "slow": 20, "near": 0.03, "far": 0.06},
        },
        "cash": rng.choice([1e5, 1234.5, 1e4]),
        "lot": rng.choice([0, 1, 0.01, None]),
        "execution": {
            "slippage_bps": rng.choice([0.0, 5.0]),
            "spread_bps": rng.choice([0.0, 4.0]),
            "path": rng.choice(["pessimistic", "optimistic", "ohlc"]),
            "finalize": rng.random() < 0.3,
            "cash_policy": rng.choice(["reduce", "reject"]),
            "clip": rng.random() < 0.2,
        },
        "costs": {
            "rate_bps": rng.choice([0.0, 10.0]),
            "fixed": rng.choice([0.0, 1.0]),
            "minimum": rng.choice([0.0, 2.5]),
            "per_unit": rng.choice([0.0, 0.01]),
            "maker_bps": rng.choice([None, 2.0]),
            "maximum_rate_bps": rng.choice([None, 50.0]),
        },
        "margin": {
            "initial": rng.choice([1.0, 1.0, 0.5, 0.3, 2.0]),
            "maintenance": rng.choice([0.0, 0.25, 0.5]),
        },
    }
    if rng.random() < 0.3:
        config["execution"] |= {"tick": 0.25, "slippage_ticks": 1, "limit_ticks_through": 1}
    if rng.random() < 0.5:
        kind, value = rng.choice(
            [
                ("fraction", 1.0),
                ("fraction", 0.3),
                ("fraction", 2.5),
                ("units", 40.0),
                ("cash", 5e3),
            ]
        )
        config["sizing"] = {"kind": kind, "value": value}
    if rng.random() < 0.3:
        config["start"] = "1970-02-15"
    return config


@pytest.mark.parametrize("seed", range(60))
def test_random_rules_on_random_bars(seed):
    rng = random.Random(seed)  # noqa: S311
    tick, wild = rng.choice([None, 2.0, 10.0]), rng.choice([1.0, 1.0, 3.0])
    bars = random_bars(rng.choice([70, 200, 331]), seed, tick=tick)
    if wild > 1.0 and tick is None:
        prices = {
            name: 100.0 * (getattr(bars, name) / 100.0) ** wild
            for name in ("open", "high", "low", "close")
        }
        bars = replace(bars, **prices)
    grid = {"fast": [2, 5], "slow": [9, 20], "near": [0.01, 0.05], "far": [0.02, 0.2]}
    assert_walks_as_events({"A": bars}, random_config(seed), grid)


@pytest.mark.parametrize("seed", range(100, 106))
def test_every_fill_of_random_rules(seed):
    bars = {"A": random_bars(140, seed, tick=2.0)}
    config = random_config(seed) | {"start": None}
    config["execution"]["finalize"] = False
    params = {"fast": 3, "slow": 8, "near": 0.02, "far": 0.04}
    assert_same_curve(bars, config, params)
