"""Servers of our own for measurements, on free ports, over the bundled data."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.settings import ROOT
from tests.ports import free_port, wait_for

STARTS_WITHIN_S = 900
"""A server that has to compile, on a machine that does much else."""


def import_bundled_data(folder: str) -> None:
    """Bring an empty store in `folder` to where it has the bundled series."""
    command = [sys.executable, "-m", "dataapi.cli", "runs", "--data-dir", folder]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)


@contextmanager
def running(
    name: str, folder: str, *, program: str | None = None, ready: str = "/readyz", **settings: str
) -> Iterator[str]:
    """Run `python -m name` (or a program, its port as argument); yield its address."""
    port = free_port()
    arguments = ["-c", program, str(port)] if program else ["-m", name]
    variables = {"HINDCAST_STORE_DATA_DIR": folder, **settings}
    if not program:
        variables[f"HINDCAST_{name.upper()}_PORT"] = str(port)
    with (Path(folder) / f"{name}.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, env={**os.environ, **variables}, stderr=log
        )
    try:
        wait_for(f"http://127.0.0.1:{port}{ready}", server, timeout_s=STARTS_WITHIN_S)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=30)
