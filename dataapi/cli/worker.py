"""`worker`: do the jobs of the queue, such as the analysis of finished runs."""

from __future__ import annotations

import argparse
import signal
from pathlib import Path
from types import FrameType
from typing import Any

from config.settings import Settings


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
    from dataapi.cli.opening import opened_store
    from dataapi.services.bundled_runs import service
    from dataapi.services.working import Worker

    configure_logging(settings.server.log_level)
    with opened_store(settings) as store:
        worker = Worker(
            service(store, settings),
            lease_s=settings.worker.lease_s,
            poll_s=settings.worker.poll_s,
        )
        _stop_on_signal(worker)
        if arguments.once:
            n_jobs = worker.work_off()
            print(f'{{"jobs":{n_jobs}}}' if arguments.json else f"Jobs done: {n_jobs}.")
        else:
            worker.work()
    return 0


def _stop_on_signal(worker: Any) -> None:
    """Finish the job at hand on the first signal; the second one ends the process at once."""

    def on_signal(signum: int, frame: FrameType | None) -> None:
        worker.stop()
        signal.signal(signum, signal.SIG_DFL)

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
