"""The page's callbacks, each fetching and delegating; opening the page calls none of them.

The browser's part is `assets/result.js`: it keeps tab, period, scale, symbol and trade in stores,
writes them into the address, and draws crosshair and selection.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from dash import MATCH, ClientsideFunction, Dash, Input, Output, State, html, no_update
from dash.development.base_component import Component

from dashboard import ids
from dashboard.client import Api, ApiError, Document
from dashboard.components import check_icon, error_card
from dashboard.figures.equity import equity_figure
from dashboard.pages.result import analysis, overview, panels, view
from dashboard.pages.result.explain import explanation
from dashboard.pages.result.grid import trade_rows
from dashboard.pages.result.layout import selection_chip, star, tiles_or_error
from dashboard.pages.result.monthly import Kind, monthly_table
from dashboard.pages.result.passport import passport
from dashboard.pages.result.routes import add_routes
from dashboard.pages.result.trades import Grouping, group_table
from dashboard.theme import current_theme

Selection = Mapping[str, str | None]


def register(app: Dash, api: Api) -> None:
    """Register the callbacks and the addresses of the result page."""
    add_routes(app, api)
    _register_panels(app, api)
    _register_selection(app, api)
    _register_choices(app, api)
    _register_analysis(app, api)
    _register_drawers(app, api)
    _register_actions(app, api)
    _register_browser_side(app)


def _register_panels(app: Dash, api: Api) -> None:
    @app.callback(
        Output({"type": "result-panel", "tab": MATCH}, "children"),
        Input({"type": "result-wanted", "tab": MATCH}, "data"),
        State({"type": "result-wanted", "tab": MATCH}, "id"),
        State(ids.RESULT_RUN, "data"),
        State(ids.RESULT_RANGE, "data"),
        State(ids.RESULT_SCALE, "data"),
        prevent_initial_call=True,
    )
    def fill_panel(
        wanted: bool, panel: dict[str, str], run_id: str, selection: Selection, scale: Any
    ) -> Any:
        run = api.get_run(run_id)
        return panels.contents(api, run, panel["tab"], selection, scale, current_theme())


def _register_selection(app: Dash, api: Api) -> None:
    @app.callback(
        Output(ids.RESULT_CHIP, "children"),
        Output(ids.RESULT_TILES, "children"),
        Output(ids.RESULT_NUMBERS, "children"),
        Output(ids.RESULT_CALENDAR, "children"),
        Output(ids.RESULT_SPREAD, "children"),
        Input(ids.RESULT_RANGE, "data"),
        State(ids.RESULT_RUN, "data"),
        prevent_initial_call=True,
    )
    def show_selection(selection: Selection, run_id: str) -> tuple[Any, ...]:
        run = api.get_run(run_id)
        statistics = api.statistics(run_id, selection["from"], selection["to"])
        theme = current_theme()
        return (
            selection_chip(selection),
            tiles_or_error(api, run, selection),
            overview.numbers_card(run, statistics),
            overview.calendar_cards(run, statistics, theme),
            overview.spread_cards(statistics, theme),
        )


def _register_choices(app: Dash, api: Api) -> None:
    @app.callback(
        Output(ids.RESULT_EQUITY, "figure"),
        Input(ids.RESULT_SCALE, "data"),
        State(ids.RESULT_RUN, "data"),
        prevent_initial_call=True,
    )
    def scale_equity(scale: Any, run_id: str) -> Any:
        curves = overview.equity(api, run_id)
        drawdowns = api.statistics(run_id)["drawdowns"]
        return equity_figure(
            curves, drawdowns, current_theme(), scale=scale, height=overview.equity_height()
        )

    @app.callback(
        Output(ids.RESULT_MONTHLY, "children"),
        Input(ids.RESULT_MONTHLY_KIND, "value"),
        State(ids.RESULT_RUN, "data"),
        State(ids.RESULT_RANGE, "data"),
        prevent_initial_call=True,
    )
    def choose_months(kind: Kind, run_id: str, selection: Selection) -> Component:
        run = api.get_run(run_id)
        years = api.statistics(run_id, selection["from"], selection["to"])["monthly"]
        return monthly_table(years, view.benchmark_name(run["config"]), kind)

    @app.callback(
        Output(ids.RESULT_GROUPS, "children"),
        Input(ids.RESULT_GROUP_KIND, "value"),
        State(ids.RESULT_RUN, "data"),
        prevent_initial_call=True,
    )
    def group_trades(grouping: Grouping, run_id: str) -> Component:
        rows = trade_rows(api.trades(run_id))
        return group_table([row for row in rows if not row["open"]], grouping)


def _register_analysis(app: Dash, api: Api) -> None:
    @app.callback(
        Output(ids.RESULT_ANALYSIS, "children"),
        Output(ids.RESULT_TILES, "children", allow_duplicate=True),
        Output(ids.result_panel("robustness"), "children", allow_duplicate=True),
        Input(ids.RESULT_ANALYSED, "data"),
        State(ids.RESULT_RUN, "data"),
        State(ids.RESULT_RANGE, "data"),
        State(ids.RESULT_TAB, "data"),
        prevent_initial_call=True,
    )
    def show_analysis(_: float, run_id: str, selection: Selection, tab: str) -> tuple[Any, ...]:
        run = api.get_run(run_id)
        is_shown = tab == "robustness"
        return (
            analysis.overview_cards(api, run),
            tiles_or_error(api, run, selection),
            analysis.robustness_tab(api, run, current_theme()) if is_shown else no_update,
        )

    @app.callback(
        Output(ids.RESULT_ROBUSTNESS, "children"),
        Input(ids.RESULT_ROBUSTNESS_METRIC, "value"),
        State(ids.RESULT_RUN, "data"),
        prevent_initial_call=True,
    )
    def choose_metric(metric: str, run_id: str) -> list[Component]:
        found = api.analysis(run_id)["robustness"]
        return analysis.variant_cards(api.get_run(run_id), found, metric, current_theme())


def _register_drawers(app: Dash, api: Api) -> None:
    @app.callback(
        Output(ids.RESULT_PASSPORT_BODY, "children"),
        Output(ids.RESULT_PASSPORT_BODY, "hidden"),
        Input(ids.RESULT_PASSPORT, "data"),
        State(ids.RESULT_RUN, "data"),
        prevent_initial_call=True,
    )
    def show_passport(name: str | None, run_id: str) -> tuple[Any, bool]:
        if not name:
            return no_update, True
        items = {item["name"]: item for item in api.passports(run_id)["items"]}
        if name not in items:
            return no_update, True
        return passport(items[name], analysis.found_or_none(api, run_id)), False

    @app.callback(
        Output(ids.RESULT_EXPLAIN, "children"),
        Output(ids.RESULT_EXPLAIN, "hidden"),
        Output(ids.RESULT_EXPLAIN, "data-levels"),
        Input(ids.RESULT_EXPLAINED, "data"),
        State(ids.RESULT_RUN, "data"),
        prevent_initial_call=True,
    )
    def show_trade(number: int | None, run_id: str) -> tuple[Any, bool, Any]:
        if not number:
            return no_update, True, ""
        try:
            found = api.explain(run_id, number - 1)
        except ApiError as error:
            return [error_card("This trade was not explained", error)], False, ""
        levels = json.dumps({"trade": number, **found["levels"]})
        return explanation(found, number), False, levels


def _register_actions(app: Dash, api: Api) -> None:
    @app.callback(
        Output(ids.RESULT_NOTICE, "children"),
        Output(ids.RESULT_STAR, "children"),
        Input(ids.RESULT_ACTION, "data"),
        State(ids.RESULT_RUN, "data"),
        prevent_initial_call=True,
    )
    def act(action: dict[str, Any], run_id: str) -> tuple[Any, Any]:
        if action["name"] == "verify":
            return verdict_notice(api.verify(run_id)), no_update
        about = api.patch_run(run_id, starred=action["name"] == "star")
        return no_update, star(bool(about["starred"]))

    @app.callback(
        Output(ids.RESULT_NOTE, "children"),
        Output(ids.RESULT_NOTE_EDITOR, "hidden"),
        Input(ids.RESULT_NOTE_SAVE, "n_clicks"),
        State(ids.RESULT_NOTE_TEXT, "value"),
        State(ids.RESULT_RUN, "data"),
        prevent_initial_call=True,
    )
    def save_note(_: int, text: str | None, run_id: str) -> tuple[str, bool]:
        return str(api.patch_run(run_id, note=text or "")["note"]), True


def verdict_notice(verdict: Document) -> Component:
    """Return what a verification found, and with what it was computed."""
    level = {"same": "pass", "other_engine_version": "doubt"}.get(verdict["verdict"], "fail")
    words = {
        "same": "Verified: the same",
        "other_engine_version": "Not comparable: other engine version",
    }
    title = words.get(verdict["verdict"], "Differs")
    machine = ", ".join(
        f"{name} {verdict[name]}" if name != "processor" else str(verdict[name])
        for name in ("numpy", "numba", "processor")
        if verdict.get(name)
    )
    return html.Div(
        [
            check_icon(level),
            html.B(title),
            html.Span(str(verdict.get("detail") or "")),
            html.Span(machine, className="card-hint"),
        ],
        className=f"notice notice-{level}",
        role="status",
    )


def _register_browser_side(app: Dash) -> None:
    def browser(function: str, *parts: Any, is_first: bool = False) -> None:
        called = ClientsideFunction("hindcastResult", function)
        app.clientside_callback(called, *parts, prevent_initial_call=not is_first)

    # With an output in what was just built, so that they also run when it is first shown.
    browser(
        "view",
        Output(ids.RESULT_ROOT, "data-query"),
        Input(ids.RESULT_TAB, "data"),
        Input(ids.RESULT_RANGE, "data"),
        Input(ids.RESULT_SCALE, "data"),
        Input(ids.RESULT_SYMBOL, "data"),
        Input(ids.RESULT_TRADE, "data"),
        is_first=True,
    )
    browser(
        "chart",
        Output(ids.RESULT_PRICE_CHART, "data-trades"),
        Input(ids.RESULT_PRICE_CHART, "id"),
        Input(ids.RESULT_TRADES, "data"),
        State(ids.RESULT_SYMBOL, "data"),
        State(ids.RESULT_TRADE, "data"),
        is_first=True,
    )
    browser(
        "watchAnalysis",
        Output(ids.RESULT_ANALYSIS, "data-status"),
        Input(ids.RESULT_ANALYSIS_STATE, "data"),
        is_first=True,
    )
    browser("levels", Input(ids.RESULT_EXPLAIN, "data-levels"))
    browser("scale", Output(ids.RESULT_SCALE, "data"), Input(ids.RESULT_SCALE_CONTROL, "value"))
    browser("symbol", Output(ids.RESULT_SYMBOL, "data"), Input(ids.RESULT_SYMBOL_CONTROL, "value"))
    browser("tradeFilter", Input(ids.RESULT_TRADE_FILTER, "value"))
    browser("pickTrade", Input(ids.RESULT_CHART_TRADES, "selectedRows"))
    browser(
        "pickOrder",
        Input(ids.RESULT_ORDERS_GRID, "selectedRows"),
        State(ids.RESULT_FILLS, "data"),
    )
    browser("openTrade", Input(ids.RESULT_TRADES_GRID, "selectedRows"))
