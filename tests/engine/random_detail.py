"""Finer bars at random inside the bars of random markets (F4)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from engine.types import Bars, Market
from tests.engine.scenario import DAY_MS, make_bars

HOUR_MS = 3_600_000
QUIET = (100, 100, 100, 100)


def with_finer_bars(case: Any) -> Any:
    """The case on days, of which most have hours that their prices follow."""
    rng = np.random.default_rng(case.seed)
    market = replace(case.market, time=np.arange(case.market.time.size) * DAY_MS)
    detail = tuple(random_detail(rng, market, s) for s in range(len(market.symbols)))
    execution = case.config.execution.model_copy(update={"detail_timeframe": "1h"})
    config = case.config.model_copy(update={"execution": execution, "timeframe": "1d"})
    return replace(case, market=replace(market, detail=detail), config=config)


def random_detail(rng: np.random.Generator, market: Market, s: int) -> Bars:
    """Hours that add up to the daily bars of a symbol; some bars have none, some contradict."""
    rows, stamps = [], []
    for t in np.flatnonzero(market.has_bar[s]):
        kind = rng.random()
        if kind < 0.15:
            continue
        names = ("open", "high", "low", "close")
        open_, high, low, close = (float(getattr(market, n)[s, t]) for n in names)
        n = int(rng.integers(1, 6))
        ends = np.append(rng.uniform(low, high, n - 1), close)
        # Often with a gap between two hours.
        starts = np.where(
            rng.random(n) < 0.5, np.append(open_, ends[:-1]), rng.uniform(low, high, n)
        )
        starts[0] = open_
        tops = np.maximum(starts, ends) + rng.random(n) * (high - np.maximum(starts, ends))
        bottoms = np.minimum(starts, ends) - rng.random(n) * (np.minimum(starts, ends) - low)
        tops[rng.integers(n)] = high if kind < 0.9 else high * 1.01
        bottoms[rng.integers(n)] = low
        rows += zip(starts, tops, bottoms, ends, strict=True)
        stamps += [int(market.time[t]) + k * HOUR_MS for k in range(n)]
    if not rows:
        return make_bars([QUIET])
    return replace(make_bars(rows), time=np.array(stamps, dtype=np.int64))
