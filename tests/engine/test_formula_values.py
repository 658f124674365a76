"""What formulas compute: by hand, and against a twin that takes one bar after the other."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from engine.formula import (
    check_formula,
    computing,
    evaluate,
    formula_definition,
    plan_rows,
    plan_strategy,
)
from engine.indicators import indicator
from engine.types import Bars, SizeKind
from tests.engine import naive_formula
from tests.engine.sample_bars import DAY_MS, market_of, random_bars


def plan_of(params=None, **fields):
    return plan_strategy(formula_definition(fields, params), {})


def signals_of(bars: Bars, *, first: int = 0, params=None, **fields):
    return evaluate(plan_of(params, **fields), market_of(bars, first=first))


def bars_of(close, **rest) -> Bars:
    close = np.array(close, dtype=np.float64)
    time = np.arange(close.size, dtype=np.int64) * DAY_MS
    return Bars(time, close, close + 1.0, close - 1.0, close, np.full(close.size, 100.0), **rest)


def entries(signals) -> list[int]:
    return np.flatnonzero(signals.long.enter[0]).tolist()


def exits(signals) -> list[int]:
    return np.flatnonzero(signals.long.exit[0]).tolist()


# The twin ---------------------------------------------------------------------------------------

# The same cases every time: where an expression jumps, as x % y and comparisons do, the twin's last
# bit may fall on the other side.
FIXED = settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
COLUMN = st.sampled_from(["open", "high", "low", "close", "volume"])
NUMBER = st.sampled_from(["0", "1", "2", "0.5", "100", "3.25"])


def number_texts(condition):
    leaf = st.one_of(COLUMN, NUMBER)
    return st.recursive(
        leaf,
        lambda x: st.one_of(
            st.tuples(x, st.sampled_from("+-*/%"), x).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
            x.map(lambda t: f"(-{t})"),
            st.tuples(st.sampled_from(["abs", "sqrt", "log", "sign"]), x).map(
                lambda t: f"{t[0]}({t[1]})"
            ),
            st.tuples(st.sampled_from(["min", "max"]), x, x).map(
                lambda t: f"{t[0]}({t[1]}, {t[2]})"
            ),
            st.tuples(
                st.sampled_from(["sma", "ema", "highest", "lowest", "sum", "rsi", "mom", "zscore"]),
                x,
                st.integers(1, 4),
            ).map(lambda t: f"{t[0]}({t[1]}, {t[2]})"),
            st.tuples(x, st.integers(0, 3)).map(lambda t: f"({t[0]})[{t[1]}]"),
            st.just("atr(3)"),
            st.just("obv()"),
            condition(x).map(lambda t: f"({t} * 1)"),
        ),
        max_leaves=6,
    )


def comparisons(x):
    return st.one_of(
        st.tuples(x, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), x).map(
            lambda t: f"({t[0]} {t[1]} {t[2]})"
        ),
        st.tuples(x, x, x).map(lambda t: f"({t[0]} < {t[1]} <= {t[2]})"),
        st.tuples(st.sampled_from(["cross_above", "cross_below"]), x, x).map(
            lambda t: f"{t[0]}({t[1]}, {t[2]})"
        ),
    )


CONDITION = st.recursive(
    comparisons(number_texts(comparisons)),
    lambda c: st.one_of(
        st.tuples(c, st.sampled_from(["and", "or"]), c).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        c.map(lambda t: f"(not {t})"),
        st.tuples(c, st.integers(1, 3)).map(lambda t: f"({t[0]})[{t[1]}]"),
    ),
    max_leaves=3,
)
TWIN_BARS = {
    "no split": random_bars(24, 1, tick=4.0),
    "two splits": random_bars(24, 2, tick=4.0, splits=[(7, 2.0), (15, 0.25)]),
}


def refuse_constants(text: str) -> None:
    """Leave out formulas with a constant such as log(0), which are refused."""
    problems = check_formula({"size": f"units({text})", "enter_long": "close > 0"})
    assume(not problems)


@pytest.mark.parametrize("name", TWIN_BARS)
@given(text=CONDITION)
@FIXED
@example(text="(not (log((close - 96)) > 1))")
@example(text="((sum(((log((close - 100)) > 0) * 1), 3)) > 0)")
@example(text="((close / (open - open)) != 1)")
def test_entries_and_exits_equal_the_twin_of_one_bar_at_a_time(name, text):
    # Powers of two everywhere: the two orders of rescaling for a split cannot differ by rounding.
    bars = TWIN_BARS[name]
    refuse_constants(text)

    signals = signals_of(bars, enter_long=text, exit_long=text)

    n = bars.time.size
    found = [naive_formula.last_value(text, bars, i) for i in range(n)]
    lookback = found[0][2]
    assert exits(signals) == [i for i in range(n) if i >= lookback and found[i][0]]
    assert entries(signals) == [
        i for i in range(n) if i >= lookback and found[i][0] and not found[i][1]
    ]


@pytest.mark.parametrize("name", TWIN_BARS)
@given(text=number_texts(comparisons))
@FIXED
def test_numbers_equal_the_twin_of_one_bar_at_a_time(name, text):
    bars = TWIN_BARS[name]
    refuse_constants(text)

    value = indicator(text, bars)

    n = bars.time.size
    found = [naive_formula.last_value(text, bars, i) for i in range(n)]
    lookback = found[0][2]
    expected = [found[i][0] if i >= lookback else math.nan for i in range(n)]
    np.testing.assert_allclose(value, expected, rtol=1e-7, atol=1e-6)


@given(text=CONDITION, n=st.integers(1, 40))
@FIXED
def test_a_longer_series_changes_no_earlier_signal(text, n):
    bars = random_bars(60, 3, splits=[(20, 3.0), (45, 0.7)])
    refuse_constants(text)
    market = market_of(bars)
    plan = plan_of(enter_long=text)

    whole = evaluate(plan, market).long.enter[0]

    kept = tuple(split for split in bars.splits or () if split[0] < n * DAY_MS)
    names = ("time", "open", "high", "low", "close", "volume")
    short = Bars(*(getattr(bars, name)[:n] for name in names), splits=kept)
    assert evaluate(plan, market_of(short)).long.enter[0].tolist() == whole[:n].tolist()


# Missing values ---------------------------------------------------------------------------------


def test_comparison_with_nan_is_false_and_its_negation_true():
    bars = bars_of([1.0, 2.0, 3.0])

    # 1 / 0 at every bar.
    for comparison in ("<", "<=", ">", ">=", "==", "!="):
        assert indicator(f"1 / (close - close) {comparison} 1", bars).tolist() == [0.0] * 3
    assert indicator("not (1 / (close - close) > 1)", bars).tolist() == [1.0] * 3


@pytest.mark.parametrize(
    "hole",
    ["1 / (close - 3)", "log(close - 3)", "sqrt(close - 4)", "close % (close - 3)",
     "(close - 3) ** -1", "exp(1e5 * (4 - close))", "1e308 * (13 - close) + close",
     "zscore(close * (close > 9), 1)", "sma(1 / (close - 3), 1)"],
)  # fmt: skip
def test_non_finite_results_are_nan(hole):
    value = indicator(hole, bars_of([3.0]))

    assert np.isnan(value[0])


@pytest.mark.parametrize("field", ["enter_long", "limit_long", "trigger_long", "stop_long",
                                   "target_long", "trail_long", "size"])  # fmt: skip
def test_entry_is_not_made_when_any_field_of_its_side_reads_a_nan(field):
    # 1 / (close - 3) is NaN at bar 2 only; every field hides it in its own way.
    texts = {
        "enter_long": "close > 0 or 1 / (close - 3) > 100",
        "stop_long": "entry_price - 1 / (close - 3)",
        "target_long": "entry_price * (2 + (1 / (close - 3) > 100))",
        "size": "fraction(1 + 0 * (1 / (close - 3) > 100))",
    }
    fields = {"enter_long": "close > 0", field: texts.get(field, "1 / (close - 3)")}

    signals = signals_of(bars_of([1.0, 2.0, 3.0, 4.0]), **fields)

    assert entries(signals) == [0, 1, 3]


def test_a_nan_of_one_side_does_not_keep_the_other_from_entering():
    signals = signals_of(
        bars_of([3.0, 4.0]), enter_long="close > 0", enter_short="close > 0",
        stop_short="close + 1 / (close - 3)",
    )  # fmt: skip

    assert entries(signals) == [0, 1]
    assert signals.short.enter[0].tolist() == [False, True]


def test_exit_is_made_although_its_formula_reads_a_nan():
    signals = signals_of(
        bars_of([3.0, 4.0]), enter_long="close > 0", exit_long="close > 0 or 1 / (close - 3) > 1"
    )

    assert exits(signals) == [0, 1]


def test_nan_hidden_in_the_window_of_a_function_is_read_as_long_as_the_window_holds_it():
    # The comparison is NaN at bar 3 (close 3): the sums of bars 3 and 4 read it.
    close = [1.0, 2.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    signals = signals_of(bars_of(close), enter_long="sum(1 / (close - 3) > 100, 2) == 0")

    # Lookback 1: no entry at bar 0 either.
    assert entries(signals) == [1, 2, 5, 6]


# Warm-up ----------------------------------------------------------------------------------------


def test_no_order_before_the_largest_first_valid_index_of_any_field():
    bars = bars_of(range(10, 30))

    signals = signals_of(
        bars, enter_long="close > 0", exit_long="close > 0 or close[7] > 0",
        stop_long="close - atr(4)", limit_short="highest(high, 3)", enter_short="close > 0",
    )  # fmt: skip

    # The offset 7 is the largest: 4 for atr(4), 2 for highest(…, 3).
    assert entries(signals)[0] == exits(signals)[0] == 7
    assert np.flatnonzero(signals.short.enter[0])[0] == 7


@pytest.mark.parametrize(
    ("text", "lookback"),
    [
        ("close > open", 0),
        ("close > close[3]", 3),
        ("close > sma(close, 5)", 4),
        ("cross_above(sma(close, 10), sma(close, 30))", 30),
        ("close > sma(close[2], 5)[3]", 9),
        ("rsi(ema(close, 5), 3) > 1", 7),
        ("macd(close, 12, 26, 9) > 0", 33),
        ("stoch_k(14, 3, 5) > 0", 19),
        ("adx(14) > 0", 27),
        ("tema(close, 4) > 0", 9),
        ("trix(close, 4) > 0", 10),
        ("ultosc(7, 28, 14) > 0", 28),
    ],
)
def test_lookback(text, lookback):
    assert plan_of(enter_long=text).lookback == lookback


def test_warm_up_bars_before_the_run_count_and_make_no_signal():
    bars = bars_of(range(10, 30))

    signals = signals_of(bars, first=4, enter_long="close > sma(close, 7)", exit_long="close > 0")

    # The lookback is 6: bar 6 is the third bar of the run.
    assert entries(signals)[0] == 6
    assert exits(signals)[0] == 6
    assert exits(signals_of(bars, first=9, enter_long="close > 0", exit_long="close > 0"))[0] == 9


def test_bar_index_is_zero_at_the_first_bar_of_the_run_and_negative_before():
    bars = bars_of(range(10, 16))

    signals = signals_of(bars, first=2, enter_long="bar_index == 0", limit_long="bar_index")

    assert entries(signals) == [2]
    assert signals.long.limit[0].tolist() == [-2.0, -1.0, 0.0, 1.0, 2.0, 3.0]


# F13: own bars ----------------------------------------------------------------------------------


def test_f13_formulas_run_on_own_bars_of_a_symbol():
    full = random_bars(30, 4)
    has = np.array([i for i in range(30) if i % 3 != 1])
    sparse = Bars(
        *(getattr(full, n)[has] for n in ("time", "open", "high", "low", "close", "volume"))
    )
    fields = {"enter_long": "close > sma(close, 4)", "stop_long": "close - atr(3)"}
    plan = plan_of(**fields)

    both = evaluate(plan, market_of(full, sparse))

    alone = evaluate(plan, market_of(sparse))
    assert both.long.enter[1][has].tolist() == alone.long.enter[0].tolist()
    np.testing.assert_array_equal(both.long.stop[0][1][has], alone.long.stop[0][0])
    without = np.setdiff1d(np.arange(30), has)
    assert not both.long.enter[1][without].any()
    assert np.isnan(both.long.stop[0][1][without]).all()
    np.testing.assert_array_equal(both.long.enter[0], evaluate(plan, market_of(full)).long.enter[0])


def test_f13_bar_index_and_lookback_count_own_bars():
    late = random_bars(20, 5)
    late = Bars(*(getattr(late, n)[8:] for n in ("time", "open", "high", "low", "close", "volume")))
    market = market_of(random_bars(20, 6), late, first=3)

    start = evaluate(plan_of(enter_long="bar_index == 0"), market)
    warm = evaluate(plan_of(enter_long="close > 0 and close[4] > 0"), market)

    assert np.argwhere(start.long.enter).tolist() == [[0, 3], [1, 8]]
    assert np.flatnonzero(warm.long.enter[0])[0] == 4
    assert np.flatnonzero(warm.long.enter[1])[0] == 12


# F14: splits ------------------------------------------------------------------------------------


def test_f14_past_values_are_in_the_shares_of_the_bar():
    # 2 for 1 at bar 3: 8, 10, 12 before are 4, 5, 6 of the new shares.
    bars = bars_of([8.0, 10.0, 12.0, 7.0, 8.0], splits=((3 * DAY_MS, 2.0),))

    assert indicator("sma(close, 2)", bars).tolist()[1:] == [9.0, 11.0, 6.5, 7.5]
    assert indicator("close[1]", bars).tolist()[1:] == [8.0, 10.0, 6.0, 7.0]
    # With a plain number the formula depends on how shares are counted: 12 > 5.5, then 6 > 5.5.
    assert indicator("close[1] > 5.5", bars).tolist()[1:] == [1.0, 1.0, 1.0, 1.0]
    assert indicator("close[1] > 9", bars).tolist()[1:] == [0.0, 1.0, 0.0, 0.0]
    assert indicator("sum(volume, 2)", bars).tolist()[1:] == [200.0, 200.0, 300.0, 200.0]


def test_f14_levels_are_in_the_shares_of_the_signal_bar():
    bars = bars_of([8.0, 10.0, 12.0, 7.0, 8.0], splits=((3 * DAY_MS, 2.0),))

    signals = signals_of(
        bars, enter_long="close > close[1]", stop_long="lowest(close, 2)",
        target_long="entry_price + 0.5 * (close - close[1])", limit_long="6",
    )  # fmt: skip

    assert signals.long.stop[0][0].tolist()[1:] == [8.0, 10.0, 6.0, 7.0]
    assert signals.long.target[0][0].tolist()[1:] == [1.0, 1.0, 0.5, 0.5]
    assert signals.long.target[1][0].tolist() == [1.0] * 5
    assert signals.long.limit[0].tolist() == [6.0] * 5
    assert entries(signals) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "text",
    ["cross_above(sma(close, 3), ema(close, 7))", "macd(close, 3, 6, 4) > 0", "mfi(4) > 50",
     "close > highest(high, 5)[1]", "close > bb_upper(close, 5, 1)", "adx(3) > 25",
     "var(close, 4) > 0.01 * close ** 2", "obv() > sma(obv(), 3)"],
)  # fmt: skip
def test_f14_formulas_free_of_scale_are_adjusted_once_with_the_same_signals(text, monkeypatch):
    bars = random_bars(200, 7, splits=[(50, 3.0), (120, 0.1), (121, 7.0)])
    plan = plan_of(enter_long=text)
    assert plan.program.is_free_of_scale

    once = evaluate(plan, market_of(bars)).long.enter

    monkeypatch.setattr(type(plan.program), "is_free_of_scale", False)
    np.testing.assert_array_equal(evaluate(plan, market_of(bars)).long.enter, once)


@pytest.mark.parametrize("text", ["close > 100", "log(close) > 4", "close > volume",
                                  "close + 1 > open", "obv() > close", "close > year"])  # fmt: skip
def test_f14_formulas_that_mix_units_are_not_adjusted_once(text):
    assert not plan_of(enter_long=text).program.is_free_of_scale


def test_f14_signals_with_splits_equal_those_on_the_adjusted_series():
    raw = random_bars(120, 8, splits=[(40, 2.0), (80, 4.0)])
    factor = np.where(np.arange(120) < 40, 8.0, np.where(np.arange(120) < 80, 4.0, 1.0))
    prices = {n: getattr(raw, n) / factor for n in ("open", "high", "low", "close")}
    adjusted = Bars(raw.time, **prices, volume=raw.volume * factor)
    fields = {
        "enter_long": "cross_above(ema(close, 3), sma(close, 9))",
        "stop_long": "close - atr(3)",
    }

    a, b = signals_of(raw, **fields), signals_of(adjusted, **fields)

    assert entries(a) == entries(b)
    np.testing.assert_allclose(a.long.stop[0][0] / factor, b.long.stop[0][0], rtol=1e-12)


# Values -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2 + 3 * 4 - 1", 13.0),
        ("-2 ** 2", -4.0),
        ("7 % 4", 3.0),
        ("-7 % 4", 1.0),
        ("2 ** -1", 0.5),
        ("(close > 1) + (close > 2) * 2", 3.0),
        ("1 < close < 4", 1.0),
        ("1 < close < 3", 0.0),
        ("not close > 1 or close == 3", 1.0),
        ("min(close, 2) + max(close, 5)", 7.0),
        ("abs(-close)", 3.0),
        ("sign(2 - close)", -1.0),
        ("sqrt(close + 1)", 2.0),
        ("log(exp(close))", 3.0),
        ("(close + 1)[0]", 4.0),
        ("sma(5, 1)", 5.0),
        ("cross_above(2, 3) or 3 > 2", 1.0),
    ],
)
def test_value(text, expected):
    # The second of two bars with close 3.
    assert indicator(text, bars_of([3.0, 3.0]))[1] == expected


@pytest.mark.parametrize(
    ("stop", "a", "b"),
    [
        ("entry_price", 0.0, 1.0),
        ("entry_price * 0.95", 0.0, 0.95),
        ("0.95 * entry_price", 0.0, 0.95),
        ("entry_price / 2", 0.0, 0.5),
        ("-(close - entry_price)", -4.0, 1.0),
        ("close - 3", 1.0, 0.0),
        ("entry_price - 3 * close", -12.0, 1.0),
        ("(entry_price + close) / 2", 2.0, 0.5),
        ("close - entry_price", 4.0, -1.0),
        ("entry_price * 2 - entry_price", 0.0, 1.0),
        ("entry_price * (1 - 1 / close)", 0.0, 0.75),
    ],
)
def test_stop_is_linear_in_the_entry_price(stop, a, b):
    signals = signals_of(bars_of([4.0]), enter_long="close > 0", stop_long=stop)

    assert signals.long.stop[0][0, 0] == a
    assert signals.long.stop[1][0, 0] == b


def test_trail_is_a_distance_or_a_fraction():
    bars = bars_of([4.0])

    distance = signals_of(bars, enter_long="close > 0", trail_long="close / 2")
    fraction = signals_of(bars, enter_long="close > 0", trail_long="percent(0.05)")

    assert (distance.long.trail[0, 0], distance.long.is_trail_fraction) == (2.0, False)
    assert (fraction.long.trail[0, 0], fraction.long.is_trail_fraction) == (0.05, True)


@pytest.mark.parametrize("kind", ["fraction", "units", "cash", "risk"])
def test_size(kind):
    signals = signals_of(
        bars_of([4.0]), enter_long="close > 0", stop_long="close - 1", size=f"{kind}(close / 8)"
    )

    assert signals.size_kind == SizeKind[kind.upper()]
    assert signals.size[0, 0] == 0.5


def test_size_is_an_equal_share_when_the_formula_gives_none():
    market = market_of(random_bars(5, 1), random_bars(5, 2))

    signals = evaluate(plan_of(enter_long="close > 0"), market)

    assert signals.size_kind == SizeKind.FRACTION
    assert signals.size.tolist() == [[0.5] * 5] * 2


def test_constants_of_a_formula():
    plan = plan_of({"n": 2}, enter_long="close > 0", expire_bars="2 * n", pyramiding=3)
    good_till_cancelled = plan_of(enter_long="close > 0", expire_bars="none")

    assert (plan.expire_bars, plan.pyramiding) == (4, 3)
    assert (good_till_cancelled.expire_bars, good_till_cancelled.pyramiding) == (0, 1)


# The calendar -----------------------------------------------------------------------------------


def calendar(name: str, stamp: str, zone: str) -> float:
    time = np.array([np.datetime64(stamp, "ms").astype(np.int64)])
    one = np.ones(1)
    return indicator(name, Bars(time, one, one, one, one, one, tz=zone))[0]


@pytest.mark.parametrize(
    ("name", "stamp", "zone", "expected"),
    [
        ("hour", "2024-01-02T14:30", "America/New_York", 9),  # winter: UTC − 5
        ("hour", "2024-07-02T14:30", "America/New_York", 10),  # summer: UTC − 4
        ("hour", "2024-03-10T06:59", "America/New_York", 1),  # the last minute of winter time
        ("hour", "2024-03-10T07:00", "America/New_York", 3),  # the clocks have gone forward
        ("hour", "2024-01-02T23:30", "Asia/Kolkata", 5),  # UTC + 5:30, the next day
        ("weekday", "2024-01-02T23:30", "Asia/Kolkata", 2),  # a Wednesday there
        ("weekday", "2024-01-02T23:30", "UTC", 1),
        ("weekday", "1970-01-01", "UTC", 3),
        ("month", "2024-01-01", "America/New_York", 1),  # a daily bar: of its UTC date
        ("year", "2024-01-01T00:30", "America/New_York", 2023),
        ("month", "1969-12-31", "UTC", 12),
        ("year", "1969-12-31", "UTC", 1969),
    ],
)
def test_calendar(name, stamp, zone, expected):
    assert calendar(name, stamp, zone) == expected


# Rows for the chart, large arrays ---------------------------------------------------------------


def test_plan_rows_are_the_indicators_in_raw_shares():
    raw = bars_of([8.0, 10.0, 12.0, 7.0, 8.0], splits=((3 * DAY_MS, 2.0),))
    plan = plan_of(
        {"n": 2}, enter_long="close > sma(close, n) and rsi(close, n + 1) < 70",
        stop_long="sma(close, n) - atr(2)",
    )  # fmt: skip

    rows = plan_rows(plan, market_of(raw))

    assert [(row.label, row.is_price_level) for row in plan.rows] == [
        ("sma(close, 2)", True), ("rsi(close, 3)", False), ("atr(2)", False)
    ]  # fmt: skip
    assert list(rows) == [row.label for row in plan.rows]
    np.testing.assert_array_equal(rows["sma(close, 2)"][0], [np.nan, 9.0, 11.0, 6.5, 7.5])


@pytest.mark.parametrize(
    "text",
    ["close - 3 * atr(5) + 0.1 * (high - low)", "-close * 2 - (open + -high)",
     "close * 1e200 * high * 1e200 - close", "log(close - 100) * 2 + close",
     "(close + open) * 0.5 > close - 0.1 * high", "((close > open) * 2 + 1) * close - open"],
)  # fmt: skip
def test_fused_arithmetic_is_the_same_to_the_last_bit(text, monkeypatch):
    bars = random_bars(3000, 11, splits=[(1000, 3.0)])
    plain = indicator(text, bars)

    monkeypatch.setattr(computing, "FUSED_FROM_BARS", 0)

    np.testing.assert_array_equal(indicator(text, bars), plain)


def test_evaluation_changes_nothing_of_the_market():
    market = market_of(random_bars(50, 12), random_bars(40, 13))
    before = {name: getattr(market, name).copy() for name in ("open", "close", "has_bar", "time")}
    plan = plan_of(enter_long="close > sma(close, 3)", limit_long="close", size="fraction(close)")

    signals = evaluate(plan, market)
    signals.long.limit[:] = 0.0

    for name, copy in before.items():
        np.testing.assert_array_equal(getattr(market, name), copy)
