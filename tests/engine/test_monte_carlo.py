"""Simulated accounts: each method by hand, against its naive twin, and against theory."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.run import RunConfig
from engine.analysis.luck import comparable_prices, holdings_of, monte_carlo
from engine.analysis.outcome import outcome_of
from engine.errors import InvalidParameterError
from engine.kernels.placing import Measured, Placed, Prices, hold_placed
from engine.market import build_market
from engine.significance import bootstrap_accounts, trade_shuffle
from engine.significance import monte_carlo as mc
from engine.significance.monte_carlo import affordable_samples, fan_places, followed
from engine.significance.random_entries import Holdings, random_entries
from tests.engine import naive_monte_carlo as naive
from tests.engine.sample_bars import random_bars, real_bars
from tests.engine.scenario import DAY_MS, flat_bars, make_bars

FREE = {"costs": {"rate_bps": 0.0}, "execution": {"slippage_bps": 0.0}, "lot": 0.0}


def outcome(bars, strategy, **options):
    document = {"symbols": sorted(bars), "strategy": strategy, "cash": 1000.0, **FREE, **options}
    return outcome_of(bars, RunConfig.model_validate(document))


# Shared ----------------------------------------------------------------------------------------


def test_a_followed_account_by_hand():
    # 1 → 1.2 → 0.6 → 0.9: the deepest fall is from 1.2 to 0.6, the lowest equity 0.6.
    found = followed(np.array([[1.2, 0.5, 1.5]]), np.array([0, 1, 3]))

    assert found.value == pytest.approx(np.array([[1.0, 1.2, 0.9]]))
    assert (found.final, found.depth, found.lowest) == (
        pytest.approx([0.9]), pytest.approx([-0.5]), pytest.approx([0.6]),
    )  # fmt: skip


def test_a_total_loss_stays_one():
    found = followed(np.array([[1.1, 0.0, 2.0]]), np.array([3]))

    assert (found.final[0], found.depth[0], found.lowest[0]) == (0.0, -1.0, 0.0)


@pytest.mark.parametrize("n", [1, 2, 119, 120, 121, 5000])
def test_a_fan_has_few_places_with_both_ends(n):
    places = fan_places(n)

    assert (places[0], places[-1]) == (0, n - 1)
    assert places.size == min(n, mc.FAN_POINTS)
    assert (np.diff(places) > 0).all()


def test_long_runs_get_fewer_samples_and_never_too_few():
    assert affordable_samples(2520) == 1000
    assert affordable_samples(500_000) == 100
    assert affordable_samples(100_000) == 500
    with pytest.raises(InvalidParameterError, match="samples ≥ 1, was 0"):
        affordable_samples(10, 0)


# Trade shuffle ---------------------------------------------------------------------------------

PNL = np.array([100.0, -220.0, 88.0, -96.8, 87.12])


def test_orders_of_trades_are_those_of_their_returns_on_the_balance():
    # 1000 → 1100 → 880 → 968 → 871.2 → 958.32: +10 %, −20 %, +10 %, −10 %, +10 %. As traded the
    # deepest fall is from 1100 to 871.2. Of all 5!/3! = 20 orders the mildest keep −20 % and −10 %
    # apart by all three gains (1.331 · 0.8: no deeper than 20 %), the worst have them in a row
    # (0.72). The end is 958.32 in every order.
    found = trade_shuffle(PNL, 1000.0, samples=2000)

    assert found["reason"] is None
    assert found["max_drawdown"]["actual"] == pytest.approx(871.2 / 1100 - 1)
    orders = set(itertools.permutations([1.1, 0.8, 1.1, 0.9, 1.1]))
    depths = sorted(
        naive.deepest(list(itertools.accumulate((1.0, *order), lambda a, b: a * b)))
        for order in orders
    )
    assert (depths[0], depths[-1]) == (pytest.approx(-0.28), pytest.approx(-0.2))
    assert found["max_drawdown"]["p50"] == pytest.approx(np.median(depths), abs=1e-9)
    exact = np.mean([d < 871.2 / 1100 - 1 - 1e-9 for d in depths])
    tied = np.mean([abs(d - (871.2 / 1100 - 1)) < 1e-9 for d in depths])
    # 2,000 draws: a standard error of at most 0.011.
    assert found["max_drawdown"]["percentile"] == pytest.approx(exact + tied / 2, abs=0.045)
    for name in ("p05", "p50", "p95", "actual"):
        assert found["final_equity"][name] == pytest.approx(958.32)
    assert found["final_equity"]["percentile"] == 0.5
    assert (found["probability_of_loss"], found["probability_of_ruin"]) == (1.0, 0.0)


def test_a_fan_of_trades_begins_at_the_cash_and_ends_where_all_orders_end():
    fan = trade_shuffle(PNL, 1000.0)["fan"]

    assert (fan["axis"], fan["at"]) == ("trade", [0, 1, 2, 3, 4, 5])
    for name in ("p05", "p25", "p50", "p75", "p95"):
        assert (fan[name][0], fan[name][-1]) == (1000.0, 958.32)
    # After one trade: 1100 in three of five, 900 and 800 in one each.
    assert (fan["p05"][1], fan["p25"][1], fan["p50"][1], fan["p95"][1]) == (800, 900, 1100, 1100)


def test_gains_only_are_never_a_loss_in_any_order():
    found = trade_shuffle(np.full(20, 10.0), 100.0)

    assert (found["probability_of_loss"], found["max_drawdown"]["p05"]) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("pnl", "reason"),
    [
        (np.array([10.0] * 4), "Fewer than 5 closed trades"),
        (np.array([-60.0, -40.0, 30.0, 1.0, 1.0]), "lost all of the cash"),
    ],
)
def test_a_shuffle_that_means_nothing_says_so(pnl, reason):
    found = trade_shuffle(pnl, 100.0)

    assert reason in found["reason"]
    assert (found["samples"], "fan" in found) == (0, False)


def test_trades_are_left_alone_and_a_seed_gives_the_same_numbers():
    before = PNL.copy()

    assert trade_shuffle(PNL, 1000.0, seed=3) == trade_shuffle(PNL, 1000.0, seed=3)
    assert trade_shuffle(PNL, 1000.0, seed=3) != trade_shuffle(PNL, 1000.0, seed=4)
    np.testing.assert_array_equal(PNL, before)


# Block bootstrap -------------------------------------------------------------------------------


def test_draws_of_normal_returns_spread_as_theory_says():
    # Independent returns of mean m and deviation s: ln(final) is about normal with the deviation
    # √n · s, here √400 · 0.01 = 0.2, so p95 / p05 is about exp(2 · 1.645 · 0.2) = 1.931.
    returns = np.random.default_rng(5).normal(0.0, 0.01, 400)
    time = np.arange(401) * DAY_MS

    found = bootstrap_accounts(returns, time, 100.0, samples=4000, mean_block=1.0)

    spread = found["final_equity"]
    scale = returns.std() / 0.01
    assert spread["p95"] / spread["p05"] == pytest.approx(1.931**scale, rel=0.06)
    assert spread["actual"] == pytest.approx(100.0 * np.prod(1.0 + returns))
    assert spread["percentile"] == pytest.approx(0.5, abs=0.05)
    assert (found["fan"]["at"][0], found["fan"]["at"][-1]) == (0, 400 * DAY_MS)
    assert found["mean_block"] == 1.0


def test_draws_are_those_of_the_confidence_intervals():
    returns = np.random.default_rng(6).normal(0.0, 0.01, 60)
    (tile,) = mc.resampled(returns, samples=100, mean_block=4.0, seed=9)

    found = bootstrap_accounts(returns, np.arange(61), 1.0, samples=100, mean_block=4.0, seed=9)

    finals = np.prod(1.0 + tile, axis=1)
    assert found["final_equity"]["p25"] == pytest.approx(np.quantile(finals, 0.25))
    depths = [naive.deepest([1.0, *np.cumprod(1.0 + row)]) for row in tile]
    assert found["max_drawdown"]["p75"] == pytest.approx(np.quantile(depths, 0.75))
    assert found["probability_of_loss"] == np.mean(finals < 1.0)


def test_ruin_is_the_loss_of_half_of_the_cash_at_any_time():
    returns = np.random.default_rng(8).normal(0.0, 0.06, 60)
    (tile,) = mc.resampled(returns, samples=300, mean_block=2.0, seed=0)

    found = bootstrap_accounts(returns, np.arange(61), 1.0, samples=300, mean_block=2.0)

    ruined = [min(itertools.accumulate(1.0 + row, lambda a, b: a * b)) <= 0.5 for row in tile]
    assert found["probability_of_ruin"] == pytest.approx(np.mean(ruined))
    assert 0.02 < np.mean(ruined) < 0.9


def test_few_returns_are_not_drawn_from():
    found = bootstrap_accounts(np.zeros(29), np.arange(30), 1.0)

    assert found["reason"] == "Fewer than 30 returns are too few to draw from."


# Random entries --------------------------------------------------------------------------------


def held(opens, closes, trades, cost, places):
    """Equity at `places` of one sample, by the kernel."""
    columns = [np.array([column]) for column in zip(*trades, strict=True)]
    symbol, enter, leave, weight = columns
    n = places.size
    out = Measured(np.empty((1, n)), np.empty(1), np.empty(1), np.empty(1))
    prices = Prices(np.array(opens, dtype=float), np.array(closes, dtype=float))
    placed = Placed(enter, leave, symbol, weight.astype(float))
    hold_placed(prices, placed, cost, places, out)
    return out


def test_an_account_that_holds_by_hand():
    # Half of 1 into A at 10 on bar 1: 0.05 units, cost 1 % of 0.5 = 0.005, cash 0.495. Bar 1 closes
    # at 12: 0.495 + 0.6 = 1.095. Out at the open of bar 2, 8: 0.4 less 0.004: 0.891.
    opens, closes = [[10, 10, 8, 8]], [[10, 12, 9, 8]]

    out = held(opens, closes, [(0, 1, 2, 0.5)], 0.01, np.arange(4))

    assert out.value[0] == pytest.approx([1.0, 1.095, 0.891, 0.891])
    assert out.final[0] == pytest.approx(0.891)
    assert out.depth[0] == pytest.approx(0.891 / 1.095 - 1)
    assert out.lowest[0] == pytest.approx(0.891)


def test_a_trade_of_one_bar_leaves_at_its_close_and_an_open_one_is_marked():
    opens, closes = [[10, 10, 10]], [[10, 11, 15]]

    out = held(opens, closes, [(0, 1, 1, 1.0), (0, 2, 3, -1.0)], 0.0, np.arange(3))

    # 1.1 after the first; short 1.1 / 10 at 10, marked at 15: 1.1 − 0.55.
    assert out.value[0] == pytest.approx([1.0, 1.1, 0.55])


def test_an_account_below_zero_ends_with_nothing():
    out = held([[10, 10, 10]], [[10, 25, 5]], [(0, 1, 3, -1.0)], 0.0, np.arange(3))

    assert (out.final[0], out.depth[0], out.lowest[0]) == (0.0, -1.0, 0.0)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 100_000), st.integers(1, 3), st.integers(2, 15), st.integers(1, 6))
def test_accounts_equal_their_naive_twin(seed, n_symbols, n_bars, n_trades):
    rng = np.random.default_rng(seed)
    opens = rng.uniform(5.0, 15.0, (n_symbols, n_bars)).round(2)
    closes = rng.uniform(5.0, 15.0, (n_symbols, n_bars)).round(2)
    enter = np.sort(rng.integers(0, n_bars, n_trades))
    leave = [int(rng.integers(e, n_bars + 1)) for e in enter]
    trades = [
        (int(rng.integers(n_symbols)), int(e), leaving, round(float(rng.uniform(-1.0, 1.0)), 2))
        for e, leaving in zip(enter, leave, strict=True)
    ]

    out = held(opens, closes, trades, 0.01, np.arange(n_bars))

    curve = naive.account(opens.tolist(), closes.tolist(), trades, 0.01)
    assert out.value[0] == pytest.approx(curve, rel=1e-9, abs=1e-12)
    assert out.final[0] == pytest.approx(curve[-1], rel=1e-9, abs=1e-12)
    assert out.depth[0] == pytest.approx(naive.deepest([1.0, *curve]), rel=1e-9, abs=1e-12)
    assert out.lowest[0] == pytest.approx(min([1.0, *curve]), rel=1e-9, abs=1e-12)


def holdings(n_bars, trades, **changes):
    """One symbol whose price doubles on the way from bar 5 to bar 6 and rests else."""
    price = np.where(np.arange(n_bars) < 6, 10.0, 20.0)[None, :]
    symbol, enter, leave, weight = zip(*trades, strict=True) if trades else ((),) * 4
    fields = {
        "time": np.arange(n_bars) * DAY_MS,
        "open": price,
        "close": price,
        "own": [np.arange(n_bars)],
        "symbol": np.array(symbol, np.int64),
        "enter": np.array(enter, np.int64),
        "leave": np.array(leave, np.int64),
        "weight": np.array(weight, float),
        "cost": 0.0,
    }
    return Holdings(**(fields | changes))


def test_one_trade_is_equally_often_at_every_place():
    # Four bars long, to begin at bars 1 to 15 and leave at 19, the last of 20. It holds over the
    # jump from bar 5 to bar 6 when it begins at 2, 3, 4 or 5: 4 of 15 places. As traded, from 2,
    # it doubles: better than 11 of 15 and tied with the rest.
    found = random_entries(
        holdings(20, [(0, 2, 6, 1.0)]),
        cash=100.0, final_equity=200.0, max_drawdown=0.0, samples=8000,
    )  # fmt: skip

    assert found["final_equity"]["percentile"] == pytest.approx(
        11 / 15 + 4 / 15 / 2, abs=4 * math.sqrt(0.25 * 0.75 / 8000)
    )
    assert (found["final_equity"]["p50"], found["final_equity"]["p95"]) == (100.0, 200.0)
    assert found["replayed_equity"] == pytest.approx(200.0)
    assert found["probability_of_loss"] == 0.0


def test_the_first_bar_to_enter_at_is_the_second_of_the_run():
    # One bar long in four: begun at bar 1 it holds over the jump from bar 1 to bar 2, at bar 2 not.
    price = np.array([[10.0, 10.0, 20.0, 20.0]])
    found = random_entries(
        holdings(4, [(0, 2, 3, 1.0)], open=price, close=price),
        cash=1.0, final_equity=2.0, max_drawdown=0.0, samples=4000,
    )  # fmt: skip

    assert found["final_equity"]["percentile"] == pytest.approx(1 / 2 + 1 / 4, abs=0.03)
    assert (found["final_equity"]["p05"], found["final_equity"]["p95"]) == (1.0, 2.0)


def test_trades_that_overlap_move_together():
    # 0.5 for three bars and a bar later 0.25 for two: one episode, begun at bars 1 to 10 of 14. It
    # doubles both when begun at 3 or 4 (1.75), the first alone at 5 (1.5), nothing else at seven
    # places; that the second doubles alone (1.25) is not possible.
    pair = [(0, 2, 5, 0.5), (0, 3, 5, 0.25)]
    found = random_entries(
        holdings(14, pair), cash=1.0, final_equity=1.25, max_drawdown=0.0, samples=8000
    )

    spread = found["final_equity"]
    assert spread["percentile"] == pytest.approx(0.7, abs=4 * math.sqrt(0.21 / 8000))
    assert (spread["p50"], spread["p75"], spread["p95"]) == (1.0, 1.5, 1.75)


def test_trades_that_do_not_overlap_never_do():
    # Three bars and two bars of all equity: over the jump goes one of them at most.
    found = random_entries(
        holdings(14, [(0, 2, 5, 1.0), (0, 8, 10, 1.0)]),
        cash=1.0, final_equity=2.0, max_drawdown=0.0, samples=3000,
    )  # fmt: skip

    spread = found["final_equity"]
    assert {spread[name] for name in ("p05", "p25", "p50", "p75", "p95")} == {1.0, 2.0}
    assert found["fan"]["p95"][-1] == 2.0


def test_costs_are_paid_wherever_the_trades_are():
    # The price rests after bar 6: five round trips of all equity at 1 % a side.
    late = [(0, 7 + 2 * k, 8 + 2 * k, 1.0) for k in range(5)]
    flat = np.full((1, 40), 10.0)
    found = random_entries(
        holdings(40, late, open=flat, close=flat, cost=0.01),
        cash=1.0, final_equity=1.0, max_drawdown=0.0, samples=200,
    )  # fmt: skip

    # A purchase for all of x at 1 % leaves x of stock and −0.01 x of cash, its sale 0.98 x. One
    # begun at the bar of another's exit is sized before that exit's cost: 1e-4 of x more.
    for name in ("p05", "p50", "p95"):
        assert found["final_equity"][name] == pytest.approx(0.98**5, rel=5e-4)


def test_a_symbol_is_held_on_its_own_bars_only():
    # A second symbol has bars 0, 2, 4, … and jumps between its own bars 2 and 3 (bars 4 and 6).
    n = 20
    own = np.arange(0, n, 2)
    price = np.where(np.arange(n) < 6, 10.0, 20.0)[None, :]
    found = random_entries(
        holdings(n, [(0, 2, 3, 1.0)], own=[own], open=price, close=price),
        cash=1.0, final_equity=2.0, max_drawdown=0.0, samples=4000,
    )  # fmt: skip

    # One own bar long, begun at own bars 1 to 8 of ten: only own bar 2 holds over the jump.
    assert found["final_equity"]["percentile"] == pytest.approx(7 / 8 + 1 / 8 / 2, abs=0.02)


@pytest.mark.parametrize(
    ("trades", "reason"),
    [([], "The run made no trade."), ([(0, 1, 20, 1.0)], "always held a position")],
)
def test_random_entries_that_mean_nothing_say_so(trades, reason):
    found = random_entries(holdings(20, trades), cash=1.0, final_equity=1.0, max_drawdown=0.0)

    assert reason in found["reason"]
    assert "fan" not in found


# Of a run --------------------------------------------------------------------------------------


def test_a_replayed_run_is_the_run_where_trades_are_at_opens():
    base = outcome(
        {"IBM": real_bars("IBM")},
        {"name": "sma_cross", "params": {"direction": "long_short"}},
        costs={"rate_bps": 10.0},
    )

    (_, _, found) = monte_carlo(base)["methods"]

    # All in and out at opens and fractional, so the shares of equity are the run's, and so is all.
    assert found["replayed_equity"] == pytest.approx(base.metrics["final_equity"], rel=1e-9)


def test_what_a_run_held_by_hand():
    # In at the open of bar 1 with 500 of 1000 at 10, a split of two for one acts at bar 2, out at
    # the open of bar 3 at 6; in again at bar 4 and never out.
    bars = flat_bars([10, 10, 5, 6, 6, 6], splits=((2 * DAY_MS, 2.0),))
    base = outcome(
        {"A": bars},
        {
            "formula": {
                "enter_long": "bar_index == 0 or bar_index == 3",
                "exit_long": "bar_index == 2",
                "size": "fraction(0.5)",
            }
        },
    )

    found = holdings_of(base)

    assert found.enter.tolist() == [1, 4]
    assert found.leave.tolist() == [3, 6]
    assert found.weight == pytest.approx([0.5, 0.5])
    assert found.close[0].tolist() == [10, 10, 10, 12, 12, 12]
    assert found.cost == 0.0


def test_what_ends_at_the_last_close_is_held_until_then():
    base = outcome(
        {"A": flat_bars([10, 10, 11, 12])},
        {"formula": {"enter_long": "bar_index == 0", "size": "fraction(1)"}},
        execution={"slippage_bps": 0.0, "finalize": True},
    )

    found = holdings_of(base)

    assert (found.enter.tolist(), found.leave.tolist()) == ([1], [4])


def test_prices_are_comparable_across_splits_dividends_and_gaps():
    # A pays 1 on bar 1 at a close of 9 (× 10/9); B has no bar on day 1 and splits 2:1 on day 2.
    bars = {
        "A": make_bars([(10, 10, 10, 10), (9, 9, 9, 9), (9, 9, 9, 9)], dividends=((DAY_MS, 1.0),)),
        "B": flat_bars([20, 12], days=[0, 2], splits=((2 * DAY_MS, 2.0),)),
    }

    opens, closes = comparable_prices(build_market(bars))

    assert closes == pytest.approx(np.array([[10.0, 10.0, 10.0], [20.0, 20.0, 24.0]]))
    assert opens == pytest.approx(closes)


def test_timing_by_luck_is_in_the_middle_and_by_hindsight_at_the_top():
    # Entries by the calendar on random walks: 30 percentiles, each as likely as any other, with a
    # mean of 0.5 and a standard error of 0.29 / √30 = 0.053. Hindsight holds what rises tomorrow.
    percentiles = []
    for seed in range(30):
        bars = random_bars(400, seed)
        enter = f"bar_index % {17 + seed} == {seed % 5}"
        leave = f"bar_index % {17 + seed} == {seed % 5 + 8}"
        base = outcome({"A": bars}, {"formula": {"enter_long": enter, "exit_long": leave}})
        percentiles.append(monte_carlo(base)["methods"][2]["final_equity"]["percentile"])

    assert np.mean(percentiles) == pytest.approx(0.5, abs=0.2)
    assert min(percentiles) < 0.25 < 0.75 < max(percentiles)
    price = random_bars(400, 1).close
    rises = np.flatnonzero(price[1:] > 1.01 * price[:-1])
    wise = holdings(
        400, [(0, i, i + 1, 1.0) for i in rises[1:]], open=price[None], close=price[None]
    )
    found = random_entries(wise, cash=1.0, final_equity=99.0, max_drawdown=0.0)
    assert found["replayed_equity"] > found["final_equity"]["p95"]


def test_weights_that_share_an_account_are_not_moved_alone():
    bars = {"A": random_bars(200, 1), "B": random_bars(200, 2)}
    base = outcome(bars, {"name": "fixed_weights", "params": {"weights": {"A": 0.6, "B": 0.4}}})

    found = monte_carlo(base)["methods"]

    assert "none can be moved alone" in found[2]["reason"]
    assert found[1]["reason"] is None


def test_a_run_without_trades_has_no_orders_and_no_moments():
    base = outcome({"A": random_bars(60, 1)}, {"formula": {"enter_long": "close < 0"}})

    found = monte_carlo(base)

    assert [method["reason"] is None for method in found["methods"]] == [False, True, False]
    assert (found["cash"], found["ruin"]) == (1000.0, 0.5)


@pytest.mark.parametrize("name", ["sma_cross", "rsi_reversion", "donchian_breakout"])
def test_the_actual_account_is_the_run(name):
    base = outcome({"MSFT": real_bars("MSFT")}, {"name": name}, seed=5)

    shuffle, bootstrap, entries = monte_carlo(base)["methods"]

    for found in (bootstrap, entries):
        assert found["final_equity"]["actual"] == pytest.approx(base.metrics["final_equity"])
        assert found["max_drawdown"]["actual"] == pytest.approx(base.metrics["max_drawdown"])
    closed = base.trades["pnl"][~base.trades["open"]].sum()
    assert shuffle["final_equity"]["actual"] == pytest.approx(1000.0 + closed)
