"""Contributions and withdrawals, by hand (docs/execution-rules.md, "Flows")."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

import engine
from engine.events import event_table
from engine.flows import flow_bars
from engine.market import build_market
from engine.simulation import simulate
from engine.tables import equity_table
from engine.types import Bars
from tests.engine.reference.flows import period_of
from tests.engine.scenario import flat_bars, make_config, make_side, trade

DAY_MS = 86_400_000


def test_money_comes_at_the_close_of_the_first_bar_of_each_new_period():
    # 1970-01-01 is a Thursday: weeks begin on days 4 and 11.
    ledger = trade(flat_bars([10.0] * 13), flows={"amount": 100.0, "every": "week"})

    assert np.flatnonzero(ledger.flow).tolist() == [4, 11]
    assert ledger.equity.tolist() == [1000.0] * 4 + [1100.0] * 7 + [1200.0] * 2
    assert ledger.totals["contributions"] == 200.0
    assert ledger.recon_error == 0.0


@pytest.mark.parametrize("every", ["day", "week", "month", "quarter", "year"])
def test_periods_are_those_of_plain_dates(every):
    rng = np.random.default_rng(4)
    time = np.cumsum(rng.integers(1, 40, 300)) * 6 * 3_600_000

    expected = [
        i
        for i in range(4, 300)
        if period_of(int(time[i]), every) != period_of(int(time[i - 1]), every)
    ]

    assert flow_bars(time, 3, every).tolist() == expected


def test_a_contribution_is_there_for_orders_at_the_next_open():
    # 100 A for 1000 at bar 1; a second entry, ordered at close 2, fills at the open of bar 3.
    ledger = trade(
        flat_bars([10.0] * 4),
        enter_long=[0, 2],
        pyramiding=2,
        flows={"amount": 500.0, "every": "day"},
    )

    # Bars 1, 2 and 3 bring 500 each: at the open of bar 3 there are 1000 in cash.
    assert ledger.fills["quantity"].tolist() == [100.0, 100.0]
    assert ledger.equity.tolist() == [1000.0, 1500.0, 2000.0, 2500.0]


def test_a_withdrawal_takes_no_more_than_the_cash_and_is_not_caught_up():
    # 60 A for 600 leave 400: 300 and 100 can be taken; nothing on bar 3.
    ledger = trade(
        flat_bars([10.0] * 5), enter_long=[0], size=0.6, flows={"amount": -300.0, "every": "day"}
    )

    assert ledger.flow.tolist() == [0.0, -300.0, -100.0, 0.0, 0.0]
    assert ledger.equity[-1] == 600.0
    assert ledger.totals["contributions"] == -400.0


def test_a_withdrawal_leaves_the_margin_of_a_short():
    # Short 50 at 10: 1500 in cash, but 500 are owed and 500 are its margin; 500 may go.
    ledger = trade(
        flat_bars([10.0] * 3), enter_short=[0], size=0.5, flows={"amount": -2000.0, "every": "day"}
    )

    assert ledger.flow.tolist() == [0.0, -500.0, 0.0]
    assert ledger.equity.tolist() == [1000.0, 500.0, 500.0]


def test_money_from_outside_is_neither_gain_nor_drawdown():
    bars = flat_bars([10.0, 10.0, 9.0, 8.1])

    ledger = trade(bars, enter_long=[0], flows={"amount": 900.0, "every": "day"})

    # Equity 1000, 1900, 900 + 900 + 900, 810 + 2700.
    assert ledger.equity.tolist() == pytest.approx([1000.0, 1900.0, 2700.0, 3510.0])
    # Returns without flows: (1900 − 900)/1000, (2700 − 900)/1900, (3510 − 900)/2700.
    falls = np.cumprod([1.0, 1.0, 1800 / 1900, 2610 / 2700]) - 1.0
    assert equity_table(ledger, 1000.0)["drawdown"] == pytest.approx(falls)


@pytest.mark.parametrize(("amount", "status"), [(1000.0, "stopped"), (0.0, "done")])
def test_the_drawdown_stop_does_not_see_contributions(amount, status):
    # All in 100 A at 10 (1000), 1000 more on bar 1 (2000, peak 2000 with the money). At 6 the
    # equity is 600 + 1000 = 1600: 20 % below, over the limit of 15. Without flows −10 % is not.
    closes = [10.0, 10.0, 6.0, 6.0] if amount else [10.0, 10.0, 9.0, 9.0]
    flows = {"amount": amount, "every": "day"} if amount else None

    ledger = trade(flat_bars(closes), enter_long=[0], flows=flows, risk__max_drawdown_stop=0.15)

    assert ledger.status == status


def test_a_withdrawal_does_not_trip_the_drawdown_stop():
    ledger = trade(
        flat_bars([10.0] * 4),
        flows={"amount": -300.0, "every": "day"},
        risk__max_drawdown_stop=0.1,
    )

    assert ledger.status == "done"
    assert ledger.equity.tolist() == [1000.0, 700.0, 400.0, 100.0]


def test_nothing_moves_after_ruin():
    # Short 100 at 10; at 25 equity is 2000 + 100 − 2500 < 0.
    ledger = trade(
        flat_bars([10.0, 10.0, 25.0, 25.0]),
        enter_short=[0],
        flows={"amount": 100.0, "every": "day"},
    )

    assert ledger.status == "bankrupt"
    assert ledger.flow.tolist() == [0.0, 100.0, 0.0, 0.0]


def test_interest_is_paid_on_contributed_cash():
    # 365 % a year is 1 % a day: bar 1 on 1000, bar 2 on 1010 + 100.
    ledger = trade(
        flat_bars([10.0] * 3),
        flows={"amount": 100.0, "every": "day"},
        costs__cash_rate=3.65,
    )

    assert ledger.equity.tolist() == pytest.approx([1000, 1110, 1110 * 1.01 + 100])


def test_a_flow_is_an_event_without_a_symbol():
    market = build_market({"A": flat_bars([10.0] * 3)})
    config = make_config(flows={"amount": 100.0, "every": "day"})
    side = make_side(market, {}, {}, {})
    signals = engine.types.Signals(
        long=side, short=side, size_kind=engine.types.SizeKind.FRACTION, size=np.ones((1, 3))
    )

    events = event_table(market, signals, simulate(market, signals, config))

    assert events["kind"].tolist() == ["flow", "flow"]
    assert events["symbol"].tolist() == ["", ""]
    assert events["values"].tolist() == ['{"amount": 100.0}'] * 2


def test_the_library_reports_flows_and_measures_without_them():
    start = date(2024, 1, 1)
    days = [start + timedelta(n) for n in range(60)]
    time = np.array([datetime(d.year, d.month, d.day, tzinfo=UTC).timestamp() for d in days])
    price = np.full(60, 10.0)
    bars = Bars((time * 1000).astype(np.int64), price, price, price, price, np.ones(60))

    result = engine.backtest(
        {"A": bars},
        {"strategy": {"name": "buy_and_hold"}, "flows": {"amount": 500.0, "every": "month"},
         "costs": {"rate_bps": 0.0}, "execution": {"slippage_bps": 0.0}},
    )  # fmt: skip

    # February begins on day 31.
    assert np.flatnonzero(result.equity["flow"]).tolist() == [31]
    assert result.metrics["final_equity"] == 100_500.0
    assert result.metrics["total_return"] == 0.0
    assert result.metrics["max_drawdown"] == 0.0
    assert "flow" not in engine.backtest({"A": bars}, {"strategy": {"name": "buy_and_hold"}}).equity
