"""The page's callbacks, each fetching and delegating; opening the page calls none of them.

The browser's part is `assets/sweep.js` (map, brushes, clicks) and `assets/jobs.js` (progress).
"""

from __future__ import annotations

from typing import Any

from dash import ALL, ClientsideFunction, Dash, Input, Output, State, no_update

from dashboard import ids, urlstate
from dashboard.client import Api, Document
from dashboard.components import spread
from dashboard.pages.sweep import cards, maps, points, table, view
from dashboard.pages.sweep.cube import Cube
from dashboard.pages.sweep.routes import add_routes
from dashboard.theme import current_theme


def register(app: Dash, api: Api) -> None:
    """Register the callbacks and the addresses of the sweep page."""
    add_routes(app, api)
    _register_view(app, api)
    _register_actions(app, api)
    _register_browser(app)


def _register_view(app: Dash, api: Api) -> None:
    @app.callback(
        Output(ids.SWEEP_MAP, "figure"),
        Output(ids.SWEEP_SLICES, "children"),
        Output(ids.SWEEP_MAP_BOX, "hidden"),
        Output(ids.SWEEP_SLICES, "hidden"),
        Output(ids.SWEEP_NOTE, "children"),
        Output(ids.SWEEP_TOP, "rowData"),
        Output(ids.SWEEP_BRUSH_WORDS, "children"),
        Output(ids.SWEEP_COUNT, "children"),
        Output(ids.SWEEP_STANDS, "data"),
        Output(ids.SWEEP_QUERY, "data"),
        Input(ids.SWEEP_AXES, "data"),
        Input(ids.SWEEP_METRIC, "value"),
        Input(ids.SWEEP_WORST, "value"),
        Input(ids.SWEEP_KIND, "value"),
        Input(ids.sweep_at(ALL), "value"),
        Input(ids.SWEEP_BRUSHED, "data"),
        State(ids.sweep_at(ALL), "id"),
        State(ids.SWEEP_ID, "data"),
        State(ids.SWEEP_FROM, "data"),
        prevent_initial_call=True,
    )
    def show(
        axes: dict[str, str],
        metric: str,
        worst: str,
        kind: str,
        stands: list[Any],
        brush: dict[str, list[float | None]] | None,
        stand_ids: list[dict[str, str]],
        sweep_id: str,
        from_run: str,
    ) -> tuple[Any, ...]:
        document = points.sweep_of(api, sweep_id)
        cube = points.cube_of(api, document)
        given = {
            **axes,
            "metric": metric,
            "view": worst,
            "kind": kind,
            "at": {i["axis"]: int(at or 0) for i, at in zip(stand_ids, stands, strict=True)},
            "brush": {name: tuple(ends) for name, ends in (brush or {}).items()},
            "from": from_run or None,
        }
        state = view.settled({**urlstate.SWEEP.parse(""), **given}, document)
        theme = current_theme()
        is_map = kind == "map" and maps.has_map(document)
        names = [i["axis"] for i in stand_ids]
        values = document["axes"]
        return (
            maps.map_figure(document, cube, state, theme, points.origin_of(api, from_run))
            if is_map
            else no_update,
            no_update if is_map else maps.slice_charts(document, cube, state, theme),
            not is_map,
            is_map,
            maps.map_note(document, cube, state),
            table.table_rows(document, cube, state, points.worst_of(cube, document["objective"])),
            cards.lines_hint(document, state),
            cards.brush_count(cube, state),
            {
                "sweep-at-row": {name: name in (state["x"], state["y"]) for name in names},
                "sweep-at-text": {
                    name: view.at_words(name, values[name], state["at"].get(name, 0))
                    for name in names
                },
            },
            view.query_of(state, document),
        )

    spread(
        app,
        ids.SWEEP_STANDS,
        Output(ids.sweep_at_row(ALL), "hidden"),
        Output(ids.sweep_at_text(ALL), "children"),
    )

    @app.callback(
        Output(ids.SWEEP_PARETO_PLACE, "children"),
        Input(ids.SWEEP_BRUSHED, "data"),
        State(ids.SWEEP_ID, "data"),
        prevent_initial_call=True,
    )
    def brush_cloud(brush: dict[str, list[float | None]] | None, sweep_id: str) -> Any:
        document = points.sweep_of(api, sweep_id)
        cube = points.cube_of(api, document)
        chosen = {name: tuple(ends) for name, ends in (brush or {}).items()}
        state = view.settled({**urlstate.SWEEP.parse(""), "brush": chosen}, document)
        return [cards.pareto_card(document, cube, state, current_theme())]


