"""How the cost of a run grows: over bars, over symbols, over orders; and what its checks cost.

Each table doubles or multiplies one thing and leaves the others alone. The last column is the
local exponent: 1 means that twice as much takes twice as long.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from engine import backtest
from tests.bench.synthetic import random_walk

REPEATS = 5
BARS = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
SYMBOLS = (1, 10, 100, 1_000)
WINDOWS = (1_000, 300, 100, 30, 10, 3)
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Point:
    """One measurement: how much of what, and how long it took."""

    n: int
    seconds: float


def report() -> str:
    """Return the tables as Markdown."""
    return "\n\n".join(
        (
            _table("bars", "sma_cross on one symbol, without checks", _over_bars()),
            _table("symbols", "sma_cross on 252 daily bars each, without checks", _over_symbols()),
            _table("orders", "crosses of ever shorter averages on 1,000,000 bars", _over_orders()),
            _table("daily bars", "sma_cross with all checks", _over_bars_checked()),
        )
    )


def _over_bars() -> Iterable[Point]:
    for n in BARS:
        bars = random_walk(n)
        yield Point(n, _median(lambda bars=bars: _run({"A": bars})))


def _over_bars_checked() -> Iterable[Point]:
    for n in BARS[:3]:
        bars = random_walk(n, step_ms=DAY_MS)
        yield Point(n, _median(lambda bars=bars: _run({"A": bars}, checks=True)))


def _over_symbols() -> Iterable[Point]:
    for n in SYMBOLS:
        bars = {f"S{i:04}": random_walk(252, seed=i, step_ms=DAY_MS) for i in range(n)}
        yield Point(n, _median(lambda bars=bars: _run(bars)))


def _over_orders() -> Iterable[Point]:
    bars = {"A": random_walk(1_000_000)}
    for slow in WINDOWS:
        fast = max(slow // 3, 1)
        orders = _run(bars, fast=fast, slow=slow)
        yield Point(orders, _median(lambda fast=fast, slow=slow: _run(bars, fast=fast, slow=slow)))


def _run(bars: dict, *, fast: int = 20, slow: int = 100, checks: bool = False) -> int:
    """Run once; return how many orders there were."""
    config = {"strategy": {"name": "sma_cross", "params": {"fast": fast, "slow": slow}}, "lot": 0.0}
    return backtest(bars, config, checks=checks).orders["order_id"].size


def _median(work: Callable[[], object]) -> float:
    work()
    seconds = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def _table(unit: str, work: str, points: Iterable[Point]) -> str:
    lines = [f"{work[0].upper()}{work[1:]}:", "", f"| {unit} | time | each | exponent |"]
    lines.append("|---|---|---|---|")
    before: Point | None = None
    for point in points:
        exponent = "" if before is None else f"{_exponent(before, point):.2f}"
        each = point.seconds / point.n * 1e9
        lines.append(
            f"| {point.n:,} | {point.seconds * 1e3:,.1f} ms | {each:,.0f} ns | {exponent} |"
        )
        before = point
    return "\n".join(lines)


def _exponent(one: Point, other: Point) -> float:
    return math.log(other.seconds / one.seconds) / math.log(other.n / one.n)
