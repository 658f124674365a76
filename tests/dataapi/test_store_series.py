"""Series in the store: what comes back, what a change touches, and what damage is noticed."""

# ruff: noqa: S608 - table and column names of our own

from __future__ import annotations

import hashlib
import multiprocessing
import struct
import threading
from dataclasses import replace

import numpy as np
import pytest

from dataapi.store import (
    CorruptDataError,
    NotStoredError,
    SeriesInUseError,
    Store,
    fingerprint,
    open_store,
    portfolio_fingerprint,
)
from dataapi.store.chunks import MAX_BARS
from dataapi.store.database import Connections, execute
from engine import Bars
from tests.dataapi.conftest import DAY_MS
from tests.dataapi.test_store_runs import new_run

SPLIT_MS = 946_684_800_000 + 5 * DAY_MS
COLUMNS = ("time", "open", "high", "low", "close", "volume")


def rows(store: Store, sql: str) -> list[tuple[object, ...]]:
    connections = Connections(store.url, max_connections=2)
    with connections.session() as database:
        found = list(execute(database, sql).fetchall())
    connections.close()
    return found


def change(store: Store, sql: str) -> None:
    connections = Connections(store.url, max_connections=2)
    with connections.session() as database:
        execute(database, sql)
    connections.close()


def assert_same_bars(found: Bars, expected: Bars) -> None:
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    assert found.splits == expected.splits
    assert found.dividends == expected.dividends


def test_bars_come_back_bit_for_bit_with_their_terms(each_store, make_bars, reopened):
    bars = make_bars(
        2 * MAX_BARS + 5,
        splits=((946_684_800_000 + 3 * DAY_MS, 2.0),),
        dividends=((946_684_800_000 + 4 * DAY_MS, 0.13),),
        lot=0.0,
        calendar="XNYS",
        tz="America/New_York",
        delisted=True,
    )

    info = each_store.series.save("AAPL", "1d", bars, source="a.csv", is_synthetic=True)
    found = reopened(each_store).series.bars("AAPL", "1d")

    assert_same_bars(found, bars)
    assert (found.lot, found.calendar, found.tz) == (0.0, "XNYS", "America/New_York")
    assert found.delisted
    assert (info.n_bars, info.rev, info.n_splits, info.n_dividends) == (2 * MAX_BARS + 5, 1, 1, 1)
    assert (info.first_ms, info.last_ms) == (int(bars.time[0]), int(bars.time[-1]))
    assert info.is_synthetic
    assert not info.is_adjusted


def test_a_range_is_inclusive_and_brings_its_warm_up_and_its_actions(each_store, make_bars):
    bars = make_bars(100)
    at = bars.time.tolist()
    actions = tuple((at[i], float(i)) for i in (5, 10, 20, 21))
    each_store.series.save("A", "1d", replace(bars, dividends=actions), source="")

    found = each_store.series.bars("A", "1d", at[10], at[20])
    warm = each_store.series.bars("A", "1d", at[10], at[20], warm_up_bars=7)

    assert found.time.tolist() == at[10:21]
    assert found.dividends == ((at[10], 10.0), (at[20], 20.0))
    assert warm.time.tolist() == at[3:21]
    assert warm.dividends == ((at[5], 5.0), (at[10], 10.0), (at[20], 20.0))
    assert each_store.series.bars("A", "1d", at[2], warm_up_bars=50).time[0] == at[0]
    assert each_store.series.bars("A", "1d", at[-1] + 1).time.size == 0


def test_bars_between_two_stamps_of_the_range_are_found_by_their_own_stamp(each_store, make_bars):
    bars = make_bars(10)
    each_store.series.save("A", "1d", bars, source="")

    found = each_store.series.bars("A", "1d", int(bars.time[3]) + 1, int(bars.time[7]) - 1)

    assert found.time.tolist() == bars.time[4:7].tolist()


def test_bars_are_read_only_because_callers_share_them(store, make_bars):
    store.series.save("A", "1d", make_bars(10), source="")

    with pytest.raises(ValueError, match="read-only"):
        store.series.bars("A", "1d").close[0] = 1.0


