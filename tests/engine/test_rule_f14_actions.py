"""F14: splits and dividends on raw prices."""

import numpy as np
import pytest

import engine
from engine.types import Reason, SizeKind
from tests.engine.scenario import DAY_MS, fills, flat_bars, make_bars, trade, trades

UNITS = {"size_kind": SizeKind.UNITS}
FREE = {"costs": {"rate_bps": 0}, "execution": {"slippage_bps": 0}}


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


def test_split_leaves_the_money_of_a_waiting_cash_order():
    # 600 of cash at a limit of 80 become 600 at 40: 15 shares, not 7.5 or 30.
    bars = make_bars([(100,) * 4, (100,) * 4, (50, 50, 39, 45)], splits=((2 * DAY_MS, 2.0),))

    ledger = trade(bars, enter_long={0}, long={"limit": 80.0}, size=600.0, size_kind=SizeKind.CASH)

    assert fills(ledger, "quantity", "price") == [(15.0, 40.0)]


def test_reverse_split_sells_the_fraction_too():
    # 10 shares, 1 for 4: 2.5; half a share is sold at the open of 410.
    bars = make_bars(
        [(100,) * 4, (100,) * 4, (410, 410, 400, 400)], splits=((2 * DAY_MS, 0.25),), lot=1.0
    )

    ledger = trade(bars, enter_long={0}, size=10.0, lot=None, **UNITS)

    assert fills(ledger, "quantity", "price", "reason")[1:] == [(0.5, 410.0, Reason.SPLIT)]
    assert ledger.equity.tolist() == [1000, 1000, 205 + 2 * 400]


def test_fraction_of_a_short_is_bought_back():
    # 5 sold at 100, 3 for 2: 7.5; half a share bought at 70 without costs: 1500 − 35.
    bars = flat_bars([100, 100, 70], splits=((2 * DAY_MS, 1.5),))

    ledger = trade(bars, enter_short={0}, size=5.0, lot=1.0, execution__slippage_bps=0.0, **UNITS)

    assert fills(ledger, "side", "quantity", "price", "fee", "reason")[1:] == [
        (1, 0.5, 70.0, 0.0, Reason.SPLIT)
    ]
    assert ledger.cash.tolist() == [1000, 1500, 1465]


@pytest.mark.parametrize("lot", [0.0, 0.5, 0.001])
def test_fractions_stay_when_lots_are_not_whole(lot):
    bars = flat_bars([100, 100, 70], splits=((2 * DAY_MS, 1.5),))

    ledger = trade(bars, enter_long={0}, size=5.0, lot=lot, **UNITS)

    assert len(fills(ledger)) == 1
    assert ledger.market_value[-1] == pytest.approx(7.5 * 70)


def test_dividends_equal_a_ledger_made_by_hand():
    # 10 bought at open 1; 1.5 a share on day 2; 2 for 1 on day 3; 0.25 on day 4 for 20 shares;
    # sold at open 5, whose dividend belongs to the holder at close 4; none on day 6.
    bars = flat_bars(
        [20, 20, 20, 10, 10, 10, 10],
        splits=((3 * DAY_MS, 2.0),),
        dividends=((2 * DAY_MS, 1.5), (4 * DAY_MS, 0.25), (5 * DAY_MS, 0.5), (6 * DAY_MS, 9.0)),
    )

    ledger = trade(bars, enter_long={0}, exit_long={4}, size=10.0, **UNITS)

    assert ledger.cash.tolist() == [1000, 800, 815, 815, 820, 820 + 10 + 200, 1030]
    assert ledger.totals["dividends"] == 15 + 5 + 10


def test_dividend_on_the_day_of_a_split_is_paid_on_the_new_shares():
    bars = flat_bars([20, 20, 10], splits=((2 * DAY_MS, 2.0),), dividends=((2 * DAY_MS, 0.5),))

    ledger = trade(bars, enter_long={0}, size=10.0, **UNITS)

    assert ledger.totals["dividends"] == 20 * 0.5


def bars_with_a_split(closes):
    """Daily bars of one price each with two new shares for one on day 3."""
    price = np.array(closes, dtype=float)
    time = DAY_MS * np.arange(price.size)
    return engine.Bars(
        time, *[price] * 4, np.ones(price.size), splits=((3 * DAY_MS, 2.0),), lot=0.0
    )


def fills_of(formula, closes):
    """Return (day, price) of the fills of a formula."""
    config = {"strategy": {"formula": formula}, **FREE, "cash": 1000.0}
    result = engine.backtest({"A": bars_with_a_split(closes)}, config, checks=False)
    days = (result.fills["time"] // DAY_MS).tolist()
    return list(zip(days, result.fills["price"].tolist(), strict=True))


def test_formula_reads_past_values_in_the_shares_of_the_bar():
    # At day 3 the mean of 100, 102 and 51.5 is, in its shares, (50 + 51 + 51.5)/3 = 50.8: the
    # close is above it. Of raw prices it would be 84.5.
    closes = [104, 100, 102, 51.5, 51.5]

    bought = fills_of({"enter_long": "bar_index == 3 and close > sma(close, 3)"}, closes)

    assert bought == [(4, 51.5)]


def test_offset_crosses_a_split_in_the_shares_of_the_bar():
    # close[1] at day 3 is 102 / 2 = 51: a limit there fills at the raw open of 50.5.
    closes = [104, 100, 102, 51.5, 50.5]

    bought = fills_of({"enter_long": "bar_index == 3", "limit_long": "close[1]"}, closes)

    assert bought == [(4, 50.5)]
    # And before the split in the shares of then: close[1] at day 2 is 100; that limit is 50 from
    # day 3 on, which 51.5 and 50.5 do not reach.
    assert fills_of({"enter_long": "bar_index == 2", "limit_long": "close[1]"}, closes) == []


def test_dividends_do_not_change_what_a_formula_reads():
    price = np.array([10.0, 10, 10, 9, 9])
    bars = engine.Bars(
        DAY_MS * np.arange(5), *[price] * 4, np.ones(5), dividends=((3 * DAY_MS, 1.0),)
    )

    assert engine.indicator("close[1]", bars).tolist()[1:] == [10, 10, 10, 9]
