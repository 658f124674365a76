"""Strategies in Python files over HTTP: those of the server's directory, and no other code."""

import hashlib
import time

import pytest

from config.settings import ROOT
from dataapi.services.strategy_files import StrategyFiles
from engine.event_files import is_compiled, read_event_strategy
from tests.apps import api_app, config, save_waves

API = "/api/v1"
TURTLE = (ROOT / "docs" / "examples" / "turtle.py").read_text(encoding="utf-8")


@pytest.fixture
def directory(tmp_path):
    directory = tmp_path / "strategies"
    directory.mkdir()
    (directory / "turtle.py").write_text(TURTLE)
    return directory


@pytest.fixture
def app(store, directory):
    save_waves(store)
    app = api_app(store)
    app.extensions["hindcast"].runs.files = StrategyFiles(directory)
    return app


@pytest.fixture
def client(app):
    return app.test_client()


def asked(name="turtle", **params):
    return config() | {"strategy": {"name": name, "params": params}}


def test_files_are_listed_beside_the_built_in_ones_and_what_is_wrong_with_them(client, directory):
    (directory / "broken.py").write_text("def on_bar(bar):\n    pass\n")

    listed = client.get(f"{API}/strategies").json

    (turtle,) = [item for item in listed["items"] if item["kind"] == "event"]
    assert (turtle["name"], turtle["file"]) == ("turtle", "turtle.py")
    assert turtle["params"]["entry"]["default"] == 20
    assert turtle["indicators"]["range"] == "atr(20)"
    (problem,) = listed["problems"]
    assert problem["file"] == "broken.py"
    assert "line 1" in problem["message"]
    assert client.get(f"{API}/strategies/turtle").json["code"] == TURTLE


def test_a_run_shows_its_text_and_is_another_when_the_text_is(client, directory):
    first = client.post(f"{API}/runs", json=asked())
    again = client.post(f"{API}/runs", json=asked())
    (directory / "turtle.py").write_text(TURTLE + "# changed\n")
    other = client.post(f"{API}/runs", json=asked())

    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 201)
    document = first.json
    assert document["strategy"]["code"] == TURTLE
    assert document["config"]["strategy"]["code"] == hashlib.sha256(TURTLE.encode()).hexdigest()
    assert document["checks"]["look_ahead"]["status"] == "pass"
    assert other.json["key"] != document["key"]


def test_verify_says_when_the_file_has_changed(client, directory, monkeypatch):
    identifier = client.post(f"{API}/runs", json=asked()).json["id"]
    assert client.post(f"{API}/runs/{identifier}/verify").json["verdict"] == "same"
    # As in a process that never saw the old text.
    monkeypatch.setattr("engine.event_files.known._known", {})
    (directory / "turtle.py").write_text(TURTLE + "# changed\n")

    report = client.post(f"{API}/runs/{identifier}/verify").json

    assert report["verdict"] == "differs"
    assert "turtle.py has changed" in report["detail"]
    assert client.get(f"{API}/runs/{identifier}/about").status_code == 200


def test_a_request_cannot_bring_code(client, monkeypatch):
    monkeypatch.setattr("engine.event_files.known._known", {})
    strategy = {"name": "mine", "code": "0" * 64}

    unknown = client.post(f"{API}/runs", json=config() | {"strategy": strategy})
    text = client.post(
        f"{API}/runs", json=config() | {"strategy": {"name": "mine", "code": TURTLE}}
    )

    assert (unknown.status_code, text.status_code) == (422, 422)
    assert "is not here" in unknown.json["detail"]


def test_a_failing_on_bar_is_a_clear_refusal(client, directory):
    (directory / "failing.py").write_text(
        "def on_bar(bar, indicators, position, orders, state, params):\n"
        "    x = 1.0 / (bar.number - 3)\n"
        "    return state\n"
    )

    refused = client.post(f"{API}/runs", json=asked("failing"))

    assert refused.status_code == 422
    assert "failing.py, line 2: at 2000-01-04" in refused.json["detail"]


def test_a_watched_file_is_compiled_by_the_thread_and_asked_for_meanwhile_is_busy(client, app):
    files = app.extensions["hindcast"].runs.files
    fresh = TURTLE + "# watched\n"
    (files.directory / "turtle.py").write_text(fresh)
    files._is_watched = True

    busy = client.post(f"{API}/runs", json=asked())
    assert busy.status_code == 503
    assert busy.headers["Retry-After"]

    files.watch()
    deadline = time.monotonic() + 60.0
    definition = read_event_strategy(fresh, name="turtle")
    while not is_compiled(definition):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert client.post(f"{API}/runs", json=asked()).status_code == 201
