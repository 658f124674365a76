"""What a worker found, as the pages show it: strip, diagnosis, intervals, passports, figures."""

import json
from typing import Any

import pytest
from dash.development.base_component import Component

from dashboard.figures.robustness import Dot, cost_figure, dots_figure
from dashboard.metrics import METRICS, metric
from dashboard.pages.result import analysis, robustness_view
from dashboard.pages.result.luck import luck_cards, words
from dashboard.pages.result.passport import passport


def text_of(parts: Any) -> str:
    """Return all that is written in components, in order."""
    if isinstance(parts, list | tuple):
        return " ".join(text_of(part) for part in parts)
    if isinstance(parts, Component):
        return text_of(getattr(parts, "children", ""))
    return "" if parts is None else str(parts)


def variant(name: str, group: str, final_equity: float) -> dict[str, Any]:
    metrics = {
        "final_equity": final_equity,
        "total_return": final_equity / 100.0 - 1.0,
        "sharpe": 0.5,
        "max_drawdown": -0.2,
    }
    return {"id": name, "group": group, "label": name, "detail": f"{name}!", "metrics": metrics}


RUN = {
    "id": "kGcsUbthq5Rk",
    "config": {
        "cash": 100.0,
        "costs": {"rate_bps": 10.0},
        "execution": {"slippage_bps": 4.0, "spread_bps": 2.0},
    },
    "checks": {"band": {"pessimistic": 200.0, "optimistic": 200.0, "ohlc": 200.0}},
    "metrics": {"sharpe": 0.9, "cagr": 0.1, "psr": 0.9},
    "benchmark_metrics": {"sharpe": 1.1},
}
ROBUSTNESS = {
    "base": {"final_equity": 200.0, "total_return": 1.0, "sharpe": 0.9, "max_drawdown": -0.1},
    "variants": [
        variant("costs_0", "costs", 240.0),
        variant("costs_1", "costs", 200.0),
        variant("costs_2", "costs", 90.0),
        variant("start_1", "start", 190.0),
        variant("start_5", "start", 230.0),
        variant("start_21", "start", 210.0),
    ],
    "break_even_bps": 29.7,
    "break_even_detail": "At about 29.7 bps nothing is left.",
}
CONFIDENCE = {
    "level": 0.95,
    "samples": 2000,
    "mean_block": 12.6,
    "intervals": {"sharpe": [0.3, 1.5], "cagr": [None, None]},
}
DIAGNOSIS = [
    {"severity": "info", "title": "Survivors.", "detail": "Picked later.", "why": "Because."},
    {"severity": "fail", "title": "Only 3 trades", "detail": "Three.", "why": "Luck."},
]


def test_the_strip_places_each_change_between_the_worst_and_the_best():
    rows, scale = robustness_view.strip(RUN, ROBUSTNESS)

    # Costs x 1 is the run itself, three starts are one row, the intrabar rules agree: no row.
    assert [row.label for row in rows] == ["costs_0", "costs_2", "3 other starts"]
    # From 90 to 240 with 4 % margins: 84 ... 246, so 200 stands at 116 / 162 and 100 at 16 / 162.
    assert scale.base == pytest.approx(100 * 116 / 162, abs=0.01)
    assert scale.cash == pytest.approx(100 * 16 / 162, abs=0.01)
    free, double, starts = rows
    assert (free.value, free.change, free.is_better, free.is_loss) == (
        "$240",
        "+20\u202f%",
        True,
        False,
    )
    assert (double.change, double.is_better, double.is_loss) == ("−55\u202f%", False, True)
    # The median of 190, 210, 230 within their range.
    assert starts.value == "$210"
    assert (starts.low, starts.high) == (
        pytest.approx(100 * 106 / 162, abs=0.01),
        pytest.approx(100 * 146 / 162, abs=0.01),
    )


def test_the_intrabar_rules_are_a_row_where_they_differ():
    checks = {"band": {"pessimistic": 180.0, "optimistic": 220.0, "ohlc": 200.0}}

    rows, _ = robustness_view.strip(RUN | {"checks": checks}, ROBUSTNESS)

    assert (rows[0].label, rows[0].value) == ("Intrabar rules", "$200")


