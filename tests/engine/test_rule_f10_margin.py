"""F10: margin and carry."""

import pytest

from engine.types import SizeKind
from tests.engine.scenario import DAY_MS, fills, flat_bars, make_bars, trade

YEAR_ROWS = [(100,) * 4] * 3
YEAR_APART = (0, 365, 730)


def test_long_and_short_together_use_one_gross():
    # 600 long leaves 400 for the short.
    market = {"A": flat_bars([100] * 3), "B": flat_bars([100] * 3)}

    ledger = trade(market, enter_long={"A": {0}}, enter_short={"B": {1}}, size=0.6)

    assert fills(ledger, "symbol", "side", "quantity") == [(0, 1, 6.0), (1, -1, 4.0)]


def test_initial_margin_of_a_half_permits_twice_the_equity():
    ledger = trade(flat_bars([100] * 3), enter_long={0}, size=3.0, margin__initial=0.5)

    # 0.5 · q · 100 <= 1000.
    assert ledger.fills["quantity"].tolist() == [20.0]
    assert ledger.cash[1] == -1000.0


def test_positions_take_their_margin_and_no_more_of_what_is_available():
    # 10 held at 100 take 500 of 1000; the other 500 carry 1000 more of another symbol.
    market = {"A": flat_bars([100] * 4), "B": flat_bars([100] * 4)}
    plan = {"size": 10.0, "size_kind": SizeKind.UNITS, "margin__initial": 0.5}

    ledger = trade(market, enter_long={"A": {0}, "B": {1}}, **plan)

    assert fills(ledger, "symbol", "quantity") == [(0, 10.0), (1, 10.0)]


def test_idle_cash_earns_interest():
    ledger = trade(make_bars(YEAR_ROWS, days=YEAR_APART), costs__cash_rate=0.1)

    assert ledger.equity == pytest.approx([1000, 1100, 1210])
    assert ledger.totals["interest"] == pytest.approx(210)


def test_debt_pays_the_margin_rate():
    # 20 shares for 2000: 1000 of debt from day 365 to 730, at 10 %.
    ledger = trade(
        make_bars(YEAR_ROWS, days=YEAR_APART),
        enter_long={0},
        size=2.0,
        margin__initial=0.5,
        costs__margin_rate=0.1,
    )

    assert ledger.equity == pytest.approx([1000, 1000, 900])
    assert ledger.totals["interest"] == pytest.approx(-100)


def test_short_pays_borrow_and_earns_no_interest_on_its_proceeds():
    # 10 shares short: cash 2000, of which 1000 are the short's value: interest on 1000 only.
    ledger = trade(
        make_bars(YEAR_ROWS, days=YEAR_APART),
        enter_short={0},
        costs__borrow_rate=0.05,
        costs__cash_rate=0.1,
    )

    # First year flat: + 100; short 1100 / 100 = 11 shares. Second: + 110 - 55.
    assert ledger.fills["quantity"].tolist() == [pytest.approx(11.0)]
    assert ledger.equity[-1] == pytest.approx(1100 + 110 - 55)
    assert ledger.totals["borrow"] == pytest.approx(-55)


def test_carry_counts_elapsed_days():
    bars = make_bars([(100,) * 4] * 3, days=(0, 3, 4))

    ledger = trade(bars, costs__cash_rate=0.365)

    assert bars.time[1] - bars.time[0] == 3 * DAY_MS
    assert ledger.equity == pytest.approx([1000, 1003, 1003 * 1.001])