def test_fingerprint_is_sha256_over_times_then_columns():
    values = [1.5, 3.0, -0.0, 2.25, 7.0]
    bars = Bars(np.array([86_400_000], np.int64), *(np.array([value]) for value in values))

    # int64 little-endian time, then the float64 columns in order; -0.0 counts as 0.0.
    expected = hashlib.sha256(struct.pack("<q5d", 86_400_000, 1.5, 3.0, 0.0, 2.25, 7.0))

    assert fingerprint(bars) == expected.hexdigest()


def test_every_nan_has_the_same_fingerprint():
    other_nan = np.frombuffer(struct.pack("<Q", 0xFFF8000000000123), np.float64)
    one = np.array([1.0])
    time = np.array([0], np.int64)

    assert fingerprint(Bars(time, one, one, one, one, other_nan)) == fingerprint(
        Bars(time, one, one, one, one, np.array([np.nan]))
    )


def test_fingerprint_does_not_depend_on_chunks_or_memory_layout(each_store, make_bars):
    bars = make_bars(MAX_BARS + 100)
    backwards = replace(bars, close=bars.close[::-1].copy()[::-1])
    each_store.series.save("A", "1d", replace(bars, **cut(bars, 0, 50)), source="")

    info = each_store.series.save("A", "1d", backwards, source="")

    assert info.fingerprint == fingerprint(bars)


def cut(bars: Bars, first: int, last: int) -> dict[str, np.ndarray]:
    return {name: getattr(bars, name)[first:last] for name in COLUMNS}


@pytest.mark.parametrize(
    "change_of",
    [
        {"splits": ((0, 2.0),)},
        {"dividends": ((0, 2.0),)},
        {"lot": 0.0},
        {"delisted": True},
        {"calendar": "XNYS"},
        {"tz": "Europe/Berlin"},
        {"close": np.array([1.0, 2.0, 3.5])},
    ],
    ids=lambda change_of: next(iter(change_of)),
)
def test_a_portfolio_fingerprint_covers_everything_a_run_reads(change_of):
    column = np.array([1.0, 2.0, 3.0])
    bars = Bars(np.array([0, 1, 2], np.int64), *[column] * 5)

    assert portfolio_fingerprint({"A": bars}) != portfolio_fingerprint(
        {"A": replace(bars, **change_of)}
    )


def test_a_portfolio_fingerprint_does_not_depend_on_the_order_of_symbols():
    one, two = np.array([1.0]), np.array([2.0])
    a, b = (Bars(np.array([0], np.int64), *[column] * 5) for column in (one, two))

    assert portfolio_fingerprint({"A": a, "B": b}) == portfolio_fingerprint({"B": b, "A": a})
    assert portfolio_fingerprint({"A": a, "B": b}) != portfolio_fingerprint({"A": b, "B": a})


def test_appending_bars_leaves_full_chunks_and_older_ranges_alone(each_store, make_bars, reopened):
    bars = make_bars(2 * MAX_BARS + 20)
    n_first = MAX_BARS + 10
    each_store.series.save("A", "1d", replace(bars, **cut(bars, 0, n_first)), source="")
    before = each_store.series.bars("A", "1d", None, int(bars.time[100]))
    change(each_store, "UPDATE chunk SET codec = 'kept' WHERE n_bars = 16384")
    # A reader would now stumble over the full chunk; a writer must not have touched it.
    info = each_store.series.save("A", "1d", bars, source="")

    chunks = rows(each_store, "SELECT n_bars, codec FROM chunk ORDER BY first_ms")
    assert [(int(n), codec) for n, codec in chunks] == [
        (MAX_BARS, "kept"),
        (MAX_BARS, "pco"),
        (20, "pco"),
    ]
    assert info.rev == 2
    change(each_store, "UPDATE chunk SET codec = 'pco'")
    fresh = reopened(each_store)
    assert_same_bars(fresh.series.bars("A", "1d"), bars)
    after = fresh.series.bars("A", "1d", None, int(bars.time[100]))
    assert fingerprint(before) == fingerprint(after)


