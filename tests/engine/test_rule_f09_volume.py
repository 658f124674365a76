"""F9: what a cap on the share of a bar's volume lets fill, and what becomes of the rest.

The cap is 10 units a bar unless a test says otherwise: a tenth of a volume of 100. Every case is
derived for a long; its mirror image about 100 is the short.
"""

import numpy as np
import pytest

from engine import backtest
from engine.errors import InvalidParameterError
from engine.types import FillPhase, OrderStatus, OrderType, Reason, SizeKind
from tests.engine.scenario import fills, make_bars, orders, trade, trades

SIDES = ("long", "short")
FLAT = [(100.0, 100.0, 100.0, 100.0)] * 6


def mirrored(row):
    """Return a bar with every price p at 200 - p."""
    open_, high, low, close = row
    return 200 - open_, 200 - low, 200 - high, 200 - close


def run(side, rows, *, enter, leave=(), flip=(), levels=None, flip_levels=None, **options):
    """Trade `rows` long, or their mirror image short: 25 units under a cap of 10.

    `flip` are the bars at whose close the other side is entered, with `flip_levels`.
    """
    is_long = side == "long"
    rows = list(rows) if is_long else [mirrored(row) for row in rows]
    other = "short" if is_long else "long"
    volume = np.broadcast_to(options.pop("volume", 100.0), len(rows)).astype(float)
    series = make_bars(rows, volume=volume, **options.pop("bars", {}))
    options = {
        "size": 25.0,
        "size_kind": SizeKind.UNITS,
        "cash": 1e6,
        "execution__participation": 0.1,
        **options,
    }
    return trade(
        series,
        **{f"enter_{side}": enter, f"exit_{side}": leave, f"enter_{other}": flip},
        **{side: mirrored_levels(side, levels), other: mirrored_levels(side, flip_levels)},
        **options,
    )


def mirrored_levels(side, levels):
    """Return levels as they are for a long's world; a stop may be a + b * entry_price."""
    levels = dict(levels or {})
    if side == "long":
        return levels
    for name, value in levels.items():
        if isinstance(value, tuple):
            levels[name] = (200.0 * (1.0 - value[1]) - value[0], value[1])
        else:
            levels[name] = 200.0 - value
    return levels


def parts(ledger, side):
    """Return (bar, quantity, price of the long's world) of every fill."""
    is_long = side == "long"
    return [
        (i, quantity, price if is_long else 200 - price)
        for i, quantity, price in fills(ledger, "i_time", "quantity", "price")
    ]


@pytest.mark.parametrize("side", SIDES)
def test_no_more_than_the_share_of_the_volume_fills(side):
    rows = [FLAT[0], (101,) * 4, (102,) * 4, (103,) * 4, (104,) * 4]

    ledger = run(side, rows, enter={0}, volume=[100, 100, 200, 100, 100])

    # A tenth of 100, then a tenth of 200 leaves room for the 15 that are left.
    assert parts(ledger, side) == [(1, 10.0, 101.0), (2, 15.0, 102.0)]


@pytest.mark.parametrize("side", SIDES)
def test_log_shows_the_sum_of_the_parts_and_their_average_price(side):
    rows = [FLAT[0], (101,) * 4, (102,) * 4, (104,) * 4]

    ledger = run(side, rows, enter={0})

    # (10 · 101 + 10 · 102 + 5 · 104) / 25 = 102; the mirror image 98.
    average = 102.0 if side == "long" else 98.0
    assert orders(ledger, "quantity", "status", "filled_quantity", "filled_price") == [
        (25.0, OrderStatus.FILLED, 25.0, average)
    ]


@pytest.mark.parametrize("side", SIDES)
def test_order_that_still_works_is_partial(side):
    ledger = run(side, FLAT[:3], enter={0})

    assert orders(ledger, "status", "reason", "filled_quantity") == [
        (OrderStatus.PARTIAL, Reason.SIGNAL, 20.0)
    ]


@pytest.mark.parametrize("side", SIDES)
def test_bar_without_volume_fills_nothing(side):
    ledger = run(side, FLAT, enter={0}, leave={3}, size=5.0, volume=[100, 0, 100, 100, 0, 100])

    assert parts(ledger, side) == [(2, 5.0, 100.0), (5, 5.0, 100.0)]


