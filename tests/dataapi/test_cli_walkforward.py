"""`walkforward` on a store of its own: what a worker would have done, printed."""

from __future__ import annotations

import json

import pytest

from dataapi.store import open_store
from engine.walkforward import walk_forward
from tests.apps import api_app, config, wave_bars
from tests.dataapi.test_cli_runs import cli, data_dir  # noqa: F401 - fixtures

AXES = ["walkforward", "sma_cross", "--symbol", "AAPL", "-p", "fast=2..4", "-p", "slow=6..12:2"]
WINDOWS = ["--in-sample", "120", "--out-of-sample", "60"]
ASKED = {
    "run": config(),
    "axes": {"fast": "2..4", "slow": "6..12:2"},
    "in_sample": 120,
    "out_of_sample": 60,
}


def test_it_prints_one_document_with_its_account(cli, data_dir):  # noqa: F811
    code, out, err = cli(*AXES, *WINDOWS, "--json")
    found = json.loads(out)
    wanted = walk_forward({"AAPL": wave_bars()}, ASKED)

    assert code == 0
    assert "5 windows of 12 combinations" in err
    assert found["equity"]["equity"] == wanted["equity"]["equity"].tolist()
    assert found["efficiency"] == wanted["efficiency"]
    store = open_store(f"sqlite:///{data_dir / 'hindcast.db'}")
    answer = api_app(store).test_client().post("/api/v1/walkforwards", json=ASKED)
    store.close()
    assert (answer.status_code, answer.json["id"]) == (200, found["id"])


def test_it_prints_each_window_and_what_they_come_to(cli):  # noqa: F811
    code, out, _ = cli(*AXES, *WINDOWS, "--anchored")
    again = cli(*AXES, *WINDOWS, "--anchored")[1]

    assert code == 0
    # 400 bars from 2000-01-01: bar 120 is 2000-04-30, bar 399 is 2001-02-03.
    assert "2000-04-30 to 2000-06-28" in out
    assert "2000-12-26 to 2001-02-03" in out
    assert "Out of sample, stitched" in out
    assert "Efficiency" in out
    assert "Computed and stored." in out
    assert "Stored already: answered from there." in again


def test_folds_have_paths(cli):  # noqa: F811
    options = ["--method", "cpcv", "--folds", "4", "--test-folds", "2", "--purge", "3"]
    code, out, _ = cli(*AXES, *options, "--embargo", "2")
    found = json.loads(cli(*AXES, *options, "--embargo", "2", "--json")[1])

    assert code == 0
    # Six choices of two folds, each fold in three of them: three paths.
    assert "3 paths out of sample" in out
    assert found["n_windows"] == 6
    assert (found["config"]["purge"], found["config"]["embargo"]) == (3, 2)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, "Expected `in_sample`"),
        (["--in-sample", "500", "--out-of-sample", "60"], 1, "the run has 400"),
        (["--in-sample", "120", "--out-of-sample", "0"], 2, "out_of_sample"),
        (["--in-sample", "120", "--method", "kfold"], 2, "belongs to walk_forward"),
        (["--method", "bootstrap"], 2, "--method"),
    ],
)
def test_a_wrong_command_is_one_line(cli, arguments, code, words):  # noqa: F811
    found, out, err = cli(*AXES, *arguments)

    assert (found, out) == (code, "")
    assert words in err
    assert len(err.splitlines()) == 1
