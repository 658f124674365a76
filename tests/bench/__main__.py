"""`./run bench`: every figure a ratio within one run, on this machine, printed as Markdown."""

from __future__ import annotations

import importlib
import platform
import sys

from config.kernels import prepare_kernels
from config.settings import load_settings

GROWTH = "growth"
MODULES = ("p4_event_engine", "p7_load", "p8_post", "p9_open")


def main(names: list[str]) -> int:
    """Measure the named rows, or all, and print the report."""
    prepare_kernels(load_settings().cache_dir)
    if names == [GROWTH]:
        print(importlib.import_module("tests.bench.growth").report())
        return 0
    chosen = [m for m in MODULES if not names or any(m.startswith(n.lower()) for n in names)]
    if not chosen:
        print(
            f"Unknown row {names}; known: {', '.join(m.split('_')[0] for m in MODULES)}, {GROWTH}",
            file=sys.stderr,
        )
        return 2
    print(f"{platform.machine()}, {_processor()}, Python {platform.python_version()}\n")
    print("| | work | ours | reference | | ratio | target | spread |")
    print("|---|---|---|---|---|---|---|---|")
    for module in chosen:
        for row in importlib.import_module(f"tests.bench.{module}").measure():
            print(
                f"| {row.name} | {row.work} | {_seconds(row.ours_s)} | {row.reference} "
                f"| {_seconds(row.reference_s)} | {row.ratio:.2f} | ≤ {row.target:g} "
                f"| ± {row.spread:.0%} |",
                flush=True,
            )
    return 0


def _processor() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        return next((line.split(":")[1].strip() for line in lines if "model name" in line), "?")


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 1 else f"{value * 1e3:.3g} ms"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
