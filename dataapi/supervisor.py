"""Start all processes on one machine, keep them running, and end with them.

`./run` is this: the data API, two dashboards, a worker and HAProxy as children, each with a log
file of its own. A child that dies is started again, at once the first time and ever later after
that; its last words are shown. In production systemd does this work.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from config.settings import ROOT

POLL_S = 0.1
RESTART_DELAYS_S = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
# A child that lived this long had nothing wrong with its start.
SETTLED_S = 30.0
STOP_TIMEOUT_S = 30.0
LAST_WORDS_LINES = 15
# A longer log than this is put aside when its process is started, in place of the one before.
LOG_BYTES = 16_777_216
PR_SET_PDEATHSIG = 1


class StartError(Exception):
    """A process could not be started; the message shows its last words."""


@dataclass
class Child:
    """One process: how to start it, where it answers, and what became of it."""

    name: str
    command: Sequence[str]
    environment: dict[str, str]
    log: Path
    health_url: str | None = None
    stage: int = 0
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    restart_at: float = field(default=0.0)

    def start(self) -> None:
        """Start the process with its output in the log file."""
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_name(f"{self.log.name}.1"))
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env={**os.environ, **self.environment},
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C is ours to hand on: a terminal would interrupt the children at once.
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )
        self.started = time.monotonic()

    @property
    def is_dead(self) -> bool:
        """Return whether the process was started and has ended."""
        return self.process is not None and self.process.poll() is not None

    def last_words(self) -> str:
        """Return the end of the log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-LAST_WORDS_LINES:])

    def is_healthy(self) -> bool:
        """Return whether the process answers on its health address."""
        if self.health_url is None:
            return not self.is_dead
        try:
            with urllib.request.urlopen(self.health_url, timeout=2):  # noqa: S310 - our own loopback address
                return True
        except (urllib.error.URLError, OSError):
            return False


def _end_with_parent() -> None:
    """Have the kernel end this child when its parent dies, however it dies."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Supervisor:
    """Keeps children running until `stop` is called."""

    def __init__(self, children: Sequence[Child], say: Callable[[str], None]) -> None:
        self.children = children
        self.say = say
        self.is_stopping = False

    def start(self, timeout_s: float) -> None:
        """Start the children, a stage when all of the stage before answer.

        Raises
        ------
        StartError
            If one dies or does not answer in time.
        """
        deadline = time.monotonic() + timeout_s
        for stage in sorted({child.stage for child in self.children}):
            starting = [child for child in self.children if child.stage == stage]
            for child in starting:
                child.start()
            for child in starting:
                self._wait_until_healthy(child, deadline)

    def _wait_until_healthy(self, child: Child, deadline: float) -> None:
        while not self.is_stopping and not child.is_healthy():
            if child.is_dead:
                raise StartError(f"{child.name} ended at its start:\n{child.last_words()}")
            if time.monotonic() > deadline:
                raise StartError(f"{child.name} did not answer in time:\n{child.last_words()}")
            time.sleep(POLL_S)

    def watch(self) -> None:
        """Restart children that die, until told to stop."""
        while not self.is_stopping:
            now = time.monotonic()
            for child in self.children:
                if child.is_dead and child.restart_at == 0.0:
                    self._plan_restart(child, now)
                if child.restart_at and now >= child.restart_at:
                    child.restart_at = 0.0
                    child.start()
            time.sleep(POLL_S)

    def _plan_restart(self, child: Child, now: float) -> None:
        if now - child.started > SETTLED_S:
            child.failures = 0
        delay = RESTART_DELAYS_S[min(child.failures, len(RESTART_DELAYS_S) - 1)]
        child.failures += 1
        child.restart_at = now + delay
        code = child.process.returncode if child.process else 0
        self.say(
            f"{child.name} ended ({_ending(code)}); starting it again. Its last words:\n"
            f"{child.last_words()}"
        )

    def stop(self) -> None:
        """End the children, balancer last, giving each time to drain."""
        self.is_stopping = True
        for child in self.children:
            if child.process is not None and not child.is_dead:
                child.process.terminate()
        deadline = time.monotonic() + STOP_TIMEOUT_S
        for child in self.children:
            if child.process is None:
                continue
            try:
                child.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.say(f"{child.name} did not end within {STOP_TIMEOUT_S:.0f} s and is killed.")
                child.process.kill()
                child.process.wait()


def _ending(code: int) -> str:
    """Return an exit code in words."""
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


def free_port(wanted: int, host: str = "127.0.0.1", *, taken: set[int]) -> int:
    """Return `wanted` or the next port above it that nobody uses, and note it in `taken`.

    Raises
    ------
    StartError
        If none of the next hundred is free.
    """
    for port in range(wanted, wanted + 100):
        if port in taken:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
        taken.add(port)
        return port
    raise StartError(f"No free port between {wanted} and {wanted + 99}.")


def python_module(module: str) -> list[str]:
    """Return the command that runs a module with this interpreter."""
    return [sys.executable, "-m", module]
