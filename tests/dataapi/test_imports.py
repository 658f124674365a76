"""Imports into the store: all or nothing, appended, refused or replaced; and the series service."""

from __future__ import annotations

import numpy as np
import pytest

from dataapi.services.bundled import import_bundled
from dataapi.services.imports import ImportReport, ImportRequest, import_csv
from dataapi.services.series import bar_columns, list_series, quality_document, series_document
from dataapi.store import NotStoredError, Store, fingerprint

HEADER = "date,open,high,low,close,volume"
DAYS = ("2000-03-01", "2000-03-02", "2000-03-03", "2000-03-06", "2000-03-07")


def rows(*days: str, close: float = 11.0) -> str:
    return "\n".join([HEADER, *(f"{day},10,12,9,{close},100" for day in days)])


def run_import(store: Store, text: str, **options: object) -> ImportReport:
    request = ImportRequest(symbol="A", source="a.csv", **options)  # type: ignore[arg-type]
    return import_csv(store, text.encode(), request)


def stored_days(store: Store) -> list[str]:
    time_ms = store.series.bars("A", "1d").time
    return [str(np.datetime64(int(t), "ms"))[:10] for t in time_ms]


def test_an_import_reports_what_it_stored(store):
    report = run_import(store, rows(*DAYS))

    document = report.document
    assert report.error is None
    assert (document["status"], document["rows"], document["bars"], document["added"]) == (
        "stored",
        5,
        5,
        5,
    )
    assert (document["first"], document["last"]) == ("2000-03-01", "2000-03-07")
    assert document["series"]["fingerprint"] == fingerprint(store.series.bars("A", "1d"))
    assert {check["kind"] for check in document["quality"]} >= {"gaps", "outliers", "splits"}


def test_one_bad_row_stores_nothing_unless_bad_rows_are_dropped(store):
    text = rows(*DAYS) + "\n2000-03-08,10,9,12,11,100"

    refused = run_import(store, text)

    assert refused.error is not None
    assert refused.error.startswith("1 of 6 rows is bad, nothing was stored. First: row 7, high:")
    assert refused.document["errors"] == [
        {"row": 7, "column": "high", "value": "9", "reason": "is below the low"}
    ]
    assert store.series.list() == []
    dropped = run_import(store, text, reject="drop")
    assert (dropped.error, dropped.document["bars"], dropped.document["dropped"]) == (None, 5, 1)
    assert dropped.document["n_errors"] == 1


def test_a_file_of_bad_rows_only_is_refused_even_when_they_may_be_dropped(store):
    report = run_import(store, f"{HEADER}\nx,1,1,1,1,1", reject="drop", timeframe="1d")

    assert report.document["status"] == "rejected"
    assert store.series.list() == []


def test_a_dry_run_stores_nothing_and_says_the_same(store):
    report = run_import(store, rows(*DAYS), dry_run=True)

    assert (report.error, report.document["status"], report.document["added"]) == (
        None,
        "checked",
        5,
    )
    assert report.document["quality"]
    assert store.series.list() == []


def test_new_bars_are_appended_and_identical_ones_are_no_conflict(store):
    run_import(store, rows(*DAYS[1:3]), timeframe="1d")

    report = run_import(store, rows(*DAYS), timeframe="1d")
    again = run_import(store, rows(*DAYS), timeframe="1d")

    assert (report.document["status"], report.document["added"]) == ("stored", 3)
    assert stored_days(store) == list(DAYS)
    assert (again.document["status"], again.document["added"]) == ("unchanged", 0)
    assert store.series.get("A", "1d").rev == 2


