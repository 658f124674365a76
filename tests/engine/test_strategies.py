"""The built-in strategies: names, defaults, and their signals by hand and by plain Python."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import InvalidFormulaError, InvalidParameterError, UnknownStrategyError
from engine.formula import evaluate, plan_strategy, resolve_params
from engine.strategies import builtin, builtin_names, read_strategy
from engine.types import Bars
from tests.engine import naive_indicators as naive
from tests.engine.sample_bars import DAY_MS, market_of, real_bars

DEFAULTS = {
    "buy_and_hold": {},
    "sma_cross": {"fast": 10, "slow": 30},
    "ema_cross": {"fast": 12, "slow": 26},
    "macd_cross": {"fast": 12, "slow": 26, "signal": 9},
    "rsi_reversion": {"length": 14, "lower": 30, "upper": 70},
    "bollinger_reversion": {"length": 20, "width": 2.0},
    "donchian_breakout": {"entry": 20, "exit": 10},
    "keltner_breakout": {"length": 20, "width": 2.0},
    "time_series_momentum": {"lookback": 252},
}
OTHER_DEFAULTS = {
    "momentum_rotation": {"lookback": 126, "top": 3},
    "dual_momentum": {"lookback": 252},
    "pairs": {"lookback": 60, "entry": 2.0, "exit": 0.5},
    "volatility_target": {"target": 0.10, "lookback": 20},
    "fixed_weights": {"weights": {}, "rebalance": "month"},
    "dollar_cost_average": {"amount": 1000.0, "every": 21},
}


def test_names_and_defaults_are_those_of_the_design():
    assert set(builtin_names()) == {*DEFAULTS, *OTHER_DEFAULTS}
    for name, defaults in DEFAULTS.items():
        assert resolve_params(builtin(name), {}) == {**defaults, "direction": "long_only"}
    for name, defaults in OTHER_DEFAULTS.items():
        assert resolve_params(builtin(name), {}) == defaults


@pytest.mark.parametrize("name", [*DEFAULTS, *OTHER_DEFAULTS])
def test_every_strategy_explains_itself(name):
    definition = builtin(name)

    assert definition.name == name
    assert definition.title
    assert definition.description.endswith(".")
    assert definition.source
    assert all(spec.description for spec in definition.params.values())


def bars_of(close, *, half_range=1.0, high=None, low=None) -> Bars:
    close = np.array(close, dtype=np.float64)
    high = close + half_range if high is None else np.array(high, dtype=np.float64)
    low = close - half_range if low is None else np.array(low, dtype=np.float64)
    time = np.arange(close.size, dtype=np.int64) * DAY_MS
    return Bars(time, close, high, low, close, np.ones(close.size))


@pytest.mark.parametrize(
    ("name", "params", "bars", "enters", "exits"),
    [
        ("buy_and_hold", {}, bars_of([3, 4, 2]), [0], []),
        # Averages of 2: –, 9.5, 8.5, 8.5, 10, 10.5, 8.5; of 3: –, –, 9, 8⅔, 9⅓, 10, 9⅓.
        ("sma_cross", {"fast": 2, "slow": 3}, bars_of([10, 9, 8, 9, 11, 10, 7]), [4], [6]),
        # The slow one, factor 2/3: –, 9, 9, 7⅔, 10 5/9; the fast one is the close. At bar 2 they
        # are equal, which is no cross yet.
        ("ema_cross", {"fast": 1, "slow": 2}, bars_of([10, 8, 9, 7, 12]), [4], [3]),
        # The same averages: macd –, −1, 0, −2/3, 13/9; its signal, seeded by the mean of −1 and 0,
        # –, –, −1/2, −11/18, 41/54.
        ("macd_cross", {"fast": 1, "slow": 2, "signal": 2}, bars_of([10, 8, 9, 7, 12]), [4], [3]),
        # Mean gain 0, 1, 1 and loss 1, 1/2, 1/4 from bar 2 on: 0, 66⅔, 80.
        ("rsi_reversion", {"length": 2}, bars_of([10, 9, 8, 10, 11]), [2], [4]),
        # Bar 3: mean 9, variance (1 + 1 + 4) / 3 = 2, lower band 9 − √2 = 7.59 > 7.
        ("bollinger_reversion", {"length": 3, "width": 1.0}, bars_of([10, 10, 10, 7, 10]), [3],
         [2, 4]),
        # Bar 3: 11.5 is above the highs 11 and 10 before; bar 4: 10.5 is below the low 11 before.
        ("donchian_breakout", {"entry": 2, "exit": 1},
         bars_of([9, 10, 9.5, 11.5, 10.5], high=[10, 11, 10, 12, 12], low=[8, 9, 9, 11, 10]),
         [3], [4]),
        # Bar 3: average 10 + 6 · 2/3 = 14, range (2 + 7) / 2 = 4.5, channel 14 + 0.4 · 4.5 = 15.8;
        # bar 4: average 14 − 5 · 2/3 = 10⅔ > 9.
        ("keltner_breakout", {"length": 2, "width": 0.4}, bars_of([10, 10, 10, 16, 9]), [3], [4]),
        # 9 < 10, 12 > 11, 9 = 9.
        ("time_series_momentum", {"lookback": 2}, bars_of([10, 11, 9, 12, 9]), [3], [2, 4]),
    ],
)  # fmt: skip
def test_signals_by_hand(name, params, bars, enters, exits):
    signals = evaluate(plan_strategy(builtin(name), params), market_of(bars))

    assert np.flatnonzero(signals.long.enter[0]).tolist() == enters
    assert np.flatnonzero(signals.long.exit[0]).tolist() == exits
    assert not signals.short.enter.any()
    assert not signals.short.exit.any()


# In plain Python, on real prices ----------------------------------------------------------------


def crossed(a, b, i) -> bool:
    """Whether a has passed b upwards at bar i."""
    return a[i - 1] <= b[i - 1] and a[i] > b[i]


def crossing(a, b):
    def rule(i):
        up, down = crossed(a, b, i), crossed(b, a, i)
        return up, down, down, up

    return rule


def levels(is_low, is_high):
    return lambda i: (is_low(i), is_high(i), is_high(i), is_low(i))


def plain_rules(name: str, h: list[float], low: list[float], c: list[float]):
    """At a bar: enter_long, exit_long, enter_short, exit_short with the default parameters."""
    if name == "sma_cross":
        return crossing(naive.sma(c, 10), naive.sma(c, 30))
    if name == "ema_cross":
        return crossing(naive.ema(c, 12), naive.ema(c, 26))
    if name == "macd_cross":
        line, average, _ = naive.macd_lines(c, 12, 26, 9)
        return crossing(line, average)
    if name == "rsi_reversion":
        index = naive.rsi(c, 14)
        return levels(lambda i: index[i] < 30, lambda i: index[i] > 70)
    if name == "bollinger_reversion":
        mean, spread = naive.sma(c, 20), naive.stddev(c, 20)
        return lambda i: (
            c[i] < mean[i] - 2 * spread[i], c[i] >= mean[i],
            c[i] > mean[i] + 2 * spread[i], c[i] <= mean[i],
        )  # fmt: skip
    if name == "donchian_breakout":
        return lambda i: (
            c[i] > max(h[i - 20 : i]), c[i] < min(low[i - 10 : i]),
            c[i] < min(low[i - 20 : i]), c[i] > max(h[i - 10 : i]),
        )  # fmt: skip
    if name == "keltner_breakout":
        average, span = naive.ema(c, 20), naive.atr(h, low, c, 20)
        return lambda i: (
            c[i] > average[i] + 2 * span[i], c[i] < average[i],
            c[i] < average[i] - 2 * span[i], c[i] > average[i],
        )  # fmt: skip
    if name == "time_series_momentum":
        return lambda i: (
            c[i] > c[i - 252],
            c[i] <= c[i - 252],
            c[i] < c[i - 252],
            c[i] >= c[i - 252],
        )
    return lambda i: (i == 0, False, i == 0, False)


LOOKBACKS = {
    "buy_and_hold": 0, "sma_cross": 30, "ema_cross": 26, "macd_cross": 34, "rsi_reversion": 14,
    "bollinger_reversion": 19, "donchian_breakout": 20, "keltner_breakout": 20,
    "time_series_momentum": 252,
}  # fmt: skip


@pytest.mark.parametrize("symbol", ["AAPL", "IBM"])
@pytest.mark.parametrize("name", DEFAULTS)
def test_signals_on_real_prices_equal_plain_python(name, symbol):
    whole = real_bars(symbol)
    # The first 1,100 raw bars, whatever splits lie in them: without its actions, a price series.
    columns = ("time", "open", "high", "low", "close", "volume")
    bars = Bars(*(getattr(whole, column)[:1100] for column in columns))
    definition = builtin(name)
    direction = "short_only" if name == "buy_and_hold" else "long_short"
    plan = plan_strategy(definition, {"direction": direction})

    signals = evaluate(plan, market_of(bars))

    rule = plain_rules(name, bars.high.tolist(), bars.low.tolist(), bars.close.tolist())
    first = LOOKBACKS[name]
    assert plan.lookback == first
    expected = np.zeros((4, 1100), np.bool_)
    for i in range(first, 1100):
        expected[:, i] = rule(i)
    if name == "buy_and_hold":
        expected[0] = False
    found = [signals.long.enter, signals.long.exit, signals.short.enter, signals.short.exit]
    for row, wanted in zip(found, expected, strict=True):
        assert np.flatnonzero(row[0]).tolist() == np.flatnonzero(wanted).tolist()


@pytest.mark.parametrize("name", sorted(set(DEFAULTS) - {"buy_and_hold"}))
def test_direction_chooses_the_sides(name):
    market = market_of(real_bars("IBM"))
    sides = {
        direction: evaluate(plan_strategy(builtin(name), {"direction": direction}), market)
        for direction in ("long_only", "short_only", "long_short")
    }

    both = sides["long_short"]
    assert both.long.enter.any()
    assert both.short.enter.any()
    np.testing.assert_array_equal(sides["long_only"].long.enter, both.long.enter)
    np.testing.assert_array_equal(sides["short_only"].short.enter, both.short.enter)
    assert not sides["long_only"].short.enter.any()
    assert not sides["short_only"].long.enter.any()


@pytest.mark.parametrize("name", DEFAULTS)
def test_splits_do_not_make_a_built_in_strategy_slow(name):
    assert plan_strategy(builtin(name), {}).program.is_free_of_scale


# Files ------------------------------------------------------------------------------------------


def test_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(UnknownStrategyError, match=r"'sma_cros'\. Did you mean sma_cross\?"):
        builtin("sma_cros")
    with pytest.raises(UnknownStrategyError, match="The built-in ones are buy_and_hold, sma_cross"):
        builtin("../secret")


def test_a_strategy_file():
    definition = read_strategy(
        """
        name = "dip"
        description = "Buys a dip."
        [params]
        n = 5
        width = { default = 2.0, min = 0, max = 9 }
        [formula]
        enter_long = "close < sma(close, n) * (1 - width / 100)"
        exit_long = "close > sma(close, n)"
        pyramiding = 2
        """
    )

    assert (definition.name, definition.title) == ("dip", "Dip")
    assert definition.params["n"].kind == "int"
    assert definition.params["width"].max == 9
    assert plan_strategy(definition, {"n": 7}).lookback == 6
    assert plan_strategy(definition, {}).pyramiding == 2


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("enter_long = ", InvalidFormulaError, "not a strategy file in TOML"),
        ("[formula", InvalidFormulaError, "not a strategy file in TOML"),
        ("a = " + "[" * 5000, InvalidFormulaError, "not a strategy file in TOML"),
        ("", InvalidFormulaError, r"has no \[formula\]"),
        ('formula = "close > 1"', InvalidFormulaError, r"Expected \[formula\] to be a table"),
        ("[formulas]\na = 1", InvalidFormulaError, "Unknown key 'formulas'"),
        ("[formula]\nenter_long = true", InvalidFormulaError, "formula of enter_long as text"),
        ("[formula]\nenter_long = ['a']", InvalidFormulaError, "formula of enter_long as text"),
        ("params = 3\n[formula]\nenter_long = '1'", InvalidFormulaError, r"Expected \[params\]"),
        ("[params]\nn = 'x'\n[formula]\na = '1'", InvalidParameterError, "`n` to be a number"),
        ("[params]\nsma = 3\n[formula]\na = '1'", InvalidParameterError, "`sma` to be a name"),
    ],
)
def test_senseless_file_is_refused(text, error, says):
    with pytest.raises(error, match=says):
        read_strategy(text)
