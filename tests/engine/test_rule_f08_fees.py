"""F8: the fee of every fill: minimum, fixed, per unit, rate and cap; maker and taker."""

import pytest

from engine.types import Reason, SizeKind
from tests.engine.scenario import fills, flat_bars, make_bars, trade

FLAT = flat_bars([100, 100, 100, 100])


def round_trip(side="long", size=1.0, bars=FLAT, **costs):
    """Enter at open 1 and leave at open 2, both at 100."""
    return trade(
        bars,
        **{f"enter_{side}": {0}, f"exit_{side}": {1}},
        size=size,
        size_kind=SizeKind.UNITS,
        cash=1e6,
        **{f"costs__{name}": value for name, value in costs.items()},
    )


def fees(ledger):
    return ledger.fills["fee"].tolist()


SIDES = pytest.mark.parametrize("side", ["long", "short"])


@SIDES
@pytest.mark.parametrize(
    ("costs", "size", "fee"),
    [
        # 0.1 % of 10 · 100
        ({"rate_bps": 10.0}, 10.0, 1.0),
        # 2 + 0.1 % of 1000
        ({"rate_bps": 10.0, "fixed": 2.0}, 10.0, 3.0),
        # 10 · 0.02
        ({"rate_bps": 0.0, "per_unit": 0.02}, 10.0, 0.2),
        # 1 + 10 · 0.02 + 1
        ({"rate_bps": 10.0, "per_unit": 0.02, "fixed": 1.0}, 10.0, 2.2),
        # The sum of 2.2 is below the minimum of 5 and above one of 2.
        ({"rate_bps": 10.0, "per_unit": 0.02, "fixed": 1.0, "minimum": 5.0}, 10.0, 5.0),
        ({"rate_bps": 10.0, "per_unit": 0.02, "fixed": 1.0, "minimum": 2.0}, 10.0, 2.2),
        # Capped at 0.2 % of 1000, though fixed + rate are 6; the cap wins over the minimum too.
        ({"rate_bps": 10.0, "fixed": 5.0, "maximum_rate_bps": 20.0}, 10.0, 2.0),
        ({"rate_bps": 10.0, "minimum": 5.0, "maximum_rate_bps": 20.0}, 10.0, 2.0),
        # A cap above the fee does nothing.
        ({"rate_bps": 10.0, "fixed": 5.0, "maximum_rate_bps": 70.0}, 10.0, 6.0),
        # A cap of 0 makes every fill free.
        ({"rate_bps": 10.0, "minimum": 5.0, "maximum_rate_bps": 0.0}, 10.0, 0.0),
        ({"rate_bps": 10.0, "taker_bps": 20.0, "maker_bps": 5.0}, 10.0, 2.0),
        ({"rate_bps": 10.0, "maker_bps": 5.0}, 10.0, 1.0),
        ({"rate_bps": 10.0, "taker_bps": 0.0}, 10.0, 0.0),
    ],
)
def test_fee_of_market_orders(side, costs, size, fee):
    ledger = round_trip(side, size, **costs)

    assert fees(ledger) == pytest.approx([fee, fee], abs=1e-12)
    assert ledger.totals["fees"] == pytest.approx(-2 * fee, abs=1e-12)


@SIDES
def test_fee_is_charged_on_the_price_after_slippage(side):
    # 1 % of 101 and of 99, in the order in which the side pays them.
    ledger = trade(
        FLAT,
        **{f"enter_{side}": {0}, f"exit_{side}": {1}},
        size=1.0,
        size_kind=SizeKind.UNITS,
        costs__rate_bps=100.0,
        execution__slippage_bps=100.0,
    )

    expected = [1.01, 0.99] if side == "long" else [0.99, 1.01]
    assert fees(ledger) == pytest.approx(expected)


@SIDES
def test_fees_are_charged_per_fill(side):
    # Five units under a cap of 2 a bar: three fills in and three out, each with the minimum.
    ledger = round_trip(
        side,
        5.0,
        flat_bars([100] * 9, volume=[20.0] * 9),
        minimum=3.0,
    )
    capped = trade(
        flat_bars([100] * 9, volume=[20.0] * 9),
        **{f"enter_{side}": {0}, f"exit_{side}": {4}},
        size=5.0,
        size_kind=SizeKind.UNITS,
        costs__minimum=3.0,
        execution__participation=0.1,
    )

    assert fees(ledger) == [3.0] * 2
    assert fees(capped) == [3.0] * 6


@SIDES
def test_limits_and_targets_pay_the_maker_rate_stops_the_taker_rate(side):
    # Long: in at a limit of 96, out at a target of 105, in again at 96, out at a stop of 90.
    # The short is its mirror image about 100.
    rows = [
        (100,) * 4,
        (100, 100, 95, 97),
        (97, 110, 97, 100),
        (100, 100, 95, 97),
        (97, 97, 85, 85),
    ]
    levels = {"limit": 96.0, "target": 105.0, "stop": 90.0}
    if side == "short":
        rows = [(200 - o, 200 - low, 200 - h, 200 - c) for o, h, low, c in rows]
        levels = {name: 200 - level for name, level in levels.items()}

    ledger = trade(
        make_bars(rows),
        **{f"enter_{side}": {0, 2}, side: levels},
        size=1.0,
        size_kind=SizeKind.UNITS,
        costs__maker_bps=100.0,
        costs__taker_bps=500.0,
    )

    prices = [96, 105, 96, 90] if side == "long" else [104, 95, 104, 110]
    rates = [0.01, 0.01, 0.01, 0.05]
    assert fills(ledger, "reason", "fee") == [
        (reason, pytest.approx(price * rate))
        for reason, price, rate in zip(
            [Reason.LIMIT, Reason.TARGET, Reason.LIMIT, Reason.STOP], prices, rates, strict=True
        )
    ]


@SIDES
def test_stop_entries_pay_the_taker_rate_and_stop_limits_the_maker_rate(side):
    rows = [(100,) * 4, (100, 106, 100, 105)]
    trigger, limit = (105.0, 106.0) if side == "long" else (95.0, 94.0)
    if side == "short":
        rows = [(200 - o, 200 - low, 200 - h, 200 - c) for o, h, low, c in rows]
    options = {
        f"enter_{side}": {0},
        "size": 1.0,
        "size_kind": SizeKind.UNITS,
        "costs__maker_bps": 100.0,
        "costs__taker_bps": 500.0,
    }

    stop = trade(make_bars(rows), **options, **{side: {"trigger": trigger}})
    both = trade(make_bars(rows), **options, **{side: {"trigger": trigger, "limit": limit}})

    assert fees(stop) == [pytest.approx(0.05 * trigger)]
    assert fees(both) == [pytest.approx(0.01 * trigger)]
