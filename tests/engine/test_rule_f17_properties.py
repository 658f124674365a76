"""F17: what does not matter, in figures by hand. `test_properties` holds it on random markets."""

from dataclasses import replace

import numpy as np
import pytest

from engine.types import SizeKind
from tests.engine.scenario import fills, flat_bars, make_bars, trade

A = [(10, 11, 9, 10), (10, 12, 9, 11), (11, 13, 10, 12), (12, 12, 8, 9), (9, 10, 8, 10)]
B = [(20, 21, 19, 20), (20, 22, 18, 21), (21, 23, 20, 22), (22, 25, 21, 24), (24, 24, 22, 23)]
PLAN = {
    "enter_long": {"A": {0, 3}, "B": {1}},
    "exit_long": {"A": {2}},
    "long": {"stop": (0.0, 0.9), "target": (0.0, 1.15)},
    "size": 0.4,
}


def test_order_of_the_symbols_does_not_matter():
    # Both want 80 % at open 1: A comes first and leaves 20 % to B, whatever comes in first.
    plan = {**PLAN, "enter_long": {"A": {0, 3}, "B": {0, 1}}, "size": 0.8}

    one = trade({"A": make_bars(A), "B": make_bars(B)}, **plan)
    two = trade({"B": make_bars(B), "A": make_bars(A)}, **plan)

    assert fills(one, "symbol", "quantity")[:2] == [(0, 80.0), (1, 10.0)]
    assert two.equity.tobytes() == one.equity.tobytes()
    assert fills(two) == fills(one)


def test_shift_of_time_does_not_matter():
    late = [replace(make_bars(rows), time=make_bars(rows).time + 10**12) for rows in (A, B)]

    one = trade({"A": make_bars(A), "B": make_bars(B)}, **PLAN, costs__cash_rate=0.05)
    two = trade(dict(zip("AB", late, strict=True)), **PLAN, costs__cash_rate=0.05)

    assert two.equity.tobytes() == one.equity.tobytes()
    assert (two.time - one.time).tolist() == [10**12] * 5


def test_price_times_c_with_size_over_c_does_not_matter():
    scaled = [tuple(8 * price for price in bar) for bar in A]
    plan = {"enter_long": {0, 3}, "exit_long": {2}, "long": {"stop": (0.0, 0.9)}}
    costs = {"costs__rate_bps": 10.0, "execution__slippage_bps": 5.0}

    one, two = trade(make_bars(A), **plan, **costs), trade(make_bars(scaled), **plan, **costs)

    # 8 is a power of two: to the last bit.
    assert two.equity.tobytes() == one.equity.tobytes()
    assert (two.fills["price"] == 8 * one.fills["price"]).all()
    assert (two.fills["quantity"] == one.fills["quantity"] / 8).all()


def test_zero_cost_buy_and_hold_is_the_last_close_over_the_open_of_bar_1():
    # Open 1 is 10.5, the last close 12.6: 1.2.
    bars = make_bars([(10, 11, 9, 10), (10.5, 12, 9, 11), (11, 13, 10, 12.6)])

    ledger = trade(bars, enter_long={0})

    assert ledger.equity[-1] / 1000.0 == pytest.approx(12.6 / 10.5, rel=1e-15)


def test_each_cost_takes_its_own_amount_from_a_fixed_trade_list():
    # 10 bought at 100, sold at 120: +200. A rate of 1 % takes 10 + 12; a fee of 3 twice; slippage
    # of 1 % moves the prices by 1 and 1.2 a share; borrow takes nothing from a long.
    bars = flat_bars([100, 100, 110, 120, 120])
    plan = {"enter_long": {0}, "exit_long": {2}, "size": 10.0, "size_kind": SizeKind.UNITS}

    def gain(**costs):
        return trade(bars, **plan, cash=5000.0, **costs).equity[-1] - 5000.0

    assert gain() == 200.0
    assert gain(costs__rate_bps=100.0) == pytest.approx(200 - 22)
    assert gain(costs__fixed=3.0) == pytest.approx(200 - 6)
    assert gain(costs__per_unit=0.5) == pytest.approx(200 - 10)
    assert gain(costs__minimum=15.0, costs__rate_bps=100.0) == pytest.approx(200 - 30)
    assert gain(execution__slippage_bps=100.0) == pytest.approx(200 - 22)
    assert gain(execution__spread_bps=200.0) == pytest.approx(200 - 22)
    assert gain(costs__borrow_rate=0.3) == 200.0


@pytest.mark.parametrize("rate", np.linspace(0.0, 200.0, 9))
def test_more_cost_never_raises_the_equity_at_any_bar(rate):
    bars = make_bars(A)
    plan = {"enter_long": {0, 3}, "exit_long": {2}, "size": 10.0, "size_kind": SizeKind.UNITS}

    cheap = trade(bars, **plan, costs__rate_bps=rate)
    dear = trade(bars, **plan, costs__rate_bps=rate + 25.0)

    assert (dear.equity <= cheap.equity).all()
    assert dear.equity[-1] < cheap.equity[-1]
