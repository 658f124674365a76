"""Metrics M1–M10: hand-derived values, a naive twin on random accounts, edges and documents."""

import math
import re
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.benchmark import buy_and_hold, hold
from engine.clock import (
    DAY_MS,
    is_seven_day,
    local_days,
    periods_per_year,
    utc_offset_ms,
    weekends_to_monday,
)
from engine.errors import InvalidBarsError
from engine.metrics import METRIC_NAMES, Conventions, compute_metrics, conventions, curve_metrics
from engine.metrics.drawdowns import drawdown_series, find_drawdowns
from engine.metrics.ratios import growth_rate, relative_metrics, return_metrics, tail_metrics
from engine.metrics.series import period_values, returns_of
from engine.metrics.trading import trade_metrics, turnover_metrics
from engine.types import Market
from tests.engine import naive_metrics as naive

FIRST_MS = 1_104_537_600_000  # 2005-01-01T00:00Z, a Saturday
HOUR_MS = 3_600_000
DAILY = Conventions(periods_per_year=252.0)


def days(n, start=FIRST_MS):
    return start + DAY_MS * np.arange(n, dtype=np.int64)


def no_trades():
    floats = ("pnl", "return", "mae", "mfe", "r_multiple")
    return (
        {name: np.zeros(0) for name in floats}
        | {"bars": np.zeros(0, np.int64), "open": np.zeros(0, np.bool_)}
        | {"entry_time": np.zeros(0, np.int64), "exit_time": np.zeros(0, np.int64)}
    )


def no_fills():
    return {name: np.zeros(0) for name in ("quantity", "price", "fee")}


def closed_trades(pnl, **columns):
    n = len(pnl)
    table = no_trades() | {name: np.zeros(n) for name in ("return", "mae", "mfe", "bars")}
    table |= {"r_multiple": np.full(n, np.nan), "open": np.zeros(n, np.bool_)}
    return table | {"pnl": np.array(pnl, dtype=float)} | columns


# M1 ------------------------------------------------------------------------------------------


def test_m1_first_value_is_replaced_by_the_initial_cash():
    # Cash 100; a fill at close 0 cost 1, so E = 99, 110. One return: 110 / 100 - 1.
    last, value = period_values(days(2), np.array([99.0, 110.0]), 100.0, DAILY)

    assert last.tolist() == [0, 1]
    assert returns_of(value) == pytest.approx([0.10], abs=1e-15)


def test_m1_returns_stop_at_the_first_zero_and_debt_counts_as_nothing():
    found = curve_metrics(days(4), np.array([100.0, 80.0, -20.0, -20.0]), base=100.0, rules=DAILY)

    # r = -0.2, -1; nothing after. mean = -0.6, std = 0.8 / sqrt 2.
    assert found["total_return"] == -1.0
    assert found["final_equity"] == -20.0
    assert found["cagr"] == -1.0
    assert found["max_drawdown"] == -1.0
    assert found["sharpe"] == pytest.approx(-0.6 / (0.8 / math.sqrt(2)) * math.sqrt(252))


def test_m1_bars_shorter_than_a_day_make_one_value_a_date_in_the_series_zone():
    # 2005-01-04 03:00Z is still 22:00 of 2005-01-03 in New York, so it closes the 3rd there.
    monday_16h = FIRST_MS + 2 * DAY_MS + 16 * HOUR_MS
    time = np.array([monday_16h, monday_16h + 11 * HOUR_MS, monday_16h + 24 * HOUR_MS])
    rules = Conventions(periods_per_year=252.0, zone="America/New_York", is_intraday=True)

    last, value = period_values(time, np.array([100.0, 105.0, 110.0]), 100.0, rules)

    assert last.tolist() == [1, 2]
    assert value.tolist() == [100.0, 110.0]
    utc = Conventions(periods_per_year=252.0, is_intraday=True)
    assert period_values(time, np.array([100.0, 105.0, 110.0]), 100.0, utc).last.tolist() == [0, 2]


@pytest.mark.parametrize(("is_seven_day", "expected"), [(False, [0, 3]), (True, [0, 1, 2, 3])])
def test_m1_weekend_bars_belong_to_monday_unless_open_seven_days(is_seven_day, expected):
    friday = FIRST_MS + 6 * DAY_MS  # 2005-01-07
    time = friday + DAY_MS * np.arange(4)  # Friday, Saturday, Sunday, Monday
    rules = Conventions(periods_per_year=252.0, is_intraday=True, is_seven_day=is_seven_day)

    assert period_values(time, np.ones(4), 1.0, rules).last.tolist() == expected


