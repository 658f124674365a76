"""Runs in the store: one row for one key, entries beside it, and a list in pages."""

# ruff: noqa: S608 - table names of our own

from __future__ import annotations

import json
import logging
import multiprocessing
import re
import sqlite3
from contextlib import closing

import numpy as np
import pytest

from dataapi.store import (
    CorruptDataError,
    InvalidQueryError,
    NewRun,
    NotStoredError,
    RunQuery,
    Store,
    open_store,
)
from dataapi.store.database import Connections, execute


def new_run(run_id: str, **changes: object) -> NewRun:
    values: dict[str, object] = {
        "id": run_id,
        "key": f"key of {run_id}",
        "strategy": "sma_cross",
        "params_text": "fast 10, slow 30",
        "timeframe": "1d",
        "status": "done",
        "engine_version": "1",
        "first_ms": 0,
        "last_ms": 86_400_000,
        "data": (("AAPL", "f1"), ("MSFT", "f2")),
        "metrics": {"sharpe": 1.25, "trades": 3, "cagr": float("nan"), "other": 5.0},
        "summary": {"sparkline": [1.0, 2.0]},
        "document": {"id": run_id, "größe": 1.5},
        "tables": {
            "equity": {
                "time": np.arange(1000, dtype=np.int64),
                "equity": np.linspace(1.0, 2.0, 1000),
            },
            "fills": {"side": np.array(["buy", "sell"]), "ambiguous": np.array([True, False])},
        },
    }
    return NewRun(**{**values, **changes})  # type: ignore[arg-type]


def test_a_run_comes_back_as_it_was_given(each_store):
    stored, is_new = each_store.runs.insert(new_run("run1"), name="first")

    assert is_new
    assert each_store.runs.get("run1") == stored == each_store.runs.get_by_key("key of run1")
    assert json.loads(stored.document) == {"id": "run1", "größe": 1.5}
    equity = each_store.runs.table("run1", "equity")
    np.testing.assert_array_equal(equity["time"], np.arange(1000))
    np.testing.assert_array_equal(equity["equity"], np.linspace(1.0, 2.0, 1000))
    fills = each_store.runs.table("run1", "fills")
    assert fills["side"].tolist() == ["buy", "sell"]
    assert fills["ambiguous"].tolist() == [True, False]


def test_an_unknown_run_or_table_is_said(each_store):
    each_store.runs.insert(new_run("run1"))

    assert each_store.runs.get_by_key("other") is None
    for ask in (each_store.runs.get, each_store.runs.about, each_store.runs.delete):
        with pytest.raises(NotStoredError, match="No run 'run2'"):
            ask("run2")
    with pytest.raises(NotStoredError, match="No run 'run2'"):
        each_store.runs.table("run2", "equity")
    with pytest.raises(NotStoredError, match="No run 'run2'"):
        each_store.runs.patch("run2", name="x")
    with pytest.raises(NotStoredError, match="Run run1 has no orders"):
        each_store.runs.table("run1", "orders")


def test_the_same_key_twice_is_one_run_and_the_first_content_stays(each_store):
    each_store.runs.insert(new_run("run1"), name="first")

    stored, is_new = each_store.runs.insert(new_run("run1", document={"id": "other"}), name="two")

    assert not is_new
    assert json.loads(stored.document)["id"] == "run1"
    assert each_store.runs.count() == 1
    assert each_store.runs.about("run1").name == "first"


def _insert(url: str, barrier: object, results: object) -> None:
    store = open_store(url)
    barrier.wait()  # type: ignore[attr-defined]
    for i in range(20):
        results.put((i, store.runs.insert(new_run(f"run{i}"))[1]))  # type: ignore[attr-defined]
    store.close()


def test_two_processes_that_store_the_same_runs_make_each_once(each_store):
    spawn = multiprocessing.get_context("spawn")
    barrier, results = spawn.Barrier(2), spawn.Queue()
    writers = [
        spawn.Process(target=_insert, args=(each_store.url, barrier, results)) for _ in range(2)
    ]
    for writer in writers:
        writer.start()
    answers = [results.get(timeout=60) for _ in range(40)]
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0

    assert sorted(i for i, is_new in answers if is_new) == list(range(20))
    assert each_store.runs.count() == 20