def test_a_contradiction_is_refused_and_named_unless_the_file_is_to_win(store):
    run_import(store, rows(*DAYS), timeframe="1d")
    before = store.series.get("A", "1d")
    text = rows(*DAYS[1:3], close=11.5)

    for dry_run in (True, False):
        refused = run_import(store, text, timeframe="1d", dry_run=dry_run)
        assert refused.error is not None
        assert (
            "at 2000-03-02 close is stored as 11.0, the file has 11.5 (1 more bars differ)"
            in refused.error
        )
    assert store.series.get("A", "1d") == before

    report = run_import(store, text, timeframe="1d", replace=True)
    assert report.error is None
    assert store.series.bars("A", "1d").close.tolist() == [11.0, 11.5, 11.5, 11.0, 11.0]


def test_replacing_drops_stored_bars_inside_the_period_that_the_file_lacks(store):
    run_import(store, rows(*DAYS), timeframe="1d")

    run_import(store, rows(DAYS[1], DAYS[3]), timeframe="1d", replace=True)

    assert stored_days(store) == [DAYS[0], DAYS[1], DAYS[3], DAYS[4]]


def test_raw_and_adjusted_prices_do_not_mix(store):
    run_import(store, rows(*DAYS[:3]), timeframe="1d", is_adjusted=True)

    for dry_run in (True, False):
        report = run_import(store, rows(*DAYS[3:]), timeframe="1d", dry_run=dry_run)
        assert report.error is not None
        assert "stored as adjusted prices, the file was given as raw ones" in report.error
    assert store.series.get("A", "1d").is_adjusted
    both = run_import(store, rows(*DAYS), is_adjusted=True, derive_actions=True)
    assert "exclude each other" in str(both.error)


def adjusted_rows(step_at: int, factor: float = 2.0) -> str:
    lines = [f"{HEADER},adj_close"]
    for i, day in enumerate(DAYS):
        lines.append(f"{day},10,12,9,11,100,{11.0 / factor if i < step_at else 11.0:.12f}")
    return "\n".join(lines)


def test_derived_actions_are_stored_kept_and_contradictions_refused(store):
    run_import(store, adjusted_rows(2), timeframe="1d", derive_actions=True)
    split = {"time": "2000-03-03", "kind": "split", "value": 2.0}
    assert series_document(store, "A", "1d")["actions"] == [split]

    kept = run_import(store, rows(*DAYS, "2000-03-08"), timeframe="1d")
    assert kept.document["actions"] == [split]

    other = run_import(store, adjusted_rows(3), timeframe="1d", derive_actions=True)
    assert other.error is not None
    assert "the split 2.0 of 2000-03-03 is not in it" in other.error
    replaced = run_import(
        store, adjusted_rows(3), timeframe="1d", derive_actions=True, replace=True
    )
    assert replaced.document["actions"] == [{**split, "time": "2000-03-06"}]


