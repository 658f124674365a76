"""Sweeps over HTTP: asked for once, filled by a worker, answered from the store for ever after."""

from __future__ import annotations

import math
import os
import threading

import numpy as np
import pytest

import engine
from config.settings import load_settings
from dataapi import frames
from dataapi.services.bundled_runs import service
from dataapi.services.job_context import Services
from dataapi.services.working import LONG, Worker
from engine.significance import deflated_sharpe_ratio, probability_of_backtest_overfitting
from tests.apps import DAY_MS, FIRST_MS, api_app, config, save_waves, wave_bars

API = "/api/v1"
AXES = {"fast": "2..6", "slow": "4..12:2"}
N_POINTS = 21  # of 25: (4, 4), (5, 4), (6, 4) and (6, 6) are not fast < slow


def asked(**changes):
    return {"run": config(), "axes": AXES, "constraints": ["fast < slow"], **changes}


@pytest.fixture
def app(each_store):
    save_waves(each_store)
    return api_app(each_store)


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def small_blocks(monkeypatch):
    """Five points a block in place of a second's worth."""

    def blocks(n_points, point_s):
        return tuple((a, min(a + 5, n_points)) for a in range(0, n_points, 5))

    monkeypatch.setattr("engine.sweeps.preparing._blocks", blocks)


def worker_of(store, handlers=LONG, **changes):
    settings = load_settings({})
    terms = settings.worker.model_copy(
        update={"lease_s": 5.0, "poll_s": 0.01, "threads": 1, **changes}
    )
    settings = settings.model_copy(update={"worker": terms})
    return Worker(Services(runs=service(store, settings), settings=settings), handlers)


@pytest.fixture
def done(client, each_store):
    """The document of a finished sweep."""
    sweep = client.post(f"{API}/sweeps", json=asked()).json
    assert worker_of(each_store).work_once()
    return client.get(f"{API}/sweeps/{sweep['id']}").json


def points_of(client, sweep_id, **query):
    return client.get(f"{API}/sweeps/{sweep_id}/points", query_string=query).json


# Asked for


def test_a_sweep_is_queued_and_the_same_one_is_there_already(client):
    first = client.post(f"{API}/sweeps", json=asked())
    second = client.post(f"{API}/sweeps", json=asked())

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.headers["Location"] == f"{API}/sweeps/{first.json['id']}"
    assert first.json == second.json
    assert first.json["status"] == "queued"
    assert (first.json["n_points"], first.json["n_product"], first.json["n_done"]) == (21, 25, 0)
    assert first.json["axes"] == {"fast": [2, 3, 4, 5, 6], "slow": [4, 6, 8, 10, 12]}
    assert first.json["url"] == f"/sweeps/{first.json['id']}"
    for name in ("best", "top", "pbo", "dsr", "plateau", "edges"):
        assert first.json[name] is None
    assert client.get(f"{API}/sweeps").json["total"] == 1


@pytest.mark.parametrize(
    "change",
    [
        {"axes": {"slow": [12, 4, 6, 8, 10], "fast": {"from": 2, "to": 6}}},
        {"constraints": ["fast<slow", "fast < slow"]},
        {"seed": 5},
        {"run": config(symbols=["AAPL"], start="2000-01-01")},
        {"run": config(strategy={"name": "sma_cross", "params": {"fast": 99, "slow": 8}})},
        {"executor": "local"},
    ],
)
def test_however_it_is_written_the_same_sweep_is_one(client, change):
    one = client.post(f"{API}/sweeps", json=asked()).json
    other = client.post(f"{API}/sweeps", json=asked(**change))

    assert other.status_code == 200
    assert other.json["id"] == one["id"]


@pytest.mark.parametrize(
    "change",
    [
        {"axes": {"fast": "2..6", "slow": "4..10:2"}},
        {"constraints": []},
        {"objective": "calmar"},
        {"random": 5},
        {"run": config(cash=5000)},
    ],
)
def test_another_question_is_another_sweep(client, change):
    one = client.post(f"{API}/sweeps", json=asked()).json
    other = client.post(f"{API}/sweeps", json=asked(**change))

    assert other.status_code == 201
    assert other.json["id"] != one["id"]


