"""What is released: one commit, its version, and the words of the changelog about it."""

from __future__ import annotations

import re
import subprocess
import tarfile
import tomllib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from tests.release import tested
from tests.release.errors import ReleaseError

HEADING = re.compile(r"^## +(?P<version>\S+)(?: +\((?P<when>[^)]*)\))? *$", re.MULTILINE)
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
SUFFIX = re.compile(r"[a-z0-9]+(\.[a-z0-9]+)*")
ENGINE_RELEASE = re.compile(r'^RELEASE = "([^"]+)"$', re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A commit that may be released.

    Attributes
    ----------
    commit_s : int
        When it was committed, seconds since 1970: the time of everything built from it.
    tested : dict or None
        The record of its green tests.
    """

    root: Path
    commit: str
    commit_s: int
    version: str
    tested: dict[str, Any] | None


def read(root: Path, *, allow_untested: bool = False, suffix: str = "") -> Source:
    """Return the commit checked out at `root`, judged fit for a release.

    Parameters
    ----------
    root : Path
        A git checkout.
    allow_untested : bool
        Also take a commit without green tests or whose changelog is not dated: for a laboratory.
    suffix : str
        Makes the version `<version>+<suffix>`, so that a laboratory has several to deploy.

    Raises
    ------
    ReleaseError
        If files differ from the commit, the versions disagree, or the tests never passed.
    """
    if suffix and not (allow_untested and SUFFIX.fullmatch(suffix)):
        raise ReleaseError(
            f"--suffix {suffix!r}: lower-case letters, digits and dots, and only with --untested."
        )
    commit = tested.clean_commit(root)
    if commit is None:
        raise ReleaseError(
            "The files differ from the commit that is checked out, or this is no git checkout: "
            "commit or remove what `git status` lists."
        )
    version = agreed_version(root, dated=not allow_untested)
    if not allow_untested:
        _require_free_tag(root, version, commit)
    record = tested.recall(root, commit)
    if record is None and not allow_untested:
        raise ReleaseError(
            f"No green `{tested.COMMAND}` is on record for commit {commit[:12]}: run it, without "
            "arguments, on these files."
        )
    return Source(
        root=root,
        commit=commit,
        commit_s=int(_git(root, "show", "-s", "--format=%ct", commit)),
        version=f"{version}+{suffix}" if suffix else version,
        tested=None if suffix else record,
    )


def agreed_version(root: Path, *, dated: bool) -> str:
    """Return the version that CHANGELOG.md, pyproject.toml and the engine agree on."""
    heading = HEADING.search((root / "CHANGELOG.md").read_text(encoding="utf-8"))
    if heading is None:
        raise ReleaseError("CHANGELOG.md has no heading like `## 1.2.3 (2026-01-31)`: add one.")
    version = heading["version"]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    named = project["project"]["version"]
    engine = ENGINE_RELEASE.search((root / "engine" / "version.py").read_text(encoding="utf-8"))
    said = engine[1] if engine else "none"
    if not version == named == said:
        raise ReleaseError(
            f"Versions disagree: the top heading of CHANGELOG.md says {version}, pyproject.toml "
            f"{named}, engine/version.py {said}. The changelog leads: make the others follow it."
        )
    if dated and not DATE.fullmatch(heading["when"] or ""):
        raise ReleaseError(
            f"CHANGELOG.md does not say when {version} is released: make its heading "
            f"`## {version} (<date of the release, as 2026-01-31>)`."
        )
    return version


def _require_free_tag(root: Path, version: str, commit: str) -> None:
    """Refuse a version that was released from another commit."""
    tag = f"v{version}"
    if not _git(root, "tag", "--list", tag):
        return
    released = _git(root, "rev-list", "-n", "1", tag)
    if released != commit:
        raise ReleaseError(
            f"{version} was released from commit {released[:12]} (tag {tag}): begin the next "
            "version with a heading of its own at the top of CHANGELOG.md."
        )


def unpack(source: Source, place: Path) -> None:
    """Write the files of the commit to `place`, its version as it will be released."""
    archive = subprocess.run(
        ["git", "-C", str(source.root), "archive", "--format=tar", source.commit],
        capture_output=True,
        check=True,
    ).stdout
    with tarfile.open(fileobj=BytesIO(archive)) as tar:
        tar.extractall(place, filter="data")
    project = place / "pyproject.toml"
    text = project.read_text(encoding="utf-8")
    plain = source.version.partition("+")[0]
    project.write_text(
        text.replace(f'version = "{plain}"', f'version = "{source.version}"', 1), encoding="utf-8"
    )


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ReleaseError(f"git {' '.join(arguments)} failed: {done.stderr.strip()}")
    return done.stdout.strip()
