"""The data API as a WSGI application: routes, one shape of errors, one set of headers."""

from __future__ import annotations

import json
import logging
import re
import time
import uuid
from typing import Any, NoReturn

from flask import Flask, Request, Response, g, request
from flask.json.provider import DefaultJSONProvider
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from config.logs import request_id
from config.settings import Settings
from dataapi import problems, wire
from dataapi.caching import install_cache
from dataapi.meters import RequestMeters, StoreCollector, new_registry
from dataapi.problems import PROBLEM_JSON, ApiProblem
from dataapi.routes import health, imports, jobs, series, status, strategies, sweeps, walkforwards
from dataapi.routes import runs as run_routes
from dataapi.routes.context import PREFIX, Context
from dataapi.routes.models import Problem
from dataapi.services.bundled_runs import service
from dataapi.services.presence import Presence
from dataapi.services.sweeps import Sweeps
from dataapi.services.walkforwards import WalkForwards
from dataapi.services.working import KINDS
from dataapi.store import Store, StoreError
from engine.errors import EngineError
from engine.version import ENGINE_VERSION, RELEASE

logger = logging.getLogger(__name__)

# A request id made by the balancer or a page is passed on; anything else could forge log lines.
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
# Bars take the larger part of `cache_bytes`; finished answers are small.
ANSWERS_SHARE = 4
# Endpoints whose body is data, held to `max_import_bytes`.
LARGE_BODIES = {"imports.create", "runs.import_bundle"}


