"""The walk over transitions against the event engine, which is its oracle."""

import random
from dataclasses import replace

import numpy as np
import pytest

from engine.errors import InvalidFormulaError
from engine.strategies import builtin, builtin_names
from engine.sweeps import transitions
from engine.sweeps.measuring import COLUMNS
from engine.types import Bars
from tests.engine.sample_bars import DAY_MS, constant_bars, random_bars, real_bars
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


OFFERED = [
    (name, direction)
    for name in WALKED
    for direction in DIRECTIONS
    if direction in builtin(name).params["direction"].choices
]


def grid_of(name, direction):
    grid = {key: values for key, values in GRIDS[name].items() if key != "direction"}
    return grid | {"direction": [direction]}


@pytest.mark.parametrize(("name", "direction"), OFFERED)
def test_builtin_strategies_on_real_bars(name, direction):
    for symbol, begin in (("AAPL", 0), ("IBM", 1500)):
        bars = {symbol: cut(real_bars(symbol), begin, begin + 2000)}
        table = assert_walks_as_events(bars, {"strategy": {"name": name}}, grid_of(name, direction))
        if name != "buy_and_hold":
            assert (table["trades"] > 0).any()


@pytest.mark.parametrize(("name", "direction"), OFFERED)
def test_builtin_strategies_on_random_bars(name, direction):
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


# ── tiles, groups, rooms and threads change no bit ──────────────────────────────────────────


def narrowed(monkeypatch):
    """Make tiles of 256 bars, groups of sixteen points and a room of two rows."""
    monkeypatch.setattr(transitions, "LEAST_TILE", 1)
    monkeypatch.setattr(transitions, "MOST_TILE", 4)
    monkeypatch.setattr(transitions, "GROUP_BARS", 1)
    monkeypatch.setattr(transitions, "most_rows", lambda n_bars: 2)


@pytest.mark.parametrize("name", ["sma_cross", "ema_cross", "keltner_breakout", "macd_cross"])
def test_tiles_and_groups_change_no_bit(monkeypatch, name):
    grid = {
        "sma_cross": {"fast": [2, 3, 5, 40], "slow": [7, 60, 700, 1000]},
        "ema_cross": {"fast": [2, 3, 5, 40], "slow": [7, 60, 700, 1000]},
        "keltner_breakout": {"length": [5, 20, 50], "width": [0.5, 1.0, 1.5]},
        "macd_cross": {"fast": [5, 12], "slow": [20, 26], "signal": [3, 9]},
    }[name]
    bars, config = {"IBM": real_bars("IBM")}, {"strategy": {"name": name}, "start": "2003-01-01"}
    whole = measured(prepared(bars, config, grid))
    narrowed(monkeypatch)
    sweep = prepared(bars, config, grid)
    parts, together = measured(sweep), measured(sweep, threads=2)
    for column, values in whole.items():
        assert values.tobytes() == parts[column].tobytes() == together[column].tobytes()
    assert_equal_tables(parts, by_events(sweep))


def test_blocks_of_points_change_no_bit():
    grid = {"fast": [2, 3, 5], "slow": [7, 10, 20]}
    bars, config = {"A": random_bars(300, 31)}, {"strategy": {"name": "ema_cross"}}
    whole, parts = prepared(bars, config, grid), prepared(bars, config, grid)
    parts.blocks = ((0, 1), (1, 6), (6, 9))
    for column, values in measured(whole).items():
        assert values.tobytes() == measured(parts)[column].tobytes()


# ── splits and dividends ────────────────────────────────────────────────────────────────────


def with_actions(seed, n=300):
    """Random bars with a split every fifty bars, and a dividend now and then."""
    rng = np.random.default_rng(seed)
    splits = tuple((int(i), float(rng.choice([2.0, 3.0, 1.5]))) for i in range(40, n, 50))
    bars = random_bars(n, seed)
    ratio = np.ones(n)
    for i, one in splits:
        ratio[i:] *= one
    prices = {x: getattr(bars, x) / ratio for x in ("open", "high", "low", "close")}
    paid = tuple((int(i) * DAY_MS, 0.3) for i in rng.choice(n, 12, replace=False))
    return replace(bars, **prices, splits=tuple((i * DAY_MS, r) for i, r in splits), dividends=paid)


