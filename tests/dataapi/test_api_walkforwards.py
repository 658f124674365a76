"""Walk-forwards over HTTP: a window a block, stitched when all are there."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from dataapi import frames
from engine import sweep
from engine.walkforward import cross_validate, walk_forward
from tests.apps import config, wave_bars
from tests.dataapi.test_api_sweeps import (  # noqa: F401 - fixtures
    API,
    StopAfter,
    app,
    cancel,
    client,
    worker_of,
)

# 400 bars: 120 choose, 60 are traded; 280 / 60 = 4 whole windows and one of 40 bars.
WINDOWS = {"in_sample": 120, "out_of_sample": 60}
AXES = {"fast": "2..4", "slow": "6..12:2"}


def asked(**changes):
    return {"run": config(), "axes": AXES, **WINDOWS, **changes}


def folds(**changes):
    method = {"method": "cpcv", "n_folds": 4, "n_test_folds": 2, "purge": 3}
    return {"run": config(), "axes": AXES, **method, **changes}


@pytest.fixture
def done(client, each_store):  # noqa: F811
    """The document of a finished walk-forward."""
    study = client.post(f"{API}/walkforwards", json=asked()).json
    assert worker_of(each_store).work_once()
    return client.get(f"{API}/walkforwards/{study['id']}").json


def plain(value):
    """Return a library's result as JSON has it."""
    return json.loads(json.dumps(value, default=lambda one: one.tolist()))


def test_a_walk_forward_is_queued_with_its_windows_and_is_one(client):  # noqa: F811
    first = client.post(f"{API}/walkforwards", json=asked())
    second = client.post(f"{API}/walkforwards", json=asked(n_folds=9, purge=4))

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json["id"] == second.json["id"]
    assert first.headers["Location"] == f"{API}/walkforwards/{first.json['id']}"
    assert first.json["url"] == f"/walkforwards/{first.json['id']}"
    assert (first.json["status"], first.json["n_windows"], first.json["n_done"]) == ("queued", 5, 0)
    last = first.json["windows"][-1]
    assert (last["out_of_sample"]["bars"], last["is_short"], last["params"]) == (40, True, None)
    for name in ("stitched", "efficiency", "stability", "timing"):
        assert first.json[name] is None
    anchored = client.post(f"{API}/walkforwards", json=asked(anchored=True))
    assert anchored.json["id"] != first.json["id"]


def test_what_comes_of_it_is_what_the_library_says(client, done):  # noqa: F811
    wanted = walk_forward({"AAPL": wave_bars()}, asked())
    equity, trades = wanted.pop("equity"), wanted.pop("trades")

    assert (done["status"], done["n_done"]) == ("done", 5)
    for name, value in plain(wanted).items():
        assert done[name] == value, name
    stored = frames.decode(
        client.get(f"{API}/walkforwards/{done['id']}/equity?format=columns").data
    )
    for name, column in equity.items():
        np.testing.assert_array_equal(stored[name], column)
    answer = client.get(f"{API}/walkforwards/{done['id']}/trades").json
    assert answer["pnl"] == trades["pnl"].tolist()
    assert answer["symbol"] == ["AAPL"] * trades["pnl"].size


def test_the_curve_is_cut_and_thinned_and_kept(client, done):  # noqa: F811
    url = f"{API}/walkforwards/{done['id']}/equity"
    few = client.get(f"{url}?points=50").json
    # The first 120 bars choose, so the account begins at bar 120, 2000-04-30.
    part = client.get(f"{url}?from=2000-04-30&to=2000-05-09").json

    assert len(few["time"]) <= 50
    assert len(part["time"]) == 10
    assert set(part["window"]) == {0}
    answer = client.get(url)
    assert "immutable" in answer.headers["Cache-Control"]
    again = client.get(url, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("method", [{}, {"method": "kfold", "n_test_folds": 1}])
def test_folds_have_paths_in_place_of_one_account(client, each_store, method):  # noqa: F811
    body = folds(**method)
    study = client.post(f"{API}/walkforwards", json=body).json
    assert study["windows"][0]["train"]
    assert worker_of(each_store).work_once()
    found = client.get(f"{API}/walkforwards/{study['id']}").json
    wanted = cross_validate({"AAPL": wave_bars()}, body)
    equity = wanted.pop("equity")

    for name, value in plain(wanted).items():
        assert found[name] == value, name
    assert "stitched" not in found
    stored = client.get(f"{API}/walkforwards/{study['id']}/equity?points=50").json
    assert stored["p50"] == equity["p50"].tolist()
    assert client.get(f"{API}/walkforwards/{study['id']}/trades").status_code == 404


def test_an_estimate_stores_nothing(client):  # noqa: F811
    found = client.post(f"{API}/walkforwards/estimate", json=asked()).json

    assert (found["n_windows"], found["n_points"]) == (5, 12)
    assert found["seconds"] > 0.0
    assert found["distinct_trials_before"] == 0
    assert client.get(f"{API}/walkforwards").json["total"] == 0


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"in_sample": 500}, 422, "needs 500 + 60 bars and the run has 400"),
        ({"in_sample": 1}, 422, "in_sample"),
        ({"in_sample": None}, 422, "Expected `in_sample`"),
        ({"out_of_sample": 0}, 422, "out_of_sample"),
        ({"method": "kfold"}, 422, "belongs to walk_forward"),
        ({"axes": {"fast": "4..2"}}, 422, "is reversed"),
        ({"objective": "luck"}, 422, "objective"),
        (
            {"run": config(flows={"amount": 100, "every": "month"})},
            422,
            "Contributions have no place",
        ),
        ({"run": config(symbols=["NONE"])}, 422, "No bars of NONE"),
    ],
)
def test_bad_input_is_refused_before_any_work(client, change, status, words):  # noqa: F811
    for route in ("walkforwards", "walkforwards/estimate"):
        answer = client.post(f"{API}/{route}", json=asked(**change))

        assert answer.status_code == status
        assert words in answer.json["detail"]
        assert answer.json["errors"]
    assert client.get(f"{API}/jobs").json["items"] == []


