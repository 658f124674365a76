"""The installation at a glance, for the page of that name."""

from __future__ import annotations

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from dataapi.routes.answers import json_answer
from dataapi.routes.context import PREFIX, context
from dataapi.routes.models import PROBLEMS, TAGS
from dataapi.services import status

api = APIBlueprint(
    "status", __name__, url_prefix=PREFIX, abp_tags=[TAGS["health"]], abp_responses=PROBLEMS
)


@api.get("/status", summary="Processes, queue, store, disk, caches, and the last 24 hours")
def show() -> Response:
    """Answer the status."""
    return json_answer(status.document(context().store, context().settings))
