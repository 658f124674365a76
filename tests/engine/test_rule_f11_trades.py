"""F11 and M10: trades first in first out, flips, excursions."""

import pytest

from engine.types import OrderStatus, Reason, SizeKind
from tests.engine.scenario import fills, flat_bars, make_bars, orders, trade, trades

UNITS = {"size_kind": SizeKind.UNITS}


def test_two_entries_and_one_exit_are_two_rows():
    bars = flat_bars([10, 10, 12, 15, 15])

    ledger = trade(bars, enter_long={0, 1}, exit_long={2}, size=50.0 / 3, pyramiding=2, **UNITS)

    assert trades(ledger, "entry_price", "exit_price", "quantity", "bars", "open") == [
        (10.0, 15.0, pytest.approx(50 / 3), 2, False),
        (12.0, 15.0, pytest.approx(50 / 3), 1, False),
    ]


def test_one_entry_and_two_exits_are_two_rows_with_fees_by_quantity():
    # 2 in at 10 (stop 8) and 2 at 12 (stop 9): the stop of the second takes 2 of the first in.
    bars = make_bars([(10,) * 4, (10,) * 4, (12,) * 4, (12, 12, 9, 9), (9, 9, 8, 8)])

    ledger = trade(
        bars,
        enter_long={0, 1},
        long={"stop": [[8.0, 9.0, 0.0, 0.0, 0.0]]},
        size=[[3.0, 2.0, 0.0, 0.0, 0.0]],
        pyramiding=2,
        costs__rate_bps=100.0,
        **UNITS,
    )

    # Exits: 2 at 9 (fee 0.18), then 3 at 8 (fee 0.24). Entry fees: 0.30 for 3, 0.24 for 2.
    # Rows: 2 of the first entry at 9; 1 of it at 8; 2 of the second at 8.
    assert trades(ledger, "entry_price", "exit_price", "quantity", "fees", "pnl") == [
        (10.0, 9.0, 2.0, pytest.approx(0.20 + 0.18), pytest.approx(-2 - 0.38)),
        (10.0, 8.0, 1.0, pytest.approx(0.10 + 0.08), pytest.approx(-2 - 0.18)),
        (12.0, 8.0, 2.0, pytest.approx(0.24 + 0.16), pytest.approx(-8 - 0.40)),
    ]


def test_flip_is_one_order_and_one_fill_but_two_trades():
    bars = flat_bars([100, 100, 80, 80])

    ledger = trade(bars, enter_long={0}, enter_short={1}, exit_long={1}, costs__minimum=10.0)

    # In: 990 / 100 = 9.9 for a fee of 10. Out at 80: 792 - 10 = 782 left; short (782 - 10) / 80.
    short = 772 / 80
    assert orders(ledger, "side") == [(1,), (-1,)]
    assert fills(ledger, "side", "quantity", "reason") == [
        (1, pytest.approx(9.9), Reason.SIGNAL),
        (-1, pytest.approx(9.9 + short), Reason.FLIP),
    ]
    # One minimum of 10 covers both parts, so the opening part is free.
    assert ledger.fills["fee"].tolist() == [10.0, 10.0]
    assert trades(ledger, "side", "quantity", "fees", "exit_reason", "open") == [
        (1, pytest.approx(9.9), 20.0, Reason.FLIP, False),
        (-1, pytest.approx(short), 0.0, -1, True),
    ]


def test_flip_whose_opening_is_refused_still_closes():
    bars = flat_bars([100, 100, 100, 100])

    ledger = trade(bars, enter_long={0}, enter_short={1}, size=[[1.0, 0.0, 0.0, 0.0]])

    assert fills(ledger, "side", "quantity", "reason")[1:] == [(-1, 10.0, Reason.FLIP)]
    assert orders(ledger, "status", "reason")[1] == (OrderStatus.PARTIAL, Reason.CASH)


def test_open_trade_is_marked_at_the_last_close():
    ledger = trade(flat_bars([10, 10, 12]), enter_long={0}, size=10.0, costs__fixed=1.0, **UNITS)

    names = ("exit_i", "exit_price", "pnl", "return", "bars", "open", "exit_reason")
    assert trades(ledger, *names) == [(-1, 12.0, 19.0, pytest.approx(0.19), 1, True, -1)]


def excursion(bars, **options):
    ledger = trade(make_bars(bars), size=1.0, **UNITS, **options)
    ((mae, mfe),) = trades(ledger, "mae", "mfe")
    return pytest.approx(mae), pytest.approx(mfe)


QUIET = (100, 100, 100, 100)


def test_excursions_of_an_entry_at_the_open_and_an_exit_at_an_open():
    # Whole entry bar 98..103, then only the open of 110 of the exit bar.
    bars = [QUIET, (100, 103, 98, 102), (110, 120, 50, 60)]

    assert excursion(bars, enter_long={0}, exit_long={1}) == (-0.02, 0.10)


def test_excursions_of_an_entry_inside_count_only_its_close():
    # In at 98 by a limit; the bar's 90 and 107 do not count, its close of 99.96 does.
    bars = [QUIET, (100, 107, 90, 99.96), (98, 98, 98, 98)]

    mae, mfe = excursion(bars, enter_long={0}, long={"limit": 98.0}, exit_long={1})

    assert (mae, mfe) == (0.0, 0.02)


@pytest.mark.parametrize(
    ("bar", "expected"),
    [
        # Out by the stop at 95: the low of 90 is clipped, the high of 104 counts whole.
        ((100, 104, 90, 92), (-0.05, 0.04)),
        # Out by the target at 105: the high is clipped, the low counts whole.
        ((100, 109, 97, 99), (-0.03, 0.05)),
    ],
)
def test_exit_inside_clips_the_side_it_left_by(bar, expected):
    mae, mfe = excursion([QUIET, QUIET, bar], enter_long={0}, long={"stop": 95.0, "target": 105.0})

    assert (mae, mfe) == expected


def test_excursions_of_a_short_are_mirrored():
    bars = [QUIET, (100, 103, 98, 102), (110, 120, 50, 60)]

    # Up 10 % is against a short, down 2 % for it.
    assert excursion(bars, enter_short={0}, exit_short={1}) == (-0.10, 0.02)


def test_r_multiple_is_pnl_over_the_risk_at_the_entry():
    bars = make_bars([QUIET, QUIET, QUIET, (110,) * 4])

    with_stop = trade(bars, enter_long={0}, exit_long={2}, long={"stop": 95.0})
    without = trade(bars, enter_long={0}, exit_long={2})

    # + 10 on a risk of 5.
    assert with_stop.trades["r_multiple"].tolist() == [2.0]
    assert str(without.trades["r_multiple"][0]) == "nan"
