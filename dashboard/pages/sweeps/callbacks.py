"""The queue, which the scripts of pages that show jobs ask for; and what is deleted."""

from __future__ import annotations

from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, no_update
from flask import Response

from dashboard import ids, jobs
from dashboard.client import Api, ApiError, Document
from dashboard.pages.sweep.routes import answer, failure

NAMED = 50


def register(app: Dash, api: Api) -> None:
    """Register the queue's address and its cancel button, and deleting from list and pages."""

    @app.server.get("/series/jobs")
    def queue() -> Response:
        try:
            items = [jobs.queue_item(job, names_of(api)) for job in api.active_jobs()]
        except ApiError as error:
            return failure(error)
        return answer({"items": items})

    @app.callback(
        Output(ids.QUEUE_CANCELLED, "data"),
        Input(ids.QUEUE_CANCEL, "data"),
        prevent_initial_call=True,
    )
    def cancel(wanted: dict[str, Any] | None) -> Any:
        if not wanted:
            return no_update
        api.cancel_job(int(wanted["job"]))
        return wanted["job"]

    @app.callback(
        Output(ids.STUDIES_DELETED, "data"),
        Input(ids.STUDIES_DELETE_NOW, "data"),
        prevent_initial_call=True,
    )
    def delete(wanted: dict[str, str] | None) -> Any:
        if not wanted:
            return no_update
        if wanted["kind"] == "sweeps":
            api.delete_sweep(wanted["id"])
        else:
            api.delete_walkforward(wanted["id"])
        return wanted

    app.clientside_callback(
        ClientsideFunction("hindcastStudies", "deleted"), Input(ids.STUDIES_DELETED, "data")
    )


def names_of(api: Api) -> dict[str, str]:
    """Return what the subjects of the newest sweeps and walk-forwards are called."""
    items: list[Document] = [
        *api.sweeps(limit=NAMED)["items"],
        *api.walkforwards(limit=NAMED)["items"],
    ]
    titles = {item["name"]: item["title"] for item in api.strategies()}
    return {
        item["id"]: f"{titles.get(item['strategy'], item['strategy'])}, {_axes(item)}"
        for item in items
    }


def _axes(item: Document) -> str:
    names = [part.partition("=")[0] for part in str(item.get("axes_text") or "").split()]
    return " × ".join(names)
