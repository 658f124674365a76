"""Figures of the result page: what is drawn from given numbers, in both themes."""

import base64
import json
import re

import numpy as np
import pytest

from dashboard.figures.equity import equity_figure, has_band
from dashboard.figures.returns import distribution_figure, qq_figure, yearly_figure
from dashboard.figures.trades import excursion_figure
from dashboard.figures.windows import MAX_STRIPS, exposure_figure, rolling_figure
from dashboard.theme import TOKENS, color

DAY = 86_400_000.0
TIME = 1_109_635_200_000.0 + DAY * np.arange(4)


def values(trace, key="y"):
    data = trace[key]
    if isinstance(data, dict):
        return np.frombuffer(base64.b64decode(data["bdata"]), "<f8").tolist()
    return list(data)


def trace(figure, name):
    return next(trace for trace in figure["data"] if trace.get("meta") == name)


def texts(figure):
    return [note["text"] for note in figure["layout"]["annotations"]]


@pytest.fixture
def curves():
    return {
        "time": TIME,
        "equity": np.array([100.0, 120.0, 90.0, 150.0]) * 1000,
        "drawdown": np.array([0.0, 0.0, -0.25, 0.0]),
        "benchmark": np.array([100.0, 110.0, 120.0, 100.0]) * 1000,
        "benchmark_drawdown": np.array([0.0, 0.0, 0.0, -1 / 6]),
        "band_low": np.array([100.0, 120.0, 90.0, 150.0]) * 1000,
        "band_high": np.array([100.0, 121.0, 92.0, 156.0]) * 1000,
    }


def falls(n=1):
    return [{"depth": -0.25, "trough": TIME[2]}] * n


def test_equity_draws_strategy_benchmark_band_and_both_drawdowns(curves):
    figure = equity_figure(curves, falls(), "dark")

    names = [part["meta"] for part in figure["data"]]
    assert names == [
        "band_low",
        "band_high",
        "benchmark",
        "equity",
        "benchmark_drawdown",
        "drawdown",
    ]
    assert values(trace(figure, "equity")) == curves["equity"].tolist()
    assert values(trace(figure, "equity"), "x") == TIME.tolist()
    assert figure["layout"]["yaxis"]["type"] == "log"
    assert figure["layout"]["xaxis"]["range"] == [TIME[0], TIME[-1]]


def test_last_values_stand_at_the_ends_of_their_lines(curves):
    shown = texts(equity_figure(curves, falls(), "dark"))

    assert "<b>$150k</b>" in shown
    assert "$100k" in shown
    assert "<b>0.0\u202f%</b>" in shown


def test_only_the_five_deepest_drawdowns_are_numbered(curves):
    shown = texts(equity_figure(curves, falls(7), "dark"))

    assert [text for text in shown if text.isdigit()] == ["1", "2", "3", "4", "5"]


def test_rules_that_agree_everywhere_make_no_band(curves):
    curves["band_high"] = curves["band_low"] = curves["equity"]

    assert not has_band(curves)
    assert "band_high" not in [part["meta"] for part in equity_figure(curves, [], "dark")["data"]]


def test_relative_is_strategy_over_benchmark_from_zero(curves):
    figure = equity_figure(curves, [], "light", scale="relative")

    # 120/110, 90/120 and 150/100, each less one.
    expected = [0.0, 120 / 110 - 1, -0.25, 0.5]
    assert values(trace(figure, "relative")) == pytest.approx(expected)
    assert "<b>+50.0\u202f%</b>" in texts(figure)


def test_relative_begins_where_the_benchmark_does(curves):
    curves["benchmark"] = np.array([np.nan, 110.0, 120.0, 100.0]) * 1000

    ahead = values(trace(equity_figure(curves, [], "dark", scale="relative"), "relative"))

    # From 120/110 on: (90/120)/(120/110) - 1.
    assert np.isnan(ahead[0])
    assert ahead[1:3] == pytest.approx([0.0, 0.75 * 110 / 120 - 1])


