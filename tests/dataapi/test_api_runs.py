"""Runs over HTTP: one request, one run, whatever happens around it."""

from __future__ import annotations

import csv
import io
import json
import threading

import numpy as np
import pytest

from dataapi.store import Store
from engine import backtest
from engine.types import Bars
from tests.apps import DAY_MS, FIRST_MS, N_BARS, api_app, config, save_waves, wave_bars

API = "/api/v1"


@pytest.fixture
def app(store):
    save_waves(store)
    return api_app(store)


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def run(client):
    return client.post(f"{API}/runs", json=config()).json


def extended(bars: Bars, by: int) -> Bars:
    """Return the wave with more bars at its end; the first ones are the same."""
    return wave_bars(bars.time.size + by)


def test_the_same_request_twice_is_one_run(client):
    first = client.post(f"{API}/runs", json=config())
    second = client.post(f"{API}/runs", json=config())

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.headers["X-Answered-By"] == "computed"
    assert second.headers["X-Answered-By"] == "store"
    assert first.data == second.data
    assert first.headers["Location"] == f"{API}/runs/{first.json['id']}"
    assert client.get(f"{API}/runs").json["total"] == 1


def test_a_run_document_has_every_name_of_the_interface(run):
    wanted = {
        "id", "key", "url", "status", "created", "config", "engine_version", "data", "metrics",
        "checks", "badges", "timing", "strategy", "benchmark_metrics", "links", "summary",
    }  # fmt: skip
    metrics = {
        "final_equity", "total_return", "cagr", "volatility", "sharpe", "sortino", "calmar",
        "omega", "max_drawdown", "max_drawdown_days", "longest_drawdown_days", "ulcer_index",
        "var_95", "cvar_95", "tail_ratio", "skew", "kurtosis", "beta", "alpha", "tracking_error",
        "information_ratio", "benchmark_return", "exposure_time", "gross_exposure", "turnover",
        "trades", "open_trades", "win_rate", "profit_factor", "expectancy", "average_trade",
        "payoff_ratio", "best_trade", "worst_trade", "average_bars_held", "sqn", "kelly", "fees",
        "periods_per_year",
    }  # fmt: skip

    assert wanted <= run.keys()
    assert metrics <= run["metrics"].keys()
    assert run["url"] == f"/runs/{run['id']}"
    assert set(run["data"][0]) >= {"symbol", "timeframe", "fingerprint", "first", "last", "bars"}
    assert set(run["checks"]) == {
        "look_ahead", "warm_up", "ambiguous_fills", "band", "recon_error"
    }  # fmt: skip
    assert run["checks"]["look_ahead"]["status"] == "pass"


def test_the_api_gives_the_numbers_of_the_library_to_the_last_bit(client, run):
    result = backtest({"AAPL": wave_bars()}, config())

    equity = client.get(f"{API}/runs/{run['id']}/equity").json["equity"]

    assert equity == result.equity["equity"].tolist()
    assert run["metrics"]["sharpe"] == result.metrics["sharpe"]


def test_many_threads_asking_for_one_run_get_one_run(each_store: Store):
    save_waves(each_store)
    app = api_app(each_store)
    answers = []

    def ask():
        with app.test_client() as client:
            answers.append(client.post(f"{API}/runs", json=config()))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.data for answer in answers}) == 1
    assert each_store.runs.count() == 1


def test_two_processes_asking_for_one_run_store_it_once(each_store: Store):
    save_waves(each_store)
    # Two applications share the store and nothing else, as two processes do.
    apps = [api_app(each_store), api_app(each_store)]
    start = threading.Barrier(2)
    answers = []

    def ask(app):
        start.wait()
        answers.append(app.test_client().post(f"{API}/runs", json=config()))

    threads = [threading.Thread(target=ask, args=(app,)) for app in apps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answer.status_code for answer in answers) == [200, 201]
    assert answers[0].data == answers[1].data


