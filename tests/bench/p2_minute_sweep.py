"""P2: a sweep of a hundred pairs of averages over a million minute bars, against plain C."""

from __future__ import annotations

from tests.bench.measure import Row, Scale
from tests.bench.sweeping import CROSS, Workload, by_minute, compare_with_c


def workload(scale: Scale) -> Workload:
    """Return the bars and the grid: 100 pairs × 1,000,000 bars."""
    if scale == "tiny":
        return by_minute(5_000, {"fast": [10, 50], "slow": [150, 600]}, CROSS)
    return by_minute(1_000_000, {"fast": range(10, 101, 10), "slow": range(150, 601, 50)}, CROSS)


def measure(scale: Scale) -> list[Row]:
    """Compare the sweep with the C loops, whose Sharpe is of the daily series as well (M1)."""
    work = workload(scale)
    text = (
        f"sweep, sma_cross, {work.n_points} pairs × {work.bars.time.size:,} minute bars, 1 thread"
    )
    repeats = 2 if scale == "tiny" else 7
    return compare_with_c("P2", work, text=text, target=1.0 / 5.0, repeats=repeats)
