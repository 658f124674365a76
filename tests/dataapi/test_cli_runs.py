"""The command line on a store of its own: the same runs as over HTTP, and one-line errors."""

from __future__ import annotations

import csv
import json

import pytest

from dataapi.cli import main
from dataapi.store import open_store
from tests.apps import api_app, config, save_waves

COMMON = ["--symbol", "AAPL", "-p", "fast=3", "-p", "slow=8"]


@pytest.fixture
def data_dir(tmp_path, monkeypatch):
    # Compiled kernels stay where the test run keeps them.
    monkeypatch.setattr("dataapi.cli.prepare_kernels", lambda directory: directory)
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


def test_a_backtest_is_stored_and_found_again(cli):
    code, out, _ = cli("backtest", "sma_cross", *COMMON, "--json")
    again_code, again, _ = cli("backtest", "sma_cross", *COMMON, "--json")
    run = json.loads(out)

    assert (code, again_code, out) == (0, 0, again)
    assert {"id", "url", "metrics", "checks"} <= run.keys()
    assert json.loads(cli("runs", "--json")[1])["total"] == 1
    assert json.loads(cli("show", run["id"], "--json")[1]) == run


def test_the_command_line_and_the_api_give_one_run(cli, data_dir):
    run = json.loads(cli("backtest", "sma_cross", *COMMON, "--json")[1])
    store = open_store(f"sqlite:///{data_dir / 'hindcast.db'}")
    answer = api_app(store).test_client().post("/api/v1/runs", json=config())
    store.close()

    assert (answer.status_code, answer.json) == (200, run)


def test_every_option_reaches_the_configuration(cli):
    options = [
        "--symbol", "MSFT", "--start", "2000-02-01", "--end", "2000-12-31", "--cash", "5000",
        "--commission-bps", "1", "--slippage-bps", "2", "--sizing", "cash:1000", "--lot", "0",
        "--fill", "next_close", "--path", "ohlc", "--benchmark", "MSFT", "--name", "all",
    ]  # fmt: skip
    code, out, _ = cli("backtest", "sma_cross", *COMMON, *options, "--json")
    found = json.loads(out)["config"]

    assert code == 0
    assert found["symbols"] == ["AAPL", "MSFT"]
    assert (found["start"], found["end"], found["cash"]) == ("2000-02-01", "2000-12-31", 5000.0)
    assert (found["costs"]["rate_bps"], found["execution"]["slippage_bps"]) == (1.0, 2.0)
    assert (found["sizing"], found["lot"]) == ({"kind": "cash", "value": 1000.0}, 0.0)
    assert (found["execution"]["fill"], found["execution"]["path"]) == ("next_close", "ohlc")
    assert found["benchmark"] == "MSFT"


def test_options_win_over_a_config_file(cli, tmp_path):
    file = tmp_path / "run.json"
    file.write_text(json.dumps(config(cash=7_000, costs={"fixed": 1.0})))

    found = json.loads(cli("backtest", "--config", str(file), "--cash", "9000", "--json")[1])

    assert (found["config"]["cash"], found["config"]["costs"]["fixed"]) == (9000.0, 1.0)
    assert found["config"]["strategy"]["params"]["fast"] == 3


def test_a_formula_file_runs_under_its_name(cli, tmp_path):
    file = tmp_path / "dip.toml"
    file.write_text(
        'name = "dip"\n[params]\nn = {default = 5, min = 2, max = 50}\n'
        '[formula]\nenter_long = "close < sma(close, n)"\nexit_long = "close > sma(close, n)"\n'
    )

    code, out, _ = cli("backtest", str(file), "--symbol", "AAPL", "-p", "n=7", "--json")
    strategy = json.loads(out)["strategy"]

    assert (code, strategy["name"], strategy["title"]) == (0, "dip", "Dip")
    assert strategy["params"] == {"n": 7}
    assert cli("backtest", str(file), "--symbol", "AAPL", "-p", "n=99")[0] == 1


def test_a_table_is_readable(cli):
    code, out, _ = cli("backtest", "sma_cross", *COMMON)

    assert code == 0
    assert "Moving-average cross on AAPL" in out
    assert "Max drawdown" in out
    assert "ok    Look-ahead checked" in out
    assert out.rstrip().endswith("Computed and stored.")


