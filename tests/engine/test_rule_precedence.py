"""Precedence of conditions ("Formula language" in the engine's text)."""

from engine.types import OrderStatus, Reason
from tests.engine.scenario import fills, flat_bars, make_bars, orders, trade

FLAT = flat_bars([100] * 6)


def test_entry_is_ignored_while_long_even_when_the_exit_is_true():
    ledger = trade(FLAT, enter_long={0, 1, 2}, exit_long={2})

    assert fills(ledger, "i_time", "side") == [(1, 1), (3, -1)]


def test_exit_and_flip_at_one_close_are_one_order():
    ledger = trade(FLAT, enter_long={0}, exit_long={2}, enter_short={2})

    assert fills(ledger, "i_time", "side", "reason") == [
        (1, 1, Reason.SIGNAL),
        (3, -1, Reason.FLIP),
    ]


def test_exit_of_a_flat_symbol_cancels_its_working_entries():
    ledger = trade(FLAT, enter_long={0}, exit_long={2}, long={"limit": 50.0})

    assert orders(ledger, "status") == [(OrderStatus.CANCELLED,)]


def test_both_entries_while_flat_conflict_when_one_is_a_market_order():
    ledger = trade(FLAT, enter_long={0}, enter_short={0}, long={"limit": 90.0})

    assert ledger.conflicts == 1
    assert orders(ledger, "status") == []


def test_both_entries_while_flat_work_together_as_a_breakout():
    bars = make_bars([(100,) * 4, (100, 106, 99, 105), (105, 105, 89, 90)])

    ledger = trade(
        bars,
        enter_long={0},
        enter_short={0},
        long={"trigger": 105.0},
        short={"trigger": 95.0},
    )

    assert ledger.conflicts == 0
    assert fills(ledger, "i_time", "side", "price", "reason") == [
        (1, 1, 105.0, Reason.SIGNAL),
        (2, -1, 95.0, Reason.FLIP),
    ]


def test_pyramiding_counts_open_and_working_entries():
    bars = make_bars([(100,) * 4] * 3 + [(100, 100, 89, 100)] * 3)

    ledger = trade(
        bars,
        enter_long={0, 1, 2, 3, 4},
        long={"limit": [[101.0, 90.0, 90.0, 90.0, 90.0, 90.0]]},
        size=0.1,
        pyramiding=3,
    )

    # Open at bar 1, then two limits wait: no fourth at close 3, when all three are open.
    assert orders(ledger, "i_time") == [(0,), (1,), (2,)]
    assert fills(ledger, "i_time") == [(1,), (3,), (3,)]


def test_exit_long_does_nothing_to_a_short():
    ledger = trade(FLAT, enter_short={0}, exit_long={2})

    assert fills(ledger, "side") == [(-1,)]
