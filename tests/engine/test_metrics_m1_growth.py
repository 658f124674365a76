"""M1 to M3: what is measured, how many periods make a year, growth, contributions."""

import math
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from engine.clock import (
    DAY_MS,
    is_seven_day,
    local_days,
    periods_per_year,
    utc_offset_ms,
    weekends_to_monday,
)
from engine.errors import InvalidBarsError
from engine.metrics import Conventions, compute_metrics, conventions, curve_metrics
from engine.metrics.money import money_weighted_return
from engine.metrics.ratios import growth_rate
from engine.metrics.series import period_values, returns_of, unit_curve
from tests.engine.accounts import DAILY, FIRST_MS, HOUR_MS, days, no_fills, no_trades

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
    assert not is_seven_day(time // DAY_MS, [None])


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


def test_m3_months_are_those_of_the_calendar_and_the_first_starts_at_the_cash():
    # Closes on 31 January, 28 February, 31 March, 1 April of 2005 from 100: 110 (+10 %),
    # 99 (−10 %), 99 (0), 148.5 (+50 %).
    time = FIRST_MS + DAY_MS * np.array([30, 58, 89, 90], dtype=np.int64)

    found = curve_metrics(time, np.array([110.0, 99, 99, 148.5]), base=100.0, rules=DAILY)

    assert found["best_month"] == pytest.approx(0.5)
    assert found["worst_month"] == pytest.approx(-0.1)
    assert found["positive_months"] == 0.5


# M1 with contributions -----------------------------------------------------------------------


def with_flows(time, value, flow, base):
    equity = {"time": time, "equity": np.array(value), "flow": np.array(flow)}
    equity["exposure"] = np.zeros(len(value))
    return compute_metrics(equity, no_trades(), no_fills(), base=base, rules=DAILY)


def test_m1_a_contribution_is_no_return():
    # 100, then 110 + 50 paid in, then 176: r = 10 %, 176 / 160 − 1 = 10 %. Made: 176 − 100 − 50.
    found = with_flows(days(3), [100.0, 160.0, 176.0], [0.0, 50.0, 0.0], 100.0)

    assert found["total_return"] == pytest.approx(0.21)
    assert found["final_equity"] == 176.0
    assert found["net_pnl"] == pytest.approx(26.0)
    assert found["contributions"] == 50.0
    assert found["volatility"] == pytest.approx(0.0, abs=1e-12)
    assert found["max_drawdown"] == 0.0


def test_m1_a_withdrawal_is_no_drawdown():
    # 100, 60 after 40 were taken (r = 0), then 54: a fall of 10 %, not of 46 %.
    found = with_flows(days(3), [100.0, 60.0, 54.0], [0.0, -40.0, 0.0], 100.0)

    assert found["max_drawdown"] == pytest.approx(-0.1)
    assert found["total_return"] == pytest.approx(-0.1)
    assert found["net_pnl"] == pytest.approx(-6.0)


def test_m1_a_fall_on_the_day_of_a_contribution_is_seen():
    # 100 fell to 80 and 50 came in at the same close: r = −20 %.
    curve = unit_curve(np.array([100.0, 130.0]), np.array([0.0, 50.0]), 100.0)

    assert curve.tolist() == pytest.approx([100.0, 80.0])


def test_m1_an_account_emptied_by_a_withdrawal_earns_nothing_until_money_returns():
    curve = unit_curve(
        np.array([100.0, 0.0, 20.0, 30.0]), np.array([0.0, -110.0, 20.0, 0.0]), 100.0
    )

    # r = 10 %, none, none, 50 %.
    assert curve.tolist() == pytest.approx([100.0, 110.0, 110.0, 165.0])


def test_m1_a_ruin_ends_the_curve_whatever_is_paid_in():
    curve = unit_curve(np.array([100.0, -10.0, 50.0]), np.array([0.0, 0.0, 60.0]), 100.0)

    assert curve.tolist() == [100.0, 0.0, 0.0]


def test_m1_money_weighted_return_of_two_years():
    # 100 at the start, 100 after one year, 231 after two. With q = 1 + i:
    # 100 q² + 100 q = 231, so q = (−1 + √(1 + 4 · 2.31)) / 2 = 1.1 exactly: 121 + 110.
    year = 365.25 * DAY_MS
    time = FIRST_MS + np.array([0, year, 2 * year], dtype=np.int64)

    found = with_flows(time, [100.0, 205.0, 231.0], [0.0, 100.0, 0.0], 100.0)

    assert found["money_weighted_return"] == pytest.approx(0.1, abs=1e-12)


def test_m1_money_weighted_return_of_a_withdrawal():
    # 100 in; 60 out after one year, 60.5 after two: 100 q² = 60 q + 60.5, and q = 1.1 gives
    # 121 = 66 + 55: so with 55 left it is 10 %.
    year = 365.25 * DAY_MS
    time = FIRST_MS + np.array([0, year, 2 * year], dtype=np.int64)

    rate = money_weighted_return(time, np.array([0.0, -60.0, 0.0]), 100.0, 55.0, FIRST_MS)

    assert rate == pytest.approx(0.1, abs=1e-12)


def test_m1_money_weighted_return_at_the_edges():
    flow = np.array([0.0, 10.0])

    assert money_weighted_return(days(2), flow, 100.0, 0.0, FIRST_MS) == -1.0
    assert money_weighted_return(days(1), flow[:1], 100.0, 100.0, FIRST_MS) is None
    # A thousandfold in a day is e^(6.9 · 365) a year: beyond float64.
    assert money_weighted_return(days(2), flow, 100.0, 1e5, FIRST_MS) is None


def test_m1_without_contributions_there_is_no_money_weighted_return():
    equity = {"time": days(2), "equity": np.array([100.0, 110.0]), "exposure": np.zeros(2)}

    found = compute_metrics(equity, no_trades(), no_fills(), base=100.0, rules=DAILY)

    assert found["money_weighted_return"] is None
    assert (found["contributions"], found["net_pnl"]) == (0.0, 10.0)
