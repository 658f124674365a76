"""What the runs page shows of each run."""

import csv
import io
from datetime import UTC, datetime
from typing import Any, ClassVar

from dashboard import palette, urlstate
from dashboard.pages.runs import view
from dashboard.pages.runs.callbacks import first_runs
from dashboard.pages.runs.layout import grid_columns

NOW = datetime(2025, 11, 18, 14, 0, tzinfo=UTC)
PASS = {"kind": "look_ahead", "level": "pass", "label": "Look-ahead checked", "text": "32 cuts."}
FAIL = {"kind": "look_ahead", "level": "fail", "label": "Look-ahead found", "text": "Bar 7."}
FEW = {"kind": "trades", "level": "doubt", "label": "Few trades", "text": "8 closed trades."}
ZERO = {"kind": "costs", "level": "doubt", "label": "Zero costs", "text": "None."}


def run(**changes: object) -> dict:
    return {
        "id": "kGcsUbthq5Rk",
        "url": "/runs/kGcsUbthq5Rk",
        "name": "Breakout, tight stop",
        "title": "Moving-average cross",
        "strategy": "sma_cross",
        "params_text": "fast=20 slow=50",
        "symbols": ["AAPL", "GOOG"],
        "timeframe": "1d",
        "first": "2005-03-01",
        "last": "2013-03-01",
        "created": "2025-11-18T13:56:00Z",
        "starred": False,
        "tags": [],
        "metrics": {"cagr": 0.117, "sharpe": 1.2, "max_drawdown": -0.35, "trades": 124},
        "sparkline": [100.0, 110.0],
        "badges": [PASS],
        **changes,
    }


def test_a_row_is_text_that_needs_no_further_formatting() -> None:
    row = view.run_row(run(), NOW)

    assert row["detail"] == "sma_cross · fast 20, slow 50"
    assert row["cagr"] == "+11.7\u202f%"
    assert row["sharpe"] == "1.20"
    # Full width is a Sharpe of 1.5, and a fall of 70 %.
    assert row["sharpe_share"] == 0.8
    assert row["max_drawdown"] == "\u221235.0\u202f%"
    assert row["drawdown_share"] == 0.5
    assert row["symbols"] == "2 symbols"
    assert row["symbols_title"] == "AAPL, GOOG, daily"
    assert row["age"] == "4 min"
    assert row["check"]["text"] == "all checks"


def test_a_run_without_a_name_is_called_by_its_strategy() -> None:
    assert view.run_row(run(name=""), NOW)["name"] == "Moving-average cross"


def test_missing_metrics_are_dashes_without_bars() -> None:
    metrics = {"cagr": None, "sharpe": None, "max_drawdown": None, "trades": 0}

    row = view.run_row(run(metrics=metrics), NOW)

    assert (row["cagr"], row["sharpe"], row["max_drawdown"], row["trades"]) == ("–", "–", "–", "0")
    assert (row["sharpe_share"], row["drawdown_share"]) == (0.0, 0.0)


def test_a_failed_check_comes_before_doubts() -> None:
    assert view.check([PASS, FEW, FAIL], 8)["level"] == "fail"
    assert view.check([PASS, FEW, FAIL], 8)["text"] == "look-ahead +1"
    assert view.check([FEW, ZERO], 8)["text"] == "8 trades +1"
    assert view.check([PASS], 50)["level"] == "pass"


def test_a_run_that_knows_the_future_is_not_in_the_scatter() -> None:
    figure = view.scatter_figure([run(), run(id="x", badges=[FAIL])], "dark")

    assert figure["data"][0]["customdata"] == ["kGcsUbthq5Rk"]
    assert figure["data"][0]["x"] == [35.0]


def test_filters_are_asked_for_in_fractions() -> None:
    wanted = urlstate.RUNS.parse("?q=break&max_drawdown=25&min_trades=30&starred=1&sort=-sharpe")

    assert view.api_filters(wanted) == {
        "q": "break",
        "max_drawdown": -0.25,
        "min_trades": 30,
        "starred": True,
        "sort": "-sharpe",
    }


def test_an_exported_name_is_never_a_spreadsheet_formula() -> None:
    text = view.export_csv([run(name="=HYPERLINK(1)", tags=["paper"])])

    (row,) = csv.DictReader(io.StringIO(text))
    assert row["name"] == "'=HYPERLINK(1)"
    assert row["symbols"] == "AAPL GOOG"
    # Full precision, as fractions.
    assert row["cagr"] == "0.117"


def test_the_palette_finds_pages_runs_symbols_and_strategies() -> None:
    series = [{"symbol": "AAPL", "timeframe": "1d"}, {"symbol": "IBM", "timeframe": "1d"}]
    strategies = [{"name": "sma_cross", "title": "Moving-average cross"}]

    found = palette.matches("a", [run()], series, strategies)

    assert [(item["kind"], item["href"]) for item in found] == [
        ("page", "/status"),
        ("page", "/compare"),
        ("run", "/runs/kGcsUbthq5Rk"),
        ("symbol", "/new?symbols=AAPL"),
        ("strategy", "/new?strategy=sma_cross"),
    ]
    news = [item["text"] for item in palette.matches("new", [], series, strategies)]
    assert news == ["New run", "New sweep"]


def test_a_list_longer_than_an_answer_is_asked_for_in_pages() -> None:
    class Api:
        asked: ClassVar[list[tuple[int, str | None]]] = []

        def runs(self, *, limit: int, cursor: str | None = None) -> dict[str, Any]:
            self.asked.append((limit, cursor))
            start = int(cursor or 0)
            items = [{"id": str(i)} for i in range(start, min(start + limit, 620))]
            last = start + len(items)
            return {"items": items, "total": 620, "next_cursor": str(last) if last < 620 else None}

    found = first_runs(Api(), 700)  # type: ignore[arg-type]

    assert len(found["items"]) == 620
    assert found["next_cursor"] is None
    assert Api.asked == [(500, None), (200, "500")]


def test_the_columns_are_those_of_the_address_in_their_own_order() -> None:
    columns = grid_columns("-sharpe", ("age", "sortino", "cagr"))

    assert [column["field"] for column in columns] == ["name", "cagr", "sortino", "age"]


def test_tags_to_choose_from_are_those_listed_and_the_chosen_one() -> None:
    assert view.tags([{"tags": ["b", "a"]}, {"tags": ["a"]}], "c") == ["a", "b", "c"]
    assert view.tags([], None) == []
