"""The folder that is delivered, its checksums, and the same as one file."""

from __future__ import annotations

import json
import platform
import shutil
import sys
import tarfile
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.release import bom, wheels
from tests.release.source import Source, unpack

# What hosts and those who set them up need beside the wheels: their manual too.
FOLDERS = ("haproxy", "ansible", "docs")
FILES = ("CHANGELOG.md", "CONTRIBUTING.md", "LICENSE")
FACTS = """
import json
from dataapi.store.schema import MIGRATIONS
from engine.version import ENGINE_VERSION
schema = max(path.stem for path in MIGRATIONS.glob("[0-9]*.py"))
print(json.dumps({"engine_version": ENGINE_VERSION, "schema": schema}))
"""


def make(source: Source, out: Path) -> Path:
    """Build the release in `out`, install it once to see that it works, and return its folder.

    Everything happens beside the final place and is renamed at the end: what has the name of a
    release is a whole one.
    """
    out.mkdir(parents=True, exist_ok=True)
    name = f"hindcast-{source.version}"
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=out) as scratch:
        tree, place = Path(scratch) / "tree", Path(scratch) / name
        place.mkdir()
        unpack(source, tree)
        _fill(source, tree, place)
        python = wheels.install(place, Path(scratch) / "venv")
        facts = json.loads(wheels.ask(python, FACTS))
        _write_json(place / "release.json", describe(source, facts))
        write_sums(place)
        archive = _pack(place, source)
        _replace(archive, out / archive.name)
        _replace(place, out / name)
    return out / name


def _fill(source: Source, tree: Path, place: Path) -> None:
    house = place / "wheelhouse"
    house.mkdir()
    wheels.download(tree, house)
    others = sorted(house.glob("*.whl"))
    ours = wheels.build(source, tree, house)
    shutil.copy(ours, place / ours.name)
    (place / "requirements.lock").write_text(wheels.lock(tree, ours, source), encoding="utf-8")
    (place / "sbom.cdx.json").write_text(
        bom.bill_of_materials(source, ours, others), encoding="utf-8"
    )
    for folder in FOLDERS:
        if (tree / folder).is_dir():
            shutil.copytree(tree / folder, place / folder, symlinks=True)
    for name in FILES:
        if (tree / name).is_file():
            shutil.copy(tree / name, place / name)


def describe(source: Source, facts: dict[str, str]) -> dict[str, Any]:
    """Return release.json: what this is, what it was built for, and which tests passed."""
    return {
        "version": source.version,
        "commit": source.commit,
        **facts,
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "machine": f"{platform.system().lower()}-{platform.machine()}",
        "built": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "tested": source.tested,
    }


def write_sums(place: Path) -> None:
    """Write SHA256SUMS over all files of a release, as `sha256sum --check` reads it."""
    files = sorted(p for p in place.rglob("*") if p.is_file() and p.name != "SHA256SUMS")
    lines = [f"{wheels.sha256(p)}  {p.relative_to(place).as_posix()}\n" for p in files]
    (place / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


def _pack(place: Path, source: Source) -> Path:
    """Write the folder as one file: sorted, of the commit's time and nobody's."""

    def anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = "root"
        entry.mtime = source.commit_s
        return entry

    archive = place.parent / f"{place.name}.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(place, arcname=place.name, filter=anonymous)
    return archive


def _replace(new: Path, place: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place)
    new.rename(place)


def _write_json(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
