"""Splits and simulated accounts of skfolio, arch and quantstats, as JSON.

Runs in the environment of `requirements-oracles.lock`, where nothing of ours is. Reads {folds:
[{n_bars, n_folds, n_test_folds, purge, embargo}], windows: [{n_bars, in_sample, out_of_sample,
anchored}], returns, mean_block, samples} from stdin.
"""

import json
import sys

import numpy as np
import pandas as pd
import quantstats.stats as qs
from arch.bootstrap import StationaryBootstrap
from skfolio.model_selection import CombinatorialPurgedCV, WalkForward

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def main() -> None:
    asked = json.load(sys.stdin)
    printed = {
        "folds": [folds(**case) for case in asked["folds"]],
        "windows": [windows(**case) for case in asked["windows"]],
        "bootstrap": bootstrap(asked["returns"], asked["mean_block"], asked["samples"]),
        "shuffle": shuffle(asked["returns"], asked["samples"]),
    }
    json.dump(printed, sys.stdout)


def folds(n_bars, n_folds, n_test_folds, purge, embargo):
    """Training and test bars of each split, and of which split each path takes each fold."""
    cv = CombinatorialPurgedCV(
        n_folds=n_folds, n_test_folds=n_test_folds, purged_size=purge, embargo_size=embargo
    )
    splits = [
        {"train": train.tolist(), "test": [part.tolist() for part in test]}
        for train, test in cv.split(np.zeros((n_bars, 1)))
    ]
    return {"splits": splits, "paths": cv.recombined_paths.T.tolist()}


def windows(n_bars, in_sample, out_of_sample, anchored):
    cv = WalkForward(
        test_size=out_of_sample, train_size=in_sample, expand_train=anchored, reduce_test=True
    )
    return [[a.tolist(), b.tolist()] for a, b in cv.split(np.zeros((n_bars, 1)))]


def bootstrap(returns, mean_block, samples):
    """Quantiles of growth and of the deepest fall over resampled series."""
    drawn = StationaryBootstrap(mean_block, np.array(returns), seed=11)
    curves = [np.cumprod(1.0 + data[0][0]) for data in drawn.bootstrap(samples)]
    peaks = [np.maximum(np.maximum.accumulate(curve), 1.0) for curve in curves]
    depths = [float((c / p).min()) - 1.0 for c, p in zip(curves, peaks, strict=True)]
    return {
        "final": np.quantile([curve[-1] for curve in curves], LEVELS).tolist(),
        "depth": np.quantile(depths, LEVELS).tolist(),
    }


def shuffle(returns, samples):
    """Quantiles of the deepest fall over the orders of the returns."""
    dates = pd.date_range("2015-01-01", periods=len(returns), freq="B")
    paths = qs.montecarlo(pd.Series(returns, index=dates), sims=samples, seed=7).data
    growth = 1.0 + paths.to_numpy()
    peaks = np.maximum(np.maximum.accumulate(growth, axis=0), 1.0)
    return {
        "final": np.quantile(growth[-1], LEVELS).tolist(),
        "depth": np.quantile((growth / peaks).min(axis=0) - 1.0, LEVELS).tolist(),
    }


if __name__ == "__main__":
    main()
