"""Where two logs of events part."""

from __future__ import annotations

import numpy as np
import pytest

from engine.analysis.difference import (
    Event,
    equity_divergence,
    first_divergence,
    logged,
    recorded,
)
from engine.events import event_table
from engine.market import build_market
from engine.simulation import simulate
from engine.types import Signals, SizeKind
from tests.engine.scenario import DAY_MS, flat_bars, make_config, make_side

FILL = {"side": "buy", "quantity": 10.0, "price": 100.0}


def test_equal_logs_do_not_part():
    log = [Event(0, "order", "A", {"side": "buy"}), Event(1, "fill", "A", FILL)]

    assert first_divergence(log, list(log)) is None
    assert first_divergence([], []) is None


def test_another_value_is_found_in_both():
    found = first_divergence(
        [Event(DAY_MS, "fill", "A", FILL)], [Event(DAY_MS, "fill", "A", {**FILL, "price": 101.0})]
    )

    assert found.place == (DAY_MS, "fill", "A")
    assert (found.a["price"], found.b["price"]) == (100.0, 101.0)
    assert found.text == (
        "The first difference is in the fill of A on 1970-01-02: price 100.00 against 101.00."
    )


@pytest.mark.parametrize("is_swapped", [False, True])
def test_an_event_of_one_only_is_the_first_of_the_two(is_swapped):
    logs = ([Event(5, "fill", "A", FILL)], [Event(3, "order", "B", {"side": "sell"})])
    found = first_divergence(*(reversed(logs) if is_swapped else logs))

    assert found.place == (3, "order", "B")
    assert [found.a is None, found.b is None] == [not is_swapped, is_swapped]
    has = "first" if is_swapped else "second"
    assert f"that the {has} run has" in found.text


def test_in_one_bar_a_fill_comes_before_a_signal():
    found = first_divergence([Event(5, "signal", "A", {})], [Event(5, "fill", "A", FILL)])

    assert (found.kind, found.a) == ("fill", None)


def test_a_log_that_ends_earlier_parts_where_it_ends():
    found = first_divergence([], [Event(5, "fill", "A", FILL)])

    assert (found.time, found.a, found.b) == (5, None, FILL)


def test_a_bar_that_only_one_log_shows_is_no_difference_but_another_bar_is():
    quiet = [Event(1, "market", "A", {"close": 1.0}), Event(2, "fill", "A", FILL)]
    assert first_divergence(quiet, quiet[1:]) is None

    other = [Event(1, "market", "A", {"close": 2.0}), quiet[1]]
    assert first_divergence(quiet, other).kind == "market"


def test_equity_parts_where_no_event_does():
    time = DAY_MS * np.arange(3)
    found = equity_divergence((time, np.array([1.0, 2.0, 3.0])), (time, np.array([1.0, 2.5, 3.0])))

    assert (found.time, found.kind, found.a, found.b) == (
        DAY_MS, "equity", {"equity": 2.0}, {"equity": 2.5},
    )  # fmt: skip
    assert equity_divergence((time, np.ones(3)), (time, np.ones(3))) is None


def run(**options):
    market = build_market({"A": flat_bars([100, 100, 110, 110, 120])})
    decisions = Signals(
        long=make_side(market, {"A": {0, 3}}, {"A": {2}}, {}),
        short=make_side(market, {}, {}, {}),
        size_kind=SizeKind.FRACTION,
        size=np.ones(market.has_bar.shape),
    )
    return logged(
        event_table(market, decisions, simulate(market, decisions, make_config(**options)))
    )


def test_dearer_trading_parts_at_the_first_fill_and_not_at_its_order():
    found = first_divergence(run(), run(costs__rate_bps=10.0))

    # All in at 100 with 1,000: 10 shares without a fee.
    assert found.place == (DAY_MS, "fill", "A")
    assert (found.a["quantity"], found.a["fee"]) == (10.0, 0.0)
    assert found.b["quantity"] < 10.0


def test_stored_tables_are_events_too():
    orders = {
        "time": np.array([0]), "symbol": np.array(["A"]), "side": np.array(["buy"]),
        "type": np.array(["market"]), "limit": np.array([np.nan]), "stop": np.array([np.nan]),
    }  # fmt: skip
    fills = {
        "time": np.array([DAY_MS]), "symbol": np.array(["A"]), "side": np.array(["buy"]),
        "quantity": np.array([1.0]), "price": np.array([2.0]), "fee": np.array([0.0]),
        "reason": np.array(["signal"]),
    }  # fmt: skip
    log = recorded(orders, fills)

    assert [(event.time, event.kind) for event in log] == [(0, "order"), (DAY_MS, "fill")]
    assert log[0].values == {"side": "buy", "type": "market"}
    assert first_divergence(log, recorded(orders, fills)) is None