def test_an_account_at_zero_is_drawn_on_a_linear_axis(curves):
    curves["equity"] = np.array([100.0, 50.0, 0.0, 0.0])

    assert equity_figure(curves, [], "dark", scale="log")["layout"]["yaxis"]["type"] == "linear"


def test_a_run_without_benchmark_draws_itself_under_every_scale(curves):
    alone = {name: curves[name] for name in ("time", "equity", "drawdown")}

    for scale in ("log", "linear", "relative"):
        figure = equity_figure(alone, [], "dark", scale=scale)
        assert [part["meta"] for part in figure["data"]] == ["equity", "drawdown"]


def test_years_are_blue_up_and_orange_down_with_the_benchmark_as_a_tick():
    years = [
        {"year": 2005, "total": 0.2, "benchmark": 0.1},
        {"year": 2006, "total": -0.1, "benchmark": None},
    ]

    bars, ticks = yearly_figure(years, "dark")["data"]

    assert bars["y"] == [0.2, -0.1]
    assert bars["marker"]["color"] == [color("up", "dark"), color("down", "dark")]
    assert ticks["marker"]["symbol"] == "line-ew"
    assert ticks["y"][0] == 0.1
    assert np.isnan(ticks["y"][1])
    assert bars["hovertext"][1] == "2006: −10.0\u202f%, benchmark –"


def test_the_normal_curve_has_the_area_of_the_histogram():
    edges = np.linspace(-0.05, 0.05, 21)
    distribution = {"edges": edges.tolist(), "counts": [5] * 20, "mean": 0.0, "std": 0.01, "n": 100}

    figure = distribution_figure(distribution | {"var_95": -0.02, "cvar_95": -0.03}, "dark")

    # 100 returns in bins of 0.005: 0.5; the edges are five deviations out.
    x, y = values(figure["data"][1], "x"), values(figure["data"][1])
    assert np.trapezoid(y, x) == pytest.approx(100 * 0.005, rel=1e-3)
    assert texts(figure) == ["VaR 95 −2.0\u202f%", "CVaR −3.0\u202f%"]


def test_nothing_is_drawn_of_no_returns():
    nothing = {"edges": [], "counts": [], "n": 0, "mean": None, "std": None}

    assert distribution_figure(nothing | {"var_95": None, "cvar_95": None}, "dark")["data"] == []
    assert qq_figure({"theoretical": [], "sample": []}, "dark")["data"] == []


def test_quantiles_stand_against_the_line_of_equal_ones():
    normal, sample = [-0.02, 0.0, 0.02], [-0.05, 0.0, 0.03]

    line, dots = qq_figure({"theoretical": normal, "sample": sample}, "dark")["data"]

    assert values(line, "x") == values(line) == [-0.02, 0.02]
    assert (values(dots, "x"), values(dots)) == (normal, sample)


def rolling():
    return {
        "window_bars": 126,
        "time": TIME.tolist(),
        "sharpe": [None, 1.0, 0.5, -0.5],
        "volatility": [None, 0.1, 0.2, 0.15],
        "beta": [None, 0.2, 0.3, 0.4],
        "benchmark_sharpe": [None, 0.9, 0.4, 0.1],
        "benchmark_volatility": [None, 0.3, 0.3, 0.2],
    }


def test_rolling_statistics_share_one_time_axis():
    figure = rolling_figure(rolling(), "dark")

    assert {part["yaxis"] for part in figure["data"]} == {"y", "y2", "y3"}
    assert figure["layout"]["xaxis"]["anchor"] == "y3"
    assert np.isnan(values(trace(figure, "sharpe"))[0])
    assert figure["layout"]["yaxis2"]["range"][0] <= 0.0


def test_without_a_benchmark_there_is_no_beta():
    alone = rolling() | {"beta": [], "benchmark_sharpe": [], "benchmark_volatility": []}

    figure = rolling_figure(alone, "dark")

    assert [part["meta"] for part in figure["data"]] == ["sharpe", "volatility"]
    assert figure["layout"]["xaxis"]["anchor"] == "y2"


