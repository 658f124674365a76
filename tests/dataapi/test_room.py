"""Room that removed rows left in SQLite's file goes back to the disk, while others go on."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing

import numpy as np
import pytest

from config.settings import ROOT
from dataapi.store import NoRoomError, open_store, room
from tests.dataapi.test_store_runs import new_run

GIVE_BACK = """
import sys
from dataapi.store import open_store
store = open_store(sys.argv[1])
for freed in store.room.give_back():
    print(freed, flush=True)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "hindcast.db"


@pytest.fixture
def store(path):
    store = open_store(f"sqlite:///{path}")
    yield store
    store.close()


def big_run(name):
    """A run of about a megabyte that does not compress."""
    noise = np.random.default_rng(len(name)).integers(0, 2**63, 131_072)
    return new_run(name, tables={"equity": {"time": noise}})


def fill(store, *, kept=3, deleted=12):
    for i in range(kept + deleted):
        store.runs.insert(big_run(f"run{i}"))
    for i in range(kept, kept + deleted):
        store.runs.delete(f"run{i}")


def whole(path):
    with closing(sqlite3.connect(path)) as database:
        return database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def make_old(path):
    """Write the file as earlier versions made it: without the means to give room back in steps."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.executescript("PRAGMA auto_vacuum = none; VACUUM")


def test_a_new_store_has_large_pages_and_gives_room_back_in_steps(store, path):
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA page_size").fetchone() == (16_384,)
    assert store.room.is_in_steps
    assert store.room.free_bytes() == 0
    assert list(store.room.give_back()) == []


def test_the_file_shrinks_by_what_was_free(store, path):
    fill(store)
    before = store.size_bytes()
    free = store.room.free_bytes()
    assert 12e6 < free < 13e6

    steps = list(store.room.give_back())

    assert sum(steps) == free
    assert max(steps) == room.STEP_PAGES * 16_384
    assert store.room.free_bytes() == 0
    # The file may lose pages of its own bookkeeping as well.
    assert before - free - 4 * 16_384 <= store.size_bytes() <= before - free
    assert path.stat().st_size == store.size_bytes() == store.room.held_bytes()
    assert path.with_name("hindcast.db-wal").stat().st_size == 0
    assert whole(path)
    assert store.runs.table("run0", "equity")["time"].size == 131_072


def test_others_write_between_the_steps(store, monkeypatch):
    fill(store)
    monkeypatch.setattr(room, "STEP_PAGES", 16)
    waits, is_over = [], threading.Event()

    def write():
        other = open_store(store.url)
        while not is_over.is_set():
            began = time.monotonic()
            other.runs.patch("run0", note=str(len(waits)))
            waits.append(time.monotonic() - began)
        other.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        n_steps = len(list(store.room.give_back()))
    finally:
        is_over.set()
        writer.join()

    assert n_steps > 40
    assert len(waits) > 5
    assert max(waits) < 10


def test_a_reader_that_does_not_end_holds_up_neither_this_nor_writers(store, path, monkeypatch):
    fill(store)
    monkeypatch.setattr(room, "LOG_WAIT_MS", 50)
    before = path.stat().st_size
    other = open_store(store.url)
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.executescript("BEGIN; SELECT COUNT(*) FROM run")
        began = time.monotonic()
        list(store.room.give_back())
        other.runs.patch("run0", note="meanwhile")
        assert time.monotonic() - began < 20
        assert store.room.free_bytes() == 0
        # What the reader sees is still in the file.
        assert path.stat().st_size == before
    other.close()

    store.room._empty_log()

    assert path.stat().st_size == store.size_bytes() < before
    assert whole(path)


def test_a_store_of_before_is_written_anew_once(store, path):
    fill(store)
    store.close()
    make_old(path)
    store.runs.delete("run2")
    assert not store.room.is_in_steps
    free = store.room.free_bytes()
    reader = open_store(store.url)
    reader.runs.get("run0")

    assert store.room.rewrite() == pytest.approx(free, abs=100_000)

    assert store.room.is_in_steps
    assert store.room.free_bytes() == 0
    assert path.stat().st_size == store.size_bytes()
    assert whole(path)
    assert reader.runs.table("run1", "equity")["time"].size == 131_072
    reader.runs.patch("run1", note="written after it")
    reader.close()


def test_it_is_refused_when_the_disk_is_too_small(store, path, monkeypatch):
    fill(store)
    make_old(path)
    before = path.read_bytes()
    # Nothing in it is free: what it holds, once beside it and once in its log.
    needed = 2 * store.size_bytes() / 1e6
    usage = shutil.disk_usage(path.parent)._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage)

    with pytest.raises(NoRoomError, match=rf"needs {needed:.0f} MB free in .*/data, and there"):
        store.room.rewrite()

    assert path.read_bytes() == before


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_killed_at_any_step_the_store_is_whole_and_the_next_one_goes_on(store, path, steps):
    fill(store, deleted=30)
    process = subprocess.Popen(
        [sys.executable, "-c", GIVE_BACK, store.url], cwd=ROOT, stdout=subprocess.PIPE
    )
    for _ in range(steps):
        assert process.stdout.readline()
    process.kill()
    process.communicate(timeout=30)

    assert whole(path)
    list(store.room.give_back())
    assert store.room.free_bytes() == 0
    assert path.stat().st_size == store.size_bytes()
    assert store.runs.count() == 3


@pytest.mark.postgres
def test_postgres_uses_the_room_itself(postgres_url):
    store = open_store(postgres_url, migrate=False)
    assert not store.room.is_ours
    assert store.room.free_bytes() == 0
    store.close()
