"""The engine against its naive twins, as many cases as you like: `python -m tests.engine.twins`.

The cases are those of the tests, which run the first few hundred of each kind. Each kind has its
seeds, from `--seed` on; those on which the two differ are printed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from config.kernels import prepare_kernels
from config.settings import load_settings

if TYPE_CHECKING:
    from tests.engine.twins.kinds import Tally


def main(arguments: list[str] | None = None) -> int:
    """Compare engine and twin on every kind of case; return how many kinds part somewhere."""
    # Before anything imports numba.
    prepare_kernels(load_settings().cache_dir)
    from tests.engine.twins.kinds import KINDS, compared

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=2000, help="in all (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="the first one (%(default)s)")
    parser.add_argument("--kind", choices=KINDS, action="append", help="only these")
    given = parser.parse_args(arguments)
    kinds = given.kind or list(KINDS)
    n_failed = 0
    for name in kinds:
        started = time.monotonic()
        seeds = range(given.seed, given.seed + -(-given.cases // len(kinds)))
        tally = compared(KINDS[name], seeds)
        n_failed += bool(tally.failed)
        for line in _lines(name, seeds, tally, time.monotonic() - started):
            print(line, flush=True)
    return n_failed


def _lines(name: str, seeds: range, tally: Tally, seconds: float) -> Iterator[str]:
    yield (
        f"{name}: {tally.n_cases} cases, seeds {seeds.start} to {seeds.stop - 1}, "
        f"{len(tally.failed)} differ, worst recon_error {tally.worst_recon_error:.1e}, "
        f"{seconds:.0f} s"
    )
    yield "  " + ", ".join(f"{count} {what}" for what, count in sorted(tally.seen.items()))
    for seed, difference in tally.failed.items():
        yield f"  seed {seed}: {difference}"


if __name__ == "__main__":
    sys.exit(min(main(), 1))