def test_exposure_has_a_total_with_its_mean_and_a_strip_a_symbol():
    held = {"time": TIME, "total": np.array([0.0, 0.5, 1.0, 0.5])}
    held |= {"AAPL": np.array([0.0, 0.5, 0.5, 0.0]), "IBM": np.array([0.0, 0.0, 0.5, 0.5])}

    figure = exposure_figure(held, ["AAPL", "IBM"], "dark")

    assert [part["meta"] for part in figure["data"]] == ["total", "AAPL", "IBM"]
    assert "mean 50\u202f%" in texts(figure)
    assert figure["layout"]["yaxis2"]["range"] == figure["layout"]["yaxis3"]["range"]


def test_a_single_symbol_needs_no_strip_and_many_do_not_crowd_the_chart():
    one = {"time": TIME, "total": np.ones(4), "AAPL": np.ones(4)}
    names = [f"S{i}" for i in range(20)]
    many = {"time": TIME, "total": np.ones(4)} | {name: np.ones(4) / 20 for name in names}

    assert len(exposure_figure(one, ["AAPL"], "dark")["data"]) == 1
    assert len(exposure_figure(many, names, "dark")["data"]) == 1 + MAX_STRIPS


def trades():
    return {
        "symbol": ["AAPL", "AAPL", "IBM"],
        "entry_time": TIME[:3],
        "return": np.array([0.2, -0.05, 0.01]),
        "mae": np.array([-0.02, -0.06, -0.03]),
        "mfe": np.array([0.25, 0.01, 0.02]),
    }


def test_wins_are_hollow_and_losses_filled():
    wins, losses = excursion_figure(trades(), "mae", "dark")["data"]

    assert (wins["x"], wins["y"]) == ([-0.02, -0.03], [0.2, 0.01])
    assert (losses["x"], losses["y"]) == ([-0.06], [-0.05])
    assert (wins["marker"]["symbol"], losses["marker"]["symbol"]) == ("circle-open", "circle")
    assert wins["hovertext"][0] == ("AAPL 2005-03-01<br>Return +20.0\u202f%<br>MAE −2.0\u202f%")


def test_no_chart_has_more_points_than_a_browser_draws_at_once():
    n = 50_000
    many = {"symbol": ["A"] * n, "entry_time": np.zeros(n), "return": np.linspace(-1, 1, n)}
    many |= {"mae": -np.ones(n) / 2, "mfe": np.ones(n) / 2}
    quantiles = {"theoretical": np.linspace(-0.1, 0.1, n), "sample": np.linspace(-0.1, 0.1, n)}

    assert sum(len(part["x"]) for part in excursion_figure(many, "mfe", "dark")["data"]) <= 2000
    assert len(values(qq_figure(quantiles, "dark")["data"][1])) <= 1000


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_every_colour_is_a_token_of_the_theme(theme, curves):
    """The browser re-colours drawn charts by the table of tokens, so nothing else may be used."""
    index = ("dark", "light").index(theme)
    own = {pair[index].lower() for pair in TOKENS.values()}
    numbers = {",".join(str(int(c[i : i + 2], 16)) for i in (1, 3, 5)) for c in own}
    figures = [
        equity_figure(curves, falls(), theme),
        rolling_figure(rolling(), theme),
        excursion_figure(trades(), "mae", theme),
        yearly_figure([{"year": 2005, "total": 0.2, "benchmark": 0.1}], theme),
    ]

    text = json.dumps(figures, default=str).lower()

    assert set(re.findall(r"#[0-9a-f]{6}\b", text)) <= own
    found = {",".join(part.split(",")[:3]) for part in re.findall(r"rgba\(([^)]*)\)", text)}
    assert found - {"0,0,0"} <= numbers


def test_wheel_and_drag_are_left_to_the_page(curves):
    figure = equity_figure(curves, falls(), "dark")

    layout = figure["layout"]
    assert layout["dragmode"] is False
    assert all(layout[name]["fixedrange"] for name in ("xaxis", "yaxis", "yaxis2"))
    assert all(part["type"] == "scatter" for part in figure["data"])
