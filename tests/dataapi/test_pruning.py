"""Removing rows that nobody refers to: held against a naive search, and beside others at work."""

# ruff: noqa: S311, S608 - seeded chance, and statements of the tests' own

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from dataapi.store import NewAnalysis, NotStoredError, pruning
from dataapi.store import runs as run_rows
from dataapi.store.pruning import SUBMISSION_MS
from tests.dataapi.test_store_runs import new_run
from tests.dataapi.test_store_studies import result, study

HOUR_MS = 3_600_000
PATIENCE_S = 60.0
ANALYSIS = NewAnalysis(engine_version="1", elapsed_ms=1.0, document={"of": "a run"})


def prune(store, before_ms):
    """Remove everything that can go; return how many rows of each kind did."""
    kinds = [found.kind for found in store.pruning.find(before_ms)]
    return {kind: sum(store.pruning.remove(kind, before_ms)) for kind in kinds}


def future():
    """Return an instant before which everything was."""
    return time.time_ns() // 1_000_000 + 24 * HOUR_MS


def test_an_empty_store_has_nothing_to_remove(each_store):
    assert [(found.number, found.n_bytes) for found in each_store.pruning.find(future())] == [
        (0, 0)
    ] * 3
    assert prune(each_store, future()) == {"runs": 0, "jobs": 0, "versions": 0}


def fill(store, sql, make_bars, chance):
    """Make runs, jobs, studies and versions at random instants within a hundred hours."""

    def hour():
        return chance.randrange(100) * HOUR_MS

    for i in range(40):
        store.runs.insert(new_run(f"run{i}", data=((chance.choice(["AAPL", "MSFT"]), "f"),)))
        sql(f"UPDATE run SET created_ms = {hour()} WHERE id = 'run{i}'")
        if chance.random() < 0.5:
            store.analyses.put(f"run{i}", ANALYSIS)
        elif chance.random() < 0.5:
            sql(f"UPDATE job SET state = 'failed', error = 'x' WHERE subject = 'run{i}'")
        if chance.random() < 0.3:
            sql(f"DELETE FROM run_entry WHERE run_id = 'run{i}'")
    for i in range(12):
        studies = store.sweeps if i % 2 else store.walkforwards
        studies.insert(study(f"study{i}"))
        sql(f"UPDATE study SET created_ms = {hour()} WHERE id = 'study{i}'")
        if chance.random() < 0.5:
            sql(f"DELETE FROM study WHERE id = 'study{i}'")
    for subject, updated in [(s, hour()) for (s,) in sql("SELECT subject FROM job")]:
        sql(f"UPDATE job SET updated_ms = {updated} WHERE subject = '{subject}'")
    for symbol in ("AAPL", "MSFT", "IBM"):
        for n_bars in range(1, 30):
            store.series.save(symbol, "1d", make_bars(n_bars), source="test")
    hours = sorted(chance.sample(range(3000), 29))
    for rev, at in enumerate(hours, start=1):
        sql(f"UPDATE series_version SET created_ms = {at * HOUR_MS // 30} WHERE rev = {rev}")


def expected(sql, before_ms):
    """Return the keys that may go, found row by row."""
    entries = {run_id for (run_id,) in sql("SELECT run_id FROM run_entry")}
    analyses = {run_id for (run_id,) in sql("SELECT run_id FROM analysis")}
    studies = set(sql("SELECT kind, id FROM study"))
    runs = {
        run_id
        for run_id, created in sql("SELECT id, created_ms FROM run")
        if created < before_ms and run_id not in entries
    }
    jobs = set()
    for job_id, kind, subject, state, updated in sql(
        "SELECT id, kind, subject, state, updated_ms FROM job"
    ):
        if kind == "analysis":
            is_over = state == "done" and subject in analyses and updated < before_ms
            if is_over or subject in runs:
                jobs.add(job_id)
        elif (kind, subject) not in studies and updated < before_ms:
            jobs.add(job_id)
    return runs, jobs