def test_newer_bars_do_not_change_the_run_over_an_older_range(client, store, run):
    asked = config(start=run["config"]["start"], end=run["config"]["end"])
    store.series.save("AAPL", "1d", extended(wave_bars(), 30), source="more.csv")

    again = client.post(f"{API}/runs", json=asked)
    now = client.post(f"{API}/runs", json=config())

    assert (again.status_code, again.json["id"]) == (200, run["id"])
    assert (now.status_code, now.json["id"] == run["id"]) == (201, False)


def test_a_run_without_dates_gets_the_dates_of_its_bars(run):
    # 400 daily bars from 2000-01-01: 366 days of 2000, then the 34th day of 2001.
    assert (run["config"]["start"], run["config"]["end"]) == ("2000-01-01", "2001-02-03")


def test_the_order_of_symbols_does_not_change_the_id(client):
    one = client.post(f"{API}/runs", json=config(symbols=["MSFT", "AAPL"])).json
    other = client.post(f"{API}/runs", json=config(symbols=["AAPL", "MSFT"])).json

    assert one["id"] == other["id"]
    assert one["config"]["symbols"] == ["AAPL", "MSFT"]
    assert one["config"]["sizing"] == {"kind": "fraction", "value": 0.5}


def test_a_default_said_or_left_out_is_the_same_run(client, run):
    explicit = config(cash=100_000, costs={"rate_bps": 10.0}, benchmark="buy_and_hold")

    assert client.post(f"{API}/runs", json=explicit).json["id"] == run["id"]


@pytest.mark.parametrize(
    "change",
    [{"cash": 50_000}, {"seed": 1}, {"execution": {"path": "ohlc"}}, {"start": "2000-03-01"}],
)
def test_whatever_changes_the_request_changes_the_id(client, run, change):
    assert client.post(f"{API}/runs", json=config(**change)).json["id"] != run["id"]


def test_earlier_bars_feed_indicators_only(client):
    start_ms = FIRST_MS + 100 * DAY_MS  # 2000-04-10

    late = client.post(f"{API}/runs", json=config(start="2000-04-10")).json
    equity = client.get(f"{API}/runs/{late['id']}/equity").json

    assert equity["time"][0] == start_ms
    # sma(close, 8) is first valid at bar 7 and the cross looks one bar back: lookback 8, and
    # four times as many earlier bars.
    assert late["data"][0]["bars"] == N_BARS - 100 + 4 * 8


def test_another_symbol_as_benchmark_belongs_to_the_data(client):
    run = client.post(f"{API}/runs", json=config(benchmark="MSFT")).json
    wave = wave_bars(phase=1.0)

    assert [item["symbol"] for item in run["data"]] == ["AAPL", "MSFT"]
    assert run["metrics"]["benchmark_return"] == pytest.approx(wave.close[-1] / wave.close[0] - 1)


def test_a_finished_run_may_be_kept_for_ever(client, run):
    path = f"{API}/runs/{run['id']}"
    first = client.get(path)
    again = client.get(path)
    known = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    curve = client.get(f"{path}/equity?points=50")

    assert "immutable" in first.headers["Cache-Control"]
    assert not first.headers["ETag"].startswith("W/")
    assert (first.headers["X-Answered-By"], again.headers["X-Answered-By"]) == (
        "store",
        "api-cache",
    )
    assert (known.status_code, known.data) == (304, b"")
    assert curve.headers["ETag"] != first.headers["ETag"]
    assert "immutable" not in client.get(f"{path}/about").headers["Cache-Control"]


def test_a_deleted_run_is_gone_at_once(client, run):
    path = f"{API}/runs/{run['id']}"
    client.get(path)

    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404
    assert client.delete(path).status_code == 404
    assert client.post(f"{API}/runs", json=config()).status_code == 201


