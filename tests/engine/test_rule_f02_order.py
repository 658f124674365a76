"""F2: the order of events in a bar, whatever the order of the input."""

import numpy as np
import pytest

from engine.types import Reason, SizeKind
from tests.engine.scenario import DAY_MS, fills, flat_bars, make_bars, orders, trade


def test_orders_of_one_close_are_numbered_by_name():
    market = {"b": flat_bars([10, 10]), "B": flat_bars([10, 10]), "a": flat_bars([10, 10])}

    ledger = trade(market, enter_long={"b": {0}, "a": {0}, "B": {0}}, size=0.1)

    # Code points: B < a < b.
    assert orders(ledger, "order_id", "symbol") == [(0, 0), (1, 1), (2, 2)]


def test_input_order_of_symbols_does_not_change_a_byte():
    one, two = flat_bars([10, 11, 12, 13]), flat_bars([7, 8, 6, 9])
    signals = {"enter_long": {"A": {0}, "B": {0, 2}}, "exit_long": {"A": {1}}}

    first = trade({"A": one, "B": two}, **signals, size=0.4)
    second = trade({"B": two, "A": one}, **signals, size=0.4)

    assert first.equity.tobytes() == second.equity.tobytes()
    for name, column in first.fills.items():
        assert column.tobytes() == second.fills[name].tobytes()


def test_exits_at_an_open_free_cash_for_the_entries_of_that_open():
    market = {"A": flat_bars([10, 10, 10, 10]), "B": flat_bars([5, 5, 5, 5])}

    ledger = trade(market, enter_long={"B": {0}, "A": {1}}, exit_long={"B": {1}})

    assert fills(ledger, "i_time", "symbol", "side", "quantity") == [
        (1, 1, 1, 200.0),
        (2, 1, -1, 200.0),
        (2, 0, 1, 100.0),
    ]


def test_stop_at_an_open_precedes_the_market_exit_and_gives_the_reason():
    bars = make_bars([(10, 10, 10, 10), (10, 10, 10, 10), (7, 7, 7, 7)])

    ledger = trade(bars, enter_long={0}, exit_long={1}, long={"stop": 8.0})

    # Opened at 7 below the stop at 8: one fill at 7, and the market exit finds nothing.
    assert fills(ledger, "i_time", "price", "reason") == [
        (1, 10.0, Reason.SIGNAL),
        (2, 7.0, Reason.STOP),
    ]


def test_cash_freed_inside_a_bar_is_not_available_to_another_symbol_inside_it():
    """A's stop frees 900 inside bar 2; B's limit, touched in the same bar, may use what was left.

    A: 50 shares at 10 = 500; stop at 9 -> 450 back. B: a limit at 5 for 600 of cash. Available
    before: 500. With A's 450 it would be enough for all 600; without, for 500: 100 shares.
    """
    market = {
        "A": make_bars([(10, 10, 10, 10), (10, 10, 10, 10), (10, 10, 8, 10)]),
        "B": make_bars([(6, 6, 6, 6), (6, 6, 6, 6), (6, 6, 5, 6)]),
    }
    size = np.array([[500.0] * 3, [600.0] * 3])

    # Only B has a limit; A's entry at 20 is marketable at once.
    ledger = trade(
        market,
        enter_long={"A": {0}, "B": {1}},
        long={
            "limit": np.array([[20.0] * 3, [5.0] * 3]),
            "stop": (np.array([[9.0] * 3, [1.0] * 3]), 0.0),
        },
        size=size,
        size_kind=SizeKind.CASH,
    )

    assert fills(ledger, "i_time", "symbol", "side", "quantity", "price") == [
        (1, 0, 1, 50.0, 10.0),
        (2, 0, -1, 50.0, 9.0),
        (2, 1, 1, 100.0, 5.0),
    ]


def test_interest_is_for_the_cash_of_the_last_close_not_for_the_dividend_of_this_open():
    # A thousandth a day: 1 on the 1000 of day 0; then 501 are left, which make 0.501 and, on day
    # 3, 0.501501, although 50 · 1 come in on that day before it.
    bars = flat_bars([10] * 4, dividends=((3 * DAY_MS, 1.0),))

    ledger = trade(
        bars, enter_long={0}, size=50.0, size_kind=SizeKind.UNITS, costs__cash_rate=0.365
    )

    assert ledger.totals["interest"] == pytest.approx(1.0 + 0.501 + 0.501501, rel=1e-12)
    assert ledger.totals["dividends"] == 50.0
