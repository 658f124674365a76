"""What the runs page shows, decided from the API's documents: no components, no I/O."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from dashboard import formatting as fmt
from dashboard import theme
from dashboard.figures import axes
from dashboard.metrics import METRICS
from dashboard.theme import Figure, Theme

PAGE_SIZE = 100
PER_ANSWER = 500
MOST = 5000
"""Rows the list grows to; a filter finds the others."""
# Full width of the bars under Sharpe and drawdown: beyond these, longer says nothing more.
FULL_SHARPE = 1.5
FULL_DRAWDOWN = 0.7
MORE_COLUMNS = (
    "final_equity",
    "total_return",
    "volatility",
    "sortino",
    "calmar",
    "win_rate",
    "profit_factor",
    "turnover",
    "exposure_time",
)
"""Metrics that a run's row may show beside the usual ones."""

SEVERITY = ("fail", "doubt")

Row = dict[str, Any]
View = Mapping[str, Any]


def api_filters(view: View) -> dict[str, Any]:
    """Return the query of `GET /runs` that the page's view asks for."""
    filters = {key: view[key] for key in ("q", "strategy", "symbol", "tag", "min_sharpe")}
    if view["min_trades"] is not None:
        filters["min_trades"] = int(view["min_trades"])
    if view["max_drawdown"] is not None:
        # The page asks for "at most 25 %", the API for a fraction ≤ 0.
        filters["max_drawdown"] = -min(abs(view["max_drawdown"]) / 100.0, 1.0)
    if view["starred"]:
        filters["starred"] = True
    filters["sort"] = view["sort"]
    return {key: value for key, value in filters.items() if value is not None}


def has_filters(view: View) -> bool:
    """Return whether the view leaves runs out."""
    looks = ("sort", "columns")
    return any(value not in (None, False) for key, value in view.items() if key not in looks)


def tags(items: Sequence[Mapping[str, Any]], chosen: str | None) -> list[str]:
    """Return the tags to choose from: those of the runs that are listed."""
    return sorted({tag for item in items for tag in item["tags"]} | ({chosen} if chosen else set()))


def run_row(item: Mapping[str, Any], now: datetime) -> Row:
    """Return one run as the grid's cells show it; numbers are text already."""
    metrics = item["metrics"]
    names = list(item["symbols"])
    return {
        "id": item["id"],
        "url": item["url"],
        "name": item["name"] or item["title"],
        "detail": " · ".join(part for part in (item["strategy"], _params(item)) if part),
        "starred": bool(item["starred"]),
        "tags": list(item["tags"]),
        "sparkline": item["sparkline"],
        "cagr": fmt.signed_percent(metrics["cagr"]),
        "sharpe": fmt.decimal(metrics["sharpe"]),
        "sharpe_share": _share(metrics["sharpe"], FULL_SHARPE),
        "max_drawdown": fmt.percent(metrics["max_drawdown"]),
        "drawdown_short": fmt.percent(metrics["max_drawdown"], 0),
        "drawdown_share": _share(-(metrics["max_drawdown"] or 0.0), FULL_DRAWDOWN),
        "trades": fmt.integer(metrics["trades"]),
        **{name: METRICS[name].text(metrics.get(name)) for name in MORE_COLUMNS},
        "symbols": fmt.symbols(names),
        "symbols_title": f"{', '.join(names)}, {fmt.timeframe(item['timeframe'])}",
        "check": check(item["badges"], metrics["trades"]),
        "age": fmt.age(item["created"], now),
        "created": item["created"],
        "failed": failed_look_ahead(item),
    }


def _params(item: Mapping[str, Any]) -> str:
    """Return the parameters as one says them: "fast 10, slow 30"."""
    return ", ".join(part.replace("=", " ") for part in item["params_text"].split())


def _share(value: float | None, full: float) -> float:
    """Return how much of the bar is filled: 0 … 1; nothing for a missing or negative value."""
    if value is None or math.isnan(value):
        return 0.0
    return round(min(max(value / full, 0.0), 1.0), 3)


def failed_look_ahead(item: Mapping[str, Any]) -> bool:
    """Return whether the run is known to use the future: it must not win a comparison."""
    return any(b["kind"] == "look_ahead" and b["level"] == "fail" for b in item["badges"])