def unseen(sql, before_ms):
    """Return the versions that nothing stored can have seen, found one by one."""
    made = sql("SELECT symbol, created_ms FROM run JOIN run_symbol ON run_id = id")
    studied = [created for (created,) in sql("SELECT created_ms FROM study")]
    found = set()
    for series_id, symbol in sql("SELECT id, symbol FROM series"):
        versions = sql(
            f"SELECT rev, created_ms FROM series_version WHERE series_id = {series_id} ORDER BY rev"
        )
        for (rev, begin), (_, replaced) in itertools.pairwise(versions):
            end = replaced + SUBMISSION_MS
            stamps = [*studied, *(created for name, created in made if name == symbol)]
            if end < before_ms and not any(begin <= stamp <= end for stamp in stamps):
                found.add((series_id, rev))
    return found


def keys(sql):
    return (
        {run_id for (run_id,) in sql("SELECT id FROM run")},
        {job_id for (job_id,) in sql("SELECT id FROM job")},
    )


@pytest.mark.parametrize("seed", range(4))
def test_exactly_what_a_naive_search_finds_goes(each_store, sql, make_bars, monkeypatch, seed):
    monkeypatch.setattr("dataapi.store.pruning.BATCH", 3)
    monkeypatch.setattr("dataapi.store.pruning.LOOKED_FOR", 7)
    chance = random.Random(seed)
    fill(each_store, sql, make_bars, chance)
    before_ms = chance.randrange(50, 110) * HOUR_MS
    (runs, jobs), (all_runs, all_jobs) = expected(sql, before_ms), keys(sql)
    own = {job for (job,) in sql("SELECT id FROM job WHERE run_id IS NOT NULL")} if runs else set()
    assert runs
    assert jobs
    found = {one.kind: one for one in each_store.pruning.find(before_ms)}

    removed = prune(each_store, before_ms)

    assert keys(sql) == (all_runs - runs, all_jobs - jobs)
    assert removed["runs"] == found["runs"].number == len(runs)
    # The jobs of removed runs went with them.
    assert removed["jobs"] + len(jobs & own) >= len(jobs)
    assert all(one.n_bytes > 0 for one in found.values() if one.number)
    left = each_store.pruning.find(before_ms)
    assert [one.number for one in left] == [0, 0, 0]
    for table in ("run_symbol", "run_blob", "analysis"):
        assert {run_id for (run_id,) in sql(f"SELECT run_id FROM {table}")} <= all_runs - runs


@pytest.mark.parametrize("seed", range(4))
def test_exactly_the_versions_that_nothing_can_have_seen_go(each_store, sql, make_bars, seed):
    chance = random.Random(seed)
    fill(each_store, sql, make_bars, chance)
    sql("DELETE FROM study")
    sql("DELETE FROM run WHERE LENGTH(id) > 4")
    before_ms = chance.randrange(50, 110) * HOUR_MS
    before = set(sql("SELECT series_id, rev FROM series_version"))
    wanted = unseen(sql, before_ms)
    assert wanted
    (found,) = [one for one in each_store.pruning.find(before_ms) if one.kind == "versions"]

    assert sum(each_store.pruning.remove("versions", before_ms)) == found.number == len(wanted)

    assert set(sql("SELECT series_id, rev FROM series_version")) == before - wanted
    assert all(each_store.series.versions(s, "1d")[0].rev == 29 for s in ("AAPL", "MSFT", "IBM"))


def test_a_run_takes_everything_of_its_own_along_but_its_trial(each_store, sql):
    each_store.runs.insert(new_run("gone", trials=result("gone").trials))
    each_store.runs.insert(new_run("kept"))
    sql("DELETE FROM run_entry WHERE run_id = 'gone'")
    size = sum(n for (n,) in sql("SELECT LENGTH(data) FROM run_blob WHERE run_id = 'gone'"))

    found = each_store.pruning.find(future())[0]
    assert size < found.n_bytes < size + 2_000
    assert prune(each_store, future())["runs"] == 1

    assert sql("SELECT id FROM run") == [("kept",)]
    assert sql("SELECT subject FROM job") == [("kept",)]
    assert each_store.trials.get("sma_cross", "AAPL MSFT 1d").n_trials == 3


def test_content_without_an_entry_counts_as_deleted_and_is_kept_when_it_is_made_again(
    each_store, sql
):
    each_store.runs.insert(new_run("run1"))
    sql("DELETE FROM run_entry")
    assert each_store.runs.get_by_key("key of run1") is None

    _, is_new = each_store.runs.insert(new_run("run1"), name="again")

    assert not is_new
    assert prune(each_store, future())["runs"] == 0
    assert each_store.runs.get_by_key("key of run1").id == "run1"
    assert each_store.runs.about("run1").name == "again"


