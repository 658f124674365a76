"""`import` and `data`: files into the store, and what is stored."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from config.run import Symbol, Timeframe
from config.settings import COMMAND, Settings
from dataapi.cli import CommandError, UsageError
from dataapi.cli.commands import add_command

if TYPE_CHECKING:
    from dataapi.store import Store

# The services are imported by the commands: the list of commands must not wait for the engine.
MARKS = {"pass": "ok", "info": "note", "doubt": "DOUBT", "not_run": "-"}


def add_commands(subparsers: Any) -> None:
    """Add `import` and `data` to the command line."""
    _add_import(subparsers)
    data = subparsers.add_parser("data", help="the catalogue of stored series")
    commands = data.add_subparsers(dest="data_command", required=True, metavar="COMMAND")
    add_command(commands, "list", _list, "every stored series")
    show = add_command(commands, "show", _show, "one series: actions, coverage, versions")
    export = add_command(commands, "export", _export, "bars as CSV, as `import` reads them")
    export.add_argument("--output", type=Path, help="a file; standard output otherwise")
    listed = add_command(commands, "actions", _actions, "splits and dividends of a series")
    delete = add_command(commands, "delete", _delete, "delete a series")
    delete.add_argument("--force", action="store_true", help="although runs use it")
    for parser in (show, export, listed, delete):
        parser.add_argument("symbol", type=_checked(Symbol), metavar="SYMBOL")
        parser.add_argument("--timeframe", type=_checked(Timeframe), help="when there are several")


def _add_import(subparsers: Any) -> None:
    parser = add_command(subparsers, "import", _import, "import bars from a CSV file")
    parser.add_argument("file", type=Path, metavar="FILE", help="CSV, gzip allowed")
    parser.add_argument("--symbol", type=_checked(Symbol), required=True)
    parser.add_argument("--timeframe", type=_checked(Timeframe), help="found out when not given")
    parser.add_argument("--tz", help="zone of clock times, for example America/New_York")
    parser.add_argument("--date-order", choices=("dmy", "mdy"), help="of dates like 03/04/2000")
    parser.add_argument("--derive-actions", action="store_true", help="from the adjusted close")
    parser.add_argument("--adjusted", action="store_true", help="prices are adjusted already")
    parser.add_argument("--synthetic", action="store_true", help="prices are made, not real")
    parser.add_argument("--delisted", action="store_true", help="the series ended for good")
    parser.add_argument("--calendar", help="XNYS, another exchange's code, 24/7 or fx")
    parser.add_argument("--lot", type=float, help="smallest quantity step, 0 for fractional")
    parser.add_argument("--reject", choices=("stop", "drop"), default="stop", help="bad rows")
    parser.add_argument("--replace", action="store_true", help="the file wins over stored bars")
    parser.add_argument("--dry-run", action="store_true", help="check everything, store nothing")


def _checked(kind: Any) -> Callable[[str], str]:
    adapter: TypeAdapter[str] = TypeAdapter(kind)

    def parse(text: str) -> str:
        try:
            return adapter.validate_python(text)
        except ValidationError:
            what = "a timeframe such as 1d or 15min"
            if kind is Symbol:
                what = "a symbol: letters, digits and ._-^=, at most 32"
            raise argparse.ArgumentTypeError(f"expected {what}, was {text!r}") from None

    return parse


def _import(arguments: argparse.Namespace, settings: Settings) -> int:
    from dataapi.cli.opening import opened_store
    from dataapi.services.imports import ImportRequest, import_csv

    try:
        data = arguments.file.read_bytes()
    except OSError as error:
        raise CommandError(f"Cannot read {arguments.file}: {error.strerror}.") from None
    request = ImportRequest(
        symbol=arguments.symbol,
        source=arguments.file.name,
        timeframe=arguments.timeframe,
        tz=arguments.tz,
        date_order=arguments.date_order,
        is_adjusted=arguments.adjusted,
        is_synthetic=arguments.synthetic,
        is_delisted=arguments.delisted,
        derive_actions=arguments.derive_actions,
        reject=arguments.reject,
        replace=arguments.replace,
        dry_run=arguments.dry_run,
        calendar=arguments.calendar,
        lot=arguments.lot,
    )
    with opened_store(settings) as store:
        report = import_csv(store, data, request)
    if arguments.json:
        _print_json(report.document)
    else:
        _print_report(report.document)
    if report.error is not None:
        raise CommandError(f"{arguments.file.name}: {report.error}")
    return 0


def _list(arguments: argparse.Namespace, settings: Settings) -> int:
    from dataapi.cli.opening import opened_store
    from dataapi.services.series import list_series

    with opened_store(settings) as store:
        items = list_series(store)
    if arguments.json:
        _print_json({"items": items})
        return 0
    if not items:
        print(f"Nothing is stored yet: {COMMAND} import FILE --symbol NAME")
    for item in items:
        marks = [name for name in ("adjusted", "synthetic", "delisted") if item[name]]
        print(
            f"{item['symbol']:<12} {item['timeframe']:<6} {item['bars']:>10,} bars  "
            f"{item['first']} … {item['last']}  {item['splits']} splits, "
            f"{item['dividends']} dividends  {' '.join(marks)}".rstrip()
        )
    return 0


def _show(arguments: argparse.Namespace, settings: Settings) -> int:
    from dataapi.cli.opening import opened_store
    from dataapi.services.series import series_document

    with opened_store(settings) as store:
        timeframe = _timeframe(store, arguments)
        document = series_document(store, arguments.symbol, timeframe)
    if arguments.json:
        _print_json(document)
        return 0
    for name, value in document.items():
        if not isinstance(value, list):
            print(f"{name:<12} {'' if value is None else value}".rstrip())
    for stretch in document["coverage"]:
        print(f"{'coverage':<12} {stretch['from']} … {stretch['to']}")
    for version in document["versions"]:
        print(
            f"{'version':<12} {version['rev']}: {version['bars']:,} bars, {version['source']}, "
            f"{version['created']}, {version['fingerprint'][:12]}"
        )
    return 0


def _export(arguments: argparse.Namespace, settings: Settings) -> int:
    from dataapi import wire
    from dataapi.cli.opening import opened_store

    with opened_store(settings) as store:
        timeframe = _timeframe(store, arguments)
        bars = store.series.bars(arguments.symbol, timeframe)
    stamps = [wire.iso_stamp(time_ms, timeframe) for time_ms in bars.time.tolist()]
    numbers = {name: getattr(bars, name) for name in ("open", "high", "low", "close", "volume")}
    if arguments.json:
        _print_json({"time": stamps, **wire.json_columns(numbers)})
        return 0
    is_daily = timeframe.endswith(wire.LONG_UNITS)
    content = wire.csv_text({**({"date": stamps} if is_daily else {"time": bars.time}), **numbers})
    if arguments.output is None:
        sys.stdout.write(content)
    else:
        arguments.output.write_text(content, encoding="utf-8")
        print(f"{bars.time.size:,} bars written to {arguments.output}", file=sys.stderr)
    return 0


def _actions(arguments: argparse.Namespace, settings: Settings) -> int:
    from dataapi.cli.opening import opened_store
    from dataapi.services.series import actions

    with opened_store(settings) as store:
        timeframe = _timeframe(store, arguments)
        items = actions(store.series.bars(arguments.symbol, timeframe), timeframe)
    if arguments.json:
        _print_json({"items": items})
        return 0
    for item in items:
        print(f"{item['time']}  {item['kind']:<9} {item['value']!r}")
    return 0


def _delete(arguments: argparse.Namespace, settings: Settings) -> int:
    from dataapi.cli.opening import opened_store

    with opened_store(settings) as store:
        timeframe = _timeframe(store, arguments)
        store.series.delete(arguments.symbol, timeframe, force=arguments.force)
    if arguments.json:
        _print_json({"symbol": arguments.symbol, "timeframe": timeframe, "deleted": True})
    else:
        print(f"Deleted {arguments.symbol} {timeframe}.")
    return 0


def _timeframe(store: Store, arguments: argparse.Namespace) -> str:
    """Return the timeframe asked for, or the only one stored for the symbol."""
    if arguments.timeframe is not None:
        return str(arguments.timeframe)
    stored = [i.timeframe for i in store.series.list() if i.symbol == arguments.symbol]
    if len(stored) > 1:
        raise UsageError(
            f"{arguments.symbol} is stored as {', '.join(stored)}: say which with --timeframe."
        )
    return stored[0] if stored else "1d"


def _print_json(document: Any) -> None:
    print(json.dumps(document, ensure_ascii=False, allow_nan=False))


def _print_report(document: dict[str, Any]) -> None:
    for problem in document["errors"]:
        where = f"row {problem['row']}" + (f", {problem['column']}" if problem["column"] else "")
        print(f"{where}: {problem['value']!r} {problem['reason']}", file=sys.stderr)
    n_more = document["n_errors"] - len(document["errors"])
    if n_more > 0:
        print(f"… and {n_more:,} more", file=sys.stderr)
    for note in document["notes"]:
        print(note)
    if document["error"] is not None:
        return
    done = {"stored": "Stored", "unchanged": "Already stored", "checked": "Checked, not stored"}
    print(
        f"{done[document['status']]}: {document['symbol']} {document['timeframe']}, "
        f"{document['bars']:,} bars {document['first']} … {document['last']}, "
        f"{document['added']:,} new"
        + (f", {document['dropped']:,} bad rows left out" if document["dropped"] else "")
    )
    for finding in document["quality"]:
        text = re.sub(r"\s+", " ", finding["text"])
        print(f"  {MARKS[finding['level']]:<6} {finding['kind']:<12} {text}")
