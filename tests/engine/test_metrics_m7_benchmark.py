"""M7: what simply holding would have made, and the relation to it."""

import math

import numpy as np
import pytest

from engine.benchmark import buy_and_hold, hold
from engine.metrics import compute_metrics
from engine.metrics.ratios import relative_metrics
from engine.types import Market
from tests.engine.accounts import DAILY, days, no_fills, no_trades


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


def test_m7_correlation():
    # Deviations of x: −1, 0, 1; of b: −2, 2, 0 (%): cov sum 2, squares 2 and 8: 2 / √16.
    found = relative_metrics(np.array([0.01, 0.02, 0.03]), np.array([0.01, 0.05, 0.03]), 0.0, 4.0)

    assert found["correlation"] == pytest.approx(0.5)
    assert found["beta"] == pytest.approx(0.25)


def test_m7_alpha_is_of_returns_above_the_risk_free_rate_on_both_sides():
    # x − b as before, but beta 1/4: alpha = 4 · ((2 − 1) − (3 − 1)/4) % = 2 % at a rate of 1 %.
    found = relative_metrics(np.array([0.01, 0.02, 0.03]), np.array([0.01, 0.05, 0.03]), 0.01, 4.0)

    assert found["alpha"] == pytest.approx(0.02)


def test_m7_what_did_not_move_has_no_correlation():
    moving, flat = np.array([0.01, 0.03]), np.zeros(2)

    assert relative_metrics(flat, moving, 0.0, 4.0)["correlation"] is None
    assert relative_metrics(moving, flat, 0.0, 4.0)["correlation"] is None
