"""Names that read the open position: by hand, against the twin, and what follows from them."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import engine
from engine.errors import InvalidFormulaError
from engine.events import event_table
from engine.formula import check_formula, evaluate, formula_definition, plan_strategy
from engine.indicators import indicator
from engine.resolve import plan_run
from engine.simulation import simulate
from engine.types import Bars
from tests.engine.comparison import first_difference
from tests.engine.random_positions import random_position_case, twin_of_positions
from tests.engine.sample_bars import DAY_MS, random_bars
from tests.engine.scenario import fills, flat_bars, make_bars, orders

# By hand ----------------------------------------------------------------------------------------


def traded(bars: Bars | dict[str, Bars], formula: dict[str, Any], **options: Any):
    """The ledger and market of a formula without costs; units(1) unless it says another size."""
    many = {"A": bars} if isinstance(bars, Bars) else bars
    run = plan_run(
        {
            "symbols": list(many),
            "cash": 1000.0,
            "lot": 0.0,
            "execution": {"slippage_bps": 0.0} | options.pop("execution", {}),
            "costs": {"rate_bps": 0.0},
            "strategy": {"formula": {"size": "units(1)"} | formula},
            **options,
        }
    )
    market = run.market(many)
    signals, _ = run.strategy.decide(market, run.config)
    return simulate(market, signals, run.config), market


def exit_orders(ledger) -> list[int]:
    return [i for i, side in orders(ledger, "i_time", "side") if side == -1]


def test_bars_in_trade_is_zero_at_the_close_of_the_bar_of_the_fill():
    # Signal at close 0, fill at open 1; at closes 1, 2, 3 the trade is 0, 1, 2 bars old.
    ledger, _ = traded(
        flat_bars([10] * 6), {"enter_long": "bar_index == 0", "exit_long": "bars_in_trade >= 2"}
    )

    assert exit_orders(ledger) == [3]
    assert fills(ledger, "i_time", "side") == [(1, 1), (4, -1)]


def test_open_profit_is_money_before_costs_at_the_close():
    # Three shares bought at 10: at closes 11, 12, 9 the profit is 3, 6, −3.
    bars = flat_bars([10, 10, 11, 12, 9, 9])
    long = {"enter_long": "bar_index == 0", "size": "units(3)"}

    assert exit_orders(traded(bars, long | {"exit_long": "open_profit == 6"})[0]) == [3]
    assert exit_orders(traded(bars, long | {"exit_long": "open_profit < -2.9"})[0]) == [4]
    # Fees are not part of it.
    ledger, _ = traded(bars, long | {"exit_long": "open_profit == 6"}, costs={"fixed": 1.0})
    assert exit_orders(ledger) == [3]


def test_entry_price_is_what_was_paid_with_slippage():
    # 100 bps on an open of 10: 10.1.
    ledger, _ = traded(
        flat_bars([10, 10, 10.05, 10.2, 10.2]),
        {"enter_long": "bar_index == 0", "exit_long": "close > entry_price"},
        execution={"slippage_bps": 100.0},
    )

    assert exit_orders(ledger) == [3]


def test_entry_price_is_the_average_over_all_open_entries():
    # Bought at 10 (open 1) and, since it had fallen, at 8 (open 3): 9 on average. The close of
    # 8.5 lies below it, that of 9.5 above.
    ledger, _ = traded(
        flat_bars([10, 10, 8, 8, 8.5, 9.5, 9.5]),
        {
            "enter_long": "bar_index == 0 or close == 8",
            "exit_long": "close > entry_price",
            "pyramiding": "2",
        },
    )

    assert fills(ledger, "i_time", "side", "price") == [(1, 1, 10.0), (3, 1, 8.0), (6, -1, 9.5)]


def test_a_short_position_gains_when_prices_fall():
    # Sold at 10: at a close of 8 the profit is 2.
    ledger, _ = traded(
        flat_bars([10, 10, 9, 8, 8, 8]),
        {"enter_short": "bar_index == 0", "exit_short": "open_profit >= 2 and close < entry_price"},
    )

    assert fills(ledger, "i_time", "side", "price") == [(1, -1, 10.0), (4, 1, 8.0)]


def test_a_split_changes_the_entry_price_and_not_the_profit():
    # One share at 10 becomes two at 5; at a close of 6 the profit is 2 · (6 − 5) = 2.
    bars = flat_bars([10, 10, 10, 5, 6, 6, 6], splits=((3 * DAY_MS, 2.0),))
    long = {"enter_long": "bar_index == 0"}

    assert exit_orders(traded(bars, long | {"exit_long": "close < entry_price * 0.9"})[0]) == []
    assert exit_orders(traded(bars, long | {"exit_long": "open_profit == 2"})[0]) == [4]
    # A past price read beside it is in the same shares: 10 before the split is 5 after it.
    late = flat_bars([10, 10, 10, 10, 5, 6, 6, 6], splits=((4 * DAY_MS, 2.0),))
    long = {"enter_long": "bar_index == 2"}
    assert exit_orders(traded(late, long | {"exit_long": "close[2] == entry_price"})[0]) == [3]
    with_history = long | {"exit_long": "close[2] == entry_price and bar_index > 3"}
    assert exit_orders(traded(late, with_history)[0]) == [4]


def test_own_bars_are_counted_where_other_symbols_trade_more_often():
    # B has no bars on days 3 and 4: bought at day 1, it is 2 bars old on day 5.
    bars = {"A": flat_bars([10] * 9), "B": flat_bars([10] * 7, days=[0, 1, 2, 5, 6, 7, 8])}
    ledger, _ = traded(bars, {"enter_long": "bar_index == 0", "exit_long": "bars_in_trade == 2"})

    exits = [(i, s) for i, s, side in orders(ledger, "i_time", "symbol", "side") if side == -1]
    assert exits == [(3, 0), (5, 1)]


def test_nothing_is_known_without_a_position():
    # NaN compares false: the exit never speaks while flat, and its negation always does.
    bars = flat_bars([10] * 5)
    entry = {"enter_long": "bar_index == 1"}

    _, market = traded(bars, entry | {"exit_long": "bars_in_trade < 99"})
    plan = plan_strategy(
        formula_definition(entry | {"exit_long": "bars_in_trade < 99",
                                    "exit_short": "not (bars_in_trade < 99)",
                                    "enter_short": "bar_index == 99"}), {},
    )  # fmt: skip
    signals = evaluate(plan, market)
    assert not signals.long.exit.any()
    assert signals.short.exit.all()


def test_an_entry_that_reads_the_position_is_made_only_with_one():
    # Adds below the entry price: while flat it reads what is missing, so the other side enters.
    bars = flat_bars([10, 10, 12, 12, 12, 12])
    formula = {
        "enter_short": "bar_index == 0",
        "enter_long": "close > entry_price",
        "limit_long": "entry_price + 1",
    }
    ledger, _ = traded(bars, formula)

    # Sold at 10; at close 2 (12 > 10) a limit at 11 is placed. It is in the log as such.
    assert orders(ledger, "i_time", "side", "limit")[1] == (2, 1, 11.0)


def test_size_stop_and_target_may_read_it():
    # Pyramiding: the second entry has as many units as the first has bars, a stop that far off.
    bars = make_bars([(10, 11, 9, 10)] * 6)
    formula = {
        "enter_short": "bar_index == 0",
        "enter_long": "bar_index == 3",
        "stop_long": "entry_price - bars_in_trade",
        "target_long": "entry_price * (1 + open_profit) + 5",
        "size": "units(1)",
    }
    ledger, _ = traded(bars, formula)

    # Sold at open 1; at close 3 the trade is 2 bars old, without profit.
    row = orders(ledger, "i_time", "side", "stop_a", "stop_b", "target_a", "target_b")[1]
    assert row == (3, 1, -2.0, 1.0, 5.0, 1.0)


def test_fill_at_the_close_counts_from_that_close():
    ledger, _ = traded(
        flat_bars([10] * 5),
        {"enter_long": "bar_index == 0", "exit_long": "bars_in_trade == 1"},
        execution={"fill": "this_close"},
    )

    assert fills(ledger, "i_time", "side") == [(0, 1), (1, -1)]


def test_signal_events_are_those_of_the_position():
    ledger, market = traded(
        flat_bars([10] * 6), {"enter_long": "bar_index == 0", "exit_long": "bars_in_trade >= 2"}
    )

    table = event_table(market, ledger.decisions, ledger)

    said = [
        (int(t // DAY_MS), json.loads(v))
        for t, k, v in zip(table["time"], table["kind"], table["values"], strict=True)
        if k == "signal"
    ]
    assert said == [(0, {"enter_long": True}), (3, {"exit_long": True})]


def test_a_run_changes_nothing_of_the_signals_it_is_given():
    bars = random_bars(60, 1)
    run = plan_run(
        {"symbols": ["A"], "strategy": {"formula": {
            "enter_long": "close > open", "exit_long": "bars_in_trade > 2",
            "enter_short": "close < open", "stop_short": "entry_price + bars_in_trade",
        }}}
    )  # fmt: skip
    market = run.market({"A": bars})
    signals, _ = run.strategy.decide(market, run.config)
    before = signals.long.exit.copy(), signals.short.stop[0].copy()

    first = simulate(market, signals, run.config)
    again = simulate(market, signals, run.config)

    np.testing.assert_array_equal(signals.long.exit, before[0])
    np.testing.assert_array_equal(signals.short.stop[0], before[1])
    assert first.equity.tobytes() == again.equity.tobytes()
    assert first.decisions.long.exit.sum() > 0


def test_the_checks_pass_and_see_the_signals_of_the_position():
    formula = {
        "enter_long": "close > sma(close, 5)",
        "exit_long": "bars_in_trade >= 3 or open_profit < -500 or close < entry_price - 2 * atr(5)",
    }
    bars = {"A": random_bars(400, 1), "B": random_bars(400, 2, splits=[(90, 2.0)])}

    result = engine.backtest(bars, {"strategy": {"formula": formula}})

    assert result.checks["look_ahead"]["status"] == "pass", result.checks
    assert result.checks["warm_up"]["status"] == "pass", result.checks
    assert result.metrics["trades"] > 50
    assert result.checks["recon_error"] < 1e-9


def test_a_long_quiet_hold_ends_on_the_bar_that_the_rule_names():
    # Without other signals every bar of the holding is quiet, and still asked.
    ledger, _ = traded(
        flat_bars([10] * 400), {"enter_long": "bar_index == 0", "exit_long": "bars_in_trade == 300"}
    )

    assert exit_orders(ledger) == [301]


# Refusals ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "text", "position", "says"),
    [
        ("exit_long", "entry_price[1] > close", 0, "known now and not for earlier bars"),
        ("exit_long", "sma(open_profit, 3) > 1", 0, "known now and not for earlier bars"),
        ("exit_long", "close > 1 and cross_above(close, entry_price)", 14, "known now and not"),
        ("exit_long", "highest(close - entry_price, 3) > 1", 0, "known now and not"),
        ("exit_long", 'of("B", entry_price) > 1', 8, "belongs to the position"),
        ("exit_long", 'on("1w", bars_in_trade) > 1', 9, "belongs to the position"),
        ("exit_long", "sma(close, bars_in_trade) > 1", 11, "Expected a constant"),
        ("exit_long", "bars_in_trade() > 1", 0, "`bars_in_trade` is not a function"),
        ("exit_long", "bars_in_trad > 1", 0, "did you mean `bars_in_trade`?"),
        ("trail_long", "entry_price * 0.1", 0, "A trail does not use `entry_price`"),
        ("expire_bars", "bars_in_trade", 0, "Expected a constant"),
    ],
)
def test_what_would_need_the_past_of_the_position_is_refused(field, text, position, says):
    problems = check_formula({"enter_long": "close > open", field: text})

    assert [(p["field"], p["position"]) for p in problems] == [(field, position)]
    assert says in problems[0]["message"]


@pytest.mark.parametrize(
    "fields",
    [
        {"enter_long": "close > entry_price"},
        {"enter_long": "close > open", "size": "units(bars_in_trade)"},
        {"enter_long": "close > open", "stop_long": "close - open_profit"},
        {"enter_long": "open_profit > 1", "enter_short": "bars_in_trade > 1"},
    ],
)
def test_a_formula_that_could_never_enter_is_refused(fields):
    problems = check_formula(fields)

    assert [(p["field"], p["position"]) for p in problems] == [("enter_long", 0)]
    assert "nothing would ever enter" in problems[0]["message"]


def test_an_indicator_has_no_position():
    with pytest.raises(InvalidFormulaError, match="only while a strategy trades"):
        indicator("close > entry_price", random_bars(9, 1))


# Against the twin -------------------------------------------------------------------------------

N_CASES = int(os.environ.get("TWIN_CASES", "150"))


def difference(seed: int) -> str | None:
    case = random_position_case(seed)
    got = simulate(case.market, case.signals, case.config)
    found = first_difference(got, twin_of_positions(case), case.config.cash)
    return None if found is None else f"seed {seed}: {found}\n{case.formula}"


@pytest.mark.parametrize("group", range(6))
def test_engine_and_twin_agree_on_rules_that_read_the_position(group):
    for seed in range(group, N_CASES, 6):
        found = difference(seed)

        assert found is None, found


def test_the_random_rules_reach_every_field_and_change_what_happens():
    read: Counter[str] = Counter()
    n_changed = 0
    for seed in range(120):
        case = random_position_case(seed)
        live = case.signals.live
        read.update({} if live is None else dict.fromkeys(live.outputs, 1))
        got = simulate(case.market, case.signals, case.config)
        flat = simulate(case.market, replaced(case.signals), case.config)
        n_changed += first_difference(got, flat, case.config.cash) is not None

    fields = {f"{kind}_{side}" for kind in ("enter", "exit", "limit", "trigger", "trail")
              for side in ("long", "short")}  # fmt: skip
    fields |= {f"{kind}_{side}.a" for kind in ("stop", "target") for side in ("long", "short")}
    assert fields <= set(read)
    assert n_changed > 40


def replaced(signals):
    """The signals without their rules for open positions."""
    return replace(signals, live=None)
