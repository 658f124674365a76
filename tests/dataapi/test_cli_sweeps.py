"""`sweep` on a store of its own: the same job as a worker's, a progress bar, and Ctrl-C."""

from __future__ import annotations

import io
import json
import time

import pytest

from dataapi.cli.watching import ProgressBar, bar_text, progress_text
from dataapi.services.sweep_work import SweepBlocks
from dataapi.store import JobInfo, open_store
from tests.apps import api_app, config
from tests.dataapi.test_cli_runs import cli, data_dir  # noqa: F401 - fixtures

SWEEP = ["sweep", "sma_cross", "--symbol", "AAPL", "-p", "fast=2..6", "-p", "slow=4..12:2"]
SWEEP += ["--constraint", "fast < slow"]
ASKED = {
    "run": config(),
    "axes": {"fast": "2..6", "slow": "4..12:2"},
    "constraints": ["fast < slow"],
}


@pytest.fixture
def small_blocks(monkeypatch):
    def blocks(n_points, point_s):
        return tuple((a, min(a + 5, n_points)) for a in range(0, n_points, 5))

    monkeypatch.setattr("engine.sweeps.preparing._blocks", blocks)


def test_a_sweep_prints_one_document_with_its_points(cli):  # noqa: F811
    code, out, err = cli(*SWEEP, "--json")
    sweep = json.loads(out)

    assert code == 0
    assert sweep["status"] == "done"
    assert {"best", "top", "pbo", "dsr", "trials", "engine", "url", "edges"} <= sweep.keys()
    assert len(sweep["points"]["fast"]) == len(sweep["points"]["sharpe"]) == 21
    assert "21 of 25 combinations" in err
    assert "0 tried before" in err


def test_the_same_sweep_again_is_answered_from_the_store(cli):  # noqa: F811
    first = json.loads(cli(*SWEEP, "--json")[1])
    code, out, _ = cli(*SWEEP)

    assert code == 0
    assert "Stored already: answered from there." in out
    assert f"id      {first['id']}" in out
    assert f"url     {first['url']}" in out
    assert "PBO" in out
    assert "DSR" in out
    assert "Best sharpe: fast=" in out


def test_the_command_line_and_the_api_give_one_sweep(cli, data_dir):  # noqa: F811
    sweep = json.loads(cli(*SWEEP, "--json")[1])
    store = open_store(f"sqlite:///{data_dir / 'hindcast.db'}")
    answer = api_app(store).test_client().post("/api/v1/sweeps", json=ASKED)
    store.close()

    assert (answer.status_code, answer.json["id"]) == (200, sweep["id"])
    assert answer.json["points"] == sweep["points"]


def test_every_option_reaches_the_configuration(cli):  # noqa: F811
    out = cli(
        "sweep", "sma_cross", "--symbol", "AAPL", "-p", "fast=2,3,5", "-p", "slow=10..1000:log8",
        "-p", "direction=long_short", "--objective", "calmar", "--random", "7", "--seed", "3",
        "--cash", "5000", "--threads", "1", "--executor", "local", "--json",
    )[1]  # fmt: skip
    sweep = json.loads(out)

    assert sweep["config"]["objective"] == "calmar"
    assert (sweep["config"]["random"], sweep["config"]["seed"]) == (7, 3)
    assert sweep["config"]["run"]["cash"] == 5000.0
    assert sweep["config"]["run"]["strategy"]["params"]["direction"] == "long_short"
    assert sweep["axes"]["fast"] == [2, 3, 5]
    assert len(sweep["axes"]["slow"]) == 8
    assert sweep["n_points"] == 7
    assert sweep["job"]["executor"] == "local"


def test_weights_are_no_axis(cli):  # noqa: F811
    code, _, err = cli(
        "sweep", "fixed_weights", "--symbol", "AAPL", "--symbol", "MSFT",
        "-p", "weights=AAPL:0.6,MSFT:0.4", "-p", "rebalance=month,quarter", "--json",
    )  # fmt: skip

    assert code == 0, err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["-p", "fast=3"], 2, "Which parameters vary?"),
        (["-p", "fast=6..2"], 1, "is reversed"),
        (["-p", "fats=2..6"], 1, "has no parameter 'fats' to vary. Did you mean fast?"),
        (["-p", "fast=2..6", "--constraint", "fast <"], 1, "is refused at"),
        (["-p", "fast=2..6", "--random", "0"], 2, "random"),
        (["-p", "fast=2..6", "--objective", "luck"], 2, "--objective"),
        (["-p", "fast=2..6", "--threads", "0"], 2, "--threads"),
        (["-p", "fast=2..6", "--symbol", "NONE"], 1, "No bars of NONE"),
    ],
)
def test_a_wrong_command_is_one_line_that_says_how_to_mend_it(cli, arguments, code, words):  # noqa: F811
    found, out, err = cli("sweep", "sma_cross", "--symbol", "AAPL", *arguments)

    assert (found, out) == (code, "")
    assert words in err
    assert len(err.splitlines()) == 1


