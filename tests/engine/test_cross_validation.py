"""Purged k-fold and combinatorial cross-validation: training together, paths, and their spread."""

from __future__ import annotations

import json

import numpy as np
import pytest

from config.sweep import WalkForwardConfig
from engine.errors import InvalidParameterError
from engine.metrics import Conventions, curve_metrics
from engine.walkforward import (
    WindowResult,
    choosing,
    combinatorial_splits,
    cross_validate,
    paths,
    prepare_walkforward,
)
from engine.walkforward.choosing import Chooser
from engine.walkforward.splits import Span
from tests.engine import naive_walkforward as naive
from tests.engine.sample_bars import random_bars
from tests.engine.scenario import DAY_MS, flat_bars

CROSS = {"strategy": {"name": "sma_cross"}, "cash": 10_000.0, "lot": 0.0}
GRID = {"fast": [3, 5, 8], "slow": [10, 20]}
EVERY_DAY = 365.0
"""Periods a year of bars on every day of the week (M2)."""
FREE = {"costs": {"rate_bps": 0.0}, "execution": {"slippage_bps": 0.0}, "lot": 0.0, "cash": 1000.0}


def asked(run, axes, **options):
    document = {"run": {"symbols": ["A"], **run}, "axes": axes, "method": "cpcv", **options}
    return WalkForwardConfig.model_validate(document)


def held(n_bars=3):
    """Enters at the open of bar k + 1 of its span, leaves `n_bars` later."""
    formula = {
        "enter_long": "bar_index == k",
        "exit_long": f"bar_index == k + {n_bars}",
        "size": "fraction(1)",
    }
    return {"formula": formula, "params": {"k": 0}}


# Training on several spans ---------------------------------------------------------------------


def test_spans_are_measured_together_as_one_record():
    bars = random_bars(300, 11)
    spans = [Span(0, 90), Span(120, 180), Span(210, 300)]
    config = asked(CROSS, GRID)
    prepared = prepare_walkforward({"A": bars}, config)
    chooser = Chooser({"A": bars}, config.run, prepared.points, prepared.clock)

    best, columns = chooser.choose(spans, "sharpe", smaller_is_better=False)

    for i, params in enumerate(naive.combinations(GRID)):
        runs = [naive.run(bars, CROSS, params, *span) for span in spans]
        growth = np.prod([1 + run.metrics["total_return"] for run in runs])
        days = sum(span.n_bars - 1 for span in spans)
        expected = {
            "sharpe": naive.pooled_sharpe(runs, EVERY_DAY),
            "total_return": growth - 1,
            "final_equity": 10_000.0 * growth,
            "cagr": growth ** (365.25 / days) - 1,
            "max_drawdown": min(run.metrics["max_drawdown"] for run in runs),
            "trades": sum(run.metrics["trades"] for run in runs),
        }
        expected["calmar"] = expected["cagr"] / -expected["max_drawdown"]
        for name, value in expected.items():
            assert columns[name][i] == pytest.approx(value, rel=1e-9), name
    assert best == int(np.argmax(columns["sharpe"]))


def test_one_span_is_measured_as_a_sweep_is():
    bars = random_bars(120, 4)
    config = asked(CROSS, GRID)
    prepared = prepare_walkforward({"A": bars}, config)
    chooser = Chooser({"A": bars}, config.run, prepared.points, prepared.clock)

    _, columns = chooser.choose([Span(30, 120)], "sharpe", smaller_is_better=False)

    for i, params in enumerate(naive.combinations(GRID)):
        found = naive.run(bars, CROSS, params, 30, 120).metrics
        assert columns["sharpe"][i] == pytest.approx(found["sharpe"], rel=1e-10)


# By hand ---------------------------------------------------------------------------------------


def test_k_fold_by_hand():
    # Two folds of four bars. In the first 10 → 12 from bar 1 to bar 2 (k = 0 gains 20 %, k = 1
    # nothing), in the second 12 → 15 from its bar 2 to its bar 3 (k = 1 gains 25 %). Each fold is
    # traded with what was best in the other: nothing is gained in either.
    prices = [10, 10, 12, 12, 12, 12, 12, 15]
    config = asked(
        {**FREE, "strategy": held(1)}, {"k": [0, 1]},
        method="kfold", n_folds=2, objective="total_return",
    )  # fmt: skip
    found = cross_validate({"A": flat_bars(prices)}, config)

    first, second = found["windows"]
    assert (first["params"], second["params"]) == ({"k": 1}, {"k": 0})
    assert first["test"] == [{"first": "1970-01-01", "last": "1970-01-04", "bars": 4}]
    assert first["train"] == [{"first": "1970-01-05", "last": "1970-01-08", "bars": 4}]
    assert first["in_sample_metrics"]["total_return"] == pytest.approx(0.25)
    assert first["out_of_sample_metrics"]["total_return"] == 0.0
    (path,) = found["paths"]
    assert path["splits"] == [0, 1]
    assert path["metrics"]["total_return"] == 0.0
    assert found["probability_of_loss"] == 0.0