def test_drawdown_is_taken_on_the_finest_bars():
    # Within one date the account halves and comes back: no daily return, but a 50 % fall.
    time = FIRST_MS + 2 * DAY_MS + HOUR_MS * np.arange(3)
    rules = conventions(time)

    found = curve_metrics(time, np.array([100.0, 50.0, 100.0]), base=100.0, rules=rules)

    assert rules.is_intraday
    assert found["max_drawdown"] == -0.5
    assert found["max_drawdown_days"] == pytest.approx(2 / 24)
    assert found["volatility"] is None


# M2 ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step_days", "expected"),
    [(365, 1.0), (300, 1.0), (91, 4.0), (80, 4.0), (30, 12.0), (25, 12.0), (7, 52.0), (5, 52.0)],
)
@pytest.mark.parametrize("calendar", [None, "XNYS"])
def test_m2_long_steps_decide_by_themselves(step_days, expected, calendar):
    time = FIRST_MS + step_days * DAY_MS * np.arange(20, dtype=np.int64)

    assert periods_per_year(time, time // DAY_MS, [calendar]) == expected


@pytest.mark.parametrize(
    ("weekdays", "expected", "seven"),
    [(range(5), 252.0, False), (range(7), 365.0, True), ((0, 1, 2, 3, 4, 6), 260.0, False)],
)
def test_m2_weekend_dates_tell_the_market(weekdays, expected, seven):
    stamps = days(210)
    time = stamps[np.isin((stamps // DAY_MS + 3) % 7, list(weekdays))]

    assert periods_per_year(time, time // DAY_MS, [None]) == expected
    assert is_seven_day(time // DAY_MS, [None]) is seven


def test_m2_five_percent_of_saturdays_is_not_yet_more_than_five():
    # 20 dates of which one is a Saturday: exactly 5 %, so a five-day market.
    stamps = days(30)
    weekday = (stamps // DAY_MS + 3) % 7
    time = np.sort(np.concatenate((stamps[weekday < 5][:19], stamps[weekday == 5][:1])))

    assert periods_per_year(time, time // DAY_MS, [None]) == 252.0


def test_m2_a_known_calendar_wins_over_the_dates():
    time = days(50)

    assert periods_per_year(time, time // DAY_MS, ["XNYS"]) == 252.0
    assert periods_per_year(time, time // DAY_MS, ["fx"]) == 260.0
    assert periods_per_year(time, time // DAY_MS, ["24/7", "XNYS"]) == 365.0
    assert conventions(time, calendars=["XNYS"], periods_per_year=100.0).periods_per_year == 100.0


def test_local_dates_follow_daylight_saving():
    # New York left standard time on 2005-04-03 at 07:00Z: midnight is 05:00Z before, 04:00Z after.
    april_3 = 12_876 * DAY_MS
    stamps = np.array([april_3 + 5 * HOUR_MS - 1, april_3 + 5 * HOUR_MS, april_3 + 28 * HOUR_MS])

    assert local_days(stamps, "America/New_York").tolist() == [12_875, 12_876, 12_877]
    assert weekends_to_monday(local_days(stamps, "UTC")).tolist() == [12_877, 12_877, 12_877]


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/London", "Asia/Tokyo", "UTC"])
def test_offsets_equal_those_of_the_zone_at_every_bar(zone):
    # A year of bars 50 minutes apart, over both changes of the clocks.
    time = FIRST_MS + 50 * 60_000 * np.arange(10_000, dtype=np.int64)

    asked = [
        datetime.fromtimestamp(stamp / 1000, UTC).astimezone(ZoneInfo(zone)).utcoffset()
        for stamp in time.tolist()
    ]

    assert utc_offset_ms(time, zone).tolist() == [one.total_seconds() * 1000 for one in asked]


def test_unknown_zone_is_refused_by_name():
    with pytest.raises(InvalidBarsError, match="'Mars/Olympus'"):
        local_days(days(1), "Mars/Olympus")


# M3 ------------------------------------------------------------------------------------------


def test_m3_growth_is_per_365_25_days():
    # Two years of 365.25 days from 100 to 144: sqrt(1.44) - 1 = 20 % a year.
    assert growth_rate(100.0, 144.0, int(730.5 * DAY_MS)) == pytest.approx(0.2, abs=1e-15)
    assert growth_rate(100.0, 144.0, 0) is None
    assert growth_rate(100.0, 0.0, DAY_MS) == -1.0
    assert growth_rate(100.0, -5.0, DAY_MS) == -1.0


def test_m3_growth_too_large_for_a_number_is_null():
    # 1 % in one millisecond: 1.01^(3.2e10) is beyond float64.
    assert growth_rate(100.0, 101.0, 1) is None


# M4 ------------------------------------------------------------------------------------------


def test_m4_ratios_of_four_returns():
    # r = 2 %, -1 %, 3 %, 0: mean 1 %, deviations 1, -2, 2, -1 %, so the sum of squares is 10e-4
    # and std = sqrt(10e-4 / 3). Downside: sqrt(1e-4 / 4) = 0.5 %. Omega: 5 / 1.
    found = return_metrics(np.array([0.02, -0.01, 0.03, 0.0]), 0.0, 4.0)

    assert found["volatility"] == pytest.approx(math.sqrt(10e-4 / 3) * 2)
    assert found["sharpe"] == pytest.approx(0.01 / math.sqrt(10e-4 / 3) * 2)
    assert found["sortino"] == pytest.approx(0.01 / 0.005 * 2)
    assert found["omega"] == pytest.approx(5.0)


def test_m4_risk_free_rate_is_compounded_down_and_leaves_volatility():
    # 21 % a year over two periods: sqrt(1.21) - 1 = 10 % each. x = 10 %, -20 %; r = 20 %, -10 %.
    rules = Conventions(periods_per_year=2.0, risk_free_rate=0.21)
    assert rules.risk_free_per_period == pytest.approx(0.1, abs=1e-15)

    found = return_metrics(np.array([0.2, -0.1]), rules.risk_free_per_period, 2.0)

    # mean x = -5 %; std = 30 % / sqrt 2 for r and x alike; downside sqrt(0.04 / 2); omega 1 / 2.
    assert found["volatility"] == pytest.approx(0.3)
    assert found["sharpe"] == pytest.approx(-0.05 / (0.3 / math.sqrt(2)) * math.sqrt(2))
    assert found["sortino"] == pytest.approx(-0.05 / math.sqrt(0.02) * math.sqrt(2))
    assert found["omega"] == pytest.approx(0.5)


def test_m4_ratios_over_nothing_are_null():
    flat = return_metrics(np.zeros(10), 0.0, 252.0)
    assert flat == {"volatility": 0.0, "sharpe": None, "sortino": None, "omega": None}

    steady = return_metrics(np.full(10, 0.01), 0.0, 252.0)
    assert steady["sharpe"] is None
    assert steady["sortino"] is None
    assert steady["omega"] is None

    assert set(return_metrics(np.array([0.01]), 0.0, 252.0).values()) == {None}


def test_m4_calmar_is_growth_over_the_deepest_fall():
    # 100 -> 80 -> 121 over 2 x 365.25 days: cagr 10 %, deepest fall 20 %.
    time = FIRST_MS + np.array([0, 100 * DAY_MS, int(730.5 * DAY_MS)])

    found = curve_metrics(time, np.array([100.0, 80.0, 121.0]), base=100.0, rules=DAILY)

    assert found["calmar"] == pytest.approx(0.5)
    rising = curve_metrics(time, np.array([100.0, 110.0, 121.0]), base=100.0, rules=DAILY)
    assert rising["calmar"] is None


# M5 ------------------------------------------------------------------------------------------


def test_m5_deepest_and_longest_fall_are_told_apart():
    # Day:      0    1    2    3    4    5    6    7    8    9
    # Value:  100  120  120   60  120   90   95  100  119  125
    # First fall: from the last bar at 120 (day 2), -50 %, back on day 4: 2 days.
    # Second fall: from day 4, -25 %, back on day 9: 5 days.
    value = np.array([100.0, 120, 120, 60, 120, 90, 95, 100, 119, 125])

    found = curve_metrics(days(10), value, base=100.0, rules=DAILY)

    assert found["max_drawdown"] == -0.5
    assert found["max_drawdown_days"] == 2.0
    assert found["longest_drawdown_days"] == 5.0
    squares = [0.5, 0.25, 25 / 120, 20 / 120, 1 / 120]
    assert found["ulcer_index"] == pytest.approx(math.sqrt(sum(s * s for s in squares) / 10))


def test_m5_a_fall_that_has_not_recovered_lasts_to_the_end():
    falls = find_drawdowns(drawdown_series(np.array([100.0, 110.0, 99.0, 105.0]), 100.0))

    assert len(falls) == 1
    assert falls[0].depth == pytest.approx(-0.1)
    assert (falls[0].i_peak, falls[0].i_trough, falls[0].i_recovered) == (1, 2, None)
    assert falls[0].i_end == 3


def test_m5_the_first_peak_is_the_cash():
    # A fill at close 0 cost 2 of 100: the first bar is already 2 % below the cash.
    found = curve_metrics(days(3), np.array([98.0, 99.0, 100.0]), base=100.0, rules=DAILY)

    assert found["max_drawdown"] == pytest.approx(-0.02)
    assert found["max_drawdown_days"] == 2.0


# M6 ------------------------------------------------------------------------------------------


def test_m6_tail_of_twenty_one_returns():
    # -10 %, -9 %, ... +10 %: the 5 % quantile is the element 1 of 0..20, so -9 %; the mean of
    # those at or below is -9.5 %; symmetric, so tail ratio 1 and skew 0. Kurtosis of the discrete
    # uniform distribution over 2m + 1 = n points: -6 (n^2 + 1) / (5 (n^2 - 1)).
    found = tail_metrics(np.arange(-10, 11) / 100)

    assert found["var_95"] == pytest.approx(-0.09)
    assert found["cvar_95"] == pytest.approx(-0.095)
    assert found["tail_ratio"] == pytest.approx(1.0)
    assert found["skew"] == pytest.approx(0.0, abs=1e-12)
    assert found["kurtosis"] == pytest.approx(-6 * (441 + 1) / (5 * (441 - 1)))


def test_m6_quantiles_are_interpolated():
    # Two returns -10 %, +10 %: 5 % of the way from one to the other is -9 %.
    found = tail_metrics(np.array([0.1, -0.1]))

    assert found["var_95"] == pytest.approx(-0.09)
    assert found["cvar_95"] == pytest.approx(-0.1)


def test_m6_flat_returns_have_no_shape():
    assert tail_metrics(np.zeros(5)) == {
        "var_95": 0.0,
        "cvar_95": 0.0,
        "tail_ratio": None,
        "skew": None,
        "kurtosis": None,
    }
    assert set(tail_metrics(np.zeros(0)).values()) == {None}


# M7 ------------------------------------------------------------------------------------------


def market_of(closes, *, splits=(), dividends=(), first=0, names=None):
    """Closes as rows of symbols, NaN without a bar; actions as (symbol, bar, value)."""
    close = np.array(closes, dtype=float)
    split, dividend = np.ones_like(close), np.zeros_like(close)
    for i, t, value in splits:
        split[i, t] = value
    for i, t, value in dividends:
        dividend[i, t] = value
    n = close.shape[0]
    return Market(
        symbols=tuple(names or [f"S{i}" for i in range(n)]),
        time=days(close.shape[1]),
        open=close,
        high=close,
        low=close,
        close=close,
        volume=np.ones_like(close),
        has_bar=np.isfinite(close),
        split=split,
        dividend=dividend,
        lot=np.ones(n),
        delisted=np.zeros(n, np.bool_),
        calendars=(None,) * n,
        zones=("UTC",) * n,
        first=first,
    )


def test_m7_buy_and_hold_reinvests_dividends_and_multiplies_splits():
    # S0: 100, then 2:1 at 55 (worth 110 an old share), then a dividend of 5 at 50: each new share
    # becomes 1 + 5/50 = 1.1, so 2 * 1.1 * 50 = 110 of 100. S1: 10, 10, 20. Mean: 1.05, then 1.55.
    market = market_of([[100, 55, 50], [10, 10, 20]], splits=[(0, 1, 2.0)], dividends=[(0, 2, 5.0)])

    assert buy_and_hold(market, 1000.0) == pytest.approx([1000.0, 1050.0, 1550.0], abs=1e-9)
    assert hold(market, "S1", 1000.0) == pytest.approx([1000.0, 1000.0, 2000.0], abs=1e-9)


def test_m7_an_action_at_the_first_bar_of_the_run_is_past():
    # Bought at the close of the ex-date: neither the split nor the dividend is ours.
    market = market_of([[90, 50, 60]], splits=[(0, 1, 2.0)], dividends=[(0, 1, 5.0)], first=1)

    assert buy_and_hold(market, 100.0) == pytest.approx([100.0, 120.0])


def test_m7_a_later_symbol_waits_as_cash_and_a_missing_bar_keeps_the_last_close():
    nan = math.nan
    market = market_of([[10, 20, nan, 40], [nan, 50, 100, nan]])

    # S0 ratios 1, 2, 2, 4; S1 ratios 1, 1, 2, 2; mean times 100.
    assert buy_and_hold(market, 100.0).tolist() == [100.0, 150.0, 200.0, 300.0]


def test_m7_relation_to_a_benchmark():
    # b = 1 %, 3 %: mean 2 %. x = 3 %, 5 %: mean 4 %. beta = (1·1 + 1·1) / 2 = 1,
    # alpha = 4 (4 % - 2 %) = 8 %. The difference is 2 % both times: no tracking error, no ratio.
    found = relative_metrics(np.array([0.03, 0.05]), np.array([0.01, 0.03]), 0.0, 4.0)

    assert found["beta"] == pytest.approx(1.0)
    assert found["alpha"] == pytest.approx(0.08)
    assert found["tracking_error"] == pytest.approx(0.0, abs=1e-15)
    assert found["information_ratio"] is None


def test_m7_information_ratio():
    # r - b = 1 %, 3 %: mean 2 %, std sqrt(2) %. P = 9: TE = 3 sqrt 2 %, IR = 2 / sqrt 2 * 3.
    found = relative_metrics(np.array([0.02, 0.05]), np.array([0.01, 0.02]), 0.0, 9.0)

    assert found["tracking_error"] == pytest.approx(0.03 * math.sqrt(2))
    assert found["information_ratio"] == pytest.approx(3 * math.sqrt(2))


def test_m7_only_dates_that_both_have_count():
    equity = {
        "time": days(5),
        "equity": np.array([100.0, 110.0, 121.0, 100.0, 133.1]),
        "exposure": np.ones(5),
    }
    benchmark = np.array([np.nan, 50.0, 55.0, np.nan, 66.0])

    found = compute_metrics(
        equity, no_trades(), no_fills(), base=100.0, rules=DAILY, benchmark=benchmark
    )

    # Common dates 1, 2, 4: own returns 10 %, 10 %; theirs 10 %, 20 %; so beta is 0, alpha 10 % · P.
    assert found["benchmark_return"] == pytest.approx(0.32)
    assert found["beta"] == pytest.approx(0.0, abs=1e-12)
    assert found["alpha"] == pytest.approx(25.2)


# M8, M9, M10 ---------------------------------------------------------------------------------


def test_m8_statistics_of_four_trades():
    # pnl 30, -10, 10, -10. W = 1/2. Wins 40, losses 20: factor 2. Mean 5. Payoff 20 / 10 = 2.
    # kelly = 1/2 - 1/2 / 2 = 1/4. Deviations 25, -15, 5, -15: 625 + 225 + 25 + 225 = 1100,
    # std = sqrt(1100 / 3), sqn = 2 * 5 / std.
    table = closed_trades(
        [30, -10, 10, -10],
        **{"return": np.array([0.3, -0.1, 0.1, -0.2]), "bars": np.array([1, 2, 3, 6])},
        mae=np.array([0.0, -0.2, -0.1, -0.3]),
        mfe=np.array([0.4, 0.0, 0.2, 0.2]),
        r_multiple=np.array([3.0, -1.0, np.nan, -1.0]),
    )

    found = trade_metrics(table)

    assert found["trades"] == 4
    assert found["open_trades"] == 0
    assert found["win_rate"] == 0.5
    assert found["profit_factor"] == 2.0
    assert found["expectancy"] == 5.0
    assert found["average_trade"] == pytest.approx(0.025)
    assert found["payoff_ratio"] == 2.0
    assert found["kelly"] == 0.25
    assert found["sqn"] == pytest.approx(10 / math.sqrt(1100 / 3))
    assert (found["best_trade"], found["worst_trade"]) == (0.3, -0.2)
    assert found["average_bars_held"] == 3.0
    assert found["average_mae"] == pytest.approx(-0.15)
    assert found["average_mfe"] == pytest.approx(0.2)
    assert found["average_r_multiple"] == pytest.approx(1 / 3)


def test_m8_open_trades_are_counted_only():
    table = closed_trades([10.0, 500.0], open=np.array([False, True]))

    found = trade_metrics(table)

    assert (found["trades"], found["open_trades"]) == (1, 1)
    assert found["expectancy"] == 10.0


def test_m8_without_a_loss_the_factor_is_null_and_never_infinite():
    found = trade_metrics(closed_trades([10.0, 20.0]))

    assert found["win_rate"] == 1.0
    assert found["profit_factor"] is None
    assert found["payoff_ratio"] is None
    assert found["kelly"] is None


def test_m8_one_trade_has_no_sqn():
    assert trade_metrics(closed_trades([10.0]))["sqn"] is None
    assert trade_metrics(closed_trades([10.0, 10.0]))["sqn"] is None


def test_m8_without_trades_counts_are_zero_and_statistics_null():
    equity = {"time": days(30), "equity": np.full(30, 1e5), "exposure": np.zeros(30)}

    found = compute_metrics(equity, no_trades(), no_fills(), base=1e5, rules=DAILY)

    zeros = ["total_return", "cagr", "volatility", "max_drawdown", "max_drawdown_days"]
    zeros += ["longest_drawdown_days", "ulcer_index", "var_95", "cvar_95", "exposure_time"]
    zeros += ["gross_exposure", "turnover", "trades", "open_trades", "fees"]
    assert {name for name, value in found.items() if value == 0} == set(zeros)
    rest = set(METRIC_NAMES) - set(zeros) - {"final_equity", "periods_per_year"}
    assert {name for name, value in found.items() if value is None} == rest


def test_m9_exposure_and_turnover():
    # 365.25 days, mean equity 100, bought and sold 50 each: 100 / 2 / 100 / 1 year = 0.5.
    time = FIRST_MS + np.array([0, 100 * DAY_MS, int(365.25 * DAY_MS)])
    value = np.array([100.0, 90.0, 110.0])
    equity = {"time": time, "equity": value, "exposure": np.array([0.0, 0.6, 0.0])}
    fills = {
        "quantity": np.array([10.0, 5.0]),
        "price": np.array([5.0, 10.0]),
        "fee": np.array([0.5, 0.25]),
    }

    found = compute_metrics(equity, no_trades(), fills, base=100.0, rules=DAILY)

    assert found["exposure_time"] == pytest.approx(1 / 3)
    assert found["gross_exposure"] == pytest.approx(0.2)
    assert found["turnover"] == pytest.approx(0.5)
    assert found["fees"] == 0.75


def test_m9_turnover_needs_time_and_positive_equity():
    fills = {name: np.ones(1) for name in ("quantity", "price", "fee")}

    assert turnover_metrics(days(1), np.array([100.0]), fills)["turnover"] is None
    assert turnover_metrics(days(2), np.array([1.0, -1.0]), fills)["turnover"] is None


# All together --------------------------------------------------------------------------------


def test_one_bar_is_measured_without_a_number_that_is_not_defined():
    equity = {"time": days(1), "equity": np.array([100.0]), "exposure": np.zeros(1)}

    found = compute_metrics(
        equity, no_trades(), no_fills(), base=100.0, rules=DAILY, benchmark=np.array([100.0])
    )

    assert found["total_return"] == 0.0
    assert found["benchmark_return"] == 0.0
    assert found["max_drawdown"] == 0.0
    for name in ("cagr", "volatility", "sharpe", "beta", "var_95"):
        assert found[name] is None


finite = st.floats(-0.3, 0.3, allow_nan=False).map(lambda x: round(x, 6))


@st.composite
def accounts(draw):
    """A clock with gaps, a value that may go bankrupt, a benchmark and an exposure."""
    n = draw(st.integers(1, 60))
    step = draw(st.sampled_from([HOUR_MS, 7 * HOUR_MS, DAY_MS, 7 * DAY_MS]))
    gaps = draw(st.lists(st.integers(1, 3), min_size=n, max_size=n))
    growth = draw(st.lists(finite, min_size=n, max_size=n))
    theirs = draw(st.lists(finite, min_size=n, max_size=n))
    exposure = draw(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=n, max_size=n))
    value = 1000.0 * np.cumprod(1.0 + np.array(growth))
    if draw(st.booleans()) and n > 3:
        value[n // 2 :] = -5.0
    return {
        "time": FIRST_MS + 15 * HOUR_MS + step * np.cumsum(np.array(gaps, dtype=np.int64)),
        "equity": value,
        "exposure": np.array(exposure),
        "benchmark": 500.0 * np.cumprod(1.0 + np.array(theirs)),
        "rf": draw(st.sampled_from([0.0, 0.03])),
        "zone": draw(st.sampled_from(["UTC", "America/New_York", "Asia/Tokyo"])),
    }


def assert_same(found, expected):
    for name, value in expected.items():
        if value is None or found[name] is None:
            assert found[name] is value, name
        else:
            assert found[name] == pytest.approx(value, rel=1e-9, abs=1e-12), name


def is_far_from_the_threshold(values):
    """Whether no deviation sits where 1e-15 decides between a ratio and null."""
    return len(values) < 2 or not 0.0 < naive.std(values) < 1e-12


@settings(max_examples=150, deadline=None)
@given(accounts())
def test_metrics_equal_their_naive_twin(account):
    time, value, benchmark = account["time"], account["equity"], account["benchmark"]
    rules = conventions(time, zones=[account["zone"]], risk_free_rate=account["rf"])
    options = {"zone": account["zone"], "intraday": rules.is_intraday}
    options |= {"seven_day": rules.is_seven_day}
    values = naive.periods(time.tolist(), value.tolist(), 1000.0, **options)
    their_values = naive.periods(time.tolist(), benchmark.tolist(), float(benchmark[0]), **options)
    own, theirs = naive.returns(values), naive.returns(their_values)
    spread = [a - b for a, b in zip(own, theirs, strict=False)]

    found = compute_metrics(
        account, no_trades(), no_fills(), base=1000.0, rules=rules, benchmark=benchmark
    )

    p, rf = rules.periods_per_year, account["rf"]
    if all(is_far_from_the_threshold(series) for series in (own, theirs, spread)):
        expected = naive.curve(time.tolist(), value.tolist(), 1000.0, rf=rf, p=p, **options)
        assert_same(found, expected | naive.against(own, theirs, rf=rf, p=p))
    activity = naive.activity(time.tolist(), value.tolist(), account["exposure"].tolist(), [])
    assert_same(found, activity)
    assert tuple(found) == METRIC_NAMES
    assert all(v is None or math.isfinite(v) for v in found.values())


rows = st.lists(
    st.fixed_dictionaries(
        {
            "pnl": st.integers(-50, 50).map(float),
            "return": finite,
            "bars": st.integers(0, 30),
            "mae": st.floats(-0.5, 0.0),
            "mfe": st.floats(0.0, 0.5),
            "r_multiple": st.none() | st.floats(-3.0, 3.0),
            "open": st.booleans(),
        }
    ),
    max_size=25,
)


@settings(max_examples=150, deadline=None)
@given(rows)
def test_trade_statistics_equal_their_naive_twin(trades):
    table = {
        name: np.array([row[name] for row in trades], dtype=float)
        for name in ("pnl", "return", "bars", "mae", "mfe", "r_multiple")
    }
    table["open"] = np.array([row["open"] for row in trades], dtype=np.bool_)

    assert_same(trade_metrics(table), naive.trades(trades))


@settings(max_examples=50, deadline=None)
@given(accounts(), st.sampled_from([0.125, 4.0, 1024.0]))
def test_metrics_do_not_depend_on_the_unit_of_money(account, factor):
    # Powers of two change no digit of a quotient.
    rules = conventions(account["time"], risk_free_rate=account["rf"])

    found = curve_metrics(account["time"], account["equity"], base=1000.0, rules=rules)
    scaled = curve_metrics(
        account["time"], account["equity"] * factor, base=1000.0 * factor, rules=rules
    )

    assert scaled.pop("final_equity") == found.pop("final_equity") * factor
    assert scaled == found


def test_documentation_lists_exactly_the_metrics():
    text = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")

    documented = re.findall(r"^\| `(\w+)` \|", text, flags=re.MULTILINE)

    assert documented == list(METRIC_NAMES)
