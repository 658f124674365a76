"""The result page as components: one answer with everything, and cards that fail by themselves."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from dash import Dash
from dash.development.base_component import Component
from flask.testing import FlaskClient

from config.run import RunConfig
from config.settings import load_settings
from dashboard import ids
from dashboard.app import create_app, render
from dashboard.client import ApiRejected, ApiTimeout
from dashboard.pages.result.callbacks import verdict_notice

DAY = 86_400_000
TIME = 1_109_635_200_000 + DAY * np.arange(3)
METRICS = {"final_equity": 110_000.0, "cagr": 0.1, "trades": 1, "open_trades": 0, "fees": 20.0}
TRADES = {
    "symbol": np.array(["AAPL"], dtype=object),
    "side": np.array(["long"], dtype=object),
    "quantity": np.array([10.0]),
    "entry_time": TIME[:1],
    "entry_price": np.array([10.0]),
    "exit_time": TIME[2:],
    "exit_price": np.array([11.0]),
    "fees": np.array([0.2]),
    "pnl": np.array([9.8]),
    "return": np.array([0.098]),
    "bars": np.array([2]),
    "mae": np.array([-0.01]),
    "mfe": np.array([0.12]),
    "exit_reason": np.array(["signal"], dtype=object),
    "ambiguous": np.array([False]),
    "open": np.array([False]),
}


def document() -> dict[str, Any]:
    config = RunConfig(symbols=["AAPL"], strategy={"name": "sma_cross", "params": {"fast": 10}})
    return {
        "id": "kGcsUbthq5Rk",
        "key": "ab" * 32,
        "url": "/runs/kGcsUbthq5Rk",
        "status": "done",
        "created": "2025-11-18T14:02:11Z",
        "summary": "Moving averages on AAPL.",
        "config": config.model_dump(mode="json"),
        "strategy": {
            "name": "sma_cross",
            "title": "Moving-average cross",
            "description": "",
            "params": {"fast": 10},
            "formula": {"enter_long": "close > 1"},
        },
        "engine_version": "0.1.0+4be81c07",
        "data": [
            {
                "symbol": "AAPL",
                "timeframe": "1d",
                "fingerprint": "cd" * 32,
                "first": "2005-03-01",
                "last": "2005-03-03",
                "bars": 3,
            }
        ],
        "metrics": METRICS,
        "benchmark_metrics": {"final_equity": 105_000.0, "cagr": 0.05},
        "checks": {
            "look_ahead": {"status": "pass", "detail": "32 cuts, fine."},
            "recon_error": 0.0,
        },
        "badges": [],
        "timing": {"elapsed_ms": 12.0},
    }


def statistics() -> dict[str, Any]:
    return {
        "metrics": METRICS,
        "benchmark_metrics": {},
        "monthly": [{"year": 2005, "months": [None] * 12, "total": 0.1, "benchmark": 0.05}],
        "drawdowns": [],
        "rolling": {"window_bars": 126, "time": []},
        "distribution": {"edges": [], "counts": [], "n": 0, "var_95": None, "cvar_95": None},
        "qq": {"theoretical": [], "sample": []},
    }


class RunApi:
    """One run in memory; the calls named in `failing` raise."""

    def __init__(self) -> None:
        self.failing: dict[str, Exception] = {}
        self.asked: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        equity = np.array([100_000.0, 105_000.0, 110_000.0])
        self.answers: dict[str, Any] = {
            "get_run": document(),
            "about": {"name": "Trend", "tags": ["demo"], "starred": True, "note": "Kept."},
            "statistics": statistics(),
            "equity": {"time": TIME, "equity": equity, "drawdown": np.zeros(3)},
            "exposure": {"time": TIME, "total": np.ones(3), "AAPL": np.ones(3)},
            "trades": TRADES,
            "analysis": {"status": "queued", "error": None},
            "bars": {"time": TIME, "open": equity, "close": equity},
            "indicators": {"time": TIME.tolist(), "rows": []},
            "export": b"symbol,side\n",
            "runs": {"items": [], "total": 0, "next_cursor": None},
        }

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any, **query: Any) -> Any:
            self.asked.append((name, args, query))
            if name in self.failing:
                raise self.failing[name]
            return self.answers[name]

        return call


@pytest.fixture
def api() -> RunApi:
    return RunApi()


@pytest.fixture
def browser(api: RunApi) -> Iterator[FlaskClient]:
    app: Dash = create_app(load_settings({}), api)  # type: ignore[arg-type]
    with app.server.test_client() as client:
        yield client


def page(api: RunApi, search: str = "") -> str:
    app = Dash("page")
    with app.server.test_request_context():
        shown, _ = render(api, "/runs/kGcsUbthq5Rk", search)  # type: ignore[arg-type]
    return json.dumps(shown.to_plotly_json(), default=_parts)


def _parts(part: Any) -> Any:
    return part.to_plotly_json() if isinstance(part, Component) else str(part)


def test_the_first_view_needs_no_other_answer(api: RunApi) -> None:
    text = page(api)

    for name in (ids.RESULT_EQUITY, ids.RESULT_YEARLY, ids.RESULT_EXPOSURE, ids.RESULT_MONTHLY):
        assert f'"{name}"' in text
    assert "$110,000" in text
    assert "Kept." in text
    assert "trades" not in {name for name, _, _ in api.asked}, "other tabs come on demand"


def test_the_page_is_called_by_the_runs_name(api: RunApi) -> None:
    app = Dash("page")
    with app.server.test_request_context():
        _, title = render(api, "/runs/kGcsUbthq5Rk", "")  # type: ignore[arg-type]

    assert title == "Trend – Hindcast"


def test_a_card_that_fails_leaves_the_others(api: RunApi) -> None:
    api.failing["exposure"] = ApiTimeout("The API did not answer within 10 s.")

    text = page(api)

    assert "Exposure did not load" in text
    assert "The API did not answer within 10 s." in text
    assert f'"{ids.RESULT_EQUITY}"' in text
    assert f'"{ids.RESULT_MONTHLY}"' in text


def test_a_failed_card_gives_the_requests_id(api: RunApi) -> None:
    problem = {"status": 500, "detail": "Something went wrong.", "request_id": "01JD3K8QWZ"}
    api.failing["equity"] = ApiRejected(problem)

    text = page(api)

    assert "Equity did not load" in text
    assert "01JD3K8QWZ" in text


def test_the_page_stands_without_what_may_change_about_a_run(api: RunApi) -> None:
    api.failing["about"] = ApiTimeout("No answer.")

    text = page(api)

    assert "Moving-average cross on AAPL" in text
    assert "$110,000" in text


def test_a_selected_period_is_asked_of_the_api(api: RunApi) -> None:
    text = page(api, "?from=2005-03-02&to=2005-03-03")

    asked = [args for name, args, _ in api.asked if name == "statistics"]
    assert ("kGcsUbthq5Rk", "2005-03-02", "2005-03-03") in asked
    assert "Selection 2005-03-02 to 2005-03-03" in text
    assert "Equity at its end" in text


def test_a_tab_in_the_address_is_the_one_that_is_filled(api: RunApi) -> None:
    text = page(api, "?tab=trades")

    assert f'"{ids.RESULT_TRADES_GRID}"' in text
    assert f'"{ids.RESULT_EQUITY}"' not in text


def test_a_run_that_never_traded_says_so(api: RunApi) -> None:
    api.answers["trades"] = {name: values[:0] for name, values in TRADES.items()}

    assert "The strategy never traded in this period." in page(api, "?tab=trades")


def test_bars_and_indicators_come_in_one_answer_that_is_kept_for_a_minute(
    api: RunApi, browser: FlaskClient
) -> None:
    answer = browser.get("/series/runs/kGcsUbthq5Rk/bars?symbol=AAPL&from=1&to=2")

    assert answer.status_code == 200
    assert answer.json["close"] == [100_000.0, 105_000.0, 110_000.0]
    assert answer.json["indicators"]["rows"] == []
    assert answer.headers["Cache-Control"] == "private, max-age=60"
    query = next(query for name, _, query in api.asked if name == "bars")
    assert query == {"from_": "1", "to": "2", "points": 2000}


def test_bars_that_do_not_come_are_an_error_that_nobody_keeps(
    api: RunApi, browser: FlaskClient
) -> None:
    api.failing["bars"] = ApiTimeout("No answer in time.")

    answer = browser.get("/series/runs/kGcsUbthq5Rk/bars?symbol=AAPL")

    assert answer.status_code == 503
    assert answer.json == {"detail": "No answer in time."}
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_table_is_a_file_of_the_runs_own_name(browser: FlaskClient) -> None:
    answer = browser.get("/export/runs/kGcsUbthq5Rk/trades.csv")

    assert answer.data == b"symbol,side\n"
    assert answer.mimetype == "text/csv"
    assert 'filename="kGcsUbthq5Rk-trades.csv"' in answer.headers["Content-Disposition"]


@pytest.mark.parametrize("name", ["events.exe", "trades.json", "trades"])
def test_there_is_no_other_file(browser: FlaskClient, name: str) -> None:
    assert browser.get(f"/export/runs/kGcsUbthq5Rk/{name}").status_code == 404


@pytest.mark.parametrize(
    ("verdict", "level"),
    [("same", "pass"), ("differs", "fail"), ("other_engine_version", "doubt")],
)
def test_a_verification_says_its_verdict_and_its_machine(verdict: str, level: str) -> None:
    found = {"verdict": verdict, "detail": "Because.", "numpy": "2.4", "processor": "EPYC"}

    text = json.dumps(verdict_notice(found).to_plotly_json(), default=_parts)

    assert f"notice-{level}" in text
    assert "Because." in text
    assert "numpy 2.4, EPYC" in text
