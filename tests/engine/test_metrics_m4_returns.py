"""M4 to M6: ratios, drawdowns, and the distribution of returns."""

import math

import numpy as np
import pytest

from engine.clock import DAY_MS
from engine.metrics import Conventions, curve_metrics
from engine.metrics.drawdowns import drawdown_series, find_drawdowns
from engine.metrics.ratios import period_metrics, return_metrics, tail_metrics
from tests.engine.accounts import DAILY, FIRST_MS, days

# M4 ------------------------------------------------------------------------------------------


def test_m4_ratios_of_four_returns():
    # r = 2 %, -1 %, 3 %, 0: mean 1 %, deviations 1, -2, 2, -1 %, so the sum of squares is 10e-4
    # and std = sqrt(10e-4 / 3). Downside: sqrt(1e-4 / 4) = 0.5 %. Omega: 5 / 1.
    found = return_metrics(np.array([0.02, -0.01, 0.03, 0.0]), 0.0, 4.0)

    assert found["volatility"] == pytest.approx(math.sqrt(10e-4 / 3) * 2)
    assert found["sharpe"] == pytest.approx(0.01 / math.sqrt(10e-4 / 3) * 2)
    assert found["sortino"] == pytest.approx(0.01 / 0.005 * 2)
    assert found["omega"] == pytest.approx(5.0)
    assert found["downside_deviation"] == pytest.approx(0.005 * 2)


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
    deviations = {"volatility": 0.0, "downside_deviation": 0.0}
    assert flat == deviations | {"sharpe": None, "sortino": None, "omega": None}

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


def test_m4_gain_to_pain_adds_calendar_months():
    # Months of 2005: +10 %, −10 %, +50 %: (0.1 − 0.1 + 0.5) / 0.1.
    time = FIRST_MS + DAY_MS * np.array([30, 58, 89], dtype=np.int64)

    found = curve_metrics(time, np.array([110.0, 99.0, 148.5]), base=100.0, rules=DAILY)
    rising = curve_metrics(time, np.array([110.0, 120.0, 130.0]), base=100.0, rules=DAILY)

    assert found["gain_to_pain"] == pytest.approx(5.0)
    assert rising["gain_to_pain"] is None


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


def test_m5_average_depth_recovery_and_what_was_gained_for_it():
    # Day:      0    1    2    3    4    5    6
    # Value:  100   80   90  100  125  100  150
    # Falls: −20 % (lowest on day 1, back on day 3) and −20 % (day 5, back on day 6); the first is
    # taken of equals. Total return 50 % over a depth of 20 %.
    found = curve_metrics(
        days(7), np.array([100.0, 80, 90, 100, 125, 100, 150]), base=100.0, rules=DAILY
    )

    assert found["average_drawdown"] == pytest.approx(-0.2)
    assert found["max_drawdown_recovery_days"] == 2.0
    assert found["recovery_factor"] == pytest.approx(2.5)


def test_m5_what_has_not_recovered_has_no_recovery():
    found = curve_metrics(days(3), np.array([100.0, 80.0, 90.0]), base=100.0, rules=DAILY)
    rising = curve_metrics(days(2), np.array([100.0, 110.0]), base=100.0, rules=DAILY)

    assert found["max_drawdown_recovery_days"] is None
    assert rising["max_drawdown_recovery_days"] is None
    assert rising["recovery_factor"] is None
    assert rising["average_drawdown"] == 0.0


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


def test_m6_extremes_and_what_a_period_tells_of_the_next():
    # 2, −1, 2, −1 %: mean 0.5, deviations 1.5, −1.5, 1.5, −1.5: Σ² = 9, neighbours −2.25 · 3.
    found = period_metrics(np.array([0.02, -0.01, 0.02, -0.01]))

    assert (found["best_period"], found["worst_period"]) == (0.02, -0.01)
    assert found["positive_periods"] == 0.5
    assert found["autocorrelation"] == pytest.approx(-0.75)


def test_m6_flat_and_missing_returns_have_no_autocorrelation():
    flat = period_metrics(np.zeros(3))

    assert flat.pop("autocorrelation") is None
    assert set(flat.values()) == {0.0}
    assert set(period_metrics(np.zeros(0)).values()) == {None}
