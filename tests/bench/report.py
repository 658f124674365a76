"""The report of a run of the bench: Markdown to read, JSON to compare, pictures of the curves."""

from __future__ import annotations

import json
import math
import os
import platform
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engine.version import ENGINE_VERSION
from tests.bench.curves import Curve
from tests.bench.measure import Row, Scale

HEAD = (
    "| | work | ours | reference | | ratio | at best | processor | target | met | spread |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|"
)


@dataclass(slots=True)
class Report:
    """Rows and curves of one run, in the order in which they were measured."""

    scale: Scale
    machine: dict[str, Any] = field(default_factory=lambda: machine())
    rows: list[Row] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)


def machine() -> dict[str, Any]:
    """Return what the figures were measured on, and how busy it was before."""
    return {
        "processor": _processor(),
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "python": platform.python_version(),
        "engine": ENGINE_VERSION,
        "measured": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "load": os.getloadavg()[0],
    }


def machine_line(found: dict[str, Any]) -> str:
    """Return the machine in one line."""
    memory = found["memory_bytes"] / 2**30
    return (
        f"{found['processor']} ({found['architecture']}, {found['cores']} cores, "
        f"{memory:.0f} GiB), Python {found['python']}, engine {found['engine']}; "
        f"load {found['load']:.1f} when it began"
    )


def row_line(row: Row) -> str:
    """Return a row as a line of the table."""
    target = "" if row.target is None else target_text(row.target, row.unit)
    met = {True: "yes", False: "**no**", None: ""}[row.is_met]
    if math.isnan(row.ratio):
        return (
            f"| {row.name} | {row.work} | – | {row.reference} | – | – | {target} | {row.note} | |"
        )
    at_best = ratio_text(row.least / row.other_least, row.unit) if row.n > 1 else ""
    by_cpu = "" if math.isnan(row.cpu) else ratio_text(row.cpu / row.other_cpu, row.unit)
    note = f"; {row.note}" if row.note else ""
    cells = (
        row.name,
        row.work + note,
        amount(row.ours, row.unit),
        row.reference,
        amount(row.other, row.unit),
        ratio_text(row.ratio, row.unit),
        at_best,
        by_cpu,
        target,
        met,
        f"± {row.spread:.0%}, {row.other_spread:.0%}",
    )
    return f"| {' | '.join(cells)} |"


def ratio_text(ratio: float, unit: str) -> str:
    """Return how much faster or slower, in words that need no thinking.

    Examples
    --------
    >>> ratio_text(0.125, "s"), ratio_text(1.3, "s"), ratio_text(0.5, "B")
    ('8 × faster', '1.3 × its cost', '0.5')
    """
    if unit != "s":
        return f"{ratio:.3g}"
    return f"{1.0 / ratio:.3g} × faster" if ratio < 0.99 else f"{ratio:.3g} × its cost"


def target_text(target: float, unit: str) -> str:
    """Return a target in the words of `ratio_text`.

    Examples
    --------
    >>> target_text(1 / 6, "s"), target_text(1.5, "s")
    ('≥ 6 × faster', '≤ 1.5 × its cost')
    """
    if unit != "s":
        return f"≤ {target:.3g}"
    return f"≥ {1.0 / target:.3g} × faster" if target < 1.0 else f"≤ {target:.3g} × its cost"


def amount(value: float, unit: str) -> str:
    """Return a measurement with its unit.

    Examples
    --------
    >>> amount(0.0021, "s"), amount(3.0, "s"), amount(2.5e6, "B")
    ('2.1 ms', '3.00 s', '2.5 MB')
    """
    if unit == "n":
        return f"{value:,.0f}"
    if unit == "B":
        return f"{value / 1e6:.3g} MB"
    return f"{value:.2f} s" if value >= 1 else f"{value * 1e3:.3g} ms"


def markdown(report: Report) -> str:
    """Return the whole report."""
    parts = ["# Bench", machine_line(report.machine)]
    parts.append(
        f"Scale: {report.scale}. Each ratio was measured within this run, in turns: "
        "medians, beside the ratio of the smallest and that of the processor's time, which other "
        "programs disturb less. ± is the quartile range over the median, ours and the reference's."
    )
    if report.rows:
        parts.append("\n".join([HEAD, *map(row_line, report.rows)]))
        missed = [row.name for row in report.rows if row.is_met is False]
        parts.append(f"Missed: {', '.join(missed)}." if missed else "No target missed.")
    for curve in report.curves:
        parts.append(curve.table())
        parts.append(f"![{curve.unit}]({curve.picture})")
    return "\n\n".join(parts) + "\n"


def document(report: Report) -> dict[str, Any]:
    """Return the report as JSON has it: null where there is no figure."""
    rows = [
        {name: None if value != value else value for name, value in asdict(row).items()}
        | {"ratio": None if math.isnan(row.ratio) else row.ratio, "is_met": row.is_met}
        for row in report.rows
    ]
    curves = [asdict(curve) for curve in report.curves]
    return {"scale": report.scale, "machine": report.machine, "rows": rows, "curves": curves}


def write(report: Report, folder: Path) -> None:
    """Write report.md, report.json and a picture a curve."""
    from tests.bench.pictures import draw

    folder.mkdir(parents=True, exist_ok=True)
    for curve in report.curves:
        draw(curve, folder / curve.picture)
    (folder / "report.md").write_text(markdown(report), encoding="utf-8")
    text = json.dumps(document(report), indent=1, ensure_ascii=False)
    (folder / "report.json").write_text(text + "\n", encoding="utf-8")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "?"
    return next((line.split(":")[1].strip() for line in lines if "model name" in line), "?")