def test_preview_stores_nothing_and_finds_the_identical_run(client):
    before = client.post(f"{API}/runs/preview", json=config()).json
    empty = client.get(f"{API}/runs").json["total"]
    run = client.post(f"{API}/runs", json=config(name="kept")).json
    after = client.post(f"{API}/runs/preview", json=config()).json

    assert (before["identical"], empty) == (None, 0)
    assert after["identical"] == {
        "id": run["id"],
        "url": run["url"],
        "name": "kept",
        "created": after["identical"]["created"],
    }
    assert after["metrics"] == run["metrics"]
    assert after["curves"]["time"][0] == FIRST_MS
    assert len(after["curves"]["time"]) == N_BARS
    assert after["summary"].startswith("Moving-average cross on AAPL, daily bars from 2000-01-01")


def test_what_is_said_about_a_run_can_change(client, run):
    path = f"{API}/runs/{run['id']}"
    said = {"name": "First", "note": "Looks odd.", "starred": True, "tags": ["b", "a"]}

    patched = client.patch(path, json=said).json
    listed = client.get(f"{API}/runs?starred=true&q=first").json["items"]

    assert {key: patched[key] for key in said} == said | {"tags": ["a", "b"]}
    assert patched["data_state"] == "unchanged"
    assert [item["name"] for item in listed] == ["First"]
    assert client.get(path).json == run


def test_data_state_says_when_bars_changed_or_went(client, store, run):
    about = f"{API}/runs/{run['id']}/about"
    other = wave_bars(period=30.0)
    store.series.save("AAPL", "1d", other, source="other.csv")
    changed = client.get(about).json["data_state"]
    store.series.delete("AAPL", "1d", force=True)

    assert (changed, client.get(about).json["data_state"]) == ("changed", "missing")


def test_the_list_filters_sorts_and_pages(client):
    for fast in (2, 3, 4):
        strategy = {"name": "sma_cross", "params": {"fast": fast, "slow": 8}}
        client.post(f"{API}/runs", json=config(strategy=strategy))

    page = client.get(f"{API}/runs?sort=total_return&limit=2").json
    rest = client.get(f"{API}/runs?sort=total_return&limit=2&cursor={page['next_cursor']}").json
    returns = [item["metrics"]["total_return"] for item in page["items"] + rest["items"]]

    assert (page["total"], len(page["items"]), len(rest["items"])) == (3, 2, 1)
    assert rest["next_cursor"] is None
    assert returns == sorted(returns)
    assert client.get(f"{API}/runs?strategy=buy_and_hold").json["total"] == 0
    assert 2 <= len(page["items"][0]["sparkline"]) <= 60
    assert page["items"][0]["params_text"].endswith("slow=8")


def test_a_thinned_curve_keeps_its_ends_and_its_extremes(client, run):
    path = f"{API}/runs/{run['id']}/equity"
    whole = client.get(path).json
    thin = client.get(f"{path}?points=60").json

    assert len(thin["time"]) <= 60
    assert (thin["time"][0], thin["time"][-1]) == (whole["time"][0], whole["time"][-1])
    assert max(thin["equity"]) == max(whole["equity"])
    assert min(thin["equity"]) == min(whole["equity"])


def test_a_part_of_the_curve_has_both_ends(client, run):
    path = f"{API}/runs/{run['id']}/equity?from=2000-02-01&to=2000-02-03"

    assert client.get(path).json["time"] == [FIRST_MS + day * DAY_MS for day in (31, 32, 33)]


CSV_HEADERS = {
    "equity": "time,equity,cash,exposure,drawdown",
    "orders": "order_id,time,symbol,side,type,quantity,limit,stop,time_in_force,status,reason,"
    "filled_quantity,filled_price",
    "fills": "time,symbol,side,quantity,price,fee,order_id,reason,ambiguous",
    "trades": "symbol,side,quantity,entry_time,entry_price,exit_time,exit_price,fees,pnl,return,"
    "bars,mae,mfe,exit_reason,ambiguous,open",
}