def test_terms_stay_unless_said_anew(store):
    terms = {"lot": 0.0, "calendar": "24/7", "tz": "Europe/Berlin", "is_delisted": True}
    run_import(store, rows(*DAYS[:3]), timeframe="1d", is_synthetic=True, **terms)

    run_import(store, rows(*DAYS[3:]), timeframe="1d")
    info = store.series.get("A", "1d")
    run_import(store, rows(*DAYS[3:]), timeframe="1d", lot=10.0)

    assert (info.lot, info.calendar, info.tz) == (0.0, "24/7", "Europe/Berlin")
    assert info.is_delisted
    assert info.is_synthetic
    assert store.series.get("A", "1d").lot == 10.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lot": -1.0}, "Expected a lot ≥ 0"),
        ({"lot": float("nan")}, "Expected a lot ≥ 0"),
        ({"calendar": "NOPE"}, "Unknown calendar"),
        ({"tz": "Nowhere"}, "Unknown time zone"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(store, options, message):
    report = run_import(store, rows(*DAYS), **options)

    assert message in str(report.error)
    assert report.document["status"] == "rejected"


def test_bundled_series_come_with_actions_and_only_once(each_store):
    infos = import_bundled(each_store)

    assert [(i.symbol, i.n_bars, i.n_splits, i.n_dividends) for i in infos] == [
        ("AAPL", 3270, 2, 3),
        ("GOOG", 2148, 0, 0),
        ("IBM", 3270, 0, 52),
        ("MSFT", 3270, 1, 37),
    ]
    assert {(i.calendar, i.tz, i.is_adjusted) for i in infos} == {
        ("XNYS", "America/New_York", False)
    }
    assert import_bundled(each_store) == []


def test_a_bundled_import_that_was_killed_is_finished_by_the_next(store):
    import_bundled(store)
    for symbol in ("IBM", "MSFT"):
        store.series.delete(symbol, "1d")

    assert [info.symbol for info in import_bundled(store)] == ["IBM", "MSFT"]


def test_a_store_with_prices_of_its_own_gets_no_bundled_ones(store):
    run_import(store, rows(*DAYS))

    assert import_bundled(store) == []
    assert [info.symbol for info in store.series.list()] == ["A"]


def test_a_series_document_has_all_that_a_page_shows(store):
    import_bundled(store)

    document = series_document(store, "MSFT", "1d")

    assert document["bars"] == 3270
    assert document["actions"][0] == {"time": "2003-02-18", "kind": "split", "value": 2.0}
    assert document["coverage"] == [{"from": "2000-03-01", "to": "2013-03-01"}]
    assert document["versions"][0]["rev"] == 1
    assert [item["symbol"] for item in list_series(store)] == ["AAPL", "GOOG", "IBM", "MSFT"]
    checks = {c["kind"]: c["level"] for c in quality_document(store, "MSFT", "1d")["checks"]}
    assert checks["gaps"] == checks["closed_days"] == "pass"
    with pytest.raises(NotStoredError):
        series_document(store, "MSFT", "1h")


def test_aggregated_bars_are_those_of_a_plain_loop(store, make_bars):
    bars = make_bars(500)
    store.series.save("A", "1d", bars, source="")

    found = bar_columns(store, "A", "1d", points=80)

    # 500 days in at most 80 buckets: weeks, which begin on Mondays.
    assert found.bucket_ms == 7 * 86_400_000
    groups: dict[int, list[int]] = {}
    for i, time_ms in enumerate(bars.time.tolist()):
        days = time_ms // 86_400_000
        groups.setdefault((days - (days + 3) % 7) * 86_400_000, []).append(i)
    columns = found.columns
    assert columns["time"].tolist() == list(groups)
    assert columns["open"].tolist() == [bars.open[g[0]] for g in groups.values()]
    assert columns["high"].tolist() == [max(bars.high[i] for i in g) for g in groups.values()]
    assert columns["low"].tolist() == [min(bars.low[i] for i in g) for g in groups.values()]
    assert columns["close"].tolist() == [bars.close[g[-1]] for g in groups.values()]
    np.testing.assert_allclose(
        columns["volume"], [np.mean([bars.volume[i] for i in g]) for g in groups.values()]
    )


def test_bucket_edges_do_not_move_with_the_view(store, make_bars):
    bars = make_bars(3000)
    store.series.save("A", "1d", bars, source="")
    at = bars.time.tolist()

    one = bar_columns(store, "A", "1d", from_ms=at[0], to_ms=at[1000], points=100)
    other = bar_columns(store, "A", "1d", from_ms=at[333], to_ms=at[1333], points=100)

    assert one.bucket_ms == other.bucket_ms
    # Both views hold the days 333 … 1000: they show the same buckets there.
    shared = [t for t in other.columns["time"].tolist() if at[333] <= t <= at[1000]]
    assert len(shared) > 40
    assert set(shared) <= set(one.columns["time"].tolist())


@pytest.mark.parametrize("points", [1, 2, 10, 499, 500, 501, None])
def test_never_more_points_than_asked_for(store, make_bars, points):
    store.series.save("A", "1d", make_bars(500), source="")

    found = bar_columns(store, "A", "1d", points=points)

    n_points = found.columns["time"].size
    assert n_points <= (points or 500)
    assert (found.bucket_ms == 0) == (n_points == 500)
