"""Sweeps and walk-forwards in the store: once each, with a job, and a result when that ends."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dataapi.store import (
    CorruptDataError,
    InvalidQueryError,
    NewStudy,
    NewTrials,
    NotStoredError,
    StudyResult,
)
from dataapi.store.database import Connections, execute


def study(study_id="one", **changes):
    values = {
        "id": study_id,
        "key": f"key of {study_id}",
        "strategy": "sma_cross",
        "timeframe": "1d",
        "symbols": ("AAPL", "MSFT"),
        "axes_text": "fast=2..60",
        "n_points": 3,
        "engine_version": "1",
        "document": {"config": {"größe": 1.5}},
    }
    return NewStudy(**{**values, **changes})


def result(study_id="one"):
    return StudyResult(
        document={"best": {"index": 2}},
        summary={"pbo": 0.25},
        tables={"points": {"fast": np.arange(3), "sharpe": np.array([0.5, math.nan, 1.5])}},
        trials=NewTrials(
            family="sma_cross",
            data="AAPL MSFT 1d",
            source_kind="sweep",
            source_id=study_id,
            hashes=np.array([1, 2, 3], dtype=np.uint64),
            sharpe=np.array([0.5, math.nan, 1.5]),
        ),
    )


def taken(store):
    return store.jobs.take("tester", lease_s=30)


def rows(store, sql):
    connections = Connections(store.url, max_connections=2)
    with connections.session() as database:
        found = [tuple(row) for row in execute(database, sql).fetchall()]
    connections.close()
    return found


def test_a_study_comes_back_as_it_was_given_and_has_one_job(each_store):
    stored, is_new = each_store.sweeps.insert(study(), executor="dask")
    again, is_new_again = each_store.sweeps.insert(study())

    assert (is_new, is_new_again) == (True, False)
    assert stored == again == each_store.sweeps.get("one")
    assert stored == each_store.sweeps.get_by_key("key of one")
    assert stored.document == {"config": {"größe": 1.5}}
    assert stored.symbols == ("AAPL", "MSFT")
    assert stored.result is None
    assert rows(each_store, "SELECT kind, subject, state, executor FROM job") == [
        ("sweep", "one", "queued", "dask")
    ]


def test_kinds_are_apart(each_store):
    each_store.sweeps.insert(study())

    with pytest.raises(NotStoredError, match="No walkforward 'one'"):
        each_store.walkforwards.get("one")
    assert each_store.walkforwards.list().total == 0


def test_the_result_comes_with_the_end_of_the_job(each_store):
    each_store.sweeps.insert(study())
    job = taken(each_store)
    each_store.jobs.put_block(job, 0, b"block", lease_s=30)
    with pytest.raises(NotStoredError, match="The sweep one has no points"):
        each_store.sweeps.table("one", "points")

    assert each_store.sweeps.finish(job, result())

    assert each_store.sweeps.get("one").result == {"best": {"index": 2}}
    points = each_store.sweeps.table("one", "points")
    assert points["fast"].tolist() == [0, 1, 2]
    np.testing.assert_array_equal(points["sharpe"], [0.5, math.nan, 1.5])
    assert rows(each_store, "SELECT COUNT(*) FROM job_block") == [(0,)]
    assert each_store.trials.get("sma_cross", "AAPL MSFT 1d").n_trials == 3
    # Asked for again it is there, and nothing is queued.
    each_store.sweeps.insert(study())
    assert taken(each_store) is None


def test_a_result_that_comes_too_late_is_not_stored(each_store):
    each_store.sweeps.insert(study())
    job = taken(each_store)
    each_store.sweeps.delete("one")

    assert not each_store.sweeps.finish(job, result())
    assert each_store.trials.get("sma_cross", "AAPL MSFT 1d").n_trials == 0


def test_a_cancelled_study_is_queued_again_with_its_blocks(each_store):
    each_store.sweeps.insert(study())
    job = taken(each_store)
    each_store.jobs.put_block(job, 0, b"block", lease_s=30)
    each_store.jobs.cancel(job.id)
    each_store.jobs.release(job)
    assert each_store.jobs.get(job.id).state == "cancelled"

    each_store.sweeps.insert(study())

    again = taken(each_store)
    assert again.id == job.id
    assert each_store.jobs.blocks(again.id) == {0: b"block"}


def test_deleting_takes_everything_but_the_trials(each_store):
    each_store.sweeps.insert(study())
    each_store.sweeps.finish(taken(each_store), result())

    each_store.sweeps.delete("one")

    counts = ", ".join(
        f"(SELECT COUNT(*) FROM {table})"  # noqa: S608 - names of our own
        for table in ("study", "study_blob", "job", "job_block")
    )
    assert rows(each_store, f"SELECT {counts}") == [(0, 0, 0, 0)]
    assert each_store.trials.get("sma_cross", "AAPL MSFT 1d").n_trials == 3
    for ask in (each_store.sweeps.get, each_store.sweeps.delete):
        with pytest.raises(NotStoredError, match="No sweep 'one'"):
            ask("one")


def test_the_list_has_the_newest_first_page_by_page(each_store, monkeypatch):
    for k in range(5):
        # Two of them in the same millisecond.
        monkeypatch.setattr("dataapi.store.studies.time.time_ns", lambda k=k: (k // 2) * 1_000_000)
        each_store.sweeps.insert(study(f"s{k}"))
    monkeypatch.undo()
    each_store.walkforwards.insert(study("w"))
    each_store.sweeps.finish(taken(each_store), result("s0"))

    seen, cursor = [], None
    while True:
        page = each_store.sweeps.list(limit=2, cursor=cursor)
        seen += page.items
        cursor = page.next_cursor
        if cursor is None:
            break

    assert [item.id for item in seen] == ["s4", "s3", "s2", "s1", "s0"]
    assert page.total == 5
    assert [(item.state, item.summary) for item in seen[-2:]] == [
        ("queued", {}),
        ("done", {"pbo": 0.25}),
    ]


@pytest.mark.parametrize("asked", [{"limit": 0}, {"limit": 501}, {"cursor": "x"}])
def test_a_list_that_cannot_be_is_refused(each_store, asked):
    with pytest.raises(InvalidQueryError):
        each_store.sweeps.list(**asked)


def test_damaged_points_are_never_handed_out(each_store):
    each_store.sweeps.insert(study())
    each_store.sweeps.finish(taken(each_store), result())
    connections = Connections(each_store.url, max_connections=2)
    with connections.session() as database:
        execute(database, "UPDATE study_blob SET crc32 = crc32 + 1")
    connections.close()

    with pytest.raises(CorruptDataError, match="the stored points are damaged"):
        each_store.sweeps.table("one", "points")
