"""Bad requests get a clear answer and store nothing."""

from __future__ import annotations

import io
import json

import pytest
from werkzeug.test import create_environ, run_wsgi_app

from tests.apps import api_app, config, save_waves

API = "/api/v1"
JSON = "application/json"


@pytest.fixture
def client(store):
    save_waves(store)
    return api_app(store, max_body_bytes=20_000).test_client()


def formula(**fields):
    return config(strategy={"formula": fields})


BAD_RUNS = {
    "unknown symbol": (config(symbols=["AAPLE"]), "symbols", "Did you mean AAPL?"),
    "unknown benchmark": (config(benchmark="SPX"), "benchmark", "No bars of SPX"),
    "no symbol": (config(symbols=[]), "symbols", "at least 1 item"),
    "a symbol twice": (config(symbols=["AAPL", "AAPL"]), "symbols", "repeated"),
    "a path as symbol": (config(symbols=["../x"]), "symbols[0]", "'../x'"),
    "a quote in a symbol": (config(symbols=["A'--"]), "symbols[0]", "form"),
    "another timeframe": (config(timeframe="1h"), "timeframe", "it is in 1d"),
    "unknown strategy": (config(strategy={"name": "smacross"}), "strategy.name", "sma_cross"),
    "unknown parameter": (
        config(strategy={"name": "sma_cross", "params": {"fst": 3}}),
        "strategy.params.fst",
        "did you mean fast?",
    ),
    "parameter out of range": (
        config(strategy={"name": "sma_cross", "params": {"fast": 0}}),
        "strategy.params.fast",
        "from 1 to 500, was 0",
    ),
    "unknown key": (config(cahs=1), "cahs", "Unknown key"),
    "unknown nested key": (config(execution={"filll": 1}), "execution.filll", "Unknown key"),
    "wrong type": (config(cash="much"), "cash", "number"),
    "negative cash": (config(cash=-1), "cash", "0.01"),
    "wrong choice": (config(execution={"fill": "now"}), "execution.fill", "next_open"),
    "no date": (config(start="soon"), "start", "2005-03-01"),
    "dates in the wrong order": (config(start="2001-01-01", end="2000-01-01"), "", "start ≤ end"),
    "no bars there": (config(start="1990-01-01", end="1990-12-31"), "start", "stored: 2000-01-01"),
    "formula syntax": (formula(enter_long="close >"), "strategy.formula.enter_long", ""),
    "formula name": (formula(enter_long="clos > 1"), "strategy.formula.enter_long", "close"),
    "forbidden name": (
        formula(enter_long="__import__('os').system('true')"),
        "strategy.formula.enter_long",
        "",
    ),
    "negative offset": (formula(enter_long="close[-1] > 1"), "strategy.formula.enter_long", ""),
    "deep nesting": (
        formula(enter_long="(" * 3000 + "close" + ")" * 3000),
        "strategy.formula.enter_long",
        "",
    ),
}


@pytest.mark.parametrize(("body", "field", "words"), BAD_RUNS.values(), ids=BAD_RUNS.keys())
@pytest.mark.parametrize("path", ["/runs", "/runs/preview"])
def test_a_bad_run_is_refused_with_its_field(client, path, body, field, words):
    answer = client.post(f"{API}{path}", json=body)

    assert answer.status_code in {404, 422}
    assert answer.mimetype == "application/problem+json"
    assert answer.json["errors"][0]["field"] == field
    assert words in answer.json["errors"][0]["message"]
    assert client.get(f"{API}/runs").json["total"] == 0


BAD_BODIES = {
    "no JSON": (b"{", JSON, 400, "not JSON"),
    "no text": (b"\xff\xfe\x00", JSON, 400, "not JSON"),
    "NaN": (json.dumps(config(cash=float("nan"))).encode(), JSON, 400, "NaN"),
    "infinity": (b'{"cash": Infinity}', JSON, 400, "Infinity"),
    "a huge number": (
        json.dumps(config(cash=3.5)).replace("3.5", "1e999").encode(),
        JSON,
        422,
        "finite",
    ),
    "a key twice": (b'{"cash": 1, "cash": 2}', JSON, 400, "'cash' is repeated"),
    "a list": (b"[]", JSON, 422, "JSON object"),
    "nothing": (b"", JSON, 422, "JSON object"),
    "deep nesting": (b"[" * 10_000, JSON, 400, "nested too deeply"),
    "a form": (b"cash=1", "application/x-www-form-urlencoded", 415, "application/json"),
    "no content type": (b"{}", None, 415, "application/json"),
    "too large": (b" " * 20_001, JSON, 413, "20,000 bytes"),
}


@pytest.mark.parametrize(
    ("body", "mimetype", "status", "words"), BAD_BODIES.values(), ids=BAD_BODIES.keys()
)
def test_a_bad_body_is_refused(client, body, mimetype, status, words):
    answer = client.post(f"{API}/runs", data=body, content_type=mimetype)

    assert answer.status_code == status
    assert words in answer.json["detail"]


def test_a_giant_body_is_refused_unread(client):
    class Unread:
        def read(self, *size):
            raise AssertionError("the body was read")

        readline = read

    environ = create_environ(f"{API}/runs", method="POST", content_type=JSON)
    environ |= {"wsgi.input": Unread(), "CONTENT_LENGTH": "100000000"}
    _, status, _ = run_wsgi_app(client.application, environ)

    assert status.startswith("413")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/runs?nope=1", 422),
        ("/runs?limit=0", 422),
        ("/runs?limit=many", 422),
        ("/runs?sort=luck", 400),
        ("/runs?cursor=xyz", 400),
        ("/runs/short", 422),
        ("/runs/111111111111", 404),
        ("/runs/111111111111/about", 404),
        ("/runs/111111111111/equity", 404),
        ("/runs/111111111111/statistics", 404),
        ("/series/NONE/1d", 404),
        ("/series/NONE/1d/bars", 404),
        ("/series/AAPL/1d/bars?from=soon", 422),
        ("/series/AAPL/1d/bars?points=1", 422),
        ("/series/AA%27PL/1d", 422),
        ("/strategies/none", 404),
        ("/none", 404),
    ],
)
def test_a_bad_address_is_refused(client, path, status):
    answer = client.get(f"{API}{path}")

    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    assert answer.json["detail"]


def test_an_unexpected_error_is_ours_and_tells_nothing(client, caplog, monkeypatch):
    from dataapi.services.runs import Runs

    def fail(*_):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(Runs, "page", fail)
    answer = client.get(f"{API}/runs", headers={"X-Request-Id": "abc-123"})

    assert (answer.status_code, answer.json["request_id"]) == (500, "abc-123")
    assert "secret" not in answer.text
    assert "secret detail" in caplog.text


def test_a_forged_request_id_is_replaced(client):
    answer = client.get(f"{API}/runs", headers={"X-Request-Id": "a b" * 50})

    assert answer.headers["X-Request-Id"].isalnum()


def test_a_bad_file_is_refused_with_every_bad_row(client):
    text = "date,open,high,low,close,volume\n2000-01-03,1,2,3,1,5\n2000-01-04,1,x,1,1,5\n"
    form = {"file": (io.BytesIO(text.encode()), "bad.csv"), "symbol": "BAD"}

    answer = client.post(f"{API}/imports", data=form)

    assert answer.status_code == 422
    assert answer.json["report"]["status"] == "rejected"
    assert answer.json["report"]["n_errors"] >= 2
    assert client.get(f"{API}/series/BAD/1d").status_code == 404