SHORT = {
    "look_ahead": "look-ahead",
    "warm_up": "warm-up",
    "costs": "zero costs",
    "same_close": "same-close fills",
    "adjusted": "adjusted prices",
    "synthetic": "synthetic prices",
}


def check(badges: Sequence[Mapping[str, str]], trades: int | None) -> dict[str, str]:
    """Return the worst badge, with the number of others; "all checks" when nothing is in doubt."""
    found = [badge for level in SEVERITY for badge in badges if badge["level"] == level]
    if not found:
        return {
            "level": "pass",
            "text": "all checks",
            "title": "No check failed or doubts the run.",
        }
    worst = found[0]
    if worst["kind"] == "trades":
        text = "1 trade" if trades == 1 else f"{fmt.integer(trades)} trades"
    else:
        text = SHORT.get(worst["kind"], worst["label"][:1].lower() + worst["label"][1:])
    more = f" +{len(found) - 1}" if len(found) > 1 else ""
    title = "\n".join(f"{badge['label']}: {badge['text']}" for badge in found)
    return {"level": worst["level"], "text": text + more, "title": title}


def scatter_figure(items: Sequence[Mapping[str, Any]], current: Theme) -> Figure:
    """Return CAGR against the depth of the worst drawdown; `customdata` is the run's id.

    Runs that failed look-ahead are left out.
    """
    shown = [
        item
        for item in items
        if not failed_look_ahead(item)
        and item["metrics"]["cagr"] is not None
        and item["metrics"]["max_drawdown"] is not None
    ]
    names = [item["name"] or item["title"] for item in shown]
    trace: Figure = {
        "type": "scatter",
        "mode": "markers",
        "x": [-100.0 * item["metrics"]["max_drawdown"] for item in shown],
        "y": [100.0 * item["metrics"]["cagr"] for item in shown],
        "customdata": [item["id"] for item in shown],
        "text": [
            f"{name}<br>{fmt.signed_percent(item['metrics']['cagr'])}, "
            f"{fmt.percent(item['metrics']['max_drawdown'])}"
            for name, item in zip(names, shown, strict=True)
        ],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {"size": 6, "color": theme.color("ink3", current), "opacity": 0.75},
        "selected": {"marker": {"size": 9, "color": theme.color("accent", current), "opacity": 1}},
        "unselected": {"marker": {"opacity": 0.75}},
    }
    figure = axes.chart(current, right=48)
    layout = figure["layout"]
    layout["margin"]["b"] = 40
    axes.with_hover(figure, current)
    title = {"text": "max drawdown", "font": {"size": 11}, "standoff": 6}
    layout["xaxis"] = _percent_axis(trace["x"], current, title=title)
    layout["yaxis"] = _percent_axis(trace["y"], current, side="right")
    figure["data"] = [trace]
    return figure


def _percent_axis(values: Sequence[float], current: Theme, **changes: Any) -> dict[str, Any]:
    """Return an axis from zero over `values`, wide enough that no tick stands at its end."""
    low, high = min([0.0, *values]), max([1.0, *values])
    bounds = axes.padded(low, high, 0.1)
    ticks = axes.linear_ticks(low, high, 5)
    texts = [fmt.decimal(tick, 0, unit=f"{fmt.THIN}%") for tick in ticks]
    return theme.axis(current, range=list(bounds), tickvals=ticks, ticktext=texts, **changes)


def export_csv(items: Sequence[Mapping[str, Any]]) -> str:
    """Return runs as CSV, a row a run; metrics are fractions with full precision."""
    metrics = sorted({name for item in items for name in item["metrics"]})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    head = ["id", "name", "strategy", "params", "symbols", "timeframe", "first", "last", "created"]
    writer.writerow([*head, "tags", *metrics])
    for item in items:
        writer.writerow(
            [
                item["id"],
                _cell(item["name"]),
                item["strategy"],
                item["params_text"],
                " ".join(item["symbols"]),
                *(item[key] for key in head[5:]),
                _cell(" ".join(item["tags"])),
                *(item["metrics"].get(name) for name in metrics),
            ]
        )
    return text.getvalue()


def _cell(text: str | None) -> str:
    """Return a person's text so that no spreadsheet takes it for a formula."""
    value = text or ""
    return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
