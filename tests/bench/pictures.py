"""Pictures of the growth curves."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from matplotlib.figure import Figure

from tests.bench.curves import Curve


def draw(curve: Curve, path: Path) -> None:
    """Write a curve as PNG, both axes logarithmic, beside what grows in proportion."""
    figure = Figure(figsize=(6.0, 4.0), layout="constrained")
    axes = figure.add_subplot()
    counts = [point.n for point in curve.points]
    seconds = [point.seconds for point in curve.points]
    axes.loglog(counts, seconds, "o-", color="#1971c2", label="measured")
    last = seconds[-1] / counts[-1]
    axes.loglog(counts, [last * n for n in counts], ":", color="#868e96", label="in proportion")
    axes.set_xlabel(curve.unit)
    axes.set_ylabel("seconds")
    axes.set_title(curve.work, fontsize="medium")
    axes.grid(which="both", alpha=0.25)
    axes.legend(frameon=False)
    figure.savefig(path, dpi=120)
