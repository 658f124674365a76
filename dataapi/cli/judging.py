"""`compare`, `diff`, and the analysis of a run, as text."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from config.settings import Settings
from dataapi.cli.commands import add_command
from dataapi.cli.opening import opened_runs
from dataapi.cli.printing import SHOWN, Document, metric_text, print_json

SEVERITIES = {"fail": "FAIL", "doubt": "DOUBT", "info": "note"}
COMPARED = ("total_return", "cagr", "sharpe", "max_drawdown", "trades")


def add_commands(subparsers: Any) -> None:
    """Add the commands that judge runs to the command line."""
    compare = add_command(subparsers, "compare", _compare, "runs side by side")
    compare.add_argument("ids", metavar="ID", nargs="+", help="2 to 20 runs")
    diff = add_command(subparsers, "diff", _diff, "where two runs part, and why")
    diff.add_argument("ids", metavar="ID", nargs=2)


def _diff(arguments: argparse.Namespace, settings: Settings) -> int:
    from dataapi.services.run_diff import run_diff

    with opened_runs(settings) as runs:
        found = run_diff(runs, *arguments.ids)
    if arguments.json:
        print_json(found)
    else:
        _print_diff(found)
    return 0


def _compare(arguments: argparse.Namespace, settings: Settings) -> int:
    from dataapi.services.run_compare import run_compare

    with opened_runs(settings) as runs:
        found = run_compare(runs, arguments.ids)
    if arguments.json:
        print_json(found)
        return 0
    _print_columns("", [run["id"] for run in found["runs"]])
    for name, label in SHOWN:
        texts = [metric_text(name, run["metrics"].get(name)) for run in found["runs"]]
        _print_columns(label, texts)
    if found["config"]:
        print("\nSettings that differ")
        for item in found["config"]:
            _print_columns(item["key"], [_value(value) for value in item["values"]])
    print("\nCorrelation of returns")
    for run, row in zip(found["runs"], found["correlation"], strict=True):
        _print_columns(run["id"], ["–" if value is None else f"{value:.2f}" for value in row])
    if found["diff"] is not None:
        print()
        _print_diff(found["diff"])
    return 0


def print_analysis(analysis: Document) -> None:
    """Print a finished analysis: variants, break-even, intervals, findings."""
    robustness = analysis["robustness"]
    intervals = analysis["confidence"]["intervals"] if analysis["confidence"] else {}
    _print_columns("Robustness", [name.replace("_", " ") for name in COMPARED], width=14)
    _print_variant("This run", robustness["base"])
    for variant in robustness["variants"]:
        _print_variant(variant["label"], variant["metrics"])
    print(f"\n{robustness['break_even_detail']}")
    known = {name: interval for name, interval in intervals.items() if interval is not None}
    if known:
        level = analysis["confidence"]["level"]
        print(f"\nBetween these two in {100 * level:g} of 100 resampled runs")
        for name, interval in known.items():
            _print_columns(name.replace("_", " "), [metric_text(name, end) for end in interval])
    _print_chance(analysis["monte_carlo"])
    print("\nDiagnosis")
    for finding in analysis["diagnosis"]:
        print(f"{SEVERITIES[finding['severity']]:<6}{finding['title']}. {finding['detail']}")
    if not analysis["diagnosis"]:
        print("ok    Nothing stands out.")


def _print_chance(monte_carlo: Document | None) -> None:
    """Print where simulated accounts end and how deep they fall, 5 to 95 of 100."""
    methods = [one for one in (monte_carlo or {}).get("methods", ()) if one["reason"] is None]
    if not methods:
        return
    heads = ["final, 5 %", "final, 95 %", "drawdown, 5 %", "drawdown, 50 %"]
    print()
    _print_columns("Left to chance", heads)
    for one in methods:
        final, depth = one["final_equity"], one["max_drawdown"]
        texts = [metric_text("final_equity", final[name]) for name in ("p05", "p95")]
        texts += [metric_text("max_drawdown", depth[name]) for name in ("p05", "p50")]
        _print_columns(one["label"], texts)


def _print_variant(label: str, metrics: Document) -> None:
    _print_columns(label, [metric_text(name, metrics[name]) for name in COMPARED], width=14)


def _print_columns(label: str, texts: Sequence[str], *, width: int = 16) -> None:
    print(f"{label:<32.32}" + "".join(f"{text:>{width}.{width}}" for text in texts))


def _print_diff(found: Document) -> None:
    for item in found["config"]:
        print(f"{item['key']}: {_value(item['a'])} | {_value(item['b'])}")
    for item in found["data"]:
        print(item["text"])
    if found["engine"] is not None:
        print(f"engine: {found['engine']['a']} | {found['engine']['b']}")
    if found["first"] is not None:
        print(found["first"]["text"])
    print(found["cause"])


def _value(value: object) -> str:
    return "–" if value is None else str(value)
