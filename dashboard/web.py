"""The edges of the dashboard's server: health, metrics, and the headers of every answer."""

from __future__ import annotations

import logging
import platform
import re
import time
import uuid

from dash import Dash
from flask import Flask, Response, g, request
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    Info,
    ProcessCollector,
    generate_latest,
)

from config.logs import request_id
from config.settings import Settings
from config.version import VERSION
from dashboard import theme
from dashboard.client import Api, ApiError, answered, node

logger = logging.getLogger(__name__)

# Made by the balancer and passed on; anything else could forge log lines.
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
A_YEAR = "public, max-age=31536000, immutable"
CACHEABLE = re.compile(r"^/(assets|_dash-component-suites|theme)/")


def add_edges(app: Dash, server: Flask, settings: Settings, api: Api) -> None:
    """Give `server` its health routes, metrics, theme files and headers."""
    _add_theme(server)
    _add_health(server, api)
    _add_metrics(server)
    name = node(settings.dashboard)

    @server.before_request
    def begin() -> None:
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        g.started = time.perf_counter()
        request_id.set(g.request_id)

    @server.after_request
    def finish(response: Response) -> Response:
        headers = response.headers
        elapsed_ms = (time.perf_counter() - g.started) * 1000.0
        record = answered()
        headers["X-Request-Id"] = g.request_id
        headers["X-Node"] = name
        headers["X-Elapsed-Ms"] = f"{elapsed_ms:.1f}"
        if record.layer:
            headers["X-Answered-By"] = record.layer
        if record.stale_since is not None:
            headers["X-Stale-Since"] = f"{record.stale_since * 1000:.0f}"
        if response.mimetype == "text/html":
            headers["Content-Security-Policy"] = content_security_policy(app)
        _cache_for_ever(response)
        return response


def content_security_policy(app: Dash) -> str:
    """Return the policy of the pages: nothing from elsewhere, no inline script but Dash's one.

    Styles may be inline: Mantine, Plotly and AG Grid write style attributes and elements.
    """
    scripts = " ".join(["'self'", *app.csp_hashes()])
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )


def _cache_for_ever(response: Response) -> None:
    """Let browsers keep what carries a fingerprint in its address, plotly.min.js included."""
    if response.status_code != 200 or not CACHEABLE.match(request.path):
        return
    has_fingerprint = "m" in request.args or re.search(r"\.v[\w-]+m\d+\.", request.path)
    if has_fingerprint:
        response.headers["Cache-Control"] = A_YEAR
    else:
        # Fonts, chunks: named by the fingerprinted files that ask for them.
        response.headers["Cache-Control"] = "public, max-age=86400"


def _add_theme(server: Flask) -> None:
    sheet, script = theme.css(), theme.tokens_script()

    @server.get("/theme/tokens.css")
    def tokens_css() -> Response:
        return Response(sheet, mimetype="text/css")

    @server.get("/theme/tokens.js")
    def tokens_js() -> Response:
        return Response(script, mimetype="text/javascript")


def _add_health(server: Flask, api: Api) -> None:
    @server.get("/healthz")
    def healthz() -> Response:
        return Response("ok\n", mimetype="text/plain")

    @server.get("/readyz")
    def readyz() -> Response:
        try:
            api.health()
        except ApiError as error:
            return Response(f"the data API is not ready: {error}\n", 503, mimetype="text/plain")
        return Response(f"ready {VERSION}\n", mimetype="text/plain")


def _add_metrics(server: Flask) -> None:
    registry = CollectorRegistry()
    build = {"part": "dashboard", "version": VERSION, "python": platform.python_version()}
    Info("hindcast_build", "Which part in which version this is.", registry=registry).info(build)
    ProcessCollector(registry=registry)
    requests = Counter(
        "hindcast_dashboard_requests",
        "Answers by kind of request, status and layer.",
        ["kind", "status", "layer"],
        registry=registry,
    )
    seconds = Histogram(
        "hindcast_dashboard_request_seconds",
        "Time to answer.",
        ["kind"],
        registry=registry,
        buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
    )

    @server.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), mimetype="text/plain; version=0.0.4")

    @server.after_request
    def count(response: Response) -> Response:
        kind = _kind(request.path)
        requests.labels(kind, str(response.status_code), answered().layer or "-").inc()
        seconds.labels(kind).observe(time.perf_counter() - g.started)
        return response


def _kind(path: str) -> str:
    if path == "/_dash-update-component":
        return "callback"
    if path.startswith(("/assets/", "/_dash-component-suites/", "/theme/", "/_favicon")):
        return "asset"
    if path in ("/healthz", "/readyz", "/metrics"):
        return "probe"
    return "dash" if path.startswith("/_dash") else "page"
