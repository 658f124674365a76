"""`./run` needs only python3, builds its environment once, and repairs an interrupted set-up."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from config.settings import ROOT

ECHO = "import sys; print(sys.prefix, *sys.argv[1:])"
BASE_PYTHON = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"


@pytest.fixture
def checkout(tmp_path):
    """A checkout whose locks are empty and whose command line prints its arguments."""
    shutil.copy(ROOT / "run", tmp_path / "run")
    for module in ("dataapi/cli", "tests"):
        (tmp_path / module).mkdir(parents=True)
        (tmp_path / module / "__main__.py").write_text(ECHO)
    for kind in ("", "-dev", "-oracles", "-release", "-ansible"):
        (tmp_path / f"requirements{kind}.lock").write_text("")
    return tmp_path


def start(checkout, *arguments):
    return subprocess.run(
        [str(BASE_PYTHON), str(checkout / "run"), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        cwd="/",
    )


def test_first_start_builds_and_the_second_starts_at_once(checkout):
    first = start(checkout, "runs", "--json")
    second = start(checkout, "runs", "--json")

    assert first.returncode == 0, first.stderr
    assert "Setting up .venv" in first.stderr
    assert first.stdout == second.stdout == f"{checkout / '.venv'} runs --json\n"
    assert second.stderr == ""


def test_without_a_command_everything_starts(checkout):
    assert start(checkout).stdout.split()[1:] == ["up"]
    assert start(checkout, "--port", "9000").stdout.split()[1:] == ["up", "--port", "9000"]
    assert start(checkout, "--help").stdout.split()[1:] == ["--help"]


def test_tests_have_an_environment_of_their_own(checkout):
    assert start(checkout, "test", "-x").stdout == f"{checkout / '.venv-test'} -x\n"
    assert not (checkout / ".venv").exists()
    assert (checkout / ".venv-oracles" / "bin" / "python").exists()


def test_tests_run_without_the_libraries_to_compare_with(checkout):
    (checkout / "requirements-oracles.lock").write_text(
        "no-such-package-anywhere==1 --hash=sha256:" + "0" * 64
    )

    tested = start(checkout, "test", "-x")

    assert tested.returncode == 0
    assert tested.stdout == f"{checkout / '.venv-test'} -x\n"
    assert "The tests that need .venv-oracles are skipped" in tested.stderr
    assert not (checkout / ".venv-oracles").exists()


def test_an_interrupted_set_up_repairs_itself(checkout):
    half = checkout / ".venv" / "half"
    half.parent.mkdir()
    half.write_text("written")

    repaired = start(checkout, "runs")

    assert repaired.returncode == 0, repaired.stderr
    assert not half.exists()


def test_an_environment_knows_where_it_is(checkout):
    start(checkout, "runs")

    place = checkout / ".venv"
    asked = ["bash", "-c", f". {place}/bin/activate && echo $VIRTUAL_ENV"]
    found = subprocess.run(asked, check=True, capture_output=True, text=True)
    assert found.stdout == f"{place}\n"
    for program in (place / "bin").glob("pip*"):  # uv puts none there
        subprocess.run([program, "--version"], check=True, capture_output=True)


def test_a_changed_lock_builds_again(checkout):
    start(checkout, "runs")
    (checkout / "requirements.lock").write_text("# another version\n")

    assert "Setting up .venv" in start(checkout, "runs").stderr
    assert start(checkout, "runs").stderr == ""


def test_two_first_starts_at_once_build_once(checkout):
    both = [
        subprocess.Popen(
            [str(BASE_PYTHON), str(checkout / "run"), "runs"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=120) for process in both]

    assert [process.returncode for process in both] == [0, 0], outputs
    assert sum("Setting up" in errors for _, errors in outputs) == 1


def test_a_lock_that_cannot_be_installed_says_which_step_failed(checkout):
    (checkout / "requirements.lock").write_text(
        "no-such-package-anywhere==1 --hash=sha256:" + "0" * 64
    )

    failed = start(checkout, "runs")

    assert failed.returncode == 1
    assert "This step of the set-up failed" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert not (checkout / ".venv").exists()
