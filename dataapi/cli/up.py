"""`up`: start everything on this machine and keep it running."""

from __future__ import annotations

import argparse
import fcntl
import json
import shutil
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import IO, Any

from config.settings import ROOT, Settings
from dataapi.supervisor import Child, StartError, Supervisor, free_port, python_module

HAPROXY_DIR = ROOT / "haproxy"
START_TIMEOUT_S = 120.0
FIRST_WORKER_PORT = 8071
# Loopback needs no defence against floods, only against a page gone wild.
LIMITS = {"page_requests_10s": 20_000, "submissions_10s": 5_000, "server_connections": 64}


def add_commands(subparsers: Any) -> None:
    """Add `up` to the command line."""
    parser = subparsers.add_parser("up", help="start everything on this machine")
    parser.add_argument("--port", type=int, default=8050, help="where the pages answer")
    parser.add_argument("--dashboards", type=int, default=2, help="dashboard processes")
    parser.add_argument("--apis", type=int, default=1, help="data API processes")
    parser.add_argument("--workers", type=int, help="worker processes (setting worker.count)")
    parser.add_argument("--no-haproxy", action="store_true", help="start without the balancer")
    parser.add_argument("--data-dir", type=Path, help="a store of its own")
    parser.set_defaults(handler=up)


def up(arguments: argparse.Namespace, settings: Settings) -> int:
    """Start the processes, print where the pages are, and stay until a signal."""
    if arguments.dashboards < 1 or arguments.apis < 1:
        print("Expected at least one dashboard and one API.", file=sys.stderr)
        return 2
    if arguments.workers is None:
        arguments.workers = settings.worker.count
    data_dir = settings.data_dir
    for folder in ("logs", "run"):
        (data_dir / folder).mkdir(parents=True, exist_ok=True)
    with (data_dir / "run" / "up.json").open("a+") as record:
        try:
            fcntl.flock(record, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return _say_where_it_runs(record)
        return _run(arguments, settings, record)


def _say_where_it_runs(record: IO[str]) -> int:
    record.seek(0)
    text = record.read()
    where = json.loads(text)["url"] if text else "about to start"
    _say(f"Hindcast is running already: {where}")
    return 0


def _run(arguments: argparse.Namespace, settings: Settings, record: IO[str]) -> int:
    prepare(settings)
    plan = _Plan(arguments, settings)
    supervisor = Supervisor(plan.children, _say)

    def on_signal(signum: int, frame: FrameType | None) -> None:
        supervisor.is_stopping = True

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    try:
        supervisor.start(START_TIMEOUT_S)
        record.seek(0)
        record.truncate()
        json.dump({"url": plan.url, "children": [c.name for c in plan.children]}, record)
        record.flush()
        for line in plan.notes:
            _say(line)
        print(f"\n  Hindcast is ready: {plan.url}\n  Ctrl-C stops it.\n", flush=True)
        supervisor.watch()
    except StartError as error:
        _say(str(error))
        return 1
    finally:
        _say("Stopping …")
        supervisor.stop()
        record.seek(0)
        record.truncate()
    return 0


def prepare(settings: Settings) -> None:
    """Migrate the store, import the bundled data and compute the first runs when it is empty."""
    from dataapi.services.bundled_runs import ensure_bundled

    ensure_bundled(settings, _say)


class _Plan:
    """Which processes run where."""

    def __init__(self, arguments: argparse.Namespace, settings: Settings) -> None:
        self.settings = settings
        self.notes: list[str] = []
        self.children: list[Child] = []
        self.taken: set[int] = set()
        haproxy = None if arguments.no_haproxy else shutil.which("haproxy")
        public = self._port(arguments.port) if haproxy else 0
        api_ports = [self._port(settings.dataapi.port + i) for i in range(arguments.apis)]
        page_ports = [self._port(settings.dashboard.port + i) for i in range(arguments.dashboards)]
        inner, operations = (self._port(8060), self._port(8040)) if haproxy else (0, 0)
        for i, port in enumerate(api_ports, start=1):
            self._add("dataapi", i, port, {})
        for i, port in enumerate(page_ports, start=1):
            api_port = inner or api_ports[(i - 1) % len(api_ports)]
            api_url = {"HINDCAST_DASHBOARD_API_URL": f"http://127.0.0.1:{api_port}"}
            self._add("dashboard", i, port, api_url)
        for i in range(1, arguments.workers + 1):
            self._add_worker(i, self._port(FIRST_WORKER_PORT + i - 1))
        if haproxy:
            self._add_haproxy(haproxy, public, inner, operations, page_ports, api_ports)
            self.url = f"http://127.0.0.1:{public}"
            self.notes.append(f"Balancer statistics: http://127.0.0.1:{operations}/stats")
        else:
            self.url = f"http://127.0.0.1:{page_ports[0]}"
            if not arguments.no_haproxy:
                self.notes.append(
                    "haproxy is not installed (Debian: apt-get install haproxy), so one dashboard "
                    "is used directly."
                )
            self.notes.append(f"The data API answers at http://127.0.0.1:{api_ports[0]}/api/v1")

    def _port(self, wanted: int) -> int:
        port = free_port(wanted, taken=self.taken)
        if port != wanted:
            self.notes.append(f"Port {wanted} is in use; {port} is used instead.")
        return port

    def _add(self, kind: str, number: int, port: int, environment: dict[str, str]) -> None:
        self.children.append(
            Child(
                name=f"{kind}@{number}",
                command=python_module(kind),
                environment={
                    f"HINDCAST_{kind.upper()}_PORT": str(port),
                    "HINDCAST_STORE_DATA_DIR": str(self.settings.data_dir),
                    **environment,
                },
                log=self.settings.data_dir / "logs" / f"{kind}-{number}.log",
                health_url=f"http://127.0.0.1:{port}/healthz",
            )
        )

    def _add_worker(self, number: int, port: int) -> None:
        self.children.append(
            Child(
                name=f"worker@{number}",
                command=[*python_module("dataapi.cli"), "worker"],
                environment={
                    "HINDCAST_WORKER_PORT": str(port),
                    "HINDCAST_STORE_DATA_DIR": str(self.settings.data_dir),
                },
                log=self.settings.data_dir / "logs" / f"worker-{number}.log",
            )
        )

    def _add_haproxy(
        self,
        program: str,
        public: int,
        inner: int,
        operations: int,
        page_ports: list[int],
        api_ports: list[int],
    ) -> None:
        run_dir = self.settings.data_dir / "run"
        configuration = run_dir / "haproxy.cfg"
        configuration.write_text(
            render_haproxy(
                public={"bind": f"127.0.0.1:{public}", "certificate": None},
                inner=f"127.0.0.1:{inner}",
                operations=f"127.0.0.1:{operations}",
                admin_socket=run_dir / "haproxy.sock",
                dashboards=_servers("dashboard", page_ports),
                apis=_servers("dataapi", api_ports),
                errors_dir=HAPROXY_DIR / "errors",
                service=False,
                limits={**LIMITS, "max_body_bytes": self.settings.dataapi.max_body_bytes},
            )
        )
        self.children.append(
            Child(
                name="haproxy",
                command=[program, "-db", "-f", str(configuration)],
                environment={},
                log=self.settings.data_dir / "logs" / "haproxy.log",
                # Through the balancer: ready when a page can be had, not when it listens.
                health_url=f"http://127.0.0.1:{public}/",
                # It takes servers for well until a check fails: better that none does.
                stage=1,
            )
        )


def _servers(kind: str, ports: list[int]) -> list[dict[str, str | None]]:
    return [
        {
            "name": f"{kind}-{i}",
            "address": f"127.0.0.1:{port}",
        }
        for i, port in enumerate(ports, start=1)
    ]


def render_haproxy(**values: object) -> str:
    """Return the balancer's configuration from the one template."""
    # Here, because every other command would wait for it.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    templates = Environment(
        loader=FileSystemLoader(HAPROXY_DIR),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - a configuration file, not a page
    )
    return templates.get_template("haproxy.cfg.j2").render(**values)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
