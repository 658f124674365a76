"""Bars to test indicators and formulas on: the bundled prices, random walks, and awkward ones."""

from __future__ import annotations

import csv
import gzip
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np

from engine import Bars
from engine.types import Market

DAY_MS = 86_400_000
BUNDLED = Path(__file__).resolve().parents[2] / "dataapi" / "bundled"


@cache
def real_bars(symbol: str) -> Bars:
    """The bundled daily series, raw, without its actions."""
    with gzip.open(BUNDLED / f"{symbol}_1d.csv.gz", "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    stamps = [datetime.fromisoformat(row["date"]).replace(tzinfo=UTC) for row in rows]
    columns = {
        name: np.array([float(row[name]) for row in rows])
        for name in ("open", "high", "low", "close", "volume")
    }
    return Bars(np.array([round(stamp.timestamp() * 1000) for stamp in stamps]), **columns)


def random_bars(n: int, seed: int, *, tick: float | None = None, splits=()) -> Bars:
    """A random walk; with a coarse tick many bars are equal, and every fifth has no volume."""
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, n)))
    open_ = close * np.exp(rng.normal(0.0, 0.01, n))
    high = np.maximum(open_, close) * np.exp(abs(rng.normal(0.0, 0.01, n)))
    low = np.minimum(open_, close) * np.exp(-abs(rng.normal(0.0, 0.01, n)))
    volume = rng.uniform(1.0, 1e6, n)
    prices = [open_, high, low, close]
    if tick is not None:
        prices = [np.maximum(np.round(price / tick), 1.0) * tick for price in prices]
        volume[::5] = 0.0
    time = np.arange(n, dtype=np.int64) * DAY_MS
    return Bars(time, *prices, volume, splits=tuple((i * DAY_MS, r) for i, r in splits))


def constant_bars(n: int, price: float = 7.0) -> Bars:
    flat = np.full(n, price)
    return Bars(np.arange(n, dtype=np.int64) * DAY_MS, flat, flat, flat, flat, np.full(n, 1e3))


def market_of(*series: Bars, first: int = 0, zone: str = "UTC") -> Market:
    """The series as symbols A, B, … on their union clock."""
    time = np.unique(np.concatenate([bars.time for bars in series]))
    shape = (len(series), time.size)
    columns = {name: np.full(shape, np.nan) for name in ("open", "high", "low", "close", "volume")}
    has_bar, split = np.zeros(shape, np.bool_), np.ones(shape)
    for i, bars in enumerate(series):
        place = np.searchsorted(time, bars.time)
        has_bar[i, place] = True
        for name, column in columns.items():
            column[i, place] = getattr(bars, name)
        for ex_time, ratio in bars.splits or ():
            split[i, place[np.searchsorted(bars.time, ex_time)]] *= ratio
    return Market(
        symbols=tuple("ABCDEFGH"[: len(series)]), time=time, **columns, has_bar=has_bar,
        split=split, dividend=np.zeros(shape), lot=np.ones(len(series)),
        delisted=np.zeros(len(series), np.bool_), calendars=(None,) * len(series),
        zones=(zone,) * len(series), first=first,
    )  # fmt: skip