@pytest.mark.parametrize(("table", "header"), CSV_HEADERS.items())
def test_csv_has_the_columns_of_the_interface_and_every_digit(client, run, table, header):
    answer = client.get(f"{API}/runs/{run['id']}/{table}?format=csv")
    columns = client.get(f"{API}/runs/{run['id']}/{table}").json
    rows = list(csv.DictReader(io.StringIO(answer.text)))

    assert answer.mimetype == "text/csv"
    assert answer.text.splitlines()[0] == header
    assert len(rows) == len(next(iter(columns.values()))) > 0
    number = {"equity": "equity", "orders": "filled_price", "fills": "price", "trades": "pnl"}
    cells = [row[number[table]] for row in rows]
    assert [float(cell) if cell else None for cell in cells] == columns[number[table]]
    if table == "trades":
        assert {row["open"] for row in rows} <= {"0", "1"}
        assert rows[0]["entry_time"].endswith("T00:00:00Z")


def test_exposure_is_the_weight_of_each_symbol(client):
    run = client.post(f"{API}/runs", json=config(symbols=["AAPL", "MSFT"])).json

    shown = client.get(f"{API}/runs/{run['id']}/exposure").json
    equity = client.get(f"{API}/runs/{run['id']}/equity").json

    total = np.abs(shown["AAPL"]) + np.abs(shown["MSFT"])
    np.testing.assert_allclose(shown["total"], total)
    np.testing.assert_allclose(shown["total"], equity["exposure"], atol=1e-12)


def test_indicators_are_those_of_the_formula(client, run):
    shown = client.get(f"{API}/runs/{run['id']}/indicators").json
    close = wave_bars().close
    by_label = {row["label"]: row for row in shown["rows"]}

    fast = by_label["sma(close, 3)"]
    assert fast["pane"] == "price"
    assert fast["values"][:2] == [None, None]
    assert fast["values"][2] == pytest.approx(close[:3].mean())


def test_statistics_of_a_part_measure_that_part(client, run):
    path = f"{API}/runs/{run['id']}/statistics"

    whole = client.get(path).json
    part = client.get(f"{path}?from=2000-06-01&to=2000-12-31").json

    assert whole["metrics"]["sharpe"] == pytest.approx(run["metrics"]["sharpe"], rel=1e-12)
    assert part["metrics"]["total_return"] != whole["metrics"]["total_return"]
    assert [row["year"] for row in part["monthly"]] == [2000]


def test_passports_tell_where_each_number_of_a_run_comes_from(client, run):
    items = client.get(f"{API}/runs/{run['id']}/passports").json["items"]

    assert {item["name"]: item["value"] for item in items} == run["metrics"]
    (sharpe,) = (item for item in items if item["name"] == "sharpe")
    assert sharpe["inputs"]["periods_per_year"] == 365.0
    assert sharpe["others"][0]["library"] == "empyrical"
    assert sharpe["others"][0]["value"] == pytest.approx(sharpe["value"], rel=1e-12)


def test_verify_finds_a_run_the_same(client, run):
    verdict = client.post(f"{API}/runs/{run['id']}/verify").json

    assert (verdict["verdict"], verdict["first_difference"]) == ("same", None)
    assert {"numpy", "numba", "processor"} <= verdict.keys()


def test_verify_says_that_the_bars_changed(client, store, run):
    store.series.save("AAPL", "1d", wave_bars(period=30.0), source="other.csv")

    verdict = client.post(f"{API}/runs/{run['id']}/verify").json

    assert verdict["verdict"] == "differs"
    assert "changed" in verdict["detail"]


