"""`backtest`, `runs`, `show`, `export`, `verify`: runs, computed and stored without a server."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.settings import COMMAND, Settings
from dataapi.cli import CommandError
from dataapi.cli.commands import add_command
from dataapi.cli.judging import print_analysis
from dataapi.cli.opening import opened_runs
from dataapi.cli.options import add_run_options, run_config
from dataapi.cli.printing import SHOWN, Document, metric_text, print_done, print_json

if TYPE_CHECKING:
    from dataapi.services.runs import Runs

MARKS = {"pass": "ok", "info": "note", "doubt": "DOUBT", "fail": "FAIL"}


def add_commands(subparsers: Any) -> None:
    """Add the commands about runs to the command line."""
    backtest = add_command(subparsers, "backtest", _backtest, "run a strategy over stored bars")
    add_run_options(backtest)
    backtest.add_argument("--name", help="shown in the list of runs")
    backtest.add_argument(
        "--export", type=Path, metavar="DIR", help="also write CSV and JSON files"
    )

    _add_analysis(backtest)

    runs = add_command(subparsers, "runs", _list, "list, delete or import runs")
    runs.set_defaults(q="", sort="-created", limit=50)
    commands = runs.add_subparsers(dest="runs_command", metavar="COMMAND")
    listed = add_command(commands, "list", _list, "what is stored", is_nested=True)
    listed.add_argument("-q", default="", help="words in name, strategy, symbols, tags")
    listed.add_argument("--sort", default="-created", help="a metric or created; - for descending")
    listed.add_argument("--limit", type=int, default=50)
    delete = add_command(commands, "delete", _delete, "delete a run", is_nested=True)
    delete.add_argument("id", metavar="ID")
    imported = add_command(
        commands, "import", _import, "import a run's JSON bundle", is_nested=True
    )
    imported.add_argument("file", type=Path, metavar="FILE.json")

    show = add_command(subparsers, "show", _show, "one run")
    show.add_argument("id", metavar="ID")
    _add_analysis(show)
    export = add_command(subparsers, "export", _export, "a run as files")
    export.add_argument("id", metavar="ID")
    export.add_argument("--format", choices=("csv", "json"), default="csv")
    export.add_argument("--output", type=Path, help="directory (csv) or file (json)")
    add_command(subparsers, "verify", _verify, "compute a run again and compare").add_argument(
        "id", metavar="ID"
    )


def _backtest(arguments: argparse.Namespace, settings: Settings) -> int:
    config = run_config(arguments)
    with opened_runs(settings) as runs:
        run = runs.submit(config, name=arguments.name or "")
        if arguments.export is not None:
            from dataapi.services.exports import write_directory

            write_directory(runs, run.id, arguments.export)
        analysis = _analysis(arguments, runs, run.id)
    if arguments.json:
        document = run.document
        print_json(document if analysis is None else {**document, "analysis": analysis})
        return 0
    _print_run(run.document, analysis)
    print(f"\n{'Computed and stored.' if run.is_new else 'Stored already: answered from there.'}")
    return 0


def _list(arguments: argparse.Namespace, settings: Settings) -> int:
    from dataapi.store import RunQuery

    query = RunQuery(q=arguments.q, sort=arguments.sort, limit=arguments.limit)
    with opened_runs(settings) as runs:
        page = runs.page(query)
    if arguments.json:
        print_json(page)
        return 0
    if not page["items"]:
        print(f"No runs yet: {COMMAND} backtest sma_cross --symbol AAPL")
    for item in page["items"]:
        metrics = item["metrics"]
        numbers = "  ".join(
            f"{label} {metric_text(name, metrics[name]):>9}"
            for name, label in (("cagr", "CAGR"), ("sharpe", "Sharpe"), ("max_drawdown", "max DD"))
        )
        symbols = ",".join(item["symbols"])
        what = f"{item['strategy']} {item['params_text']}".strip()
        print(f"{item['id']}  {symbols:<20.20} {what:<34.34} {numbers}  {item['name']}".rstrip())
    return 0


def _delete(arguments: argparse.Namespace, settings: Settings) -> int:
    with opened_runs(settings) as runs:
        runs.delete(arguments.id)
    print_done(arguments, {"id": arguments.id, "deleted": True}, f"Deleted run {arguments.id}.")
    return 0


def _import(arguments: argparse.Namespace, settings: Settings) -> int:
    from dataapi.services.exports import import_bundle

    try:
        bundle = json.loads(arguments.file.read_text(encoding="utf-8"))
    except OSError as error:
        raise CommandError(f"Cannot read {arguments.file}: {error.strerror}.") from None
    except ValueError as error:
        raise CommandError(f"{arguments.file} is not JSON: {error}.") from None
    with opened_runs(settings) as runs:
        report = import_bundle(runs, bundle)
    print_done(
        arguments, report, f"Imported run {report['id']} ({report['verdict']}). {report['detail']}"
    )
    return 0


def _show(arguments: argparse.Namespace, settings: Settings) -> int:
    with opened_runs(settings) as runs:
        document = runs.document(arguments.id)
        analysis = _analysis(arguments, runs, arguments.id)
    if arguments.json:
        print_json(document if analysis is None else {**document, "analysis": analysis})
    else:
        _print_run(document, analysis)
    return 0


def _export(arguments: argparse.Namespace, settings: Settings) -> int:
    from dataapi.services.exports import bundle, write_directory

    with opened_runs(settings) as runs:
        if arguments.format == "csv":
            directory = arguments.output or Path(arguments.id)
            paths = [str(path) for path in write_directory(runs, arguments.id, directory)]
            print_done(arguments, {"files": paths}, "\n".join(paths))
            return 0
        document = bundle(runs, arguments.id)
    if arguments.output is None:
        print_json(document)
    else:
        from dataapi.wire import json_bytes

        arguments.output.write_bytes(json_bytes(document) + b"\n")
        print_done(arguments, {"files": [str(arguments.output)]}, str(arguments.output))
    return 0


def _verify(arguments: argparse.Namespace, settings: Settings) -> int:
    from dataapi.services.verification import verify

    with opened_runs(settings) as runs:
        report = verify(runs, arguments.id)
    place = f"engine {report['engine_version']}, numpy {report['numpy']}, numba {report['numba']}"
    words = report["verdict"].replace("_", " ")
    print_done(arguments, report, f"{words}: {report['detail']}\n({place}, {report['processor']})")
    return 0 if report["verdict"] == "same" else 1


def _add_analysis(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--analysis", action="store_true", help="also robustness, confidence and diagnosis"
    )


def _analysis(arguments: argparse.Namespace, runs: Runs, run_id: str) -> Document | None:
    """Return the run's analysis if it is asked for, computed now unless a worker has done it."""
    if not arguments.analysis:
        return None
    from dataapi.services.analysis import analysis_now

    return analysis_now(runs, run_id)


def _print_run(document: Document, analysis: Document | None = None) -> None:
    print(document["summary"], end="\n\n")
    theirs = document["benchmark_metrics"]
    has_benchmark = bool(theirs)
    print(f"{'':<16}{'run':>16}{'benchmark':>16}" if has_benchmark else f"{'':<16}{'run':>16}")
    for name, label in SHOWN:
        line = f"{label:<16}{metric_text(name, document['metrics'].get(name)):>16}"
        print(line + (f"{metric_text(name, theirs[name]):>16}" if name in theirs else ""))
    print()
    for badge in document["badges"]:
        print(f"{MARKS[badge['level']]:<6}{badge['label']}: {badge['text']}")
    if analysis is not None:
        print()
        print_analysis(analysis)
    print(f"\nid   {document['id']}\nurl  {document['url']}")