def test_new_bars_make_another_sweep_unless_the_period_is_fixed(client, each_store):
    period = {"start": "2000-02-01", "end": "2000-12-31"}
    fixed = client.post(f"{API}/sweeps", json=asked(run=config(**period))).json
    open_ = client.post(f"{API}/sweeps", json=asked()).json
    each_store.series.save("AAPL", "1d", wave_bars(401), source="wave.csv")

    assert client.post(f"{API}/sweeps", json=asked(run=config(**period))).json["id"] == fixed["id"]
    assert client.post(f"{API}/sweeps", json=asked()).json["id"] != open_["id"]


def test_an_estimate_stores_nothing(client):
    found = client.post(f"{API}/sweeps/estimate", json=asked()).json

    assert (found["n_points"], found["n_product"]) == (N_POINTS, 25)
    assert found["seconds"] > 0.0
    cores = len(os.sched_getaffinity(0))
    assert (found["threads"], found["wall_seconds"]) == (cores, found["seconds"] / cores)
    on_dask = client.post(f"{API}/sweeps/estimate", json=asked(executor="dask")).json
    assert (on_dask["threads"], on_dask["wall_seconds"]) == (None, None)
    assert found["memory_bytes"] > 0
    assert found["engine"] in {"transitions", "events"}
    assert (found["distinct_trials_before"], found["identical"]) == (0, None)
    assert client.get(f"{API}/sweeps").json["total"] == 0
    sweep = client.post(f"{API}/sweeps", json=asked()).json
    again = client.post(f"{API}/sweeps/estimate", json=asked()).json
    assert again["identical"] == sweep["url"]


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"axes": {}}, 422, "axes"),
        ({"axes": {"fast": ""}}, 422, "axes.fast"),
        ({"axes": {"fast": "6..2"}}, 422, "axes.fast"),
        ({"axes": {"fast": "2..6:0"}}, 422, "axes.fast"),
        ({"axes": {"fats": "2..6"}}, 422, "axes.fats"),
        ({"axes": {"fast": [None]}}, 422, "axes.fast[0]"),
        ({"constraints": ["fast < slwo"]}, 422, "constraints[0]"),
        ({"objective": "sharpest"}, 422, "objective"),
        ({"random": 0}, 422, "random"),
        ({"run": config(symbols=["AAPX"])}, 422, "run.symbols"),
        ({"run": config(cash=-1)}, 422, "run.cash"),
        ({"run": config(strategy={"name": "sma_crss"})}, 404, "run.strategy.name"),
        ({"run": config(start="2010-01-01")}, 422, "run.start"),
        ({"executor": "cloud"}, 422, "executor"),
        ({"grid": {}}, 422, "grid"),
    ],
)
@pytest.mark.parametrize("route", ["sweeps", "sweeps/estimate"])
def test_bad_input_is_refused_by_its_field_before_any_work(client, change, status, field, route):
    answer = client.post(f"{API}/{route}", json=asked(**change))

    assert answer.status_code == status
    assert answer.json["errors"][0]["field"] == field
    assert client.get(f"{API}/sweeps").json["total"] == 0
    assert client.get(f"{API}/jobs").json["items"] == []


def test_a_billion_combinations_are_counted_and_refused(client):
    wide = {"formula": {"enter_long": "close > a + b"}, "params": {"a": 1, "b": 1}}
    axes = {"a": "1..1000000", "b": "1..1000000"}

    answer = client.post(f"{API}/sweeps", json={"run": config(strategy=wide), "axes": axes})

    assert answer.status_code == 422
    assert "1,000,000,000,000 combinations" in answer.json["detail"]


# Done