def test_a_bundle_goes_to_another_installation_and_is_verified_there(client, run, tmp_path):
    from dataapi.store import open_store

    bundle = client.get(f"{API}/runs/{run['id']}/bundle.json").json
    elsewhere = open_store(f"sqlite:///{tmp_path / 'elsewhere.db'}")
    there = api_app(elsewhere).test_client()

    unverified = there.post(f"{API}/bundles", json=bundle)
    save_waves(elsewhere)
    there.delete(f"{API}/runs/{run['id']}")
    verified = there.post(f"{API}/bundles", json=bundle)

    assert (unverified.status_code, unverified.json["verdict"]) == (201, "not_verified")
    assert (verified.status_code, verified.json["verdict"]) == (201, "same")
    assert there.get(f"{API}/runs/{run['id']}").json == run
    here = client.get(f"{API}/runs/{run['id']}/trades").json
    assert there.get(f"{API}/runs/{run['id']}/trades").json == here
    elsewhere.close()


@pytest.mark.parametrize("forgery", ["config", "equity", "id", "format"])
def test_a_forged_bundle_is_refused(client, run, forgery):
    bundle = client.get(f"{API}/runs/{run['id']}/bundle.json").json
    client.delete(f"{API}/runs/{run['id']}")
    if forgery == "config":
        bundle["run"]["config"]["cash"] = 1.0
    elif forgery == "equity":
        bundle["tables"]["equity"]["equity"]["values"][5] += 1e-9
    elif forgery == "id":
        bundle["run"]["id"] = "1" * 12
    else:
        bundle["format"] = "other"

    assert client.post(f"{API}/bundles", json=bundle).status_code == 422
    assert client.get(f"{API}/runs").json["total"] == 0


def test_a_full_house_is_busy_and_says_when_to_come_back(store, monkeypatch):
    from dataapi.services import runs as service

    save_waves(store)
    monkeypatch.setattr(service, "WAIT_S", 0.01)
    app = api_app(store, max_concurrent_runs=1)
    slots = app.extensions["hindcast"].runs._slots

    with slots:
        answer = app.test_client().post(f"{API}/runs", json=config())
    free = app.test_client().post(f"{API}/runs", json=config())

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert free.status_code == 201


def test_a_run_over_too_many_bars_is_refused(store):
    save_waves(store)
    client = api_app(store, max_run_bars=N_BARS - 1).test_client()

    answer = client.post(f"{API}/runs", json=config())

    assert answer.status_code == 413
    assert "400 bars" in answer.json["detail"]


def test_no_answer_has_a_nan(client, run):
    for path in ("", "/equity", "/orders", "/trades", "/statistics", "/indicators"):
        text = client.get(f"{API}/runs/{run['id']}{path}").text

        assert json.loads(text, parse_constant=pytest.fail) is not None


def test_a_symbol_that_the_formula_reads_belongs_to_the_run(client):
    formula = {"enter_long": 'of("MSFT", close > sma(close, 3))', "exit_long": "bars_in_trade > 4"}
    asked = config(strategy={"formula": formula})
    traded = asked["symbols"][0]
    document = client.post(f"{API}/runs", json=asked).json

    assert document["config"]["symbols"] == [traded]
    assert [item["symbol"] for item in document["data"]] == [traded, "MSFT"]
    events = client.get(f"{API}/runs/{document['id']}/events").json
    exits = sum(
        kind == "signal" and "exit_long" in values
        for kind, values in zip(events["kind"], events["values"], strict=True)
    )
    metrics = document["metrics"]
    # Each trade ends by one signal; that of the last bar finds no open to be filled at.
    assert metrics["trades"] > 0
    assert metrics["trades"] <= exits <= metrics["trades"] + metrics["open_trades"]


def test_a_symbol_that_is_not_stored_is_named_with_its_place_in_the_formula(client):
    formula = {"enter_long": 'close > 1 and of("NOPE", close) > 1'}

    answer = client.post(f"{API}/runs", json=config(strategy={"formula": formula}))

    assert answer.status_code == 422
    (item,) = answer.json["errors"]
    assert (item["field"], item["position"]) == ("strategy.formula.enter_long", 17)
    assert "There are no 1d bars of NOPE" in item["message"]
