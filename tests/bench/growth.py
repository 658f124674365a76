"""How the cost of a run and of a sweep grows: over bars, symbols, orders and combinations.

Each curve multiplies one thing and leaves the others alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine import backtest
from tests.bench.curves import Curve, Point, curve, point
from tests.bench.measure import Scale
from tests.bench.sweeping import CROSS, by_minute, daily
from tests.bench.synthetic import DAY_MS, random_walk

BARS = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
SYMBOLS = (1, 10, 100, 1_000)
WINDOWS = (1_000, 300, 100, 30, 10, 3)
SIDES = ((1, 1), (2, 5), (10, 10), (20, 50), (100, 100), (250, 400))
"""Values of the two axes of a grid."""

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
    sides = SIDES[:2] if is_tiny else SIDES
    yield curve("combinations", "sweep of sma_cross on 2,520 daily bars", _over_points(sides))
    largest = BARS[:2] if is_tiny else BARS if scale == "full" else BARS[:-1]
    yield curve("bars swept", "sweep of 100 pairs of averages", _over_bars_swept(largest))


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


def _over_points(sides: Iterable[tuple[int, int]]) -> Iterator[Point]:
    for n_fast, n_slow in sides:
        grid = {"fast": range(2, 2 + n_fast), "slow": range(300, 300 + n_slow)}
        work = daily(2_520, grid, CROSS)
        yield point(work.n_points, lambda work=work: work.sweep())


def _over_bars_swept(counts: Iterable[int]) -> Iterator[Point]:
    for n in counts:
        work = by_minute(n, {"fast": range(10, 101, 10), "slow": range(150, 601, 50)}, CROSS)
        yield point(n, lambda work=work: work.sweep())


def _run(bars: dict, *, fast: int = 20, slow: int = 100, checks: bool = False) -> int:
    """Run once; return how many orders there were."""
    config = {"strategy": {"name": "sma_cross", "params": {"fast": fast, "slow": slow}}, "lot": 0.0}
    return backtest(bars, config, checks=checks).orders["order_id"].size