def test_findings_come_gravest_first_and_are_counted():
    found = robustness_view.findings(DIAGNOSIS)

    assert [item.level for item in found] == ["fail", "none"]
    assert robustness_view.finding_counts(found) == [("fail", "1 failure"), ("none", "1 remark")]
    shown = text_of(analysis.diagnosis_card(DIAGNOSIS))
    assert "Only 3 trades." in shown
    assert "Survivors. Picked later." in " ".join(shown.split())


def test_an_interval_is_drawn_with_its_value_and_the_benchmark():
    found = robustness_view.whisker([0.3, 1.5], 0.9, 1.1)

    # 0.3 ... 1.5 over 4 % ... 96 %: 0.9 is the middle, 1.1 two thirds along.
    assert found == pytest.approx((4.0, 50.0, 96.0, 4.0 + 92.0 * 2 / 3), abs=0.01)
    assert robustness_view.whisker([None, 1.0], 0.9) is None
    assert robustness_view.whisker(None, 0.9) is None
    assert robustness_view.whisker([0.3, 1.5], None) is None


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"status": "queued", "error": None}, "Waiting for a worker"),
        ({"status": "running", "error": None}, "A worker is repeating this run"),
        ({"status": "failed", "error": "The bars have changed."}, "The bars have changed."),
    ],
)
def test_an_analysis_that_is_not_done_says_how_far_it_is(found, words):
    class Api:
        def analysis(self, run_id: str) -> dict[str, Any]:
            return found

    shown = analysis.overview_cards(Api(), RUN)  # type: ignore[arg-type]

    assert words in text_of(shown)
    # The page's script asks again while this says queued or running.
    assert shown[0].data == found["status"]


def test_the_tab_draws_costs_in_basis_points_and_intervals_with_their_method():
    document = {
        "status": "done",
        "robustness": ROBUSTNESS,
        "confidence": CONFIDENCE,
        "diagnosis": DIAGNOSIS,
    }

    class Api:
        def analysis(self, run_id: str) -> dict[str, Any]:
            return document

        def about(self, run_id):
            return {"ledger": {"trials": 12, "dsr": 0.5}}

    shown = analysis.robustness_tab(Api(), RUN, "dark")  # type: ignore[arg-type]

    words = text_of(shown)
    assert "95\u202f% intervals, 2,000 resampled histories" in words
    assert "0.30 to 1.50" in words
    assert "At about 29.7 bps nothing is left." in words


def test_costs_are_a_line_over_basis_points_with_the_break_even_marked():
    # 10 bps commission, 4 bps slippage, half of a 2 bps spread: 15 bps a side.
    figure = cost_figure([(0.0, 1.4), (15.0, 1.0), (30.0, -0.1)], 15.0, 29.7, "dark")

    (line,) = figure["data"]
    assert line["x"] == [0.0, 15.0, 30.0]
    marks = [shape["x0"] for shape in figure["layout"]["shapes"]]
    assert marks == [15.0, 29.7]
    notes = [note["text"] for note in figure["layout"]["annotations"]]
    assert notes == ["this run", "breaks even at 30 bps"]


def test_dots_are_hollow_when_better_and_filled_when_worse():
    dots = [Dot("up", 0.3, "more"), Dot("down", 0.1, "less")]

    figure = dots_figure(dots, 0.2, METRICS["total_return"].text, "dark")
    fewer = dots_figure(dots, 0.2, METRICS["volatility"].text, "dark", more_is_better=False)

    looks = {trace["x"][0]: trace["marker"]["symbol"] for trace in figure["data"]}
    assert looks == {0.3: "circle-open", 0.1: "circle"}
    assert {trace["x"][0]: trace["marker"]["symbol"] for trace in fewer["data"]} == {
        0.3: "circle",
        0.1: "circle-open",
    }
    assert figure["layout"]["yaxis"]["ticktext"] == ["up", "down"]


