"""One shape for every route: errors, request id, who answered; and a document that says so."""

from __future__ import annotations

import re

import pytest
from openapi_spec_validator import validate

from dataapi.client import ApiRejected, Client
from tests.apps import api_app, config, save_waves
from tests.dataapi.conftest import database_url, store  # noqa: F401 - fixtures

API = "/api/v1"
WHO = {"api-cache", "store", "computed"}


@pytest.fixture
def app(store):  # noqa: F811
    save_waves(store)
    return api_app(store)


def routes(app):
    """Return every (method, path template) that the application answers."""
    return sorted(
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.endpoint != "static"
        for method in rule.methods - {"HEAD", "OPTIONS"}
    )


def filled(rule, run_id):
    """Return a path with its parameters in place."""
    values = {"run_id": run_id, "symbol": "AAPL", "timeframe": "1d", "name": "sma_cross"}
    values |= {"other_id": run_id, "study_id": run_id, "job_id": "1"}
    return re.sub(r"<(\w+)>", lambda found: values[found[1]], rule)


def test_every_route_answers_with_id_layer_and_time(app):
    client = app.test_client()
    run_id = client.post(f"{API}/runs", json=config()).json["id"]
    # What deletes comes last.
    for method, rule in sorted(routes(app), key=lambda route: route[0] == "DELETE"):
        answer = client.open(
            filled(rule, run_id), method=method, headers={"X-Request-Id": "contract-1"}
        )

        assert answer.status_code < 500, (method, rule, answer.text)
        assert answer.headers["X-Request-Id"] == "contract-1", rule
        assert answer.headers["X-Answered-By"] in WHO, rule
        assert float(answer.headers["X-Elapsed-Ms"]) >= 0.0, rule
        if answer.status_code >= 400:
            assert_problem(answer)


def test_every_route_refuses_what_is_not_there_in_one_shape(app):
    client = app.test_client()
    for _, rule in routes(app):
        answer = client.open(f"{filled(rule, '1' * 12)}/no/such/page", method="GET")

        assert answer.status_code == 404, rule
        assert_problem(answer)


def test_every_run_route_knows_that_a_run_is_missing(app):
    client = app.test_client()
    for method, rule in routes(app):
        if "<run_id>" in rule:
            body = {"json": {}} if method == "PATCH" else {}
            answer = client.open(filled(rule, "1" * 12), method=method, **body)

            assert answer.status_code == 404, (method, rule)
            assert_problem(answer)


def assert_problem(answer):
    assert answer.mimetype == "application/problem+json"
    assert {"type", "title", "status", "detail", "request_id"} <= answer.json.keys()
    assert answer.json["status"] == answer.status_code
    assert answer.json["request_id"] == answer.headers["X-Request-Id"]
    assert "Traceback" not in answer.text


def test_the_openapi_document_is_valid_and_has_every_route(app):
    document = app.test_client().get(f"{API}/openapi.json").json

    validate(document)
    described = {
        (method.upper(), re.sub(r"{(\w+)}", r"<\1>", path))
        for path, item in document["paths"].items()
        for method in item
    }
    assert document["openapi"].startswith("3.1")
    assert described == set(routes(app)) - {("GET", f"{API}/openapi.json")}


def test_the_client_reaches_every_route(app):
    """Every route under the prefix has a method of the client: drive them all, count the paths."""
    import httpx

    asked = set()
    transport = httpx.WSGITransport(app=app)
    with Client("http://test", transport=transport, on_answer=lambda a: asked.add(a.path)) as api:
        run = api.run(config())
        api.preview(config())
        api.runs()
        api.get_run(run.id)
        api.about(run.id)
        api.patch_run(run.id, starred=True)
        api.verify(run.id)
        api.analysis(run.id)
        api.explain(run.id, 0)
        other = api.run(config(cash=50_000))
        api.diff(run.id, other.id)
        api.compare([run.id, other.id])
        api.statistics(run.id)
        api.passports(run.id)
        api.equity(run.id)
        api.exposure(run.id)
        api.indicators(run.id)
        for table in ("orders", "fills", "trades", "events"):
            getattr(api, table)(run.id)
        api.import_bundle(api.bundle(run.id))
        api.series()
        api.series_detail("AAPL", "1d")
        api.bars("AAPL", "1d")
        api.quality("AAPL", "1d")
        text = b"date,open,high,low,close,volume\n2000-01-03,1,1,1,1,5\n2000-01-04,1,1,1,1,5\n"
        api.import_file("new.csv", text, symbol="NEW", timeframe="1d")
        api.strategies()
        api.strategy("sma_cross")
        api.functions()
        api.check_formula({"enter_long": "close > 1"})
        api.run_schema()
        api.status()
        study = {"run": config(), "axes": {"fast": "2..4"}}
        sweep = api.sweep(study)
        api.estimate_sweep(study)
        api.sweeps()
        api.get_sweep(sweep["id"])
        api.sweep_points(sweep["id"], ["sharpe"])
        api.delete_sweep(sweep["id"])
        folded = {**study, "method": "kfold", "n_folds": 2}
        walkforward = api.walkforward(folded)
        api.estimate_walkforward(folded)
        api.walkforwards()
        api.get_walkforward(walkforward["id"])
        for table in (api.walkforward_equity, api.walkforward_trades):
            with pytest.raises(ApiRejected, match="has no final result"):
                table(walkforward["id"])
        api.delete_walkforward(walkforward["id"])
        api.trials()
        job = api.jobs()["items"][0]
        api.job(job["id"])
        api.cancel_job(job["id"])
        api.health()
        api.delete_run(run.id)
        api.delete_series("MSFT", "1d")

    wanted = {re.sub("<symbol>", "S", rule) for _, rule in routes(app)}
    reached = {
        re.sub("/(AAPL|MSFT)/1d", "/S/<timeframe>", path)
        .replace(f"diff/{other.id}", "diff/<other_id>")
        .replace(run.id, "<run_id>")
        .replace(sweep["id"], "<study_id>")
        .replace(walkforward["id"], "<study_id>")
        .replace("/sma_cross", "/<name>")
        .replace(f"/jobs/{job['id']}", "/jobs/<job_id>")
        for path in asked
    }
    assert wanted - reached == {f"{API}/openapi.json", "/healthz", "/metrics"}
