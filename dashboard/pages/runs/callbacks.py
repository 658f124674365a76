"""The runs page's callbacks: each asks the API and hands over to `view`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, ctx, no_update
from flask import Response, request

from dashboard import ids, theme, urlstate
from dashboard.client import Api, Document
from dashboard.pages.runs import view as pure
from dashboard.pages.runs.layout import grid_columns

CONTROLS = (
    Input(ids.RUNS_SEARCH, "value"),
    Input(ids.RUNS_STRATEGY, "value"),
    Input(ids.RUNS_SYMBOL, "value"),
    Input(ids.RUNS_TAG_FILTER, "value"),
    Input(ids.RUNS_MIN_SHARPE, "value"),
    Input(ids.RUNS_MAX_DRAWDOWN, "value"),
    Input(ids.RUNS_MIN_TRADES, "value"),
    Input(ids.RUNS_STARRED, "checked"),
    Input(ids.RUNS_SORT, "data"),
    Input(ids.RUNS_COLUMNS, "value"),
)
KEYS = (
    "q",
    "strategy",
    "symbol",
    "tag",
    "min_sharpe",
    "max_drawdown",
    "min_trades",
    "starred",
    "sort",
    "columns",
)
TAG_LENGTH = 60


def view_of(values: tuple[Any, ...]) -> dict[str, Any]:
    """Return the view that the controls show; an empty control is no filter."""
    view = {key: None if value == "" else value for key, value in zip(KEYS, values, strict=True)}
    view["columns"] = tuple(view["columns"] or urlstate.RUN_COLUMNS)
    # Through the query and back: what the page shows is what its URL says.
    return urlstate.RUNS.parse(urlstate.RUNS.format(view))


def first_runs(api: Api, limit: int, **filters: Any) -> Document:
    """Return the first `limit` runs, asked for in pages as large as the API gives."""
    items: list[Document] = []
    while True:
        wanted = min(limit - len(items), pure.PER_ANSWER)
        found = api.runs(limit=wanted, **filters)
        items += found["items"]
        if found["next_cursor"] is None or len(items) >= limit:
            return {**found, "items": items}
        filters["cursor"] = found["next_cursor"]


def register(app: Dash, api: Api) -> None:
    """Register the page's callbacks and its export."""
    _register_list(app, api)
    _register_changes(app, api)
    _register_browser(app)
    _register_export(app, api)


def _register_list(app: Dash, api: Api) -> None:
    @app.callback(
        Output(ids.RUNS_GRID, "rowData"),
        Output(ids.RUNS_COUNT, "children"),
        Output(ids.RUNS_SCATTER, "figure"),
        Output(ids.RUNS_QUERY, "data"),
        Output(ids.RUNS_NONE, "hidden"),
        Output(ids.RUNS_MORE, "hidden"),
        Output(ids.RUNS_CLEAR, "hidden"),
        Output(ids.RUNS_TAG_FILTER, "data"),
        Output(ids.RUNS_GRID, "columnDefs"),
        *CONTROLS,
        Input(ids.RUNS_LIMIT, "data"),
        Input(ids.RUNS_REFRESH, "data"),
        Input(ids.RUNS_DELETED, "data"),
        prevent_initial_call=True,
    )
    def update(*values: Any) -> tuple[Any, ...]:
        *controls, limit, refresh, deleted = values
        view = view_of(tuple(controls))
        found = first_runs(api, limit, fresh=bool(refresh), **pure.api_filters(view))
        columns: Any = no_update
        if ctx.triggered_id == ids.RUNS_COLUMNS:
            columns = grid_columns(view["sort"], view["columns"])
        items = [item for item in found["items"] if item["id"] not in deleted]
        now = datetime.now(UTC)
        return (
            [pure.run_row(item, now) for item in items],
            str(found["total"] - (len(found["items"]) - len(items))),
            pure.scatter_figure(items, theme.current_theme()),
            urlstate.RUNS.format(view),
            bool(items),
            found["next_cursor"] is None or limit >= pure.MOST,
            not pure.has_filters(view),
            pure.tags(items, view["tag"]),
            columns,
        )

    @app.callback(
        Output(ids.RUNS_LIMIT, "data"),
        Input(ids.RUNS_MORE, "n_clicks"),
        State(ids.RUNS_LIMIT, "data"),
        prevent_initial_call=True,
    )
    def show_more(clicks: int | None, limit: int) -> Any:
        return limit + pure.PAGE_SIZE if clicks else no_update


