"""Break each rule on purpose, and see a test fail: `python -m tests.engine.mutations [F3 M4 …]`.

Every mutant of `mutants` is applied, one at a time, in a temporary copy of the checkout, and its
tests run there. Faults in kernels are built in together behind a switch (`switched`), so that the
broker is compiled once. `killed` is good. A mutant that survives is a test that is missing.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.engine.mutations.mutants import MUTANTS, Mutant
from tests.engine.mutations.switched import build_in

ROOT = Path(__file__).resolve().parents[3]
TIMEOUT_S = 1200
KILLED, SURVIVED, BROKEN = "killed", "SURVIVED", "BROKEN"
MARK = "mutant "
RUNNER = f"""
import contextlib, io, json, os, sys
sys.path.insert(0, os.getcwd())
import tests.conftest
import pytest
from engine.kernels.switch import NUMBER
for number, tests in enumerate(json.loads(sys.argv[1])):
    NUMBER[0] = number
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        names = dict.fromkeys(tests.split())
        # The first test compiles the broker, which may take longer than a test may.
        options = ["-x", "-q", "--no-header", "-p", "no:cacheprovider", "--timeout={TIMEOUT_S}"]
        code = pytest.main([*names, *options])
    said = [line for line in out.getvalue().splitlines() if line.startswith(("FAILED", "ERROR"))]
    print({MARK!r} + json.dumps([number, int(code), said[0] if said else ""]), flush=True)
"""
TESTS_FAILED = 1
"""Exit code of pytest; the others mean that the tests did not run as they should."""


def main(arguments: list[str] | None = None) -> int:
    """Apply the mutants of the rules named (all, when none is); return how many were not killed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rules", nargs="*", help="F3, M4, … (default: all)")
    wanted = {rule.lower() for rule in parser.parse_args(arguments).rules}
    chosen = [mutant for mutant in MUTANTS if not wanted or mutant.rule.lower() in wanted]
    in_kernels = [mutant for mutant in chosen if "/kernels/" in mutant.file]
    n_alive = 0
    with tempfile.TemporaryDirectory(prefix="mutants-") as directory:
        copy = Path(directory)
        _copy_checkout(copy)
        for mutant in chosen:
            if mutant not in in_kernels:
                n_alive += _report(mutant, *_judge(mutant, copy))
        if in_kernels:
            build_in(enumerate(in_kernels, 1), copy)
            n_alive += _run_switched(in_kernels, copy)
    print(f"{len(chosen) - n_alive} of {len(chosen)} killed.")
    return n_alive


def _report(mutant: Mutant, verdict: str, detail: str) -> bool:
    """Print one line, and return whether the mutant is alive."""
    place = f"{mutant.file}: {mutant.text.strip()[:60]!r}"
    print(f"{mutant.rule:14} {verdict:8} {place}  {detail}", flush=True)
    return verdict != KILLED


def _run_switched(mutants: list[Mutant], copy: Path) -> int:
    """Report every fault that was built in, tested in one process; return how many are alive."""
    jobs = [("", " ".join(sorted({mutant.tests for mutant in mutants})))]
    jobs += [(mutant.rule, mutant.tests) for mutant in mutants]
    command = [sys.executable, "-c", RUNNER, json.dumps([tests for _, tests in jobs])]
    n_alive = n_seen = 0
    with subprocess.Popen(command, cwd=copy, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            if not line.startswith(MARK):
                continue
            number, code, detail = json.loads(line.removeprefix(MARK))
            n_seen += 1
            if number == 0 and code != 0:
                raise RuntimeError(f"The tests fail without a fault: {detail}")
            if number > 0:
                verdicts = {0: SURVIVED, TESTS_FAILED: KILLED}
                n_alive += _report(mutants[number - 1], verdicts.get(code, BROKEN), detail)
    return n_alive + len(jobs) - n_seen


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
        [*command, "-p", "no:cacheprovider", f"--timeout={TIMEOUT_S}"],
        cwd=copy,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


if __name__ == "__main__":
    sys.exit(min(main(), 1))
