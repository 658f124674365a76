"""M8 to M10: trades, activity, excursions."""

import math

import numpy as np
import pytest

from engine.clock import DAY_MS
from engine.metrics import METRIC_NAMES, compute_metrics
from engine.metrics.trading import trade_metrics, turnover_metrics
from tests.engine.accounts import DAILY, FIRST_MS, closed_trades, days, no_fills, no_trades

# M8, M9, M10 ---------------------------------------------------------------------------------


def test_m8_statistics_of_four_trades():
    # pnl 30, -10, 10, -10. W = 1/2. Wins 40, losses 20: factor 2. Mean 5. Payoff 20 / 10 = 2.
    # kelly = 1/2 - 1/2 / 2 = 1/4. Deviations 25, -15, 5, -15: 625 + 225 + 25 + 225 = 1100,
    # std = sqrt(1100 / 3), sqn = 2 * 5 / std.
    table = closed_trades(
        [30, -10, 10, -10],
        **{"return": np.array([0.3, -0.1, 0.1, -0.2]), "bars": np.array([1, 2, 3, 6])},
    )

    found = trade_metrics(table)

    assert found["trades"] == 4
    assert found["open_trades"] == 0
    assert found["win_rate"] == 0.5
    assert found["profit_factor"] == 2.0
    assert found["expectancy"] == 5.0
    assert found["average_trade"] == pytest.approx(0.025)
    assert (found["average_win"], found["average_loss"]) == (20.0, -10.0)
    assert found["payoff_ratio"] == 2.0
    assert found["kelly"] == 0.25
    assert found["sqn"] == pytest.approx(10 / math.sqrt(1100 / 3))
    assert (found["best_trade"], found["worst_trade"]) == (0.3, -0.2)
    assert found["average_bars_held"] == 3.0


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


def test_m8_a_trade_that_broke_even_is_neither_won_nor_lost():
    # 10, 0, −5: one win of three, average win 10 and loss −5.
    found = trade_metrics(closed_trades([10.0, 0.0, -5.0]))

    assert found["win_rate"] == pytest.approx(1 / 3)
    assert (found["average_win"], found["average_loss"]) == (10.0, -5.0)


def test_m8_one_trade_has_no_sqn():
    assert trade_metrics(closed_trades([10.0]))["sqn"] is None
    assert trade_metrics(closed_trades([10.0, 10.0]))["sqn"] is None


def test_m8_without_trades_counts_are_zero_and_statistics_null():
    equity = {"time": days(30), "equity": np.full(30, 1e5), "exposure": np.zeros(30)}

    found = compute_metrics(equity, no_trades(), no_fills(), base=1e5, rules=DAILY)

    zeros = ["total_return", "cagr", "volatility", "max_drawdown", "max_drawdown_days"]
    zeros += ["longest_drawdown_days", "ulcer_index", "var_95", "cvar_95", "exposure_time"]
    zeros += ["gross_exposure", "turnover", "trades", "open_trades", "fees"]
    zeros += ["net_pnl", "contributions", "best_month", "worst_month", "positive_months"]
    zeros += ["downside_deviation", "average_drawdown", "best_period", "worst_period"]
    zeros += ["positive_periods", "max_consecutive_wins", "max_consecutive_losses"]
    assert {name for name, value in found.items() if value == 0} == set(zeros)
    rest = set(METRIC_NAMES) - set(zeros) - {"final_equity", "periods_per_year", "dsr_trials"}
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


def test_m8_rows_of_wins_follow_the_exits():
    # By exit: loss, win, win, break-even, win, loss, loss. A break-even ends a row of both.
    pnl = np.array([5.0, -1.0, 5.0, 0.0, -1.0, 5.0, -1.0])
    table = closed_trades(pnl, exit_time=np.array([2, 1, 3, 4, 6, 5, 7]))

    found = trade_metrics(table)

    assert found["max_consecutive_wins"] == 2
    assert found["max_consecutive_losses"] == 2


def test_m10_excursions_and_r_multiples_are_means_over_closed_trades():
    # The third trade had no stop, so it has no R multiple.
    table = closed_trades(
        [30, -10, 10, -10],
        mae=np.array([0.0, -0.2, -0.1, -0.3]),
        mfe=np.array([0.4, 0.0, 0.2, 0.2]),
        r_multiple=np.array([3.0, -1.0, np.nan, -1.0]),
    )

    found = trade_metrics(table)

    assert found["average_mae"] == pytest.approx(-0.15)
    assert found["average_mfe"] == pytest.approx(0.2)
    assert found["average_r_multiple"] == pytest.approx(1 / 3)


def test_m10_without_a_stop_there_is_no_r_multiple():
    assert trade_metrics(closed_trades([1.0]))["average_r_multiple"] is None
