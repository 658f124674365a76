"""Where compiled kernels are kept; called before anything imports numba.

A cached caller does not notice an edit to a helper in another file, so the cache is named by a
hash of all sources that are compiled. Every version has a directory of its own, and every process
holds a shared lock on the one that it uses: what nobody holds and nobody used for long may go.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterable
from functools import cache
from pathlib import Path

ENGINE = Path(__file__).resolve().parent.parent / "engine"
COMPILED = ("kernels", "types.py")
"""What kernels are made of; an import contract keeps them from reading anything else of ours."""

REMOVED = ".removed-"
"""Begins the name of a directory that is being removed."""

_held: dict[Path, int] = {}


@cache
def engine_sources_hash() -> str:
    """Return the sha256 (hex) over names and contents of the engine's sources."""
    return _hash(ENGINE.rglob("*"))


@cache
def kernel_sources_hash() -> str:
    """Return the sha256 (hex) over names and contents of what is compiled."""
    return _hash(p for part in COMPILED for p in (ENGINE / part, *(ENGINE / part).rglob("*")))


def _hash(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(p for p in paths if p.suffix in {".py", ".toml"}):
        digest.update(path.relative_to(ENGINE).as_posix().encode())
        digest.update(b"\0")
        digest.update(path.read_bytes())
    return digest.hexdigest()


def prepare_kernels(cache_dir: Path) -> Path:
    """Point numba at a cache of these sources' own, with the omp layer; return the directory."""
    directory = cache_dir / "kernels" / kernel_sources_hash()[:16]
    _hold(directory)
    os.environ["NUMBA_CACHE_DIR"] = str(directory)
    os.environ.setdefault("NUMBA_THREADING_LAYER", "omp")
    return directory


def stale_kernels(cache_dir: Path, before_s: float) -> list[Path]:
    """Return the directories of other sources in which no process is, and none began since.

    Parameters
    ----------
    cache_dir : Path
    before_s : float
        Seconds since 1970. What an interrupted removal left is stale whenever that was.
    """
    others = [
        path
        for path in sorted((cache_dir / "kernels").glob("*"))
        if path.name != kernel_sources_hash()[:16] and path.is_dir()
    ]
    return [path for path in others if _is_stale(path, before_s)]


def remove_kernels(directory: Path) -> bool:
    """Remove a directory of compiled kernels, unless a process is in it by now.

    It loses its name first: a process that begins meanwhile finds none, and makes its own.
    """
    handle = _lock_alone(directory)
    if handle is None:
        return False
    try:
        nameless = directory
        if not directory.name.startswith(REMOVED):
            nameless = directory.with_name(f"{REMOVED}{directory.name}-{os.getpid()}")
            directory.rename(nameless)
        shutil.rmtree(nameless)
    finally:
        os.close(handle)
    return True


def _hold(directory: Path) -> None:
    """Make a directory and keep a shared lock on it until this process ends."""
    while not _is_held(directory):
        directory.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(directory, os.O_RDONLY)
        except FileNotFoundError:
            # It was old, and just then removed.
            continue
        # Waits for whoever is removing it; then it has no name any more, and another one is made.
        fcntl.flock(handle, fcntl.LOCK_SH)
        if directory in _held:
            os.close(_held[directory])
        _held[directory] = handle
    if os.access(directory, os.W_OK):
        # When it was last used; what is in it only says when that was compiled.
        os.utime(directory)


def _is_held(directory: Path) -> bool:
    """Return whether this process holds a directory, and it still has its name."""
    if directory not in _held or not directory.exists():
        return False
    return os.path.samestat(os.fstat(_held[directory]), directory.stat())


def _is_stale(directory: Path, before_s: float) -> bool:
    handle = _lock_alone(directory)
    if handle is None:
        return False
    used_s = os.fstat(handle).st_mtime
    os.close(handle)
    return directory.name.startswith(REMOVED) or used_s < before_s


def _lock_alone(directory: Path) -> int | None:
    """Return a handle that nobody else has, None when the directory is in use or gone."""
    try:
        handle = os.open(directory, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        # Held, or on a file system without such locks, where nobody can know.
        os.close(handle)
        return None
    return handle