def submit(store):
    store.runs.insert(new_run("run1"))


def prune_all(store):
    prune(store, future())


@pytest.mark.parametrize(
    ("first", "second", "module", "function"),
    [(submit, prune_all, run_rows, "_insert_entry"), (prune_all, submit, pruning, "_lock")],
    ids=["before its entry is made", "before its content is removed"],
)
def test_a_run_that_is_stored_again_just_then_keeps_its_content(
    each_store, reopened, sql, monkeypatch, first, second, module, function
):
    """Either the removal waits and sees the entry, or the run waits, finds nothing, is stored."""
    each_store.runs.insert(new_run("run1"))
    sql("DELETE FROM run_entry")
    is_there, may_go = threading.Event(), threading.Event()
    original = getattr(module, function)

    def pause(*arguments):
        found = original(*arguments) if module is pruning else None
        is_there.set()
        assert may_go.wait(PATIENCE_S)
        return found if module is pruning else original(*arguments)

    monkeypatch.setattr(module, function, pause)
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(first, reopened(each_store))
        assert is_there.wait(PATIENCE_S)
        other = pool.submit(second, reopened(each_store))
        time.sleep(0.3)
        assert not other.done()
        may_go.set()
        one.result(PATIENCE_S)
        other.result(PATIENCE_S)

    assert each_store.runs.get_by_key("key of run1").id == "run1"
    assert each_store.runs.table("run1", "fills")["side"].tolist() == ["buy", "sell"]
    assert prune(each_store, future())["runs"] == 0


def beside(store, reopened, *works, seconds):
    """Do works over and over at the same time, each on connections of its own; what they return."""
    end = time.monotonic() + seconds

    def repeat(work, own):
        found = Counter()
        while time.monotonic() < end:
            found[work(own)] += 1
        return found

    with ThreadPoolExecutor(len(works)) as pool:
        jobs = [pool.submit(repeat, work, reopened(store)) for work in works]
        return [job.result(seconds + PATIENCE_S) for job in jobs]


def test_runs_stored_over_and_over_beside_removals_are_whole_each_time(each_store, reopened, sql):
    def store_again(store):
        store.runs.insert(new_run("run1"))
        assert store.runs.get_by_key("key of run1").id == "run1"
        assert store.runs.table("run1", "equity")["time"].size == 1000
        # As if its only reader had left it, and something had kept the content.
        sql("DELETE FROM run_entry")
        return "stored"

    stored, removed = beside(
        each_store, reopened, store_again, lambda s: prune(s, future())["runs"], seconds=2
    )

    assert stored["stored"] > 3
    assert removed[1]


def test_studies_stored_over_and_over_beside_removals_keep_their_jobs(each_store, reopened, sql):
    def store_again(store):
        store.sweeps.insert(study())
        assert store.jobs.find("sweep", "one").state == "queued"
        # As if a deletion had left the job.
        sql("DELETE FROM study")
        return "stored"

    stored, removed = beside(
        each_store, reopened, store_again, lambda s: prune(s, future())["jobs"], seconds=2
    )

    assert stored["stored"] > 3
    assert removed[1]


def test_a_study_stored_while_it_is_deleted_is_there_with_its_job_or_not_at_all(
    each_store, reopened, sql
):
    def insert(store):
        store.sweeps.insert(study())
        return "stored"

    def delete(store):
        try:
            store.sweeps.delete("one")
        except NotStoredError:
            return "absent"
        return "deleted"

    for _ in range(5):
        stored, deleted = beside(each_store, reopened, insert, delete, seconds=0.4)
        assert stored["stored"]
        assert deleted
        assert sql("SELECT id FROM study") == sql("SELECT subject FROM job")


def test_a_run_deleted_while_its_analysis_ends_holds_nobody_up(each_store, reopened):
    """Both lock the job before the run: in different orders Postgres would end one of them."""

    def analyse(store):
        store.runs.insert(new_run("run1"))
        job = store.jobs.take("tester", lease_s=30)
        return job is not None and store.analyses.finish(job, ANALYSIS)

    def delete(store):
        try:
            store.runs.delete("run1")
        except NotStoredError:
            return "absent"
        return "deleted"

    finished, deleted = beside(each_store, reopened, analyse, delete, seconds=2)

    assert deleted["deleted"]
    assert finished[True] + finished[False]
