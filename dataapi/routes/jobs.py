"""Jobs: how far each one is, and an end to it."""

from __future__ import annotations

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from dataapi.routes.answers import json_answer
from dataapi.routes.context import PREFIX, context
from dataapi.routes.models import PROBLEMS, TAGS, JobPath, JobsQuery
from dataapi.services import jobs
from dataapi.store import JobQuery

api = APIBlueprint(
    "jobs", __name__, url_prefix=PREFIX, abp_tags=[TAGS["jobs"]], abp_responses=PROBLEMS
)


@api.get("/jobs", summary="Jobs, the newest first, page by page")
def listing(query: JobsQuery) -> Response:
    """Answer one page of the list."""
    before = None if query.cursor is None else int(query.cursor)
    asked = query.model_dump(exclude={"cursor"})
    return json_answer(jobs.page(context().store, JobQuery(before=before, **asked)))


@api.get("/jobs/<job_id>", summary="How far a job is: state, progress, rate, seconds left")
def one(path: JobPath) -> Response:
    """Answer how far a job is."""
    return json_answer(jobs.job(context().store, path.job_id))


@api.delete("/jobs/<job_id>", summary="Cancel a job; what it has finished is kept")
def cancel(path: JobPath) -> Response:
    """Ask for a job's end."""
    return json_answer(jobs.cancel(context().store, path.job_id))
