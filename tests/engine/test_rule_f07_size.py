"""F7: how large a fill is, to the last cent."""

import math

import pytest

from engine.types import OrderStatus, Reason, SizeKind
from tests.engine.scenario import fills, flat_bars, make_bars, orders, trade

FLAT = flat_bars([100, 100, 100, 100])


def bought(**options):
    options = {"enter_long": {0}, **options}
    ledger = trade(FLAT, **options)
    return ledger, ledger.fills["quantity"].tolist()


def test_all_in_spends_exactly_all_cash():
    # x · 101 + 0.01 · x · 101 + 2 = 1000 -> x = 998 / 102.01.
    ledger, quantity = bought(
        costs__rate_bps=100.0, costs__fixed=2.0, execution__slippage_bps=100.0
    )

    assert quantity == [pytest.approx(998 / 102.01)]
    assert ledger.cash[1] == pytest.approx(0.0, abs=1e-9)


def test_minimum_fee_is_solved_too():
    # The rate alone would be 0.1 % of about 990, less than the minimum of 10: x = 990 / 100.
    _, quantity = bought(costs__rate_bps=10.0, costs__minimum=10.0)

    assert quantity == [pytest.approx(9.9)]


def test_capped_fee_is_solved_too():
    # Fixed 50 is capped at 1 % of the value: x = 1000 / 101.
    _, quantity = bought(costs__fixed=50.0, costs__maximum_rate_bps=100.0)

    assert quantity == [pytest.approx(1000 / 101)]


@pytest.mark.parametrize(
    ("kind", "size", "quantity"),
    [
        (SizeKind.UNITS, 3.0, 3.0),
        (SizeKind.CASH, 250.0, 2.5),
        (SizeKind.FRACTION, 0.3, 3.0),
        # 2 % of 1000 at risk, stop 5 below: 4 shares.
        (SizeKind.RISK, 0.02, 4.0),
    ],
)
def test_size_kinds(kind, size, quantity):
    _, got = bought(size=size, size_kind=kind, long={"stop": 95.0})

    assert got == [pytest.approx(quantity)]


def test_risk_uses_the_price_after_slippage_and_the_stop_at_the_fill():
    # Entry 101, stop 0.9 · 101 = 90.9: 0.02 · 1000 / 10.1.
    _, got = bought(
        size=0.02, size_kind=SizeKind.RISK, long={"stop": (0.0, 0.9)}, execution__slippage_bps=100.0
    )

    assert got == [pytest.approx(20 / 10.1)]


def test_risk_without_a_stop_is_refused():
    ledger, got = bought(size=0.02, size_kind=SizeKind.RISK)

    assert got == []
    assert orders(ledger, "status", "reason") == [(OrderStatus.REJECTED, Reason.RISK)]


def test_quantity_is_floored_to_the_lot():
    # 1000 / 100 = 10 shares; 0.95 of it 9.5 -> 9.
    assert bought(lot=1.0, size=0.95)[1] == [9.0]
    assert bought(lot=0.5, size=0.95)[1] == [9.5]


def test_lot_of_the_symbol_counts_when_the_config_has_none():
    ledger = trade(flat_bars([100, 100], lot=4.0), enter_long={0}, lot=None)

    assert ledger.fills["quantity"].tolist() == [8.0]


def test_short_opens_the_same_quantity_as_a_long():
    # The notional includes the fee: x · 100 + 0.01 · x · 100 = 1000.
    ledger = trade(FLAT, enter_short={0}, costs__rate_bps=100.0)

    assert ledger.fills["quantity"].tolist() == [pytest.approx(1000 / 101)]


def test_fraction_is_of_the_equity_at_the_fill():
    # A doubled overnight: 500 + 5 · 200 = 1500 at the open; half of it buys 7.5 B for 100. Only
    # 500 is available: 5.
    market = {"A": make_bars([(100,) * 4, (100,) * 4, (200,) * 4]), "B": FLAT}

    ledger = trade(market, enter_long={"A": {0}, "B": {1}}, size=0.5)

    assert fills(ledger, "symbol", "quantity") == [(0, 5.0), (1, 5.0)]


def test_symbol_that_filled_in_this_bar_is_marked_at_its_fill_price():
    # Both at open 1, 25 % slippage: A takes half of 1000: 4 shares at 125, marked at 125, so
    # equity is still 1000 when B takes half of it.
    market = {"A": FLAT, "B": FLAT}

    ledger = trade(
        market, enter_long={"A": {0}, "B": {0}}, size=0.5, execution__slippage_bps=2500.0
    )

    assert fills(ledger, "symbol", "quantity") == [(0, 4.0), (1, 4.0)]


def test_reduce_buys_the_largest_lot_that_fits():
    # 20 shares cost 2000; with a fee of 1 % 1000 pays for 1000 / 101 = 9.9 -> 9.
    ledger, got = bought(size=20.0, size_kind=SizeKind.UNITS, lot=1.0, costs__rate_bps=100.0)

    assert got == [9.0]
    assert orders(ledger, "quantity", "filled_quantity") == [(20.0, 9.0)]


def test_reject_refuses_what_does_not_fit():
    ledger, got = bought(size=20.0, size_kind=SizeKind.UNITS, execution__cash_policy="reject")

    assert got == []
    assert orders(ledger, "status", "reason") == [(OrderStatus.REJECTED, Reason.CASH)]


def test_no_lot_fits():
    ledger, got = bought(lot=20.0)

    assert got == []
    assert orders(ledger, "status", "reason") == [(OrderStatus.REJECTED, Reason.CASH)]


def test_full_account_buys_no_dust():
    ledger = trade({"A": FLAT, "B": FLAT}, enter_long={"A": {0}, "B": {1}}, size=1.0)

    assert ledger.fills["symbol"].tolist() == [0]
    assert orders(ledger, "status")[1] == (OrderStatus.REJECTED,)


def test_size_may_differ_from_bar_to_bar():
    ledger = trade(
        FLAT,
        enter_long={0, 1},
        size=[[1.0, 2.0, math.nan, math.nan]],
        size_kind=SizeKind.UNITS,
        pyramiding=2,
    )

    assert ledger.fills["quantity"].tolist() == [1.0, 2.0]


def test_what_a_fee_leaves_of_the_cash_is_no_size_when_it_is_rounding():
    # The fee takes all of the 1000 but 1e-10, a ten-thousandth of a billionth of the equity.
    ledger = trade(
        flat_bars([10, 10]), enter_long={0}, size=5.0, size_kind=SizeKind.UNITS,
        costs__fixed=1000.0 - 1e-10,
    )  # fmt: skip

    assert orders(ledger, "status", "reason") == [(OrderStatus.REJECTED, Reason.CASH)]
    assert ledger.equity.tolist() == [1000.0, 1000.0]
