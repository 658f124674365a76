"""Parts that walk-forwards and cross-validations share."""

from __future__ import annotations

from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from dashboard.components import card
from dashboard.pages.walkforward import view


def tile_row(tiles: Sequence[view.Tile]) -> Component:
    """Return the numbers in a row."""
    return html.Div(
        [
            html.Div(
                [
                    html.Div(tile.label, className="tile-label"),
                    html.Div(
                        tile.value,
                        className=f"tile-value is-{tile.level}" if tile.level else "tile-value",
                    ),
                    html.Div(tile.below, className="tile-below"),
                ],
                className="tile",
                title=tile.definition,
            )
            for tile in tiles
        ],
        className="tiles walkforward-tiles",
    )


def table_card(
    title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], *, is_numbers: bool = False
) -> Component:
    """Return a table whose cells are texts already: two columns of words, or only one."""
    head = html.Tr([html.Th(text, scope="col") for text in heads])
    body = [html.Tr([html.Td(text) for text in row]) for row in rows]
    name = "study-list windows-list" + (" is-numbers" if is_numbers else "")
    table = html.Table([html.Thead(head), html.Tbody(body)], className=name)
    return card(title, html.Div(table, className="wide"))
