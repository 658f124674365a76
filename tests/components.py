"""What some tests need and the test environment does not bring."""

import os
import shutil
from pathlib import Path

import pytest

from config.settings import ROOT


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
    raise missing(f"{name} is not installed; as root: apt-get install -y {package}")


def require_environment(name: str) -> str:
    """Return the interpreter of an environment beside the tests' own; without it skip, or fail."""
    python = ROOT / name / "bin" / "python"
    if python.exists():
        return str(python)
    raise missing(f"{name} is not built; with a network: ./run test")


def missing(message: str) -> BaseException:
    """Return what ends a test that lacks something: a failure where everything must run."""
    is_failure = os.environ.get("CI") == "true"
    return (pytest.fail if is_failure else pytest.skip).Exception(message)
