"""F6: slippage, spread, ticks, impact, and what they leave of a price."""

import math

import pytest

from engine.types import OrderStatus, Reason, SizeKind
from tests.engine.scenario import fills, flat_bars, make_bars, orders, trade

FLAT = flat_bars([100, 100, 100, 100])


def round_trip(**options):
    """Buy one unit at open 1, sell it at open 2, both at a raw price of 100."""
    return trade(FLAT, enter_long={0}, exit_long={1}, size=1.0, size_kind=SizeKind.UNITS, **options)


def column(ledger, name):
    return ledger.fills[name].tolist()


def test_buys_pay_and_sells_get_slippage_and_half_the_spread():
    # 1 % slippage + half of 2 % spread: 102 and 98.
    ledger = round_trip(execution__slippage_bps=100.0, execution__spread_bps=200.0)

    assert column(ledger, "price") == [pytest.approx(102.0), pytest.approx(98.0)]


def test_prices_round_to_ticks_against_the_trader():
    # 100.3 -> 100.5 and 99.7 -> 99.5.
    ledger = round_trip(execution__slippage_bps=30.0, execution__tick=0.5)

    assert column(ledger, "price") == [100.5, 99.5]


def test_price_on_a_tick_stays():
    assert column(round_trip(execution__tick=0.01), "price") == pytest.approx([100.0, 100.0])


def test_limit_caps_what_a_buy_pays():
    # At the open of 94: 94 * 1.01 = 94.94 < 95. Touched at 95: 95.95 is capped at 95.
    options = {"execution__slippage_bps": 100.0, "enter_long": {0}, "long": {"limit": 95.0}}

    at_open = trade(make_bars([(100,) * 4, (94, 94, 94, 94)]), **options)
    touched = trade(make_bars([(100,) * 4, (97, 97, 94, 94)]), **options)

    assert column(at_open, "price") == [pytest.approx(94.94)]
    assert column(touched, "price") == [95.0]


def test_clip_keeps_prices_inside_the_bar():
    bars = make_bars([(100,) * 4, (100, 100.5, 99.8, 100), (100, 101, 99.5, 100)])

    ledger = trade(
        bars, enter_long={0}, exit_long={1}, execution__slippage_bps=100.0, execution__clip=True
    )

    # 101 clipped to the high of 100.5; 99 to the low of 99.5.
    assert column(ledger, "price") == [100.5, 99.5]


# ── ticks ───────────────────────────────────────────────────────────────────────────────────


def test_ticks_of_slippage_come_on_top_of_the_rounding():
    # 100.3 -> 100.5 -> two ticks more 101.5; 99.7 -> 99.5 -> 98.5.
    ledger = round_trip(
        execution__slippage_bps=30.0, execution__tick=0.5, execution__slippage_ticks=2
    )

    assert column(ledger, "price") == [101.5, 98.5]


def test_ticks_move_a_short_against_the_trader_too():
    ledger = trade(
        FLAT,
        enter_short={0},
        exit_short={1},
        size=1.0,
        size_kind=SizeKind.UNITS,
        execution__tick=0.25,
        execution__slippage_ticks=1,
    )

    assert column(ledger, "price") == [99.75, 100.25]


def test_ticks_stop_at_a_limit():
    ledger = trade(
        make_bars([(100,) * 4, (97, 97, 94, 94)]),
        enter_long={0},
        long={"limit": 95.0},
        execution__tick=0.5,
        execution__slippage_ticks=4,
    )

    assert column(ledger, "price") == [95.0]


def test_sale_never_gets_less_than_nothing():
    # Bought at 1.5; a raw price of 1 less three ticks of 0.5 would be -0.5.
    ledger = trade(
        flat_bars([1, 1, 1, 1]),
        enter_long={0},
        exit_long={1},
        size=1.0,
        size_kind=SizeKind.UNITS,
        execution__tick=0.5,
        execution__slippage_ticks=3,
    )

    assert column(ledger, "price") == [2.5, 0.0]