def test_every_point_is_the_run_that_it_stands_for(client, done):
    points = points_of(client, done["id"])

    assert done["status"] == "done"
    assert done["n_done"] == len(points["fast"]) == N_POINTS
    for i in range(N_POINTS):
        params = {"fast": points["fast"][i], "slow": points["slow"][i]}
        assert params["fast"] < params["slow"]
        run = client.post(
            f"{API}/runs", json=config(strategy={"name": "sma_cross", "params": params})
        ).json
        for name in ("final_equity", "total_return", "sharpe", "max_drawdown", "cagr", "trades"):
            assert points[name][i] == pytest.approx(run["metrics"][name], rel=1e-12), name


def test_points_agree_with_the_library(client, done):
    table = engine.sweep(
        {"AAPL": wave_bars()}, config(), {"fast": "2..6", "slow": "4..12:2"},
        constraints=["fast < slow"],
    )  # fmt: skip
    points = points_of(client, done["id"])

    for name, column in table.items():
        assert points[name] == column.tolist()


def test_the_best_is_best_and_has_become_a_run(client, done):
    points = points_of(client, done["id"])
    best = done["best"]

    assert best["index"] == int(np.argmax(points["sharpe"]))
    assert best["metrics"]["sharpe"] == max(points["sharpe"])
    assert [one["index"] for one in done["top"]] == sorted(
        range(N_POINTS), key=lambda i: -points["sharpe"][i]
    )
    run = client.get(f"{API}{best['run_url']}").json
    assert run["strategy"]["params"] == {**best["params"], "direction": "long_only"}
    assert run["metrics"]["final_equity"] == best["metrics"]["final_equity"]
    client.delete(f"{API}{best['run_url']}")
    assert client.get(f"{API}/sweeps/{done['id']}").json["best"]["run_url"] is None


def test_of_volatility_the_least_is_best(client, each_store):
    sweep = client.post(f"{API}/sweeps", json=asked(objective="volatility")).json
    worker_of(each_store).work_once()
    found = client.get(f"{API}/sweeps/{sweep['id']}").json

    points = points_of(client, sweep["id"])
    assert found["best"]["metrics"]["volatility"] == min(points["volatility"])


def test_overfitting_is_judged_by_the_sums_of_all_points(client, done, each_store):
    bars = {"AAPL": wave_bars()}
    points = points_of(client, done["id"])
    sums, squares = np.zeros((2, N_POINTS, 16))
    # 399 returns in 16 blocks whose edges are k · 399 // 16, as the document says.
    n_returns = done["time_blocks"]["n_returns"]
    assert sum(n_returns) == 399
    edges = np.concatenate([[0], np.cumsum(n_returns)])
    for i in range(N_POINTS):
        params = {"fast": points["fast"][i], "slow": points["slow"][i]}
        run = engine.backtest(bars, config(strategy={"name": "sma_cross", "params": params}))
        equity = np.concatenate([[100_000.0], run.equity["equity"][1:]])
        returns = equity[1:] / equity[:-1] - 1.0
        for k in range(16):
            part = returns[edges[k] : edges[k + 1]]
            sums[i, k], squares[i, k] = part.sum(), part @ part
        for name, half in (("train", slice(0, edges[8])), ("test", slice(edges[8], None))):
            part = returns[half]
            wanted = part.mean() / part.std(ddof=1) * math.sqrt(365)
            assert points[f"{name}_sharpe"][i] == pytest.approx(wanted, rel=1e-9)

    assert done["pbo"] == probability_of_backtest_overfitting(n_returns, sums, squares)
    assert done["pbo_trials"] == N_POINTS
    # A histogram of the splits whose bins up to zero are the probability itself.
    edges, counts = done["pbo_logits"]["edges"], done["pbo_logits"]["counts"]
    assert sum(counts) == math.comb(16, 8)
    worse = sum(n for n, upper in zip(counts, edges[1:], strict=True) if upper <= 1e-12)
    assert worse / sum(counts) == pytest.approx(done["pbo"])
    # The deflated Sharpe of the best: 21 trials, and the variance of their ratios a period.
    run = client.get(f"{API}{done['best']['run_url']}").json["metrics"]
    a_period = np.array(points["sharpe"]) / math.sqrt(365)
    wanted = deflated_sharpe_ratio(
        run["sharpe"] / math.sqrt(365),
        399,
        n_trials=N_POINTS,
        trial_variance=float(a_period.var(ddof=1)),
        skew=run["skew"],
        kurtosis=run["kurtosis"] + 3.0,
    )
    assert done["trials"] == N_POINTS
    assert done["dsr"] == pytest.approx(wanted, rel=1e-9)