def test_a_cancelled_one_shows_its_windows_and_goes_on_later(
    client,  # noqa: F811
    each_store,
    monkeypatch,
):
    study = client.post(f"{API}/walkforwards", json=asked()).json
    StopAfter(monkeypatch, 2, cancel)
    assert worker_of(each_store).work_once()

    found = client.get(f"{API}/walkforwards/{study['id']}").json
    assert (found["status"], found["n_done"]) == ("cancelled", 2)
    assert [window["params"] is not None for window in found["windows"]] == [True, True] + 3 * [
        False
    ]
    assert found["trials"] == 12
    refused = client.get(f"{API}/walkforwards/{study['id']}/equity")
    assert refused.status_code == 409
    assert "is cancelled: it has no final result" in refused.json["detail"]

    assert client.post(f"{API}/walkforwards", json=asked()).json["status"] == "queued"
    counter = StopAfter(monkeypatch, 99, cancel)
    assert worker_of(each_store).work_once()
    found = client.get(f"{API}/walkforwards/{study['id']}").json
    assert (found["status"], found["n_done"], counter.n_put) == ("done", 5, 3)


def test_its_combinations_count_once_and_when_it_is_deleted(client, each_store, done):  # noqa: F811
    def trials():
        (item,) = client.get(f"{API}/trials").json["items"]
        return item["trials"], item["trial_sharpe_std"]

    # Twelve combinations in five windows: of each the mean of its in-sample ratios a period.
    axes = {"fast": [2, 3, 4], "slow": [6, 8, 10, 12]}
    ratios = []
    for window in done["windows"]:
        span = {"start": window["in_sample"]["first"], "end": window["in_sample"]["last"]}
        table = sweep({"AAPL": wave_bars()}, config(**span), axes)
        ratios.append(table["sharpe"] / math.sqrt(365))
    n_trials, spread = trials()
    assert n_trials == 12
    assert spread == pytest.approx(np.mean(ratios, axis=0).std(ddof=1), rel=1e-12)
    client.delete(f"{API}/walkforwards/{done['id']}")
    assert client.get(f"{API}/walkforwards/{done['id']}").status_code == 404
    assert client.get(f"{API}/walkforwards/{done['id']}/equity").status_code == 404
    assert trials() == (n_trials, spread)
    # The sweep over the same grid tries nothing new, and knows the ratios of the whole period.
    client.post(f"{API}/sweeps", json={"run": config(), "axes": AXES})
    worker_of(each_store).work_off()
    n_trials, spread = trials()
    table = sweep({"AAPL": wave_bars()}, config(), axes)
    assert n_trials == 12
    assert spread == pytest.approx(table["sharpe"].std(ddof=1) / math.sqrt(365), rel=1e-9)


def test_deleting_an_unfinished_one_counts_what_was_seen(
    client,  # noqa: F811
    app,  # noqa: F811
    each_store,
    monkeypatch,
):
    study = client.post(f"{API}/walkforwards", json=asked()).json

    def delete(context):
        assert app.test_client().delete(f"{API}/walkforwards/{study['id']}").status_code == 204

    StopAfter(monkeypatch, 2, delete)
    worker_of(each_store).work_once()

    assert client.get(f"{API}/walkforwards/{study['id']}").status_code == 404
    assert client.get(f"{API}/trials").json["items"][0]["trials"] == 12
    # One that nobody began has tried nothing.
    other = client.post(f"{API}/walkforwards", json=asked(axes={"fast": "5..6"})).json
    client.delete(f"{API}/walkforwards/{other['id']}")
    assert client.get(f"{API}/trials").json["items"][0]["trials"] == 12


def test_the_list_shows_what_came_of_each(client, each_store, done):  # noqa: F811
    client.post(f"{API}/walkforwards", json=folds())
    worker_of(each_store).work_off()
    client.post(f"{API}/walkforwards", json=asked(anchored=True))

    page = client.get(f"{API}/walkforwards").json

    assert page["total"] == 3
    by_status = {item["status"] for item in page["items"]}
    assert by_status == {"done", "queued"}
    of_windows = next(item for item in page["items"] if item["id"] == done["id"])
    assert of_windows["efficiency"] == done["efficiency"]
    assert of_windows["sharpe"] == done["stitched"]["metrics"]["sharpe"]
    of_folds = next(item for item in page["items"] if item.get("method") == "cpcv")
    assert 0.0 <= of_folds["probability_of_loss"] <= 1.0
