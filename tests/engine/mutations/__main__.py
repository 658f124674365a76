"""Break each rule on purpose, and see a test fail: `python -m tests.engine.mutations [F3 M4 …]`.

Every mutant of `mutants` is applied, one at a time, in a temporary copy of the checkout, with a
kernel cache of its own; its tests run there. `killed` is good. A mutant that survives is a test
that is missing, and so is one whose text is no longer there.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.engine.mutations.mutants import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parents[3]
TIMEOUT_S = 1200
KILLED, SURVIVED, BROKEN = "killed", "SURVIVED", "BROKEN"
TESTS_FAILED = 1
"""Exit code of pytest; the others mean that the tests did not run as they should."""


def main(arguments: list[str] | None = None) -> int:
    """Apply the mutants of the rules named (all, when none is); return how many were not killed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rules", nargs="*", help="F3, M4, … (default: all)")
    wanted = {rule.lower() for rule in parser.parse_args(arguments).rules}
    chosen = [mutant for mutant in MUTANTS if not wanted or mutant.rule.lower() in wanted]
    n_alive = 0
    with tempfile.TemporaryDirectory(prefix="mutants-") as directory:
        copy = Path(directory)
        _copy_checkout(copy)
        for mutant in chosen:
            began = time.monotonic()
            verdict, detail = _judge(mutant, copy)
            n_alive += verdict != KILLED
            seconds = time.monotonic() - began
            place = f"{mutant.file}: {mutant.text.strip()[:60]}"
            print(f"{mutant.rule:10} {verdict:8} {seconds:5.0f} s  {place}  {detail}", flush=True)
    print(f"{len(chosen) - n_alive} of {len(chosen)} killed.")
    return n_alive


def _copy_checkout(target: Path) -> None:
    """Copy what belongs to the project, with its edits, without stores and caches."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    for name in names.split("\0"):
        source = ROOT / name
        if name and source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)


def _judge(mutant: Mutant, copy: Path) -> tuple[str, str]:
    """Return what the tests of a mutant say, and the first failure or what went wrong."""
    path = copy / mutant.file
    whole = path.read_text()
    if whole.count(mutant.text) != 1:
        return BROKEN, f"its text stands there {whole.count(mutant.text)} times"
    path.write_text(whole.replace(mutant.text, mutant.fault))
    try:
        done = _run_tests(mutant, copy)
    except subprocess.TimeoutExpired:
        return KILLED, f"no answer in {TIMEOUT_S} s"
    finally:
        path.write_text(whole)
    if done.returncode == 0:
        return SURVIVED, mutant.tests
    lines = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    first = lines[0] if lines else (done.stdout + done.stderr)[-200:]
    return (KILLED if done.returncode == TESTS_FAILED else BROKEN), first


def _run_tests(mutant: Mutant, copy: Path) -> subprocess.CompletedProcess[str]:
    """Run a mutant's tests to the first failure; kernels are cached by what they are made of."""
    command = [sys.executable, "-m", "pytest", *mutant.tests.split(), "-x", "-q", "--no-header"]
    return subprocess.run(
        [*command, "-p", "no:cacheprovider"],
        cwd=copy,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


if __name__ == "__main__":
    sys.exit(min(main(), 1))