def test_opening_at_a_price_of_nothing_is_refused():
    ledger = trade(
        flat_bars([1, 1, 1]),
        enter_short={0},
        execution__tick=0.5,
        execution__slippage_ticks=2,
    )

    assert orders(ledger, "status", "reason") == [(OrderStatus.REJECTED, Reason.CASH)]


# ── impact ──────────────────────────────────────────────────────────────────────────────────


def moved(volume=100.0, **options):
    """Buy 10 units at open 1 and sell them at open 2, a tenth of the volume each time."""
    options = {"size": 10.0, "size_kind": SizeKind.UNITS, "cash": 1e5, **options}
    bars = flat_bars([100, 100, 100, 100], volume=[float(volume)] * 4)
    return trade(bars, enter_long={0}, exit_long={1}, **options)


@pytest.mark.parametrize(
    ("impact", "fraction"),
    [
        # 0.5 · (10 / 100)²
        ({"volume_impact": 0.5}, 0.005),
        # 0.1 · √(16 / 100) for 16 units
        ({"impact": 0.1, "size": 16.0}, 0.04),
        # Both: 0.5 · 0.16² + 0.1 · 0.4
        ({"volume_impact": 0.5, "impact": 0.1, "size": 16.0}, 0.0528),
        # On top of 1 % of slippage and half of 2 % of spread.
        ({"impact": 0.1, "size": 16.0, "slippage_bps": 100.0, "spread_bps": 200.0}, 0.06),
    ],
)
def test_impact_grows_with_the_share_of_the_volume(impact, fraction):
    size = impact.get("size", 10.0)
    execution = {f"execution__{name}": v for name, v in impact.items() if name != "size"}

    ledger = moved(size=size, **execution)

    assert column(ledger, "price") == pytest.approx([100 * (1 + fraction), 100 * (1 - fraction)])


def test_impact_comes_before_the_rounding_to_ticks():
    # 100 · (1 + 0.005) = 100.5 -> 100.6 on a tick of 0.2; 99.5 -> 99.4.
    ledger = moved(execution__volume_impact=0.5, execution__tick=0.2)

    assert column(ledger, "price") == pytest.approx([100.6, 99.4])


def test_impact_stops_at_a_limit():
    ledger = trade(
        make_bars([(100,) * 4, (97, 97, 94, 94)], volume=[100.0, 100.0]),
        enter_long={0},
        long={"limit": 95.0},
        size=10.0,
        size_kind=SizeKind.UNITS,
        execution__volume_impact=5.0,
    )

    assert column(ledger, "price") == [95.0]


def test_nothing_fills_in_a_bar_without_volume():
    bars = flat_bars([100, 100, 100, 100, 100], volume=[100.0, 0.0, 100.0, 0.0, 100.0])

    ledger = trade(
        bars,
        enter_long={0},
        exit_long={2},
        size=10.0,
        size_kind=SizeKind.UNITS,
        execution__impact=0.1,
    )

    assert column(ledger, "i_time") == [2, 4]


def test_forced_close_without_volume_has_no_impact():
    bars = flat_bars([100, 100, 100], volume=[100.0, 100.0, 0.0])

    ledger = trade(
        bars,
        enter_long={0},
        size=1.0,
        size_kind=SizeKind.UNITS,
        execution__impact=0.1,
        execution__finalize=True,
    )

    assert fills(ledger, "price", "reason") == [
        (pytest.approx(101.0), Reason.SIGNAL),
        (100.0, Reason.END),
    ]


def test_all_in_spends_all_cash_at_the_price_its_own_size_makes():
    # x · 100 · (1 + 0.25 · (x / 100)²) = 1000 with x = 10 · u: u + 0.0025 · u³ = 1.
    ledger = moved(
        size=1.0, size_kind=SizeKind.FRACTION, cash=1000.0, execution__volume_impact=0.25
    )

    x = column(ledger, "quantity")[0]
    assert x / 10 + 0.0025 * (x / 10) ** 3 == pytest.approx(1.0, rel=1e-15)
    assert ledger.cash[1] == pytest.approx(0.0, abs=1e-9)


