"""Any orders of an on_bar, on random markets: books balance, and the future changes nothing."""

from __future__ import annotations

import textwrap
from dataclasses import replace

import numpy as np
import pytest

from engine.checks import look_ahead, observe, warm_up
from engine.errors import InvalidStrategyError
from engine.event_files import add_file, plan_events, read_event_strategy
from engine.market import truncate
from engine.resolve import plan_run
from engine.simulation import simulate
from engine.trial import Trial
from engine.types import OrderStatus
from tests.engine.random_markets import random_case
from tests.engine.test_checks import market_of
from tests.engine.test_event_strategies import CROSS, CROSS_TOP, define
from tests.engine.test_properties import assert_same_orders

N_CASES = 100

# A linear congruence in its state makes it order anything at all, the same every time.
RESTLESS = """
from engine.orders import NEXT_CLOSE, THIS_CLOSE, buy, cancel, close, sell

PARAMS = {"key": 1}
INDICATORS = {"mean": "ema(close, 3)"}
STATE = (1,)
MAX_ENTRIES = 600
MAX_ORDERS = 600

def on_bar(bar, indicators, position, orders, state, params):
    r = (state[0] * 1103515245 + 12345 + params.key) % 2147483648
    kind = (r // 65536) % 12
    price = indicators.mean * (0.9 + 0.2 * ((r // 7) % 1000) / 1000.0)
    if kind == 0:
        buy(orders, fraction=0.2)
    elif kind == 1:
        sell(orders, units=3, stop_fraction=0.1, target_fraction=0.1)
    elif kind == 2:
        buy(orders, cash=100, limit=price, expire_bars=2)
    elif kind == 3:
        buy(orders, risk=0.02, trigger=price, stop=price * 0.9)
    elif kind == 4:
        close(orders, fraction=0.5)
    elif kind == 5:
        close(orders, when=NEXT_CLOSE)
    elif kind == 6:
        cancel(orders)
    elif kind == 7:
        sell(orders, fraction=0.1, limit=price, trail_fraction=0.05)
    elif kind == 8:
        buy(orders, units=1, when=THIS_CLOSE, target=bar.close * 1.1)
    elif kind == 9 and position.quantity != 0.0:
        buy(orders, units=2, trigger=price, limit=price * 1.01)
        sell(orders, units=2, trigger=price)
        close(orders, quantity=1, when=THIS_CLOSE)
    return (r,)
"""


def restless(seed):
    return plan_events(
        read_event_strategy(textwrap.dedent(RESTLESS), name="restless"), {"key": seed}
    )


def case_of(seed):
    case = random_case(seed)
    execution = case.config.execution.model_copy(update={"finalize": False})
    return case.market, case.config.model_copy(update={"execution": execution, "sizing": None})


def ledger_of(seed, market, config):
    decisions, _ = restless(seed).decide(market, config)
    return simulate(market, decisions, config)


def test_restless_orders_reach_every_end_an_order_can_have():
    ends = set()
    for seed in range(N_CASES):
        ends |= set(ledger_of(seed, *case_of(seed)).orders["status"].tolist())

    assert ends == set(OrderStatus)


@pytest.mark.parametrize("group", range(5))
def test_the_first_bars_do_not_depend_on_later_ones(group):
    for seed in range(group, N_CASES, 5):
        market, config = case_of(seed)
        n_times = min(market.first + 1 + seed % 40, market.time.size)
        n_run = n_times - market.first
        whole = ledger_of(seed, market, config)

        part = ledger_of(seed, truncate(market, n_times), config)

        np.testing.assert_array_equal(part.equity, whole.equity[:n_run], err_msg=f"seed {seed}")
        for name, column in part.fills.items():
            np.testing.assert_array_equal(column, whole.fills[name][: column.size], err_msg=name)
        assert part.fills["i_time"].size == (whole.fills["i_time"] < n_run).sum()
        assert_same_orders(part.orders, whole.orders, n_run)


def test_the_same_inputs_give_the_same_bytes():
    market, config = case_of(3)
    one, two = (ledger_of(3, market, config) for _ in range(2))

    assert one.equity.tobytes() == two.equity.tobytes()
    for name, column in one.orders.items():
        assert column.tobytes() == two.orders[name].tobytes()


# ── the checks ──────────────────────────────────────────────────────────────────────────────


def cross_trial(kind=Trial):
    top = CROSS_TOP.replace('"fast": 10', '"rapid": 3').replace('"slow": 30', '"tardy": 9')
    top = top.replace("close, fast", "close, rapid").replace("close, slow", "close, tardy")
    define(CROSS, top=top, name="checked_cross")
    run = plan_run({"symbols": ["A", "B"], "strategy": {"name": "checked_cross"}})
    return kind(run.strategy, run.config)


def test_an_honest_strategy_passes_with_cuts_right_after_its_orders():
    trial, market = cross_trial(), market_of(1, 2)

    verdict = look_ahead(trial, market, observe(trial, market))

    assert verdict["status"] == "pass"
    assert "right after signals" in verdict["detail"]


class SeesTomorrow(Trial):
    """Its indicators are those of the next bar: no file can write this, so the engine does."""

    def evaluate(self, market):
        decisions, rows = super().evaluate(market)
        moved = decisions.indicators.copy()
        moved[:, :-1] = decisions.indicators[:, 1:]
        return replace(decisions, indicators=moved), rows


class OrdersKnowTheirEnd(Trial):
    """An order's limit is the last close of all."""

    def ledger(self, market, decisions, *, path=None):
        ledger = super().ledger(market, decisions, path=path)
        limit = market.close[ledger.orders["symbol"], -1]
        return replace(ledger, orders={**ledger.orders, "limit": limit})


@pytest.mark.parametrize("cheat", [SeesTomorrow, OrdersKnowTheirEnd])
@pytest.mark.parametrize("seed", range(6))
def test_a_strategy_that_sees_the_future_is_caught_by_its_orders(cheat, seed):
    trial, market = cross_trial(cheat), market_of(seed)

    verdict = look_ahead(trial, market, observe(trial, market))

    assert verdict["status"] == "fail"
    assert "the orders" in verdict["detail"]


def test_no_order_comes_before_the_first_bar_with_all_indicators():
    trial, market = cross_trial(), market_of(1)
    known = observe(trial, market)

    # Of the crosses, sma(close, 9)[1] is valid last: at own bar 9.
    assert known.ledger.orders["i_time"].min() >= 9
    assert "9 bars" in warm_up(trial, market, known)["detail"]


@pytest.mark.parametrize("expression", ["close[-1]", "sma(close, 3)[-2]", "close[0 - 1]"])
def test_an_indicator_of_the_future_cannot_be_written(expression):
    definition = define("return state", top=f"INDICATORS = {{'next': '{expression}'}}\n")
    add_file(definition)

    with pytest.raises(InvalidStrategyError, match="indicator next"):
        plan_run({"symbols": ["A"], "strategy": {"name": definition.name}})