def test_ctrl_c_keeps_what_is_finished_and_the_same_command_goes_on(
    cli,  # noqa: F811
    data_dir,  # noqa: F811
    monkeypatch,
    small_blocks,
):
    block = SweepBlocks.block
    did = []

    def slow_block(self, i_block, **terms):
        did.append(i_block)
        time.sleep(0.3)
        return block(self, i_block, **terms)

    def interrupt(self, job):
        if len(did) >= 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(SweepBlocks, "block", slow_block)
        context.setattr(ProgressBar, "show", interrupt)
        code, out, err = cli(*SWEEP)

    assert (code, out) == (1, "")
    assert err.splitlines()[-1].startswith("Cancelled at ")
    assert "the same command goes on from there" in err
    assert 3 <= len(did) < 5
    store = open_store(f"sqlite:///{data_dir / 'hindcast.db'}")
    client = api_app(store).test_client()
    (item,) = client.get("/api/v1/sweeps").json["items"]
    kept = client.get(f"/api/v1/sweeps/{item['id']}").json["n_done"]
    store.close()
    assert item["status"] == "cancelled"
    assert kept >= 10

    before = set(did)
    monkeypatch.setattr(SweepBlocks, "block", slow_block)
    did.clear()
    code, out, _ = cli(*SWEEP, "--json")

    assert code == 0
    assert json.loads(out)["n_done"] == 21
    assert len(before | set(did)) == 5
    assert len(did) == 5 - kept // 5


def test_a_job_that_fails_is_told_in_one_line(cli, monkeypatch):  # noqa: F811
    def fail(self, i_block, **terms):
        raise RuntimeError("out of luck")

    monkeypatch.setattr(SweepBlocks, "block", fail)
    code, out, err = cli(*SWEEP)

    assert (code, out) == (1, "")
    assert err.splitlines()[-1] == "RuntimeError: out of luck"
    assert "Traceback" not in err


# The bar


def job(**changes):
    values = {
        "id": 1, "kind": "sweep", "subject": "s", "state": "running", "is_cancelled": False,
        "executor": "", "progress": 0.5, "unit": "points", "rate": 1234.5, "eta_s": 75.0,
        "note": "points 1 to 5", "attempts": 1, "worker": "w", "error": None,
        "created_ms": 0, "updated_ms": 0,
    }  # fmt: skip
    return JobInfo(**{**values, **changes})


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_bar_shows_percent_rate_and_time_left():
    # Half of 30 marks.
    assert bar_text(job()) == f"[{'#' * 15}{'-' * 15}]  50%  1,234 points/s  1:15 min left"
    assert progress_text(job(rate=0.123, eta_s=9.6)) == " 50%  0.12 points/s  10 s left"
    assert progress_text(job(progress=0.0, rate=None, eta_s=None)) == "  0%"
    assert progress_text(job(state="queued")) == "waiting for a worker"
    assert progress_text(job(progress=1.0, note="judging the whole")) == "judging the whole"


def test_a_terminal_has_one_line_that_moves():
    stream = Terminal()
    bar = ProgressBar(stream)
    bar.show(job(progress=0.1))
    bar.say("Stopping …")
    bar.clear()

    written = stream.getvalue()
    assert "\n" not in written
    shown = written.split("\r")
    # What is shorter covers what was longer.
    assert len(shown[2]) == len(shown[1])
    assert shown[-1] == ""
    assert shown[-2].strip() == ""


def test_a_file_has_a_line_now_and_then():
    stream = io.StringIO()
    bar = ProgressBar(stream)
    for k in range(50):  # 12.5 seconds
        bar.show(job(progress=k / 100))

    assert len(stream.getvalue().splitlines()) == 3
