"""F16: books that balance at every bar and at the end."""

import math

import numpy as np
import pytest

from engine import simulation
from engine.errors import ReconciliationError
from engine.types import SizeKind
from tests.engine.scenario import DAY_MS, flat_bars, trade


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


def test_equity_is_cash_and_positions_at_the_close_at_every_bar():
    # 4 of A at 100 and −2 of B at 50: cash 1000 − 400 + 100 = 700.
    market = {"A": flat_bars([100, 100, 110, 90]), "B": flat_bars([50, 50, 40, 70])}

    ledger = trade(
        market,
        enter_long={"A": {0}},
        enter_short={"B": {0}},
        size=np.array([[4.0] * 4, [2.0] * 4]),
        size_kind=SizeKind.UNITS,
    )

    assert ledger.cash.tolist() == [1000, 700, 700, 700]
    assert ledger.market_value.tolist() == [0, 300, 4 * 110 - 2 * 40, 4 * 90 - 2 * 70]
    assert ledger.gross_value.tolist() == [0, 500, 520, 500]
    assert ledger.equity.tolist() == [1000, 1000, 1060, 920]


def test_what_trades_and_flows_explain_is_what_equity_shows():
    # 10 bought at open 1 for 100 (fee 1), sold at open 3 for 120 (fee 1): 198.
    # 5 bought at open 4 for 110 (fee 1), marked at 100: −51. Dividend on day 2: 10 · 2 = 20.
    # Interest at 36.5 % a year is a thousandth a day of the cash at the close before.
    bars = flat_bars([100, 100, 110, 120, 110, 100], dividends=((2 * DAY_MS, 2.0),))

    ledger = trade(
        bars,
        enter_long={0, 3},
        exit_long={2},
        size=np.array([[10.0, 10, 10, 5, 5, 5]]),
        size_kind=SizeKind.UNITS,
        cash=1001.0,
        costs__fixed=1.0,
        costs__cash_rate=0.365,
    )

    interest, cash = [], [1001.0]
    for paid in (-1001, 20, 1199, -551, 0):
        interest.append(cash[-1] / 1000)
        cash.append(cash[-1] + interest[-1] + paid)
    assert ledger.cash == pytest.approx(cash)
    assert ledger.totals["interest"] == pytest.approx(sum(interest))
    assert ledger.totals["dividends"] == 20.0
    assert ledger.totals["fees"] == -3.0
    assert ledger.trades["pnl"].tolist() == [198.0, -51.0]
    assert ledger.equity[-1] - 1001.0 == pytest.approx(198 - 51 + 20 + sum(interest))
    assert ledger.recon_error < 1e-15


def test_books_that_do_not_balance_are_an_error_and_not_a_result(monkeypatch):
    honest = simulation.PairedTrades.pnl.fget

    def lossy(trades):
        return honest(trades) + 1e-5

    bars = flat_bars([100, 100, 90])
    monkeypatch.setattr(simulation.PairedTrades, "pnl", property(lossy))

    # 1e-5 of 1000 is 1e-8.
    with pytest.raises(ReconciliationError, match=r"1\.0e-08 of the cash"):
        trade(bars, enter_long={0})


def test_books_that_are_not_numbers_are_an_error_too(monkeypatch):
    monkeypatch.setattr(
        simulation.PairedTrades, "pnl", property(lambda trades: np.array([math.nan]))
    )

    with pytest.raises(ReconciliationError):
        trade(flat_bars([100, 100, 110]), enter_long={0})
