"""The queue of jobs: whatever dies at whatever instant, each job is done once."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time

import pytest

from config.run import RunConfig
from config.settings import load_settings
from dataapi.services import analysis
from dataapi.services.bundled_runs import service
from dataapi.services.job_context import Services
from dataapi.services.working import Worker
from dataapi.store import Hold, NewAnalysis, Store, open_store
from dataapi.store.database import Connections, execute
from dataapi.store.jobs import MAX_ATTEMPTS
from tests.apps import config, save_waves

LEASE_S = 0.3
FOUND = NewAnalysis(engine_version="test", elapsed_ms=1.0, document={"robustness": {"base": 1}})


def runs_of(store: Store):
    return service(store, load_settings({}))


def stored_run(store: Store) -> str:
    save_waves(store)
    return runs_of(store).submit(RunConfig.model_validate(config())).id


def rows(store: Store, sql: str):
    connections = Connections(store.url, max_connections=2)
    with connections.session() as database:
        found = [tuple(row) for row in execute(database, sql).fetchall()]
    connections.close()
    return found


def append(context):
    return context.services.runs.store.analyses.finish(context.job, FOUND)


def worker_of(store, handler=append, kind="analysis", **changes):
    settings = load_settings({})
    terms = settings.worker.model_copy(update={"lease_s": LEASE_S, "poll_s": 0.01, **changes})
    services = Services(runs=runs_of(store), settings=settings.model_copy(update={"worker": terms}))
    return Worker(services, {kind: handler})


def take_when_due(store):
    """Take the next job; the lease or the pause before it ends soon."""
    deadline = time.monotonic() + 20.0
    while (job := store.jobs.take("other", lease_s=LEASE_S)) is None:
        assert time.monotonic() < deadline, "No job became due."
        time.sleep(0.02)
    return job


def test_a_new_run_has_one_job_however_often_it_is_asked_for(each_store):
    run_id = stored_run(each_store)
    assert stored_run(each_store) == run_id

    assert rows(each_store, "SELECT kind, run_id, state FROM job") == [
        ("analysis", run_id, "queued")
    ]
    assert each_store.analyses.get(run_id).state == "queued"


def test_a_job_is_taken_by_one_worker_only(each_store, reopened):
    run_id = stored_run(each_store)
    other = reopened(each_store)

    job = each_store.jobs.take("one", lease_s=30)
    assert other.jobs.take("two", lease_s=30) is None
    assert each_store.analyses.get(run_id).state == "running"
    assert each_store.analyses.finish(job, FOUND)

    done = other.analyses.get(run_id)
    assert (done.state, done.engine_version, done.document) == ("done", "test", FOUND.document)
    assert other.jobs.take("two", lease_s=30) is None


def test_a_worker_that_was_too_slow_stores_nothing(each_store):
    run_id = stored_run(each_store)
    slow = each_store.jobs.take("slow", lease_s=0.01)
    second = take_when_due(each_store)

    assert (second.id, second.attempts) == (slow.id, 2)
    assert each_store.jobs.renew(slow, lease_s=30) is Hold.LOST
    assert each_store.jobs.put_block(slow, 0, b"late", lease_s=30) is Hold.LOST
    assert each_store.jobs.blocks(slow.id) == {}
    assert not each_store.jobs.release(slow)
    assert not each_store.analyses.finish(slow, FOUND)
    assert each_store.analyses.get(run_id).state == "running"
    assert each_store.analyses.finish(second, FOUND)
    assert not each_store.jobs.fail(slow, "late", is_final=True)
    assert each_store.analyses.get(run_id).state == "done"


def test_a_renewed_lease_keeps_the_job(each_store):
    stored_run(each_store)

    def slow(context):
        time.sleep(3 * LEASE_S)
        assert each_store.jobs.take("thief", lease_s=30) is None
        return append(context)

    assert worker_of(each_store, slow).work_once()
    assert rows(each_store, "SELECT state, attempts FROM job") == [("done", 1)]


def test_a_failing_job_is_tried_again_and_then_given_up(each_store, monkeypatch):
    monkeypatch.setattr("dataapi.store.jobs.BACKOFF_MS", 1)
    run_id = stored_run(each_store)
    tried = []

    def fail(context):
        tried.append(context.job.attempts)
        raise RuntimeError("no luck")

    worker = worker_of(each_store, fail)
    deadline = time.monotonic() + 20.0
    while each_store.analyses.get(run_id).state != "failed":
        assert time.monotonic() < deadline
        worker.work_once()

    assert tried == list(range(1, MAX_ATTEMPTS + 1))
    assert each_store.analyses.get(run_id).error == "RuntimeError: no luck"


def test_what_is_refused_is_not_tried_again(each_store):
    run_id = stored_run(each_store)
    each_store.series.delete("AAPL", "1d", force=True)

    assert worker_of(each_store, analysis.carry_out).work_once()
    found = each_store.analyses.get(run_id)
    assert (found.state, found.document) == ("failed", None)
    assert "No bars of AAPL are stored" in found.error


def test_deleting_a_run_deletes_its_job_and_its_analysis(each_store):
    run_id = stored_run(each_store)
    job = each_store.jobs.take("one", lease_s=30)
    each_store.runs.delete(run_id)
    assert not each_store.analyses.finish(job, FOUND)

    stored_run(each_store)
    assert worker_of(each_store).work_once()
    each_store.runs.delete(run_id)
    assert rows(each_store, "SELECT COUNT(*) FROM job") == [(0,)]
    assert rows(each_store, "SELECT COUNT(*) FROM analysis") == [(0,)]


def test_an_analysis_made_by_hand_ends_the_job(each_store):
    run_id = stored_run(each_store)
    job = each_store.jobs.take("one", lease_s=30)

    each_store.analyses.put(run_id, FOUND)

    assert not each_store.analyses.finish(job, NewAnalysis(
        engine_version="late", elapsed_ms=1.0, document={}))  # fmt: skip
    assert each_store.analyses.get(run_id).engine_version == "test"
    assert each_store.jobs.take("two", lease_s=30) is None


def test_an_older_store_gets_a_job_for_each_of_its_runs(each_store):
    undone = ["0002_jobs", "0003_long_jobs", "0005_processes"]
    run_id = stored_run(each_store)
    connections = Connections(each_store.url, max_connections=2)
    with connections.session() as database:
        for table in ("job_block", "job", "analysis", "process"):
            execute(database, f"DROP TABLE {table}")
        execute(
            database,
            "DELETE FROM schema_migration "
            "WHERE name IN ('0002_jobs', '0003_long_jobs', '0005_processes')",
        )
    connections.close()

    assert each_store.migrate() == undone
    assert worker_of(each_store).work_once()
    assert each_store.analyses.get(run_id).state == "done"


def _die(url: str, moment: str) -> None:
    """Work until the moment, and be killed there."""

    def die(*arguments, **options):
        os.kill(os.getpid(), signal.SIGKILL)

    store = open_store(url)
    if moment == "computing":
        worker_of(store, die).work_once()
    elif moment == "result stored, not committed":
        import dataapi.store.analyses as module

        insert = module._insert

        def insert_and_die(*arguments):
            insert(*arguments)
            die()

        module._insert = insert_and_die
        worker_of(store).work_once()
    else:
        store.jobs.take("victim", lease_s=LEASE_S)
        die()


@pytest.mark.parametrize("moment", ["taken", "computing", "result stored, not committed"])
def test_a_killed_worker_loses_nothing_and_doubles_nothing(each_store, moment):
    run_id = stored_run(each_store)
    victim = multiprocessing.get_context("spawn").Process(
        target=_die, args=(each_store.url, moment)
    )
    victim.start()
    victim.join(60)
    assert victim.exitcode == -signal.SIGKILL
    assert each_store.analyses.get(run_id).state == "running"

    worker = worker_of(each_store)
    deadline = time.monotonic() + 20.0
    while not worker.work_once():
        assert time.monotonic() < deadline, "The job was not taken again."
        time.sleep(0.02)

    assert each_store.analyses.get(run_id).state == "done"
    assert rows(each_store, "SELECT state, attempts FROM job") == [("done", 2)]
    assert rows(each_store, "SELECT COUNT(*) FROM analysis") == [(1,)]
    assert not worker.work_once()


def test_a_job_that_kills_every_worker_is_given_up(each_store):
    run_id = stored_run(each_store)
    for _ in range(MAX_ATTEMPTS):
        take_when_due(each_store)
    time.sleep(LEASE_S)

    assert each_store.jobs.take("next", lease_s=30) is None
    found = each_store.analyses.get(run_id)
    assert (found.state, found.error) == ("failed", "The worker died 3 times over it.")


def test_many_workers_do_each_job_once(each_store, reopened):
    save_waves(each_store)
    runs = runs_of(each_store)
    params = [{"fast": fast, "slow": 12} for fast in range(2, 10)]
    ids = [
        runs.submit(
            RunConfig.model_validate(config(strategy={"name": "sma_cross", "params": one}))
        ).id
        for one in params
    ]
    done = []

    def note(context):
        done.append(context.job.subject)
        return append(context)

    import threading

    workers = [worker_of(reopened(each_store), note) for _ in range(3)]
    threads = [threading.Thread(target=worker.work_off) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    worker_of(each_store, note).work_off()

    assert sorted(done) == sorted(ids)