@pytest.mark.parametrize("side", SIDES)
def test_cap_holds_for_all_fills_of_a_bar_together(side):
    # 6 held; at bar 3 they leave at the open, and of 6 wanted at 99 only 4 are left.
    rows = [FLAT[0], FLAT[0], FLAT[0], (100, 100, 98, 99)]

    ledger = run(
        side, rows, enter={0}, leave={2}, flip={2}, flip_levels={"trigger": 99.0}, size=6.0
    )

    assert parts(ledger, side) == [(1, 6.0, 100.0), (3, 6.0, 100.0), (3, 4.0, 99.0)]
    assert orders(ledger, "status")[2] == (OrderStatus.PARTIAL,)


@pytest.mark.parametrize("side", SIDES)
def test_two_entries_share_the_cap_of_their_exit(side):
    # 6 + 6 in; both stops at 95 are reached at bar 3: 6 of the first, 4 of the second entry.
    rows = [FLAT[0], FLAT[0], FLAT[0], (100, 100, 94, 94), (94,) * 4]

    ledger = run(side, rows, enter={0, 1}, levels={"stop": 95.0}, size=6.0, pyramiding=2)

    assert parts(ledger, side)[2:] == [(3, 6.0, 95.0), (3, 4.0, 95.0), (4, 2.0, 94.0)]
    assert ledger.fills["order_id"].tolist() == [0, 1, 0, 1, 1]


@pytest.mark.parametrize("side", SIDES)
def test_what_fills_is_floored_to_the_lot(side):
    ledger = run(side, FLAT, enter={0}, size=20.0, lot=4.0)

    # 10 a bar are two lots of 4: 8, 8, and the last 4.
    assert [q for _, q, _ in parts(ledger, side)] == [8.0, 8.0, 4.0]


@pytest.mark.parametrize("side", SIDES)
def test_bar_is_used_up_by_what_asked_for_more(side):
    # Lots of 4. The exit of 11 gets 8 at bar 3. The cap would leave 2, enough for the 1 that is
    # wanted at 99, but the bar is used up: it is a market order at bar 4, after the exit's last 3.
    rows = [FLAT[0], FLAT[0], FLAT[0], (100, 100, 98, 99), (97,) * 4]

    ledger = run(
        side,
        rows,
        enter={0},
        leave={2},
        flip={2},
        flip_levels={"trigger": 99.0},
        size=[[11.0, 11.0, 1.0, 1.0, 1.0]],
        lot=4.0,
    )

    assert parts(ledger, side) == [
        (1, 8.0, 100.0),
        (2, 3.0, 100.0),
        (3, 8.0, 100.0),
        (4, 3.0, 97.0),
        (4, 1.0, 97.0),
    ]


# ── forced closes ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("side", SIDES)
def test_end_and_delisting_are_exempt(side):
    ended = run(side, FLAT[:4], enter={0}, execution__finalize=True)
    gone = run(side, FLAT[:4], enter={0}, bars={"delisted": True})

    for ledger, reason in ((ended, Reason.END), (gone, Reason.DELISTED)):
        assert [q for _, q, _ in parts(ledger, side)] == [10.0, 10.0, 5.0, 25.0]
        assert ledger.fills["reason"].tolist()[-1] == reason


def test_ruin_is_exempt():
    # Short 10 at 100 with 1000: at a close of 300 equity is 2000 - 3000. A volume of 1 caps at 0.1.
    ledger = run(
        "short",
        [(100,) * 4, (100,) * 4, (-100,) * 4],  # mirrored: 300
        enter={0},
        size=10.0,
        cash=1000.0,
        volume=[100, 100, 1],
    )

    assert ledger.status == "bankrupt"
    assert fills(ledger, "quantity", "reason")[-1] == (10.0, Reason.BANKRUPT)


@pytest.mark.parametrize("side", SIDES)
def test_fraction_of_a_split_is_exempt_and_uses_nothing_up(side):
    # 3 shares become 4.5 at bar 2, half a share is turned into cash; 4 leave at the open under a
    # cap of 4.
    rows = [(100,) * 4, (100,) * 4, (100,) * 4]
    ledger = run(
        side,
        rows,
        enter={0},
        leave={1},
        size=3.0,
        lot=1.0,
        volume=[100, 100, 40],
        bars={"splits": ((2 * 86_400_000, 1.5),)},
    )

    assert fills(ledger, "quantity", "reason") == [
        (3.0, Reason.SIGNAL),
        (0.5, Reason.SPLIT),
        (4.0, Reason.SIGNAL),
    ]


