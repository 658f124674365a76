"""Walk-forwards and cross-validations: estimated, asked for, watched window by window, deleted."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from config.sweep import WalkForwardConfig
from dataapi.routes import studies
from dataapi.routes.answers import (
    Columns,
    columns_body,
    json_answer,
    kept_answer,
)
from dataapi.routes.context import PREFIX, context
from dataapi.routes.models import PROBLEMS, TAGS, CurveQuery, StudiesQuery, StudyPath, TableQuery
from dataapi.routes.study_models import WalkForwardRequest
from dataapi.services.periods import instant_ms

api = APIBlueprint(
    "walkforwards",
    __name__,
    url_prefix=PREFIX,
    abp_tags=[TAGS["walkforwards"]],
    abp_responses=PROBLEMS,
)


@api.post("/walkforwards", summary="Ask for a walk-forward: 201 queued, 200 the same one exists")
def create(body: WalkForwardRequest) -> Response:
    """Queue a walk-forward unless it exists; its content is its idempotency key."""
    return studies.submitted(context().walkforwards, body.split(WalkForwardConfig))


@api.post("/walkforwards/estimate", summary="What a walk-forward would take: windows, seconds, …")
def estimate(body: WalkForwardRequest) -> Response:
    """Answer what all windows will take; nothing is stored."""
    config, executor = body.split(WalkForwardConfig)
    return studies.estimated(context().walkforwards.estimate(config), executor)


@api.get("/walkforwards", summary="The list of walk-forwards, the newest first, page by page")
def listing(query: StudiesQuery) -> Response:
    """Answer one page of the list."""
    return studies.listed(context().walkforwards, query)


@api.get("/walkforwards/<study_id>", summary="A walk-forward: its windows, and what they come to")
def one(path: StudyPath) -> Response:
    """Answer a walk-forward's document."""
    return json_answer(context().walkforwards.document(path.study_id))


@api.get("/walkforwards/<study_id>/equity", summary="The stitched account, or the paths of folds")
def equity(path: StudyPath, query: CurveQuery) -> Response:
    """Answer the out-of-sample curve at no more points than can be seen."""
    from_ms, to_ms = instant_ms(query.from_, "from"), instant_ms(query.to, "to", is_end=True)

    def curve() -> Columns:
        return context().walkforwards.equity(path.study_id, from_ms, to_ms, query.points)

    return _kept(path.study_id, f"equity {from_ms} {to_ms} {query.points}", curve, query.format)


@api.get("/walkforwards/<study_id>/trades", summary="The out-of-sample trades of all windows")
def trades(path: StudyPath, query: TableQuery) -> Response:
    """Answer the trades."""
    return _kept(
        path.study_id, "trades", lambda: context().walkforwards.trades(path.study_id), query.format
    )


@api.delete("/walkforwards/<study_id>", summary="Delete a walk-forward; its trials stay counted")
def delete(path: StudyPath) -> Response:
    """Delete a walk-forward."""
    return studies.deleted(context().walkforwards, path.study_id)


def _kept(study_id: str, view: str, read: Callable[[], Columns], form: str) -> Response:
    """Answer with a table that never changes once it is there."""
    return kept_answer(study_id, f"{view} {form}", lambda: columns_body(read(), form), who="store")
