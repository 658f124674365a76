"""A draft to take along: as a command, as JSON, as Python."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from dashboard.pages.new_run import form as forms

# Options of `./run backtest` beside the configuration they set.
OPTIONS = (
    ("--start", ("start",)),
    ("--end", ("end",)),
    ("--cash", ("cash",)),
    ("--commission-bps", ("costs", "rate_bps")),
    ("--slippage-bps", ("execution", "slippage_bps")),
    ("--lot", ("lot",)),
    ("--fill", ("execution", "fill")),
    ("--path", ("execution", "path")),
    ("--benchmark", ("benchmark",)),
)


def as_json(config: Mapping[str, Any]) -> str:
    """Return the configuration as JSON, without defaults."""
    return json.dumps(forms.changed(config), indent=2, ensure_ascii=False)


def as_python(config: Mapping[str, Any], url: str) -> str:
    """Return a program that makes the run through the typed client; `url` is the pages' address."""
    text = _literal(forms.changed(config))
    return (
        "from dataapi.client import Client\n\n"
        f"config = {text}\n"
        f'run = Client("{url}").run(config)\n'
        'print(run.url, run.metrics["sharpe"])\n'
    )


def as_command(config: Mapping[str, Any]) -> str:
    """Return the command line; what has no option goes in as a file."""
    wanted = forms.changed(config)
    strategy = wanted.pop("strategy")
    symbols = wanted.pop("symbols")
    timeframe = wanted.pop("timeframe", None)
    options: list[str] = []
    for name, place in OPTIONS:
        value = _take(wanted, place)
        if value is not None:
            options += [name, _plain(value)]
    sizing = wanted.pop("sizing", None)
    if sizing is not None:
        options += ["--sizing", f"{sizing['kind']}:{_plain(sizing['value'])}"]
    if wanted or timeframe is not None or strategy.get("formula") is not None:
        document = json.dumps(forms.changed(config), ensure_ascii=False)
        return f"echo {shlex.quote(document)} > run.json\n./run backtest --config run.json"
    words = ["./run", "backtest", strategy["name"]]
    for symbol in symbols:
        words += ["--symbol", symbol]
    for name, value in strategy["params"].items():
        words += ["-p", f"{name}={_plain(value)}"]
    return shlex.join([*words, *options])


def _take(config: dict[str, Any], place: tuple[str, ...]) -> Any:
    """Remove and return a value; an emptied section goes with it."""
    if len(place) == 1:
        return config.pop(place[0], None)
    section = config.get(place[0], {})
    value = section.pop(place[1], None)
    if place[0] in config and not section:
        del config[place[0]]
    return value


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ",".join(f"{symbol}:{_plain(weight)}" for symbol, weight in value.items())
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _literal(value: Any, indent: int = 0) -> str:
    """Return a Python literal, a line a key for dictionaries that hold dictionaries."""
    if not isinstance(value, dict) or not any(isinstance(v, dict) for v in value.values()):
        return repr(value)
    pad = " " * (indent + 4)
    lines = [f"{pad}{key!r}: {_literal(item, indent + 4)},\n" for key, item in value.items()]
    return "{\n" + "".join(lines) + " " * indent + "}"