def _register_actions(app: Dash, api: Api) -> None:
    @app.callback(
        Output(ids.SWEEP_GO, "data"),
        Input(ids.SWEEP_OPEN, "data"),
        State(ids.SWEEP_ID, "data"),
        State(ids.SWEEP_QUERY, "data"),
        prevent_initial_call=True,
    )
    def open_run(wanted: dict[str, Any] | None, sweep_id: str, query: str | None) -> Any:
        if not wanted:
            return no_update
        document = points.sweep_of(api, sweep_id)
        cube = points.cube_of(api, document)
        index = index_of(document, cube, wanted, view.state_of(query, document))
        if index is None:
            return no_update
        made = api.run(run_config(document, cube.params(index)))
        return {"href": made.url}

    @app.callback(
        Output(ids.SWEEP_CANCELLED, "data"),
        Input(ids.SWEEP_CANCEL, "n_clicks"),
        State(ids.SWEEP_ID, "data"),
        running=[(Output(ids.SWEEP_CANCEL, "disabled"), True, False)],
        prevent_initial_call=True,
    )
    def cancel(clicks: int | None, sweep_id: str) -> Any:
        if not clicks:
            return no_update
        job = points.sweep_of(api, sweep_id).get("job")
        if job is not None:
            api.cancel_job(job["id"])
        return clicks


def index_of(
    document: Document, cube: Cube, wanted: dict[str, Any], state: view.State
) -> int | None:
    """Return the point that was clicked: by number, by name, or by its cell on the map."""
    if "index" in wanted:
        index = int(wanted["index"])
        return index if 0 <= index < cube.n_points else None
    if "name" in wanted:
        named = view.plateau(document) if wanted["name"] == "plateau" else view.best(document)
        return int(named["index"]) if named is not None else None
    cells = view.map_of(cube, state).cells.best
    row, column = int(wanted["y"]), int(wanted["x"])
    if not (0 <= row < cells.shape[0] and 0 <= column < cells.shape[1]):
        return None
    found = int(cells[row, column])
    return found if found >= 0 else None


def run_config(document: Document, params: dict[str, Any]) -> Document:
    """Return the configuration of one point's run."""
    run = document["config"]["run"]
    strategy = {**run["strategy"], "params": {**run["strategy"]["params"], **params}}
    return {**run, "strategy": strategy}


def _register_browser(app: Dash) -> None:
    """Connect what needs no answer from the server."""

    def browser(name: str, *parts: Any, is_first: bool = False) -> None:
        called = ClientsideFunction("hindcastSweep", name)
        app.clientside_callback(called, *parts, prevent_initial_call=not is_first)

    browser(
        "axes",
        Output(ids.SWEEP_X, "value"),
        Output(ids.SWEEP_Y, "value"),
        Output(ids.SWEEP_AXES, "data"),
        Input(ids.SWEEP_X, "value"),
        Input(ids.SWEEP_Y, "value"),
        State(ids.SWEEP_AXES, "data"),
    )
    browser("query", Input(ids.SWEEP_QUERY, "data"))
    browser("go", Input(ids.SWEEP_GO, "data"))
    browser("pickCell", Input(ids.SWEEP_MAP, "clickData"))
    browser("pickPoint", Input(ids.SWEEP_PARETO, "clickData"))
    browser("pickRow", Input(ids.SWEEP_TOP, "selectedRows"))
    browser("pickNamed", Input(ids.sweep_open(ALL), "n_clicks"))
    browser("clearBrush", Input(ids.SWEEP_CLEAR, "n_clicks"))
    browser("hover", Input(ids.SWEEP_MAP, "hoverData"), State(ids.SWEEP_ID, "data"))
    # With an output in what was just built, so that it also runs when it is first shown.
    browser(
        "lines",
        Output(ids.SWEEP_LINES, "data-drawn"),
        Input(ids.SWEEP_LINES, "id"),
        State(ids.SWEEP_BRUSH, "data"),
        is_first=True,
    )
