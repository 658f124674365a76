"""Same-origin addresses that the page's script asks: progress, lines, a cell; and the points."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from dash import Dash
from flask import Flask, Response, request

from dashboard import formatting as fmt
from dashboard.client import Api, ApiError, ApiRejected
from dashboard.pages.sweep import layout, maps, points, view
from dashboard.pages.sweep.cube import Cube

_A_MINUTE = "private, max-age=60"


def add_routes(app: Dash, api: Api) -> None:
    """Give the dashboard's server the addresses of this page."""
    server: Flask = app.server

    @server.get("/series/sweeps/<sweep_id>/live")
    def sweep_live(sweep_id: str) -> Response:
        try:
            return answer(live_answer(api, sweep_id, request.query_string.decode()))
        except ApiError as error:
            return failure(error)

    @server.get("/series/sweeps/<sweep_id>/lines")
    def sweep_lines(sweep_id: str) -> Response:
        try:
            document = points.sweep_of(api, sweep_id)
            return answer(view.lines(points.cube_of(api, document), document), cache=_A_MINUTE)
        except ApiError as error:
            return failure(error)

    @server.get("/series/sweeps/<sweep_id>/cell")
    def sweep_cell(sweep_id: str) -> Response:
        try:
            document = points.sweep_of(api, sweep_id)
            cube = points.cube_of(api, document)
        except ApiError as error:
            return failure(error)
        state = view.state_of(request.args.get("view", ""), document)
        words = cell_words(cube, state, request.args)
        return answer({"text": words}, cache=_A_MINUTE)

    @server.get("/export/sweeps/<sweep_id>/points.csv")
    def sweep_points_file(sweep_id: str) -> Response:
        try:
            document = points.sweep_of(api, sweep_id)
            text = points_csv(points.cube_of(api, document))
        except ApiError as error:
            return failure(error)
        headers = {"Content-Disposition": f'attachment; filename="{sweep_id}-points.csv"'}
        return Response(text, mimetype="text/csv", headers=headers)


def live_answer(api: Api, sweep_id: str, query: str) -> dict[str, Any]:
    """Return status and words of a sweep, and its map when there are more points than before.

    Parameters
    ----------
    api : Api
    sweep_id : str
    query : str
        The page's view, and `done`: how many points the map on the page has.
    """
    document = points.sweep_of(api, sweep_id)
    result: dict[str, Any] = {
        "status": document["status"],
        "words": layout.live_words(document),
        "done": document["n_done"] or 0,
    }
    pairs = dict(pair.partition("=")[::2] for pair in query.split("&"))
    has_more = str(result["done"]) != pairs.get("done")
    if not view.is_over(document) and has_more and maps.has_map(document):
        state = view.state_of(query, document)
        cube = points.cube_of(api, document, (state["metric"],))
        result["cells"] = maps.live_cells(cube, state)
    return result


def cell_words(cube: Cube, state: view.State, query: Mapping[str, str]) -> str:
    """Return what is known about the cell under the pointer, "" where there is none."""
    cells = view.map_of(cube, state).cells
    column, row = query.get("x", ""), query.get("y", "")
    if not (column.isdigit() and row.isdigit()):
        return ""
    if int(row) >= cells.z.shape[0] or int(column) >= cells.z.shape[1]:
        return ""
    index = int(cells.best[int(row), int(column)])
    if index < 0:
        return ""
    words = view.describe(cube, index)
    if cells.n_each > 1:
        mean = view.number_text(state["metric"], float(cells.z[int(row), int(column)]))
        words = f"mean {mean}; best of the cell: {words}"
    elif state["view"] == "worst":
        worst = view.number_text(state["metric"], float(cells.z[int(row), int(column)]))
        words = f"worst neighbour {worst}; {words}"
    return words


def points_csv(cube: Cube) -> str:
    """Return all computed points, a row a point, fractions with full precision."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*cube.axes, *cube.metrics])
    first = next(iter(cube.metrics.values()))
    for i in np.flatnonzero(np.isfinite(first)).tolist():
        numbers = [float(values[i]) for values in cube.metrics.values()]
        writer.writerow(
            [
                *cube.params(i).values(),
                *("" if fmt.is_missing(number) else repr(number) for number in numbers),
            ]
        )
    return text.getvalue()


def answer(document: Mapping[str, Any], *, cache: str = "no-store") -> Response:
    """Return a document to the page's script."""
    text = json.dumps(document, separators=(",", ":"), allow_nan=False)
    return Response(text, mimetype="application/json", headers={"Cache-Control": cache})


def failure(error: ApiError) -> Response:
    """Return why there is no answer."""
    status = error.status if isinstance(error, ApiRejected) else 503
    text = json.dumps({"detail": str(error)})
    headers = {"Cache-Control": "no-store"}
    return Response(text, status, mimetype="application/json", headers=headers)
