"""What stands under each tab, and the room kept for it until it is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash.development.base_component import Component

from dashboard.client import Api, ApiError, Document
from dashboard.components import error_card
from dashboard.figures.equity import Scale
from dashboard.pages.result.analysis import robustness_tab
from dashboard.pages.result.chart import chart_tab
from dashboard.pages.result.orders import orders_tab
from dashboard.pages.result.overview import overview
from dashboard.pages.result.provenance import provenance_tab
from dashboard.pages.result.trades import trades_tab
from dashboard.theme import Theme

SKELETONS: dict[str, tuple[int, ...]] = {
    "overview": (592, 280, 360, 280),
    "chart": (470, 56, 300),
    "trades": (420, 300),
    "robustness": (340, 300),
    "orders": (420, 420),
    "config": (420, 300),
}


def contents(
    api: Api,
    run: Document,
    tab: str,
    selection: Mapping[str, Any],
    scale: Scale,
    theme: Theme,
) -> Component | list[Component]:
    """Return the contents of a tab; when its data does not come, an error card."""
    try:
        if tab == "chart":
            return chart_tab(api, run)
        if tab == "trades":
            return trades_tab(api, run, theme)
        if tab == "robustness":
            return robustness_tab(api, run, theme)
        if tab == "orders":
            return orders_tab(api, run)
        if tab == "config":
            return provenance_tab(api, run)
        return overview(api, run, selection, scale, theme)
    except ApiError as error:
        return error_card("This view did not load", error)
