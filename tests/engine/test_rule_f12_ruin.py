"""F12: margin calls and ruin."""

import numpy as np
import pytest

import engine
from engine.types import OrderStatus, Reason, SizeKind
from tests.engine.scenario import fills, flat_bars, make_bars, orders, trade

TEN = {"size": 10.0, "size_kind": SizeKind.UNITS}


def test_margin_call_closes_at_the_next_open():
    # 20 shares at 100, debt 1000. At 60: equity 200 < 0.25 · 1200 -> out at the next open.
    bars = make_bars([(100,) * 4, (100,) * 4, (60,) * 4, (65,) * 4, (65,) * 4])

    ledger = trade(bars, enter_long={0}, size=2.0, margin__initial=0.5)

    assert fills(ledger)[1:] == [(3, -1, 20.0, 65.0, Reason.MARGIN)]
    assert ledger.equity.tolist() == [1000, 1000, 200, 300, 300]


def test_margin_call_takes_the_largest_open_loss_first_until_covered():
    # 10 A and 10 B at 100 on 1000 of debt. A falls to 50, B to 80: equity 300,
    # gross 1300, 0.25 of it 325: short. Without A (500) 0.25 · 800 = 200: covered.
    market = {
        "A": flat_bars([100, 100, 50, 50, 50]),
        "B": flat_bars([100, 100, 80, 80, 80]),
    }

    ledger = trade(market, enter_long={"A": {0}, "B": {0}}, size=1.0, margin__initial=0.5)

    assert fills(ledger, "i_time", "symbol", "reason")[2:] == [(3, 0, Reason.MARGIN)]


def test_signals_make_no_orders_while_a_forced_exit_waits():
    bars = make_bars([(100,) * 4, (100,) * 4, (60,) * 4, (65,) * 4, (65,) * 4])

    ledger = trade(bars, enter_long={0}, exit_long={2}, size=2.0, margin__initial=0.5)

    assert orders(ledger, "reason") == [(Reason.SIGNAL,), (Reason.MARGIN,)]


def test_ruin_closes_at_that_close_and_keeps_the_true_equity():
    # Short 10 at 99: cash 1990. At 210: equity -110; bought back at 210 · 1.01 for 2121: -131.
    bars = make_bars([(100,) * 4, (100,) * 4, (210,) * 4, (50,) * 4])

    ledger = trade(
        bars,
        enter_short={0},
        enter_long={1},
        long={"limit": 10.0},
        size=10.0,
        size_kind=SizeKind.UNITS,
        execution__slippage_bps=100.0,
    )

    assert fills(ledger)[1:] == [(2, 1, 10.0, pytest.approx(212.1), Reason.BANKRUPT)]
    assert ledger.equity[2:] == pytest.approx([-131, -131])
    assert ledger.gross_value[2:].tolist() == [0.0, 0.0]
    assert ledger.status == "bankrupt"
    assert orders(ledger, "status")[1] == (OrderStatus.CANCELLED,)


@pytest.mark.parametrize(("price", "n_fills"), [(62.5, 1), (62.4, 2)])
def test_equity_of_exactly_the_maintenance_margin_is_no_call(price, n_fills):
    # 20 shares on 1000 of debt: at 62.5 equity is 250 and 0.2 · 1250 = 250; at 62.4 it is 248
    # against 249.6.
    bars = flat_bars([100, 100, price, price])

    ledger = trade(bars, enter_long={0}, size=2.0, margin__initial=0.5, margin__maintenance=0.2)

    assert len(fills(ledger)) == n_fills


def test_ties_of_open_losses_go_by_name():
    # 10 of each on 1000 of debt; both fall to 62: 240 < 0.25 · 1240; without A 0.25 · 620 = 155.
    falling = [100, 100, 62, 62]
    market = {"B": flat_bars(falling), "A": flat_bars(falling)}

    ledger = trade(market, enter_long={"A": {0}, "B": {0}}, margin__initial=0.5, **TEN)

    assert fills(ledger, "i_time", "symbol", "reason")[2:] == [(3, 0, Reason.MARGIN)]


