"""Programs that some tests need and Python does not bring."""

import os
import shutil
from pathlib import Path

import pytest


def require_program(name: str, package: str, *, also: str | None = None) -> str:
    """Return the program's path; without it skip, or fail where everything must run.

    Parameters
    ----------
    name : str
        Program on PATH.
    package : str
        Debian package that brings it.
    also : str, optional
        Glob of places outside PATH, for programs that Debian hides.
    """
    found = shutil.which(name) or next(map(str, sorted(Path("/").glob(also or "-"))), None)
    if found:
        return found
    message = f"{name} is not installed; as root: apt-get install -y {package}"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)
