"""What the routes of sweeps and of walk-forwards answer alike."""

from __future__ import annotations

from flask import Response

from dataapi.executors import threads_of
from dataapi.routes.answers import answered_by, forget, json_answer
from dataapi.routes.context import PREFIX, context
from dataapi.routes.models import StudiesQuery
from dataapi.routes.study_models import Config
from dataapi.services.documents import Document
from dataapi.services.studies import Executor, Studies, on_threads


def submitted(studies: Studies[Config], asked: tuple[Config, Executor | None]) -> Response:
    """Queue a study unless it exists: 201 with its place, or 200."""
    config, executor = asked
    found = studies.submit(config, executor=executor)
    response = json_answer(found.document, 201 if found.is_new else 200)
    response.headers["Location"] = f"{PREFIX}/{studies.kind}s/{found.document['id']}"
    return response


def estimated(found: Document, executor: Executor | None) -> Response:
    """Answer an estimate for the threads that will do it."""
    threads = threads_of(executor, context().settings.worker)
    return json_answer(on_threads(found, threads), who="computed")


def listed(studies: Studies[Config], query: StudiesQuery) -> Response:
    """Answer one page of the list."""
    return json_answer(studies.page(limit=query.limit, cursor=query.cursor))


def deleted(studies: Studies[Config], study_id: str) -> Response:
    """Delete a study, and what was kept of its answers."""
    studies.delete(study_id)
    forget(study_id)
    answered_by("store")
    return Response(status=204)
