"""How the cost of a run grows: over bars, over symbols, over orders; and what its checks cost.

Each curve multiplies one thing and leaves the others alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine import backtest
from tests.bench.curves import Curve, Point, curve, point
from tests.bench.measure import Scale
from tests.bench.synthetic import DAY_MS, random_walk

BARS = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
SYMBOLS = (1, 10, 100, 1_000)
WINDOWS = (1_000, 300, 100, 30, 10, 3)
TINY = 10_000
"""The largest count that is tried at the smallest scale."""


def curves(scale: Scale) -> Iterator[Curve]:
    """Yield the curves, each as soon as it is measured."""
    is_tiny = scale == "tiny"
    bars = tuple(n for n in BARS if n <= TINY) if is_tiny else BARS
    symbols = SYMBOLS[:2] if is_tiny else SYMBOLS
    yield curve("bars", "sma_cross on one symbol, without checks", _over_bars(bars))
    yield curve(
        "symbols", "sma_cross on 252 daily bars each, without checks", _over_symbols(symbols)
    )
    n_bars = TINY if is_tiny else 1_000_000
    yield curve(
        "orders",
        f"crosses of ever shorter averages on {n_bars:,} bars",
        _over_orders(n_bars, WINDOWS[2:] if is_tiny else WINDOWS),
    )
    yield curve("daily bars", "sma_cross with all checks", _over_bars_checked(bars[:3]))


def _over_bars(counts: Iterable[int]) -> Iterator[Point]:
    for n in counts:
        bars = random_walk(n)
        yield point(n, lambda bars=bars: _run({"A": bars}))


def _over_bars_checked(counts: Iterable[int]) -> Iterator[Point]:
    for n in counts:
        bars = random_walk(n, step_ms=DAY_MS)
        yield point(n, lambda bars=bars: _run({"A": bars}, checks=True))


def _over_symbols(counts: Iterable[int]) -> Iterator[Point]:
    for n in counts:
        bars = {f"S{i:04}": random_walk(252, seed=i, step_ms=DAY_MS) for i in range(n)}
        yield point(n, lambda bars=bars: _run(bars))


def _over_orders(n_bars: int, windows: Iterable[int]) -> Iterator[Point]:
    bars = {"A": random_walk(n_bars)}
    for slow in windows:
        fast = max(slow // 3, 1)
        orders = _run(bars, fast=fast, slow=slow)
        yield point(orders, lambda fast=fast, slow=slow: _run(bars, fast=fast, slow=slow))


def _run(bars: dict, *, fast: int = 20, slow: int = 100, checks: bool = False) -> int:
    """Run once; return how many orders there were."""
    config = {"strategy": {"name": "sma_cross", "params": {"fast": fast, "slow": slow}}, "lot": 0.0}
    return backtest(bars, config, checks=checks).orders["order_id"].size
