"""Which green runs are remembered: of whole, unchanged commits, with nothing skipped."""

import os
import shutil
import subprocess
import sys

import pytest

from config.settings import ROOT
from tests.__main__ import ENVIRONMENTS, missing_components
from tests.components import missing
from tests.release import tested
from tests.release.conftest import commit, git

RECORD = "import sys; from tests.__main__ import remember_green; remember_green(sys.argv[1])"


@pytest.fixture(autouse=True)
def whole_machine():
    if lacking := missing_components():
        raise missing(f"{', '.join(lacking)} is missing; as root: ./run test installs it")


def remembered(repository, head, *, environments=ENVIRONMENTS):
    """Record `head` as `./run test` does at its end; return what it says."""
    (repository / ".git" / "info" / "exclude").write_text(
        "/.venv*\n/tests/__main__.py\n/tests/lab\n"
    )
    tools = repository / "tests"
    if not (tools / "lab").exists():
        shutil.copy(ROOT / "tests" / "__main__.py", tools)
        (tools / "lab").symlink_to(ROOT / "tests" / "lab")
    for name in environments:
        (repository / name).mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", RECORD, head],
        cwd=repository,
        env={**os.environ, "PYTHONPATH": f"{repository}:{ROOT}"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr


def test_a_green_run_of_a_whole_commit_is_remembered(repository):
    head = git(repository, "rev-parse", "HEAD")

    assert "Remembered for a release" in remembered(repository, head)
    assert tested.recall(repository, head)["commit"] == head


def test_skipped_tests_prove_nothing(repository):
    head = git(repository, "rev-parse", "HEAD")

    said = remembered(repository, head, environments=[".venv-oracles", ".venv-ansible"])

    assert "skipped for want of .venv-release" in said
    assert tested.recall(repository, head) is None


def test_files_changed_or_committed_meanwhile_prove_nothing(repository):
    head = git(repository, "rev-parse", "HEAD")
    remembered(repository, "0" * 40)
    (repository / "CHANGELOG.md").write_text("## 1.2.0 (2026-02-03)\n\n- Changed meanwhile.\n")
    changed = remembered(repository, head)
    after = commit(repository)
    committed = remembered(repository, head)

    assert "files differ" in changed
    assert "files differ" in committed
    assert tested.recall(repository, head) is None
    assert tested.recall(repository, after) is None