def test_a_passport_tells_formula_convention_inputs_interval_and_other_libraries():
    item = {
        "name": "sharpe",
        "title": "Sharpe ratio",
        "rule": "M4",
        "unit": "ratio",
        "formula": "mean(x)/std(x, ddof 1)·√P",
        "convention": "risk-free rate a period",
        "inputs": {"n_returns": 2519, "periods_per_year": 252.0, "mean_excess": 0.00031234},
        "value": 0.91,
        "others": [{"library": "empyrical", "value": 0.89, "why": "arithmetic rate"}],
    }

    words = " ".join(text_of(passport(item, {"confidence": CONFIDENCE})).split())

    assert "Sharpe ratio M4" in words
    assert "mean(x)/std(x, ddof 1)·√P" in words
    assert "Risk-free rate a period." in words
    assert "number of returns 2,519" in words
    assert "mean excess 0.00031234" in words
    assert "95 % interval 0.30 to 1.50: 2,000 histories" in words
    assert "empyrical 0.890000 Arithmetic rate." in words


def test_a_metric_without_an_entry_is_printed_by_its_unit():
    unknown = metric("x", {"title": "X", "unit": "fraction", "formula": "a / b"})

    assert (unknown.label, unknown.text(0.125)) == ("X", "12.5\u202f%")


def test_a_whisker_needs_an_analysis():
    assert analysis.tile_whiskers(None, {"sharpe": 1.0}, {}) == {}
    shown = analysis.tile_whiskers({"confidence": CONFIDENCE}, {"sharpe": 0.9, "cagr": 0.1}, {})
    assert list(shown) == ["sharpe"]
    assert "--low" in json.dumps(shown["sharpe"].style)


def method(name: str, axis: str = "time", **changes: Any) -> dict[str, Any]:
    quantiles = {"p05": 90.0, "p25": 100.0, "p50": 120.0, "p75": 140.0, "p95": 200.0}
    falls = {"p05": -0.4, "p25": -0.3, "p50": -0.22, "p75": -0.2, "p95": -0.1}
    fan = {"axis": axis, "at": [0.0, 1.0], **{key: [100.0, v] for key, v in quantiles.items()}}
    return {
        "id": name,
        "label": name,
        "detail": "How.",
        "reason": None,
        "samples": 1000,
        "fan": fan,
        "final_equity": {**quantiles, "actual": 150.0, "percentile": 0.83},
        "max_drawdown": {**falls, "actual": -0.191, "percentile": 0.8},
        "probability_of_loss": 0.12,
        "probability_of_ruin": 0.0,
        **changes,
    }


def test_each_way_of_chance_is_read_by_one_number():
    order = words(method("trade_shuffle"))
    assert "fell −19.1\u202f% at worst, milder than in 80\u202f% of the orders" in order
    assert "the middle one falls −22.0\u202f%" in order
    assert words(method("random_entries")).startswith("Ends above 83\u202f% of random timings")
    assert words(method("block_bootstrap")) == (
        "Nine of ten draws end between $90 and $200; 12\u202f% end with a loss."
    )


class CurveApi:
    def equity(self, run_id: str, *, points: int) -> dict[str, list[float]]:
        return {"time": [0.0, 1.0], "equity": [100.0, 150.0]}


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_fans_have_the_run_and_what_cannot_answer_says_why(theme):
    found = {
        "methods": [
            method("trade_shuffle", "trade"),
            method("block_bootstrap"),
            method("random_entries", reason="The run always held a position."),
        ]
    }

    cards = luck_cards(CurveApi(), {"id": "a"}, found, theme)

    assert len(cards) == 3
    assert "1,000 samples" in text_of(cards[0])
    assert "always held a position" in text_of(cards[2])
    assert luck_cards(CurveApi(), {"id": "a"}, None, theme) == []


def test_the_deflated_sharpe_stands_beside_the_probabilistic_one():
    ledger = {"trials": 4606, "dsr": 0.64}

    words_of = text_of(analysis.intervals_card(RUN, CONFIDENCE, ledger))

    assert "64.0\u202f%" in words_of
    assert "the best of 4,606 trials without skill" in words_of
