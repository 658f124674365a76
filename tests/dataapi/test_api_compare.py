"""Runs beside one another: where two part and why, and several at a glance."""

from __future__ import annotations

import numpy as np
import pytest

from tests.apps import DAY_MS, FIRST_MS, N_BARS, api_app, config, save_waves, wave_bars

API = "/api/v1"


@pytest.fixture
def client(store):
    save_waves(store)
    return api_app(store).test_client()


def made(client, **changes):
    answer = client.post(f"{API}/runs", json=config(**changes))
    assert answer.status_code in (200, 201), answer.text
    return answer.json


def diff(client, one, other):
    return client.get(f"{API}/runs/{one['id']}/diff/{other['id']}")


def test_a_run_is_the_same_as_itself(client):
    run = made(client)
    found = diff(client, run, run).json

    assert found == {
        "same": True, "config": [], "data": [], "engine": None, "first": None,
        "cause": "They are the same.",
    }  # fmt: skip


def test_one_setting_is_named_as_the_cause(client):
    one, other = made(client), made(client, costs={"rate_bps": 20.0})
    found = diff(client, one, other).json
    first_fill = client.get(f"{API}/runs/{one['id']}/fills").json

    assert found["same"] is False
    assert found["config"] == [{"key": "costs.rate_bps", "a": 10.0, "b": 20.0}]
    assert (found["data"], found["engine"]) == ([], None)
    assert (found["first"]["kind"], found["first"]["symbol"]) == ("fill", "AAPL")
    assert found["first"]["a"]["fee"] == first_fill["fee"][0]
    assert found["cause"].startswith("Because costs.rate_bps is 10 in the first run and 20 in")


def test_of_several_settings_the_one_that_acts_first_is_the_cause(client):
    # The benchmark changes no trade, closing at the end the last one, fractional lots the first.
    one = made(client)
    other = made(client, benchmark="MSFT", execution={"finalize": True}, lot=0.0)
    found = diff(client, one, other).json

    assert {item["key"] for item in found["config"]} == {"benchmark", "execution.finalize", "lot"}
    assert found["cause"].startswith("Because lot is not set in the first run and 0 in the second")
    assert found["first"]["a"]["quantity"] == int(found["first"]["b"]["quantity"])


def test_the_setting_that_comes_nearest_to_the_other_event_is_the_cause(client):
    # Both make the first fill another one, but only the slippage moves its price by that much.
    one = made(client, lot=0.0)
    other = made(client, lot=0.0, costs={"cash_rate": 1e-9}, execution={"slippage_bps": 50.0})
    found = diff(client, one, other).json

    assert found["cause"].startswith("Because execution.slippage_bps is 5 in the first run and 50")


def test_what_changes_no_trade_is_said(client):
    found = diff(client, made(client), made(client, benchmark=None)).json

    assert (found["same"], found["first"]) == (False, None)
    assert found["cause"] == "They trade alike to the last bit; only benchmark differs."


def test_another_strategy_is_one_cause(client):
    found = diff(client, made(client), made(client, strategy={"name": "buy_and_hold"})).json

    assert found["cause"] == "Because the strategies are not the same."


def test_changed_bars_are_a_cause(client, store):
    run = made(client)
    bars = wave_bars()
    bars.close[100] += 0.25
    store.series.save("AAPL", "1d", bars, source="mended.csv")
    found = diff(client, run, made(client)).json

    assert [item["symbol"] for item in found["data"]] == ["AAPL"]
    assert found["cause"].startswith("The data differ: The bars of AAPL were other ones")


def test_a_diff_is_kept_for_ever_and_gone_with_its_runs(client):
    one, other = made(client), made(client, cash=50_000)
    answer = diff(client, one, other)
    etag = {"If-None-Match": answer.headers["ETag"]}
    path = f"{API}/runs/{one['id']}/diff/{other['id']}"

    assert "immutable" in answer.headers["Cache-Control"]
    assert client.get(path, headers=etag).status_code == 304
    client.delete(f"{API}/runs/{other['id']}")
    assert client.get(path, headers=etag).status_code == 404


def test_runs_side_by_side(client):
    runs = [
        made(client),
        made(client, start="2000-04-01"),
        made(client, strategy={"name": "buy_and_hold"}),
    ]
    ids = ",".join(run["id"] for run in runs)
    found = client.get(f"{API}/compare?ids={ids}").json
    curves = found["curves"]

    assert [run["id"] for run in found["runs"]] == [run["id"] for run in runs]
    assert found["runs"][1]["first"] == "2000-04-01"
    assert found["runs"][2]["metrics"] == runs[2]["metrics"]
    keys = {item["key"]: item["values"] for item in found["config"]}
    assert keys["start"] == ["2000-01-01", "2000-04-01", "2000-01-01"]
    # 2000-04-01 is the 92nd day of the year: 91 bars later.
    assert curves["time"][0] == FIRST_MS + 91 * DAY_MS
    assert len(curves["time"]) == N_BARS - 91
    for run, equity, fall in zip(runs, curves["equity"], curves["drawdown"], strict=True):
        stored = client.get(f"{API}/runs/{run['id']}/equity").json["equity"]
        stored = np.array(stored[-len(equity) :])
        np.testing.assert_allclose(equity, stored / stored[0], rtol=1e-12)
        peak = np.maximum.accumulate(stored)
        np.testing.assert_allclose(fall, stored / peak - 1.0, atol=1e-12)
    assert [row[i] for i, row in enumerate(found["correlation"])] == pytest.approx([1.0] * 3)
    assert found["correlation"][0][2] == found["correlation"][2][0]
    assert found["diff"] is None


def test_the_correlation_is_that_of_the_returns(client):
    one, other = made(client), made(client, strategy={"name": "buy_and_hold"})
    found = client.get(f"{API}/compare?ids={one['id']},{other['id']}").json
    returns = []
    for run in (one, other):
        equity = np.array(client.get(f"{API}/runs/{run['id']}/equity").json["equity"])
        returns.append(equity[1:] / equity[:-1] - 1.0)

    assert found["correlation"][0][1] == pytest.approx(np.corrcoef(*returns)[0, 1], abs=1e-12)
    assert found["diff"]["cause"] == "Because the strategies are not the same."


@pytest.mark.parametrize(
    ("ids", "status", "words"),
    [
        ("{a}", 422, "Expected 2 to 20 different runs, were 1."),
        ("{a},{a}", 422, "one is named twice"),
        ("{a},111111111111", 404, "No run"),
        ("", 422, "were 0"),
    ],
)
def test_what_cannot_be_compared_is_said(client, ids, status, words):
    answer = client.get(f"{API}/compare", query_string={"ids": ids.format(a=made(client)["id"])})

    assert answer.status_code == status
    assert words in answer.json["detail"]
