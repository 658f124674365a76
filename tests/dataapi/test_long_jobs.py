"""Long jobs: finished blocks, progress, cancel, and giving way."""

from __future__ import annotations

import threading
import time

import pytest

from dataapi.executors import BlockTask
from dataapi.store import (
    Hold,
    JobQuery,
    NotStoredError,
    Progress,
    open_store,
)
from dataapi.store.database import Connections
from dataapi.store.jobs import remove_job
from tests.dataapi.counting import (
    N_BLOCKS,
    PATIENCE_S,
    Count,
    in_thread,
    queue,
    wait_for,
    worker_of,
)


def test_one_job_of_a_kind_about_a_subject(each_store):
    job_id = queue(each_store)

    assert queue(each_store) == job_id
    assert queue(each_store, "s2") != job_id
    assert queue(each_store, kind="other") != job_id
    assert each_store.jobs.find("count", "s1").id == job_id
    assert each_store.jobs.find("count", "s3") is None
    assert each_store.jobs.get(job_id).state == "queued"
    with pytest.raises(NotStoredError, match="No job 999"):
        each_store.jobs.get(999)


def test_a_worker_takes_only_what_it_can_do(each_store):
    queue(each_store)
    other = queue(each_store, kind="other")

    assert each_store.jobs.take("w", lease_s=30, kinds={"other"}).id == other
    assert each_store.jobs.take("w", lease_s=30, kinds={"other"}) is None
    assert each_store.jobs.take("w", lease_s=30, job_id=other) is None
    assert each_store.jobs.take("w", lease_s=30).kind == "count"


def test_the_next_worker_goes_on_from_the_finished_blocks(each_store):
    """The first worker is interrupted by an error in block 2: 0 and 1 are not done again."""
    job_id = queue(each_store)

    def fail_once(i_block, context):
        if i_block == 2 and not first.found:
            raise RuntimeError("out of luck")

    first, second = Count(fail_once), Count()
    worker_of(each_store, {"count": first}).work_once()
    waiting = each_store.jobs.get(job_id)
    assert (waiting.state, waiting.error) == ("queued", "RuntimeError: out of luck")
    assert each_store.jobs.blocks(job_id) == {0: b"0", 1: b"1"}
    assert each_store.jobs.blocks(job_id, known={0}) == {1: b"1"}

    wait_for(worker_of(each_store, {"count": second}).work_once)
    assert (first.did, second.found, second.did) == ([0, 1], [0, 1], [2, 3, 4])
    done = each_store.jobs.get(job_id)
    assert (done.state, done.progress, done.error) == ("done", 1.0, None)
    # What of the blocks shall last is part of the result.
    assert each_store.jobs.blocks(job_id) == {}


def test_a_block_twice_is_one_and_counts_as_progress_once(each_store):
    job_id = queue(each_store)
    job = each_store.jobs.take("w", lease_s=30)
    assert each_store.jobs.get(job_id).attempts == 1

    assert each_store.jobs.put_block(job, 0, b"a", lease_s=0.01) is Hold.OURS
    assert each_store.jobs.get(job_id).attempts == 0
    wait_for(lambda: each_store.jobs.is_waiting({"count"}))
    job = each_store.jobs.take("w", lease_s=30)
    assert each_store.jobs.put_block(job, 0, b"a", lease_s=30) is Hold.OURS

    assert each_store.jobs.get(job_id).attempts == 1
    assert each_store.jobs.blocks(job_id) == {0: b"a"}


def test_a_damaged_block_counts_as_not_finished(each_store):
    job_id = queue(each_store)
    job = each_store.jobs.take("w", lease_s=30)
    each_store.jobs.put_block(job, 0, b"good", lease_s=30)
    each_store.jobs.put_block(job, 1, b"good", lease_s=30)
    connections = Connections(each_store.url, max_connections=2)
    with connections.transaction() as database:
        database.execute_sql("UPDATE job_block SET crc32 = 1 WHERE i_block = 0")
    connections.close()

    assert each_store.jobs.blocks(job_id) == {1: b"good"}
    each_store.jobs.put_block(job, 0, b"good", lease_s=30)
    assert each_store.jobs.blocks(job_id) == {0: b"good", 1: b"good"}


def test_a_job_survives_any_number_of_deaths_as_long_as_blocks_get_done(each_store):
    """Ten workers die, each after one block; then three die without any: the job is given up."""
    job_id = queue(each_store)
    for i_block in range(10):
        wait_for(lambda: each_store.jobs.is_waiting({"count"}))
        job = each_store.jobs.take("w", lease_s=0.01)
        each_store.jobs.put_block(job, i_block, b"x", lease_s=0.01)
    for _ in range(3):
        wait_for(lambda: each_store.jobs.is_waiting({"count"}))
        assert each_store.jobs.take("w", lease_s=0.01) is not None
    wait_for(lambda: each_store.jobs.is_waiting({"count"}))

    assert each_store.jobs.take("w", lease_s=30) is None
    lost = each_store.jobs.get(job_id)
    assert (lost.state, lost.error) == ("failed", "The worker died 3 times over it.")
    assert len(each_store.jobs.blocks(job_id)) == 10


