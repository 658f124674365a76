"""CI calls the commands that everybody calls, and only such as exist."""

import os
import re
import shutil
import subprocess

import yaml

from config.settings import ROOT
from tests.components import missing

FILE = ROOT / ".github" / "workflows" / "ci.yml"
# Of the runner's image and of the steps before.
PROGRAMS = {
    *("apt-get", "git", "gh", "tar", "sha256sum", "pipx", "umask", "printf", "mkdir", "rm", "cd"),
    *("sudo", "python3", "ansible-playbook"),
}


def jobs():
    return yaml.safe_load(FILE.read_text())["jobs"]


def commands():
    """Return every command line of every step, as lists of words."""
    steps = [step for job in jobs().values() for step in job["steps"] if "run" in step]
    lines = "\n".join(step["run"].replace("\\\n", " ") for step in steps)
    return [part.split() for part in re.split(r"\n|&&", lines) if part.strip()]


def test_every_command_exists():
    for words in commands():
        if words[0].startswith("."):
            assert os.access(ROOT / words[0], os.X_OK), words
        else:
            assert words[0] in PROGRAMS, words


def test_our_own_commands_are_those_of_the_run_script():
    called = [words[words.index("./run") + 1 :] for words in commands() if "./run" in words]
    script = (ROOT / "run").read_text()

    assert called == [["release"], ["test", "--lab"]]
    for command, *_ in called:
        assert f'"{command}"' in script
    assert [".ci/run"] in commands()
    assert "python3 ./run test" in (ROOT / ".ci" / "run").read_text()


def test_playbooks_and_inventories_are_there():
    (playbook,) = [words for words in commands() if words[0] == "ansible-playbook"]
    inputs = yaml.safe_load(FILE.read_text())["on"]["workflow_dispatch"]["inputs"]

    assert (ROOT / "ansible" / playbook[1]).is_file()
    assert (ROOT / "ansible" / "inventories" / inputs["inventory"]["default"]).is_dir()


def test_nothing_is_released_or_delivered_untested():
    found = jobs()
    steps = [step.get("run") for step in found["test"]["steps"]]

    assert steps.index(".ci/run") < steps.index("python3 ./run release")
    assert found["publish"]["needs"] == "test"
    assert not any("untested" in word for words in commands() for word in words)
    assert found["deliver"]["if"] == "${{ inputs.version }}"


def test_secrets_reach_no_command_line():
    for words in commands():
        assert not any("secrets." in word or "inputs." in word for word in words), words


def test_yamllint_finds_nothing():
    program = shutil.which("yamllint")
    if program is None:
        raise missing("yamllint is not installed; as root: apt-get install -y yamllint")
    rules = "{extends: default, rules: {line-length: {max: 120}}}"
    linted = subprocess.run(
        [program, "--strict", "-d", rules, str(FILE)], capture_output=True, text=True
    )

    assert linted.returncode == 0, linted.stdout


def test_no_job_runs_for_ever():
    assert all(job["timeout-minutes"] <= 180 for job in jobs().values())
