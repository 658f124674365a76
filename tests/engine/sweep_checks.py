"""A sweep held against the single runs that its points stand for."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np

from config.sweep import SweepConfig
from engine.backtesting import backtest
from engine.sweeps.axes import resolve_points
from engine.sweeps.measuring import COLUMNS, N_TIME_BLOCKS
from engine.sweeps.preparing import prepare_sweep

TOLERANCE = {"sharpe": 1e-9, "volatility": 1e-9}
"""Of the others 1e-12: these divide by a spread, of which rounding takes more."""


def prepared(bars, config, grid, **more):
    """The prepared sweep of a grid given as lists."""
    run = {"symbols": sorted(bars), **config}
    axes = {name: list(values) for name, values in grid.items()}
    whole = SweepConfig.model_validate({"run": run, "axes": axes, **more})
    return prepare_sweep(bars, whole.run, resolve_points(whole))


def measured(sweep, **how):
    """All columns of a sweep, with sums and squares."""
    blocks = [sweep.evaluate(i, **how) for i in range(len(sweep.blocks))]
    table = {name: np.concatenate([b.columns[name] for b in blocks]) for name in COLUMNS}
    table["sums"] = np.concatenate([b.sums for b in blocks])
    table["squares"] = np.concatenate([b.squares for b in blocks])
    return table


def single_run(bars, config, params):
    strategy = config["strategy"]
    merged = {**strategy, "params": {**strategy.get("params", {}), **params}}
    return backtest(bars, {"symbols": sorted(bars), **config, "strategy": merged}, checks=False)


def assert_same_as_runs(bars, config, grid):
    """Every point of a grid has the metrics of the backtest with its parameters."""
    table = measured(prepared(bars, config, grid))
    for i, values in enumerate(product(*grid.values())):
        params = dict(zip(grid, values, strict=True))
        assert_same(table, i, single_run(bars, config, params), params)
    return table


def assert_same(table, i, run, params):
    for name in COLUMNS:
        found, expected = table[name][i], run.metrics[name]
        expected = np.nan if expected is None else expected
        np.testing.assert_allclose(
            found, expected, rtol=TOLERANCE.get(name, 1e-12), atol=1e-13, err_msg=f"{name} {params}"
        )


def time_block_sums(returns):
    """Σr and Σr² of sixteen time blocks, block k the returns from k·n/16 on."""
    edges = [k * len(returns) // N_TIME_BLOCKS for k in range(N_TIME_BLOCKS + 1)]
    parts = [returns[a:b] for a, b in pairwise(edges)]
    return [sum(part) for part in parts], [sum(r * r for r in part) for part in parts]
