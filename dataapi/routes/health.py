"""Alive, ready, measured: what a balancer and an operator ask, without prefix."""

from __future__ import annotations

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from config.version import VERSION
from dataapi.problems import Busy
from dataapi.routes.answers import answered_by, json_answer
from dataapi.routes.context import context
from dataapi.routes.models import PROBLEMS, TAGS
from dataapi.store import StoreError
from engine.version import ENGINE_VERSION, RELEASE

api = APIBlueprint("health", __name__, abp_tags=[TAGS["health"]], abp_responses=PROBLEMS)


@api.get("/healthz", summary="Whether the process is alive; 404 while it drains")
def healthz() -> Response:
    """Answer that this process is alive."""
    return json_answer({"status": "alive"}, who="computed")


@api.get("/readyz", summary="Whether the store is reachable and current and the kernels are warm")
def readyz() -> Response:
    """Answer whether a balancer may send requests."""
    try:
        pending = context().store.pending_migrations()
    except StoreError as error:
        raise Busy(f"The store cannot be reached: {error}", retry_after_s=5) from None
    if pending:
        raise Busy(f"The store's schema waits for {len(pending)} migrations.", retry_after_s=5)
    if not context().is_warm.is_set():
        raise Busy("The kernels are being compiled.", retry_after_s=5)
    ready = {
        "status": "ready",
        "version": VERSION,
        "release": RELEASE,
        "engine_version": ENGINE_VERSION,
    }
    return json_answer(ready)


@api.get("/metrics", summary="Latency by route, answers by layer, queue, work, for Prometheus")
def metrics() -> Response:
    """Answer the process's counters."""
    answered_by("computed")
    return Response(generate_latest(context().registry), content_type=CONTENT_TYPE_LATEST)