def test_the_growth_of_folds_is_multiplied_along_a_path():
    # Always k = 0: +20 % in the first fold, and 12 → 15 held to the end of the second: +25 %.
    prices = [10, 10, 12, 12, 12, 12, 15, 15]
    found = cross_validate(
        {"A": flat_bars(prices)},
        asked({**FREE, "strategy": held(1)}, {"k": [0]}, method="kfold", n_folds=2,
              objective="total_return"),
    )  # fmt: skip

    equity = found["equity"]
    assert equity["time"].tolist() == [i * DAY_MS for i in range(8)]
    expected = [1000, 1000, 1200, 1200, 1200, 1200, 1500, 1500]
    assert equity["path_0"] == pytest.approx(expected)
    assert equity["p05"] == pytest.approx(equity["p95"])
    assert found["distribution"]["total_return"]["p50"] == pytest.approx(0.5)


# Twins -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n_folds", "n_test"), [(5, 1), (4, 2), (5, 3)])
def test_paths_equal_their_naive_twins(n_folds, n_test):
    bars = random_bars(240, 21)
    method = "kfold" if n_test == 1 else "cpcv"
    config = asked(
        CROSS, GRID, method=method, n_folds=n_folds, n_test_folds=n_test, purge=3, embargo=2
    )
    found = cross_validate({"A": bars}, config)

    chosen = []
    for split in combinatorial_splits(240, n_folds, n_test, purge=3, embargo=2):
        sharpes = [
            naive.pooled_sharpe(
                [naive.run(bars, CROSS, params, *span) for span in split.train], EVERY_DAY
            )
            for params in naive.combinations(GRID)
        ]
        chosen.append(naive.combinations(GRID)[int(np.argmax(sharpes))])
    assert [window["params"] for window in found["windows"]] == chosen
    edges = [k * 240 // n_folds for k in range(n_folds + 1)]
    rules = Conventions(periods_per_year=EVERY_DAY)
    for path, told in zip(paths(n_folds, n_test), found["paths"], strict=True):
        growth = [1.0]
        for fold, split in enumerate(path):
            part = naive.fold_growth(bars, CROSS, chosen[split], edges[fold], edges[fold + 1])
            growth += [growth[-1] * value for value in part]
        value = 10_000.0 * np.array(growth[1:])
        expected = curve_metrics(bars.time, value, base=10_000.0, rules=rules)
        for name, number in told["metrics"].items():
            assert number == pytest.approx(expected[name], rel=1e-9), name
        assert found["equity"][f"path_{told['i']}"][-1] == pytest.approx(value[-1])


def test_the_distribution_is_that_of_the_paths():
    config = asked(CROSS, GRID, n_folds=6, n_test_folds=2, purge=2)
    found = cross_validate({"A": random_bars(300, 5)}, config)

    assert (len(found["windows"]), len(found["paths"])) == (15, 5)
    sharpes = [path["metrics"]["sharpe"] for path in found["paths"]]
    spread = found["distribution"]["sharpe"]
    assert spread["mean"] == pytest.approx(np.mean(sharpes))
    assert spread["p25"] == pytest.approx(np.quantile(sharpes, 0.25))
    assert spread["undefined"] == 0
    losing = [path["metrics"]["total_return"] < 0 for path in found["paths"]]
    assert found["probability_of_loss"] == np.mean(losing)
    inside = [window["in_sample_metrics"]["sharpe"] for window in found["windows"]]
    assert found["in_sample_sharpe"] == pytest.approx(np.mean(inside))


def test_what_is_chosen_where_nothing_is_to_be_found_does_worse_than_it_promised():
    # Random walks: the best of 18 in training promises more than it keeps, on average over seeds.
    axes = {"fast": "2..10:4", "slow": "12..37:5"}
    gaps = []
    for seed in range(8):
        found = cross_validate(
            {"A": random_bars(400, seed)}, asked(CROSS, axes, n_folds=5, purge=5)
        )
        gaps.append(found["in_sample_sharpe"] - found["out_of_sample_sharpe"])

    assert np.mean(gaps) > 0.3
    assert sum(gap > 0 for gap in gaps) >= 7


def test_with_nothing_to_choose_by_the_folds_rest():
    found = cross_validate(
        {"A": flat_bars([10] * 12)},
        asked({**FREE, "strategy": held()}, {"k": [0, 1]}, n_folds=3),
    )

    assert [window["params"] for window in found["windows"]] == [None] * 3
    assert found["distribution"]["sharpe"] == {
        "p05": None, "p25": None, "p50": None, "p75": None, "p95": None,
        "mean": None, "undefined": 2,
    }  # fmt: skip
    assert found["distribution"]["total_return"]["p50"] == 0.0
    assert found["out_of_sample_sharpe"] is None


def test_nothing_in_a_test_fold_or_beside_it_is_used_to_choose():
    # Bars 40 to 79 of 120 are tested; 35 to 39 and 80 to 87 are purged and embargoed.
    bars = random_bars(120, 8)
    config = asked(CROSS, GRID, method="kfold", n_folds=3, purge=5, embargo=3)
    prepared = prepare_walkforward({"A": bars}, config)
    split = prepared.windows[1]
    assert split.train == (Span(0, 35), Span(88, 120))

    before = prepared.run_window(1).document
    factor = np.ones(120)
    factor[40:60] = np.exp(np.random.default_rng(1).normal(0.0, 0.2, 20))
    prices = {name: getattr(bars, name) * factor for name in ("open", "high", "low", "close")}
    changed = type(bars)(bars.time, *prices.values(), bars.volume)
    after = prepare_walkforward({"A": changed}, config).run_window(1).document

    # Bars 60 to 87 feed the indicators of the second span, so only bars before are disturbed.
    assert after["params"] == before["params"]
    assert after["in_sample_metrics"] == before["in_sample_metrics"]
    assert after["out_of_sample_metrics"] != before["out_of_sample_metrics"]


def test_splits_may_be_done_in_any_order_by_anybody_and_kept_as_text():
    bars = {"A": random_bars(200, 6)}
    config = asked(CROSS, GRID, n_folds=4)
    whole = cross_validate(bars, config, threads=2)

    kept = []
    for i in (5, 3, 1, 0, 2, 4):
        result = prepare_walkforward(bars, config).run_window(i)
        document = json.loads(json.dumps(result.document, allow_nan=False))
        kept.append(WindowResult(document=document, time=result.time, equity=result.equity))
    stitched = prepare_walkforward(bars, config).stitch(kept)

    assert stitched["paths"] == whole["paths"]
    assert stitched["windows"] == whole["windows"]
    assert stitched["distribution"] == whole["distribution"]
    json.dumps({name: part for name, part in stitched.items() if name != "equity"})


def test_progress_counts_the_points_of_every_span():
    prepared = prepare_walkforward({"A": random_bars(200, 6)}, asked(CROSS, GRID, n_folds=5))
    told = []

    # Folds 1 and 3 are tested: folds 0, 2 and 4 are three spans of six points.
    split = next(one for one in prepared.windows if one.folds == (1, 3))
    prepared.run_window(split.i, on_progress=lambda done, total: told.append((done, total)))

    assert {total for _, total in told} == {18}
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert {6, 12, 18} <= {done for done, _ in told}


def test_a_mapping_is_combinatorial_unless_it_says_otherwise():
    bars = {"A": random_bars(120, 6)}
    document = {"run": CROSS, "axes": {"fast": [3, 5]}, "n_folds": 4}

    assert len(cross_validate(bars, document)["windows"]) == 6
    assert len(cross_validate(bars, {**document, "method": "kfold"})["windows"]) == 4


def test_what_there_is_no_room_to_keep_is_measured_again(monkeypatch):
    bars = {"A": random_bars(200, 6)}
    config = asked(CROSS, GRID, n_folds=4)
    whole = cross_validate(bars, config)

    # Ten numbers of each of six points: room for one span only, then for none.
    for room in (60, 0):
        monkeypatch.setattr(choosing, "MOST_KEPT", room)
        again = cross_validate(bars, config)
        assert again["windows"] == whole["windows"]


def test_more_folds_than_bars_are_refused():
    with pytest.raises(InvalidParameterError, match="more than the run's 9"):
        cross_validate({"A": random_bars(9, 1)}, asked(CROSS, GRID, n_folds=5))