class Tens:
    """Blocks of the bytes of their number; the third one takes until it is broken off."""

    def block(self, i_block, *, threads, is_cancelled):
        if i_block == 3:
            wait_for(is_cancelled)
            raise RuntimeError("broken off")
        return b"%d" % i_block


def test_blocks_are_computed_by_the_executor_until_the_job_is_cancelled(each_store):
    job_id = queue(each_store)

    def carry_out(context):
        task = BlockTask(prepare="nowhere:nothing", subject="s1", key="k", work=Tens())
        for i_block, data in context.compute(task, range(10)):
            context.put_block(i_block, data)
            if i_block == 2:
                each_store.jobs.cancel(job_id)
        return context.finish(lambda database: None)

    worker_of(each_store, {"count": carry_out}).work_once()

    cancelled = each_store.jobs.get(job_id)
    assert (cancelled.state, cancelled.error) == ("cancelled", None)
    assert each_store.jobs.blocks(job_id) == {0: b"0", 1: b"1", 2: b"2"}


def test_an_unknown_executor_is_said(each_store):
    job_id = queue(each_store, executor="slurm")

    def carry_out(context):
        task = BlockTask(prepare="nowhere:nothing", subject="s1", key="k", work=Tens())
        return not list(context.compute(task, range(10)))

    worker_of(each_store, {"count": carry_out}).work_once()
    assert "No executor 'slurm'" in each_store.jobs.get(job_id).error


def test_progress_is_written_while_the_job_runs(each_store):
    job_id = queue(each_store)
    is_seen = threading.Event()

    def wait_in_block_3(i_block, context):
        time.sleep(0.05)
        if i_block == 3:
            is_seen.wait(PATIENCE_S)

    worker = worker_of(each_store, {"count": Count(wait_in_block_3)})
    thread = in_thread(worker.work_once)
    wait_for(lambda: each_store.jobs.get(job_id).progress == 3 / N_BLOCKS)
    running = each_store.jobs.get(job_id)
    is_seen.set()
    thread.join(PATIENCE_S)

    assert (running.state, running.unit, running.note) == ("running", "blocks", "block 3")
    # Three blocks of 0.05 s and more: at most 20 a second. Two are left.
    assert 0.0 < running.rate <= 20.0
    assert running.eta_s == pytest.approx(2.0 / running.rate)
    assert running.worker == worker.name
    done = each_store.jobs.get(job_id)
    assert (done.state, done.progress, done.rate, done.eta_s) == ("done", 1.0, None, None)


def test_removing_a_job_removes_its_blocks(each_store):
    queue(each_store)
    job = each_store.jobs.take("w", lease_s=30)
    each_store.jobs.put_block(job, 0, b"x", lease_s=30)
    connections = Connections(each_store.url, max_connections=2)
    with connections.transaction() as database:
        remove_job(database, "count", "s1")
        assert not list(database.execute_sql("SELECT * FROM job_block").fetchall())
    connections.close()

    assert each_store.jobs.find("count", "s1") is None
    assert each_store.jobs.renew(job, lease_s=30, progress=Progress(progress=0.5)) is Hold.LOST


def test_the_list_is_paged_from_the_newest(each_store):
    ids = [queue(each_store, f"s{i}", executor="dask") for i in range(5)]
    first = each_store.jobs.list(JobQuery(limit=2))
    second = each_store.jobs.list(JobQuery(limit=2, before=first.next_before))
    last = each_store.jobs.list(JobQuery(limit=2, before=second.next_before))

    pages = [[item.id for item in page.items] for page in (first, second, last)]
    assert pages == [ids[:2:-1], ids[2:0:-1], ids[:1]]
    assert last.next_before is None
    assert first.items[0].executor == "dask"
    each_store.jobs.cancel(ids[0])
    assert [item.id for item in each_store.jobs.list(JobQuery(state="cancelled")).items] == ids[:1]
    assert each_store.jobs.list(JobQuery(kind="other")).items == []


def test_a_store_of_the_version_before_keeps_its_jobs(each_database_url):
    """Jobs of analyses made before long jobs existed are about their runs."""
    from tests.apps import save_waves

    store = open_store(each_database_url)
    save_waves(store)
    connections = Connections(store.url, max_connections=2)
    with connections.session() as database:
        database.execute_sql("DROP TABLE job_block")
        database.execute_sql("DROP INDEX job_subject_kind")
        for column in (
            "subject", "executor", "progress", "unit", "rate", "eta_s", "note", "is_cancelled"
        ):  # fmt: skip
            database.execute_sql(f"ALTER TABLE job DROP COLUMN {column}")
        database.execute_sql("DELETE FROM schema_migration WHERE name = '0003_long_jobs'")
        database.execute_sql(
            "INSERT INTO job (kind, state, attempts, token, due_ms, created_ms, updated_ms, worker)"
            " VALUES ('old', 'done', 1, 1, 0, 0, 0, '')"
        )
    connections.close()

    assert store.migrate() == ["0003_long_jobs"]
    old = store.jobs.find("old", "")
    assert (old.state, old.progress, old.is_cancelled) == ("done", 1.0, False)
    store.close()
