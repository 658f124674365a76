"""Other people's backtesters, in an environment of their own that no lock knows.

It is built the first time a row asks for it, which needs a network; without one those rows say so.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from config.settings import ROOT

PACKAGES = ("vectorbt==1.2.0",)
PLACE = ROOT / ".venv-peers"
PATIENCE_S = 900


class PeersUnavailableError(Exception):
    """The peers' environment could not be built; the message says why."""


def interpreter() -> Path:
    """Return the interpreter of the peers, building their environment when it is not there.

    Raises
    ------
    PeersUnavailableError
        If it cannot be built.
    """
    stamp, wanted = PLACE / ".stamp", "\n".join(PACKAGES)
    python = PLACE / "bin" / "python"
    if not (python.exists() and stamp.exists() and stamp.read_text() == wanted):
        shutil.rmtree(PLACE, ignore_errors=True)
        sys.stderr.write(f"Building {PLACE.name} (once): {', '.join(PACKAGES)} …\n")
        _succeed([sys.executable, "-m", "venv", str(PLACE)])
        _succeed([str(python), "-m", "pip", "install", "-q", *PACKAGES])
        stamp.write_text(wanted)
    return python


def _succeed(command: list[str]) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PeersUnavailableError(str(error)) from error
    if done.returncode:
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        raise PeersUnavailableError(lines[-1] if lines else f"{command[0]} failed")