def test_export_writes_the_files_of_the_interface(cli, tmp_path):
    directory = tmp_path / "files"
    code, out, _ = cli("backtest", "sma_cross", *COMMON, "--export", str(directory), "--json")
    run = json.loads(out)
    names = {path.name for path in directory.iterdir()}

    assert code == 0
    assert names == {
        "equity.csv", "orders.csv", "fills.csv", "trades.csv", "metrics.json", "config.json"
    }  # fmt: skip
    assert json.loads((directory / "metrics.json").read_text()) == run["metrics"]
    with (directory / "equity.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert float(rows[-1]["equity"]) == run["metrics"]["final_equity"]


def test_a_run_is_verified_exported_deleted_and_imported(cli, tmp_path):
    run = json.loads(cli("backtest", "sma_cross", *COMMON, "--json")[1])
    bundle = tmp_path / "run.json"

    assert cli("verify", run["id"])[1].startswith("same: ")
    assert cli("export", run["id"], "--format", "json", "--output", str(bundle))[0] == 0
    assert cli("runs", "delete", run["id"])[0] == 0
    assert cli("show", run["id"])[0] == 1
    code, out, _ = cli("runs", "import", str(bundle), "--json")
    assert (code, json.loads(out)["verdict"]) == (0, "same")
    assert json.loads(cli("show", run["id"], "--json")[1]) == run


def test_an_indicator_has_null_before_its_first_value(cli):
    code, out, _ = cli("indicator", "sma(close, 3)", "--symbol", "AAPL", "--json")
    columns = json.loads(out)

    assert code == 0
    assert columns["values"][:2] == [None, None]
    assert len(columns["time"]) == len(columns["values"]) == 400


def test_strategies_are_listed(cli):
    items = json.loads(cli("strategies", "--json")[1])["items"]

    assert {"sma_cross", "buy_and_hold"} <= {item["name"] for item in items}
    assert "enter_long: cross_above" in cli("strategies", "sma_cross")[1]


BAD = {
    "unknown strategy": (["backtest", "smacross", "--symbol", "AAPL"], 1, "sma_cross"),
    "unknown symbol": (["backtest", "sma_cross", "--symbol", "AAPLE"], 1, "Did you mean AAPL?"),
    "bad symbol": (["backtest", "sma_cross", "--symbol", "../x"], 2, "'../x'"),
    "no symbol": (["backtest", "sma_cross"], 2, "--symbol"),
    "no strategy": (["backtest", "--symbol", "AAPL"], 2, "Which strategy"),
    "unknown parameter": (
        ["backtest", "sma_cross", "--symbol", "AAPL", "-p", "fst=1"],
        1,
        "did you mean fast?",
    ),
    "no parameter value": (["backtest", "sma_cross", "--symbol", "AAPL", "-p", "fast"], 2, "NAME="),
    "Python file": (["backtest", "x.py", "--symbol", "AAPL"], 1, "Cannot read x.py"),
    "no such file": (["backtest", "none.toml", "--symbol", "AAPL"], 1, "Cannot read none.toml"),
    "sizing": (["backtest", "sma_cross", "--sizing", "all", "--symbol", "AAPL"], 2, "KIND:VALUE"),
    "fill": (["backtest", "sma_cross", "--fill", "now", "--symbol", "AAPL"], 2, "next_open"),
    "no data there": (
        [
            "backtest",
            "sma_cross",
            "--symbol",
            "AAPL",
            "--end",
            "1999-01-01",
            "--start",
            "1998-01-01",
        ],
        1,
        "stored: 2000-01-01",
    ),
    "unknown run": (["show", "nothing"], 1, "No run"),
    "no bundle": (["runs", "import", "pyproject.toml"], 1, "not JSON"),
    "bad expression": (["indicator", "clos", "--symbol", "AAPL"], 1, "close"),
    "unknown series": (["indicator", "close", "--symbol", "AAPLX"], 1, "AAPL"),
    "unknown command": (["backtst"], 2, "backtest"),
}


@pytest.mark.parametrize(("arguments", "code", "words"), BAD.values(), ids=BAD.keys())
def test_an_error_is_one_line_and_stores_nothing(cli, arguments, code, words):
    found, out, err = cli(*arguments)

    assert (found, out) == (code, "")
    assert words in err
    assert len(err.strip().splitlines()) == 1
    assert "Traceback" not in err
    assert json.loads(cli("runs", "--json")[1])["items"] == []


def test_a_fresh_store_gets_the_bundled_prices_and_says_so(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("dataapi.cli.prepare_kernels", lambda directory: directory)
    arguments = ["backtest", "buy_and_hold", "--symbol", "IBM", "--json"]

    code = main([*arguments, "--data-dir", str(tmp_path / "fresh")])
    captured = capsys.readouterr()

    assert code == 0
    assert json.loads(captured.out)["config"]["symbols"] == ["IBM"]
    assert "bundled prices of AAPL, GOOG, IBM, MSFT" in captured.err