def test_of_very_many_points_some_stand_for_all(client, each_store, monkeypatch):
    monkeypatch.setattr("dataapi.services.sweep_work.MAX_JUDGED", 10)
    sweep = client.post(f"{API}/sweeps", json=asked()).json
    worker_of(each_store).work_once()
    found = client.get(f"{API}/sweeps/{sweep['id']}").json

    assert found["pbo_trials"] == 10
    assert 0.0 <= found["pbo"] <= 1.0


def test_an_edge_of_the_grid_is_said_unless_nothing_lies_beyond(client, each_store):
    # The wave is best followed fast: the best point lies at fast = 2 or 3, slow = 4.
    axes = {"fast": "1..3", "slow": "4..12:2"}
    sweep = client.post(f"{API}/sweeps", json=asked(axes=axes)).json
    worker_of(each_store).work_once()
    found = client.get(f"{API}/sweeps/{sweep['id']}").json

    # fast = 1 is the smallest there is; slow = 4 could be less.
    assert found["best"]["params"]["slow"] == 4
    assert [(edge["axis"], edge["side"]) for edge in found["edges"]][-1] == ("slow", "low")
    assert all(edge["axis"] != "fast" or edge["side"] == "high" for edge in found["edges"])
    assert set(found["plateau"]) >= {"suggestion", "reason"}


def test_points_come_as_columns_csv_and_some_of_them(client, done):
    url = f"{API}/sweeps/{done['id']}/points"
    table = frames.decode(client.get(f"{url}?format=columns").data)
    some = client.get(f"{url}?columns=sharpe,fast").json
    lines = client.get(f"{url}?format=csv&columns=fast,trades").text.splitlines()

    assert table["fast"].dtype == np.int64
    assert table["trades"].dtype == np.int64
    assert list(some) == ["sharpe", "fast"]
    assert some["sharpe"] == table["sharpe"].tolist()
    assert lines[:2] == ["fast,trades", f"2,{table['trades'][0]}"]
    refused = client.get(f"{url}?columns=sharpe,colour")
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "columns")


