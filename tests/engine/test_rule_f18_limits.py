"""F18 and F16: portfolio limits, and books that balance."""

import numpy as np
import pytest

from engine.types import OrderStatus, Reason, SizeKind
from tests.engine.scenario import fills, flat_bars, orders, trade


def test_max_weight_shrinks_an_opening_fill():
    ledger = trade(flat_bars([100] * 3), enter_long={0}, risk__max_weight=0.4)

    assert ledger.fills["quantity"].tolist() == [4.0]


def test_max_weight_counts_what_is_held():
    ledger = trade(
        flat_bars([100] * 4),
        enter_long={0, 1},
        size=3.0,
        size_kind=SizeKind.UNITS,
        pyramiding=2,
        risk__max_weight=0.4,
    )

    assert ledger.fills["quantity"].tolist() == [3.0, 1.0]


def test_max_gross_is_shared_by_all_symbols():
    market = {"A": flat_bars([100] * 3), "B": flat_bars([100] * 3)}

    ledger = trade(
        market, enter_long={"A": {0}}, enter_short={"B": {0}}, size=0.4, risk__max_gross=0.5
    )

    assert fills(ledger, "symbol", "quantity") == [(0, 4.0), (1, 1.0)]


def test_limit_that_leaves_nothing_rejects():
    ledger = trade(flat_bars([100] * 3), enter_long={0}, lot=5.0, risk__max_weight=0.4)

    assert orders(ledger, "status", "reason") == [(OrderStatus.REJECTED, Reason.RISK)]


def test_drawdown_stop_closes_at_the_next_open_and_ends_trading():
    # 1200 at the peak; 900 is 25 % below it.
    bars = flat_bars([100, 100, 120, 90, 95, 99, 99])

    ledger = trade(bars, enter_long={0, 4, 5}, risk__max_drawdown_stop=0.2)

    assert fills(ledger)[1:] == [(4, -1, 10.0, 95.0, Reason.RISK)]
    assert ledger.status == "stopped"
    assert ledger.equity[3:].tolist() == [900, 950, 950, 950]
    assert len(orders(ledger, "status")) == 2


def test_first_peak_is_the_cash():
    ledger = trade(flat_bars([100, 100, 79, 79]), enter_long={0}, risk__max_drawdown_stop=0.2)

    assert ledger.status == "stopped"


def test_books_balance_with_every_kind_of_flow():
    rng = np.random.default_rng(3)
    day = 86_400_000
    market = {
        name: flat_bars(
            50 * np.exp(np.cumsum(rng.normal(0, 0.03, 200))),
            splits=((60 * day, 1.5),),
            dividends=((90 * day, 0.4),),
        )
        for name in ("A", "B")
    }
    places = {name: set(rng.choice(200, 30, replace=False).tolist()) for name in market}
    others = {name: set(rng.choice(200, 30, replace=False).tolist()) for name in market}

    ledger = trade(
        market,
        enter_long=places,
        enter_short=others,
        size=0.5,
        pyramiding=3,
        lot=1.0,
        margin__initial=0.5,
        costs__rate_bps=10.0,
        costs__minimum=1.0,
        costs__cash_rate=0.02,
        costs__margin_rate=0.08,
        costs__borrow_rate=0.03,
    )

    assert len(ledger.fills["price"]) > 20
    assert ledger.equity == pytest.approx(ledger.cash + ledger.market_value, rel=1e-15)
    explained = ledger.trades["pnl"].sum() + sum(
        ledger.totals[name] for name in ("dividends", "interest", "borrow", "contributions")
    )
    assert explained == pytest.approx(ledger.equity[-1] - 1000.0, abs=1e-6)
    assert ledger.recon_error < 1e-9
