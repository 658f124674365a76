"""The KPI tiles: value, benchmark, interval; a click opens the metric's passport."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dash import html
from dash.development.base_component import Component

from dashboard.components import attributes, delta
from dashboard.pages.result import robustness_view, view


def tile_row(tiles: Sequence[view.Tile], whiskers: Mapping[str, Component]) -> Component:
    """Return the tiles; where there is an interval, `whiskers` has its line."""
    return html.Div([_tile(tile, whiskers.get(tile.name)) for tile in tiles], className="tiles")


def _tile(tile: view.Tile, whisker: Component | None) -> Component:
    below: list[Component | str] = [html.Span(tile.beside)]
    if tile.delta:
        below.append(delta(tile.delta, better=tile.is_better))
    name = "tile" if tile.name in view.PHONE_TILES else "tile tile-wide-only"
    parts: list[Any] = [
        html.Div(tile.label, className="tile-label"),
        html.Div(tile.value, className="tile-value", **attributes(data_metric=tile.name)),
        html.Div(below, className="tile-below"),
    ]
    if whisker is not None:
        parts.append(whisker)
    return html.Div(
        parts,
        className=name,
        title=tile.definition,
        tabIndex=0,
        role="button",
        **attributes(data_passport=tile.name),
    )


def whisker_bar(
    interval: Sequence[float | None] | None, value: float | None, benchmark: float | None
) -> Component | None:
    """Return an interval as a bar with a dot at the value and a tick at the benchmark's."""
    found = robustness_view.whisker(interval, value, benchmark)
    if found is None:
        return None
    style = {
        "--low": f"{found.low}%",
        "--high": f"{found.high}%",
        "--at": f"{found.value}%",
    }
    if found.benchmark is not None:
        style["--benchmark-at"] = f"{found.benchmark}%"
    return html.Div(className="whisker", style=style)
