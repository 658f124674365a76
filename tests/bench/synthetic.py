"""Seeded synthetic bars for measurements; nothing real, and never shown to a user."""

from __future__ import annotations

import numpy as np

from engine import Bars

MINUTE_MS = 60_000
DAY_MS = 86_400_000


def random_walk(
    n_bars: int, *, seed: int = 7, step_ms: int = MINUTE_MS, volatility: float = 0.0008
) -> Bars:
    """Return bars of a random walk on a cent grid; `volatility` is that of one bar's return."""
    random = np.random.default_rng(seed)
    close = np.round(100.0 * np.exp(np.cumsum(random.normal(0.0, volatility, n_bars))), 2)
    open_ = np.round(
        np.concatenate([close[:1], close[:-1]]) * random.normal(1.0, volatility / 4.0, n_bars), 2
    )
    spread = np.abs(random.normal(0.0, 62.5 * volatility, n_bars))
    high = np.round(np.maximum(open_, close) + spread, 2)
    low = np.round(np.maximum(np.minimum(open_, close) - spread, 0.01), 2)
    volume = np.floor(random.lognormal(8.0, 1.0, n_bars))
    time = 946_684_800_000 + step_ms * np.arange(n_bars, dtype=np.int64)
    return Bars(time, open_, high, low, close, volume, lot=0.0)
