"""Same-origin addresses that the page's script and its links ask: bars while zooming, and files."""

from __future__ import annotations

import json
from typing import Any

from dash import Dash
from flask import Flask, Response, request

from dashboard.client import Api, ApiError, ApiRejected, Columns

MAX_POINTS = 2000
TABLES = {
    "trades.csv": "trades",
    "fills.csv": "fills",
    "orders.csv": "orders",
    "equity.csv": "equity",
    "bundle.json": "bundle",
}
_A_MINUTE = "private, max-age=60"
"""Bars may be re-imported: a browser asks again soon, and the API's cache answers."""


def add_routes(app: Dash, api: Api) -> None:
    """Give the dashboard's server the addresses of this page."""
    server: Flask = app.server

    @server.get("/series/runs/<run_id>/bars")
    def run_bars(run_id: str) -> Response:
        try:
            return _json(bars_answer(api, run_id, request.args))
        except ApiError as error:
            return _failed(error)

    @server.get("/series/runs/<run_id>/analysis")
    def run_analysis(run_id: str) -> Response:
        try:
            return _json({"status": api.analysis(run_id)["status"]}, cache="no-store")
        except ApiError as error:
            return _failed(error)

    @server.get("/export/runs/<run_id>/<name>")
    def run_file(run_id: str, name: str) -> Response:
        if name not in TABLES:
            return Response("There is no such file.\n", 404, mimetype="text/plain")
        try:
            content = api.export(run_id, TABLES[name])
        except ApiError as error:
            return _failed(error)
        kind = "application/json" if name.endswith(".json") else "text/csv"
        headers = {"Content-Disposition": f'attachment; filename="{run_id}-{name}"'}
        return Response(content, mimetype=kind, headers=headers)


def bars_answer(api: Api, run_id: str, query: Any) -> dict[str, Any]:
    """Return bars and indicator rows of one symbol of a run, at most `MAX_POINTS` of each.

    Parameters
    ----------
    api : Api
    run_id : str
    query : mapping
        `symbol`, and `from` and `to` (UTC ms or ISO 8601).
    """
    symbol = query.get("symbol", "")
    period = {"from_": query.get("from"), "to": query.get("to"), "points": MAX_POINTS}
    timeframe = api.get_run(run_id)["config"]["timeframe"]
    bars: Columns = api.bars(symbol, timeframe, **period)
    indicators = api.indicators(run_id, symbol, **period)
    columns = {name: values.tolist() for name, values in bars.items()}
    return {**columns, "indicators": {"time": indicators["time"], "rows": indicators["rows"]}}


def _json(document: dict[str, Any], *, cache: str = _A_MINUTE) -> Response:
    text = json.dumps(document, separators=(",", ":"))
    headers = {"Cache-Control": cache}
    return Response(text, mimetype="application/json", headers=headers)


def _failed(error: ApiError) -> Response:
    status = error.status if isinstance(error, ApiRejected) else 503
    text = json.dumps({"detail": str(error)})
    return Response(
        text, status, mimetype="application/json", headers={"Cache-Control": "no-store"}
    )