def _register_changes(app: Dash, api: Api) -> None:
    @app.callback(
        Output(ids.TOAST, "data", allow_duplicate=True),
        Input(ids.RUNS_STAR, "data"),
        prevent_initial_call=True,
    )
    def star(change: dict[str, Any] | None) -> Any:
        if change:
            api.patch_run(change["id"], starred=change["starred"])
        return no_update

    @app.callback(
        Output(ids.RUNS_REFRESH, "data"),
        Output(ids.TOAST, "data", allow_duplicate=True),
        Output(ids.RUNS_TAG_TEXT, "value"),
        Input(ids.RUNS_TAG_SAVE, "n_clicks"),
        State(ids.RUNS_TAG_TEXT, "value"),
        State(ids.RUNS_GRID, "selectedRows"),
        State(ids.RUNS_REFRESH, "data"),
        prevent_initial_call=True,
    )
    def tag(clicks: int | None, text: str | None, rows: list[pure.Row], step: int) -> Any:
        name = (text or "").strip()[:TAG_LENGTH]
        if not clicks or not name or not rows:
            return no_update, no_update, no_update
        for row in rows:
            if name not in row["tags"]:
                api.patch_run(row["id"], tags=[*row["tags"], name])
        noun = "run" if len(rows) == 1 else "runs"
        return step + 1, {"text": f"Tagged {len(rows)} {noun} “{name}”."}, ""

    @app.callback(
        Output(ids.TOAST, "data", allow_duplicate=True),
        Input(ids.RUNS_DELETE_NOW, "data"),
        prevent_initial_call=True,
    )
    def delete(run_ids: list[str] | None) -> Any:
        for run_id in run_ids or []:
            api.delete_run(run_id)
        return no_update


def _register_browser(app: Dash) -> None:
    """Connect what needs no answer from the server."""

    def browser(name: str) -> ClientsideFunction:
        return ClientsideFunction(namespace="hindcast", function_name=name)

    app.clientside_callback(browser("replaceQuery"), Input(ids.RUNS_QUERY, "data"))
    app.clientside_callback(
        browser("selectedRuns"),
        Output(ids.RUNS_ACTIONS, "hidden"),
        Output(ids.RUNS_SELECTED, "children"),
        Output(ids.RUNS_EXPORT, "href"),
        Output(ids.RUNS_COMPARE, "href"),
        Output(ids.RUNS_COMPARE, "hidden"),
        Output(ids.RUNS_SCATTER, "figure", allow_duplicate=True),
        Input(ids.RUNS_GRID, "selectedRows"),
        State(ids.RUNS_SCATTER, "figure"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        browser("deleteRuns"),
        Input(ids.RUNS_DELETE, "n_clicks"),
        State(ids.RUNS_GRID, "selectedRows"),
    )
    app.clientside_callback(browser("pickRun"), Input(ids.RUNS_SCATTER, "clickData"))
    app.clientside_callback(
        browser("clearFilters"),
        Output(ids.RUNS_SEARCH, "value"),
        Output(ids.RUNS_STRATEGY, "value"),
        Output(ids.RUNS_SYMBOL, "value"),
        Output(ids.RUNS_TAG_FILTER, "value"),
        Output(ids.RUNS_MIN_SHARPE, "value"),
        Output(ids.RUNS_MAX_DRAWDOWN, "value"),
        Output(ids.RUNS_MIN_TRADES, "value"),
        Output(ids.RUNS_STARRED, "checked"),
        Input(ids.RUNS_CLEAR, "n_clicks"),
        prevent_initial_call=True,
    )


def _register_export(app: Dash, api: Api) -> None:
    @app.server.get("/export/runs.csv")
    def export_runs() -> Response:
        wanted = set(request.args.get("ids", "").split(",")) - {""}
        items = first_runs(api, pure.MOST)["items"]
        chosen = [item for item in items if not wanted or item["id"] in wanted]
        return Response(
            pure.export_csv(chosen),
            mimetype="text/csv",
            headers={"Content-Disposition": "attachment; filename=runs.csv"},
        )
