"""`worker`: do the jobs of the queue, such as sweeps and the analysis of finished runs."""

from __future__ import annotations

import argparse
import logging
import signal
from pathlib import Path
from types import FrameType
from typing import Any

from config.settings import Settings

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
        lanes = Lanes(Services(runs=service(store, settings), settings=settings))
        _stop_on_signal(lanes)
        if arguments.once:
            n_jobs = lanes.work_off()
            print(f'{{"jobs":{n_jobs}}}' if arguments.json else f"Jobs done: {n_jobs}.")
        else:
            lanes.work()
    return 0


def _stop_on_signal(lanes: Any) -> None:
    """Give the jobs at hand back on the first signal; the second one ends the process at once."""

    def on_signal(signum: int, frame: FrameType | None) -> None:
        lanes.stop()
        signal.signal(signum, signal.SIG_DFL)

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
