"""Judging runs on the command line, on a store of its own and without a server."""

from __future__ import annotations

import json

import pytest

from dataapi.cli import main
from dataapi.store import open_store
from tests.apps import api_app, save_waves

COMMON = ["backtest", "sma_cross", "--symbol", "AAPL", "-p", "fast=3", "-p", "slow=8"]


@pytest.fixture
def data_dir(tmp_path, monkeypatch):
    monkeypatch.setattr("dataapi.cli.prepare_kernels", lambda directory: directory)
    # A worker sets up the log of its process, which here is the tests'.
    monkeypatch.setattr("config.logs.configure_logging", lambda level: None)
    for name in ("HINDCAST_STORE_URL", "HINDCAST_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    store = open_store(f"sqlite:///{tmp_path / 'hindcast.db'}")
    save_waves(store)
    store.close()
    return tmp_path


@pytest.fixture
def cli(data_dir, capsys):
    def call(*arguments):
        code = main([*arguments, "--data-dir", str(data_dir)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def ids(cli):
    runs = [json.loads(cli(*COMMON, *more, "--json")[1]) for more in ([], ["--cash", "50000"])]
    return [run["id"] for run in runs]


def test_an_analysis_is_computed_at_once_and_is_the_api_s(cli, data_dir):
    code, out, _ = cli(*COMMON, "--analysis", "--json")
    run = json.loads(out)
    store = open_store(f"sqlite:///{data_dir / 'hindcast.db'}")
    answer = api_app(store).test_client().get(f"/api/v1/runs/{run['id']}/analysis")
    store.close()

    assert code == 0
    assert run["analysis"]["status"] == "done"
    assert answer.json == run["analysis"]
    assert json.loads(cli("show", run["id"], "--json", "--analysis")[1]) == run
    assert "analysis" not in json.loads(cli("show", run["id"], "--json")[1])
    # Its job is not needed any more.
    assert json.loads(cli("worker", "--once", "--json")[1]) == {"jobs": 0}


def test_an_analysis_is_readable(cli, ids):
    code, out, _ = cli("show", ids[0], "--analysis")

    assert code == 0
    for words in (
        "Robustness",
        "Costs × 2",
        "One bar late",
        "nothing is left of the profit",
        "Between these two in 95 of 100 resampled runs",
        "Left to chance",
        "The same trades at random times",
        "Diagnosis",
        "Only 19 trades",
    ):
        assert words in out


def test_a_worker_works_off_what_waits(cli, ids):
    code, out, _ = cli("worker", "--once")

    assert (code, out) == (0, "Jobs done: 2.\n")


def test_the_diff_of_two_runs(cli, ids):
    code, out, _ = cli("diff", *ids)

    assert code == 0
    assert out.startswith(
        "cash: 100000.0 | 50000.0\nThe first difference is in the fill of AAPL on"
    )
    assert "Because cash is 100000 in the first run and 50000 in the second" in out
    assert json.loads(cli("diff", *ids, "--json")[1])["first"]["kind"] == "fill"
    assert cli("diff", ids[0], ids[0])[1] == "They are the same.\n"


def test_runs_side_by_side(cli, ids):
    code, out, _ = cli("compare", *ids)

    assert code == 0
    assert all(run_id in out for run_id in ids)
    assert "Final equity" in out
    assert "Because cash is" in out
    assert len(json.loads(cli("compare", *ids, "--json")[1])["runs"]) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["diff", "nothing", "nowhere"], 1, "No run"),
        (["diff", "nothing"], 2, "ID"),
        (["compare", "nothing"], 1, "Expected 2 to 20 different runs"),
    ],
)
def test_an_error_is_one_line(cli, arguments, code, words):
    found, out, err = cli(*arguments)

    assert (found, out) == (code, "")
    assert words in err
    assert len(err.strip().splitlines()) == 1
