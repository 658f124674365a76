"""`./run bench`: every figure a ratio within one run, on this machine, printed as Markdown.

`./run bench p1 p2` measures those rows, `growth` the curves of how cost grows; without names
everything. `--out DIR` also writes report.md, report.json and a picture of each curve; `--full`
takes the largest sizes, which need an hour.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from config.kernels import prepare_kernels
from config.settings import load_settings

ROWS = (
    "p1_daily_sweep",
    "p2_minute_sweep",
    "p3_vectorbt",
    "p4_event_engine",
    "p5_sweep_with_exits",
    "p6_rotation",
    "p7_load",
    "p8_post",
    "p9_open",
    "p12_processes",
    "p13_memory",
    "p14_first_answer",
    "p15_dask",
)
CURVES = ("growth", "growth_service")


def main(arguments: list[str]) -> int:
    """Measure the named rows and curves, or all, and print the report."""
    prepare_kernels(load_settings().cache_dir)
    from tests.bench.report import Report, write

    options = _options(arguments)
    rows, curves = _chosen(ROWS, options.names), _chosen(CURVES, options.names)
    if not rows and not curves:
        known = ", ".join(name.split("_")[0] for name in (*ROWS, *CURVES))
        print(f"Unknown row {' '.join(options.names)}; known: {known}", file=sys.stderr)
        return 2
    report = Report(scale="full" if options.full else "normal")
    _measure_rows(report, rows)
    _measure_curves(report, curves)
    if options.out is not None:
        write(report, options.out)
        print(f"\nWritten to {options.out}.")
    return 0


def _measure_rows(report, modules: list[str]) -> None:
    from tests.bench.report import HEAD, machine_line, row_line

    print(f"{machine_line(report.machine)}\n")
    if modules:
        print(HEAD)
    for module in modules:
        for row in importlib.import_module(f"tests.bench.{module}").measure(report.scale):
            report.rows.append(row)
            print(row_line(row), flush=True)


def _measure_curves(report, modules: list[str]) -> None:
    for module in modules:
        for curve in importlib.import_module(f"tests.bench.{module}").curves(report.scale):
            report.curves.append(curve)
            print(f"\n{curve.table()}", flush=True)


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="ROW")
    parser.add_argument("--out", type=Path, metavar="DIR")
    parser.add_argument("--full", action="store_true")
    return parser.parse_args(arguments)


def _chosen(modules: tuple[str, ...], names: list[str]) -> list[str]:
    """Return the modules whose first word is named, all without names."""
    return [m for m in modules if not names or m.split("_")[0] in {n.lower() for n in names}]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
