"""`./run test --lab`: boot the lab, run its tests, write its report."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from config.settings import ROOT

# Program by the Debian package that brings it.
PROGRAMS = {
    "mmdebstrap": "mmdebstrap",
    "systemd-container": "systemd-nspawn",
    "iproute2": "ip",
    "openssh-client": "ssh",
    "openssl": "openssl",
}
BOOTS, TIMES, OUT = "LAB_BOOTS", "LAB_TIMES", "LAB_OUT"
"""Environment variables by which the tests learn that they may boot hosts, and how."""


def run_lab(arguments: list[str]) -> int:
    """Run the lab's tests with pytest; return its exit code, 2 when the lab cannot be had here."""
    options, rest = _parser().parse_known_args(arguments)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        sys.stderr.write(
            "The lab boots Debian hosts with systemd-nspawn: it needs root on a Debian machine.\n"
        )
        return 2
    install_programs()
    options.out.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        BOOTS: "1",
        TIMES: str(options.times),
        OUT: str(options.out.resolve()),
    }
    command = [sys.executable, "-m", "pytest", "-ra", "-m", "lab", "--timeout=0", "tests/lab"]
    return subprocess.run([*command, *rest], cwd=ROOT, env=environment, check=False).returncode


def install_programs() -> None:
    """Install what the lab needs and this machine lacks, from the Debian archive."""
    missing = [package for package, program in PROGRAMS.items() if not shutil.which(program)]
    if not missing:
        return
    sys.stderr.write(f"Installing {', '.join(missing)} …\n")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["update"], ["install", "-y", "--no-install-recommends", *missing]):
        subprocess.run(
            ["apt-get", "-qq", *step], env=environment, stdout=subprocess.DEVNULL, check=True
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./run test --lab",
        description="Other options go to pytest: `-k reload` runs one fault alone.",
    )
    parser.add_argument(
        "--times", type=int, default=1, help="how often each fault is done; figures need 10"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("lab-report"), help="folder of lab-report.md and .json"
    )
    return parser