@pytest.mark.parametrize("lot", [0, 1, 0.1])
@pytest.mark.parametrize("name", ["sma_cross", "donchian_breakout", "buy_and_hold"])
def test_long_positions_live_through_splits_and_dividends(name, lot):
    for seed in range(3):
        config = {"strategy": {"name": name}, "lot": lot}
        assert_walks_as_events({"A": with_actions(seed)}, config, grid_of(name, "long_only"))


def test_beside_shorts_or_levels_actions_are_for_the_event_engine():
    bars = {"A": with_actions(5)}
    sweep = prepared(bars, {"strategy": {"name": "sma_cross"}}, grid_of("sma_cross", "long_short"))
    assert sweep.engine == "events"
    assert "splits or dividends" in sweep.reason


# ── what the walk does not do, and ugly inputs ──────────────────────────────────────────────


@pytest.mark.parametrize(
    ("config", "word"),
    [
        ({"execution": {"fill": "this_close"}}, "this_close"),
        ({"execution": {"participation": 0.1}}, "participation"),
        ({"costs": {"borrow_rate": 0.01}}, "borrow_rate"),
        ({"risk": {"max_drawdown_stop": 0.2}}, "max_drawdown_stop"),
        ({"flows": {"amount": 1.0, "every": "month"}}, "contributions"),
        ({"sizing": {"kind": "kelly", "value": 0.5}}, "kelly"),
    ],
)
def test_the_event_engine_and_why(config, word):
    config = {"strategy": {"name": "sma_cross"}, **config}
    sweep = prepared({"A": random_bars(60, 32)}, config, {"fast": [2, 3]})
    assert sweep.engine == "events"
    assert word in sweep.reason


def test_a_missing_value_is_for_the_event_engine():
    """A z-score over equal prices is NaN: no entry is made where a field reads one."""
    close = np.round(random_bars(200, 33).close)
    close[80:120] = close[80]
    bars = Bars(np.arange(200) * DAY_MS, close, close, close, close, np.ones(200))
    formula = {"enter_long": "zscore(close, n) < 0.5", "exit_long": "close > sma(close, n) + 1"}
    config = {"strategy": {"formula": formula, "params": {"n": 5}}}
    table = assert_walks_as_events({"A": bars}, config, {"n": [5, 10, 60]})
    assert (table["trades"] > 0).all()


@pytest.mark.parametrize("n_bars", [1, 2, 3, 63, 64, 65, 128, 129])
def test_few_bars_and_whole_words(n_bars):
    config = {"strategy": {"name": "time_series_momentum", "params": {"direction": "long_only"}}}
    assert_walks_as_events({"A": random_bars(n_bars, 34)}, config, {"lookback": [1, 2, 60]})


def test_constant_prices():
    config = {"strategy": {"name": "donchian_breakout"}}
    table = assert_walks_as_events({"A": constant_bars(100)}, config, {"entry": [2, 5]})
    assert table["trades"].tolist() == [0, 0]
    assert np.isnan(table["sharpe"]).all()


def test_ruin_inside_a_day_and_margin_calls():
    """Hourly bars that double and halve: shorts are called and ruined, days have many bars."""
    rng = np.random.default_rng(35)
    for seed in range(4):
        close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.15, 500)))
        bars = random_bars(500, seed)
        top, low = np.maximum(bars.open, close), np.minimum(bars.open, close)
        prices = {"close": close, "high": top * 1.01, "low": low * 0.99}
        bars = replace(bars, time=np.arange(500) * 3_600_000, **prices)
        config = {"strategy": {"name": "sma_cross"}, "timeframe": "1h"}
        grid = {"fast": [2, 5], "slow": [8, 20, 60], "direction": ["short_only", "long_short"]}
        table = assert_walks_as_events({"A": bars}, config, grid)
    assert (table["final_equity"] <= 0.0).any()


def test_a_constant_that_the_formula_refuses_is_refused_before_any_work():
    formula = {"enter_long": "close > sma(close, slow - fast)", "exit_long": "close < 1"}
    config = {"strategy": {"formula": formula, "params": {"fast": 2, "slow": 9}}}
    with pytest.raises(InvalidFormulaError, match="whole number of bars"):
        prepared({"A": random_bars(60, 36)}, config, {"fast": [2, 9, 12]})
