"""How commands print metrics and documents."""

from __future__ import annotations

import argparse
from typing import Any

Document = dict[str, Any]

PERCENT = {"total_return", "cagr", "volatility", "max_drawdown", "exposure_time", "win_rate"}
SHOWN = (
    ("final_equity", "Final equity"),
    ("total_return", "Total return"),
    ("cagr", "CAGR"),
    ("volatility", "Volatility"),
    ("sharpe", "Sharpe"),
    ("sortino", "Sortino"),
    ("max_drawdown", "Max drawdown"),
    ("exposure_time", "Exposure"),
    ("trades", "Trades"),
    ("win_rate", "Win rate"),
    ("profit_factor", "Profit factor"),
    ("fees", "Fees"),
)


def metric_text(name: str, value: float | None) -> str:
    """Return a metric as it is printed."""
    if value is None:
        return "–"
    if name in PERCENT:
        return f"{100 * value:,.2f} %"
    return f"{value:,.0f}" if isinstance(value, int) else f"{value:,.2f}"


def print_done(arguments: argparse.Namespace, document: Document, text: str) -> None:
    """Print what was done: the document when JSON is asked for, else the text."""
    if arguments.json:
        print_json(document)
    else:
        print(text)


def print_json(document: Document) -> None:
    """Print one JSON document."""
    from dataapi.wire import json_bytes

    print(json_bytes(document).decode())
