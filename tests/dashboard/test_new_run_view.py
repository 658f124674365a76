"""What the new-run page says about a draft."""

import numpy as np
import pytest

from dashboard.pages.new_run import parts, view

SERIES = [
    # 1000 days from 2000-01-01 is 2002-09-27; the second begins half way.
    {"symbol": "AAA", "timeframe": "1d", "first": "2000-01-01", "last": "2002-09-27", "bars": 1000},
    {"symbol": "BBB", "timeframe": "1d", "first": "2001-05-15", "last": "2002-09-27", "bars": 500},
]
FORM = {"symbols": ["AAA", "BBB"], "start": "2001-05-15", "end": "2002-09-27", "params": {}}


def test_coverage_shows_what_is_stored_and_what_is_used() -> None:
    first, second = view.coverage(SERIES, FORM)

    assert (first.left, first.width) == (0.0, 100.0)
    # From 2000-01-01 to 2001-05-15 are 366 + 31 + 28 + 31 + 30 + 14 = 500 days.
    assert (first.used_left, first.used_width) == (50.0, 50.0)
    assert (second.left, second.width) == (50.0, 50.0)
    assert first.bars == "1,000 bars"


def test_a_period_reaches_back_from_the_last_bar() -> None:
    assert view.span(SERIES, ["AAA"], 1) == ("2001-09-27", "2002-09-27")
    assert view.span(SERIES, ["BBB"], 8) == ("2001-05-15", "2002-09-27")
    assert view.span(SERIES, ["AAA", "BBB"], 0) == ("2000-01-01", "2002-09-27")


def test_a_period_from_a_leap_day_begins_the_day_before() -> None:
    series = [{"symbol": "A", "timeframe": "1d", "first": "2000-01-01", "last": "2004-02-29"}]

    assert view.span(series, ["A"], 3) == ("2001-02-28", "2004-02-29")


METRICS = {
    "cagr": 0.144, "sharpe": 1.14, "max_drawdown": -0.206, "profit_factor": 3.01,
    "trades": 78, "fees": 7731.0,
}  # fmt: skip
BEFORE = {
    "cagr": 0.116, "sharpe": 1.14, "max_drawdown": -0.191, "profit_factor": None,
    "trades": 124, "fees": 11696.0,
}  # fmt: skip


def test_tiles_say_what_became_better_and_what_worse() -> None:
    tiles = {tile.label: tile for tile in view.tiles(METRICS, BEFORE)}

    assert tiles["CAGR"][1:] == ("+14.4\u202f%", "2.8", True)
    assert tiles["Sharpe"][1:] == ("1.14", "", None)
    assert tiles["Max drawdown"][1:] == ("\u221220.6\u202f%", "1.5", False)
    assert tiles["Profit factor"][1:] == ("3.01", "", None)
    # More or fewer trades are neither.
    assert tiles["Trades"][1:] == ("78", "\u221246", None)
    assert tiles["Fees"][1:] == ("$7,731", "$3,965", True)


def preview(equity: list[float]) -> dict:
    values = np.array(equity)
    drawdown = (values / np.maximum.accumulate(values) - 1).tolist()
    times = [86_400_000 * i for i in range(len(equity))]
    curves = {"time": times, "equity": equity, "drawdown": drawdown, "benchmark": None}
    return {"curves": curves, "metrics": METRICS}


def lines(figure: dict) -> list[tuple[str, str]]:
    return [(trace["meta"], trace["line"]["color"]) for trace in figure["data"]]


def test_the_draft_before_is_grey_and_below_this_one() -> None:
    figure = view.preview_figure(preview([100.0, 90.0, 120.0]), preview([100.0, 95.0]), "dark")

    assert lines(figure) == [
        ("equity", "#868D96"),
        ("drawdown", "#868D96"),
        ("equity", "#4DABF7"),
        ("drawdown", "#E8833A"),
    ]
    assert figure["layout"]["yaxis"]["type"] == "log"


def test_a_bankrupt_draft_is_drawn_on_a_linear_axis() -> None:
    figure = view.preview_figure(preview([100.0, -20.0, -20.0]), None, "light")

    assert "type" not in figure["layout"]["yaxis"]


def test_a_draft_is_called_by_the_one_parameter_that_changed() -> None:
    new, old = {"params": {"fast": 10, "k": 2.0}}, {"params": {"fast": 10, "k": 1.0}}

    assert view.draft_label(new, old) == ("k 2", "k 1, before")
    assert view.draft_label(new, {"params": {"fast": 9, "k": 1.0}}) == ("this draft", "before")
    assert view.draft_label(new, None) == ("this draft", "before")


