"""One command starts everything, repairs what dies, and takes everything down with it."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from config.settings import ROOT
from dataapi import supervisor
from tests.components import require_program
from tests.ports import free_port

pytestmark = pytest.mark.cluster
START_TIMEOUT_S = 240
REPAIR_TIMEOUT_S = 30


class Running:
    """A started `up`: where it answers, and its children."""

    def __init__(self, data_dir, *options):
        self.data_dir = data_dir
        self.errors = (data_dir / "stderr.txt").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dataapi.cli", "up", "--data-dir", str(data_dir), *options],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )
        self.url = self._ready_url()

    def _ready_url(self):
        for line in self.process.stdout:
            if found := re.search(r"ready: (\S+)", line):
                return found.group(1)
        raise AssertionError(f"It ended before it was ready:\n{self.said()}")

    def said(self):
        self.errors.flush()
        return Path(self.errors.name).read_text()

    def children(self):
        """Return pid by command line of the direct children."""
        pid = self.process.pid
        pids = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        lines = {}
        for child in pids:
            command = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            lines[int(child)] = command
        return lines

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=40)
        self.process.stdout.close()
        self.errors.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    require_program("haproxy", "haproxy")
    started = Running(tmp_path_factory.mktemp("up"), "--port", str(free_port()))
    yield started
    started.stop()


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "(zombie)" not in Path(f"/proc/{pid}/status").read_text()


def wait_until(condition, timeout_s=REPAIR_TIMEOUT_S):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "It did not happen in time."
        time.sleep(0.05)


def answers(url):
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def test_a_fresh_start_has_the_bundled_series_and_finished_runs(running):
    series = httpx.get(f"{running.url}/api/v1/series").json()["items"]
    runs = httpx.get(f"{running.url}/api/v1/runs").json()["items"]

    assert sorted(item["symbol"] for item in series) == ["AAPL", "GOOG", "IBM", "MSFT"]
    assert len(runs) >= 6
    assert answers(f"{running.url}/")
    assert answers(f"{running.url}{runs[0]['url']}")


def test_the_finished_runs_are_analysed_by_the_worker(running):
    runs = httpx.get(f"{running.url}/api/v1/runs").json()["items"]

    def is_done(run):
        found = httpx.get(f"{running.url}/api/v1/runs/{run['id']}/analysis").json()
        return found["status"] == "done" and found["robustness"]["variants"]

    wait_until(lambda: all(is_done(run) for run in runs), timeout_s=120)


def test_two_dashboards_one_api_a_worker_and_the_balancer_are_running(running):
    commands = " ".join(running.children().values())

    assert commands.count("-m dashboard") == 2
    assert commands.count("-m dataapi ") == 1
    assert commands.count("-m dataapi.cli worker") == 1
    assert commands.count("haproxy") >= 1


@pytest.mark.parametrize(
    "part", ["-m dashboard", "-m dataapi ", "-m dataapi.cli worker", "haproxy"]
)
def test_a_killed_child_is_started_again(running, part):
    victim = next(pid for pid, command in running.children().items() if part in command)
    count = len(running.children())

    os.kill(victim, signal.SIGKILL)

    wait_until(lambda: victim not in running.children() and len(running.children()) == count)
    wait_until(lambda: answers(f"{running.url}/"))
    wait_until(lambda: answers(f"{running.url}/api/v1/series"))
    assert "ended (SIGKILL); starting it again" in running.said()


def test_pages_go_on_while_a_dashboard_is_killed(running):
    victim = next(pid for pid, command in running.children().items() if "-m dashboard" in command)

    os.kill(victim, signal.SIGKILL)

    assert [answers(f"{running.url}/") for _ in range(10)] == [True] * 10


def test_a_second_start_says_where_the_first_runs(running):
    second = subprocess.run(
        [sys.executable, "-m", "dataapi.cli", "up", "--data-dir", str(running.data_dir)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert second.returncode == 0
    assert f"running already: {running.url}" in second.stderr


def test_a_port_in_use_is_replaced_and_said_and_ctrl_c_ends_everything(tmp_path):
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        port = squatter.getsockname()[1]

        started = Running(tmp_path, "--port", str(port))

    assert f"Port {port} is in use" in started.said()
    assert answers(f"{started.url}/")
    children = list(started.children())

    started.stop()

    assert started.process.returncode == 0
    assert not any(is_alive(pid) for pid in children)


def test_children_end_with_a_supervisor_that_is_killed(tmp_path):
    started = Running(tmp_path, "--no-haproxy", "--dashboards", "1")
    children = list(started.children())

    started.process.kill()
    started.process.wait()

    wait_until(lambda: not any(is_alive(pid) for pid in children))
    started.stop()


def test_a_long_log_is_put_aside_when_its_process_is_started(tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "LOG_BYTES", 10)
    log = tmp_path / "child.log"
    child = supervisor.Child(
        name="child", command=[sys.executable, "-c", "print('said')"], environment={}, log=log
    )

    for text, kept in (("short", "short"), ("longer than that", "")):
        log.write_text(text)
        child.start()
        assert child.process.wait(30) == 0
        assert log.read_text() == f"{kept}said\n"

    assert [path.name for path in sorted(tmp_path.iterdir())] == ["child.log", "child.log.1"]
    assert (tmp_path / "child.log.1").read_text() == "longer than that"
