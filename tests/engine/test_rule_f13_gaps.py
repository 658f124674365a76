"""F13, F14, F15: missing bars, corporate actions, the end of a series and of a run."""

import numpy as np
import pytest

from engine.types import OrderStatus, Reason, SizeKind
from tests.engine.scenario import DAY_MS, fills, flat_bars, make_bars, orders, trade, trades


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


def test_split_multiplies_shares_and_divides_the_levels():
    # 10 shares at 100, stop 90 -> 20 shares, stop 45.
    bars = make_bars(
        [(100,) * 4, (100,) * 4, (50, 50, 46, 50), (50, 50, 44, 50)],
        splits=((2 * DAY_MS, 2.0),),
    )

    ledger = trade(bars, enter_long={0}, long={"stop": 90.0})

    assert ledger.equity.tolist() == [1000, 1000, 1000, 900]
    assert fills(ledger)[1:] == [(3, -1, 20.0, 45.0, Reason.STOP)]
    # The row is in the shares of the exit.
    assert trades(ledger, "quantity", "entry_price", "exit_price", "pnl") == [
        (20.0, 50.0, 45.0, -100.0)
    ]


def test_split_changes_working_orders():
    bars = make_bars(
        [(100,) * 4, (100,) * 4, (50, 50, 46, 50), (50, 50, 44, 50)],
        splits=((2 * DAY_MS, 2.0),),
    )

    ledger = trade(bars, enter_long={0}, long={"limit": 90.0}, size=3.0, size_kind=SizeKind.UNITS)

    # 3 shares at a limit of 90 become 6 at 45.
    assert fills(ledger, "i_time", "quantity", "price") == [(3, 6.0, 45.0)]


def test_fraction_of_a_share_is_sold_at_the_open_when_lots_are_whole():
    # 5 shares, 3 for 2: 7.5; the half is sold at the open of 70 without costs.
    bars = make_bars([(100,) * 4, (100,) * 4, (70, 80, 60, 75)], splits=((2 * DAY_MS, 1.5),))

    ledger = trade(
        bars,
        enter_long={0},
        size=5.0,
        size_kind=SizeKind.UNITS,
        lot=1.0,
        execution__slippage_bps=100.0,
        costs__fixed=1.0,
    )

    assert fills(ledger, "i_time", "quantity", "price", "fee", "reason")[1:] == [
        (2, 0.5, 70.0, 0.0, Reason.SPLIT)
    ]
    assert trades(ledger, "quantity", "exit_reason", "open") == [
        (0.5, Reason.SPLIT, False),
        (7.0, -1, True),
    ]
    # 1000 - 505 - 1 + 35, and 7 shares at 75.
    assert ledger.equity[-1] == pytest.approx(1000 - 506 + 35 + 7 * 75)


def test_action_without_a_bar_acts_at_the_next_bar_a_split_first():
    # Held 10 at day 1; split 2:1 and 0.5 a (new) share, both on day 2, act at day 4: 20 · 0.5.
    market = {
        "A": flat_bars(
            [100, 100, 50],
            days=(0, 1, 4),
            splits=((2 * DAY_MS, 2.0),),
            dividends=((2 * DAY_MS, 0.5),),
        ),
        "B": flat_bars([1] * 5),
    }

    ledger = trade(market, enter_long={"A": {0}})

    assert ledger.equity.tolist() == [1000, 1000, 1000, 1000, 1010]
    assert ledger.totals["dividends"] == 10.0


def test_dividend_goes_to_the_holder_at_the_close_before():
    # Ex-date on day 2: bought at open 2 gets none, sold at open 2 gets it; shorts pay.
    bars = flat_bars([10, 10, 10, 10], dividends=((2 * DAY_MS, 1.0),))

    assert trade(bars, enter_long={1}).totals["dividends"] == 0.0
    assert trade(bars, enter_long={0}, exit_long={1}).totals["dividends"] == 100.0
    assert trade(bars, enter_short={0}).totals["dividends"] == -100.0


def test_splits_alone_change_nothing_but_the_shares():
    rng = np.random.default_rng(5)
    closes = 100 * np.exp(np.cumsum(rng.normal(0, 0.02, 60)))
    ratio = np.ones(60)
    ratio[20:] *= 3.0
    ratio[40:] *= 0.5
    raw = flat_bars(closes / ratio, splits=((20 * DAY_MS, 3.0), (40 * DAY_MS, 0.5)))
    signals = {"enter_long": {5, 30}, "exit_long": {25, 50}, "long": {"stop": (0.0, 0.95)}}

    split, adjusted = trade(raw, **signals), trade(flat_bars(closes), **signals)

    assert split.equity == pytest.approx(adjusted.equity, rel=1e-9)
    assert split.trades["mae"] == pytest.approx(adjusted.trades["mae"], abs=1e-9)


def test_position_is_not_closed_at_the_end_unless_asked():
    bars = flat_bars([10, 10, 12])
    costs = {"execution__slippage_bps": 100.0, "enter_long": {0}, "size": 0.5}

    kept = trade(bars, **costs)
    closed = trade(bars, **costs, execution__finalize=True)

    assert kept.market_value[-1] > 0.0
    assert fills(closed, "i_time", "price", "reason")[1:] == [
        (2, pytest.approx(12 * 0.99), Reason.END)
    ]
    assert closed.market_value[-1] == 0.0


def test_delisted_symbol_is_forced_out_at_its_last_close():
    market = {"A": flat_bars([10, 10, 8], delisted=True), "B": flat_bars([1] * 5)}

    ledger = trade(market, enter_long={"A": {0, 2}})

    assert fills(ledger)[1:] == [(2, -1, 100.0, 8.0, Reason.DELISTED)]
    # Nothing can fill after the last bar, so its signal there makes no order.
    assert orders(ledger, "reason") == [(Reason.SIGNAL,), (Reason.DELISTED,)]
    assert ledger.equity.tolist() == [1000, 1000, 800, 800, 800]


def test_waiting_orders_of_a_delisted_symbol_are_cancelled():
    market = {"A": flat_bars([10, 10], delisted=True), "B": flat_bars([1] * 4)}

    ledger = trade(market, enter_long={"A": {0}}, long={"limit": 5.0})

    assert orders(ledger, "status", "reason") == [(OrderStatus.CANCELLED, Reason.DELISTED)]