def test_a_changed_bar_in_the_middle_and_a_shorter_series_are_stored(
    each_store, make_bars, reopened
):
    bars = make_bars(3 * MAX_BARS)
    each_store.series.save("A", "1d", bars, source="")
    volume = bars.volume.copy()
    volume[MAX_BARS + 5] += 1.0
    changed = replace(bars, volume=volume)

    each_store.series.save("A", "1d", changed, source="")
    assert_same_bars(reopened(each_store).series.bars("A", "1d"), changed)

    shorter = replace(bars, **cut(bars, 7, MAX_BARS + 3))
    each_store.series.save("A", "1d", shorter, source="")
    assert_same_bars(reopened(each_store).series.bars("A", "1d"), shorter)


def test_saving_the_same_again_changes_nothing(each_store, make_bars):
    bars = make_bars(50, splits=((946_684_800_000, 2.0),))
    first = each_store.series.save("A", "1d", bars, source="one")

    assert each_store.series.save("A", "1d", bars, source="two") == first
    assert len(each_store.series.versions("A", "1d")) == 1


def test_changed_actions_alone_make_a_new_version(each_store, make_bars):
    bars = make_bars(50)
    each_store.series.save("A", "1d", bars, source="one")
    each_store.series.save("A", "1d", replace(bars, splits=((5, 2.0),)), source="two")

    versions = each_store.series.versions("A", "1d")

    assert [(v.rev, v.source) for v in versions] == [(2, "two"), (1, "one")]
    assert versions[0].fingerprint == versions[1].fingerprint


def test_a_refusing_merge_stores_nothing(each_store, make_bars):
    bars = make_bars(50)
    before = each_store.series.save("A", "1d", bars, source="one")

    def refuse(stored: Bars | None, given: Bars) -> Bars:
        assert stored is not None
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        each_store.series.save("A", "1d", make_bars(60), source="two", merge=refuse)
    with pytest.raises(RuntimeError, match="no"):
        each_store.series.save("A", "1d", make_bars(60), source="two", merge=refuse)

    assert each_store.series.get("A", "1d") == before
    assert_same_bars(each_store.series.bars("A", "1d"), bars)


def test_a_series_of_no_bars_is_refused_and_leaves_no_trace(each_store, make_bars):
    empty = replace(make_bars(3), **cut(make_bars(3), 0, 0))

    with pytest.raises(ValueError, match="at least one bar"):
        each_store.series.save("A", "1d", empty, source="")

    assert each_store.series.list() == []


