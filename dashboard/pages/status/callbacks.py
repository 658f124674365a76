"""The status is asked for again every ten seconds while the page is open."""

from __future__ import annotations

from dash import Dash, Input, Output
from dash.development.base_component import Component

from dashboard import ids
from dashboard.client import Api
from dashboard.pages.status.layout import body
from dashboard.theme import current_theme


def register(app: Dash, api: Api) -> None:
    """Register the renewal."""

    @app.callback(
        Output(ids.STATUS, "children"),
        Input(ids.STATUS_CLOCK, "n_intervals"),
        prevent_initial_call=True,
    )
    def renew(_: int) -> list[Component]:
        return body(api.status(), current_theme())
