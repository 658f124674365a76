"""Figures of sweeps and walk-forwards: what is drawn from given numbers."""

import base64

import numpy as np
import pytest

from dashboard import formatting
from dashboard.figures import heatmap, sweeps
from dashboard.theme import color

Z = np.array([[1.0, np.nan, 3.0], [4.0, 5.0, 6.0]])
LOOK = heatmap.Look("Sharpe", formatting.decimal, 0.0, 6.0, is_return=False)
X = heatmap.Axis("slow", ["30", "35", "40"])
Y = heatmap.Axis("fast", ["4", "6"])


def values(packed, kind="<f8"):
    return np.frombuffer(base64.b64decode(packed["bdata"]), kind)


def traces(figure):
    return {trace.get("meta", trace["type"]): trace for trace in figure["data"]}


def test_cells_are_sent_as_one_typed_array_and_empty_ones_stay_empty():
    figure = heatmap.heat_figure(Z, X, Y, LOOK, "dark")

    trace = figure["data"][0]
    assert trace["z"]["shape"] == "2, 3"
    np.testing.assert_array_equal(values(trace["z"], "<f4").reshape(2, 3), Z)
    assert (trace["zmin"], trace["zmax"], trace["colorscale"]) == (0.0, 6.0, "Viridis")
    assert figure["layout"]["xaxis"]["ticktext"] == ["30", "35", "40"]
    assert figure["layout"]["yaxis"]["ticktext"] == ["4", "6"]


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_returns_are_coloured_about_zero(theme):
    look = heatmap.Look("CAGR", formatting.signed_percent, -0.2, 0.2, is_return=True)

    trace = heatmap.heat_figure(Z, X, Y, look, theme)["data"][0]

    assert trace["zmid"] == 0.0
    assert trace["colorscale"][0][1] == color("down", theme)
    assert trace["colorscale"][-1][1] == color("up", theme)


def test_a_long_axis_has_few_ticks_and_no_gaps():
    z = np.zeros((250, 200))
    x = heatmap.Axis("slow", [str(i) for i in range(200)])
    y = heatmap.Axis("fast", [str(i) for i in range(250)])

    figure = heatmap.heat_figure(z, x, y, LOOK, "dark")

    assert len(figure["layout"]["xaxis"]["tickvals"]) <= 9
    assert len(figure["layout"]["yaxis"]["tickvals"]) <= 12
    assert figure["data"][0]["xgap"] == 0


def test_the_ends_of_the_colours_leave_the_worst_out_and_keep_the_best():
    numbers = np.array([*np.linspace(0.0, 1.0, 101), -50.0, np.nan])

    low, high = heatmap.bounds(numbers, is_return=False)

    assert -1.0 < low < 0.1
    assert high == 1.0
    assert heatmap.bounds(np.array([-0.1, 0.3]), is_return=True) == (-0.3, 0.3)
    assert heatmap.bounds(np.array([np.nan]), is_return=False) == (0.0, 1.0)
    assert heatmap.bounds(np.array([2.0]), is_return=False) == (1.5, 2.5)


def test_marks_have_their_own_shapes_and_names():
    marks = heatmap.marks_on(
        {"plateau": (1.0, 1.0), "peak": None, "origin": (0.0, 0.0)},
        {"plateau": "plateau", "peak": "best", "origin": "this run"},
    )

    figure = heatmap.heat_figure(Z, X, Y, LOOK, "dark", marks=marks)

    found = traces(figure)
    assert found["plateau"]["marker"]["symbol"] == "circle"
    assert found["origin"]["marker"]["symbol"] == "diamond"
    assert [note["text"] for note in figure["layout"]["annotations"]] == ["plateau", "this run"]


def test_a_region_is_drawn_along_its_outer_sides_only():
    region = np.array([[True, True, False], [False, True, False]])

    outline = traces(heatmap.heat_figure(Z, X, Y, LOOK, "dark", region=region))["region"]

    # Three cells have twelve sides; the two that are shared are counted twice: eight are left.
    assert outline["x"].count(None) == 8
    assert None in outline["y"]


def test_a_slice_runs_through_its_point_over_the_quartiles():
    known = np.array([0.5, 1.0, 0.8])
    profile = sweeps.Profile("fast", ["4", "6", "8"], known, known - 1, known - 0.5, known, 1)

    found = traces(sweeps.slice_figure(profile, formatting.decimal, "dark"))

    assert values(found["through"]["y"]).tolist() == known.tolist()
    assert found["high"]["fill"] == "tonexty"
    assert (found["point"]["x"], found["point"]["y"]) == ([1], [1.0])
    assert found["through"]["hovertext"][1] == "fast 6<br>1.00<br>median of all 0.50"


def test_drawdowns_are_drawn_to_the_right_and_printed_with_their_sign():
    cloud = sweeps.Cloud(np.array([-0.3, -0.1]), np.array([0.2, 0.1]), ["a", "b"], [7, 9])

    figure = sweeps.pareto_figure(cloud, cloud, "dark", picked={"best": (-0.3, 0.2)})

    found = traces(figure)
    assert values(found["points"]["x"]).tolist() == [0.3, 0.1]
    assert found["points"]["customdata"] == [7, 9]
    assert found["front"]["line"]["shape"] == "hv"
    assert figure["layout"]["annotations"][0]["text"] == "best"
    assert all(
        text.startswith("−") or text[0] == "0" for text in figure["layout"]["xaxis"]["ticktext"]
    )


def test_worse_than_the_median_is_orange():
    figure = sweeps.logit_figure([-2.0, -1.0, 0.0, 1.0], [1, 3, 4], "dark")

    bars = figure["data"][0]
    assert values(bars["y"]).tolist() == [0.125, 0.375, 0.5]
    assert bars["marker"]["color"] == [color("down", "dark")] * 2 + [color("up", "dark")]


def test_what_carries_over_lies_on_the_diagonal():
    inside = np.array([1.0, np.nan, 2.0])

    figure = sweeps.carry_figure(inside, np.array([0.5, 1.0, 1.5]), "dark")

    assert values(figure["data"][0]["x"]).tolist() == [1.0, 2.0]
    line = figure["layout"]["shapes"][0]
    assert (line["x0"], line["x1"]) == (line["y0"], line["y1"])
