"""The compare page's decisions: looks, differences, ranks, addresses; and its chart."""

import base64
from typing import Any

import numpy as np
import pytest

from dashboard import urlstate
from dashboard.figures.compare import compare_figure
from dashboard.pages.compare import view


def run(name: str, **metrics: Any) -> dict[str, Any]:
    return {
        "id": name,
        "name": name,
        "title": "Cross",
        "symbols": ["AAPL"],
        "first": "2005-03-01",
        "last": "2013-03-01",
        "metrics": metrics,
    }


def numbers(packed: dict[str, str]) -> list[float]:
    return np.frombuffer(base64.b64decode(packed["bdata"]), "<f8").tolist()


def test_every_one_of_twenty_runs_has_a_look_of_its_own():
    looks = view.looks(20, 3)

    assert looks[3] == ("accent", "solid")
    assert len(set(looks)) == 20


def test_a_value_is_shown_with_its_difference_from_the_base_and_its_rank():
    runs = [
        run("a", cagr=0.117, max_drawdown=-0.191, fees=11_697.0, trades=124, beta=0.26),
        run("b", cagr=0.145, max_drawdown=-0.206, fees=7_731.0, trades=78, beta=0.30),
    ]

    rows = {row.label: row.cells for row in view.table(runs, 0)}

    # 14.5 - 11.7 = 2.8 points better; -20.6 + 19.1 = -1.5 points worse.
    assert rows["CAGR"][1] == ("+14.5\u202f%", "+2.8", True, "best")
    assert rows["CAGR"][0].mark == "worst"
    assert rows["Max drawdown"][1] == ("−20.6\u202f%", "−1.5", False, "worst")
    # Lower fees are better; trades and beta are neither.
    assert rows["Fees paid"][1] == ("$7,731", "−4k", True, "best")
    assert rows["Trades"][1] == ("78", "−46", None, "")
    assert rows["Beta"][1][1:] == ("+0.04", None, "")
    # No run has a Sharpe: no row.
    assert "Sharpe" not in rows


def test_equal_and_missing_values_have_no_rank_and_no_difference():
    assert view.ranks([0.5, 0.5], "higher") == ["", ""]
    assert view.ranks([0.5, None, 0.7], "higher") == ["worst", "", "best"]
    assert view.difference("sharpe", None, 0.5) == ("", None)
    assert view.difference("sharpe", 0.5, 0.5) == ("", None)


def test_settings_are_written_as_one_would_write_them():
    assert view.setting(None) == "–"
    assert view.setting(10.0) == "10"
    assert view.setting(["AAPL", "GOOG"]) == "AAPL, GOOG"
    assert view.setting({"kind": "fraction", "value": 0.5}) == '{"kind": "fraction", "value": 0.5}'


def test_the_common_period_is_what_all_runs_cover():
    later = run("b") | {"first": "2007-01-03", "last": "2012-12-31"}

    assert view.period([run("a"), later]) == "2007-01-03 to 2012-12-31"
    assert view.period([run("a"), later | {"first": "2014-01-02", "last": "2015-01-02"}]) == ""


def test_the_address_says_the_base_unless_it_is_the_first():
    assert view.address(["a", "b"]) == "/compare?ids=a,b"
    assert view.address(["a", "b"], "a") == "/compare?ids=a,b"
    assert view.address(["a", "b"], "b") == "/compare?ids=a,b&base=b"
    state = urlstate.COMPARE.parse("?ids=a,b&base=b&kind=relative")
    assert (state["ids"], state["base"], state["kind"]) == (("a", "b"), "b", "relative")
    assert urlstate.COMPARE.format(state) == "?ids=a,b&base=b&kind=relative"


CURVES = {
    "time": [0, 86_400_000, 172_800_000],
    "equity": [[1.0, 1.1, 1.2], [1.0, 0.9, None]],
    "drawdown": [[0.0, 0.0, 0.0], [0.0, -0.1, None]],
}


def test_curves_start_at_a_hundred_and_the_base_is_drawn_last():
    figure = compare_figure(CURVES, view.looks(2, 0), "dark")

    names = [trace["meta"] for trace in figure["data"]]
    assert names == ["run-1", "run-0", "fall-1", "fall-0"]
    assert numbers(figure["data"][1]["y"]) == pytest.approx([100.0, 110.0, 120.0])
    # The last value that a run has is printed at its end.
    ends = [note["text"] for note in figure["layout"]["annotations"]]
    assert ends[:2] == ["<b>120</b>", "<b>90</b>"]


def test_relative_curves_are_against_the_base():
    figure = compare_figure(CURVES, view.looks(2, 0), "dark", kind="relative")

    other, base = (numbers(trace["y"]) for trace in figure["data"][:2])
    assert base == [0.0, 0.0, 0.0]
    # 0.9 / 1.1 - 1.
    assert other[:2] == pytest.approx([0.0, 0.9 / 1.1 - 1.0])
    assert np.isnan(other[2])
