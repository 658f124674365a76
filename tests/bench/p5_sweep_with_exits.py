"""P5: a sweep over averages, stops and targets, against a C loop a combination."""

from __future__ import annotations

from tests.bench.measure import Row, Scale
from tests.bench.sweeping import CROSS_WITH_EXITS, Workload, compare_with_c, daily


def workload(scale: Scale) -> Workload:
    """Return the bars and the grid: 1,000 combinations × 2,520 bars."""
    levels = {"stop": [0.01, 0.02, 0.03, 0.05, 0.1], "target": [0.02, 0.05, 0.1, 0.2, 0.4]}
    if scale == "tiny":
        return daily(300, {"fast": [5], "slow": [20, 40], **levels}, CROSS_WITH_EXITS)
    averages = {"fast": range(5, 30, 5), "slow": range(40, 160, 15)}
    return daily(2_520, {**averages, **levels}, CROSS_WITH_EXITS)


def measure(scale: Scale) -> list[Row]:
    """Compare the sweep with the C loops, which know what a bar does to both levels (F4)."""
    work = workload(scale)
    n_bars = work.bars.time.size
    text = f"sweep with stop and target, {work.n_points:,} combinations × {n_bars:,} daily bars"
    repeats = 2 if scale == "tiny" else 15
    return compare_with_c("P5", work, text=text, target=1.0 / 2.0, repeats=repeats)