def test_finished_points_never_change(client, done):
    url = f"{API}/sweeps/{done['id']}/points?final=true"
    answer = client.get(url)

    assert "immutable" in answer.headers["Cache-Control"]
    again = client.get(url, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    client.delete(f"{API}/sweeps/{done['id']}")
    assert client.get(url).status_code == 404


def test_a_sweep_in_which_nothing_trades_has_no_best(client, each_store):
    never = {"formula": {"enter_long": "close > a * 1e6"}, "params": {"a": 1}}
    body = {"run": config(strategy=never), "axes": {"a": "1..3"}}
    sweep = client.post(f"{API}/sweeps", json=body).json
    worker_of(each_store).work_once()
    found = client.get(f"{API}/sweeps/{sweep['id']}").json

    assert found["status"] == "done"
    assert (found["best"], found["top"], found["dsr"]) == (None, [], None)
    assert found["trials"] == 3
    assert points_of(client, sweep["id"])["sharpe"] == [None] * 3


# While it runs, and when it stops


class StopAfter:
    """Cancels a sweep's job, or lets something else happen, after so many blocks."""

    def __init__(self, monkeypatch, n_blocks, act):
        from dataapi.services.job_context import JobContext

        put = JobContext.put_block
        self.n_put = 0

        def put_and_act(context, i_block, data):
            self.n_put += 1
            if self.n_put == n_blocks:
                act(context)
            put(context, i_block, data)

        monkeypatch.setattr(JobContext, "put_block", put_and_act)


def cancel(context):
    context.services.runs.store.jobs.cancel(context.job.id)


def test_a_cancelled_sweep_shows_what_it_has_and_goes_on_later(
    client, each_store, monkeypatch, small_blocks
):
    sweep = client.post(f"{API}/sweeps", json=asked()).json
    StopAfter(monkeypatch, 2, cancel)
    assert worker_of(each_store).work_once()

    found = client.get(f"{API}/sweeps/{sweep['id']}").json
    assert found["status"] == "cancelled"
    assert found["n_done"] == 10
    sharpe = points_of(client, sweep["id"])["sharpe"]
    assert None not in sharpe[:10]
    assert sharpe[10:] == [None] * 11
    refused = client.get(f"{API}/sweeps/{sweep['id']}/points?final=true")
    assert refused.status_code == 409
    assert "is cancelled: it has no final result" in refused.json["detail"]
    # Ten points were seen: they count.
    assert found["trials"] == 10
    assert not worker_of(each_store).work_once()

    again = client.post(f"{API}/sweeps", json=asked())
    assert (again.status_code, again.json["status"]) == (200, "queued")
    counter = StopAfter(monkeypatch, 99, cancel)
    assert worker_of(each_store).work_once()

    found = client.get(f"{API}/sweeps/{sweep['id']}").json
    assert (found["status"], found["n_done"], found["trials"]) == ("done", 21, 21)
    assert counter.n_put == 3  # of five blocks, two were there
    assert points_of(client, sweep["id"])["sharpe"][:10] == sharpe[:10]


def test_points_fill_while_a_sweep_runs(client, app, each_store, monkeypatch, small_blocks):
    sweep = client.post(f"{API}/sweeps", json=asked()).json
    seen = []

    def look(context):
        answer = app.test_client().get(f"{API}/sweeps/{sweep['id']}/points?columns=trades")
        seen.append(sum(value is not None for value in answer.json["trades"]))
        assert answer.headers["Cache-Control"] == "no-store"
        document = app.test_client().get(f"{API}/sweeps/{sweep['id']}").json
        assert document["status"] == "running"

    from dataapi.services.job_context import JobContext

    put = JobContext.put_block

    def put_and_look(context, i_block, data):
        put(context, i_block, data)
        look(context)

    monkeypatch.setattr(JobContext, "put_block", put_and_look)
    assert worker_of(each_store).work_once()

    assert seen == [5, 10, 15, 20, 21]


def test_deleting_a_running_sweep_ends_it_and_its_trials_count(
    client, app, each_store, monkeypatch, small_blocks
):
    sweep = client.post(f"{API}/sweeps", json=asked()).json

    def delete(context):
        assert app.test_client().delete(f"{API}/sweeps/{sweep['id']}").status_code == 204

    StopAfter(monkeypatch, 3, delete)
    worker_of(each_store).work_once()

    assert client.get(f"{API}/sweeps/{sweep['id']}").status_code == 404
    assert client.get(f"{API}/sweeps/{sweep['id']}/points").status_code == 404
    assert client.get(f"{API}/jobs").json["items"] == []
    assert client.get(f"{API}/trials").json["items"][0]["trials"] == 10


def test_changed_bars_are_noticed_by_the_worker(client, each_store):
    sweep = client.post(f"{API}/sweeps", json=asked(run=config(end="2000-12-31"))).json
    other = wave_bars(phase=0.5)
    each_store.series.delete("AAPL", "1d", force=True)
    each_store.series.save("AAPL", "1d", other, source="other.csv")
    assert worker_of(each_store).work_once()

    found = client.get(f"{API}/sweeps/{sweep['id']}").json
    assert found["status"] == "failed"
    assert "have changed since" in found["job"]["error"]
    assert client.post(f"{API}/sweeps", json=asked(run=config(end="2000-12-31"))).status_code == 201


def test_a_sweep_asked_of_another_engine_is_not_carried_out(client, each_store, monkeypatch):
    monkeypatch.setattr("dataapi.services.studies.ENGINE_VERSION", "0.0.9+old")
    sweep = client.post(f"{API}/sweeps", json=asked()).json
    assert worker_of(each_store).work_once()

    found = client.get(f"{API}/sweeps/{sweep['id']}").json
    assert found["status"] == "failed"
    assert "asked of engine 0.0.9+old" in found["job"]["error"]


def test_two_workers_do_a_sweep_once(client, each_store, reopened, small_blocks):
    ids = [
        client.post(f"{API}/sweeps", json=asked(objective=objective)).json["id"]
        for objective in ("sharpe", "cagr", "calmar")
    ]
    workers = [worker_of(reopened(each_store)) for _ in range(2)]
    threads = [threading.Thread(target=worker.work_off) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    worker_of(each_store).work_off()

    for sweep_id in ids:
        found = client.get(f"{API}/sweeps/{sweep_id}").json
        assert (found["status"], found["n_done"]) == ("done", N_POINTS)
    # Three objectives over one grid: the same trials.
    assert client.get(f"{API}/trials").json["items"][0]["trials"] == N_POINTS


# The ledger


def test_overlapping_grids_count_their_union_and_a_run_inside_adds_nothing(client, each_store):
    # fast 2..6 × slow 4..12:2 with fast < slow: 21. fast 5..7 × slow 8..14:2: 3 · 4 = 12, of
    # which (5, 8) (5, 10) (5, 12) (6, 8) (6, 10) (6, 12) are in the first: 6 more are new.
    first = client.post(f"{API}/sweeps", json=asked()).json
    other = client.post(f"{API}/sweeps", json=asked(axes={"fast": "5..7", "slow": "8..14:2"})).json
    worker_of(each_store).work_off()

    def trials():
        (item,) = client.get(f"{API}/trials").json["items"]
        assert (item["data"], item["family"]) == ("AAPL 1d", "sma_cross")
        return item["trials"]

    assert trials() == 27
    inside = {"name": "sma_cross", "params": {"fast": 4, "slow": 8}}
    run = client.post(f"{API}/runs", json=config(strategy=inside)).json
    assert trials() == 27
    outside = {"name": "sma_cross", "params": {"fast": 4, "slow": 9}}
    client.post(f"{API}/runs", json=config(strategy=outside))
    assert trials() == 28
    for sweep in (first, other):
        client.delete(f"{API}/sweeps/{sweep['id']}")
    assert trials() == 28
    assert client.get(f"{API}/runs/{run['id']}/about").json["ledger"]["trials"] == 28


def test_warm_up_bars_are_those_that_each_point_needs(client, each_store):
    # An EMA remembers where it began: with 4 · slow bars before the start it is the single run's.
    body = {
        "run": config(strategy={"name": "ema_cross"}, start="2000-08-01"),
        "axes": {"fast": "2..4", "slow": [6, 20, 40]},
    }
    sweep = client.post(f"{API}/sweeps", json=body).json
    worker_of(each_store).work_once()
    points = points_of(client, sweep["id"])

    # 2000-08-01 is bar 213; 160 bars before it are needed, from bar 53 on.
    assert FIRST_MS + 213 * DAY_MS == 965_088_000_000
    assert sweep["data"][0]["first"] == "2000-02-23"
    for i in range(9):
        params = {"fast": points["fast"][i], "slow": points["slow"][i]}
        run = config(strategy={"name": "ema_cross", "params": params}, start="2000-08-01")
        metrics = client.post(f"{API}/runs", json=run).json["metrics"]
        assert points["final_equity"][i] == metrics["final_equity"]


def test_the_list_shows_how_far_each_sweep_is(client, each_store):
    client.post(f"{API}/sweeps", json=asked())
    worker_of(each_store).work_off()
    client.post(f"{API}/sweeps", json=asked(objective="cagr"))

    page = client.get(f"{API}/sweeps").json

    assert page["total"] == 2
    assert sorted(item["status"] for item in page["items"]) == ["done", "queued"]
    (item,) = (item for item in page["items"] if item["status"] == "done")
    assert item["axes_text"] == "fast=2..6 slow=4..12"
    assert item["best"]["params"]["slow"] == 4
    assert client.get(f"{API}/sweeps?limit=1").json["next_cursor"] is not None
    assert client.get(f"{API}/sweeps?cursor=nonsense").status_code == 400
