"""F6 and F8: slippage, spread, ticks, and fees."""

import pytest

from engine.types import Reason, SizeKind
from tests.engine.scenario import fills, flat_bars, make_bars, trade

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


@pytest.mark.parametrize(
    ("costs", "fee"),
    [
        ({"rate_bps": 10.0}, 0.1),
        ({"rate_bps": 10.0, "fixed": 1.0}, 1.1),
        ({"per_unit": 0.02, "rate_bps": 0.0}, 0.02),
        ({"rate_bps": 10.0, "minimum": 5.0}, 5.0),
        # The cap wins over the minimum: 1 % of 100.
        ({"rate_bps": 10.0, "minimum": 5.0, "maximum_rate_bps": 100.0}, 1.0),
        ({"rate_bps": 10.0, "taker_bps": 20.0, "maker_bps": 5.0}, 0.2),
    ],
)
def test_fee_of_a_market_order(costs, fee):
    ledger = round_trip(**{f"costs__{name}": value for name, value in costs.items()})

    assert column(ledger, "fee") == [pytest.approx(fee), pytest.approx(fee)]
    assert ledger.totals["fees"] == pytest.approx(-2 * fee)


def test_limits_and_targets_pay_the_maker_rate():
    bars = make_bars([(100,) * 4, (100, 100, 95, 95), (95, 110, 95, 100)])

    ledger = trade(
        bars,
        enter_long={0},
        long={"limit": 96.0, "target": 105.0},
        size=1.0,
        size_kind=SizeKind.UNITS,
        costs__maker_bps=100.0,
        costs__taker_bps=500.0,
    )

    assert fills(ledger, "reason", "fee") == [
        (Reason.LIMIT, pytest.approx(0.96)),
        (Reason.TARGET, pytest.approx(1.05)),
    ]
