"""Walk-forward: seams by hand, naive twins, no look-ahead, resumption, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from config.sweep import WalkForwardConfig
from engine.errors import InvalidBarsError, InvalidParameterError, SweepCancelledError
from engine.metrics.ratios import growth_rate
from engine.walkforward import (
    WindowResult,
    estimate_walkforward,
    prepare_walkforward,
    walk_forward,
)
from engine.walkforward.stitching import stability
from tests.engine import naive_walkforward as naive
from tests.engine.sample_bars import random_bars, real_bars
from tests.engine.scenario import DAY_MS, flat_bars, make_bars

FREE = {"costs": {"rate_bps": 0.0}, "execution": {"slippage_bps": 0.0}, "lot": 0.0, "cash": 1000.0}
CROSS = {"strategy": {"name": "sma_cross"}, "cash": 10_000.0, "lot": 1.0}
GRID = {"fast": [3, 5, 8], "slow": [10, 20]}


def held(enter="bar_index == k", leave="bar_index == k + 1", **fields):
    """A formula that enters at the close of bar k of its window and leaves a bar later."""
    formula = {"enter_long": enter, "exit_long": leave, "size": "fraction(1)", **fields}
    return {"formula": formula, "params": {"k": 0}}


def asked(run, axes, **options):
    document = {"run": {"symbols": ["A"], **run}, "axes": axes, **options}
    return WalkForwardConfig.model_validate(document)


# By hand ---------------------------------------------------------------------------------------

PRICES = [10, 10, 12, 12, 12, 12, 15, 15, 20, 20]


def test_the_best_of_a_window_is_traded_in_the_next():
    # k = 0 buys at the open of bar 1 and sells at that of bar 2; k = 1 a bar later. In sample bars
    # 0 to 3 rise from bar 1 to bar 2 (10 → 12): k = 0 makes 20 %, k = 1 nothing. Out of sample
    # bars 4 to 7: k = 0 buys at bar 5 (12) and sells at bar 6 (15): 25 %.
    found = walk_forward(
        {"A": flat_bars(PRICES[:8])},
        asked({**FREE, "strategy": held()}, {"k": [0, 1]}, objective="total_return",
              in_sample=4, out_of_sample=4),
    )  # fmt: skip

    (window,) = found["windows"]
    assert window["params"] == {"k": 0}
    assert window["in_sample"] == {"first": "1970-01-01", "last": "1970-01-04", "bars": 4}
    assert window["out_of_sample"] == {"first": "1970-01-05", "last": "1970-01-08", "bars": 4}
    assert window["in_sample_metrics"]["total_return"] == pytest.approx(0.2)
    assert window["out_of_sample_metrics"]["total_return"] == pytest.approx(0.25)
    assert found["equity"]["equity"] == pytest.approx([1000, 1000, 1250, 1250])
    assert found["equity"]["time"].tolist() == [4 * DAY_MS, 5 * DAY_MS, 6 * DAY_MS, 7 * DAY_MS]


def test_at_a_seam_the_position_is_closed_at_the_last_close_with_costs():
    # Never left by itself: bought at the open of the window's second bar. 1 % a side, no slippage.
    # Window 1, bars 4 to 6: x · 12 · 1.01 = 1000 at bar 5; bar 6 closes at 15: x · 15 · 0.99.
    # Window 2, bars 7 to 9: bought at 20 on bar 8 and sold at 20 on bar 9: × 0.99 / 1.01.
    run = {**FREE, "costs": {"rate_bps": 100.0}, "strategy": held(leave="k < 0")}
    found = walk_forward(
        {"A": flat_bars(PRICES)}, asked(run, {"k": [0]}, in_sample=4, out_of_sample=3)
    )

    x = 1000 / 12 / 1.01
    first = x * 15 * 0.99
    second = first / 1.01 * 0.99
    equity = [1000, x * 12, first, first, first / 1.01, second]
    assert found["equity"]["equity"] == pytest.approx(equity)
    assert found["equity"]["window"].tolist() == [0, 0, 0, 1, 1, 1]
    assert found["equity"]["exposure"] == pytest.approx([0, 1, 0, 0, 1, 0])
    assert found["stitched"]["closed_at_seams"] == 2
    fees = x * 15 * 0.01 + first / 1.01 * 0.01
    assert found["stitched"]["fees_at_seams"] == pytest.approx(fees)
    assert found["stitched"]["metrics"]["trades"] == 2
    assert found["stitched"]["metrics"]["final_equity"] == pytest.approx(second)


def test_the_account_goes_on_with_what_it_has():
    # Whole shares and a fixed fee of 50 a fill: the second window can afford one share less.
    run = {**FREE, "cash": 1000.0, "lot": 1.0, "costs": {"rate_bps": 0.0, "fixed": 50.0}}
    run["strategy"] = held()
    bars = {"A": flat_bars([100] * 10)}
    found = walk_forward(bars, asked(run, {"k": [0]}, in_sample=4, out_of_sample=3))

    # 950 buys 9; back to 1000 − 100 = 900: 850 buys 8.
    assert found["trades"]["quantity"].tolist() == [9.0, 8.0]
    assert found["equity"]["equity"][-1] == 800.0
    # The window on its own begins with the cash, so that windows compare.
    assert found["windows"][1]["out_of_sample_metrics"]["final_equity"] == 900.0


def test_equal_objectives_are_told_apart_by_the_order_of_the_product():
    found = walk_forward(
        {"A": flat_bars([10] * 8)},
        asked({**FREE, "strategy": held()}, {"k": [2, 1, 0]}, objective="total_return",
              in_sample=4, out_of_sample=4),
    )  # fmt: skip

    assert found["windows"][0]["params"] == {"k": 2}


def test_with_nothing_to_choose_by_the_account_rests():
    # A flat price has no Sharpe ratio in sample.
    prices = [10] * 4 + [10, 11, 12, 13] + [14, 15, 16, 17]
    config = asked(
        {**FREE, "strategy": held(leave="k < 0")}, {"k": [0]}, in_sample=4, out_of_sample=4
    )
    found = walk_forward({"A": flat_bars(prices)}, config)

    first, second = found["windows"]
    assert (first["params"], first["in_sample_metrics"], first["out_of_sample_metrics"]) == (
        None, None, None,
    )  # fmt: skip
    assert second["params"] == {"k": 0}
    assert found["equity"]["equity"][:4].tolist() == [1000.0] * 4
    assert found["equity"]["equity"][-1] == pytest.approx(1000 * 17 / 15)


def test_a_ruined_account_stays_as_it_is():
    # Short at the open of bar 5, the price then trebles: 1000 − 2 · 1000 below zero.
    formula = {"enter_short": "bar_index == k", "size": "fraction(1)"}
    prices = [10, 10, 9, 9, 10, 10, 30, 30, 30, 30]
    found = walk_forward(
        {"A": flat_bars(prices)},
        asked({**FREE, "strategy": {"formula": formula, "params": {"k": 0}}}, {"k": [0]},
              in_sample=4, out_of_sample=3),
    )  # fmt: skip

    assert found["equity"]["equity"].tolist()[2:] == [-1000.0] * 4
    assert found["stitched"]["status"] == "bankrupt"
    assert found["stitched"]["metrics"]["total_return"] == -1.0


def test_of_volatility_the_least_is_best():
    calm, wild = "bar_index == 0 and k == 0", "bar_index == 0 and k == 1"
    run = {**FREE, "strategy": held(enter=f"({calm}) or ({wild})", leave="k < 0")}
    run["strategy"]["formula"]["size"] = "fraction(0.1 + 0.8 * k)"
    found = walk_forward(
        {"A": random_bars(60, 1)},
        asked(run, {"k": [1, 0]}, objective="volatility", in_sample=30, out_of_sample=30),
    )

    assert found["windows"][0]["params"] == {"k": 0}


# Twins and properties --------------------------------------------------------------------------


@pytest.mark.parametrize("anchored", [False, True])
@pytest.mark.parametrize("objective", ["sharpe", "total_return", "max_drawdown"])
def test_a_walk_equals_its_naive_twin(anchored, objective):
    bars = random_bars(170, 7)
    config = asked(
        CROSS, GRID, objective=objective, anchored=anchored, in_sample=60, out_of_sample=25
    )

    found = walk_forward({"A": bars}, config)

    chosen, time, equity = naive.walk(
        bars, CROSS, GRID, 60, 25, anchored=anchored, objective=objective
    )
    assert [window["params"] for window in found["windows"]] == chosen
    assert found["equity"]["time"].tolist() == time
    assert found["equity"]["equity"] == pytest.approx(equity, rel=1e-12)
    assert len(found["windows"]) == 5
    assert [window["is_short"] for window in found["windows"]] == [False] * 4 + [True]


def test_window_metrics_are_those_of_the_runs_that_a_user_would_make():
    bars = {"A": real_bars("IBM")}
    found = walk_forward(bars, asked(CROSS, GRID, in_sample=1000, out_of_sample=500))

    window = found["windows"][1]
    made = naive.run(bars["A"], CROSS, window["params"], 500, 1500).metrics
    for name, value in window["in_sample_metrics"].items():
        assert value == pytest.approx(made[name], rel=1e-10), name
    made = naive.run(
        bars["A"], CROSS, window["params"], 1500, 2000, execution={"finalize": True}
    ).metrics
    for name, value in window["out_of_sample_metrics"].items():
        assert value == pytest.approx(made[name], rel=1e-12), name


def test_windows_are_annualised_as_the_whole_run():
    # Sixty business days and then every day: the first window alone would have 252 periods a year,
    # of the whole more than 5 % are Saturdays: 365 (M2).
    bars = random_bars(160, 4)
    weekdays = np.busday_offset("1969-10-09", np.arange(60), roll="forward")
    days = np.concatenate((weekdays.astype(np.int64), np.arange(100) + 1))
    bars = replace(bars, time=days * DAY_MS)

    found = walk_forward({"A": bars}, asked(CROSS, GRID, in_sample=60, out_of_sample=50))

    (window, _) = found["windows"]
    made = naive.run(bars, CROSS, window["params"], 0, 60, periods_per_year=365.0).metrics
    assert window["in_sample_metrics"]["sharpe"] == pytest.approx(made["sharpe"], rel=1e-9)
    assert naive.run(bars, CROSS, window["params"], 0, 60).metrics["periods_per_year"] == 252.0


def test_every_combination_of_a_window_is_told_as_a_trial():
    bars = {"A": random_bars(170, 9)}
    prepared = prepare_walkforward(bars, asked(CROSS, GRID, in_sample=60, out_of_sample=50))

    result = prepared.run_window(1)

    made = [naive.run(bars["A"], CROSS, params, 50, 110) for params in naive.combinations(GRID)]
    a_year = [one.metrics["sharpe"] for one in made]
    assert result.trial_sharpe * np.sqrt(365.0) == pytest.approx(a_year, rel=1e-9)


def test_nothing_is_chosen_by_what_comes_later():
    bars = random_bars(120, 3)
    config = asked(CROSS, GRID, in_sample=60, out_of_sample=20)
    before = walk_forward({"A": bars}, config)
    rng = np.random.default_rng(0)
    factor = np.where(np.arange(120) < 80, 1.0, np.exp(rng.normal(0.0, 0.1, 120)))
    prices = {name: getattr(bars, name) * factor for name in ("open", "high", "low", "close")}

    after = walk_forward({"A": replace(bars, **prices)}, config)

    # Bars from 80 on differ: window 0 is known by then, and window 1 is chosen by then.
    assert after["windows"][0] == before["windows"][0]
    assert after["windows"][1]["params"] == before["windows"][1]["params"]
    np.testing.assert_array_equal(after["equity"]["equity"][:20], before["equity"]["equity"][:20])
    assert after["windows"][2] != before["windows"][2]


def test_bars_before_a_window_feed_its_indicators():
    # A slow average of 20 bars is known at the first close of a window of 20 bars.
    bars = random_bars(140, 5)
    run = {**FREE, "strategy": {"formula": {"enter_long": "sma(close, n) > 0"}, "params": {"n": 9}}}
    found = walk_forward({"A": bars}, asked(run, {"n": [20]}, in_sample=100, out_of_sample=20))

    assert found["trades"]["entry_time"].tolist() == [101 * DAY_MS, 121 * DAY_MS]


def test_threads_change_nothing():
    config = asked(CROSS, GRID, in_sample=60, out_of_sample=25)
    bars = {"A": random_bars(170, 9)}

    one, two = walk_forward(bars, config), walk_forward(bars, config, threads=2)

    assert one["windows"] == two["windows"]
    np.testing.assert_array_equal(one["equity"]["equity"], two["equity"]["equity"])


def test_windows_may_be_done_in_any_order_by_anybody_and_kept_as_text():
    config = asked(CROSS, GRID, in_sample=60, out_of_sample=25)
    bars = {"A": random_bars(170, 9)}
    whole = walk_forward(bars, config)

    kept = []
    for i in (4, 2, 0, 1, 3):
        result = prepare_walkforward(bars, config).run_window(i)
        document = json.loads(json.dumps(result.document, allow_nan=False))
        kept.append(WindowResult(document=document, time=result.time, equity=result.equity))
    stitched = prepare_walkforward(bars, config).stitch(kept)

    assert stitched["windows"] == whole["windows"]
    assert stitched["efficiency"] == whole["efficiency"]
    np.testing.assert_array_equal(stitched["equity"]["equity"], whole["equity"]["equity"])
    json.dumps({k: stitched[k] for k in ("stitched", "stability", "efficiency_detail")})


def test_a_window_that_is_missing_is_not_passed_over():
    prepared = prepare_walkforward(
        {"A": random_bars(170, 9)}, asked(CROSS, GRID, in_sample=60, out_of_sample=50)
    )

    with pytest.raises(ValueError, match="each of the 3 windows once"):
        prepared.stitch([prepared.run_window(0), prepared.run_window(2)])


def test_progress_is_told_and_a_cancelled_window_stops():
    prepared = prepare_walkforward(
        {"A": random_bars(170, 9)}, asked(CROSS, GRID, in_sample=60, out_of_sample=50)
    )
    told = []

    prepared.run_window(0, on_progress=lambda done, total: told.append((done, total)))

    assert told[-1] == (6, 6)
    with pytest.raises(SweepCancelledError):
        prepared.run_window(1, is_cancelled=lambda: True)


# Efficiency, stability and benchmark -----------------------------------------------------------


def test_efficiency_is_annual_growth_after_over_before():
    bars = {"A": real_bars("MSFT")}
    found = walk_forward(bars, asked(CROSS, GRID, in_sample=1200, out_of_sample=600))

    windows = found["windows"]
    growth = np.prod([1 + window["in_sample_metrics"]["total_return"] for window in windows])
    days = 0
    for window in windows:
        first, last = (np.datetime64(window["in_sample"][end]) for end in ("first", "last"))
        days += int((last - first).astype(int))
    before = growth ** (365.25 / days) - 1
    assert found["efficiency_detail"]["in_sample"] == pytest.approx(before)
    after = found["stitched"]["metrics"]["cagr"]
    equity = found["equity"]
    span = int(equity["time"][-1] - equity["time"][0])
    assert after == pytest.approx(growth_rate(10_000.0, float(equity["equity"][-1]), span))
    assert found["efficiency"] == pytest.approx(after / before)


def test_without_growth_in_sample_there_is_no_efficiency():
    run = {**FREE, "strategy": held(leave="k < 0")}
    found = walk_forward(
        {"A": flat_bars([20, 19, 18, 17, 16, 15, 14, 15])},
        asked(run, {"k": [0, 1]}, in_sample=4, out_of_sample=4, objective="total_return"),
    )

    assert found["efficiency"] is None
    assert "nothing to keep" in found["efficiency_detail"]["reason"]


def test_stability_by_hand():
    # fast 3 → 8 → 8 → 5 on the axis 3, 5, 8: steps of 2, 0 and 1 places of 2, two of three change.
    chosen = [{"fast": 3, "slow": 10}, {"fast": 8, "slow": 10}, {"fast": 8, "slow": 10}]
    chosen += [{"fast": 5, "slow": 10}]
    returns = [0.1, -0.1, 0.0, 0.2]
    documents = [
        {"params": params, "out_of_sample_metrics": {"total_return": value}}
        for params, value in zip(chosen, returns, strict=True)
    ]
    prepared = prepare_walkforward(
        {"A": random_bars(90, 1)},
        asked(CROSS, {**GRID, "slow": [10]}, in_sample=60, out_of_sample=30),
    )

    found = stability(documents, prepared.points)

    assert found["profitable"] == 0.5
    assert found["params"]["fast"] == {
        "values": [3, 8, 8, 5], "distinct": 3, "changed": pytest.approx(2 / 3), "moved": 0.5,
    }  # fmt: skip
    assert found["params"]["slow"] == {
        "values": [10] * 4, "distinct": 1, "changed": 0.0, "moved": None,
    }  # fmt: skip


def test_texts_do_not_move():
    axes = {"direction": ["long_only", "short_only"]}
    found = walk_forward(
        {"A": random_bars(120, 2)}, asked(CROSS, axes, in_sample=60, out_of_sample=20)
    )

    steady = found["stability"]["params"]["direction"]
    assert steady["moved"] is None
    assert 0.0 <= steady["changed"] <= 1.0


def test_the_benchmark_holds_over_the_out_of_sample_bars():
    found = walk_forward(
        {"A": flat_bars(PRICES)},
        asked({**FREE, "strategy": held()}, {"k": [0]}, in_sample=4, out_of_sample=3,
              objective="total_return"),
    )  # fmt: skip

    # From 12 at bar 4.
    expected = [1000 * price / 12 for price in PRICES[4:]]
    assert found["equity"]["benchmark"] == pytest.approx(expected)
    assert found["stitched"]["metrics"]["benchmark_return"] == pytest.approx(20 / 12 - 1)


def test_several_symbols_share_the_account():
    bars = {"A": random_bars(150, 1), "B": random_bars(150, 2)}
    run = {**CROSS, "symbols": ["A", "B"]}
    found = walk_forward(bars, asked(run, GRID, in_sample=60, out_of_sample=30))

    assert set(found["trades"]["symbol"]) == {"A", "B"}
    assert found["stitched"]["metrics"]["gross_exposure"] <= 1.0


def test_a_last_window_of_one_bar_is_traded_too():
    found = walk_forward(
        {"A": random_bars(101, 4)}, asked(CROSS, GRID, in_sample=60, out_of_sample=20)
    )

    last = found["windows"][-1]
    assert (last["is_short"], last["out_of_sample"]["bars"]) == (True, 1)
    assert last["out_of_sample_metrics"]["sharpe"] is None
    assert found["equity"]["equity"].size == 41


def test_windows_of_intraday_bars_are_counted_in_bars_and_told_with_their_time():
    daily = random_bars(400, 6)
    hourly = replace(daily, time=np.arange(400) * 3_600_000 + 30 * 60_000)
    config = asked({**CROSS, "timeframe": "1h"}, GRID, in_sample=200, out_of_sample=100)

    found = walk_forward({"A": hourly}, config)

    assert found["windows"][0]["out_of_sample"] == {
        "first": "1970-01-09T08:30:00Z", "last": "1970-01-13T11:30:00Z", "bars": 100,
    }  # fmt: skip
    np.testing.assert_array_equal(found["equity"]["time"], hourly.time[200:])
    # Statistics are daily (M1): 200 hours are some nine days.
    assert found["stitched"]["metrics"]["periods_per_year"] == 365.0


def test_windows_are_those_of_the_run_and_earlier_bars_are_known():
    bars = random_bars(200, 8)
    run = {**CROSS, "start": "1970-03-02", "end": "1970-06-09"}
    found = walk_forward({"A": bars}, asked(run, GRID, in_sample=60, out_of_sample=40))

    # Bars 60 to 159: the run has a hundred, and one window.
    (window,) = found["windows"]
    assert window["in_sample"] == {"first": "1970-03-02", "last": "1970-04-30", "bars": 60}
    assert window["out_of_sample"] == {"first": "1970-05-01", "last": "1970-06-09", "bars": 40}
    made = naive.run(bars, CROSS, window["params"], 60, 120).metrics
    assert window["in_sample_metrics"]["sharpe"] == pytest.approx(made["sharpe"], rel=1e-10)


def test_strategies_of_target_weights_walk_forward_too():
    bars = {"A": random_bars(260, 1), "B": random_bars(260, 2), "C": random_bars(260, 3)}
    run = {**CROSS, "symbols": ["A", "B", "C"], "strategy": {"name": "momentum_rotation"}}
    axes = {"lookback": [10, 20], "top": [1, 2]}

    found = walk_forward(bars, asked(run, axes, in_sample=120, out_of_sample=70))

    assert len(found["windows"]) == 2
    for window in found["windows"]:
        assert window["out_of_sample_metrics"]["trades"] > 0


# Refusals --------------------------------------------------------------------------------------


def test_windows_longer_than_the_data_are_refused():
    with pytest.raises(InvalidParameterError, match="80 \\+ 30 bars and the run has 100"):
        walk_forward({"A": random_bars(100, 1)}, asked(CROSS, GRID, in_sample=80, out_of_sample=30))


def test_contributions_are_refused():
    run = {**CROSS, "flows": {"amount": 100, "every": "month"}}
    with pytest.raises(InvalidParameterError, match="Contributions") as caught:
        walk_forward({"A": random_bars(100, 1)}, asked(run, GRID, in_sample=60, out_of_sample=30))

    assert caught.value.field == "run.flows"


def test_a_window_in_which_a_symbol_has_no_bar_is_refused_by_name():
    late = make_bars([(9, 9, 9, 9)] * 50, days=range(50, 100))
    run = {**CROSS, "symbols": ["A", "B"]}

    with pytest.raises(InvalidBarsError, match="B has no bar from 1970-01-01 to 1970-02-09"):
        walk_forward(
            {"A": random_bars(100, 1), "B": late}, asked(run, GRID, in_sample=40, out_of_sample=30)
        )


@pytest.mark.parametrize(
    ("document", "field", "message"),
    [
        ({"axes": {"fast": "2..9"}}, None, "Expected `in_sample`"),
        ({"axes": {}, "in_sample": 5, "out_of_sample": 5}, "axes", "at least one axis"),
        (
            {"axes": {"fats": "2..9"}, "in_sample": 5, "out_of_sample": 5},
            "axes.fats",
            "Did you mean fast",
        ),
        (
            {"axes": {"fast": "2..9"}, "in_sample": 5, "out_of_sample": 5, "objective": "luck"},
            "objective",
            "sharpe",
        ),
    ],
)
def test_a_mapping_that_is_none_is_refused_with_its_field(document, field, message):
    whole = {"run": {"strategy": {"name": "sma_cross"}}, **document}
    with pytest.raises(InvalidParameterError, match=message) as caught:
        walk_forward({"A": random_bars(50, 1)}, whole)

    assert caught.value.field == field


def test_an_estimate_counts_windows_and_points():
    bars = {"A": random_bars(170, 9)}
    found = estimate_walkforward(bars, asked(CROSS, GRID, in_sample=60, out_of_sample=25))

    assert (found.n_windows, found.n_points) == (5, 6)
    assert found.seconds > 0
    assert found.memory_bytes > 0