@pytest.mark.parametrize(
    ("costs", "sentence"),
    [
        ({"rate_bps": 10.0, "slippage_bps": 5.0}, "10 bps a side plus 5 bps slippage."),
        ({"fixed": 1.0}, "$1.00 a side."),
        (
            {"rate_bps": 20.0, "fixed": 1.0, "slippage_bps": 15.0, "spread_bps": 10.0},
            "20 bps and $1.00 a side, 15 bps slippage plus half of a 10 bps spread.",
        ),
        ({}, "Nothing: no commission, no slippage, no spread. No market offers that."),
    ],
)
def test_costs_are_one_sentence(costs: dict, sentence: str) -> None:
    assert view.costs_sentence(costs) == sentence


def test_errors_go_to_the_field_they_are_about() -> None:
    problem = {
        "detail": "3 fields are wrong.",
        "errors": [
            {"field": "cash", "message": "Expected greater than 0."},
            {"field": "sizing.value", "message": "Expected at most 1."},
            {"field": "strategy.params.fast", "message": "Expected fast < slow."},
            {"field": "strategy.formula.enter_long", "message": "Unknown smaa.", "position": 4},
            {"field": "lot", "message": "Expected a lot ≥ 0."},
        ],
    }

    found = view.field_errors(problem)

    assert found.controls == {
        "cash": "Expected greater than 0.",
        "size_value": "Expected at most 1.",
    }
    assert found.params == {"fast": "Expected fast < slow."}
    assert [error["field"] for error in found.formula] == ["enter_long"]
    assert found.rest == ["lot: Expected a lot ≥ 0."]


@pytest.mark.parametrize(
    ("spec", "step", "decimals"),
    [
        ({"kind": "int", "default": 10, "min": 2, "max": 200}, 1, 0),
        ({"kind": "float", "default": 2.0, "min": 0.5, "max": 5.0}, 0.01, 2),
        ({"kind": "float", "default": 0.1, "min": 0.0, "max": 1.0, "step": 0.05}, 0.05, 2),
    ],
)
def test_a_slider_has_fine_enough_steps(spec: dict, step: float, decimals: int) -> None:
    scale = view.slider(spec)

    assert scale["step"] == pytest.approx(step)
    assert scale["decimals"] == decimals


def test_the_volume_cap_and_impact_are_said_in_plain_sentences():
    form = {"time_in_force": "day", "participation": 10, "impact": 0.1}

    assert view.volume_sentence(form) == (
        "A symbol's fills take at most 10\u202f% of a bar's volume; the rest of it ends with the "
        "bar. Size moves the price by 0.1 × the root of the share of the volume."
    )
    assert view.volume_sentence({"time_in_force": "gtc"}) == (
        "Any size fills at once; limits and stops work until filled."
    )


def test_strategies_are_grouped_by_what_they_are_made_of():
    items = {
        "cross": {"title": "Cross", "kind": "formula"},
        "weights": {"title": "Weights", "kind": "target"},
        "mine": {"title": "Mine", "kind": "event"},
    }

    groups = parts.strategy_options(items)

    assert [(g["group"], [i["value"] for i in g["items"]]) for g in groups] == [
        ("Signals", ["cross"]),
        ("Portfolios", ["weights"]),
        ("Python files on the server", ["mine"]),
    ]


def test_a_weight_is_asked_for_each_symbol_in_percent():
    specs = {"weights": {"kind": "weights", "default": {}, "choices": []}}

    (control,) = parts.parameters(specs, {"weights": {"AAPL": 0.07}}, ["AAPL", "MSFT"])

    fields = [field.children[1] for field in control.children[0].children[1].children]
    assert [field.id["symbol"] for field in fields] == ["AAPL", "MSFT"]
    # 0.07 is 7 %, not 7.000000000000001 %.
    assert [field.value for field in fields] == [7.0, ""]


def test_a_range_beyond_a_hand_is_cut_for_the_slider():
    amount = {"kind": "float", "default": 1000.0, "min": 0.01, "max": 1e12, "step": 100.0}

    assert view.slider(amount)["max"] == 20_000.0
    assert view.slider({"kind": "int", "default": 10, "min": 2, "max": 200})["max"] == 200
