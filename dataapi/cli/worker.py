"""`worker`: do the jobs of the queue, such as sweeps and the analysis of finished runs."""

from __future__ import annotations

import argparse
import logging
import signal
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from config.settings import Settings

if TYPE_CHECKING:
    from dataapi.services.job_context import Services
    from dataapi.services.working import Lanes
    from dataapi.worker_server import WorkerServer

logger = logging.getLogger(__name__)


def add_commands(subparsers: Any) -> None:
    """Add `worker` to the command line."""
    parser = subparsers.add_parser("worker", help="do the jobs that wait, such as analyses of runs")
    parser.add_argument("--data-dir", type=Path, help="a store of its own")
    parser.add_argument("--json", action="store_true", help="with --once: how many jobs, as JSON")
    parser.add_argument(
        "--once", action="store_true", help="end when nothing is due, instead of waiting"
    )
    parser.set_defaults(handler=_worker)


def _worker(arguments: argparse.Namespace, settings: Settings) -> int:
    from config.logs import configure_logging
    from config.startup import introduction, require_sound
    from dataapi.cli.opening import opened_store
    from dataapi.services.bundled_runs import service
    from dataapi.services.job_context import Services
    from dataapi.services.working import Lanes

    require_sound(settings, "worker")
    configure_logging(settings.server.log_level)
    logger.info("%s", introduction(settings, "worker"))
    with opened_store(settings) as store:
        services = Services(runs=service(store, settings), settings=settings)
        lanes = Lanes(services)
        if arguments.once:
            _stop_on_signal(lanes.stop)
            n_jobs = lanes.work_off()
            print(f'{{"jobs":{n_jobs}}}' if arguments.json else f"Jobs done: {n_jobs}.")
        else:
            _serve(services, lanes)
    return 0


def _serve(services: Services, lanes: Lanes) -> None:
    """Work until a signal; meanwhile tell who asks how that goes."""
    from dataapi.services.presence import Presence

    store, settings = services.runs.store, services.settings.worker
    server = _server(services) if settings.port else None
    presence = Presence(store, "worker", settings.port)

    def stop() -> None:
        if server is not None:
            server.is_ending = True
        lanes.stop()

    _stop_on_signal(stop)
    presence.start()
    try:
        lanes.work()
    finally:
        presence.leave()


def _server(services: Services) -> WorkerServer:
    from config.startup import require_free
    from dataapi.meters import new_registry
    from dataapi.worker_server import WorkerServer

    settings = services.settings.worker
    require_free(settings.host, settings.port, setting="worker.port")
    registry = new_registry("worker")
    services.runs.meters.register(registry)
    services.meters.register(registry)
    return WorkerServer(settings, services.runs.store, registry)


def _stop_on_signal(stop: Callable[[], None]) -> None:
    """Give the jobs at hand back on the first signal; the second one ends the process at once."""

    def on_signal(signum: int, frame: FrameType | None) -> None:
        stop()
        signal.signal(signum, signal.SIG_DFL)

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