def test_a_damaged_table_is_noticed(each_store):
    each_store.runs.insert(new_run("run1"))
    connections = Connections(each_store.url, max_connections=2)
    with connections.session() as database:
        execute(database, "UPDATE run_blob SET crc32 = crc32 + 1 WHERE kind = 'equity'")
    connections.close()

    with pytest.raises(CorruptDataError, match="Run run1: the stored equity are damaged"):
        each_store.runs.table("run1", "equity")


def test_an_entry_is_changed_field_by_field(each_store):
    each_store.runs.insert(new_run("run1"), name="first")

    each_store.runs.patch("run1", tags=("b", "a", "b"), note="why")
    about = each_store.runs.patch("run1", is_starred=True)

    assert (about.name, about.tags, about.note, about.is_starred) == (
        "first",
        ("a", "b"),
        "why",
        True,
    )
    assert each_store.runs.patch("run1", tags=(), note="").tags == ()


def test_content_goes_when_the_last_entry_goes(each_store):
    each_store.runs.insert(new_run("run1"), owner="ann", name="of ann")
    each_store.runs.insert(new_run("run1"), owner="bob")

    each_store.runs.delete("run1", owner="ann")
    assert each_store.runs.get("run1").id == "run1"
    assert each_store.runs.about("run1", owner="ann").name == ""
    assert each_store.runs.list(owner="ann").total == 0

    each_store.runs.delete("run1", owner="bob")
    with pytest.raises(NotStoredError):
        each_store.runs.get("run1")
    connections = Connections(each_store.url, max_connections=2)
    with connections.session() as database:
        for table in ("run_symbol", "run_blob", "run_entry"):
            assert execute(database, f"SELECT COUNT(*) FROM {table}").fetchone()[0] == 0
    connections.close()


def test_a_deleted_run_can_be_stored_again(each_store):
    each_store.runs.insert(new_run("run1"))
    each_store.runs.delete("run1")

    assert each_store.runs.insert(new_run("run1"))[1]


def test_uses_of_a_series_are_the_runs_on_it(each_store):
    each_store.runs.insert(new_run("run2"))
    each_store.runs.insert(new_run("run1", data=(("AAPL", "f"), ("AAPL", "g"))))
    each_store.runs.insert(new_run("run3", timeframe="1h"))

    assert each_store.runs.uses_of_series("AAPL", "1d") == ("run1", "run2")
    assert each_store.runs.uses_of_series("MSFT", "1d") == ("run2",)
    assert each_store.runs.uses_of_series("IBM", "1d") == ()


def ids(store: Store, **query: object) -> list[str]:
    page = store.runs.list(RunQuery(**query))  # type: ignore[arg-type]
    assert page.total == len(page.items)
    return [item.id for item in page.items]


def test_a_list_row_shows_metrics_summary_and_entry(each_store):
    each_store.runs.insert(new_run("run1"), name="first")
    each_store.runs.patch("run1", tags=("x",), is_starred=True)

    (item,) = each_store.runs.list().items

    assert (item.id, item.name, item.tags, item.is_starred) == ("run1", "first", ("x",), True)
    assert (item.strategy, item.params_text, item.symbols) == (
        "sma_cross",
        "fast 10, slow 30",
        ("AAPL", "MSFT"),
    )
    assert (item.metrics["sharpe"], item.metrics["trades"], item.metrics["cagr"]) == (1.25, 3, None)
    assert item.summary == {"sparkline": [1.0, 2.0]}


def test_filters_choose_runs(each_store):
    metrics = {"sharpe": 0.5, "max_drawdown": -0.3, "trades": 10}
    each_store.runs.insert(new_run("a", strategy="rsi", metrics=metrics), name="Mean Reversion")
    better = {"sharpe": 2.0, "max_drawdown": -0.1, "trades": 100}
    each_store.runs.insert(
        new_run("b", data=(("IBM", "f"),), metrics=better), name="100% long_only"
    )
    each_store.runs.insert(new_run("c", timeframe="1h", metrics={}))
    each_store.runs.patch("b", tags=("good", "very good"), is_starred=True, note="to Ännchen")

    assert ids(each_store, strategy="rsi") == ["a"]
    assert ids(each_store, symbol="IBM") == ["b"]
    assert ids(each_store, timeframe="1h") == ["c"]
    assert ids(each_store, min_sharpe=0.5, sort="created") == ["a", "b"]
    assert ids(each_store, max_drawdown=0.2) == ids(each_store, max_drawdown=-0.2) == ["b"]
    assert ids(each_store, min_trades=11) == ["b"]
    assert ids(each_store, is_starred=True) == ["b"]
    assert ids(each_store, tag="good") == ["b"]
    assert ids(each_store, tag="goo") == []
    assert ids(each_store, q="mean rev") == ["a"]
    assert ids(each_store, q="100%") == ["b"]
    assert ids(each_store, q="g_nly") == []
    assert ids(each_store, q="ibm") == ["b"]
    assert ids(each_store, q="Ännchen") == ["b"]
    assert ids(each_store, q="sma fast") == ["c", "b"]
    assert ids(each_store, q="nothing like it") == []


