"""The wheels: ours, built from the commit, and every locked one, so that hosts need no registry."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from tests.release.errors import ReleaseError
from tests.release.source import Source

LOCK = "requirements-production.lock"
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]


def build(source: Source, tree: Path, wheelhouse: Path) -> Path:
    """Build our wheel from the files at `tree`; the same commit gives the same bytes."""
    _run(
        [*PIP, "wheel", "--no-deps", "--no-build-isolation", "-w", str(wheelhouse), str(tree)],
        SOURCE_DATE_EPOCH=str(source.commit_s),
    )
    return next(wheelhouse.glob("hindcast-*.whl"))


def download(tree: Path, wheelhouse: Path) -> None:
    """Fetch the wheels of the lock for this Python and machine, each held to its hash."""
    wanted = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", str(tree / LOCK)]
    _run([*PIP, "download", *wanted, "-d", str(wheelhouse)])


def lock(tree: Path, wheel: Path, source: Source) -> str:
    """Return the lock with our wheel, so that one file installs everything by hash."""
    text = (tree / LOCK).read_text(encoding="utf-8")
    return f"{text}hindcast=={source.version} \\\n    --hash=sha256:{sha256(wheel)}\n"


def install(release: Path, place: Path) -> Path:
    """Install the release at `place` as a host does, without a network; return its interpreter."""
    python = place / "bin" / "python"
    _run([sys.executable, "-m", "venv", "--without-pip", str(place)])
    offline = ["--no-index", "--find-links", str(release / "wheelhouse"), "--no-compile"]
    locked = ["--require-hashes", "-r", str(release / "requirements.lock")]
    _run([*PIP, "--python", str(python), "install", *offline, *locked])
    return python


def ask(python: Path, program: str) -> str:
    """Return what a program that imports the installed product prints."""
    done = subprocess.run(
        [str(python), "-P", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        cwd=python.parent,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
    )
    if done.returncode:
        raise ReleaseError(f"The installed release does not work: {done.stderr.strip()}")
    return done.stdout.strip()


def sha256(path: Path) -> str:
    """Return the hash (hex) of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _run(command: list[str], **environment: str) -> None:
    done = subprocess.run(command, env={**os.environ, **environment}, check=False)
    if done.returncode:
        raise ReleaseError(
            f"This step failed (its own words are above):\n  {' '.join(map(str, command))}"
        )
