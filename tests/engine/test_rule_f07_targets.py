"""F7, last paragraph: target weights, by hand (with F2, F10, F11, F13, F14, F18)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from engine.market import build_market
from engine.simulation import simulate
from engine.types import Bars, Ledger, OrderStatus, Reason, Targets
from tests.engine.scenario import fills, flat_bars, make_bars, make_config, orders, trades

BUY, SELL = 1, -1
LEAVE = np.nan


def hold(
    bars: Mapping[str, Bars],
    weights: Mapping[int, Mapping[str, float]],
    *,
    band: float | None = None,
    **options,
) -> Ledger:
    """Trade weights by bar and symbol; a symbol left out is left alone."""
    market = build_market(bars)
    at = sorted(weights)
    rows = [[weights[i].get(name, LEAVE) for name in market.symbols] for i in at]
    targets = Targets(
        at=np.array(at, np.int64), rows=np.array(rows), n_times=market.time.size, band=band
    )
    return simulate(market, targets, make_config(**options))


def deals(ledger: Ledger) -> list[tuple]:
    return fills(ledger, "i_time", "symbol", "side", "quantity", "price")


def test_weights_are_of_the_equity_at_the_opens_of_the_next_bar():
    # 1000 in cash: half is 500, at the opens 10 and 25 that is 50 and 20 shares.
    bars = {
        "A": make_bars([(8, 8, 8, 8), (10, 12, 10, 12)]),
        "B": make_bars([(20, 20, 20, 20), (25, 25, 20, 20)]),
    }

    ledger = hold(bars, {0: {"A": 0.5, "B": 0.5}})

    assert deals(ledger) == [(1, 0, BUY, 50, 10), (1, 1, BUY, 20, 25)]
    assert ledger.equity.tolist() == [1000, 50 * 12 + 20 * 20]
    assert set(ledger.fills["reason"]) == {Reason.REBALANCE}
    assert orders(ledger, "side", "type", "quantity", "status", "reason") == [
        (BUY, 0, 50, OrderStatus.FILLED, Reason.REBALANCE),
        (BUY, 0, 20, OrderStatus.FILLED, Reason.REBALANCE),
    ]


def test_equity_is_marked_at_the_opens_before_any_trade():
    # 100 A bought at 10. At the next opens A is worth 12 each: 1200. Half is 600, so 50 A go at
    # 12, and 600 / 20 = 30 B come.
    bars = {"A": flat_bars([10, 10, 12, 12]), "B": flat_bars([20, 20, 20, 20])}

    ledger = hold(bars, {0: {"A": 1.0}, 1: {"A": 0.5, "B": 0.5}})

    assert deals(ledger) == [(1, 0, BUY, 100, 10), (2, 0, SELL, 50, 12), (2, 1, BUY, 30, 20)]


def test_sells_come_first_whatever_the_names():
    bars = {"A": flat_bars([10] * 4), "B": flat_bars([10] * 4)}

    ledger = hold(bars, {0: {"B": 1.0}, 1: {"A": 1.0, "B": 0.0}})

    assert deals(ledger) == [(1, 1, BUY, 100, 10), (2, 1, SELL, 100, 10), (2, 0, BUY, 100, 10)]


@pytest.mark.parametrize(
    ("weight", "lot", "expected"),
    [
        # w·E − q·mark = 700 − 1000 = −300; a sale gets 9.9 and pays 1 a share: 8.9 each, so
        # 33.7… shares; the largest lot multiple with Δ·p + fee ≤ −300 is −34, of lots of 5: −35.
        (0.7, 0.0, 300 / 8.9),
        (0.7, 1.0, 34),
        (0.7, 5.0, 35),
        # Nothing left to sell beyond the position: 0.0001·1000 − 1000 = −999.9 needs 112 shares.
        (0.0001, 1.0, 100),
        (0.0, 1.0, 100),
    ],
)
def test_a_sale_takes_the_least_that_brings_the_weight_after_costs(weight, lot, expected):
    # With 1 % slippage and 1 a share a purchase costs 10.1 + 1 = 11.1 a share: 1110 buy 100.
    bars = {"A": flat_bars([10, 10, 10, 10])}
    cash = 100 * 11.1
    costs = {"rate_bps": 0.0, "per_unit": 1.0}

    ledger = hold(
        bars,
        {0: {"A": 1.0}, 1: {"A": weight}},
        cash=cash,
        lot=lot,
        costs=costs,
        execution__slippage_bps=100.0,
    )

    # E is 100 · 10 = 1000 after the purchase, which spent everything.
    assert deals(ledger)[0][2:4] == (BUY, pytest.approx(100))
    assert deals(ledger)[1][2:4] == (SELL, pytest.approx(expected))


def test_a_purchase_takes_the_most_that_the_weight_pays_for():
    # 505 = x · 10.1 with 1 % slippage and no fee: 50 shares of half the 1010.
    ledger = hold(
        {"A": flat_bars([10, 10])}, {0: {"A": 0.5}}, cash=1010.0, lot=1.0,
        execution__slippage_bps=100.0,
    )  # fmt: skip

    assert deals(ledger) == [(1, 0, BUY, 50, pytest.approx(10.1))]


def test_buys_are_scaled_by_one_factor_when_cash_is_short():
    # All of C (100 · 10 = 1000) is sold with a fee of 10 %: 900 come in. The weights ask for
    # A 600 and B 400, each less 10 % of its own: x · 10 · 1.1 = 600 is 54.54…, 400 is 36.36…,
    # which cost 1000 together. One factor of 0.9 is left: 49.09… and 32.72….
    bars = {name: flat_bars([10] * 4) for name in "ABC"}

    ledger = hold(
        bars,
        {0: {"C": 1.0}, 1: {"A": 0.6, "B": 0.4, "C": 0.0}},
        cash=1100.0,
        costs={"rate_bps": 1000.0},
    )

    assert deals(ledger)[1:] == [
        (2, 2, SELL, pytest.approx(100), 10),
        (2, 0, BUY, pytest.approx(0.9 * 600 / 11), 10),
        (2, 1, BUY, pytest.approx(0.9 * 400 / 11), 10),
    ]
    assert ledger.cash[2] == pytest.approx(0.0, abs=1e-9)


def test_scaled_buys_are_floored_to_lots():
    bars = {name: flat_bars([10] * 4) for name in "ABC"}

    ledger = hold(
        bars,
        {0: {"C": 1.0}, 1: {"A": 0.6, "B": 0.4, "C": 0.0}},
        cash=1100.0,
        lot=1.0,
        costs={"rate_bps": 1000.0},
    )

    # In whole lots the weights ask for 54 and 36, which cost 990; 900 / 990 of them is 49.09, 32.7.
    assert [deal[3] for deal in deals(ledger)] == [100, 100, 49, 32]


def test_the_covering_part_of_a_buy_is_never_scaled():
    # Short 50 A at 10 (500 in, 1500 cash), margin 100 %: the short binds 500 of equity 1000, and
    # B long 50 binds the other 500. Then A to +1.0 and B to 0: B sells 50 for 500; A covers its
    # 50 (the margin is free), and opens 100 for all of its 1000. Nothing is short: no scaling.
    bars = {"A": flat_bars([10] * 4), "B": flat_bars([10] * 4)}

    ledger = hold(bars, {0: {"A": -0.5, "B": 0.5}, 1: {"A": 1.0, "B": 0.0}})

    assert deals(ledger) == [
        (1, 0, SELL, 50, 10), (1, 1, BUY, 50, 10),
        (2, 1, SELL, 50, 10), (2, 0, BUY, 150, 10),
    ]  # fmt: skip
    assert fills(ledger, "reason")[-1] == (Reason.FLIP,)
    assert trades(ledger, "side", "quantity", "exit_reason")[:2] == [
        (BUY, 50, Reason.REBALANCE), (SELL, 50, Reason.FLIP),
    ]  # fmt: skip

    # With weight 2 the opening part alone is cut to what 1000 of equity margins: 50 + 100.
    ledger = hold(bars, {0: {"A": -0.5, "B": 0.5}, 1: {"A": 2.0, "B": 0.0}})
    assert deals(ledger)[-1] == (2, 0, BUY, 150, 10)


def test_a_sale_that_opens_obeys_margin_and_limits():
    bars = {"A": flat_bars([10] * 2), "B": flat_bars([10] * 2)}

    # Equity 1000 margins 1000: A takes 800 of it, B 200 of its 800.
    ledger = hold(bars, {0: {"A": -0.8, "B": -0.8}})
    assert deals(ledger) == [(1, 0, SELL, 80, 10), (1, 1, SELL, 20, 10)]

    ledger = hold(bars, {0: {"A": -0.8, "B": -0.8}}, execution__cash_policy="reject")
    assert deals(ledger) == [(1, 0, SELL, 80, 10)]
    assert orders(ledger, "status", "reason")[1] == (OrderStatus.REJECTED, Reason.CASH)

    ledger = hold(bars, {0: {"A": -0.8}}, risk={"max_weight": 0.3})
    assert deals(ledger) == [(1, 0, SELL, 30, 10)]

    ledger = hold(bars, {0: {"A": 0.8, "B": 0.8}}, risk={"max_gross": 0.9})
    assert deals(ledger) == [(1, 0, BUY, 80, 10), (1, 1, BUY, 10, 10)]


def test_an_order_with_nothing_to_trade_is_cancelled():
    ledger = hold({"A": flat_bars([10] * 4)}, {0: {"A": 0.5}, 1: {"A": 0.5}, 2: {"A": LEAVE}})

    assert len(ledger.fills["side"]) == 1
    assert orders(ledger, "status", "reason") == [
        (OrderStatus.FILLED, Reason.REBALANCE), (OrderStatus.CANCELLED, Reason.REBALANCE),
    ]  # fmt: skip


def test_nothing_is_ordered_for_a_weight_of_nothing_that_is_not_held():
    assert hold({"A": flat_bars([10] * 3)}, {0: {"A": 0.0}}).orders["side"].size == 0


def test_a_symbol_without_a_bar_waits_for_its_own_next_one():
    # B has no bar on day 1: its order fills on day 2, by the equity of that open.
    bars = {"A": flat_bars([10, 10, 20]), "B": flat_bars([10, 10], days=[0, 2])}

    ledger = hold(bars, {0: {"A": 0.5, "B": 0.5}})

    # Day 2: 50 A at 20 and 500 in cash are 1500; half of it is 75 B, for which 500 pays 50.
    assert deals(ledger) == [(1, 0, BUY, 50, 10), (2, 1, BUY, 50, 10)]


def test_a_new_weight_replaces_an_order_that_waits():
    bars = {"A": flat_bars([10, 10, 10, 10]), "B": flat_bars([10, 10], days=[0, 3])}

    ledger = hold(bars, {0: {"B": 0.5}, 1: {"B": 0.2}, 2: {"B": 0.2}})

    assert deals(ledger) == [(3, 1, BUY, 20, 10)]
    assert orders(ledger, "i_time", "status") == [
        (0, OrderStatus.CANCELLED), (1, OrderStatus.FILLED),
    ]  # fmt: skip


def test_a_symbol_that_is_not_listed_yet_is_bought_at_its_first_open():
    bars = {"A": flat_bars([10, 10, 10]), "B": flat_bars([5], days=[2])}

    assert deals(hold(bars, {0: {"B": 0.5}})) == [(2, 1, BUY, 100, 5)]


@pytest.mark.parametrize(
    ("fill", "expected"),
    [
        # 500 at the close of the bar itself, or of the next one.
        ("this_close", [(0, 0, BUY, 50, 10)]),
        ("next_close", [(1, 0, BUY, 25, 20)]),
    ],
)
def test_orders_at_a_close(fill, expected):
    bars = {"A": make_bars([(8, 10, 8, 10), (10, 20, 10, 20)])}

    assert deals(hold(bars, {0: {"A": 0.5}}, execution__fill=fill)) == expected


def test_a_band_rebalances_all_when_one_weight_has_drifted_further():
    # 50 A and 50 B at 10. At 12, A is 600 of 1100: 0.545, within 0.05. At 13 it is 650 of 1150:
    # 0.565, beyond; at the next open both are put to 575: A to 44.23, B to 57.5.
    bars = {"A": flat_bars([10, 10, 12, 13, 13, 13]), "B": flat_bars([10] * 6)}
    every_bar = {i: {"A": 0.5, "B": 0.5} for i in range(6)}

    ledger = hold(bars, every_bar, band=0.05)

    assert deals(ledger)[2:] == [
        (4, 0, SELL, pytest.approx(75 / 13), 13), (4, 1, BUY, pytest.approx(7.5), 10),
    ]  # fmt: skip


def test_a_split_and_a_dividend_act_on_what_weights_bought():
    # 100 A at 10; a 2:1 split on day 2 makes 200 at 5; a dividend of 1 on day 3 pays 200.
    day = 86_400_000
    bars = flat_bars([10, 10, 5, 5], splits=((2 * day, 2.0),), dividends=((3 * day, 1.0),))

    ledger = hold({"A": bars}, {0: {"A": 1.0}})

    assert ledger.equity.tolist() == [1000, 1000, 1000, 1200]
    assert ledger.totals["dividends"] == 200


def test_a_margin_call_closes_a_short_and_the_drawdown_stop_everything():
    # Short 100 at 10, cash 2000. At 18 equity is 200 < 0.25 · 1800: called, out at the open 18.
    ledger = hold({"A": flat_bars([10, 10, 18, 18, 18])}, {0: {"A": -1.0}, 2: {"A": -1.0}})
    assert fills(ledger, "i_time", "reason") == [(1, Reason.REBALANCE), (3, Reason.MARGIN)]

    # A fall of 20 % (the limit is 19) stops the run, and weights are not followed any more.
    ledger = hold(
        {"A": flat_bars([10, 10, 8, 8, 8])},
        {0: {"A": 1.0}, 3: {"A": 1.0}},
        risk={"max_drawdown_stop": 0.19},
    )
    assert ledger.status == "stopped"
    assert fills(ledger, "i_time", "reason") == [(1, Reason.REBALANCE), (3, Reason.RISK)]


def test_a_delisted_symbol_is_forced_out_and_not_ordered_again():
    bars = {"A": flat_bars([10, 10, 9], delisted=True), "B": flat_bars([10] * 5)}

    ledger = hold(bars, {0: {"A": 0.5}, 3: {"A": 0.5, "B": 0.5}})

    # 50 A go at 9: 950 in all, of which half is 475, or 47.5 B.
    assert fills(ledger, "i_time", "quantity", "reason") == [
        (1, 50, Reason.REBALANCE), (2, 50, Reason.DELISTED), (4, 47.5, Reason.REBALANCE),
    ]  # fmt: skip
    assert len(ledger.orders["side"]) == 3


def test_rows_of_many_lots_are_matched_first_in_first_out():
    """Daily purchases make more open entries than there is room for at first."""
    n = 60
    bars = {"A": flat_bars([10.0] * n), "B": flat_bars([10.0] * n)}
    rising = {i: {"A": (i + 1) / (2 * n)} for i in range(n - 2)} | {n - 2: {"A": 0.0}}

    ledger = hold(bars, rising)

    assert len(ledger.fills["side"]) == n - 1
    assert trades(ledger, "entry_i") == [(i + 1,) for i in range(n - 2)]
    assert ledger.cash[-1] == pytest.approx(1000.0)