def test_as_many_positions_go_as_are_needed():
    # 10 of each on 2000 of debt, at 70, 80 and 85: equity 350, gross 2350. Needed: 587.5; without
    # A (the largest loss) 0.25 · 1650 = 412.5; without B too 0.25 · 850 = 212.5: C stays.
    market = {
        "C": flat_bars([100, 100, 85, 85]),
        "A": flat_bars([100, 100, 70, 70]),
        "B": flat_bars([100, 100, 80, 80]),
    }

    ledger = trade(market, enter_long={name: {0} for name in market}, margin__initial=0.25, **TEN)

    assert fills(ledger, "i_time", "symbol", "reason")[3:] == [
        (3, 0, Reason.MARGIN),
        (3, 1, Reason.MARGIN),
    ]


def test_short_is_called_like_a_long():
    # 10 sold at 100: cash 2000. At 170 equity is 300 < 0.25 · 1700; bought back at 160.
    bars = make_bars([(100,) * 4, (100,) * 4, (170,) * 4, (160,) * 4])

    ledger = trade(bars, enter_short={0})

    assert fills(ledger)[1:] == [(3, 1, 10.0, 160.0, Reason.MARGIN)]
    assert ledger.equity.tolist() == [1000, 1000, 300, 400]


def test_forced_exit_waits_for_the_symbols_own_next_bar():
    market = {"A": flat_bars([100, 100, 60, 58], days=(0, 1, 2, 5)), "B": flat_bars([1] * 6)}

    ledger = trade(market, enter_long={"A": {0}}, size=2.0, margin__initial=0.5)

    assert fills(ledger, "i_time", "price", "reason")[1:] == [(5, 58.0, Reason.MARGIN)]


def test_equity_of_exactly_zero_is_ruin():
    # 10 sold at 100: cash 2000; at 200 nothing is left.
    ledger = trade(flat_bars([100, 100, 200, 50]), enter_short={0})

    assert ledger.status == "bankrupt"
    assert ledger.equity.tolist() == [1000, 1000, 0, 0]


def test_ruin_closes_every_symbol_and_makes_no_more_orders():
    market = {"A": flat_bars([100, 100, 230, 5]), "B": flat_bars([50, 50, 60, 60])}
    signals = {"enter_short": {"A": {0}}, "enter_long": {"B": {0, 3}, "A": {3}}}

    ledger = trade(market, **signals, margin__initial=0.5, costs__fixed=1.0, **TEN)

    # Cash 1000 + 1000 − 1 − 500 − 1 = 1498; at 230 and 60: 1498 − 2300 + 600 = −202. Both are
    # closed for 1 each, in the order of their names.
    assert fills(ledger, "i_time", "symbol", "price", "reason")[2:] == [
        (2, 0, 230.0, Reason.BANKRUPT),
        (2, 1, 60.0, Reason.BANKRUPT),
    ]
    assert ledger.equity.tolist() == [1000, 998, -204, -204]
    assert ledger.cash.tolist() == [1000, 1498, -204, -204]
    assert len(orders(ledger, "status")) == 4


def test_metrics_end_at_the_first_zero():
    # Equity 1000, 1000, 500, −100, −100: returns 0, −0.5, −1 and none after.
    price = np.array([100.0, 100, 150, 210, 210])
    bars = engine.Bars(86_400_000 * np.arange(5), *[price] * 4, np.ones(5))
    config = {
        "strategy": {"formula": {"enter_short": "bar_index == 0"}},
        "cash": 1000.0,
        "sizing": {"kind": "units", "value": 10},
        "costs": {"rate_bps": 0},
        "execution": {"slippage_bps": 0},
        "margin": {"maintenance": 0.0},
        "periods_per_year": 1,
    }

    result = engine.backtest({"A": bars}, config)

    assert result.equity["equity"].tolist() == [1000, 1000, 500, -100, -100]
    assert result.equity["exposure"].tolist() == [0, 1, 3, 0, 0]
    assert result.metrics["final_equity"] == -100.0
    assert result.metrics["total_return"] == -1.0
    assert result.metrics["volatility"] == pytest.approx(np.std([0, -0.5, -1], ddof=1))
