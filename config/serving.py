"""Serve a WSGI application on waitress, and leave without dropping a request.

On SIGTERM or SIGINT the process drains: `/healthz` answers 404 so that the balancer leaves,
requests keep being served, and the process ends once nothing is in flight. Plain waitress loses
the requests that are in flight at SIGTERM. A second signal ends at once.

This is the one module of `config` that imports waitress: both kinds of server need it, and the
dashboard may not import the data API.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any

from waitress.server import create_server

logger = logging.getLogger(__name__)

WsgiApp = Callable[..., Iterable[bytes]]
POLL_S = 0.02


class Draining:
    """Whether this process is about to leave; wraps an application so that `/healthz` says so."""

    def __init__(self, app: WsgiApp) -> None:
        self.app = app
        self.started = threading.Event()

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer `/healthz` with 404 while draining; everything else is the application's."""
        if self.started.is_set() and environ.get("PATH_INFO") == "/healthz":
            start_response(
                "404 Not Found",
                [("Content-Type", "text/plain"), ("Content-Length", "9")],
            )
            return [b"draining\n"]
        return self.app(environ, start_response)


def serve(
    app: WsgiApp,
    *,
    host: str,
    port: int,
    threads: int,
    connection_limit: int,
    drain_delay_s: float,
    drain_timeout_s: float,
    name: str,
    max_body_bytes: int = 1 << 30,
) -> None:
    """Serve `app` until a signal, then drain and return. Call from the main thread.

    Raises
    ------
    OSError
        If the address is in use or not ours.
    """
    drain = Draining(app)
    server = create_server(
        drain,
        host=host,
        port=port,
        threads=threads,
        connection_limit=connection_limit,
        asyncore_use_poll=True,
        # Above the balancer's idle pool, so that it is the balancer who closes idle connections.
        channel_timeout=120,
        ident=None,
        max_request_body_size=max_body_bytes,
        trusted_proxy="127.0.0.1",
        trusted_proxy_headers={"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"},
        clear_untrusted_proxy_headers=True,
    )

    def leave_when_idle() -> None:
        time.sleep(drain_delay_s)
        deadline = time.monotonic() + drain_timeout_s
        while _in_flight(server) and time.monotonic() < deadline:
            time.sleep(POLL_S)
        os.kill(os.getpid(), signal.SIGTERM)

    def on_signal(signum: int, frame: FrameType | None) -> None:
        if drain.started.is_set():
            raise SystemExit(0)
        drain.started.set()
        threading.Thread(target=leave_when_idle, name="drain", daemon=True).start()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    logger.info("serving name=%s address=http://%s:%s threads=%d", name, host, port, threads)
    server.run()
    logger.info("stopped name=%s in_flight=%d", name, _in_flight(server))
    server.close()


def _in_flight(server: Any) -> int:
    """Return how many connections have a request being served or an answer being sent."""
    channels = list(server.active_channels.values())
    return sum(1 for channel in channels if channel.requests or channel.total_outbufs_len)
