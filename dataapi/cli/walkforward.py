"""`walkforward`: parameters chosen in the past and traded in what follows, without a server."""

from __future__ import annotations

import argparse
import sys
from typing import Any, get_args

from config.settings import Settings
from config.sweep import Method, WalkForwardConfig
from dataapi.cli.commands import add_command
from dataapi.cli.opening import opened_runs
from dataapi.cli.printing import SHOWN, Document, metric_text, print_json
from dataapi.cli.sweeps import (
    add_sweep_options,
    carried_out,
    estimate_text,
    params_text,
    share_text,
    sweep_values,
    validated,
)

WINDOW_METRICS = ("total_return", "sharpe")


def add_commands(subparsers: Any) -> None:
    """Add `walkforward` to the command line."""
    parser = add_command(
        subparsers, "walkforward", _walkforward, "choose in one part of the past, trade in the next"
    )
    add_sweep_options(parser)
    parser.add_argument("--in-sample", type=int, metavar="BARS", help="that choose")
    parser.add_argument("--out-of-sample", type=int, metavar="BARS", help="that are traded")
    parser.add_argument("--anchored", action="store_true", help="choose from the first bar on")
    parser.add_argument(
        "--method", choices=get_args(Method), default="walk_forward", help="windows or folds"
    )
    parser.add_argument("--folds", type=int, metavar="N", help="parts of the run (6)")
    parser.add_argument("--test-folds", type=int, metavar="N", help="parts traded at a time (2)")
    parser.add_argument("--purge", type=int, metavar="BARS", help="left out beside a traded part")
    parser.add_argument("--embargo", type=int, metavar="BARS", help="left out behind it as well")


def _values(arguments: argparse.Namespace) -> dict[str, Any]:
    given = {
        "in_sample": arguments.in_sample,
        "out_of_sample": arguments.out_of_sample,
        "n_folds": arguments.folds,
        "n_test_folds": arguments.test_folds,
        "purge": arguments.purge,
        "embargo": arguments.embargo,
    }
    said = {name: value for name, value in given.items() if value is not None}
    kind = {"method": arguments.method, "anchored": arguments.anchored}
    return {**sweep_values(arguments), **kind, **said}


def _walkforward(arguments: argparse.Namespace, settings: Settings) -> int:
    config = validated(WalkForwardConfig, _values(arguments))
    with opened_runs(settings) as runs:
        from dataapi.services.walkforwards import WalkForwards

        walkforwards = WalkForwards(runs)
        found = walkforwards.estimate(config)
        text = estimate_text(found, settings, arguments.executor)
        print(f"{found['n_windows']} windows of {text}", file=sys.stderr)
        submitted = walkforwards.submit(config, executor=arguments.executor)
        carried_out(runs, settings, arguments, submitted.document)
        document = walkforwards.document(submitted.document["id"])
        if arguments.json:
            from dataapi.wire import json_columns

            equity = json_columns(walkforwards.equity(document["id"], None, None, None))
            print_json({**document, "equity": equity})
            return 0
    _print_windows(document)
    if document["method"] == "walk_forward":
        _print_stitched(document)
    else:
        _print_paths(document)
    print(f"\nid   {document['id']}\nurl  {document['url']}")
    is_stored = submitted.document["status"] == "done"
    print("Stored already: answered from there." if is_stored else "Computed and stored.")
    return 0


def _print_windows(document: Document) -> None:
    print(f"{'traded':<26}{'return':>10}{'Sharpe':>8}  {'in sample':>10}{'Sharpe':>8}  chosen")
    for window in document["windows"]:
        traded = window["out_of_sample"] if "out_of_sample" in window else window["test"][0]
        more = "" if len(window.get("test", ())) < 2 else f" + {len(window['test']) - 1}"
        figures = []
        for which in ("out_of_sample_metrics", "in_sample_metrics"):
            metrics = window[which] or dict.fromkeys(WINDOW_METRICS)
            total, sharpe = (metric_text(name, metrics[name]) for name in WINDOW_METRICS)
            figures.append(f"{total:>10}{sharpe:>8}")
        chosen = "nothing" if window["params"] is None else params_text(window["params"])
        span = f"{traded['first'][:10]} to {traded['last'][:10]}{more}"
        print(f"{span:<26}{'  '.join(figures)}  {chosen}")


def _print_stitched(document: Document) -> None:
    metrics = document["stitched"]["metrics"]
    print("\nOut of sample, stitched")
    for name, label in SHOWN:
        print(f"{label:<16}{metric_text(name, metrics.get(name)):>16}")
    detail = document["efficiency_detail"]
    efficiency = document["efficiency"]
    text = detail["reason"] if efficiency is None else f"{efficiency:.2f}"
    print(f"{'Efficiency':<16}{text:>16}")
    print(f"{'Windows in gain':<16}{share_text(document['stability']['profitable']):>16}")


def _print_paths(document: Document) -> None:
    n_paths = len(document["paths"])
    print(f"\n{n_paths} {'path' if n_paths == 1 else 'paths'} out of sample")
    print(f"{'':<16}{'5 %':>12}{'median':>12}{'95 %':>12}")
    labels = dict(SHOWN)
    for name, spread in document["distribution"].items():
        cells = [metric_text(name, spread[part]) for part in ("p05", "p50", "p95")]
        print(f"{labels.get(name, name.capitalize()):<16}{''.join(f'{c:>12}' for c in cells)}")
    print(f"{'Loses':<16}{share_text(document['probability_of_loss']):>12}")
