"""Every function: against TA-Lib, against its plain twin, by hand, and without look-ahead."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import talib

from engine.formula.functions import FUNCTIONS, warm_functions
from engine.indicators import indicator
from engine.kernels import arithmetic
from engine.types import Bars
from tests.engine import naive_indicators as naive
from tests.engine.sample_bars import constant_bars, random_bars, real_bars

T = talib
ORACLES = {
    "sma(close, 10)": lambda b: T.SMA(b.close, 10),
    "ema(close, 12)": lambda b: T.EMA(b.close, 12),
    "wma(close, 15)": lambda b: T.WMA(b.close, 15),
    "dema(close, 9)": lambda b: T.DEMA(b.close, 9),
    "tema(close, 9)": lambda b: T.TEMA(b.close, 9),
    "kama(close, 10)": lambda b: T.KAMA(b.close, 10),
    "rsi(close, 14)": lambda b: T.RSI(b.close, 14),
    "macd(close, 12, 26, 9)": lambda b: T.MACD(b.close, 12, 26, 9)[0],
    "macd_signal(close, 12, 26, 9)": lambda b: T.MACD(b.close, 12, 26, 9)[1],
    "macd_hist(close, 12, 26, 9)": lambda b: T.MACD(b.close, 12, 26, 9)[2],
    "macd_hist(close, 30, 10, 5)": lambda b: T.MACD(b.close, 30, 10, 5)[2],
    "trix(close, 7)": lambda b: T.TRIX(b.close, 7),
    "roc(close, 10)": lambda b: T.ROC(b.close, 10),
    "mom(close, 10)": lambda b: T.MOM(b.close, 10),
    "tr()": lambda b: T.TRANGE(b.high, b.low, b.close),
    "atr(14)": lambda b: T.ATR(b.high, b.low, b.close, 14),
    "atr(1)": lambda b: T.ATR(b.high, b.low, b.close, 1),
    "natr(14)": lambda b: T.NATR(b.high, b.low, b.close, 14),
    "adx(14)": lambda b: T.ADX(b.high, b.low, b.close, 14),
    "adx(2)": lambda b: T.ADX(b.high, b.low, b.close, 2),
    "plus_di(14)": lambda b: T.PLUS_DI(b.high, b.low, b.close, 14),
    "minus_di(14)": lambda b: T.MINUS_DI(b.high, b.low, b.close, 14),
    "cci(20)": lambda b: T.CCI(b.high, b.low, b.close, 20),
    "willr(14)": lambda b: T.WILLR(b.high, b.low, b.close, 14),
    "mfi(14)": lambda b: T.MFI(b.high, b.low, b.close, b.volume, 14),
    "obv()": lambda b: T.OBV(b.close, b.volume),
    "ultosc(7, 14, 28)": lambda b: T.ULTOSC(b.high, b.low, b.close, 7, 14, 28),
    "ultosc(28, 7, 14)": lambda b: T.ULTOSC(b.high, b.low, b.close, 28, 7, 14),
    "sar(0.02, 0.2)": lambda b: T.SAR(b.high, b.low, 0.02, 0.2),
    "sar(0.3, 0.1)": lambda b: T.SAR(b.high, b.low, 0.3, 0.1),
    "aroon_up(14)": lambda b: T.AROON(b.high, b.low, 14)[1],
    "aroon_down(14)": lambda b: T.AROON(b.high, b.low, 14)[0],
    "bb_upper(close, 20, 2)": lambda b: T.BBANDS(b.close, 20, 2, 2)[0],
    "bb_mid(close, 20, 2)": lambda b: T.BBANDS(b.close, 20, 2, 2)[1],
    "bb_lower(close, 20, 2.5)": lambda b: T.BBANDS(b.close, 20, 2.5, 2.5)[2],
    "stddev(close, 20)": lambda b: T.STDDEV(b.close, 20),
    "var(close, 20)": lambda b: T.VAR(b.close, 20),
    "linreg(close, 14)": lambda b: T.LINEARREG(b.close, 14),
    "stoch_k(14, 3, 5)": lambda b: T.STOCH(b.high, b.low, b.close, 14, 3, 0, 5, 0)[0],
    "stoch_d(14, 3, 5)": lambda b: T.STOCH(b.high, b.low, b.close, 14, 3, 0, 5, 0)[1],
    "stochf_k(14, 3)": lambda b: T.STOCHF(b.high, b.low, b.close, 14, 3, 0)[0],
    "stochf_d(14, 3)": lambda b: T.STOCHF(b.high, b.low, b.close, 14, 3, 0)[1],
    "highest(high, 20)": lambda b: T.MAX(b.high, 20),
    "lowest(low, 20)": lambda b: T.MIN(b.low, 20),
    "sum(volume, 20)": lambda b: T.SUM(b.volume, 20),
    # The inner average is NaN at first: the outer one is seeded after that.
    "ema(sma(close, 5), 7)": lambda b: T.EMA(T.SMA(b.close, 5), 7),
    "rsi(ema(close, 5), 7)": lambda b: T.RSI(T.EMA(b.close, 5), 7),
}
CALLS = [*ORACLES, "zscore(close, 20)", "sma(close, 1)", "stddev(close, 1)", "rsi(volume, 1)"]


def series(name: str) -> Bars:
    made = {
        "walk": lambda: random_bars(3000, 1),
        "coarse ticks": lambda: random_bars(3000, 2, tick=5.0),
        "short": lambda: random_bars(30, 3),
        "shorter than any window": lambda: random_bars(8, 4),
        "one bar": lambda: random_bars(1, 5),
        "constant": lambda: constant_bars(120),
        "prices of 1e-8": lambda: in_unit(random_bars(3000, 1), 1e-10),
        "prices of 1e8": lambda: in_unit(random_bars(3000, 1), 1e6),
        "constant 1e-8": lambda: constant_bars(120, 1e-8),
        "constant 1e8": lambda: constant_bars(120, 1e8),
        "no volume": lambda: replace(random_bars(500, 10), volume=np.zeros(500)),
    }
    return made[name]() if name in made else real_bars(name)


def in_unit(bars: Bars, factor: float) -> Bars:
    """The bars in another unit of money."""
    return replace(
        bars, **{name: getattr(bars, name) * factor for name in ("open", "high", "low", "close")}
    )


@pytest.mark.parametrize(
    "name",
    ["walk", "coarse ticks", "short", "shorter than any window", "one bar", "constant",
     "prices of 1e-8", "prices of 1e8", "constant 1e-8", "constant 1e8", "no volume",
     "AAPL", "GOOG", "IBM", "MSFT"],
)  # fmt: skip
@pytest.mark.parametrize("call", ORACLES)
def test_whole_vector_equals_talib(call, name):
    bars = series(name)

    value = indicator(call, bars)

    expected = ORACLES[call](bars)
    assert first_valid(value) == first_valid(expected)
    # In the unit of the prices where they are tiny, so that they are compared as closely.
    unit = min(float(bars.close.max()), 1.0)
    power = {"none": 0, "volume": 0, "price": 1, "as x": 1, "square of x": 2}
    atol = 1e-8 * unit ** power[FUNCTIONS[call.partition("(")[0]].scale]
    np.testing.assert_allclose(value, expected, rtol=1e-8, atol=atol)


@pytest.mark.parametrize("name", ["walk", "coarse ticks", "shorter than any window", "constant"])
@pytest.mark.parametrize("call", CALLS)
def test_whole_vector_equals_the_plain_twin(call, name):
    bars = shorten(series(name), 400)

    value = indicator(call, bars)

    np.testing.assert_allclose(value, twin(call, bars), rtol=1e-9, atol=1e-9)


def test_every_function_is_compared():
    compared = {call.partition("(")[0] for call in CALLS}

    kernels = {name for name, function in FUNCTIONS.items() if function.kernel is not None}
    assert kernels <= compared
    assert kernels == set(naive.FUNCTIONS)


@pytest.mark.parametrize("call", CALLS)
def test_a_longer_series_changes_no_earlier_value(call):
    bars = random_bars(2600, 6)
    whole = indicator(call, bars)

    for n in (1, 5, 40, 1024, 1025, 1100, 2599):
        # To the last bit: moving sums restart at places counted from the start.
        np.testing.assert_array_equal(indicator(call, shorten(bars, n)), whole[:n])


@pytest.mark.parametrize("call", CALLS)
def test_input_is_unchanged(call):
    bars = random_bars(200, 7)
    before = [getattr(bars, name).copy() for name in ("time", "open", "high", "low", "close")]

    indicator(call, bars)

    for name, copy in zip(("time", "open", "high", "low", "close"), before, strict=True):
        np.testing.assert_array_equal(getattr(bars, name), copy)


@pytest.mark.parametrize("call", CALLS)
def test_prices_in_another_currency_change_only_the_unit(call):
    bars = random_bars(300, 8)
    # A power of two, so that not even rounding differs.
    scaled = Bars(
        bars.time, *(getattr(bars, n) * 4.0 for n in ("open", "high", "low", "close")), bars.volume
    )
    function = FUNCTIONS[call.partition("(")[0]]
    power = {"none": 0, "volume": 0, "price": 1, "as x": 1, "square of x": 2}[function.scale]
    power = 0 if "volume" in call else power

    np.testing.assert_allclose(
        indicator(call, scaled), indicator(call, bars) * 4.0**power, rtol=1e-12
    )


@pytest.mark.parametrize("call", [c for c in ORACLES if "(close, " in c and c.count("(") == 1])
def test_a_nan_starts_the_function_anew(call):
    bars = random_bars(260, 9)
    # log is NaN where its argument is not positive: here exactly at bar 100.
    hole = call.replace("close", "close + 0 * log(abs(bar_index - 100))", 1)

    value = indicator(hole, bars)

    np.testing.assert_array_equal(value[:100], indicator(call, shorten(bars, 100)))
    assert np.isnan(value[100])
    np.testing.assert_array_equal(value[101:], indicator(call, drop(bars, 101)))


def test_empty_series_gives_an_empty_row():
    empty = shorten(random_bars(5, 1), 0)

    for call in CALLS:
        assert indicator(call, empty).size == 0


def test_warm_functions_leaves_no_kernel_uncompiled():
    warm_functions()

    kernels = [f.kernel for f in FUNCTIONS.values() if f.kernel is not None]
    kernels += [arithmetic.divide, arithmetic.power, arithmetic.modulo]
    compiled = [len(kernel.signatures) for kernel in kernels]
    for text in ("close / open % 2 + close ** 2", "sma(close, 3) + atr(3) + macd(close, 3, 4, 5)"):
        indicator(text, random_bars(20, 1))
    assert all(n >= 1 for n in compiled)
    assert [len(kernel.signatures) for kernel in kernels] == compiled


# Values by hand ---------------------------------------------------------------------------------


def hand_bars() -> Bars:
    #                    bar: 0     1     2     3     4     5
    high = np.array([12.0, 13.0, 14.0, 13.0, 16.0, 15.0])
    low = np.array([10.0, 11.0, 11.0, 10.0, 12.0, 13.0])
    close = np.array([11.0, 12.0, 13.0, 11.0, 15.0, 14.0])
    volume = np.array([100.0, 200.0, 300.0, 400.0, 500.0, 600.0])
    return Bars(np.arange(6) * 86_400_000, close, high, low, close, volume)


@pytest.mark.parametrize(
    ("call", "i_bar", "expected"),
    [
        ("sma(close, 3)", 2, 12.0),  # (11 + 12 + 13) / 3
        ("ema(close, 3)", 3, 11.5),  # seed 12, factor 1/2: 12 + (11 − 12) / 2
        ("wma(close, 3)", 2, 74.0 / 6.0),  # (1·11 + 2·12 + 3·13) / 6
        ("rsi(close, 3)", 3, 50.0),  # gains 1 + 1, losses 2: 100 · 2 / 4
        ("rsi(close, 3)", 4, 80.0),  # gain (2/3·2 + 4) / 3 = 16/9, loss (2/3·2) / 3 = 4/9
        ("mom(close, 2)", 3, -1.0),  # 11 − 12
        ("roc(close, 1)", 2, 100.0 / 12.0),  # 13 / 12 − 1
        ("tr()", 4, 5.0),  # max(16 − 12, 16 − 11, 11 − 12)
        ("atr(2)", 3, 2.75),  # ranges 2, 3, 3: seed 2.5 at bar 2, (2.5 + 3) / 2
        ("obv()", 4, 700.0),  # 100 + 200 + 300 − 400 + 500
        ("highest(high, 3)", 3, 14.0),
        ("lowest(low, 2)", 4, 10.0),
        ("sum(close, 2)", 1, 23.0),
        ("var(close, 3)", 2, 2.0 / 3.0),  # deviations −1, 0, 1
        ("zscore(close, 3)", 2, np.sqrt(1.5)),  # 1 / √(2/3)
        ("bb_upper(close, 3, 2)", 2, 12.0 + 2.0 * np.sqrt(2.0 / 3.0)),
        ("linreg(close, 3)", 3, 11.5),  # 12, 13, 11: mean 12, slope −1/2
        ("stochf_k(3, 1)", 3, 25.0),  # 100 · (11 − 10) / (14 − 10)
        ("willr(3)", 3, -75.0),  # −100 · (14 − 11) / (14 − 10)
        ("aroon_up(3)", 3, 100.0 * 2.0 / 3.0),  # the high of bar 2 is one bar old
        ("aroon_down(3)", 3, 100.0),
        ("cross_above(close, 12)", 2, 1.0),  # 12 ≤ 12 and 13 > 12
        ("cross_above(close, 12)", 1, 0.0),  # 12 > 12 is false
        ("cross_below(close, 12)", 3, 1.0),  # 13 ≥ 12 and 11 < 12
        ("close > 12", 2, 1.0),
        ("close[2]", 3, 12.0),
    ],
)
def test_value_by_hand(call, i_bar, expected):
    assert indicator(call, hand_bars())[i_bar] == pytest.approx(expected, rel=1e-12)


def test_first_valid_index_is_the_lookback():
    assert np.isnan(indicator("rsi(close, 3)", hand_bars())[:3]).all()
    assert np.isnan(indicator("cross_above(close, 12)", hand_bars())[:1]).all()
    assert np.isnan(indicator("close > sma(close, 4)", hand_bars())[:3]).all()


def test_deviation_of_equal_values_is_exactly_zero_after_a_wild_past():
    close = np.concatenate([np.random.default_rng(0).uniform(1.0, 1e6, 50), np.full(30, 0.1)])
    bars = Bars(np.arange(80) * 86_400_000, close, close, close, close, close)

    assert indicator("stddev(close, 20)", bars)[-5:].tolist() == [0.0] * 5
    assert np.isnan(indicator("zscore(close, 20)", bars)[-5:]).all()


def test_moving_sums_keep_their_digits_on_a_long_series():
    bars = random_bars(200_000, 10)
    last = shorten(drop(bars, 199_000), 1000)

    for call in ("sma(close, 50)", "stddev(close, 50)", "wma(close, 50)", "linreg(close, 50)"):
        value = indicator(call, bars)[-1]
        assert value == pytest.approx(twin(call, last)[-1], rel=1e-10)


# Helpers ----------------------------------------------------------------------------------------


def first_valid(row) -> int | None:
    valid = np.flatnonzero(~np.isnan(row))
    return int(valid[0]) if valid.size else None


def shorten(bars: Bars, n: int) -> Bars:
    return select(bars, slice(None, n))


def drop(bars: Bars, n: int) -> Bars:
    return select(bars, slice(n, None))


def select(bars: Bars, part: slice) -> Bars:
    names = ("time", "open", "high", "low", "close", "volume")
    return Bars(*(getattr(bars, name)[part] for name in names))


def twin(call: str, bars: Bars) -> list[float]:
    """The plain twin's value of a call; calls nest."""
    columns = {
        name: getattr(bars, name).tolist() for name in ("open", "high", "low", "close", "volume")
    }
    scope = columns | {name: nested(name, columns) for name in naive.FUNCTIONS}
    return eval(call, {"__builtins__": {}}, scope)  # noqa: S307  our own test's text


def nested(name: str, columns: dict[str, list[float]]):
    """A twin that reads its columns, and whose series starts after its argument's NaNs."""
    reads = [columns[column] for letter in naive.READS.get(name, "") for column in columns
             if column[0] == letter]  # fmt: skip

    def call(*arguments):
        n_nan = 0
        if not reads:
            x, *constants = arguments
            n_nan = sum(value != value for value in x)
            arguments = (x[n_nan:], *constants)
        return [naive.NAN] * n_nan + naive.FUNCTIONS[name](*reads, *arguments)

    return call
