"""A scratch repository that can be released: a product of three files under the real tools."""

import shutil
import subprocess

import pytest

from config.settings import ROOT

# They run in the environment of `requirements-release.lock`: here their imports do not exist.
collect_ignore = ["__main__.py", "bom.py", "bundle.py"]

PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "hindcast"
version = "1.2.0"
requires-python = ">=3.11"
license = "Apache-2.0"

[tool.hatch.build.targets.wheel]
packages = ["engine", "dataapi"]
"""
FILES = {
    "CHANGELOG.md": "# Changelog\n\n## 1.2.0 (2026-02-03)\n\n- New.\n\n## 1.1.0 (2026-01-02)\n",
    "pyproject.toml": PROJECT,
    "engine/version.py": 'RELEASE = "1.2.0"\nENGINE_VERSION = f"{RELEASE}+0123abcd"\n',
    "dataapi/store/schema.py": (
        'from pathlib import Path\n\nMIGRATIONS = Path(__file__).with_name("migrations")\n'
    ),
    "dataapi/store/migrations/0001_first.py": "",
    "dataapi/store/migrations/0002_second.py": "",
    "haproxy/haproxy.cfg.j2": "global\n",
    "docs/operations.md": "# Operations\n",
    "requirements-production.lock": "",
    ".gitignore": "/dist/\n__pycache__/\n",
}


def git(place, *arguments):
    identity = ["-c", "user.name=Tester", "-c", "user.email=tester@example.org"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=place, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def commit(place, **files):
    """Write files (`__` in a name is a slash) and commit everything; return the commit."""
    for name, text in files.items():
        path = place / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(place, "add", "-A")
    git(place, "commit", "-q", "-m", "A change.")
    return git(place, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path):
    return scratch_repository(tmp_path / "checkout")


def scratch_repository(place):
    place.mkdir()
    git(place, "init", "-q")
    for name, text in FILES.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    tools = place / "tests" / "release"
    shutil.copytree(ROOT / "tests" / "release", tools, ignore=shutil.ignore_patterns("__py*"))
    (place / "tests" / "__init__.py").touch()
    commit(place)
    return place
