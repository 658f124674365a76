"""F13: missing bars."""

from tests.engine.scenario import fills, flat_bars, make_bars, orders, trade


def test_orders_wait_for_the_symbols_own_next_bar():
    market = {"A": flat_bars([10, 11, 12, 13]), "B": flat_bars([5, 6], days=(0, 3))}

    ledger = trade(market, enter_long={"B": {0}})

    assert fills(ledger, "i_time", "symbol", "price") == [(3, 1, 6.0)]


def test_symbol_without_a_bar_is_marked_at_its_last_close():
    market = {"A": flat_bars([10, 10, 10, 10]), "B": flat_bars([5, 5, 7], days=(0, 1, 3))}

    ledger = trade(market, enter_long={"B": {0}})

    # 200 shares: 1000 at 5 through the gap on day 2, then 7.
    assert ledger.equity.tolist() == [1000, 1000, 1000, 1400]
    assert ledger.stale_bars == 1


def test_expiry_counts_own_bars():
    market = {
        "A": flat_bars([10] * 5),
        "B": make_bars([(5, 5, 5, 5), (5, 5, 4, 5), (5, 5, 2, 5)], days=(0, 3, 4)),
    }
    signals = {"enter_long": {"B": {0}}, "long": {"limit": 3.0}}

    assert fills(trade(market, **signals, expire_bars=1)) == []
    assert fills(trade(market, **signals, expire_bars=2), "i_time", "price") == [(4, 3.0)]


def test_no_order_is_made_at_an_instant_without_an_own_bar():
    market = {"A": flat_bars([10] * 4), "B": flat_bars([5, 5, 6], days=(0, 2, 3))}

    ledger = trade(market, enter_long={"B": {1, 2}})

    # Day 1 is none of B's bars: the order is that of day 2.
    assert orders(ledger, "i_time", "symbol") == [(2, 1)]
    assert fills(ledger, "i_time", "price") == [(3, 6.0)]
