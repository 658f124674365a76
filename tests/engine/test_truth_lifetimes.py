"""Truth tables of how long an order works: GTC, DAY, IOC and expiry by bars (F1, F2, F9, F13)."""

import pytest

from engine.types import OrderStatus, Reason
from tests.engine.scenario import fills, flat_bars, make_bars, orders, trade
from tests.engine.truth import AMPLE, QUIET, WORKERS

# (signals of one side, the bar that fills it, the price)
LONG_ORDERS = {
    "limit 95": ({"limit": 95.0}, (100, 101, 94, 99), 95.0),
    "stop 105": ({"trigger": 105.0}, (100, 106, 99, 104), 105.0),
    "stop 105 limit 106": ({"trigger": 105.0, "limit": 106.0}, (100, 106, 99, 104), 105.0),
}
SHORT_ORDERS = {
    "limit 105": ({"limit": 105.0}, (100, 106, 99, 101), 105.0),
    "stop 95": ({"trigger": 95.0}, (100, 101, 94, 96), 95.0),
    "stop 95 limit 94": ({"trigger": 95.0, "limit": 94.0}, (100, 101, 94, 96), 95.0),
}
ORDERS = [
    *[("long", name, *rest) for name, rest in LONG_ORDERS.items()],
    *[("short", name, *rest) for name, rest in SHORT_ORDERS.items()],
]
# (what is set, for how many of the symbol's own bars the order works)
LIVES = {
    "good till cancelled": ({}, 99),
    "day": ({"execution__time_in_force": "day"}, 1),
    "ioc": ({"execution__time_in_force": "ioc"}, 1),
    "1 bar": ({"expire_bars": 1}, 1),
    "2 bars": ({"expire_bars": 2}, 2),
    "3 bars": ({"expire_bars": 3}, 3),
    # A day order is a day order, whatever the formula says.
    "day, 3 bars": ({"expire_bars": 3, "execution__time_in_force": "day"}, 1),
}
N_BARS = 5


def work(side, prices, rows, days, by, **options):
    """Order at close 0 on A; B has a bar on every day."""
    bars = make_bars(rows, days=days)
    market = {"A": bars, "B": flat_bars([100.0] * (days[-1] + 1))}
    return trade(
        market, **{f"enter_{side}": {"A": {0}}, side: prices}, by=by, **{**AMPLE, **options}
    )


@pytest.mark.parametrize("by", WORKERS.values(), ids=WORKERS)
@pytest.mark.parametrize("days", [(0, 1, 2, 3, 4), (0, 3, 4, 8, 9)], ids=["every day", "gaps"])
@pytest.mark.parametrize("touched", range(1, N_BARS), ids=lambda k: f"touched in own bar {k}")
@pytest.mark.parametrize("life", LIVES)
@pytest.mark.parametrize("order", ORDERS, ids=lambda order: f"{order[0]} {order[1]}")
def test_order_works_for_its_bars_and_then_expires(order, life, touched, days, by):
    side, _, prices, bar, price = order
    options, n_bars = LIVES[life]
    rows = [bar if i == touched else QUIET for i in range(N_BARS)]

    ledger = work(side, prices, rows, days, by, **options)

    if touched <= n_bars:
        assert fills(ledger, "i_time", "price") == [(days[touched], price)]
        assert orders(ledger, "status") == [(OrderStatus.FILLED,)]
    else:
        assert fills(ledger) == []
        assert orders(ledger, "status", "reason") == [(OrderStatus.EXPIRED, Reason.EXPIRED)]


@pytest.mark.parametrize("by", WORKERS.values(), ids=WORKERS)
def test_order_that_nothing_reaches_still_works_at_the_end(by):
    ledger = work("long", {"limit": 95.0}, [QUIET] * 3, (0, 1, 2), by)

    assert orders(ledger, "status", "reason") == [(OrderStatus.WORKING, Reason.SIGNAL)]


@pytest.mark.parametrize("by", WORKERS.values(), ids=WORKERS)
@pytest.mark.parametrize("life", LIVES)
def test_market_order_does_not_expire_while_its_symbol_has_no_bar(life, by):
    options, _ = LIVES[life]

    ledger = work("long", {}, [QUIET, QUIET], (0, 7), by, **options)

    assert fills(ledger, "i_time", "price") == [(7, 100.0)]


@pytest.mark.parametrize("by", WORKERS.values(), ids=WORKERS)
def test_last_bar_of_an_order_counts_to_its_close(by):
    # F2 (e): expiry comes after the bar's own fills.
    ledger = work("long", {"limit": 95.0}, [QUIET, (100, 101, 95, 95)], (0, 1), by, expire_bars=1)

    assert orders(ledger, "status") == [(OrderStatus.FILLED,)]


@pytest.mark.parametrize("by", WORKERS.values(), ids=WORKERS)
def test_triggered_stop_limit_expires_by_the_age_of_the_order(by):
    # Triggered in bar 1 above its limit, touched as a limit in bar 3 only.
    rows = [QUIET, (108, 109, 107, 108), (108, 109, 107, 108), (107, 108, 105, 106)]
    prices = {"trigger": 105.0, "limit": 106.0}

    assert fills(work("long", prices, rows, (0, 1, 2, 3), by, expire_bars=2)) == []
    assert fills(work("long", prices, rows, (0, 1, 2, 3), by, expire_bars=3), "i_time") == [(3,)]


@pytest.mark.parametrize("by", WORKERS.values(), ids=WORKERS)
def test_children_do_not_expire_with_the_lifetime_of_their_entry(by):
    rows = [QUIET, QUIET, QUIET, QUIET, (100, 101, 89, 95)]
    prices = {"limit": 100.0, "stop": 90.0}

    ledger = work("long", prices, rows, range(5), by, execution__time_in_force="day")

    assert fills(ledger, "i_time", "price", "reason") == [
        (1, 100.0, Reason.LIMIT),
        (4, 90.0, Reason.STOP),
    ]


@pytest.mark.parametrize("by", WORKERS.values(), ids=WORKERS)
def test_an_expired_entry_makes_room_for_the_next_signal(by):
    rows = [QUIET, QUIET, QUIET, (100, 101, 94, 99)]
    market = {"A": make_bars(rows)}
    signals = {"enter_long": {"A": {0, 1, 2}}, "long": {"limit": 95.0}}

    ledger = trade(market, **signals, expire_bars=1, by=by, **AMPLE)

    # Orders of closes 0 and 1 live for one bar each; the third fills in bar 3.
    assert orders(ledger, "i_time", "status") == [
        (0, OrderStatus.EXPIRED),
        (1, OrderStatus.EXPIRED),
        (2, OrderStatus.FILLED),
    ]
