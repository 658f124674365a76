"""Releases to deploy: two of the commit that is checked out, and two that must not get through.

Each is made by the product's own command from a scratch clone, so the checkout may be as it likes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from config.settings import ROOT
from tests.lab import network
from tests.lab.image import CACHE

PYTHON = ROOT / ".venv-release" / "bin" / "python"
GIT_IDENTITY = ("-c", "user.name=lab", "-c", "user.email=lab@localhost")

# Behind everything else in config/serving.py: both kinds of server start, and are never ready.
NEVER_READY = '''

_serve = serve


def serve(app: WsgiApp, **options: Any) -> None:
    """Serve, but never be ready."""

    def sick(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/readyz":
            start_response("503 Service Unavailable", [("Content-Type", "text/plain")])
            return [b"made sick for the laboratory"]
        return app(environ, start_response)

    _serve(sick, **options)
'''
# One table is made before it fails: nothing of it may stay.
FAILS_HALF_WAY = '''"""A migration that fails when half of it is done, for the laboratory."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Make a table, then ask for one that is not there."""
    db.execute_sql("CREATE TABLE half_done (id INTEGER PRIMARY KEY)")
    db.execute_sql("ALTER TABLE never_was_there ADD COLUMN anything INTEGER")
'''


@dataclass(frozen=True)
class Wanted:
    """A release, and what it differs in from the commit: texts behind the end of files."""

    suffix: str
    appended: dict[str, str]


FIRST = Wanted("lab1", {})
SECOND = Wanted("lab2", {})
SICK = Wanted("sick", {"config/serving.py": NEVER_READY})
HALF = Wanted("half", {"dataapi/store/migrations/9999_half.py": FAILS_HALF_WAY})


def release(wanted: Wanted, cache: Path = CACHE) -> Path:
    """Return the folder of a release of the commit that is checked out, made unless it is there."""
    commit = _git(ROOT, "rev-parse", "HEAD")
    # A lab beside this one has its own, whose other commits are not ours to forget.
    out = cache / "releases" / network.PREFIX / commit[:12]
    _forget_others(out)
    found = sorted(out.glob(f"hindcast-*+{wanted.suffix}"))
    return found[0] if found else _make(wanted, out)


def version_of(folder: Path) -> str:
    """Return the version that a release's folder is named by."""
    return folder.name.removeprefix("hindcast-")


def _make(wanted: Wanted, out: Path) -> Path:
    with tempfile.TemporaryDirectory() as scratch:
        clone = Path(scratch) / "clone"
        subprocess.run(["git", "clone", "-q", "--shared", ROOT, clone], check=True)
        for name, text in wanted.appended.items():
            with (clone / name).open("a") as file:
                file.write(text)
        if wanted.appended:
            _git(clone, "add", "--all")
            _git(clone, *GIT_IDENTITY, "commit", "-q", "-m", f"Make {wanted.suffix} for the lab")
        options = ["--untested", "--suffix", wanted.suffix, "--out", str(out)]
        made = subprocess.run(
            [PYTHON, "-P", "-m", "tests.release", *options],
            cwd=clone,
            env={**os.environ, "PYTHONPATH": str(clone)},
            capture_output=True,
            text=True,
        )
        if made.returncode != 0:
            raise AssertionError(f"No release {wanted.suffix} could be made:\n{made.stderr}")
    return next(out.glob(f"hindcast-*+{wanted.suffix}"))


def _forget_others(out: Path) -> None:
    """Remove releases of other commits: each set takes more than a gigabyte."""
    out.mkdir(parents=True, exist_ok=True)
    for folder in out.parent.iterdir():
        if folder != out:
            shutil.rmtree(folder)


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
