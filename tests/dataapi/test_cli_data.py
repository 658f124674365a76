"""`import` and `data` on the command line: exit codes, one line per error, JSON, round trips."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dataapi.cli import main

BUNDLED = Path(__file__).resolve().parents[2] / "dataapi" / "bundled"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path, capsys, monkeypatch) -> Run:
    # Compiled kernels stay where the test run keeps them.
    monkeypatch.setattr("dataapi.cli.prepare_kernels", lambda directory: directory)
    for name in ("HINDCAST_STORE_URL", "HINDCAST_CONFIG"):
        monkeypatch.delenv(name, raising=False)

    def call(*words: str | Path) -> tuple[int, str, str]:
        code = main([*map(str, words), "--data-dir", str(tmp_path / "data")])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return code, captured.out, captured.err

    return call


@pytest.fixture
def aapl(run) -> Run:
    file = BUNDLED / "AAPL_1d.csv.gz"
    assert run("import", file, "--symbol", "AAPL", "--derive-actions")[0] == 0
    return run


def test_an_import_prints_its_report_and_the_catalogue_shows_the_series(aapl):
    code, out, err = aapl("data", "list")

    assert (code, err) == (0, "")
    assert out.split()[:4] == ["AAPL", "1d", "3,270", "bars"]
    code, out, _ = aapl("data", "show", "AAPL", "--json")
    document = json.loads(out)
    assert (document["first"], document["last"]) == ("2000-03-01", "2013-03-01")
    assert (document["calendar"], document["splits"], document["dividends"]) == ("XNYS", 2, 3)
    code, out, _ = aapl("data", "actions", "AAPL")
    assert out.splitlines()[0] == "2000-06-21  split     2.0"
    code, out, _ = aapl("data", "actions", "AAPL", "--json")
    assert json.loads(out)["items"][-1] == {"time": "2013-02-07", "kind": "dividend", "value": 2.65}


def test_an_export_imports_as_the_same_bars(aapl, tmp_path):
    path = tmp_path / "out.csv"

    code, out, _ = aapl("data", "export", "AAPL", "--output", path)
    assert (code, out) == (0, "")
    assert aapl("import", path, "--symbol", "COPY")[0] == 0

    prints = [
        json.loads(aapl("data", "show", s, "--json")[1])["fingerprint"] for s in ("AAPL", "COPY")
    ]
    assert prints[0] == prints[1]
    first = aapl("data", "export", "AAPL")[1].splitlines()[1]
    with gzip.open(BUNDLED / "AAPL_1d.csv.gz", "rt") as file:
        original = file.read().splitlines()[1].split(",")
    assert [float(x) for x in first.split(",")[1:]] == [float(x) for x in original[1:6]]


def test_intraday_bars_are_exported_with_their_clock_time(run, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(
        "time,open,high,low,close,volume\n2000-03-01 09:30,1,1,1,1,1\n2000-03-01 09:31,1,1,1,1,1\n"
    )
    run("import", path, "--symbol", "A", "--tz", "America/New_York")

    assert run("data", "export", "A")[1].splitlines()[1].startswith("2000-03-01T14:30:00Z,1.0,")


def test_a_bad_row_ends_with_one_and_stores_nothing(run, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("date,open,high,low,close,volume\n2000-03-01,1,1,1,1,1\n2000-03-02,1,1,1,x,1\n")

    code, out, err = run("import", path, "--symbol", "A", "--timeframe", "1d")

    assert code == 1
    assert err.splitlines()[0] == "row 3, close: 'x' is not a number"
    assert err.splitlines()[-1].startswith("bad.csv: 1 of 2 rows is bad, nothing was stored.")
    assert run("data", "list", "--json")[1] == '{"items": []}\n'
    code, out, _ = run("import", path, "--symbol", "A", "--timeframe", "1d", "--json")
    document = json.loads(out)
    assert (code, document["status"], document["n_errors"]) == (1, "rejected", 1)
    code, out, _ = run(
        "import", path, "--symbol", "A", "--timeframe", "1d", "--reject", "drop", "--json"
    )
    assert (code, json.loads(out)["dropped"]) == (0, 1)


def test_a_dry_run_stores_nothing(run):
    file = BUNDLED / "GOOG_1d.csv.gz"

    code, out, _ = run("import", file, "--symbol", "GOOG", "--dry-run")

    assert code == 0
    assert "Checked, not stored: GOOG 1d, 2,148 bars" in out
    assert run("data", "list", "--json")[1] == '{"items": []}\n'


@pytest.mark.parametrize(
    "symbol", ["../x", "a/b", "a'b", 'a"b', "", " ", ".hidden", "A" * 33, "é", "a;b", "a\n"]
)
def test_a_dangerous_symbol_is_wrong_usage(run, symbol):
    code, out, err = run("import", BUNDLED / "GOOG_1d.csv.gz", "--symbol", symbol)

    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "expected a symbol" in err


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("nonsense",),
        ("data",),
        ("data", "nonsense"),
        ("import",),
        ("import", "x.csv"),
        ("import", "x.csv", "--symbol", "A", "--timeframe", "daily"),
        ("import", "x.csv", "--symbol", "A", "--reject", "maybe"),
        ("data", "show", "A", "--timeframe", "0d"),
    ],
)
def test_wrong_usage_ends_with_two_and_one_line(run, words):
    code, out, err = run(*words)

    assert (code, out) == (2, "")
    assert err.count("\n") == 1


def test_what_is_not_there_ends_with_one_and_one_line(run, tmp_path):
    for words, message in (
        (("import", tmp_path / "none.csv", "--symbol", "A"), "No such file"),
        (("import", tmp_path, "--symbol", "A"), "Is a directory"),
        (("data", "show", "A"), "No bars of A 1d: nothing is stored yet"),
        (("data", "delete", "A"), "No bars of A 1d"),
    ):
        code, out, err = run(*words)
        assert (code, out) == (1, "")
        assert message in err
        assert err.count("\n") == 1


def test_delete_deletes(aapl):
    assert aapl("data", "delete", "AAPL")[0] == 0
    assert json.loads(aapl("data", "list", "--json")[1]) == {"items": []}


def test_a_symbol_in_two_timeframes_asks_for_one(aapl, tmp_path):
    path = tmp_path / "w.csv"
    path.write_text("date,open,high,low,close,volume\n2000-03-06,1,1,1,1,1\n")
    aapl("import", path, "--symbol", "AAPL", "--timeframe", "1w")

    code, _, err = aapl("data", "show", "AAPL")
    assert code == 2
    assert "stored as 1d, 1w: say which with --timeframe" in err
    assert aapl("data", "show", "AAPL", "--timeframe", "1w")[0] == 0


def test_help_is_no_error(run):
    code, out, err = run("import", "--help")

    assert (code, err) == (0, "")
    assert "--derive-actions" in out
