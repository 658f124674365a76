"""F1: when an order made at a close can fill."""

import pytest

from engine.types import OrderStatus, Reason
from tests.engine.scenario import fills, flat_bars, make_bars, orders, trade

# open, high, low, close
RISING = make_bars([(10, 11, 9, 10), (12, 14, 11, 13), (20, 22, 18, 21), (40, 44, 36, 42)])


def test_order_of_close_0_fills_at_open_1():
    ledger = trade(RISING, enter_long={0}, exit_long={1})

    # All in: 1000 / 12 shares at open 1; out at open 2 for 20.
    assert fills(ledger, "i_time", "side", "price") == [(1, 1, 12.0), (2, -1, 20.0)]
    assert ledger.equity == pytest.approx([1000, 1000 / 12 * 13, 1000 / 12 * 20, 1000 / 12 * 20])


def test_nothing_fills_after_the_last_bar():
    ledger = trade(RISING, enter_long={3})

    assert fills(ledger) == []
    assert orders(ledger, "status") == [(OrderStatus.WORKING,)]


def test_this_close_fills_at_the_close_of_the_signal():
    ledger = trade(RISING, enter_long={0}, exit_long={2}, execution__fill="this_close")

    assert fills(ledger, "i_time", "side", "price") == [(0, 1, 10.0), (2, -1, 21.0)]
    # 100 shares: 1000, 1300, 2100, and cash from there.
    assert ledger.equity.tolist() == [1000.0, 1300.0, 2100.0, 2100.0]


def test_this_close_marks_again_after_its_fills():
    ledger = trade(
        RISING, enter_long={0}, execution__fill="this_close", execution__slippage_bps=1000.0
    )

    # 1000 / 11 shares for 11 each, worth 10 each at once.
    assert ledger.equity[0] == pytest.approx(1000 / 11 * 10)


def test_next_close_fills_at_the_close_of_the_next_bar():
    ledger = trade(RISING, enter_long={0}, exit_long={1}, execution__fill="next_close")

    assert fills(ledger, "i_time", "side", "price") == [(1, 1, 13.0), (2, -1, 21.0)]


def test_bar_of_an_entry_at_a_close_does_not_count_for_its_stop():
    bars = make_bars([(10, 10, 10, 10), (10, 10, 5, 10), (10, 10, 5, 10)])

    ledger = trade(bars, enter_long={0}, long={"stop": 8.0}, execution__fill="next_close")

    # Entry at close 1 (its bar's low of 5 came before), stop at 8 inside bar 2.
    assert fills(ledger, "i_time", "price", "reason") == [
        (1, 10.0, Reason.SIGNAL),
        (2, 8.0, Reason.STOP),
    ]


def test_next_close_exit_whose_position_has_gone_is_cancelled():
    bars = make_bars([(10, 10, 10, 10), (10, 10, 10, 10), (10, 10, 5, 10), (10, 10, 10, 10)])

    ledger = trade(
        bars,
        enter_long={0},
        exit_long={1},
        long={"stop": 8.0},
        execution__fill="next_close",
    )

    # The stop of bar 2 comes before the exit waiting for close 2.
    assert fills(ledger, "i_time", "reason") == [(1, Reason.SIGNAL), (2, Reason.STOP)]
    assert orders(ledger, "status") == [(OrderStatus.FILLED,), (OrderStatus.CANCELLED,)]


def test_next_close_flip_whose_position_has_gone_is_a_plain_entry():
    bars = make_bars([(10, 10, 10, 10), (10, 10, 10, 10), (10, 10, 5, 10), (10, 10, 10, 10)])

    ledger = trade(
        bars,
        enter_long={0},
        enter_short={1},
        long={"stop": 8.0},
        execution__fill="next_close",
    )

    # 100 in at 10, stopped at 8: 800 left, sold short at 10: 80 shares.
    assert fills(ledger) == [
        (1, 1, 100.0, 10.0, Reason.SIGNAL),
        (2, -1, 100.0, 8.0, Reason.STOP),
        (2, -1, 80.0, 10.0, Reason.SIGNAL),
    ]


def test_exit_and_entry_of_two_symbols_at_one_close_share_the_cash():
    market = {"A": flat_bars([10, 10, 10]), "B": flat_bars([5, 5, 5])}

    ledger = trade(
        market,
        enter_long={"B": {0}, "A": {1}},
        exit_long={"B": {1}},
        execution__fill="this_close",
    )

    # A's entry has the lower symbol, but B's exit frees the cash first.
    assert fills(ledger, "i_time", "symbol", "side", "quantity") == [
        (0, 1, 1, 200.0),
        (1, 1, -1, 200.0),
        (1, 0, 1, 100.0),
    ]
