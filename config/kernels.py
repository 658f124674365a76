"""Where compiled kernels are kept; called before anything imports numba.

A cached caller does not notice an edit to a helper in another file, so the cache is named by a
hash of all sources that are compiled.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path

ENGINE = Path(__file__).resolve().parent.parent / "engine"
COMPILED = ("kernels", "types.py")
"""What kernels are made of; an import contract keeps them from reading anything else of ours."""


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
    directory.mkdir(parents=True, exist_ok=True)
    os.environ["NUMBA_CACHE_DIR"] = str(directory)
    os.environ.setdefault("NUMBA_THREADING_LAYER", "omp")
    return directory
