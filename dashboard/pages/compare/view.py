"""What the compare page says, decided from the API's document: no components, no I/O."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from dashboard import formatting
from dashboard.figures.compare import Look
from dashboard.metrics import METRICS

Document = Mapping[str, Any]

FEWEST, MOST = 2, 20
ROWS = (
    "final_equity",
    "cagr",
    "volatility",
    "sharpe",
    "sortino",
    "calmar",
    "max_drawdown",
    "longest_drawdown_days",
    "cvar_95",
    "beta",
    "alpha",
    "trades",
    "win_rate",
    "profit_factor",
    "exposure_time",
    "turnover",
    "fees",
    "psr",
)
_POINTS = {
    "cagr",
    "volatility",
    "max_drawdown",
    "cvar_95",
    "alpha",
    "win_rate",
    "exposure_time",
    "psr",
}
_MONEY = {"final_equity", "fees"}
_COUNTS = {"trades", "longest_drawdown_days"}
_OTHERS = ("c3", "c2", "c4", "c1")
_DASHES = ("solid", "6px,3px", "2px,3px", "8px,2px,2px,2px", "12px,3px")


class Cell(NamedTuple):
    """One number of one run: its text, its difference from the base's, and how it ranks."""

    value: str
    change: str
    is_better: bool | None
    mark: str


class Row(NamedTuple):
    """One metric over all runs."""

    label: str
    definition: str
    cells: list[Cell]


def looks(n_runs: int, base: int) -> list[Look]:
    """Return each run's look: the base has the accent, the others colours and then dashes."""
    found = []
    others = 0
    for i in range(n_runs):
        if i == base:
            found.append(Look("accent", "solid"))
            continue
        found.append(Look(_OTHERS[others % len(_OTHERS)], _DASHES[others // len(_OTHERS)]))
        others += 1
    return found


def address(ids: Sequence[str], base: str | None = None) -> str:
    """Return the page's address for these runs; the first is the base unless another is named."""
    query = "ids=" + ",".join(quote(run_id, safe="") for run_id in ids)
    if base is not None and base in ids and ids.index(base) > 0:
        query += f"&base={quote(base, safe='')}"
    return f"/compare?{query}"


def table(runs: Sequence[Document], base: int) -> list[Row]:
    """Return the metric table: every value, its difference from the base, best and worst marked."""
    rows = []
    for name in ROWS:
        values = [run["metrics"].get(name) for run in runs]
        if all(formatting.is_missing(value) for value in values):
            continue
        metric = METRICS[name]
        marks = ranks(values, metric.better)
        cells = []
        for value, mark in zip(values, marks, strict=True):
            change, better = difference(name, value, values[base])
            cells.append(Cell(metric.text(value), change, better, mark))
        rows.append(Row(metric.label, metric.definition, cells))
    return rows


def ranks(values: Sequence[float | None], better: str) -> list[str]:
    """Return "best", "worst" or "" for each value; nothing is best where all are equal."""
    known = [value for value in values if value is not None and not formatting.is_missing(value)]
    if better == "neither" or len(known) < FEWEST or min(known) == max(known):
        return [""] * len(values)
    best, worst = (max(known), min(known)) if better == "higher" else (min(known), max(known))
    return ["best" if v == best else "worst" if v == worst else "" for v in values]


def difference(name: str, value: float | None, base: float | None) -> tuple[str, bool | None]:
    """Return a value's difference from the base's in short, and whether it is better."""
    if value is None or base is None or formatting.is_missing(value) or formatting.is_missing(base):
        return "", None
    change = value - base
    if name in _POINTS:
        text = formatting.points(change, sign=True)
    elif name in _MONEY:
        text = ("+" if change > 0 else "") + formatting.short_money(change).replace("$", "")
    elif name in _COUNTS:
        text = formatting.decimal(change, 0, sign=True)
    else:
        text = formatting.decimal(change, 2, sign=True)
    if not text.strip("+0.,"):
        return "", None
    better = METRICS[name].better
    return text, None if better == "neither" else (change > 0) == (better == "higher")


def setting(value: Any) -> str:
    """Return a configuration's value as one would write it; "–" when there is none."""
    if value is None:
        return formatting.MISSING
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return formatting.plain(value)


def period(runs: Sequence[Document]) -> str:
    """Return the time that all runs cover, "" when there is none."""
    first = max(formatting.date(run["first"]) for run in runs)
    last = min(formatting.date(run["last"]) for run in runs)
    return f"{first} to {last}" if first <= last else ""


def title(run: Document) -> str:
    """Return what a run is called."""
    return str(run.get("name") or f"{run['title']} on {formatting.symbols(list(run['symbols']))}")
