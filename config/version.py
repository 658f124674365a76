"""Which version this is: that of the installed package, in a checkout that of its project file."""

from __future__ import annotations

import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"


def _version() -> str:
    """Ask the project file first: a checkout may stand beside an installed package."""
    if PROJECT.is_file():
        project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))
        return str(project["project"]["version"])
    try:
        return version("hindcast")
    except PackageNotFoundError:
        return "unknown"


VERSION = _version()
