"""P1: a sweep of a thousand pairs of averages over ten years of daily bars, against plain C."""

from __future__ import annotations

from tests.bench.measure import Row, Scale
from tests.bench.sweeping import CROSS, Workload, compare_with_c, daily


def workload(scale: Scale) -> Workload:
    """Return the bars and the grid: 1,000 pairs × 2,520 bars."""
    if scale == "tiny":
        return daily(300, {"fast": range(2, 5), "slow": range(20, 41, 10)}, CROSS)
    return daily(2_520, {"fast": range(2, 42), "slow": range(45, 166, 5)}, CROSS)


def measure(scale: Scale) -> list[Row]:
    """Compare the sweep with the C loops."""
    work = workload(scale)
    text = (
        f"sweep, sma_cross, {work.n_points:,} pairs × {work.bars.time.size:,} daily bars, 1 thread"
    )
    repeats = 2 if scale == "tiny" else 15
    return compare_with_c("P1", work, text=text, target=1.0 / 6.0, repeats=repeats)