@pytest.mark.parametrize("column", ["time", "open", "high", "low", "close", "volume"])
def test_a_flipped_byte_is_noticed(each_store, make_bars, column):
    each_store.series.save("AAPL", "1d", make_bars(500), source="")
    ((blob,),) = rows(each_store, f"SELECT {column} FROM chunk")
    damaged = bytearray(bytes(blob))
    damaged[len(damaged) // 2] ^= 0x10
    literal = f"X'{damaged.hex()}'" if "sqlite" in each_store.url else f"'\\x{damaged.hex()}'"
    change(each_store, f"UPDATE chunk SET {column} = {literal}")

    with pytest.raises(CorruptDataError, match="AAPL 1d: the stored bars are damaged"):
        each_store.series.bars("AAPL", "1d")


def test_a_lost_chunk_is_noticed(each_store, make_bars):
    each_store.series.save("AAPL", "1d", make_bars(MAX_BARS + 5), source="")
    change(each_store, "DELETE FROM chunk WHERE n_bars = 5")

    with pytest.raises(CorruptDataError, match=r"hold 16384 of 16389 bars"):
        each_store.series.bars("AAPL", "1d")


def test_chunks_of_the_second_codec_are_read(each_store, make_bars, monkeypatch, reopened):
    bars = make_bars(500)
    monkeypatch.setattr("dataapi.store.chunks.encode_chunk.__kwdefaults__", {"codec": "zstd"})
    each_store.series.save("A", "1d", bars, source="")

    assert rows(each_store, "SELECT codec FROM chunk") == [("zstd",)]
    assert_same_bars(reopened(each_store).series.bars("A", "1d"), bars)


def test_an_unknown_series_is_named_with_what_is_stored(each_store, make_bars):
    with pytest.raises(NotStoredError, match=r"No bars of A 1d: nothing is stored yet"):
        each_store.series.get("A", "1d")
    each_store.series.save("A", "1d", make_bars(5), source="")

    with pytest.raises(NotStoredError, match=r"stored timeframes of A: 1d"):
        each_store.series.bars("A", "1h")
    with pytest.raises(NotStoredError, match=r"No bars of B 1d: stored: A"):
        each_store.series.delete("B", "1d")


def test_deleting_a_series_takes_its_rows_along(each_store, make_bars):
    bars = make_bars(50, splits=((5, 2.0),))
    each_store.series.save("A", "1d", bars, source="")
    each_store.series.save("B", "1d", bars, source="")

    each_store.series.delete("A", "1d")

    assert [info.symbol for info in each_store.series.list()] == ["B"]
    for table in ("chunk", "action", "series_version"):
        assert len(rows(each_store, f"SELECT 1 FROM {table}")) == 1


def test_a_series_that_runs_use_is_deleted_by_force_only(each_store, make_bars):
    each_store.series.save("A", "1d", make_bars(5), source="")
    each_store.runs.insert(new_run("run1", data=(("A", "f"),)))

    with pytest.raises(SeriesInUseError, match=r"A 1d is used by 1 run \(run1\)") as caught:
        each_store.series.delete("A", "1d")
    assert caught.value.run_ids == ("run1",)

    each_store.series.delete("A", "1d", force=True)
    assert each_store.runs.get("run1").id == "run1"


def _append_days(url: str, days: list[int]) -> None:
    store = open_store(url)
    for day in days:
        column = np.array([float(day)])
        bars = Bars(np.array([day * DAY_MS], np.int64), *[column] * 5)

        def merge(stored: Bars | None, given: Bars) -> Bars:
            if stored is None:
                return given
            time = np.concatenate([stored.time, given.time])
            order = np.argsort(time)
            both = np.concatenate([stored.close, given.close])[order]
            return Bars(time[order], *[both] * 5)

        store.series.save("A", "1d", bars, source="", merge=merge)
    store.close()


def test_two_processes_that_append_to_one_series_lose_nothing(each_store):
    spawn = multiprocessing.get_context("spawn")
    shares = (list(range(1, 41, 2)), list(range(2, 41, 2)))
    writers = [spawn.Process(target=_append_days, args=(each_store.url, days)) for days in shares]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0

    bars = each_store.series.bars("A", "1d")
    assert bars.close.tolist() == [float(day) for day in range(1, 41)]
    assert each_store.series.get("A", "1d").rev == 40


def test_a_reader_sees_one_version_while_another_thread_writes(each_store, make_bars, reopened):
    versions = [
        replace(make_bars(300, seed=seed), splits=((SPLIT_MS, 2.0 + seed),)) for seed in range(4)
    ]
    each_store.series.save("A", "1d", versions[0], source="")
    split_of = {fingerprint(bars): bars.splits for bars in versions}
    is_done = threading.Event()

    def write() -> None:
        writer = open_store(each_store.url)
        for i in range(40):
            writer.series.save("A", "1d", versions[i % 4], source="")
        writer.close()
        is_done.set()

    thread = threading.Thread(target=write)
    thread.start()
    reader = reopened(each_store, cache_bytes=0)
    n_reads = 0
    while not is_done.is_set() or n_reads == 0:
        whole = reader.series.bars("A", "1d")
        assert whole.splits == split_of[fingerprint(whole)]
        n_reads += 1
    thread.join()


def test_the_cache_keeps_within_its_bytes(each_store, make_bars, reopened):
    store = reopened(each_store, cache_bytes=3 * 100 * 48)
    for symbol, seed in (("A", 1), ("B", 2), ("C", 3), ("D", 4)):
        store.series.save(symbol, "1d", make_bars(100, seed=seed), source="")
        store.series.bars(symbol, "1d")

    assert store.series.cache.held_bytes == 3 * 100 * 48
    store.series.save("E", "1d", make_bars(1000), source="")
    assert store.series.bars("E", "1d").time.size == 1000
    assert store.series.cache.held_bytes == 3 * 100 * 48
