"""F3: at which price an order fills, and whether it does."""

import pytest

from engine.types import OrderStatus, Reason
from tests.engine.scenario import fills, make_bars, orders, trade

QUIET = (100, 100, 100, 100)


def entry(bar, *, side="long", after=(), **prices):
    """Fills of an entry ordered at the close of a quiet bar, worked in `bar` and then `after`."""
    bars = make_bars([QUIET, bar, *after])
    options = {f"enter_{side}": {0}, side: {k: v for k, v in prices.items() if k in PRICES}}
    return trade(bars, **options, **{k: v for k, v in prices.items() if k not in PRICES})


PRICES = ("limit", "trigger", "stop", "target", "trail")


def prices(ledger):
    return fills(ledger, "i_time", "price")


@pytest.mark.parametrize(
    ("side", "prices_", "bar", "expected"),
    [
        # Buy limit at 95: at the open when the open is at or below, else at 95 when touched.
        ("long", {"limit": 95}, (94, 99, 90, 96), 94.0),
        ("long", {"limit": 95}, (95, 99, 95, 96), 95.0),
        ("long", {"limit": 95}, (98, 99, 95, 96), 95.0),
        ("long", {"limit": 95}, (98, 99, 95.5, 96), None),
        # Buy stop at 105.
        ("long", {"trigger": 105}, (107, 109, 106, 108), 107.0),
        ("long", {"trigger": 105}, (105, 109, 104, 108), 105.0),
        ("long", {"trigger": 105}, (100, 105, 99, 101), 105.0),
        ("long", {"trigger": 105}, (100, 104.5, 99, 101), None),
        # Sells are mirrored.
        ("short", {"limit": 105}, (106, 107, 101, 102), 106.0),
        ("short", {"limit": 105}, (102, 105, 101, 102), 105.0),
        ("short", {"limit": 105}, (102, 104.5, 101, 102), None),
        ("short", {"trigger": 95}, (94, 96, 93, 95), 94.0),
        ("short", {"trigger": 95}, (97, 98, 95, 96), 95.0),
        ("short", {"trigger": 95}, (97, 98, 95.5, 96), None),
        # Buy stop-limit, trigger 105, limit 106: triggered inside, 105 <= 106 fills there.
        ("long", {"trigger": 105, "limit": 106}, (100, 107, 99, 101), 105.0),
        # Triggered at the open of 108: the limit rule for the whole bar.
        ("long", {"trigger": 105, "limit": 106}, (108, 109, 106, 107), 106.0),
        ("long", {"trigger": 105, "limit": 106}, (105.5, 109, 105, 107), 105.5),
        ("long", {"trigger": 105, "limit": 106}, (108, 109, 106.5, 107), None),
        # A sell stop-limit, trigger 95, limit 94: mirrored.
        ("short", {"trigger": 95, "limit": 94}, (100, 101, 93, 96), 95.0),
        ("short", {"trigger": 95, "limit": 94}, (92, 94, 91, 93), 94.0),
    ],
)
def test_price_of_an_entry(side, prices_, bar, expected):
    ledger = entry(bar, side=side, **prices_)

    assert prices(ledger) == ([] if expected is None else [(1, expected)])


def test_stop_limit_triggered_inside_above_its_limit_waits_for_a_later_bar():
    # Trigger 105 above limit 104: inside bar 1 it only triggers, though the low is below 104;
    # in bar 2 it is a limit at 104, touched from 106 without any new trigger.
    ledger = entry((100, 107, 99, 101), after=[(104.5, 104.8, 103, 104)], trigger=105, limit=104)

    assert prices(ledger) == [(2, 104.0)]


def test_limit_needs_to_be_traded_through_by_the_ticks_asked_for():
    through = {"execution__limit_ticks_through": 2, "execution__tick": 0.5}

    assert prices(entry((98, 99, 94.5, 96), limit=95, **through)) == []
    assert prices(entry((98, 99, 94.0, 96), limit=95, **through)) == [(1, 95.0)]


def test_target_is_a_limit_and_needs_its_ticks_too():
    bars = make_bars([QUIET, QUIET, (100, 110, 100, 105), (100, 110.5, 100, 105)])

    ledger = trade(
        bars,
        enter_long={0},
        long={"target": 110.0},
        execution__limit_ticks_through=1,
        execution__tick=0.5,
    )

    assert fills(ledger, "i_time", "price", "reason")[1:] == [(3, 110.0, Reason.TARGET)]


def test_limit_order_waits_until_it_expires():
    # Good for 2 bars: bars 1 and 2 are not low enough, bar 3 would be.
    bars = make_bars([QUIET, (99, 99, 98, 99), (99, 99, 98, 99), (99, 99, 90, 99)])

    expired = trade(bars, enter_long={0}, long={"limit": 95.0}, expire_bars=2)
    waiting = trade(bars, enter_long={0}, long={"limit": 95.0}, expire_bars=3)

    assert orders(expired, "status", "reason") == [(OrderStatus.EXPIRED, Reason.EXPIRED)]
    assert prices(waiting) == [(3, 95.0)]


def test_day_order_lives_for_one_bar():
    bars = make_bars([QUIET, (99, 99, 98, 99), (99, 99, 90, 99)])

    ledger = trade(bars, enter_long={0}, long={"limit": 95.0}, execution__time_in_force="day")

    assert orders(ledger, "status", "expire_bars") == [(OrderStatus.EXPIRED, 1)]


def test_signal_does_not_move_a_working_entry():
    bars = make_bars([QUIET, (99, 99, 98, 99), (99, 99, 90, 99)])

    ledger = trade(bars, enter_long={0, 1}, long={"limit": [[95.0, 92.0, 92.0]]})

    assert orders(ledger, "order_id", "limit") == [(0, 95.0)]
    assert prices(ledger) == [(2, 95.0)]
