"""Work for dask workers that says where and how it was done."""

from __future__ import annotations

import os
import time
from pathlib import Path

from dataapi.problems import Conflict


class Closes:
    """Blocks over stored bars: `pid i_block sum` of the closes, after a while.

    The subject is a file for notes, and the seconds that a block takes.
    """

    def __init__(self, runs, subject):
        name, pause_s = subject.split()
        self.notes = Path(name)
        self.pause_s = float(pause_s)
        self.bars = runs.store.series.bars("AAPL", "1d")

    def block(self, i_block, *, threads, is_cancelled):
        assert threads == 1
        note(self.notes, f"block {i_block} {os.getpid()}")
        time.sleep(self.pause_s)
        return f"{os.getpid()} {i_block} {self.bars.close.sum() + i_block:.6f}".encode()


def prepare(runs, subject):
    work = Closes(runs, subject)
    note(work.notes, f"prepared {os.getpid()} {os.environ['NUMBA_CACHE_DIR']}")
    return work


def refuse(runs, subject):
    raise Conflict("The bars have changed since this was asked for.")


def look_in_vain(runs, subject):
    runs.store.series.bars("NONE", "1d")


def die(runs, subject):
    os._exit(7)


def note(path, text):
    with path.open("a") as notes:
        notes.write(f"{text}\n")
