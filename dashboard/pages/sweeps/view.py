"""What the list of sweeps and walk-forwards shows, decided from the API's documents."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple

from dashboard import formatting as fmt
from dashboard import jobs
from dashboard.metrics import METRICS

Document = Mapping[str, Any]


class Row(NamedTuple):
    """One line of the list; `share` is how far it is while it is not over, None afterwards."""

    kind: Literal["sweeps", "walkforwards"]
    id: str
    url: str
    name: str
    detail: str
    size: str
    best: str
    judgement: str
    status: str
    share: float | None
    age: str


def sweep_row(item: Document, strategies: Mapping[str, Document], now: datetime) -> Row:
    """Return a sweep's line."""
    return Row(
        kind="sweeps",
        id=item["id"],
        url=item["url"],
        name=title(item, strategies),
        detail=detail(item),
        size=fmt.integer(item["n_points"]),
        best=best_words(item),
        judgement=fmt.decimal(item.get("pbo")),
        status=item["status"],
        share=share(item),
        age=fmt.age(item["created"], now),
    )


def walkforward_row(item: Document, strategies: Mapping[str, Document], now: datetime) -> Row:
    """Return a walk-forward's line: what came out of sample, and what was kept of it."""
    sharpe, efficiency = item.get("sharpe"), item.get("efficiency")
    return Row(
        kind="walkforwards",
        id=item["id"],
        url=item["url"],
        name=title(item, strategies),
        detail=detail(item),
        size=fmt.integer(item["n_points"]),
        best=f"Sharpe {fmt.decimal(sharpe)}" if not fmt.is_missing(sharpe) else fmt.MISSING,
        judgement=fmt.percent(efficiency, 0) if not fmt.is_missing(efficiency) else fmt.MISSING,
        status=item["status"],
        share=share(item),
        age=fmt.age(item["created"], now),
    )


def title(item: Document, strategies: Mapping[str, Document]) -> str:
    """Return the strategy's title."""
    name = str(item.get("strategy") or "")
    return str((strategies.get(name) or {}).get("title") or name or "Formula")


def detail(item: Document) -> str:
    """Return axes and symbols: "fast 2..60, slow 10..200 · AAPL"."""
    axes = ", ".join(part.replace("=", " ") for part in str(item.get("axes_text") or "").split())
    symbols = item.get("symbols") or []
    names = symbols.split() if isinstance(symbols, str) else list(symbols)
    on = ", ".join(names) if len(names) <= 3 else f"{len(names)} symbols"
    return " · ".join(part for part in (axes, on) if part)


def best_words(item: Document) -> str:
    """Return the objective of the best point: "Sharpe 1.32"."""
    best, objective = item.get("best"), item.get("objective")
    if not best or objective not in METRICS:
        return fmt.MISSING
    metric = METRICS[objective]
    return f"{metric.label} {metric.text(best['metrics'].get(objective))}"


def share(item: Document) -> float | None:
    """Return how far an unfinished one is."""
    if item["status"] in jobs.OVER:
        return None
    return min(max(float(item.get("progress") or 0.0), 0.0), 1.0)