@pytest.mark.parametrize("side", SIDES)
def test_margin_exit_is_capped_and_keeps_the_symbol_from_trading(side):
    # 20 at 100 with 1100 of cash and initial 0.5. At a close of 60 the long has 1100 - 800 = 300,
    # less than half of its 1200; the short (at 140) 300, less than half of its 2800. The exit
    # takes bars 3 and 4; the signal at close 3 makes no order.
    rows = [FLAT[0], FLAT[0], (60,) * 4, (60,) * 4, (60,) * 4, (60,) * 4]

    ledger = run(
        side,
        rows,
        enter={0, 3},
        size=20.0,
        cash=1100.0,
        volume=[100, 200, 100, 100, 100, 100],
        margin__initial=0.5,
        margin__maintenance=0.5,
    )

    assert fills(ledger, "i_time", "quantity", "reason")[1:] == [
        (3, 10.0, Reason.MARGIN),
        (4, 10.0, Reason.MARGIN),
    ]
    assert len(ledger.orders["order_id"]) == 2


# ── the rest of an entry ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("side", SIDES)
def test_quantity_of_a_notional_order_is_fixed_at_its_first_fill(side):
    # 2500 at 100 are 25 units, whatever later bars cost.
    rows = [FLAT[0], FLAT[0], (125,) * 4, (80,) * 4, (80,) * 4]

    ledger = run(side, rows, enter={0}, size=2500.0, size_kind=SizeKind.CASH)

    assert [q for _, q, _ in parts(ledger, side)] == [10.0, 10.0, 5.0]
    assert orders(ledger, "quantity", "filled_quantity") == [(25.0, 25.0)]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("time_in_force", ["day", "ioc"])
def test_day_and_ioc_cancel_the_rest(side, time_in_force):
    ledger = run(side, FLAT, enter={0}, execution__time_in_force=time_in_force)

    assert parts(ledger, side) == [(1, 10.0, 100.0)]
    assert orders(ledger, "quantity", "status", "reason", "filled_quantity") == [
        (25.0, OrderStatus.PARTIAL, Reason.EXPIRED, 10.0)
    ]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("time_in_force", ["day", "ioc"])
def test_market_order_of_a_day_ends_with_a_bar_that_fills_nothing(side, time_in_force):
    ledger = run(
        side, FLAT, enter={0}, volume=[100, 0, *[100] * 4], execution__time_in_force=time_in_force
    )

    assert parts(ledger, side) == []
    assert orders(ledger, "status", "reason") == [(OrderStatus.EXPIRED, Reason.EXPIRED)]


@pytest.mark.parametrize("side", SIDES)
def test_expire_bars_count_for_the_rest(side):
    ledger = run(side, FLAT, enter={0}, expire_bars=2)

    assert [(i, q) for i, q, _ in parts(ledger, side)] == [(1, 10.0), (2, 10.0)]
    assert orders(ledger, "status", "reason") == [(OrderStatus.PARTIAL, Reason.EXPIRED)]


@pytest.mark.parametrize("side", SIDES)
def test_exit_signal_cancels_the_rest(side):
    ledger = run(side, FLAT, enter={0}, leave={1})

    assert [(i, q) for i, q, _ in parts(ledger, side)] == [(1, 10.0), (2, 10.0)]
    assert orders(ledger, "status", "reason", "filled_quantity")[0] == (
        OrderStatus.PARTIAL,
        Reason.SIGNAL,
        10.0,
    )


@pytest.mark.parametrize("side", SIDES)
def test_rest_waits_for_the_next_close(side):
    rows = [FLAT[0], (100, 101, 99, 101), (102, 103, 102, 103), (104, 105, 104, 105), FLAT[0]]
    at_next = run(side, rows, enter={0}, execution__fill="next_close")
    at_this = run(side, rows, enter={0}, execution__fill="this_close")

    assert parts(at_next, side) == [(1, 10.0, 101.0), (2, 10.0, 103.0), (3, 5.0, 105.0)]
    assert parts(at_this, side) == [(0, 10.0, 100.0), (1, 10.0, 101.0), (2, 5.0, 103.0)]
    assert set(at_this.fills["phase"].tolist()) == {FillPhase.CLOSE}


