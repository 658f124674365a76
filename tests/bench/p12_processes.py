"""P12: the processor's time a page takes with two processes of each kind, against one of each.

Both installations stand behind HAProxy, on equal stores, and are asked in turns: what a page costs
must not depend on how many processes there are. The time is that of all processes of an
installation, the balancer's included, so the machine's other programs hardly disturb it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from config.settings import ROOT
from tests.bench.measure import Row, Scale, row, unmeasured
from tests.bench.servers import import_bundled_data
from tests.ports import free_port

VISITORS = 4
BATCHES = 12
BATCH = 80
WORK = "a finished run's page, two dashboards and two data APIs behind HAProxy, processor time"
REFERENCE = "one of each behind HAProxy"
TARGET = 1.1
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Installation:
    """A running `./run up`: its address and the process that started all others."""

    url: str
    pid: int

    def cpu_s(self) -> float:
        """Return the processor's time of all its processes so far, in seconds."""
        return sum(_cpu_ticks(pid) for pid in _descendants(self.pid)) / TICKS_A_SECOND


def measure(scale: Scale) -> list[Row]:
    """Ask both installations for a page in turns."""
    if not shutil.which("haproxy"):
        why = "haproxy is not installed"
        return [unmeasured("P12", work=WORK, reference=REFERENCE, target=TARGET, why=why)]
    batches, batch = (2, 8) if scale == "tiny" else (BATCHES, BATCH)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        import_bundled_data(folder)
        one, two = (stack.enter_context(installation(folder, n)) for n in (1, 2))
        pool = stack.enter_context(ThreadPoolExecutor(VISITORS))
        client = stack.enter_context(httpx.Client(timeout=60))
        run = client.get(f"{one.url}/api/v1/runs?limit=1").raise_for_status().json()["items"][0]
        times: dict[str, list[float]] = {one.url: [], two.url: []}
        for i in range(batches + 1):
            for place in (one, two):
                began = place.cpu_s()
                list(pool.map(lambda _, p=place: _visit(client, p.url, run["id"]), range(batch)))
                # The first batch fills the caches of every process.
                if i:
                    times[place.url].append((place.cpu_s() - began) / batch)
        return [
            row(
                "P12",
                work=WORK,
                ours=times[two.url],
                reference=REFERENCE,
                other=times[one.url],
                target=TARGET,
            )
        ]


def _visit(client: httpx.Client, url: str, run_id: str) -> None:
    """Ask for what a browser asks for when it opens a finished run: the shell, then its content."""
    path = f"/runs/{run_id}"
    client.get(url + path).raise_for_status()
    outputs = [{"id": "page", "property": "children"}, {"id": "title", "property": "data"}]
    answer = client.post(
        f"{url}/_dash-update-component",
        json={
            "output": "..page.children...title.data..",
            "outputs": outputs,
            "inputs": [
                {"id": "route", "property": "data", "value": {"path": path, "search": ""}},
            ],
            "changedPropIds": ["route.data"],
            "parsedChangedPropsIds": ["route.data"],
        },
    )
    answer.raise_for_status()
    if run_id not in answer.text:
        raise AssertionError(f"The page of run {run_id} does not name it: {answer.text[:200]}")


@contextmanager
def installation(folder: str, n: int) -> Iterator[Installation]:
    """Run `up` with `n` dashboards and `n` data APIs, no worker, on a copy of the store."""
    home = Path(folder) / f"of-{n}"
    (home / "run").mkdir(parents=True)
    variables = {
        "HINDCAST_DATAAPI_PORT": str(free_port()),
        "HINDCAST_DASHBOARD_PORT": str(free_port()),
        "HINDCAST_STORE_DATA_DIR": str(home),
    }
    shutil.copy(Path(folder) / "hindcast.db", home / "hindcast.db")
    counts = ["--dashboards", str(n), "--apis", str(n), "--workers", "0"]
    with (home / "up.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "dataapi.cli", "up", "--port", str(free_port()), *counts],
            cwd=ROOT,
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        yield Installation(_ready_url(process), process.pid)
    finally:
        process.terminate()
        process.wait(timeout=60)


def _ready_url(process: subprocess.Popen[str]) -> str:
    for line in process.stdout or ():
        if found := re.search(r"ready: (\S+)", line):
            return found[1]
    raise AssertionError("The installation ended before it was ready.")


def _descendants(pid: int) -> Iterator[int]:
    """Yield the processes below one, by what the kernel says of each."""
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield int(child)
        yield from _descendants(int(child))


def _cpu_ticks(pid: int) -> int:
    """Return user and system time of a process; the fields follow its name in parentheses."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
