"""The trial ledger: each distinct trial counts once, for ever (M11)."""

from __future__ import annotations

import math

import numpy as np
import pytest

from config.run import RunConfig
from config.settings import load_settings
from dataapi.services.bundled_runs import service
from dataapi.store import NewTrials, data_of, family_of, run_trials, trial_hashes
from dataapi.store.database import Connections, execute
from engine.resolve import resolve
from engine.significance import deflated_sharpe_ratio, expected_maximum_sharpe
from tests.apps import config, save_waves


def resolved(**changes):
    return resolve(config(**changes))[0].model_dump(mode="json")


def trials(source_id, numbers, sharpe=None, family="sma_cross", data="AAPL 1d"):
    return NewTrials(
        family=family,
        data=data,
        source_kind="sweep",
        source_id=source_id,
        hashes=np.array(numbers, dtype=np.uint64),
        sharpe=np.array([math.nan] * len(numbers) if sharpe is None else sharpe, dtype=np.float64),
    )


def test_overlapping_sources_count_their_union(each_store):
    # {1, 2, 3} and {2, 3, 4}: four distinct trials, whose Sharpe ratios 1, 2, 3, 4 have the
    # variance (1.5² + 0.5² + 0.5² + 1.5²) / 3 = 5/3.
    each_store.trials.put(trials("a", [1, 2, 3], [1.0, 2.0, 3.0]))
    each_store.trials.put(trials("b", [2, 3, 4], [2.0, 3.0, 4.0]))

    found = each_store.trials.get("sma_cross", "AAPL 1d")

    assert found.n_trials == 4
    assert found.variance == pytest.approx(5 / 3, rel=1e-15)


def test_a_trial_without_a_sharpe_ratio_counts_and_does_not_vary(each_store):
    each_store.trials.put(trials("a", [1, 2, 3], [1.0, math.nan, 3.0]))

    found = each_store.trials.get("sma_cross", "AAPL 1d")

    # Of 1 and 3: ((−1)² + 1²) / (2 − 1).
    assert (found.n_trials, found.variance) == (3, 2.0)


def test_families_and_data_are_apart(each_store):
    each_store.trials.put(trials("a", [1, 2]))
    each_store.trials.put(trials("b", [1, 2, 3], family="ema_cross"))
    each_store.trials.put(trials("c", [1], data="MSFT 1d"))

    listed = [(one.data, one.family, one.n_trials) for one in each_store.trials.list()]

    assert listed == [
        ("AAPL 1d", "ema_cross", 3),
        ("AAPL 1d", "sma_cross", 2),
        ("MSFT 1d", "sma_cross", 1),
    ]
    assert each_store.trials.get("pairs", "AAPL 1d").n_trials == 0


def test_a_source_only_grows(each_store):
    each_store.trials.put(trials("a", [1, 2]))
    each_store.trials.put(trials("a", [1, 2, 3]))
    each_store.trials.put(trials("a", [1]))

    assert each_store.trials.get("sma_cross", "AAPL 1d").n_trials == 3


def test_another_process_sees_new_trials_at_once(each_store, reopened):
    other = reopened(each_store)
    each_store.trials.put(trials("a", [1, 2]))
    assert other.trials.get("sma_cross", "AAPL 1d").n_trials == 2

    each_store.trials.put(trials("b", [3]))
    assert other.trials.get("sma_cross", "AAPL 1d").n_trials == 3


# What one trial is


def test_a_grid_and_its_single_runs_have_the_same_numbers():
    base = resolved()
    fast, slow = np.array([2, 2, 3]), np.array([8, 9, 8])
    grid = trial_hashes(base, {"fast": fast, "slow": slow, "direction": "long_only"}, 3)

    single = [
        trial_hashes(one, one["strategy"]["params"], 1)[0]
        for one in (
            resolved(strategy={"name": "sma_cross", "params": {"fast": f, "slow": s}})
            for f, s in zip(fast.tolist(), slow.tolist(), strict=True)
        )
    ]

    assert grid.tolist() == [int(one) for one in single]
    assert len(set(grid.tolist())) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"start": "2000-02-01"},
        {"cash": 5000.0},
        {"costs": {"rate_bps": 0.0}},
        {"execution": {"fill": "next_close"}},
        {"symbols": ["MSFT"]},
        {"strategy": {"name": "ema_cross", "params": {"fast": 3, "slow": 8}}},
        {"strategy": {"name": "sma_cross", "params": {"fast": 8, "slow": 3}}},
        {"strategy": {"name": "sma_cross", "params": {"direction": "long_short"}}},
    ],
)
def test_whatever_is_traded_otherwise_is_another_trial(change):
    one, other = resolved(), resolved(**change)

    assert trial_hashes(one, one["strategy"]["params"], 1) != trial_hashes(
        other, other["strategy"]["params"], 1
    )


@pytest.mark.parametrize(
    "change", [{"benchmark": "MSFT"}, {"risk_free_rate": 0.02}, {"periods_per_year": 365.0}]
)
def test_how_a_result_is_judged_makes_no_trial(change):
    one, other = resolved(), resolved(**change)

    assert trial_hashes(one, one["strategy"]["params"], 1) == trial_hashes(
        other, other["strategy"]["params"], 1
    )


