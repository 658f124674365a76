"""The pages of sweeps and walk-forwards in each of their states, without a browser."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from dash import Dash
from flask.testing import FlaskClient

from config.settings import load_settings
from dashboard.app import create_app, render
from dashboard.client import ApiRejected
from dashboard.pages.walkforward import view as forwards
from tests.dashboard import sweep_documents as docs
from tests.dashboard.test_app import text_of

THIN = "\u202f"


class FakeApi:
    """One sweep and one walk-forward in memory."""

    def __init__(self) -> None:
        self.document = docs.sweep()
        self.forward = docs.walkforward()
        self.table = docs.columns(docs.AXES)
        self.lists: dict[str, list[dict]] = {"sweeps": [], "walkforwards": []}

    def sweep(self, sweep_id: str) -> dict:
        if sweep_id != docs.SWEEP_ID:
            raise ApiRejected({"status": 404, "detail": "There is no such sweep."})
        return self.document

    def sweep_points(self, sweep_id: str, columns: Any = (), *, status: str = "") -> dict:
        return self.table

    def walkforward(self, walkforward_id: str) -> dict:
        return self.forward

    def walkforward_equity(self, walkforward_id: str, *, points: int | None = None) -> dict:
        if self.forward["method"] == "walk_forward":
            return docs.forward_equity()
        return {"time": [0.0, 1e10], **{name: [1e5, 1.1e5] for name in docs.QUANTILES}}

    def sweeps(self, **query: Any) -> dict:
        return {"items": self.lists["sweeps"], "total": len(self.lists["sweeps"])}

    def walkforwards(self, **query: Any) -> dict:
        return {"items": self.lists["walkforwards"], "total": len(self.lists["walkforwards"])}

    def strategies(self) -> list[dict]:
        return [{"name": "sma_cross", "title": "Moving-average cross", "params": {}}]

    def active_jobs(self) -> list[dict]:
        job = {"id": 3, "kind": "sweep", "subject": docs.SWEEP_ID, "state": "queued"}
        return [{**job, "progress": 0.0}]


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
def browser(api: FakeApi) -> Iterator[FlaskClient]:
    app: Dash = create_app(load_settings({}), api)  # type: ignore[arg-type]
    with app.server.test_client() as client:
        yield client


def page(api: FakeApi, path: str) -> tuple[str, str]:
    shown, title = render(api, path, "")  # type: ignore[arg-type]
    return text_of(shown), title


URL = f"/sweeps/{docs.SWEEP_ID}"


def test_a_finished_sweep_says_what_to_doubt_before_the_numbers(api: FakeApi) -> None:
    words, title = page(api, URL)

    assert title == "Moving-average cross, fast × slow × k – Hindcast"
    assert words.index("Picking the best") < words.index("Best points")
    assert "2,620 runs in 1.7 s" in words
    assert "4,606" in words


def test_a_running_sweep_shows_how_far_it_is_and_no_verdict(api: FakeApi) -> None:
    api.document = docs.sweep("running", n_done=1310)
    api.table = docs.columns(docs.AXES, n_done=1310)

    words, _ = page(api, URL)

    assert f"50{THIN}%" in words
    assert "1,310 of 2,620 runs" in words
    assert "Best so far: Sharpe 1.00 at fast 10, slow 60, k 0." in words
    assert "Cancel" in words
    assert "Overfitting" not in words


@pytest.mark.parametrize(
    ("status", "n_done", "expected"),
    [
        ("failed", 0, "The sweep failed. The bars are gone."),
        ("cancelled", 0, "Cancelled.  Nothing was computed."),
        ("cancelled", 800, "800 of 2,620 runs were computed and are shown."),
    ],
)
def test_a_sweep_that_stopped_says_so_and_shows_what_there_is(
    api: FakeApi, status: str, n_done: int, expected: str
) -> None:
    api.document = docs.sweep(status, n_done=n_done)
    api.document["job"]["error"] = "The bars are gone."
    api.table = docs.columns(docs.AXES, n_done=n_done)

    words, _ = page(api, URL)

    assert " ".join(expected.split()) in " ".join(words.split())
    assert "Start again" in words
    assert ("Best points" in words) == (n_done > 0)


def test_a_sweep_of_one_axis_has_slices_and_no_map(api: FakeApi) -> None:
    axes = {"fast": docs.AXES["fast"]}
    api.document, api.table = docs.sweep(axes=axes), docs.columns(axes)

    words, _ = page(api, URL)

    assert "through fast 10" in words
    assert "dashes are the median" in words


def test_a_sweep_that_is_not_there_is_not_found(api: FakeApi) -> None:
    words, title = page(api, "/sweeps/9tQmB2xKd4Zr")

    assert title == "Not found – Hindcast"
    assert "There is no such sweep." in words


def test_a_running_sweep_is_asked_for_cheaply(api: FakeApi, browser: FlaskClient) -> None:
    api.document = docs.sweep("running", n_done=1310)
    api.table = docs.columns(docs.AXES, n_done=1310)

    first = browser.get(f"/series{URL}/live")
    again = browser.get(f"/series{URL}/live?done=1310").get_json()

    found = first.get_json()
    assert found["status"] == "running"
    assert found["words"]["percent"] == f"50{THIN}%"
    assert found["cells"]["shape"] == "19, 35"
    assert first.headers["Cache-Control"] == "no-store"
    # The map is sent only when there are more points than before.
    assert "cells" not in again


def test_lines_and_cells_are_json_without_nan(api: FakeApi, browser: FlaskClient) -> None:
    api.table["calmar"][5] = float("nan")

    lines = browser.get(f"/series{URL}/lines")
    cell = browser.get(f"/series{URL}/cell?x=6&y=3&view=%3Fat%3Dk%3A1")

    assert json.loads(lines.text)["n_points"] == 2620
    assert cell.get_json()["text"].startswith("fast 10, slow 60, k 0: Sharpe 1.00")


def test_points_are_a_file(browser: FlaskClient) -> None:
    response = browser.get(f"/export{URL}/points.csv")

    assert response.mimetype == "text/csv"
    assert response.text.startswith("fast,slow,k,sharpe")


def test_an_address_of_no_sweep_is_refused(browser: FlaskClient) -> None:
    response = browser.get("/series/sweeps/nothing/live")

    assert response.status_code == 404
    assert response.get_json() == {"detail": "There is no such sweep."}


def test_an_empty_list_is_one_sentence_and_one_way_on(api: FakeApi) -> None:
    words, title = page(api, "/sweeps")

    assert title == "Sweeps – Hindcast"
    assert "A sweep runs one strategy over a grid of parameters" in words


def test_the_list_has_both_with_state_and_best(api: FakeApi) -> None:
    common = {
        "strategy": "sma_cross",
        "symbols": ["AAPL"],
        "axes_text": "fast=2..60 slow=10..200",
        "created": "2026-11-25T12:00:00Z",
    }
    best = {"metrics": {"sharpe": 1.07}}
    api.lists["sweeps"] = [
        {**common, "id": "a", "url": "/sweeps/a", "status": "running", "progress": 0.3}
        | {"n_points": 2620},
        {**common, "id": "b", "url": "/sweeps/b", "status": "done", "best": best, "pbo": 0.51}
        | {"objective": "sharpe", "n_points": 100},
    ]
    api.lists["walkforwards"] = [
        {**common, "id": "c", "url": "/walkforwards/c", "status": "done", "n_points": 36}
        | {"sharpe": 0.48, "efficiency": 0.42}
    ]

    words, _ = page(api, "/sweeps")

    for part in (f"30{THIN}%", "Sharpe 1.07", "0.51", "Sharpe 0.48", f"42{THIN}%", "fast 2..60"):
        assert part in words


def test_the_queue_names_what_it_works_on(api: FakeApi, browser: FlaskClient) -> None:
    item = {"id": docs.SWEEP_ID, "strategy": "sma_cross", "axes_text": "fast=2..60 slow=10..200"}
    api.lists["sweeps"] = [item]

    items = browser.get("/series/jobs").get_json()["items"]

    assert items[0]["title"] == "Moving-average cross, fast × slow"
    assert items[0]["href"] == URL


FORWARD = f"/walkforwards/{docs.FORWARD_ID}"


def test_a_walk_forward_judges_before_it_shows(api: FakeApi) -> None:
    words, title = page(api, FORWARD)

    assert title == "Moving-average cross, walk-forward – Hindcast"
    assert words.index("Less than half carries over") < words.index("Out of sample, joined")
    assert "5 of 6" in words
    # 8/60, 8/60, 10/55, 12/55, 10/55, 10/80.
    assert "the choice changed in 4 of 5 steps" in words


def test_a_running_walk_forward_shows_the_windows_that_are_done(
    api: FakeApi, browser: FlaskClient
) -> None:
    api.forward = docs.walkforward("running", n_done=2)

    words, _ = page(api, FORWARD)
    answer = browser.get(f"/series{FORWARD}/live?shown=1").get_json()

    assert "2 of 6 windows" in words
    assert "Out of sample, joined" not in words
    assert answer["reload"]
    assert not browser.get(f"/series{FORWARD}/live?shown=2").get_json()["reload"]


@pytest.mark.parametrize(
    ("status", "expected"),
    [("failed", "The walk-forward failed."), ("cancelled", "3 of 6 windows were computed.")],
)
def test_a_walk_forward_that_stopped_says_so(api: FakeApi, status: str, expected: str) -> None:
    api.forward = docs.walkforward(status, n_done=3)

    assert expected in page(api, FORWARD)[0]


@pytest.mark.parametrize(
    ("efficiency", "level"), [(0.8, "pass"), (0.42, "doubt"), (-0.1, "fail"), (None, None)]
)
def test_efficiency_in_words(efficiency: float | None, level: str | None) -> None:
    found = forwards.verdict({**docs.walkforward(), "efficiency": efficiency})

    assert (found.level if found else None) == level


def test_windows_as_a_table() -> None:
    rows = forwards.table(docs.walkforward(n_done=1, status="running"))

    assert rows[0] == [
        "1",
        "2007-01-01 to 2007-06-30",
        "8",
        "60",
        "1.40",
        "0.40",
        f"+4.0{THIN}%",
        f"−8.0{THIN}%",
    ]
    assert rows[1][2:] == ["–"] * 6
    assert len(forwards.table_heads(docs.walkforward())) == len(rows[0])


def test_a_cross_validation_shows_its_paths_and_their_spread(api: FakeApi) -> None:
    api.forward = docs.folds()

    words, title = page(api, FORWARD)

    assert title == "Moving-average cross, cross-validation – Hindcast"
    assert "4 folds, 2 tested at a time" in words
    assert "Paths that lose" in words
    assert "Choice by choice" in words
    # The second choice tested the first and the third fold.
    assert forwards.fold_table(api.forward)[1][:4] == ["2", "1, 3", "10", "60"]
    assert forwards.spread_rows(api.forward) == [
        ["Sharpe", "−0.20", "0.10", "0.40", "0.70", "1.00"]
    ]


def test_without_efficiency_the_reason_is_said() -> None:
    detail = {"reason": "The best combinations did not even grow in sample."}
    document = {**docs.walkforward(), "efficiency": None, "efficiency_detail": detail}

    found = forwards.verdict(document)

    assert found is not None
    assert (found.level, found.detail) == ("none", detail["reason"])
