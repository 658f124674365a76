"""The variants of a run: each by hand on a small market, or against the run a user would make."""

from __future__ import annotations

import numpy as np
import pytest

from config.run import RunConfig
from engine.analysis.break_even import LARGEST_BPS, break_even
from engine.analysis.changes import changed, traded_at, with_costs
from engine.analysis.delay import can_delay, delayed
from engine.analysis.outcome import outcome_of
from engine.analysis.robustness import neighbour, robustness
from engine.analysis.without_trades import best_trades, headline_without, numbers_left_out
from engine.formula.definition import ParameterSpec
from engine.market import build_market
from engine.simulation import simulate
from engine.types import Signals, SizeKind
from tests.engine.scenario import DAY_MS, flat_bars, make_bars, make_config, make_side

FREE = {"costs": {"rate_bps": 0.0}, "execution": {"slippage_bps": 0.0}, "lot": 0.0}


def asked(**options):
    document = {"symbols": ["A"], "cash": 1000.0, **FREE, **options}
    return RunConfig.model_validate(document)


def formula(**fields):
    return {"formula": {"size": "units(1)", **fields}}


# Costs


def test_costs_are_scaled_and_the_price_of_holding_is_not():
    config = asked(
        strategy={"name": "buy_and_hold"},
        costs={"rate_bps": 10.0, "maker_bps": 2.0, "fixed": 1.0, "borrow_rate": 0.05},
        execution={"slippage_bps": 5.0, "spread_bps": 4.0},
    )
    double = with_costs(config, 2.0)

    assert (double.costs.rate_bps, double.costs.maker_bps, double.costs.fixed) == (20.0, 4.0, 2.0)
    assert (double.execution.slippage_bps, double.execution.spread_bps) == (10.0, 8.0)
    assert (double.costs.borrow_rate, double.costs.taker_bps) == (0.05, None)
    assert with_costs(config, 1.0) == config
    assert with_costs(config, 5000.0) is None


def test_one_cost_takes_the_place_of_all():
    config = asked(
        strategy={"name": "buy_and_hold"},
        costs={"rate_bps": 10.0, "taker_bps": 2.0, "minimum": 1.0, "cash_rate": 0.01},
        execution={"slippage_bps": 5.0, "impact": 0.1},
    )
    found = traded_at(config, 30.0)

    assert (found.costs.rate_bps, found.costs.taker_bps, found.costs.minimum) == (30.0, None, 0.0)
    assert (found.execution.slippage_bps, found.execution.impact) == (0.0, None)
    assert found.costs.cash_rate == 0.01


# Break-even


def test_break_even_is_where_the_profit_ends():
    found = break_even(lambda bps: 0.1 - bps / 372.0 * 0.1, 15.0, 20)

    assert found.bps == pytest.approx(372.0, abs=0.05)
    assert "At about 372.0 bps" in found.detail
    assert "paid 15.0 bps" in found.detail


def test_break_even_by_hand():
    # One round trip, 100 → 110, at rate c both ways: 10 = c · 210, so c is 476.19 bps.
    bars = {"A": flat_bars([100, 100, 110, 110])}
    strategy = formula(enter_long="bar_index == 0", exit_long="bar_index == 2")
    base = outcome_of(bars, asked(strategy=strategy))

    assert base.metrics["total_return"] == pytest.approx(0.01)
    assert robustness(base, bars)["break_even_bps"] == pytest.approx(1e4 * 10 / 210, abs=0.05)


@pytest.mark.parametrize(
    ("total_return", "n_fills", "words"),
    [
        (lambda bps: -0.01, 10, "Never"),
        (lambda bps: 0.0, 10, "Never"),
        (lambda bps: 1.0, 10, "Always"),
        (lambda bps: 0.0, 0, "It never trades"),
    ],
)
def test_break_even_says_when_there_is_none(total_return, n_fills, words):
    found = break_even(total_return, 15.0, n_fills)

    assert found.bps is None
    assert found.detail.startswith(words)


