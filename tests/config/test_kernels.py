"""Directories of compiled kernels: held while a process uses one, and stale when nobody does."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from config import kernels
from config.kernels import prepare_kernels, remove_kernels, stale_kernels
from config.settings import ROOT

DAY_S = 86_400.0
HOLD = """
import sys
from pathlib import Path
from config import kernels
kernels.kernel_sources_hash = lambda: sys.argv[2]
print(kernels.prepare_kernels(Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


@contextmanager
def process_of(cache_dir, version):
    """Run a process that uses the kernels of a version; yield their directory."""
    command = [sys.executable, "-P", "-c", HOLD, str(cache_dir), version]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        yield process.stdout.readline().strip()
    finally:
        process.communicate(timeout=30)


@pytest.fixture
def old(tmp_path):
    """A directory of another version, with a compiled file, last used ten days ago."""
    directory = tmp_path / "kernels" / ("0" * 16)
    (directory / "engine_1").mkdir(parents=True)
    (directory / "engine_1" / "broker.nbc").write_bytes(b"code")
    aged(directory, 10)
    return directory


def aged(directory, days):
    then = time.time() - days * DAY_S
    os.utime(directory, (then, then))


def stale(cache_dir, days):
    return stale_kernels(cache_dir, time.time() - days * DAY_S)


def test_kernels_that_nobody_used_for_long_are_stale_and_the_own_ones_never(
    tmp_path, old, monkeypatch
):
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    aged(prepare_kernels(tmp_path), 1000)

    assert stale(tmp_path, 9) == [old]
    assert stale(tmp_path, 11) == []
    assert remove_kernels(old)
    assert [path.name for path in (tmp_path / "kernels").iterdir()] == [
        kernels.kernel_sources_hash()[:16]
    ]
    assert not remove_kernels(old)


def test_a_directory_in_which_a_process_is_stays_however_old_it_is(tmp_path, old):
    with process_of(tmp_path, "0" * 64) as used:
        assert used == str(old)
        aged(old, 10)
        assert stale(tmp_path, 0) == []
        assert not remove_kernels(old)
        assert (old / "engine_1" / "broker.nbc").exists()

    assert stale(tmp_path, 0) == [old]


def test_a_start_counts_as_use(tmp_path, old):
    with process_of(tmp_path, "0" * 64):
        pass

    assert stale(tmp_path, 1) == []


def test_what_an_interrupted_removal_left_goes_whenever_that_was(tmp_path, old):
    left = old.rename(old.with_name(f"{kernels.REMOVED}{old.name}-1"))
    aged(left, 0)

    assert stale(tmp_path, 365) == [left]
    assert remove_kernels(left)
    assert not left.exists()


def test_a_process_that_begins_while_its_directory_is_removed_gets_a_new_one(
    tmp_path, old, monkeypatch
):
    with monkeypatch.context() as patch:

        def interrupted(path):
            raise KeyboardInterrupt

        patch.setattr(kernels.shutil, "rmtree", interrupted)
        with pytest.raises(KeyboardInterrupt):
            remove_kernels(old)
    with process_of(tmp_path, "0" * 64) as used:
        assert used == str(old)
        assert list(old.iterdir()) == []
        (left,) = (tmp_path / "kernels").glob(f"{kernels.REMOVED}*")
        assert stale(tmp_path, 365) == [left]
