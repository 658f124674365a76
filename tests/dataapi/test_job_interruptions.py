"""Jobs that do not go through in one piece: cancelled, given back, given way, lost."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

import pytest

from dataapi.store import (
    Hold,
    NotStoredError,
    StoreUnavailableError,
    open_store,
)
from dataapi.store.database import Connections
from tests.dataapi.counting import (
    N_BLOCKS,
    PATIENCE_S,
    Count,
    in_thread,
    queue,
    wait_for,
    worker_of,
)
from tests.dataapi.postgres import fresh_schema


def test_a_waiting_job_is_cancelled_at_once_and_may_be_asked_for_again(each_store):
    job_id = queue(each_store)

    assert each_store.jobs.cancel(job_id).state == "cancelled"
    assert each_store.jobs.take("w", lease_s=30) is None
    assert queue(each_store) == job_id
    again = each_store.jobs.get(job_id)
    assert (again.state, again.is_cancelled) == ("queued", False)
    with pytest.raises(NotStoredError):
        each_store.jobs.cancel(999)


def test_a_running_job_notices_a_cancel_within_a_second(each_store):
    job_id = queue(each_store)
    started, noticed = threading.Event(), []

    def wait_in_block_2(i_block, context):
        if i_block == 2:
            started.set()
            wait_for(context.is_cancelled)
            noticed.append(time.monotonic())
            context.check()

    handler = Count(wait_in_block_2)
    thread = in_thread(worker_of(each_store, {"count": handler}, lease_s=30.0).work_once)
    started.wait(PATIENCE_S)
    asked = time.monotonic()
    running = each_store.jobs.cancel(job_id)
    thread.join(PATIENCE_S)

    assert (running.state, running.is_cancelled) == ("running", True)
    assert noticed[0] - asked < 1.0
    assert each_store.jobs.get(job_id).state == "cancelled"
    assert handler.did == [0, 1]
    # Asked for again, it goes on.
    queue(each_store)
    again = Count()
    worker_of(each_store, {"count": again}).work_once()
    assert again.did == [2, 3, 4]


def test_a_job_whose_worker_is_dead_is_cancelled_at_once(each_store):
    job_id = queue(each_store)
    job = each_store.jobs.take("w", lease_s=0.01)
    time.sleep(0.05)

    assert each_store.jobs.cancel(job_id).state == "cancelled"
    assert each_store.jobs.look(job) is Hold.LOST
    assert not each_store.jobs.finish(job, lambda database: None)


def test_what_is_over_is_not_cancelled(each_store):
    job_id = queue(each_store)
    worker_of(each_store, {"count": Count()}).work_once()

    assert each_store.jobs.cancel(job_id).state == "done"


def test_a_cancel_that_nobody_noticed_yet_is_taken_back_by_asking_again(each_store):
    job_id = queue(each_store)
    job = each_store.jobs.take("w", lease_s=30)
    each_store.jobs.cancel(job_id)
    assert each_store.jobs.look(job) is Hold.CANCELLED

    queue(each_store)
    assert each_store.jobs.look(job) is Hold.OURS
    # A worker that noticed before gives the job back, and it waits like any other.
    assert each_store.jobs.release(job)
    assert each_store.jobs.get(job_id).state == "queued"


def test_a_worker_that_ends_gives_the_job_back_at_the_end_of_the_block(each_store):
    job_id = queue(each_store)
    handler = Count(lambda i_block, context: worker.stop() if i_block == 1 else None)
    worker = worker_of(each_store, {"count": handler})
    worker.work()

    assert handler.did == [0, 1]
    given_back = each_store.jobs.get(job_id)
    assert (given_back.state, given_back.attempts) == ("queued", 0)
    assert sorted(each_store.jobs.blocks(job_id)) == [0, 1]
    # At once due, and not counted as an attempt.
    next_handler = Count()
    assert worker_of(each_store, {"count": next_handler}).work_once()
    assert next_handler.did == [2, 3, 4]


def test_a_worker_that_ends_gives_up_a_block_that_takes_long(each_store):
    queue(each_store)

    def wait_until_told(i_block, context):
        worker.stop()
        asked = time.monotonic()
        wait_for(context.is_cancelled)
        waited.append(time.monotonic() - asked)
        raise RuntimeError("the block was broken off")

    waited = []
    worker = worker_of(each_store, {"count": Count(wait_until_told)})
    worker.work()

    assert 0.9 < waited[0] < 2.0
    assert each_store.jobs.find("count", "s1").state == "queued"
    assert each_store.jobs.find("count", "s1").error is None


def test_a_long_job_gives_way_to_those_that_wait(each_store):
    """Its slice is over at once: the other job comes between its blocks, then it goes on."""
    long, short = queue(each_store, "long"), None
    order = []

    def note(i_block, context):
        order.append((context.job.subject, i_block))
        if order == [("long", 0)]:
            nonlocal short
            short = queue(each_store, "short")
            wait_for(lambda: context.interruption)

    worker = worker_of(each_store, {"count": Count(note)}, slice_s=0.0)
    worker.work_off()

    subjects = [subject for subject, _ in order]
    assert subjects[:2] == ["long", "short"]
    assert sorted(order) == [(name, i) for name in ("long", "short") for i in range(N_BLOCKS)]
    assert {each_store.jobs.get(job_id).state for job_id in (long, short)} == {"done"}


def test_a_frozen_worker_stores_nothing_when_it_wakes(each_store, reopened):
    """While the first worker sleeps in a block, another one takes the job and does it."""
    job_id = queue(each_store)
    other = reopened(each_store)

    def lose(i_block, context):
        if i_block == 1:
            connections = Connections(each_store.url, max_connections=2)
            with connections.transaction() as database:
                database.execute_sql("UPDATE job SET due_ms = 0, token = token")
            connections.close()
            assert other.jobs.take("thief", lease_s=30, job_id=job_id) is not None

    handler = Count(lose)
    worker_of(each_store, {"count": handler}, lease_s=30.0).work_once()

    assert handler.did == [0, 1]
    assert sorted(each_store.jobs.blocks(job_id)) == [0]
    assert each_store.jobs.get(job_id).worker == "thief"


@pytest.mark.postgres
def test_a_job_held_inside_a_transaction_makes_nobody_spin_and_comes_free(
    postgres_url, monkeypatch
):
    """As a worker that is frozen while it stores a block: the server ends its session."""
    monkeypatch.setattr("dataapi.store.database.IDLE_TIMEOUT_S", 1)
    with fresh_schema(postgres_url) as url:
        store, frozen = open_store(url), Connections(url, max_connections=2)
        job_id = queue(store)
        with suppress(StoreUnavailableError), frozen.transaction() as database:
            database.execute_sql("UPDATE job SET attempts = attempts")
            assert store.jobs.is_waiting({"count"})
            assert store.jobs.take("w", lease_s=30) is None
            wait_for(lambda: store.jobs.take("w", lease_s=30) is not None)
        frozen.close()

        assert store.jobs.get(job_id).state == "running"
        store.close()