def test_break_even_asks_a_bounded_number_of_times():
    asked_for = []

    def total_return(bps):
        asked_for.append(bps)
        return 3000.0 - bps

    break_even(total_return, 15.0, 10)

    assert max(asked_for) <= LARGEST_BPS
    # Doubling to 4,096, then halving 2,048 bps down to 0.05.
    assert len(asked_for) <= 1 + 13 + 16


# Delay


def signals_on(market, *, enter, leave=(), size_kind=SizeKind.UNITS, size=1.0, **prices):
    return Signals(
        long=make_side(market, {"A": enter}, {"A": leave} if leave else {}, prices),
        short=make_side(market, {}, {}, {}),
        size_kind=size_kind,
        size=np.full(market.has_bar.shape, size),
    )


def test_a_delayed_signal_fills_one_own_bar_later():
    # A has no bar on day 2, B on day 0.
    bars = {
        "A": flat_bars([10, 11, 13, 14], days=[0, 1, 3, 4]),
        "B": flat_bars([20] * 4, days=[1, 2, 3, 4]),
    }
    market = build_market(bars)
    decisions = signals_on(market, enter={1})
    late = delayed(decisions, market)

    assert np.flatnonzero(late.long.enter[0]).tolist() == [3]
    fills = simulate(market, late, make_config(symbols=["A", "B"])).fills
    assert (fills["i_time"].tolist(), fills["price"].tolist()) == ([4], [14.0])
    assert np.flatnonzero(decisions.long.enter[0]).tolist() == [1]


def test_a_delay_over_a_split_keeps_prices_and_quantities_in_the_shares_of_the_later_bar():
    bars = make_bars(
        [(100, 100, 100, 100), (50, 50, 50, 50), (50, 50, 44, 46)], splits=((DAY_MS, 2.0),)
    )
    market = build_market({"A": bars})
    late = delayed(signals_on(market, enter={0}, size=3.0, stop=(90.0, 0.0), trail=8.0), market)

    assert late.long.enter[0].tolist() == [False, True, False]
    assert late.long.stop[0][0, 1] == 45.0
    assert late.long.trail[0, 1] == 4.0
    assert late.size[0, 1] == 6.0


def test_what_is_decided_while_trading_cannot_be_moved():
    bars = {"A": flat_bars([10, 11, 12, 13])}
    ahead = outcome_of(bars, asked(strategy=formula(enter_long="close > 10")))
    live = outcome_of(
        bars, asked(strategy=formula(enter_long="close > 10", exit_long="bars_in_trade > 1"))
    )

    assert can_delay(ahead.decisions)
    assert not can_delay(live.decisions)
    assert "delay_1" not in {v["id"] for v in robustness(live, bars)["variants"]}


# Best trades


def test_a_trade_is_taken_out_from_its_entry_on():
    # One share of 1,000: in at 10, marked 14 and 16, out at 15 (+5); again 15 → 17 (+2).
    bars = {"A": flat_bars([10, 10, 14, 16, 15, 15, 17, 17])}
    strategy = formula(
        enter_long="bar_index == 0 or bar_index == 4",
        exit_long="bar_index == 3 or bar_index == 6",
    )
    base = outcome_of(bars, asked(strategy=strategy))
    assert base.ledger.equity.tolist() == [1000, 1000, 1004, 1006, 1005, 1005, 1007, 1007]
    assert base.trades["pnl"].tolist() == [5.0, 2.0]

    without = headline_without(base, best_trades(base, 1))
    assert without["final_equity"] == 1002.0
    assert without["trades"] == 1
    # What is left, 1000 … 1000, 1002, never falls.
    assert without["max_drawdown"] == 0.0
    both = headline_without(base, best_trades(base, 2))
    assert (both["final_equity"], both["total_return"]) == (1000.0, 0.0)