@pytest.mark.parametrize("side", SIDES)
def test_rest_of_a_triggered_stop_is_a_market_order(side):
    # Reached inside bar 1, it goes on at the opens of bars 2 and 3, though they are below 105.
    rows = [FLAT[0], (100, 106, 100, 104), (103,) * 4, (102,) * 4, FLAT[0]]

    ledger = run(side, rows, enter={0}, levels={"trigger": 105.0})

    assert parts(ledger, side) == [(1, 10.0, 105.0), (2, 10.0, 103.0), (3, 5.0, 102.0)]
    assert ledger.orders["type"].tolist() == [OrderType.STOP]


@pytest.mark.parametrize("side", SIDES)
def test_stop_triggered_without_volume_is_a_market_order_too(side):
    rows = [FLAT[0], (100, 106, 100, 104), (103,) * 4, FLAT[0]]

    ledger = run(
        side, rows, enter={0}, levels={"trigger": 105.0}, size=5.0, volume=[100, 0, 100, 100]
    )

    assert parts(ledger, side) == [(2, 5.0, 103.0)]


@pytest.mark.parametrize("side", SIDES)
def test_rest_of_a_triggered_stop_fills_at_an_open_under_next_close_too(side):
    rows = [FLAT[0], (100, 106, 100, 104), (103, 104, 103, 104), FLAT[0]]

    ledger = run(
        side,
        rows,
        enter={0},
        levels={"trigger": 105.0},
        size=15.0,
        execution__fill="next_close",
    )

    assert parts(ledger, side) == [(1, 10.0, 105.0), (2, 5.0, 103.0)]


@pytest.mark.parametrize("side", SIDES)
def test_rest_of_a_limit_and_of_a_stop_limit_is_a_limit(side):
    # Limit 99: touched at bar 1, not at bar 2, opened through at bar 3.
    rows = [FLAT[0], (100, 100, 99, 100), (100,) * 4, (98,) * 4, FLAT[0]]
    limit = run(side, rows, enter={0}, levels={"limit": 99.0}, size=15.0)
    # Trigger 101, limit 102: at the trigger in bar 1; bar 2 is beyond the limit, bar 3 within.
    rows = [FLAT[0], (100, 101, 100, 101), (103,) * 4, (102,) * 4]
    both = run(side, rows, enter={0}, levels={"trigger": 101.0, "limit": 102.0}, size=15.0)

    assert parts(limit, side) == [(1, 10.0, 99.0), (3, 5.0, 98.0)]
    assert parts(both, side) == [(1, 10.0, 101.0), (3, 5.0, 102.0)]


# ── the rest of an exit ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("side", SIDES)
def test_exit_works_until_the_position_has_gone_and_is_not_ordered_twice(side):
    rows = FLAT * 2

    ledger = run(
        side,
        rows,
        enter={0},
        leave={1, 2, 3},
        volume=[100, 250, *[100] * 10],
        execution__time_in_force="day",
    )

    assert [(i, q) for i, q, _ in parts(ledger, side)] == [
        (1, 25.0),
        (2, 10.0),
        (3, 10.0),
        (4, 5.0),
    ]
    assert orders(ledger, "quantity", "status", "filled_quantity")[1:] == [
        (25.0, OrderStatus.FILLED, 25.0)
    ]


@pytest.mark.parametrize("side", SIDES)
def test_rest_of_a_stop_stays_behind_its_level(side):
    # 25 held. Bar 2 reaches 95: 10 go. Bar 3 stays above: none. Bar 4 opens at 93: 10 at 93.
    rows = [FLAT[0], FLAT[0], (100, 100, 94, 96), (97, 98, 96, 97), (93,) * 4, (96, 96, 94, 94)]

    ledger = run(
        side, rows, enter={0}, levels={"stop": 95.0}, volume=[100, 250, 100, 100, 100, 100]
    )

    assert parts(ledger, side)[1:] == [(2, 10.0, 95.0), (4, 10.0, 93.0), (5, 5.0, 95.0)]
    assert set(ledger.fills["reason"].tolist()[1:]) == {Reason.STOP}


