"""`strategies` and `indicator`: what can be run, and one expression on a stored series."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from config.settings import Settings
from dataapi.cli.commands import add_command
from dataapi.cli.opening import opened_runs


def add_commands(subparsers: Any) -> None:
    """Add `strategies` and `indicator` to the command line."""
    help_ = "the strategies: built-in, and in Python files"
    listed = add_command(subparsers, "strategies", _strategies, help_)
    listed.add_argument("name", nargs="?", metavar="NAME")
    help_ = "one expression on a stored series"
    indicator = add_command(subparsers, "indicator", _indicator, help_)
    indicator.add_argument("expression", metavar="EXPRESSION", help="for example 'rsi(close, 14)'")
    indicator.add_argument("--symbol", required=True)
    indicator.add_argument("--timeframe", default="1d")
    indicator.add_argument("--start", metavar="DATE", help="first day shown")
    indicator.add_argument("--end", metavar="DATE", help="last day shown")


def _strategies(arguments: argparse.Namespace, settings: Settings) -> int:
    from dataapi import wire
    from dataapi.services.strategies import strategies, strategy
    from dataapi.services.strategy_files import StrategyFiles

    files = StrategyFiles(settings.strategies_dir)
    listed = strategies(files)
    found = [strategy(arguments.name, files)] if arguments.name else listed["items"]
    if arguments.json:
        document = found[0] if arguments.name else listed
        print(wire.json_bytes(document).decode())
        return 0
    for item in found:
        defaults = " ".join(f"{name}={p['default']}" for name, p in item["params"].items())
        print(f"{item['name']:<24}{defaults}")
        print(f"    {item['description']}")
        if arguments.name:
            for name, spec in item["params"].items():
                print(f"    {name:<12}{_range(spec):<36}{spec['description']}")
            for field, expression in item["formula"].items():
                print(f"    {field}: {expression}")
            for name, expression in item.get("indicators", {}).items():
                print(f"    {name} = {expression}")
    for problem in () if arguments.name else listed["problems"]:
        print(f"{problem['file']}: {problem['message']}", file=sys.stderr)
    return 0


def _range(spec: dict[str, Any]) -> str:
    if spec["choices"]:
        return ", ".join(spec["choices"])
    return f"{spec['kind']} {spec['min']:g} … {spec['max']:g}"


def _indicator(arguments: argparse.Namespace, settings: Settings) -> int:
    from dataapi import wire
    from dataapi.services.indicators import indicator_columns

    with opened_runs(settings) as runs:
        columns = indicator_columns(
            runs.store,
            arguments.expression,
            arguments.symbol,
            arguments.timeframe,
            start=arguments.start,
            end=arguments.end,
        )
    if arguments.json:
        print(wire.json_bytes(wire.json_columns(columns)).decode())
    else:
        sys.stdout.write(wire.csv_text({"time": columns["time"], "value": columns["values"]}))
    return 0
