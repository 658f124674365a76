"""The compare page's callbacks: the curves drawn another way; all else is its address."""

from __future__ import annotations

from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State

from dashboard import ids
from dashboard.client import Api
from dashboard.figures.compare import compare_figure
from dashboard.pages.compare import view
from dashboard.theme import current_theme


def register(app: Dash, api: Api) -> None:
    """Register the page's callbacks."""

    @app.callback(
        Output(ids.COMPARE_EQUITY, "figure"),
        Input(ids.COMPARE_KIND, "value"),
        Input(ids.COMPARE_SCALE, "value"),
        State(ids.COMPARE_RUNS, "data"),
        prevent_initial_call=True,
    )
    def draw(kind: Any, scale: Any, runs: dict[str, Any]) -> Any:
        found = api.compare(runs["ids"])
        looks = view.looks(len(runs["ids"]), runs["base"])
        return compare_figure(
            found["curves"], looks, current_theme(), base=runs["base"], kind=kind, scale=scale
        )

    app.clientside_callback(
        ClientsideFunction("hindcastCompare", "add"),
        Input(ids.COMPARE_ADD, "value"),
        State(ids.COMPARE_RUNS, "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("hindcastCompare", "view"),
        Input(ids.COMPARE_KIND, "value"),
        Input(ids.COMPARE_SCALE, "value"),
        State(ids.COMPARE_RUNS, "data"),
        prevent_initial_call=True,
    )