def test_choices_weights_and_signed_zeros_are_values_too():
    base = resolved()

    def number(value):
        return trial_hashes(base, {"x": value}, 1)[0]

    values = ["month", "year", {"A": 0.5}, {"A": 0.6}, 0.0, 1, 1.5]
    assert len({int(number(value)) for value in values}) == len(values)
    assert number(0.0) == number(-0.0)
    assert number(1) == number(1.0)
    column = trial_hashes(base, {"x": np.array(["year", "month", "year"])}, 3)
    assert column.tolist() == [int(number(x)) for x in ("year", "month", "year")]


def test_a_million_trials_are_a_million_numbers():
    a, b = np.meshgrid(np.arange(1000), np.arange(1000.0) / 8)

    found = trial_hashes(resolved(), {"a": a.ravel(), "b": b.ravel()}, 1_000_000)

    assert np.unique(found).size == 1_000_000


def test_a_formula_is_its_own_family():
    one = resolved(strategy={"formula": {"enter_long": "close > open"}, "name": "mine"})
    same = resolved(strategy={"formula": {"enter_long": "close > open"}, "name": "renamed"})
    other = resolved(strategy={"formula": {"enter_long": "close > high"}})

    assert family_of(one) == family_of(same) != family_of(other)
    assert family_of(one).startswith("formula:")
    assert data_of(resolved(symbols=["MSFT", "AAPL"])) == "AAPL MSFT 1d"


# Runs


def test_every_run_is_a_trial_and_goes_on_counting(each_store):
    save_waves(each_store)
    runs = service(each_store, load_settings({}))
    first = runs.submit(RunConfig.model_validate(config()))
    runs.submit(RunConfig.model_validate(config()))
    other = {"name": "sma_cross", "params": {"fast": 4, "slow": 8}}
    second = runs.submit(RunConfig.model_validate(config(strategy=other)))

    assert each_store.trials.get("sma_cross", "AAPL 1d").n_trials == 2
    runs.delete(first.id)
    assert each_store.trials.get("sma_cross", "AAPL 1d").n_trials == 2
    runs.submit(RunConfig.model_validate(config()))
    assert runs.about(second.id)["ledger"]["trials"] == 2


def test_the_deflated_sharpe_ratio_is_that_of_the_ledger_now(each_store):
    save_waves(each_store)
    runs = service(each_store, load_settings({}))
    run = runs.submit(RunConfig.model_validate(config())).document
    metrics = run["metrics"]
    alone = runs.about(run["id"])["ledger"]
    # One trial: DSR = PSR.
    assert alone["trials"] == 1
    assert alone["dsr"] == pytest.approx(metrics["psr"], rel=1e-12)

    own = run_trials(run)
    each_store.trials.put(trials("a", [1, 2], [0.1, -0.1], data=own.data))
    judged = runs.about(run["id"])["ledger"]

    sharpe = metrics["sharpe"] / math.sqrt(metrics["periods_per_year"])
    variance = float(np.var([sharpe, 0.1, -0.1], ddof=1))
    expected = expected_maximum_sharpe(3, variance)
    assert judged["trials"] == 3
    assert judged["trial_sharpe_std"] == pytest.approx(math.sqrt(variance), rel=1e-12)
    assert judged["expected_best_sharpe"] == pytest.approx(
        expected * math.sqrt(metrics["periods_per_year"]), rel=1e-12
    )
    assert judged["dsr"] == pytest.approx(
        deflated_sharpe_ratio(
            sharpe,
            399,  # of 400 bars
            n_trials=3,
            trial_variance=variance,
            skew=metrics["skew"],
            kurtosis=metrics["kurtosis"] + 3.0,
        ),
        rel=1e-12,
    )
    assert judged["dsr"] < alone["dsr"]


def test_a_run_that_never_trades_counts_and_has_no_ratio(each_store):
    save_waves(each_store)
    runs = service(each_store, load_settings({}))
    never = {"formula": {"enter_long": "close > 1e9"}}
    run = runs.submit(RunConfig.model_validate(config(strategy=never)))

    ledger = runs.about(run.id)["ledger"]

    assert ledger["trials"] == 1
    assert ledger["dsr"] is None


def test_runs_of_an_older_store_are_counted_when_it_is_brought_up_to_date(each_store):
    save_waves(each_store)
    runs = service(each_store, load_settings({}))
    runs.submit(RunConfig.model_validate(config()))
    before = each_store.trials.get("sma_cross", "AAPL 1d")
    connections = Connections(each_store.url, max_connections=2)
    with connections.session() as database:
        for table in ("study_blob", "study", "trial_set"):
            execute(database, f"DROP TABLE {table}")
        execute(database, "DELETE FROM schema_migration WHERE name = '0004_sweeps'")
    connections.close()

    assert each_store.migrate() == ["0004_sweeps"]

    assert each_store.trials.get("sma_cross", "AAPL 1d") == before