@pytest.mark.parametrize("side", SIDES)
def test_rest_of_a_target_stays_behind_its_level(side):
    rows = [FLAT[0], FLAT[0], (100, 106, 100, 104), (104,) * 4, (107,) * 4, (107,) * 4]

    ledger = run(
        side, rows, enter={0}, levels={"target": 105.0}, volume=[100, 250, 100, 100, 100, 100]
    )

    assert parts(ledger, side)[1:] == [(2, 10.0, 105.0), (4, 10.0, 107.0), (5, 5.0, 107.0)]


@pytest.mark.parametrize("side", SIDES)
def test_child_that_closes_its_entry_cancels_the_entrys_rest(side):
    # 10 of 25 in at bar 1; bar 2 opens below the stop: out, and no more in.
    rows = [FLAT[0], FLAT[0], (94,) * 4, FLAT[0]]

    ledger = run(side, rows, enter={0}, levels={"stop": 95.0})

    assert parts(ledger, side) == [(1, 10.0, 100.0), (2, 10.0, 94.0)]
    assert orders(ledger, "quantity", "status", "reason") == [
        (25.0, OrderStatus.PARTIAL, Reason.STOP)
    ]


@pytest.mark.parametrize("side", SIDES)
def test_child_that_closes_a_part_cancels_the_rest_as_well(side):
    # Only 5 can leave at bar 2: the other 5 stay behind the stop, and nothing comes in any more.
    rows = [FLAT[0], FLAT[0], (94,) * 4, FLAT[0], FLAT[0]]

    ledger = run(side, rows, enter={0}, levels={"stop": 95.0}, volume=[100, 100, 50, 100, 100])

    assert parts(ledger, side) == [(1, 10.0, 100.0), (2, 5.0, 94.0)]
    assert orders(ledger, "status", "reason") == [(OrderStatus.PARTIAL, Reason.STOP)]


@pytest.mark.parametrize("side", SIDES)
def test_used_up_bar_is_not_ambiguous(side):
    # Bar 2 touches stop and target, but fills nothing.
    rows = [FLAT[0], FLAT[0], (100, 106, 94, 100), FLAT[0]]
    levels = {"stop": 95.0, "target": 105.0}

    quiet = run(side, rows, enter={0}, levels=levels, size=5.0, volume=[100, 100, 0, 100])
    usual = run(side, rows, enter={0}, levels=levels, size=5.0)

    assert (quiet.ambiguous_fills, usual.ambiguous_fills) == (0, 1)


@pytest.mark.parametrize("side", SIDES)
def test_stop_taken_in_part_instead_of_a_target_counts_once(side):
    rows = [FLAT[0], FLAT[0], (100, 106, 94, 100), FLAT[0]]

    ledger = run(
        side,
        rows,
        enter={0},
        levels={"stop": 95.0, "target": 105.0},
        volume=[100, 250, 100, 100],
    )

    assert parts(ledger, side)[1:] == [(2, 10.0, 95.0)]
    assert ledger.ambiguous_fills == 1


# ── parts of one entry ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("side", SIDES)
def test_parts_share_the_first_parts_levels(side):
    # A stop 5 from the first part's 100, though the second part comes at 110.
    rows = [FLAT[0], FLAT[0], (110,) * 4, (100, 100, 96, 96), (96, 96, 94, 94), (94,) * 4]

    ledger = run(
        side,
        rows,
        enter={0},
        levels={"stop": (-5.0, 1.0)},
        size=20.0,
        volume=[100, 100, 100, 100, 200, 100],
    )

    assert parts(ledger, side) == [(1, 10.0, 100.0), (2, 10.0, 110.0), (4, 20.0, 95.0)]
    # F11: each part is an entry of its own; R counts to the stop as it stood: 5 and 15 a unit.
    # -5 · 10 / (5 · 10) and -15 · 10 / (15 · 10).
    assert trades(ledger, "quantity", "r_multiple") == [(10.0, -1.0), (10.0, -1.0)]


@pytest.mark.parametrize("side", SIDES)
def test_each_part_pays_its_own_fee(side):
    ledger = run(side, FLAT, enter={0}, costs__minimum=3.0)

    assert ledger.fills["fee"].tolist() == [3.0, 3.0, 3.0]


