"""What a worker answers on its own port: alive, ready, measured.

It has no routes of the product, so it is a plain WSGI application, in a thread beside the work.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from waitress.server import create_server

from config.settings import WorkerSettings
from config.version import VERSION
from dataapi.store import Store, StoreError

Answer = tuple[str, str, bytes]
"""Status line, content type, body."""

PLAIN, JSON = "text/plain; charset=utf-8", "application/json"


class WorkerServer:
    """Answers `/healthz` (404 once it ends), `/readyz` and `/metrics`.

    Parameters
    ----------
    settings : WorkerSettings
        Host and port.
    store : Store
        Asked whether it is reachable and current.
    registry : CollectorRegistry

    Raises
    ------
    OSError
        If the address is in use or not ours.
    """

    def __init__(self, settings: WorkerSettings, store: Store, registry: CollectorRegistry) -> None:
        self.is_ending = False
        self._store = store
        self._registry = registry
        self._answers: dict[str, Callable[[], Answer]] = {
            "/healthz": self._health,
            "/readyz": self._readiness,
            "/metrics": self._metrics,
        }
        server = create_server(self, host=settings.host, port=settings.port, threads=2, ident=None)
        # It answers until the process ends: then every job is done or given back.
        threading.Thread(target=server.run, name="worker-server", daemon=True).start()

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer one request."""
        answer = self._answers.get(environ.get("PATH_INFO", ""), _unknown)
        status, content_type, body = answer()
        headers = [("Content-Type", content_type), ("Content-Length", str(len(body)))]
        start_response(status, headers)
        return [body]

    def _health(self) -> Answer:
        if self.is_ending:
            return ("404 Not Found", PLAIN, b"ending\n")
        return ("200 OK", PLAIN, b"ok\n")

    def _readiness(self) -> Answer:
        try:
            pending = self._store.pending_migrations()
        except StoreError as error:
            return _not_ready(f"The store cannot be reached: {error}")
        if pending:
            return _not_ready(f"The store's schema waits for {len(pending)} migrations.")
        body = json.dumps({"status": "ready", "version": VERSION}).encode()
        return ("200 OK", JSON, body)

    def _metrics(self) -> Answer:
        return ("200 OK", CONTENT_TYPE_LATEST, generate_latest(self._registry))


def _not_ready(detail: str) -> Answer:
    body = json.dumps({"status": "not ready", "detail": detail}).encode()
    return ("503 Service Unavailable", JSON, body)


def _unknown() -> Answer:
    return ("404 Not Found", PLAIN, b"Asked are /healthz, /readyz and /metrics.\n")
