"""Workers killed and frozen at random instants: every job done once, nothing lost or doubled.

CHAOS_BLOWS=2000 makes a long run of it, CHAOS_ROUNDS=20 several with seeds that follow each other,
CHAOS_SEED repeats one.
"""

from __future__ import annotations

import os
import signal
import sys
import time

import pytest

from tests.dataapi.chaos import N_WORKERS, Chaos, expected

N_BLOWS = int(os.environ.get("CHAOS_BLOWS", "40"))
N_ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "1"))
SEED = int(os.environ.get("CHAOS_SEED", time.time_ns() % 1_000_000))


@pytest.mark.cluster
@pytest.mark.slow
@pytest.mark.timeout(120 + 3 * N_BLOWS)
@pytest.mark.parametrize("i_round", range(N_ROUNDS))
def test_whatever_happens_to_workers_each_job_is_done_once(each_store, tmp_path, i_round):
    chaos = Chaos(each_store, tmp_path, SEED + i_round)
    sys.stdout.write(f"\nCHAOS_SEED={chaos.seed} CHAOS_BLOWS={N_BLOWS}\n")
    with chaos.workers():
        chaos.deal(N_BLOWS)
        chaos.settle()
        results = chaos.results()
        n_blocks_left = chaos.n_blocks_left()
        sys.stdout.write(f"{chaos.account()}\n")

    assert results == {subject: [expected(kind, subject)] for kind, subject in chaos.asked.values()}
    assert n_blocks_left == 0


def test_a_frozen_worker_that_is_told_to_end_ends_when_it_wakes(each_store, tmp_path):
    """Any of its threads may receive the signal then, and only the first one can act on it."""
    chaos = Chaos(each_store, tmp_path, SEED)
    with chaos.workers():
        chaos.deal(1)
        ended = [chaos.end_after_freeze(i_worker) for i_worker in range(N_WORKERS)]

    # One that was still starting has no handler yet.
    assert set(ended) <= {0, -signal.SIGTERM}
