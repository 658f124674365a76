"""The record that a green `./run test` leaves for a commit, and that a release is made from.

It lies in the repository's own folder, so all worktrees share it and no clean removes it. It guards
against mistakes; against people, releases are signed.
"""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

COMMAND = "./run test"


def clean_commit(root: Path) -> str | None:
    """Return the commit that the files at `root` are, or None when they differ from any."""
    if not (root / ".git").exists():
        return None
    if _git(root, "status", "--porcelain") != "":
        return None
    return _git(root, "rev-parse", "--verify", "--quiet", "HEAD") or None


def remember(root: Path, commit: str) -> Path:
    """Write down that all tests passed on `commit`; return the record's place."""
    place = _place(root, commit)
    place.parent.mkdir(parents=True, exist_ok=True)
    record = {"commit": commit, "at": _now(), "command": COMMAND, "passed": True}
    unfinished = place.with_suffix(".new")
    unfinished.write_text(json.dumps(record) + "\n", encoding="utf-8")
    unfinished.replace(place)
    return place


def recall(root: Path, commit: str) -> dict[str, Any] | None:
    """Return the record of `commit`, or None when its tests never all passed here."""
    try:
        record = json.loads(_place(root, commit).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return record if record.get("commit") == commit and record.get("passed") is True else None


def _place(root: Path, commit: str) -> Path:
    shared = _git(root, "rev-parse", "--path-format=absolute", "--git-common-dir")
    return Path(shared or root / ".git") / "hindcast" / "tested" / f"{commit}.json"


def _git(root: Path, *arguments: str) -> str | None:
    """Return what git prints, or None when it fails."""
    done = subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