def test_notional_is_solved_with_the_impact_and_its_fee():
    # x = 4: price 100 · (1 + 0.5 · √0.04) = 110; 4 · 110 · 1.01 = 444.4.
    ledger = moved(
        size=444.4,
        size_kind=SizeKind.CASH,
        execution__impact=0.5,
        costs__rate_bps=100.0,
    )

    assert column(ledger, "quantity")[0] == pytest.approx(4.0, rel=1e-14)
    assert column(ledger, "price")[0] == pytest.approx(110.0, rel=1e-14)


def test_cash_that_is_short_is_solved_with_the_impact_too():
    # 10 are wanted; 444.4 pay for 4, as above.
    ledger = moved(cash=444.4, execution__impact=0.5, costs__rate_bps=100.0)

    assert column(ledger, "quantity")[0] == pytest.approx(4.0, rel=1e-14)


def test_limits_are_solved_with_the_impact_too():
    # A weight of 0.44 of 1000: 4 units at 110.
    ledger = moved(cash=1000.0, execution__impact=0.5, risk__max_weight=0.44)

    assert column(ledger, "quantity")[0] == pytest.approx(4.0, rel=1e-14)


def test_opening_sale_is_sized_at_the_price_without_its_impact():
    # 400 at 100 are 4, which fetch 100 · (1 - 0.5 · √0.04) = 90 each.
    bars = flat_bars([100, 100, 100], volume=[100.0] * 3)

    ledger = trade(
        bars, enter_short={0}, size=400.0, size_kind=SizeKind.CASH, execution__impact=0.5
    )

    assert fills(ledger, "quantity", "price") == [(4.0, pytest.approx(90.0))]


def test_risk_is_judged_at_the_price_without_an_impact():
    # 2 % of 1000 over 5 are 4 units; they pay 110.
    ledger = moved(
        size=0.02,
        size_kind=SizeKind.RISK,
        cash=1000.0,
        long={"stop": 95.0},
        execution__impact=0.5,
    )

    assert fills(ledger, "quantity", "price")[0] == (4.0, pytest.approx(110.0))


def test_flip_pays_one_price_for_both_parts_and_sizes_by_the_equity_after_it():
    # Short 4 at 90 (no margin trouble): cash 1000 + 360. Flip at 100: the total q moves the price
    # to p = 100 · (1 + 0.5 · √(q / 100)); the equity after the closing is 1360 - 4 · p, all of it
    # for x = q - 4: q · p = 1360. With z = √q: 100 · z² + 5 · z³ = 1360.
    bars = flat_bars([100, 100, 100, 100], volume=[100.0] * 4)

    ledger = trade(
        bars,
        enter_short={0},
        enter_long={1},
        size=[[0.4, 1.0, 1.0, 1.0]],
        execution__impact=0.5,
    )

    q, p = fills(ledger, "quantity", "price")[1]
    z = math.sqrt(q)
    assert 100 * z**2 + 5 * z**3 == pytest.approx(1360.0, rel=1e-13)
    assert p == pytest.approx(100 * (1 + 0.05 * z), rel=1e-14)
    assert ledger.cash[2] == pytest.approx(0.0, abs=1e-9)


def test_under_a_cap_the_price_is_that_of_what_fills_now():
    # 4 of a volume of 100 may fill: at 110 each, so 1100 want 10. Then 4 and 2 more, the last at
    # 100 · (1 + 0.5 · √0.02).
    ledger = trade(
        flat_bars([100] * 5, volume=[100.0] * 5),
        enter_long={0},
        size=1100.0,
        size_kind=SizeKind.CASH,
        cash=1e5,
        execution__impact=0.5,
        execution__participation=0.04,
    )

    assert fills(ledger, "quantity", "price") == [
        (4.0, pytest.approx(110.0)),
        (4.0, pytest.approx(110.0)),
        (pytest.approx(2.0), pytest.approx(100 * (1 + 0.5 * math.sqrt(0.02)))),
    ]