@pytest.mark.parametrize("sort", ["sharpe", "-sharpe", "name", "-name", "created", "-created"])
def test_pages_show_every_run_once_in_order_missing_values_last(each_store, sort):
    sharpes = [0.1, None, 0.3, 0.1, None, -1 / 3, 0.1, 2e-300, 7.0]
    for i, sharpe in enumerate(sharpes):
        run = new_run(f"run{i}", metrics={"sharpe": sharpe})
        each_store.runs.insert(run, name=f"Name {i % 3}")

    items, cursor = [], None
    while True:
        page = each_store.runs.list(RunQuery(sort=sort, cursor=cursor, limit=2))
        assert page.total == len(sharpes)
        items += page.items
        cursor = page.next_cursor
        if cursor is None:
            break

    assert sorted(item.id for item in items) == sorted(f"run{i}" for i in range(len(sharpes)))
    if "sharpe" in sort:
        values = [item.metrics["sharpe"] for item in items]
        known = [value for value in values if value is not None]
        assert values[len(known) :] == [None, None]
        assert known == sorted(known, reverse=sort.startswith("-"))
    if "name" in sort:
        names = [item.name for item in items]
        assert names == sorted(names, reverse=sort.startswith("-"))


@pytest.mark.parametrize("sort", ["sharpe", "-sharpe", "-trades", "-created"])
def test_a_sorted_list_is_read_off_its_index(tmp_path, caplog, sort):
    url = f"sqlite:///{tmp_path / 'plan.db'}"
    with closing(open_store(url)) as store:
        for i in range(3):
            store.runs.insert(new_run(f"run{i}", metrics={"sharpe": float(i), "trades": i}))
        with caplog.at_level(logging.DEBUG, logger="peewee"):
            page = store.runs.list(RunQuery(sort=sort, limit=2))
            store.runs.list(RunQuery(sort=sort, limit=2, cursor=page.next_cursor))
    column = sort.removeprefix("-")
    table, column = ("t2", "created_ms") if column == "created" else ("t1", column)
    order = f'ORDER BY "{table}"."{column}"'
    asked = [record.msg for record in caplog.records if order in str(record.msg)]
    with closing(sqlite3.connect(tmp_path / "plan.db")) as database:
        plans = [
            " ".join(row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {sql}", values))
            for sql, values in asked
        ]

    assert len(plans) == 2
    for plan in plans:
        # Only ties are sorted, by the entry's number.
        assert re.search(rf"USING INDEX run_(entry_)?{column}\b", plan), plan
        assert "TEMP B-TREE FOR ORDER BY" not in plan


def test_a_page_stays_right_while_runs_are_added_and_deleted(each_store):
    for i in range(6):
        each_store.runs.insert(new_run(f"run{i}", metrics={"sharpe": float(i)}))
    first = each_store.runs.list(RunQuery(sort="-sharpe", limit=3))

    each_store.runs.insert(new_run("new", metrics={"sharpe": 9.0}))
    each_store.runs.delete("run3")
    second = each_store.runs.list(RunQuery(sort="-sharpe", limit=3, cursor=first.next_cursor))

    assert [item.id for item in first.items] == ["run5", "run4", "run3"]
    assert [item.id for item in second.items] == ["run2", "run1", "run0"]
    assert second.next_cursor is None


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (RunQuery(sort="password"), "Expected sort to be one of created, name"),
        (RunQuery(sort="--sharpe"), "Expected sort to be one of"),
        (RunQuery(limit=0), "Expected limit in 1 … 500, was 0"),
        (RunQuery(limit=501), "was 501"),
        (RunQuery(cursor="???"), "start again without it"),
        (RunQuery(cursor="e30="), "start again without it"),
        (RunQuery(cursor="WyJuYW1lIiwxLDFd"), "another list than the one sorted by -created"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(store, query, message):
    with pytest.raises(InvalidQueryError, match=message):
        store.runs.list(query)
