"""F18: portfolio limits."""

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
