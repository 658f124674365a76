"""F15: the end of a run and of a symbol."""

import pytest

from engine.types import OrderStatus, Reason, SizeKind
from tests.engine.scenario import fills, flat_bars, orders, trade, trades

UNITS = {"size_kind": SizeKind.UNITS}


def test_position_is_not_closed_at_the_end_unless_asked():
    bars = flat_bars([10, 10, 12])
    costs = {"execution__slippage_bps": 100.0, "enter_long": {0}, "size": 0.5}

    kept = trade(bars, **costs)
    closed = trade(bars, **costs, execution__finalize=True)

    assert kept.market_value[-1] > 0.0
    assert fills(closed, "i_time", "price", "reason")[1:] == [
        (2, pytest.approx(12 * 0.99), Reason.END)
    ]
    assert closed.market_value[-1] == 0.0


def test_delisted_symbol_is_forced_out_at_its_last_close():
    market = {"A": flat_bars([10, 10, 8], delisted=True), "B": flat_bars([1] * 5)}

    ledger = trade(market, enter_long={"A": {0, 2}})

    assert fills(ledger)[1:] == [(2, -1, 100.0, 8.0, Reason.DELISTED)]
    # Nothing can fill after the last bar, so its signal there makes no order.
    assert orders(ledger, "reason") == [(Reason.SIGNAL,), (Reason.DELISTED,)]
    assert ledger.equity.tolist() == [1000, 1000, 800, 800, 800]


def test_waiting_orders_of_a_delisted_symbol_are_cancelled():
    market = {"A": flat_bars([10, 10], delisted=True), "B": flat_bars([1] * 4)}

    ledger = trade(market, enter_long={"A": {0}}, long={"limit": 5.0})

    assert orders(ledger, "status", "reason") == [(OrderStatus.CANCELLED, Reason.DELISTED)]


def test_open_position_is_marked_and_its_row_stays_open():
    ledger = trade(flat_bars([10, 10, 12]), enter_long={0}, size=10.0, **UNITS)

    assert ledger.equity.tolist() == [1000, 1000, 1020]
    assert trades(ledger, "open", "exit_i", "exit_price", "pnl") == [(True, -1, 12.0, 20.0)]


def test_finalize_pays_slippage_and_fees_on_both_sides():
    # Long 10 at 10, short 10 at 20; closed at 12 · 0.99 and 18 · 1.01 for 1 each.
    market = {"A": flat_bars([10, 10, 12]), "B": flat_bars([20, 20, 18])}

    ledger = trade(
        market,
        enter_long={"A": {0}},
        enter_short={"B": {0}},
        size=10.0,
        **UNITS,
        execution__finalize=True,
        execution__slippage_bps=100.0,
        costs__fixed=1.0,
    )

    # In: 10 · 10.1 + 1 and 10 · 19.8 − 1.
    assert fills(ledger, "i_time", "symbol", "side", "price", "fee", "reason")[2:] == [
        (2, 0, -1, pytest.approx(11.88), 1.0, Reason.END),
        (2, 1, 1, pytest.approx(18.18), 1.0, Reason.END),
    ]
    assert ledger.equity[-1] == pytest.approx(1000 - 101 + 198 + 118.8 - 181.8 - 4)
    assert ledger.market_value[-1] == 0.0


def test_finalize_closes_a_stale_symbol_at_its_own_last_close():
    market = {"A": flat_bars([10, 10, 11], days=(0, 1, 2)), "B": flat_bars([1] * 5)}

    ledger = trade(market, enter_long={"A": {0}}, execution__finalize=True)

    assert fills(ledger, "i_time", "price", "reason")[1:] == [(4, 11.0, Reason.END)]


def test_finalize_cancels_what_still_works():
    ledger = trade(
        flat_bars([10] * 3), enter_long={0}, long={"limit": 5.0}, execution__finalize=True
    )

    assert fills(ledger) == []
    assert orders(ledger, "status", "reason") == [(OrderStatus.CANCELLED, Reason.END)]


def test_series_that_merely_ends_is_marked_and_not_sold():
    market = {"A": flat_bars([10, 10, 8]), "B": flat_bars([1] * 5)}

    ledger = trade(market, enter_long={"A": {0}})

    assert len(fills(ledger)) == 1
    assert ledger.equity.tolist() == [1000, 1000, 800, 800, 800]
    assert ledger.stale_bars == 2


def test_delisting_pays_slippage_and_fees_and_covers_shorts():
    # Sold 10 at 10 · 0.99, less 1; bought back at 8 · 1.01 and 1: 99 − 80.8 − 2.
    market = {"A": flat_bars([10, 10, 8], delisted=True), "B": flat_bars([1] * 5)}

    ledger = trade(
        market,
        enter_short={"A": {0}},
        size=10.0,
        **UNITS,
        execution__slippage_bps=100.0,
        costs__fixed=1.0,
    )

    assert fills(ledger, "i_time", "side", "price", "reason")[1:] == [
        (2, 1, pytest.approx(8.08), Reason.DELISTED)
    ]
    assert ledger.equity[2:] == pytest.approx([1000 + 99 - 80.8 - 2] * 3)


def test_stop_inside_the_last_bar_comes_before_the_delisting():
    market = {"A": flat_bars([10, 10, 8], delisted=True), "B": flat_bars([1] * 4)}

    ledger = trade(market, enter_long={"A": {0}}, long={"stop": 9.0})

    assert fills(ledger, "i_time", "price", "reason")[1:] == [(2, 8.0, Reason.STOP)]
