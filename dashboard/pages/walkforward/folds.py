"""A cross-validation's part of the page: many histories put together of folds."""

from __future__ import annotations

from dash.development.base_component import Component

from dashboard import ids
from dashboard.client import Api, ApiError, Document
from dashboard.components import card, error_card, graph
from dashboard.figures import fan
from dashboard.pages.walkforward import choices, view
from dashboard.pages.walkforward.parts import table_card, tile_row
from dashboard.theme import Theme, is_phone


def cards(api: Api, document: Document, theme: Theme) -> list[Component]:
    """Return the numbers, the paths and their spread, and the choices."""
    parts: list[Component] = []
    tiles = view.fold_tiles(document)
    if tiles:
        heads = ["Over the paths", "5 %", "25 %", "median", "75 %", "95 %"]
        parts += [
            tile_row(tiles),
            _paths(api, document, theme),
            table_card("Spread", heads, view.spread_rows(document), is_numbers=True),
        ]
    if view.n_done(document):
        heads, rows = view.fold_heads(document), view.fold_table(document)
        parts += [
            choices.sides(document, theme),
            choices.parameters(document, theme),
            table_card("Choice by choice", heads, rows),
        ]
    return parts


def _paths(api: Api, document: Document, theme: Theme) -> Component:
    try:
        curves = api.walkforward_equity(document["id"])
    except ApiError as error:
        return error_card("The paths did not load", error)
    names = ("p05", "p25", "p50", "p75", "p95")
    spread = {"axis": "time", "at": curves["time"], **{name: curves[name] for name in names}}
    figure = fan.fan_figure(spread, theme, n_ticks=4 if is_phone() else 9)
    return card(
        "Paths",
        graph(ids.FORWARD_EQUITY, figure, height=fan.HEIGHT, label="Spread of the paths over time"),
        hint="each a history traded only with what other folds chose; bands hold 50 and 90 %",
        class_name="flush",
    )
