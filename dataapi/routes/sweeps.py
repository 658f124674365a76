"""Sweeps: estimated, asked for, watched while they fill, deleted; and the trial ledger."""

from __future__ import annotations

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from config.sweep import SweepConfig
from dataapi.problems import Unprocessable
from dataapi.routes import studies
from dataapi.routes.answers import (
    Columns,
    answered_by,
    columns_body,
    json_answer,
    kept_answer,
)
from dataapi.routes.context import PREFIX, context
from dataapi.routes.models import PROBLEMS, TAGS, StudiesQuery, StudyPath
from dataapi.routes.study_models import PointsQuery, SweepRequest
from dataapi.services.ledger import trials_page

api = APIBlueprint(
    "sweeps", __name__, url_prefix=PREFIX, abp_tags=[TAGS["sweeps"]], abp_responses=PROBLEMS
)


@api.post("/sweeps", summary="Ask for a sweep, or find the same one: 201 queued, 200 exists")
def create(body: SweepRequest) -> Response:
    """Queue a sweep unless it exists; its content is its idempotency key."""
    return studies.submitted(context().sweeps, body.split(SweepConfig))


@api.post("/sweeps/estimate", summary="What a sweep would take: points, seconds, memory, trials")
def estimate(body: SweepRequest) -> Response:
    """Answer what a sweep will take; nothing is stored."""
    config, executor = body.split(SweepConfig)
    return studies.estimated(context().sweeps.estimate(config), executor)


@api.get("/sweeps", summary="The list of sweeps, the newest first, page by page")
def listing(query: StudiesQuery) -> Response:
    """Answer one page of the list."""
    return studies.listed(context().sweeps, query)


@api.get("/sweeps/<study_id>", summary="A sweep: how far it is, and when done what it found")
def one(path: StudyPath) -> Response:
    """Answer a sweep's document."""
    return json_answer(context().sweeps.document(path.study_id))


@api.get("/sweeps/<study_id>/points", summary="Every point as columns; null where not measured yet")
def points(path: StudyPath, query: PointsQuery) -> Response:
    """Answer the points: for ever once they are all there, and as far as they are before."""
    sweeps = context().sweeps

    def build() -> tuple[bytes, str]:
        table = sweeps.points(path.study_id, is_final=query.final)
        return columns_body(_chosen(table, query.columns), query.format)

    if sweeps.is_done(path.study_id):
        view = f"points {query.columns} {query.format}"
        return kept_answer(path.study_id, view, build, who="store")
    body, mimetype = build()
    answered_by("store")
    response = Response(body, mimetype=mimetype)
    response.headers["Cache-Control"] = "no-store"
    return response


@api.delete("/sweeps/<study_id>", summary="Delete a sweep; its trials stay in the ledger")
def delete(path: StudyPath) -> Response:
    """Delete a sweep."""
    return studies.deleted(context().sweeps, path.study_id)


@api.get("/trials", summary="The trial ledger: how much was tried on which data")
def trials() -> Response:
    """Answer the whole ledger."""
    return json_answer(trials_page(context().store))


def _chosen(table: Columns, names: str | None) -> Columns:
    """Return some of the columns, in the order asked for."""
    if names is None:
        return table
    chosen = names.split(",")
    for name in chosen:
        if name not in table:
            message = f"No column {name!r}; there are {', '.join(table)}."
            raise Unprocessable(message, errors=[{"field": "columns", "message": message}])
    return {name: table[name] for name in chosen}
