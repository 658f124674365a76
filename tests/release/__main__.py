"""`./run release`: make the folder that is delivered, from a commit whose tests passed."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tests.release.bundle import make
from tests.release.errors import ReleaseError
from tests.release.source import read

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: list[str]) -> int:
    """Make a release; return 0, or 1 with one line that says what to do."""
    options = _parser().parse_args(arguments)
    started = time.monotonic()
    try:
        source = read(ROOT, allow_untested=options.untested, suffix=options.suffix)
        place = make(source, options.out.resolve())
    except ReleaseError as error:
        print(error, file=sys.stderr)
        return 1
    tests = f"tested {source.tested['at']}" if source.tested else "NOT tested, for a laboratory"
    print(
        f"{source.version} of commit {source.commit[:12]}, {tests}, "
        f"in {time.monotonic() - started:.0f} s:\n  {place}\n  {place}.tar"
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./run release", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="where to (dist)")
    parser.add_argument(
        "--untested",
        action="store_true",
        help="for a laboratory: without green tests; delivery refuses it unless told otherwise",
    )
    parser.add_argument("--suffix", default="", help="with --untested: the version is X+SUFFIX")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