def create_app(settings: Settings, store: Store) -> OpenAPI:
    """Return the application over `store`.

    Parameters
    ----------
    settings : Settings
        Limits and the public address.
    store : Store
        Open, with a current schema.

    Returns
    -------
    OpenAPI
        A Flask application; its document is `/api/v1/openapi.json`.
    """
    app = OpenAPI(
        "dataapi",
        info=Info(title="Hindcast data API", version=RELEASE, description=ENGINE_VERSION),
        doc_ui=False,
        security_schemes={},
        validation_error_callback=_refuse_invalid,
        validation_error_model=Problem,
    )
    app.request_class = _Request
    app.json = _StrictJson(app)
    app.config["MAX_CONTENT_LENGTH"] = settings.dataapi.max_body_bytes
    install_cache(app, settings.dataapi.cache_bytes // ANSWERS_SHARE)
    runs = service(store, settings)
    registry = new_registry("dataapi")
    runs.meters.register(registry)
    registry.register(StoreCollector(store, KINDS))
    app.extensions["hindcast"] = Context(
        settings=settings,
        store=store,
        runs=runs,
        sweeps=Sweeps(runs),
        walkforwards=WalkForwards(runs),
        registry=registry,
        meters=RequestMeters(registry),
        presence=Presence(store, "dataapi", settings.dataapi.port),
    )
    _add_edges(app)
    _add_error_handlers(app)
    for module in (
        health,
        series,
        imports,
        strategies,
        run_routes,
        sweeps,
        walkforwards,
        jobs,
        status,
    ):
        app.register_api(module.api)
    app.add_url_rule(f"{PREFIX}/openapi.json", "openapi_document", lambda: app.api_doc)
    return app


class _Request(Request):
    """Says why a body is not JSON."""

    def on_json_loading_failed(self, e: ValueError | None) -> NoReturn:
        raise problems.BadRequest(f"The body is not JSON: {e}.")


class _StrictJson(DefaultJSONProvider):
    """Reads JSON as the standard has it: no NaN, no infinity, no repeated key."""

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        try:
            return json.loads(s, parse_constant=_no_constant, object_pairs_hook=_distinct_keys)
        except RecursionError:
            raise ValueError("nested too deeply") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _distinct_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {repeated!r} is repeated")
    return document


def _add_edges(app: Flask) -> None:
    @app.before_request
    def begin() -> None:
        g.started = time.perf_counter()
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex[:16]
        request_id.set(g.request_id)
        app.extensions["hindcast"].presence.note(request.headers.get("User-Agent", ""))
        if request.endpoint in LARGE_BODIES:
            request.max_content_length = app.extensions[
                "hindcast"
            ].settings.dataapi.max_import_bytes
        if request.endpoint != "imports.create" and request.method in {"POST", "PATCH", "PUT"}:
            _read_json()

    @app.after_request
    def finish(response: Response) -> Response:
        elapsed_s = time.perf_counter() - g.started
        who = g.get("answered_by", "computed")
        response.headers["X-Request-Id"] = g.request_id
        response.headers["X-Answered-By"] = who
        response.headers["X-Elapsed-Ms"] = f"{elapsed_s * 1e3:.2f}"
        meters: RequestMeters = app.extensions["hindcast"].meters
        route = request.url_rule.rule if request.url_rule else "unknown"
        meters.latency_s.labels(request.method, route, response.status_code).observe(elapsed_s)
        meters.answers.labels(who).inc()
        return response


def _read_json() -> None:
    """Parse the body before the route does, so that an unreadable one is said to be unreadable."""
    limit = request.max_content_length
    if request.content_length is not None and limit and request.content_length > limit:
        raise _too_large(limit)
    if not request.content_length and not request.headers.get("Transfer-Encoding"):
        return
    if not request.is_json:
        raise problems.UnsupportedMedia(
            f"Expected Content-Type: application/json, was {request.mimetype or 'none'!r}."
        )
    document = request.get_json()
    if not isinstance(document, dict):
        raise problems.Unprocessable(
            f"Expected a JSON object, was {type(document).__name__}.",
            errors=[{"field": "", "message": "Expected a JSON object."}],
        )


def _add_error_handlers(app: Flask) -> None:
    @app.errorhandler(ApiProblem)
    def refuse(problem: ApiProblem) -> Response:
        if problem.status >= 500 and not isinstance(problem, problems.Busy):
            logger.error("refused path=%s detail=%s", request.path, problem.detail)
        return _problem_response(problem)

    @app.errorhandler(EngineError)
    def refuse_by_engine(error: EngineError) -> Response:
        return refuse(problems.from_engine(error))

    @app.errorhandler(StoreError)
    def refuse_by_store(error: StoreError) -> Response:
        return refuse(problems.from_store(error))

    @app.errorhandler(HTTPException)
    def refuse_by_flask(error: HTTPException) -> Response:
        return _problem_response(_from_http(error), headers=dict(_allow_header(error)))

    @app.errorhandler(Exception)
    def fail(error: Exception) -> Response:
        logger.error("failed method=%s path=%s", request.method, request.path, exc_info=error)
        return _problem_response(
            problems.ServerFault(
                "Something went wrong on our side. The log has the details under this request id."
            )
        )


def _refuse_invalid(error: ValidationError) -> NoReturn:
    raise problems.from_validation(error)


def _problem_response(problem: ApiProblem, headers: dict[str, str] | None = None) -> Response:
    document = problem.document(g.request_id)
    response = Response(
        wire.json_bytes(document), status=int(problem.status), mimetype=PROBLEM_JSON
    )
    response.headers.update(headers or {})
    response.headers["Cache-Control"] = "no-store"
    if isinstance(problem, problems.Busy):
        response.headers["Retry-After"] = str(problem.retry_after_s)
    return response


def _from_http(error: HTTPException) -> ApiProblem:
    """Return our problem for one of Flask's own refusals."""
    if error.code == 404:
        return problems.NotFound(f"No page {request.path} here.")
    if error.code == 405:
        return problems.MethodNotAllowed(f"{request.method} is not offered by {request.path}.")
    if error.code == 413:
        return _too_large(request.max_content_length or 0)
    if error.code == 415:
        return problems.UnsupportedMedia(str(error.description))
    if error.code is not None and 400 <= error.code < 500:
        return problems.BadRequest(str(error.description))
    return problems.ServerFault(str(error.description))


def _allow_header(error: HTTPException) -> list[tuple[str, str]]:
    return [(name, value) for name, value in error.get_headers() if name == "Allow"]


def _too_large(limit_bytes: int) -> ApiProblem:
    return problems.TooLarge(f"The body is larger than the limit of {limit_bytes:,} bytes.")
