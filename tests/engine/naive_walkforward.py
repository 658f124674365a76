"""Walk-forward and cross-validation again in plain Python: one backtest after the other."""

import itertools
import math
from datetime import UTC, datetime

from engine.backtesting import backtest


def stamp(bars, i):
    """The i-th bar's stamp as a configuration takes it."""
    return datetime.fromtimestamp(int(bars.time[i]) / 1000, UTC).isoformat()


def run(bars, config, params, begin, end, **changes):
    """A backtest of bars `begin` to `end` − 1 with other parameters."""
    strategy = config["strategy"]
    strategy = {**strategy, "params": {**strategy.get("params", {}), **params}}
    asked = {**config, **changes, "strategy": strategy, "benchmark": None}
    asked |= {"start": stamp(bars, begin), "end": stamp(bars, end - 1)}
    return backtest({"A": bars}, asked, checks=False)


def combinations(grid):
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]


def best(bars, config, grid, begin, end, objective):
    """The first of the best combinations on these bars, None without any number."""
    chosen, value = None, -math.inf
    for params in combinations(grid):
        found = run(bars, config, params, begin, end).metrics[objective]
        if found is not None and found > value:
            chosen, value = params, found
    return chosen


def walk(bars, config, grid, in_sample, out_of_sample, *, anchored, objective="sharpe"):
    """Parameters of each window, and the equity of the account that trades them all."""
    cash, chosen, equity, time = config["cash"], [], [], []
    costs = {**config.get("execution", {}), "finalize": True}
    begin, n = in_sample, bars.time.size
    while begin < n:
        end = min(begin + out_of_sample, n)
        first = 0 if anchored else begin - in_sample
        params = best(bars, config, grid, first, begin, objective)
        chosen.append(params)
        found = run(bars, config, params, begin, end, cash=cash, execution=costs)
        equity += found.equity["equity"].tolist()
        time += found.equity["time"].tolist()
        cash = equity[-1]
        begin = end
    return chosen, time, equity


def fold_growth(bars, config, params, begin, end):
    """Equity / cash at every close of a fold that is traded on its own."""
    costs = {**config.get("execution", {}), "finalize": True}
    found = run(bars, config, params, begin, end, execution=costs)
    return [value / config["cash"] for value in found.equity["equity"]]


def pooled_sharpe(runs, periods_per_year):
    """The annual Sharpe ratio of the returns of several runs, as of one; −∞ without any."""
    returns = []
    for found in runs:
        equity = [found.config["cash"], *found.equity["equity"][1:]]
        returns += [b / a - 1 for a, b in itertools.pairwise(equity)]
    mean = math.fsum(returns) / len(returns)
    spread = math.fsum((r - mean) ** 2 for r in returns) / (len(returns) - 1)
    return mean / math.sqrt(spread) * math.sqrt(periods_per_year) if spread else -math.inf
