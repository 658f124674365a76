"""The options of a backtest, and the RunConfig that they make."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic import ValidationError

from config.run import Fill, Period, RunConfig, SizingKind
from config.run import Path as PathRule
from dataapi.cli import CommandError, UsageError

if TYPE_CHECKING:
    from engine.formula import StrategyDefinition

# Option name to where its value goes in a RunConfig.
PLACES = {
    "start": ("start",),
    "end": ("end",),
    "timeframe": ("timeframe",),
    "cash": ("cash",),
    "commission_bps": ("costs", "rate_bps"),
    "slippage_bps": ("execution", "slippage_bps"),
    "lot": ("lot",),
    "fill": ("execution", "fill"),
    "path": ("execution", "path"),
    "benchmark": ("benchmark",),
    "sizing": ("sizing",),
    "contribute": ("flows",),
}


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add what `backtest`, and whatever else computes runs, can be asked for."""
    parser.add_argument(
        "strategy",
        nargs="?",
        metavar="STRATEGY",
        help="a built-in name, a .toml formula file or a .py file",
    )
    parser.add_argument("--symbol", action="append", help="once for each symbol")
    parser.add_argument("-p", "--param", action="append", metavar="NAME=VALUE", default=[])
    parser.add_argument("--config", type=Path, metavar="FILE.json", help="options beside it win")
    parser.add_argument("--timeframe", help="of the bars (1d)")
    parser.add_argument("--start", metavar="DATE", help="first day of the run")
    parser.add_argument("--end", metavar="DATE", help="last day of the run")
    parser.add_argument("--cash", type=float, help="at the start (100000)")
    parser.add_argument("--commission-bps", type=float, help="of each fill's value (10)")
    parser.add_argument("--slippage-bps", type=float, help="against you on each fill (5)")
    parser.add_argument(
        "--sizing",
        type=_sizing,
        metavar="KIND:VALUE",
        help="fraction:1.0, units:100, cash:10000, risk:0.02, volatility:0.1, kelly:0.5",
    )
    parser.add_argument(
        "--contribute",
        type=_flows,
        metavar="AMOUNT:PERIOD",
        help="500:month; day, week, month, quarter or year; negative to withdraw",
    )
    parser.add_argument("--lot", type=float, help="smallest quantity step, 0 for fractional")
    parser.add_argument("--fill", choices=get_args(Fill), help="when market orders fill")
    parser.add_argument("--path", choices=get_args(PathRule), help="assumed inside a bar")
    parser.add_argument("--benchmark", help="buy_and_hold, a symbol, or none")


def run_config(arguments: argparse.Namespace) -> RunConfig:
    """Return the configuration that the options ask for.

    Raises
    ------
    UsageError
        If a needed option is missing or one is wrong.
    CommandError
        If a file cannot be read.
    """
    values = _config_file(arguments.config) if arguments.config else {}
    for option, place in PLACES.items():
        given = getattr(arguments, option)
        if given is not None:
            _put(values, place, None if (option, given) == ("benchmark", "none") else given)
    if arguments.symbol:
        values["symbols"] = arguments.symbol
    params = _params(arguments.param)
    if arguments.strategy:
        values["strategy"] = _strategy(arguments.strategy, params)
    elif params and isinstance(values.get("strategy"), dict):
        told = values["strategy"].get("params") or {}
        values["strategy"] = {**values["strategy"], "params": {**told, **params}}
    if not values.get("symbols"):
        raise UsageError("Which bars? Add --symbol NAME, for example --symbol AAPL.")
    if not values.get("strategy"):
        raise UsageError("Which strategy? Give a name (see `strategies`) or a .toml file.")
    return _validated(values)


def _put(values: dict[str, Any], place: tuple[str, ...], value: Any) -> None:
    *sections, key = place
    for section in sections:
        values = values.setdefault(section, {})
    values[key] = value


def _config_file(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CommandError(f"Cannot read {path}: {error.strerror}.") from None
    except ValueError as error:
        raise CommandError(f"{path} is not JSON: {error}.") from None
    if not isinstance(values, dict):
        raise CommandError(f"Expected a RunConfig in {path}, was {type(values).__name__}.")
    return values


def _strategy(name: str, params: dict[str, Any]) -> dict[str, Any]:
    """Return the strategy part for a built-in name or a formula file."""
    if name.endswith(".py"):
        from dataapi.services.strategy_files import read_file

        file = read_file(Path(name))
        return {"name": file.name, "params": params, "code": file.code_hash}
    if not name.endswith(".toml"):
        return {"name": name, "params": params}
    from engine.formula import resolve_params

    definition = _read_formula(Path(name))
    return {
        "name": definition.name,
        "formula": dict(definition.formula),
        # The file's own ranges are judged here: the configuration has the values only.
        "params": resolve_params(definition, params),
    }


def _read_formula(path: Path) -> StrategyDefinition:
    from engine.strategies import read_strategy

    try:
        return read_strategy(path.read_text(encoding="utf-8"), name=path.stem)
    except OSError as error:
        raise CommandError(f"Cannot read {path}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise CommandError(f"{path} is not text in UTF-8.") from None


def _params(given: list[str]) -> dict[str, Any]:
    """Return the parameters of `-p name=value`."""
    params: dict[str, Any] = {}
    for text in given:
        name, separator, value = text.partition("=")
        if not separator or not name:
            raise UsageError(f"Expected -p NAME=VALUE, for example -p fast=10, was {text!r}.")
        params[name] = _value(value)
    return params


def _value(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _sizing(text: str) -> dict[str, Any]:
    kind, _, value = text.partition(":")
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if kind not in get_args(SizingKind) or number <= 0.0:
        raise argparse.ArgumentTypeError(
            f"expected KIND:VALUE such as fraction:1.0, units:100, cash:10000, risk:0.02; "
            f"was {text!r}"
        )
    return {"kind": kind, "value": number}


def _flows(text: str) -> dict[str, Any]:
    amount, _, every = text.partition(":")
    try:
        number = float(amount)
    except ValueError:
        number = 0.0
    if every not in get_args(Period) or number == 0.0 or not math.isfinite(number):
        raise argparse.ArgumentTypeError(
            f"expected AMOUNT:PERIOD such as 500:month or -100:quarter, was {text!r}"
        )
    return {"amount": number, "every": every}


def _validated(values: dict[str, Any]) -> RunConfig:
    try:
        return RunConfig.model_validate(values)
    except ValidationError as error:
        from dataapi.problems import from_validation

        raise UsageError(from_validation(error).detail) from None
