"""`./run test`: everything CI runs: format, lint, types, layers, then all tests.

With pytest arguments only pytest runs, with them. What a machine lacks for the browser, Postgres,
balancer and certificate tests is installed from the Debian archive when root; otherwise those tests
are reported as skipped with the command that enables them, and with CI=true that is a failure.
When everything passed and nothing was missing, that is remembered for the commit: `./run release`
asks for it.

`./run test --lab` is another thing: systemd hosts on this machine, the real playbooks, faults under
load (`tests/lab`). It needs root; `./run test --lab --help` has its options.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests.lab.command import run_lab
from tests.release.tested import clean_commit, remember

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
POSTGRES_PROGRAMS = "/usr/lib/postgresql"
COMPONENTS = {
    "chromium": lambda: shutil.which("chromium") is not None,
    "haproxy": lambda: shutil.which("haproxy") is not None,
    "yamllint": lambda: shutil.which("yamllint") is not None,
    "prometheus": lambda: shutil.which("promtool") is not None,
    "prometheus-node-exporter": lambda: shutil.which("prometheus-node-exporter") is not None,
    "certbot": lambda: shutil.which("certbot") is not None,
    "pebble": lambda: shutil.which("pebble") is not None,
    "postgresql": lambda: any(Path(POSTGRES_PROGRAMS).glob("*/bin/postgres")),
}
ENVIRONMENTS = (".venv-oracles", ".venv-release", ".venv-ansible")
CHECKS = {
    "format": ["-m", "ruff", "format", "--check", "."],
    "lint": ["-m", "ruff", "check", "."],
    "types": ["-m", "mypy"],
    "layers": ["-c", "from importlinter.cli import lint_imports_command as c; c()"],
}


def main(arguments: list[str]) -> int:
    """Run the checks and the tests; return 0 only when all passed."""
    if "--lab" in arguments:
        return run_lab([argument for argument in arguments if argument != "--lab"])
    install_components()
    commit = clean_commit(ROOT)
    failed = (
        [] if arguments else [name for name, command in CHECKS.items() if not passes(name, command)]
    )
    status = subprocess.run(
        [PYTHON, "-m", "pytest", "-ra", *arguments], cwd=ROOT, check=False
    ).returncode
    if failed:
        print(f"Failed before the tests: {', '.join(failed)}.", file=sys.stderr)
    if not (arguments or failed or status):
        remember_green(commit)
    return status or int(bool(failed))


def remember_green(commit: str | None) -> None:
    """Keep that all tests passed on this commit, when none was skipped and nothing has changed."""
    lacking = missing_components() + [name for name in ENVIRONMENTS if not (ROOT / name).exists()]
    if lacking:
        text = f"some tests were skipped for want of {', '.join(lacking)}."
        print(f"Not remembered for a release: {text}", file=sys.stderr)
    elif commit is not None and clean_commit(ROOT) == commit:
        remember(ROOT, commit)
        print(f"Remembered for a release: all passed on {commit[:12]}.", file=sys.stderr)
    else:
        print("Not remembered for a release: files differ from the commit.", file=sys.stderr)


def passes(name: str, command: list[str]) -> bool:
    """Run one check and say how it went."""
    started = time.monotonic()
    status = subprocess.run([PYTHON, *command], cwd=ROOT, check=False).returncode
    verdict = "passed" if status == 0 else "FAILED"
    print(f"{name}: {verdict} in {time.monotonic() - started:.1f} s", file=sys.stderr, flush=True)
    return status == 0


def missing_components() -> list[str]:
    """Return what some tests need and this machine lacks."""
    return [name for name, is_there in COMPONENTS.items() if not is_there()]


def install_components() -> None:
    """Install what the tests need and this machine lacks, or say how."""
    missing = missing_components()
    if not missing:
        return
    command = f"apt-get install -y {' '.join(missing)}"
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        print(f"Missing for some tests: {', '.join(missing)}. As root: {command}", file=sys.stderr)
        return
    print(f"Installing {', '.join(missing)} …", file=sys.stderr, flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in ("apt-get update -qq", command.replace("install -y", "install -y -qq")):
        subprocess.run(step.split(), env=environment, stdout=subprocess.DEVNULL, check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
