"""`doctor`: is this installation whole, and what would mend it."""

from __future__ import annotations

import argparse
import ctypes.util
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from config.settings import Settings
from config.startup import Part, changed, faults

LOW_DISK_BYTES = 1 << 30


class Finding(NamedTuple):
    """One thing looked at; `level` is ok, note (works without) or fail."""

    level: str
    name: str
    detail: str


def add_commands(subparsers: Any) -> None:
    """Add `doctor` to the command line."""
    parser = subparsers.add_parser("doctor", help="check this installation")
    parser.add_argument("--data-dir", type=Path, help="a store of its own")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(handler=doctor)


def doctor(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print what was found; exit code 1 when something is broken."""
    findings = list(examine(settings))
    if arguments.json:
        print(json.dumps({"items": [finding._asdict() for finding in findings]}))
    else:
        for finding in findings:
            print(f"{finding.level:<6}{finding.name:<12}{finding.detail}")
    return 1 if any(finding.level == "fail" for finding in findings) else 0


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at everything that a start needs."""
    for look in (_settings, _engine, _store, _disk, _threads, _executor, _haproxy):
        yield _looked(look, settings)


def _looked(look: Callable[[Settings], Finding], settings: Settings) -> Finding:
    try:
        return look(settings)
    except Exception as error:  # noqa: BLE001 - a broken part is what the doctor looks for
        return Finding("fail", look.__name__.strip("_"), f"{type(error).__name__}: {error}")


def _settings(settings: Settings) -> Finding:
    parts: tuple[Part, ...] = ("dashboard", "dataapi", "worker")
    found = dict.fromkeys(fault for part in parts for fault in faults(settings, part))
    if found:
        return Finding("fail", "settings", " ".join(found))
    return Finding("ok", "settings", " ".join(changed(settings)) or "defaults")


def _engine(settings: Settings) -> Finding:
    from dataapi.services.warming import warm_kernels
    from engine.version import ENGINE_VERSION

    warm_kernels()
    return Finding("ok", "engine", f"{ENGINE_VERSION}, kernels compiled")


def _store(settings: Settings) -> Finding:
    from dataapi.store import open_store

    store = open_store(settings.database_url, max_connections=2, migrate=False)
    try:
        pending = store.pending_migrations()
        if pending:
            return Finding(
                "note", "store", f"{len(pending)} migrations pending; a start applies them"
            )
        n_series, n_runs = len(store.series.list()), store.runs.count()
        size_mb = store.size_bytes() / 1e6
    finally:
        store.close()
    return Finding("ok", "store", f"{n_series} series, {n_runs} runs, {size_mb:,.1f} MB")


def _disk(settings: Settings) -> Finding:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.data_dir).free
    detail = f"{free / 1e9:,.1f} GB free at {settings.data_dir}"
    if free > LOW_DISK_BYTES:
        return Finding("ok", "disk", detail)
    return Finding("fail", "disk", f"{detail}; `prune` says what can go")


def _threads(settings: Settings) -> Finding:
    if ctypes.util.find_library("gomp") is None:
        text = "libgomp is missing, parallel work runs on one thread: apt-get install libgomp1"
        return Finding("note", "threads", text)
    return Finding("ok", "threads", "libgomp found")


def _executor(settings: Settings) -> Finding:
    from dataapi.executors import ExecutorError, core_count, make_executor

    worker = settings.worker
    if not worker.dask_address and worker.executor == "local":
        return Finding("ok", "executor", f"local, {worker.threads or core_count()} threads")
    try:
        with make_executor("dask", worker):
            return Finding("ok", "executor", f"dask scheduler at {worker.dask_address}")
    except ExecutorError as error:
        # Jobs that do not ask for it do not need it.
        return Finding("fail" if worker.executor == "dask" else "note", "executor", str(error))


def _haproxy(settings: Settings) -> Finding:
    path = shutil.which("haproxy")
    if path is None:
        text = "not on PATH, pages are served without a balancer: apt-get install haproxy"
        return Finding("note", "haproxy", text)
    return Finding("ok", "haproxy", path)
