"""The data API over a store, in this process, for tests."""

from __future__ import annotations

from typing import Any

import numpy as np
from flask_openapi3.openapi import OpenAPI

from config.settings import load_settings
from dataapi.app import create_app
from dataapi.store import Store
from engine.types import Bars

DAY_MS = 86_400_000
FIRST_MS = 946_684_800_000  # 2000-01-01
N_BARS = 400


def api_app(store: Store, **limits: Any) -> OpenAPI:
    """Return the application over `store`, with other limits than the default ones."""
    settings = load_settings({})
    dataapi = settings.dataapi.model_copy(update=limits)
    app = create_app(settings.model_copy(update={"dataapi": dataapi}), store)
    app.extensions["hindcast"].is_warm.set()
    return app


def wave_bars(n_bars: int = N_BARS, *, phase: float = 0.0, period: float = 20.0) -> Bars:
    """Return daily bars on a rising wave: averages cross about every `period` bars."""
    n = np.arange(n_bars)
    close = 100.0 + 10.0 * np.sin(2.0 * np.pi * n / period + phase) + 0.05 * n
    open_ = np.concatenate([[100.0], close[:-1]])
    return Bars(
        FIRST_MS + DAY_MS * n.astype(np.int64),
        open_,
        np.maximum(open_, close) + 0.5,
        np.minimum(open_, close) - 0.5,
        close,
        np.full(n_bars, 1e6),
        calendar="24/7",
    )


def save_waves(store: Store, *, n_bars: int = N_BARS) -> None:
    """Store two series, AAPL and MSFT."""
    store.series.save("AAPL", "1d", wave_bars(n_bars), source="wave.csv")
    store.series.save("MSFT", "1d", wave_bars(n_bars, phase=1.0), source="wave.csv")


def config(**changes: Any) -> dict[str, Any]:
    """Return a small RunConfig as JSON."""
    asked: dict[str, Any] = {
        "symbols": ["AAPL"],
        "strategy": {"name": "sma_cross", "params": {"fast": 3, "slow": 8}},
    }
    return {**asked, **changes}