@pytest.mark.parametrize("side", SIDES)
def test_parts_are_one_of_pyramiding(side):
    # Two entries allowed: at close 1 the first has an open part and a rest, so one more may come.
    ledger = run(side, FLAT, enter={0, 1, 2}, pyramiding=2)

    assert len(ledger.orders["order_id"]) == 2


@pytest.mark.parametrize("enter", ["enter_long", "enter_short"])
def test_rest_and_parts_follow_a_split(enter):
    # 10 of 25 at 100, then two for one: 30 are left, 10 a bar at 50.
    bars = make_bars(
        [FLAT[0], FLAT[0], *[(50,) * 4] * 4],
        volume=np.full(6, 100.0),
        splits=((2 * 86_400_000, 2.0),),
    )

    ledger = trade(
        bars,
        **{enter: {0}},
        size=25.0,
        size_kind=SizeKind.UNITS,
        cash=1e6,
        execution__participation=0.1,
    )

    assert fills(ledger, "i_time", "quantity", "price") == [
        (1, 10.0, 100.0),
        (2, 10.0, 50.0),
        (3, 10.0, 50.0),
        (4, 10.0, 50.0),
    ]
    # In the shares of the last part: 20 + 30 at 50.
    assert orders(ledger, "status", "filled_quantity", "filled_price") == [
        (OrderStatus.FILLED, 50.0, 50.0)
    ]


# ── flips, and money ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("side", SIDES)
def test_flip_closes_first_and_sizes_its_opening_when_it_opens(side):
    # 15 held of 1e4 cash. At close 2 the other side wants half the equity. Bar 3 closes 10 at 100,
    # bar 4 the other 5 at 80 and opens the 5 that the cap leaves: equity 1e4 - 5 · 20 = 9900.
    rows = [FLAT[0], FLAT[0], FLAT[0], FLAT[0], (80,) * 4, (80,) * 4]

    ledger = run(
        side,
        rows,
        enter={0},
        flip={2},
        size=[[0.15, 0.15, 0.5, 0.5, 0.5, 0.5]],
        size_kind=SizeKind.FRACTION,
        cash=10_000.0,
        volume=[100, 150, 100, 100, 100, 1e6],
    )

    # 4950 at 80 in the long's world, at 120 in its mirror image.
    opening = 4950 / (80 if side == "long" else 120)
    assert fills(ledger, "i_time", "quantity", "reason") == [
        (1, 15.0, Reason.SIGNAL),
        (3, 10.0, Reason.FLIP),
        (4, 10.0, Reason.FLIP),
        (5, pytest.approx(opening - 5), Reason.SIGNAL),
    ]
    assert orders(ledger, "quantity", "status")[1] == (
        pytest.approx(15 + opening),
        OrderStatus.FILLED,
    )


@pytest.mark.parametrize("side", SIDES)
def test_cash_judges_the_part_that_fills_now(side):
    # 25 units are wanted with cash for 12 at 100: 10, then the 2 that are paid for end the order.
    ledger = run(side, FLAT, enter={0}, cash=1200.0)

    assert [q for _, q, _ in parts(ledger, side)] == [10.0, pytest.approx(2.0)]
    assert orders(ledger, "status") == [(OrderStatus.FILLED,)]


@pytest.mark.parametrize("side", SIDES)
def test_part_that_is_refused_ends_its_order_partial(side):
    ledger = run(side, FLAT, enter={0}, cash=1200.0, execution__cash_policy="reject")

    assert [q for _, q, _ in parts(ledger, side)] == [10.0]
    assert orders(ledger, "status", "reason", "filled_quantity") == [
        (OrderStatus.PARTIAL, Reason.CASH, 10.0)
    ]


# ── volumes that are not there ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "execution", [{"participation": 0.1}, {"impact": 0.1}, {"volume_impact": 0.1}]
)
def test_symbol_without_any_volume_is_refused(execution):
    bars = make_bars(FLAT, volume=np.zeros(6))

    with pytest.raises(InvalidParameterError, match="A has none in these bars") as error:
        backtest({"A": bars}, {"strategy": {"name": "buy_and_hold"}, "execution": execution})

    assert error.value.field == f"execution.{next(iter(execution))}"
