"""A dask scheduler and workers of the tests' own, as processes on loopback."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from tests.ports import free_port
from tests.processes import end_with_tests, forkserver

START_TIMEOUT_S = 120.0


@dataclass
class Cluster:
    """One scheduler and its workers over a store; `files` are certificates, for TLS."""

    database_url: str
    directory: Path
    files: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        self._processes = forkserver()
        self._scheduler: BaseProcess | None = None
        self._workers: list[BaseProcess] = []

    @property
    def address(self) -> str:
        """Return where the scheduler answers."""
        return f"{'tls' if self.files else 'tcp'}://127.0.0.1:{self.port}"

    def start_scheduler(self) -> None:
        """Start a scheduler, again at the same port if there was one."""
        self._scheduler = self._start("Scheduler")

    def start_worker(self, n_threads: int = 1) -> BaseProcess:
        """Start a worker: a process of its own that no nanny starts again."""
        worker = self._start("Worker", nthreads=n_threads, local_directory=str(self.directory))
        self._workers.append(worker)
        return worker

    def _start(self, kind: str, **terms: Any) -> BaseProcess:
        environment = {"HINDCAST_STORE_URL": self.database_url, **self.environment}
        process = self._processes.Process(
            target=_serve, args=(kind, self.address, self.files, environment, terms)
        )
        process.start()
        return process

    def wait_for_workers(self, n_workers: int) -> None:
        """Wait until so many workers have reported."""
        import distributed

        security = distributed.Security(**self.files) if self.files else None
        with distributed.Client(
            self.address, security=security, timeout=START_TIMEOUT_S, set_as_default=False
        ) as client:
            client.wait_for_workers(n_workers, timeout=START_TIMEOUT_S)

    def kill_scheduler(self) -> None:
        """Kill the scheduler."""
        assert self._scheduler is not None
        _kill(self._scheduler)

    def stop(self) -> None:
        """Kill everything."""
        for process in [*self._workers, *([self._scheduler] if self._scheduler else [])]:
            _kill(process)


def _kill(process: BaseProcess) -> None:
    process.kill()
    process.join()


def _serve(
    kind: str,
    address: str,
    files: dict[str, str],
    environment: dict[str, str],
    terms: dict[str, Any],
) -> None:
    """Be a scheduler or a worker until killed."""
    end_with_tests()
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    asyncio.run(_served(kind, address, files, terms))


async def _served(kind: str, address: str, files: dict[str, str], terms: dict[str, Any]) -> None:
    import distributed

    security = distributed.Security(**files) if files else None
    if kind == "Scheduler":
        server: Any = distributed.Scheduler(
            host=address, security=security, dashboard=False, dashboard_address=None
        )
    else:
        server = distributed.Worker(
            address, host="127.0.0.1", security=security, dashboard=False, **terms
        )
    async with server:
        await server.finished()


def until(condition, patience_s: float = START_TIMEOUT_S) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, "It did not happen."
        time.sleep(0.02)
