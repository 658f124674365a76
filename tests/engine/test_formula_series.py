"""`of` and `on`: other symbols and longer timeframes, as of their last completed bar."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import engine
from engine.errors import InvalidFormulaError
from engine.formula import check_formula, evaluate, formula_definition, plan_strategy
from engine.indicators import indicator
from engine.resolve import plan_run
from engine.types import Bars
from tests.engine import naive_formula
from tests.engine.sample_bars import DAY_MS, random_bars

HOUR_MS = 3_600_000
NAN = math.nan


def stamp(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def bars_at(stamps, close, **fields) -> Bars:
    """Bars whose open, high and low lie at fixed distances from the close."""
    close = np.array(close, dtype=np.float64)
    time = np.array([stamp(text) for text in stamps], dtype=np.int64)
    volume = fields.pop("volume", np.full(close.size, 10.0))
    return Bars(time, close - 0.5, close + 1.0, close - 1.0, close, volume, **fields)


def weekdays(n: int, begin="2024-01-01") -> list[str]:
    """Mondays to Fridays from a Monday on."""
    first = stamp(begin)
    days = [first + DAY_MS * (i // 5 * 7 + i % 5) for i in range(n)]
    return [datetime.fromtimestamp(day / 1000, UTC).strftime("%Y-%m-%d") for day in days]


def same(found, expected) -> None:
    np.testing.assert_array_equal(found, np.array(expected, dtype=np.float64))


# on ---------------------------------------------------------------------------------------------


def test_a_week_is_known_from_the_first_bar_of_the_next_one_on():
    # Monday 1 January 2024 to Wednesday of the third week; closes 1, 2, …, 13.
    bars = bars_at(weekdays(13), range(1, 14))

    # Friday's own bar still shows the week before: none.
    same(indicator('on("1w", close)', bars), [NAN] * 5 + [5.0] * 5 + [10.0] * 3)


def test_a_week_without_a_monday_begins_on_its_first_bar():
    # Monday 15 January is a holiday: the third week begins on Tuesday.
    days = [day for day in weekdays(13) if day != "2024-01-15"]
    bars = bars_at(days, range(1, 13))

    same(indicator('on("1w", close)', bars), [NAN] * 5 + [5.0] * 5 + [10.0] * 2)


@pytest.mark.parametrize(
    ("name", "first_week", "second_week"),
    [
        ("open", 0.5, 5.5),  # of the first bar: 1 − 0.5, 6 − 0.5
        ("high", 6.0, 11.0),  # 5 + 1, 10 + 1
        ("low", 0.0, 5.0),  # 1 − 1, 6 − 1
        ("close", 5.0, 10.0),
        ("volume", 15.0, 40.0),  # 1 + … + 5, 6 + … + 10
        ("month", 1.0, 1.0),
        ("weekday", 0.0, 0.0),
    ],
)
def test_prices_of_a_period(name, first_week, second_week):
    closes = np.arange(1.0, 14.0)
    bars = bars_at(weekdays(13), closes, volume=closes)

    same(indicator(f'on("1w", {name})', bars), [NAN] * 5 + [first_week] * 5 + [second_week] * 3)


def test_functions_and_offsets_inside_count_periods_and_outside_bars():
    bars = bars_at(weekdays(16), range(1, 17))
    # Weekly closes 5, 10, 15; daily values nan × 5, 5 × 5, 10 × 5, 15.
    same(indicator('on("1w", sma(close, 2))', bars), [NAN] * 10 + [7.5] * 5 + [12.5])
    same(indicator('on("1w", close[1])', bars), [NAN] * 10 + [5.0] * 5 + [10.0])
    same(indicator('on("1w", close)[1]', bars), [NAN] * 6 + [5.0] * 5 + [10.0] * 5)
    same(
        indicator('sma(on("1w", close), 2)', bars),
        [NAN] * 6 + [5.0] * 4 + [7.5] + [10.0] * 4 + [12.5],
    )


def test_months_quarters_and_years_follow_the_calendar():
    days = ["2023-11-30", "2023-12-01", "2023-12-29", "2024-01-02", "2024-03-28", "2024-04-01"]
    bars = bars_at(days, [1, 2, 3, 4, 5, 6])

    same(indicator('on("1mo", close)', bars), [NAN, 1, 1, 3, 4, 5])
    same(indicator('on("3mo", close)', bars), [NAN, NAN, NAN, 3, 3, 5])
    same(indicator('on("12mo", close)', bars), [NAN, NAN, NAN, 3, 3, 3])


def test_hours_and_days_are_those_of_the_series_zone():
    # 14:30 to 20:30 UTC are 09:30 to 15:30 in New York; 1:30 UTC is the evening before there.
    times = ["2024-01-02T14:30", "2024-01-02T14:45", "2024-01-02T15:00", "2024-01-03T01:30",
             "2024-01-03T14:30"]  # fmt: skip
    bars = bars_at(times, [1, 2, 3, 4, 5], tz="America/New_York")

    same(indicator('on("1h", close)', bars), [NAN, NAN, 2, 3, 4])
    same(indicator('on("1d", close)', bars), [NAN, NAN, NAN, NAN, 4])
    same(indicator('on("1d", close)', replace(bars, tz="UTC")), [NAN, NAN, NAN, 3, 3])


def test_a_split_inside_a_week_changes_the_shares_of_all_of_it():
    # Two for one on Wednesday of the second week. From then on the first week's close of 10 is 5
    # in new shares; on Monday and Tuesday it was 10.
    closes = [10.0] * 7 + [5.0] * 6
    bars = bars_at(weekdays(13), closes, splits=((stamp(weekdays(13)[7]), 2.0),))

    same(indicator('on("1w", close)', bars), [NAN] * 5 + [10.0] * 2 + [5.0] * 3 + [5.0] * 3)
    # The second week's high: 11 on Monday is 5.5 in new shares, 6 after the split.
    same(indicator('on("1w", high)', bars)[10:], [6.0] * 3)
    # Volume of 10 shares × 2 on two days, 10 on three.
    same(indicator('on("1w", volume)', bars)[10:], [70.0] * 3)


# of ---------------------------------------------------------------------------------------------


def test_another_symbol_on_the_same_clock_is_read_at_the_same_bar():
    own, other = bars_at(weekdays(4), [1, 2, 3, 4]), bars_at(weekdays(4), [10, 20, 30, 40])

    same(indicator('of("B", close)', own, {"B": other}), [10, 20, 30, 40])
    same(indicator('of("B", sma(close, 2))', own, {"B": other}), [NAN, 15, 25, 35])
    same(indicator('sma(of("B", close), 2)', own, {"B": other}), [NAN, 15, 25, 35])
    same(indicator('of("B", close)[1] + close', own, {"B": other}), [NAN, 12, 23, 34])


def test_another_calendar_gives_its_last_completed_bar():
    own = bars_at(["2024-01-01", "2024-01-03", "2024-01-05"], [1, 2, 3])
    other = bars_at(["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-06"], [10, 20, 30, 40])

    same(indicator('of("B", close)', own, {"B": other}), [NAN, 20, 30])
    # Its own bars count, not ours: the average of 10, 20 and of 20, 30.
    same(indicator('of("B", sma(close, 2))', own, {"B": other}), [NAN, 15, 25])


@pytest.mark.parametrize(
    ("own", "other", "sees_same_date"),
    [
        (("XNYS", "America/New_York"), ("XTKS", "Asia/Tokyo"), True),
        (("XTKS", "Asia/Tokyo"), ("XNYS", "America/New_York"), False),
        (("XNYS", "America/New_York"), ("24/7", "UTC"), False),
        (("24/7", "UTC"), ("XNYS", "America/New_York"), True),
        (("XNYS", "America/New_York"), ("XNAS", "America/New_York"), True),
        ((None, "UTC"), ("XNYS", "America/New_York"), True),  # unknown: the same market
        (("XNYS", "America/New_York"), (None, "UTC"), True),
    ],
)
def test_a_date_that_ends_later_elsewhere_is_read_the_day_after(own, other, sees_same_date):
    def bars(calendar, zone, close):
        return bars_at(weekdays(3), close, calendar=calendar, tz=zone)

    value = indicator('of("B", close)', bars(*own, [1, 2, 3]), {"B": bars(*other, [10, 20, 30])})

    same(value, [10, 20, 30] if sees_same_date else [NAN, 10, 20])


def test_intraday_bars_of_one_stamp_close_together_in_every_zone():
    times = ["2024-01-02T14:30", "2024-01-02T14:45"]
    own = bars_at(times, [1, 2], tz="Asia/Tokyo")
    other = bars_at(times, [10, 20], tz="America/New_York")

    same(indicator('of("B", close)', own, {"B": other}), [10, 20])


def test_prices_of_another_symbol_are_in_its_own_shares_of_the_bar():
    own = bars_at(weekdays(5), [1, 2, 3, 4, 5])
    # Two for one at its third bar: 40 before is 20 after.
    other = bars_at(weekdays(5), [40, 40, 20, 20, 20], splits=((stamp(weekdays(5)[2]), 2.0),))

    same(indicator('of("B", close)', own, {"B": other}), [40, 40, 20, 20, 20])
    same(indicator('of("B", close)[1]', own, {"B": other}), [NAN, 40, 20, 20, 20])
    same(indicator('of("B", mom(close, 1))', own, {"B": other}), [NAN, 0, 0, 0, 0])
    same(indicator('close + mom(of("B", close), 1)', own, {"B": other}), [NAN, 2, 3, 4, 5])
    # Our own split, at our second bar, leaves the other's prices alone.
    split = replace(own, splits=((stamp(weekdays(5)[1]), 2.0),))
    same(indicator('of("B", close) + close[1]', split, {"B": other}), [NAN, 40.5, 22, 23, 24])


def test_of_and_on_together_read_another_symbol_s_weeks():
    own = bars_at(weekdays(11), range(11))
    other = bars_at(weekdays(11), range(100, 111))

    value = indicator('of("B", on("1w", close))', own, {"B": other})

    same(value, [NAN] * 5 + [104.0] * 5 + [109.0])


# Against the twin -------------------------------------------------------------------------------


def coarse(n: int, seed: int, **fields) -> Bars:
    """A random walk in large steps of powers of two: sums of few of them are exact."""
    bars = random_bars(n, seed, tick=4.0, **fields)
    return replace(bars, volume=np.round(bars.volume / 4096.0) * 4096.0)


def gappy(bars: Bars, seed: int, share: float) -> Bars:
    rng = np.random.default_rng(seed)
    kept = np.flatnonzero(rng.random(bars.time.size) < share)
    ends = {bars.time[i] for i, _ in enumerate(bars.time)} & set(bars.time[kept].tolist())
    splits = tuple(s for s in bars.splits or () if s[0] in ends)
    names = ("time", "open", "high", "low", "close", "volume")
    return Bars(*(getattr(bars, name)[kept] for name in names), splits=splits)


WORLDS = {
    "one clock": (coarse(26, 1), coarse(26, 2), False),
    "own splits": (
        coarse(26, 3, splits=[(9, 2.0)]), coarse(26, 4), False
    ),
    "splits of both": (
        coarse(26, 5, splits=[(9, 2.0), (17, 0.5)]),
        coarse(26, 6, splits=[(12, 4.0)]), False,
    ),
    "gaps": (
        gappy(coarse(34, 7, splits=[(9, 2.0), (17, 0.5)]), 1, 0.7),
        gappy(coarse(34, 8, splits=[(12, 4.0), (20, 0.25)]), 2, 0.7), False,
    ),
    "the other closes later": (
        replace(coarse(26, 9, splits=[(9, 2.0)]), tz="Asia/Tokyo"),
        replace(coarse(26, 10, splits=[(9, 0.5)]), tz="America/New_York"), True,
    ),
}  # fmt: skip
COLUMN = st.sampled_from(["open", "high", "low", "close", "volume"])
FUNCTION = st.sampled_from(["sma", "ema", "highest", "lowest", "sum", "rsi", "mom"])


def windowed(x):
    return st.one_of(
        st.tuples(FUNCTION, x, st.integers(1, 3)).map(lambda t: f"{t[0]}({t[1]}, {t[2]})"),
        st.tuples(x, st.integers(0, 2)).map(lambda t: f"({t[0]})[{t[1]}]"),
    )


INNER = st.one_of(COLUMN, windowed(COLUMN), windowed(windowed(COLUMN)), st.just("atr(2)"))
ON = st.tuples(st.sampled_from(["1w", "1mo", "2d"]), INNER).map(lambda t: f'on("{t[0]}", {t[1]})')
OF = st.one_of(INNER, ON).map(lambda x: f'of("B", {x})')
LEAF = st.one_of(ON, OF, COLUMN)
NUMBER = st.one_of(
    LEAF,
    windowed(LEAF),
    st.tuples(LEAF, st.sampled_from("+-*/"), LEAF).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
)
COMPARED = st.tuples(NUMBER, st.sampled_from(["<", ">=", "!="]), NUMBER).map(
    lambda t: f"({t[0]} {t[1]} {t[2]})"
)
INSIDE = st.tuples(INNER, st.sampled_from(["<", ">="]), INNER).map(
    lambda t: f"{t[0]} {t[1]} {t[2]}"
)
CONDITION = st.one_of(
    COMPARED,
    INSIDE.map(lambda c: f'of("B", {c})'),
    INSIDE.map(lambda c: f'on("1w", not ({c}))'),
    INSIDE.map(lambda c: f'sum(of("B", on("2d", {c})), 2) > 0'),
    st.tuples(NUMBER, NUMBER).map(lambda t: f"cross_above({t[0]}, {t[1]})"),
)
# The same cases every time, as in test_formula_values.
FIXED = settings(
    max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


def naive(text, own, other, closes_later):
    others = {"B": (other, closes_later)}
    return [naive_formula.last_value(text, own, i, others) for i in range(own.time.size)]


@pytest.mark.parametrize("name", WORLDS)
@given(text=NUMBER)
@FIXED
def test_numbers_equal_the_twin_of_one_bar_at_a_time(name, text):
    own, other, closes_later = WORLDS[name]

    value = indicator(text, own, {"B": other})

    found = naive(text, own, other, closes_later)
    expected = [v if i >= found[-1][2] else NAN for i, (v, _, _) in enumerate(found)]
    np.testing.assert_allclose(value, expected, rtol=1e-7, atol=1e-6)


@pytest.mark.parametrize("name", WORLDS)
@given(text=CONDITION)
@FIXED
def test_signals_equal_the_twin_of_one_bar_at_a_time(name, text):
    own, other, closes_later = WORLDS[name]
    run = run_of({"enter_long": text, "exit_long": text})
    market = run.market({"A": own, "B": other})

    signals = evaluate(plan_strategy(run.definition, {}), market)

    found = naive(text, own, other, closes_later)
    n, lookback = own.time.size, found[-1][2]
    assert np.flatnonzero(signals.long.exit[0]).tolist() == [
        i for i in range(n) if i >= lookback and found[i][0]
    ]
    assert np.flatnonzero(signals.long.enter[0]).tolist() == [
        i for i in range(n) if i >= lookback and found[i][0] and not found[i][1]
    ]


# Runs -------------------------------------------------------------------------------------------


def run_of(formula, **config):
    return plan_run({"symbols": ["A"], "strategy": {"formula": formula}, **config})


FILTERED = {
    "enter_long": 'cross_above(close, sma(close, 5)) and of("B", close > sma(close, 10))',
    "exit_long": 'cross_below(close, on("1w", sma(close, 2)))',
    "stop_long": 'entry_price - 3 * on("1w", atr(2))',
}


def test_a_symbol_that_is_only_read_is_not_traded_and_a_traded_one_may_be_read():
    bars = {"A": random_bars(300, 1), "B": random_bars(300, 2)}

    alone = engine.backtest(bars, {"symbols": ["A"], "strategy": {"formula": FILTERED}})
    both = engine.backtest(bars, {"strategy": {"formula": FILTERED}})

    assert alone.config["symbols"] == ["A"]
    assert set(alone.fills["symbol"]) == {"A"}
    assert both.config["symbols"] == ["A", "B"]
    assert set(both.fills["symbol"]) == {"A", "B"}
    for result in (alone, both):
        assert result.checks["look_ahead"]["status"] == "pass", result.checks
        assert result.checks["warm_up"]["status"] == "pass", result.checks


def test_bars_before_the_start_warm_up_the_symbol_that_is_only_read():
    bars = {"A": random_bars(300, 1), "B": random_bars(300, 2)}
    config = {"symbols": ["A"], "start": "1970-04-01", "strategy": {"formula": FILTERED}}
    run = plan_run({"timeframe": "1d", **config})

    market = run.market(bars)

    assert market.read.symbols == ("B",)
    # 1970-04-01 is day 90; both keep the same number of bars before it.
    assert market.first == market.read.first == min(90, run.warm_up_bars)


def test_lookback_counts_base_bars_for_the_warm_up_and_waits_for_no_more_than_is_needed():
    run = run_of({"enter_long": 'close > on("1w", sma(close, 2))'})
    bars = bars_at(weekdays(15), range(10, 25))

    signals = evaluate(plan_strategy(run.definition, {}), run.market({"A": bars}))

    # Two weeks and the one before the first full one, of seven days at most.
    assert run.strategy.lookback == 3 * 7 - 7
    assert np.flatnonzero(signals.long.enter[0])[0] == 10


def test_the_same_strategy_on_intraday_bars_counts_more_of_them():
    formula = {"enter_long": 'close > on("1d", sma(close, 2))'}

    assert run_of(formula, timeframe="5min").strategy.lookback == 2 * 288
    assert run_of(formula, timeframe="1h").strategy.lookback == 2 * 24


def test_splits_and_gaps_of_the_symbol_read_are_no_look_ahead():
    own = gappy(random_bars(400, 3, splits=[(150, 2.0)]), 3, 0.9)
    other = gappy(random_bars(400, 4, splits=[(100, 3.0), (220, 0.5)]), 4, 0.8)
    formula = FILTERED | {"enter_long": 'close * of("B", close) > of("B", sma(close, 3)) * 90'}

    result = engine.backtest(
        {"A": own, "B": other}, {"symbols": ["A"], "strategy": {"formula": formula}}
    )

    assert result.metrics["trades"] > 5
    assert result.checks["look_ahead"]["status"] == "pass", result.checks


@pytest.mark.parametrize("symbol", ["B", "A"])
def test_a_planted_look_ahead_into_another_series_is_caught(symbol, monkeypatch):
    from engine.formula import series

    bars = {"A": random_bars(300, 1), "B": random_bars(300, 2)}
    formula = {"enter_long": 'of("B", close > open)', "exit_long": 'of("B", close < open)'}
    monkeypatch.setattr(series, "as_of", lambda own, other: np.minimum(
        other.time.searchsorted(own.time, "right"), other.n - 1
    ))  # fmt: skip

    result = engine.backtest(bars, {"symbols": ["A"], "strategy": {"formula": formula}})

    assert result.checks["look_ahead"]["status"] == "fail"


def test_a_planted_look_ahead_into_the_running_week_is_caught(monkeypatch):
    from engine.formula import series

    right = series.period_numbers
    monkeypatch.setattr(series, "period_numbers", lambda *args: right(*args) + 1)
    formula = {"enter_long": 'close > on("1w", close)', "exit_long": 'close < on("1w", close)'}

    result = engine.backtest({"A": random_bars(300, 1)}, {"strategy": {"formula": formula}})

    assert result.checks["look_ahead"]["status"] == "fail"


def test_a_symbol_without_bars_is_refused_with_its_place_and_the_nearest():
    formula = {"enter_long": 'close > 1 and of("SPV", close) > 1'}

    with pytest.raises(InvalidFormulaError) as caught:
        engine.backtest(
            {"A": random_bars(9, 1), "SPY": random_bars(9, 2)},
            {"symbols": ["A"], "strategy": {"formula": formula}},
        )

    error = caught.value
    assert (error.field, error.position, error.suggestion) == ("enter_long", 17, '"SPY"')
    assert "no 1d bars of SPV; did you mean SPY?" in str(error)


def test_a_timeframe_that_is_not_longer_than_the_run_s_is_refused():
    with pytest.raises(InvalidFormulaError, match="longer timeframe than that of the run, 1d"):
        run_of({"enter_long": 'on("1d", close) > 1'})
    with pytest.raises(InvalidFormulaError, match="longer timeframe than that of the run, 1w"):
        run_of({"enter_long": 'on("1d", close) > 1'}, timeframe="1w")
    assert check_formula({"enter_long": 'on("1h", close) > 1'}) == []


def test_indicator_rows_are_shown_with_their_series():
    definition = formula_definition(
        {"enter_long": 'of("B", rsi(close, 2)) > 50 and close > on("1w", sma(close, 2))'}
    )
    plan = plan_strategy(definition, {})

    assert [(row.label, row.is_price_level) for row in plan.rows] == [
        ('of("B", rsi(close, 2))', False), ('on("1w", sma(close, 2))', True),
    ]  # fmt: skip
