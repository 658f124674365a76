"""The typed client against the real application, in process."""

from __future__ import annotations

import httpx
import numpy as np
import pytest

from config.logs import request_id
from dataapi.client import Answer, ApiRejected, ApiTimeout, ApiUnavailable, Client
from tests.apps import FIRST_MS, N_BARS, api_app, config, save_waves, wave_bars
from tests.dataapi.conftest import database_url, store  # noqa: F401 - fixtures


@pytest.fixture
def api(store):  # noqa: F811
    save_waves(store)
    with Client("http://test", transport=httpx.WSGITransport(app=api_app(store))) as client:
        yield client


def test_a_run_in_a_notebook(api):
    run = api.run(config(), name="mine")
    again = api.run(config())

    assert (run.is_new, again.is_new, again.id) == (True, False, run.id)
    assert run.metrics["final_equity"] == run.equity["equity"][-1]
    assert run["url"] == run.url == f"/runs/{run.id}"
    assert api.about(run.id)["name"] == "mine"
    assert run.trades["entry_time"].dtype == np.int64
    assert run.fills["symbol"].tolist() == ["AAPL"] * run.fills["price"].size
    assert run.orders["quantity"].dtype == np.float64


def test_columns_are_the_stored_bars_bit_for_bit(api):
    bars = api.bars("AAPL", "1d")

    np.testing.assert_array_equal(bars["close"], wave_bars().close)
    np.testing.assert_array_equal(bars["time"], wave_bars().time)


def test_binary_and_json_columns_hold_the_same_numbers(api):
    run = api.run(config())
    binary = api.equity(run.id, points=100)
    path = f"/api/v1/runs/{run.id}/equity?points=100"
    text = httpx.Client(transport=api._http._transport, base_url="http://test").get(path).json()

    for name, values in text.items():
        np.testing.assert_array_equal(binary[name], np.array(values, dtype=float))


def test_aggregated_bars_keep_the_extremes(api):
    whole, coarse = api.bars("AAPL", "1d"), api.bars("AAPL", "1d", points=50)

    assert coarse["time"].size <= 50
    assert coarse["high"].max() == whole["high"].max()
    assert coarse["low"].min() == whole["low"].min()


def test_the_catalogue(api):
    (aapl, msft) = api.series()

    assert (aapl["symbol"], msft["symbol"], aapl["bars"]) == ("AAPL", "MSFT", N_BARS)
    assert api.series_detail("AAPL", "1d")["first"] == "2000-01-01"


def test_a_refusal_has_the_problem(api):
    with pytest.raises(ApiRejected, match="Did you mean AAPL") as refused:
        api.run(config(symbols=["AAPLX"]))

    assert refused.value.status == 422
    assert refused.value.problem["errors"][0]["field"] == "symbols"
    with pytest.raises(ApiRejected) as missing:
        api.get_run("1" * 12)
    assert missing.value.status == 404


def test_answers_are_reported_with_layer_and_request_id(store):  # noqa: F811
    save_waves(store)
    answers: list[Answer] = []
    transport = httpx.WSGITransport(app=api_app(store))
    token = request_id.set("page-7")
    try:
        with Client("http://test", transport=transport, on_answer=answers.append) as api:
            run = api.run(config())
            api.get_run(run.id)
            api.get_run(run.id)
    finally:
        request_id.reset(token)

    assert [answer.answered_by for answer in answers] == ["computed", "store", "api-cache"]
    assert {answer.request_id for answer in answers} == {"page-7"}
    assert all(answer.elapsed_ms >= 0.0 for answer in answers)


class Failing:
    """A transport that fails a number of times before it answers."""

    def __init__(self, *failures):
        self.failures = list(failures)
        self.n_asked = 0

    def __call__(self, request):
        self.n_asked += 1
        if self.failures:
            failure = self.failures.pop(0)
            if isinstance(failure, Exception):
                raise failure
            return httpx.Response(failure)
        return httpx.Response(200, json={"items": []})


def client_of(transport):
    return Client("http://test", transport=httpx.MockTransport(transport))


@pytest.mark.parametrize("failure", [httpx.ConnectError("refused"), 502, 503])
def test_reading_is_tried_again(failure):
    transport = Failing(failure, failure)

    assert client_of(transport).series() == []
    assert transport.n_asked == 3


@pytest.mark.parametrize("failure", [httpx.ConnectError("refused"), 503])
def test_reading_gives_up_after_three_tries(failure):
    transport = Failing(*[failure] * 3)

    with pytest.raises(ApiUnavailable):
        client_of(transport).series()
    assert transport.n_asked == 3


def test_writing_is_tried_once():
    transport = Failing(httpx.ConnectError("refused"))

    with pytest.raises(ApiUnavailable):
        client_of(transport).run(config())
    assert transport.n_asked == 1


def test_a_slow_answer_is_a_timeout():
    with pytest.raises(ApiTimeout, match="did not answer in time"):
        client_of(Failing(httpx.ReadTimeout("slow"))).series()


def test_an_answer_that_is_no_problem_document_is_still_an_error():
    with pytest.raises(ApiRejected, match="418"):
        client_of(Failing(418)).series()


def test_the_first_bar_is_where_the_run_begins(api):
    assert api.equity(api.run(config()).id)["time"][0] == FIRST_MS
