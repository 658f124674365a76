"""F5: stops, targets and trails live from their entry's fill."""

import pytest

from engine.types import Reason
from tests.engine.scenario import fills, make_bars, trade

QUIET = (100, 100, 100, 100)


def exits(ledger):
    return fills(ledger, "i_time", "price", "reason")[1:]


def test_stop_lives_in_the_bar_of_the_entry():
    bars = make_bars([QUIET, (100, 101, 94, 100)])

    ledger = trade(bars, enter_long={0}, long={"stop": 95.0})

    assert exits(ledger) == [(1, 95.0, Reason.STOP)]


@pytest.mark.parametrize(
    ("children", "reason"),
    [
        ({"stop": 101.0}, Reason.STOP),
        ({"target": 99.0}, Reason.TARGET),
        ({"stop": 101.0, "target": 99.0}, Reason.STOP),
    ],
)
def test_entry_at_an_open_beyond_its_level_goes_in_and_out(children, reason):
    bars = make_bars([QUIET, QUIET])

    ledger = trade(bars, enter_long={0}, long=children)

    assert exits(ledger) == [(1, 100.0, reason)]


def test_level_of_an_entry_is_judged_on_the_raw_open():
    # With 1 % slippage the entry pays 101; a stop at 100.5 is above the raw open of 100.
    bars = make_bars([QUIET, QUIET])

    ledger = trade(bars, enter_long={0}, long={"stop": 100.5}, execution__slippage_bps=100.0)

    assert exits(ledger) == [(1, 99.0, Reason.STOP)]


def test_stop_and_target_may_follow_the_entry_price():
    # Entry price 101 (1 % slippage): target 101 * 1.1 = 111.1, a limit: sold at no less.
    bars = make_bars([QUIET, QUIET, (100, 112, 99, 100)])

    ledger = trade(bars, enter_long={0}, long={"target": (0.0, 1.1)}, execution__slippage_bps=100.0)

    ((_, price, reason),) = exits(ledger)
    assert (price, reason) == (pytest.approx(111.1), Reason.TARGET)


def test_short_children_are_mirrored():
    bars = make_bars([QUIET, QUIET, (100, 106, 99, 100)])

    ledger = trade(bars, enter_short={0}, short={"stop": 105.0, "target": 90.0})

    assert exits(ledger) == [(2, 105.0, Reason.STOP)]


def test_with_several_entries_a_child_closes_its_own():
    # In at 100 (stop 95) and at 98 (stop 90), 200 of cash each; bar 3 touches 95 only.
    bars = make_bars([QUIET, QUIET, (98, 98, 98, 98), (98, 98, 94, 98)])

    ledger = trade(
        bars,
        enter_long={0, 1},
        long={"stop": [[95.0, 90.0, 0.0, 0.0]]},
        size=0.2,
        pyramiding=2,
    )

    assert fills(ledger, "i_time", "side", "quantity", "price", "order_id") == [
        (1, 1, 2.0, 100.0, 0),
        (2, 1, pytest.approx(0.2 * 996 / 98), 98.0, 1),
        (3, -1, 2.0, 95.0, 0),
    ]


@pytest.mark.parametrize(
    ("trail", "level"),
    [
        # Entry 100 at the open, distance 4. After bar 1 (high 103): 99. After bar 2 (high 110):
        # 106, which bar 3 touches; never bar 2's own high followed by its low of 100.
        ({"trail": 4.0}, 106.0),
        # 5 %: 110 * 0.95.
        ({"trail": 0.05, "is_trail_fraction": True}, 104.5),
    ],
)
def test_trail_follows_the_high_of_completed_bars(trail, level):
    bars = make_bars([QUIET, (100, 103, 99.5, 102), (102, 110, 100, 108), (108, 109, 104, 105)])

    ledger = trade(bars, enter_long={0}, long=trail)

    assert exits(ledger) == [(3, pytest.approx(level), Reason.TRAIL)]


def test_trail_at_entry_is_the_entry_price_less_the_distance():
    bars = make_bars([QUIET, (100, 103, 95, 102)])

    ledger = trade(bars, enter_long={0}, long={"trail": 4.0})

    assert exits(ledger) == [(1, 96.0, Reason.TRAIL)]


def test_bar_of_an_entry_inside_it_counts_for_the_trail_by_its_close_only():
    # Limit 98 in bar 1, high 110, close 100: after it the level is 100 - 4 = 96, not 106.
    bars = make_bars([QUIET, (100, 110, 98, 100), (100, 100, 96, 99)])

    ledger = trade(bars, enter_long={0}, long={"limit": 98.0, "trail": 4.0})

    assert exits(ledger) == [(2, 96.0, Reason.TRAIL)]


@pytest.mark.parametrize(
    ("stop", "expected"),
    [(97.0, (97.0, Reason.STOP)), (96.0, (96.0, Reason.STOP)), (95.0, (96.0, Reason.TRAIL))],
)
def test_tighter_of_stop_and_trail_works_and_a_tie_is_the_stop(stop, expected):
    bars = make_bars([QUIET, (100, 100, 90, 95)])

    ledger = trade(bars, enter_long={0}, long={"trail": 4.0, "stop": stop})

    assert exits(ledger) == [(1, *expected)]


def test_trail_of_a_short_follows_the_low():
    bars = make_bars([QUIET, (100, 100, 90, 92), (92, 95, 91, 95)])

    ledger = trade(bars, enter_short={0}, short={"trail": 4.0})

    # After bar 1 the level is 90 + 4.
    assert exits(ledger) == [(2, 94.0, Reason.TRAIL)]
