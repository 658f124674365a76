"""Our splits against skfolio's, bar for bar; our simulated accounts against arch and quantstats."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from engine.significance import bootstrap_accounts, trade_shuffle
from engine.walkforward import combinatorial_splits, paths, windows
from tests.components import require_environment

THEIRS = Path(__file__).with_name("theirs_resampled.py")
NAMES = ("p05", "p25", "p50", "p75", "p95")
SAMPLES = 4000
MEAN_BLOCK = 6.0

# skfolio gives the last fold what is left over, so the bars are a multiple of the folds here.
FOLDS = [
    {"n_bars": 60, "n_folds": 6, "n_test_folds": 2, "purge": 0, "embargo": 0},
    {"n_bars": 60, "n_folds": 6, "n_test_folds": 2, "purge": 2, "embargo": 3},
    {"n_bars": 120, "n_folds": 8, "n_test_folds": 3, "purge": 4, "embargo": 0},
    {"n_bars": 100, "n_folds": 10, "n_test_folds": 2, "purge": 0, "embargo": 5},
    {"n_bars": 80, "n_folds": 5, "n_test_folds": 4, "purge": 3, "embargo": 2},
]
WINDOWS = [
    {"n_bars": 100, "in_sample": 40, "out_of_sample": 20, "anchored": False},
    {"n_bars": 103, "in_sample": 40, "out_of_sample": 20, "anchored": False},
    {"n_bars": 103, "in_sample": 30, "out_of_sample": 7, "anchored": True},
]


def dependent_returns():
    rng = np.random.default_rng(2)
    returns = rng.normal(0.0006, 0.011, 400)
    returns[1:] += 0.3 * returns[:-1]
    return returns


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """What the libraries say; they run once, in their own environment."""
    asked = {
        "folds": FOLDS,
        "windows": WINDOWS,
        "returns": dependent_returns().tolist(),
        "mean_block": MEAN_BLOCK,
        "samples": SAMPLES,
    }
    home = str(tmp_path_factory.mktemp("home"))
    done = subprocess.run(
        [require_environment(".venv-oracles"), "-I", "-W", "ignore", str(THEIRS)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=240,
        env={"PATH": os.environ["PATH"], "HOME": home, "MPLBACKEND": "Agg"},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def bars_of(spans):
    return [i for span in spans for i in range(span.begin, span.end)]


@pytest.mark.parametrize("k", range(len(FOLDS)))
def test_purged_folds_are_those_of_skfolio(k, printed):
    case = FOLDS[k]
    ours = combinatorial_splits(
        case["n_bars"],
        case["n_folds"],
        case["n_test_folds"],
        purge=case["purge"],
        embargo=case["embargo"],
    )

    theirs = printed["folds"][k]["splits"]
    assert len(ours) == len(theirs)
    for own, their in zip(ours, theirs, strict=True):
        assert bars_of(own.train) == their["train"]
        assert [bars_of([span]) for span in own.test] == their["test"]


@pytest.mark.parametrize("k", range(len(FOLDS)))
def test_paths_are_those_of_skfolio(k, printed):
    case = FOLDS[k]

    ours = paths(case["n_folds"], case["n_test_folds"])

    assert ours.tolist() == printed["folds"][k]["paths"]


@pytest.mark.parametrize("k", range(len(WINDOWS)))
def test_windows_are_those_of_skfolio(k, printed):
    ours = windows(**WINDOWS[k])

    found = [[bars_of(split.train), bars_of(split.test)] for split in ours]
    assert found == printed["windows"][k]


def test_bootstrapped_accounts_spread_as_those_of_arch(printed):
    returns = dependent_returns()

    found = bootstrap_accounts(
        returns, np.arange(401), 1.0, samples=SAMPLES, mean_block=MEAN_BLOCK, seed=5
    )

    # Other draws of one distribution: its deviation is about 0.4, so 4,000 draws leave about 0.01
    # in the middle and 0.02 at the ends, each of ours and theirs.
    final, depth = found["final_equity"], found["max_drawdown"]
    theirs = printed["bootstrap"]
    for name, value in zip(NAMES, theirs["final"], strict=True):
        assert final[name] == pytest.approx(value, rel=0.05), name
    for name, value in zip(NAMES, theirs["depth"], strict=True):
        assert depth[name] == pytest.approx(value, rel=0.05), name


def test_shuffled_trades_fall_as_deep_as_shuffled_returns_of_quantstats(printed):
    # The same numbers as trades: each its return on the balance before it.
    returns = dependent_returns()
    balance = np.concatenate(([1.0], np.cumprod(1.0 + returns)))

    found = trade_shuffle(np.diff(balance), 1.0, samples=SAMPLES, seed=5)

    theirs = printed["shuffle"]
    for name, value in zip(NAMES, theirs["depth"], strict=True):
        assert found["max_drawdown"][name] == pytest.approx(value, rel=0.05), name
    for name, value in zip(NAMES, theirs["final"], strict=True):
        assert found["final_equity"][name] == pytest.approx(value, rel=1e-9), name
