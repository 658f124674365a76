"""What an `on_bar` is told and may ask for, where entries overlap: derived by hand (F2, F11)."""

import pytest

from engine.types import OrderStatus, Reason
from tests.engine.scenario import fills, flat_bars, make_bars, orders
from tests.engine.test_event_strategies import trade


def test_a_cancel_means_the_orders_of_earlier_bars_wherever_it_stands():
    body = """
    if bar.number == 0:
        buy(orders, units=5)
        buy(orders, units=1, limit=1.0)
    if bar.number == 1:
        close(orders)
        cancel(orders)
        buy(orders, units=1, limit=2.0)
    return state
    """

    ledger = trade(flat_bars([10] * 4), body)

    # The exit made beside the cancel works; of the limits only the earlier one is cancelled.
    assert fills(ledger, "i_time", "side", "quantity") == [(1, 1, 5.0), (2, -1, 5.0)]
    assert orders(ledger, "side", "status") == [
        (1, OrderStatus.FILLED),
        (1, OrderStatus.CANCELLED),
        (-1, OrderStatus.FILLED),
        (1, OrderStatus.WORKING),
    ]


def test_bars_held_count_from_the_oldest_entry_whatever_its_number():
    # Number 0 waits for 8, which comes in bar 3; number 1 is in since bar 1.
    bars = make_bars([(10, 10, 10, 10)] * 3 + [(10, 10, 8, 10)] + [(10, 10, 10, 10)] * 2)
    body = """
    if bar.number == 0:
        buy(orders, units=1, limit=8.0)
        buy(orders, units=2)
    if bar.number == 4 and position.entries == 2 and position.bars_held == 3:
        close(orders)
    return state
    """

    ledger = trade(bars, body)

    assert fills(ledger, "i_time", "side", "quantity") == [(1, 1, 2.0), (3, 1, 1.0), (5, -1, 3.0)]


@pytest.mark.parametrize(
    ("time_in_force", "filled", "end"),
    [
        # A bar of 100 lets 5 of the 8 fill, the next the other 3.
        ("day", [5.0, 3.0], (OrderStatus.FILLED, Reason.LIMIT)),
        ("ioc", [5.0], (OrderStatus.PARTIAL, Reason.EXPIRED)),
    ],
)
def test_an_immediate_order_ends_with_its_first_part_whatever_bars_it_was_given(
    time_in_force, filled, end
):
    body = """
    if bar.number == 0:
        buy(orders, units=8, limit=10.0, expire_bars=4)
    return state
    """

    ledger = trade(
        flat_bars([10] * 5, volume=[100.0] * 5),
        body,
        execution__participation=0.05,
        execution__time_in_force=time_in_force,
    )

    assert ledger.fills["quantity"].tolist() == filled
    assert orders(ledger, "status", "reason") == [end]