def test_a_trade_over_a_split_is_taken_out_whole():
    # One share at 100, two at 50 and at 60 after the split: +20.
    bars = {"A": flat_bars([100, 100, 110, 55, 60, 60], splits=((3 * DAY_MS, 2.0),))}
    strategy = formula(enter_long="bar_index == 0", exit_long="bar_index == 4")
    base = outcome_of(bars, asked(strategy=strategy))
    without = headline_without(base, best_trades(base, 1))

    assert base.trades["pnl"].tolist() == [20.0]
    assert (without["final_equity"], without["max_drawdown"]) == (1000.0, 0.0)


@pytest.mark.parametrize(
    ("n_closed", "expected"),
    [
        (0, []),
        (1, [("trades_1", 1)]),
        (4, [("trades_1", 1), ("trades_3", 3)]),
        (40, [("trades_1", 1), ("trades_3", 3), ("trades_5pct", 2), ("trades_10pct", 4)]),
        # 5 % of 101 is 5.05: six; 10 % eleven.
        (101, [("trades_1", 1), ("trades_3", 3), ("trades_5pct", 6), ("trades_10pct", 11)]),
    ],
)
def test_how_many_trades_are_left_out(n_closed, expected):
    assert numbers_left_out(n_closed) == expected


# Parameters and starts


@pytest.mark.parametrize(
    ("spec", "value", "expected"),
    [
        ({"kind": "int", "min": 1, "max": 500, "step": 1}, 10, (9, 11)),
        ({"kind": "int", "min": 10, "max": 500, "step": 1}, 10, (None, 11)),
        ({"kind": "int", "min": 1, "max": 10, "step": 5}, 10, (5, None)),
        ({"kind": "float", "step": 0.1}, 2.0, (1.9, 2.1)),
        ({"kind": "int"}, 252, (227, 277)),
        ({"kind": "int"}, 3, (2, 4)),
        ({"kind": "float"}, 0.5, (0.45, 0.55)),
        ({"kind": "float"}, 0.0, (-0.1, 0.1)),
    ],
)
def test_a_neighbour_is_one_step_away_and_in_range(spec, value, expected):
    declared = ParameterSpec(default=value, **spec)

    assert (neighbour(declared, value, -1), neighbour(declared, value, 1)) == expected


def wave(n_bars=200):
    n = np.arange(n_bars)
    return {"A": flat_bars(100 + 10 * np.sin(n / 4) + 0.05 * n)}


def test_every_variant_is_there_once_with_every_number():
    bars = wave()
    strategy = {"name": "sma_cross", "params": {"fast": 3, "slow": 8}}
    found = robustness(outcome_of(bars, asked(strategy=strategy)), bars)
    names = [variant["id"] for variant in found["variants"]]

    assert len(set(names)) == len(names)
    assert names[:13] == [
        "costs_0", "costs_1", "costs_2", "costs_4", "delay_1", "start_1", "start_5", "start_21",
        "parameters_fast_down", "parameters_fast_up", "parameters_slow_down",
        "parameters_slow_up", "trades_1",
    ]  # fmt: skip
    for variant in found["variants"]:
        assert variant["metrics"].keys() == found["base"].keys()
        assert variant["label"]
        assert variant["detail"].endswith(".")


def test_a_parameter_the_strategy_refuses_is_left_out():
    # A window of zero bars is refused; the declaration, a bare value, does not say so.
    bars = wave(60)
    strategy = {"formula": {"enter_long": "close > sma(close, n)"}, "params": {"n": 1}}
    found = robustness(outcome_of(bars, asked(strategy=strategy)), bars)
    names = {variant["id"] for variant in found["variants"]}

    assert "parameters_n_up" in names
    assert "parameters_n_down" not in names


def test_a_later_start_is_the_run_that_starts_later():
    bars = wave()
    config = asked(strategy={"name": "sma_cross", "params": {"fast": 3, "slow": 8}})
    base = outcome_of(bars, config)
    variants = {v["id"]: v["metrics"] for v in robustness(base, bars)["variants"]}
    later = outcome_of(bars, changed(config, {"start": "1970-01-22"}))

    assert variants["start_21"] == later.headline
    assert later.ledger.time.size == base.ledger.time.size - 21
