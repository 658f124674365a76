"""The page's address for its script, and Cancel."""

from __future__ import annotations

from typing import Any

from dash import Dash, Input, Output, State, no_update
from flask import Response, request

from dashboard import ids
from dashboard.client import Api, ApiError
from dashboard.pages.sweep.routes import answer, failure
from dashboard.pages.walkforward import view
from dashboard.pages.walkforward.layout import live_words


def register(app: Dash, api: Api) -> None:
    """Register the page's callbacks and its address."""

    @app.server.get("/series/walkforwards/<walkforward_id>/live")
    def walkforward_live(walkforward_id: str) -> Response:
        try:
            return answer(live_answer(api, walkforward_id, request.args.get("shown", "")))
        except ApiError as error:
            return failure(error)

    @app.callback(
        Output(ids.FORWARD_CANCELLED, "data"),
        Input(ids.FORWARD_CANCEL, "n_clicks"),
        State(ids.FORWARD_ID, "data"),
        running=[(Output(ids.FORWARD_CANCEL, "disabled"), True, False)],
        prevent_initial_call=True,
    )
    def cancel(clicks: int | None, walkforward_id: str) -> Any:
        if not clicks:
            return no_update
        job = api.walkforward(walkforward_id).get("job")
        if job is not None:
            api.cancel_job(job["id"])
        return clicks


def live_answer(api: Api, walkforward_id: str, shown: str) -> dict[str, Any]:
    """Return status and words; `reload` when a window is done that the page does not show."""
    document = api.walkforward(walkforward_id)
    n_done = view.n_done(document)
    return {
        "status": document["status"],
        "words": live_words(document),
        "done": n_done,
        "reload": shown.isdigit() and int(shown) != n_done,
    }
