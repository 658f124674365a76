"""Figures of sweeps and walk-forwards: what is drawn from given numbers."""

import base64
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard import formatting
from dashboard.figures import fan, heatmap, sweeps, walkforward
from dashboard.metrics import METRICS
from dashboard.theme import color
from tests.dashboard import sweep_documents as docs

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


def test_a_long_axis_of_equal_steps_has_round_texts():
    side = heatmap.side_of("slow", list(range(10, 301)), 2)

    # Two values a cell: the first cell's middle is 10.5, and the next is 2 further.
    assert (side.first, side.step, len(side.texts)) == (10.5, 2, 146)
    figure = heatmap.heat_figure(np.zeros((2, 146)), side, Y, LOOK, "dark")
    across = figure["layout"]["xaxis"]
    assert across["ticktext"] == ["50", "100", "150", "200", "250", "300"]
    assert across["tickvals"][0] == (50 - 10.5) / 2
    assert heatmap.side_of("k", [1, 2, 4], 1).step == 0.0


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


@given(
    st.integers(1, 250),
    st.integers(1, 250),
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=3),
    st.floats(heatmap.LEAST_HEIGHT, 1500.0),
)
def test_names_of_marks_never_overlap_and_never_leave_the_map(n_x, n_y, places, height):
    cells = [(float(int(x * (n_x - 1))), float(int(y * (n_y - 1)))) for x, y in places]
    kinds = ("plateau", "peak", "origin")
    marks = [heatmap.Mark(x, y, kind, kind) for (x, y), kind in zip(cells, kinds, strict=False)]
    sides = [heatmap.Axis(name, [""] * n) for name, n in (("x", n_x), ("y", n_y))]

    figure = heatmap.heat_figure(np.zeros((n_y, n_x)), *sides, LOOK, "dark", marks=marks)

    # From the top: where the mark is in a map of this height, and the way to its name.
    middles = sorted(
        height * (1.0 - (note["y"] + 0.5) / n_y) + note["ay"]
        for note in figure["layout"]["annotations"]
    )
    # A name of 11 px has 15 px of text and 3 px of frame above and below.
    assert all(below - above >= 21.0 for above, below in pairwise(middles))
    assert middles[0] >= 10.5
    assert middles[-1] <= height - 10.5


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


def test_windows_are_bars_from_their_first_to_their_last_day():
    spans = [
        walkforward.Span(0.0, 10.0, 10.0, 15.0, "first", True),
        walkforward.Span(5.0, 15.0, 15.0, 20.0, "second", False),
    ]

    found = traces(walkforward.gantt_figure(spans, "dark"))

    assert values(found["in"]["base"]).tolist() == [0.0, 5.0]
    assert values(found["out"]["x"]).tolist() == [5.0, 5.0]
    # What is not computed yet is pale.
    assert found["out"]["marker"]["opacity"] == [1.0, 0.3]


def test_a_window_without_numbers_has_no_bars():
    figure = walkforward.sides_figure([1.0, None], [0.5, None], METRICS["sharpe"], "dark")

    assert np.isnan(values(figure["data"][0]["y"])[1])
    assert figure["data"][1]["hovertext"][0] == "window 1, out of sample<br>Sharpe 0.50"


def test_choices_are_drawn_on_the_values_they_were_made_from():
    figure = walkforward.parameter_figure([10, None, 40], [5, 10, 20, 40], "dark")

    assert figure["data"][0]["x"] == [1, 3]
    assert figure["data"][0]["y"] == [1.0, 3.0]
    assert figure["layout"]["yaxis"]["ticktext"] == ["5", "20", "40"]


def test_the_joined_curve_has_a_hairline_at_each_new_choice():
    figure = walkforward.stitched_figure(docs.forward_equity(), "dark", n_ticks=4)

    assert [trace["meta"] for trace in figure["data"]] == ["benchmark", "equity", "drawdown"]
    assert len(figure["layout"]["shapes"]) == 5
    ends = [note["text"] for note in figure["layout"]["annotations"]][:2]
    assert ends[0].startswith("<b>$")


def test_a_joined_curve_without_a_benchmark_is_drawn_alone():
    curves = {**docs.forward_equity(), "benchmark": None}

    figure = walkforward.stitched_figure(curves, "light")

    assert [trace["meta"] for trace in figure["data"]] == ["equity", "drawdown"]


FAN = {
    "axis": "trade",
    "at": [0, 5, 10],
    "p05": [100, 90, 80],
    "p25": [100, 95, 95],
    "p50": [100, 101, 103],
    "p75": [100, 106, 110],
    "p95": [100, 115, 130],
}


def test_a_fan_has_two_bands_a_median_and_the_end_of_the_run():
    figure = fan.fan_figure(FAN, "dark", end=140.0)

    found = traces(figure)
    assert [trace.get("fill") for trace in figure["data"][:4]] == [None, "tonexty"] * 2
    assert values(found["p50"]["y"]).tolist() == [100, 101, 103]
    assert (found["end"]["x"], found["end"]["y"]) == ([10.0], [140.0])
    assert figure["layout"]["yaxis"]["type"] == "log"


def test_a_fan_over_time_has_the_course_of_the_run_and_may_reach_nothing():
    course = (np.array([0.0, 10.0]), np.array([100.0, 120.0]))
    spread = {**FAN, "axis": "time", "p05": [100, 0, 0]}

    figure = fan.fan_figure(spread, "light", actual=course)

    assert values(traces(figure)["equity"]["y"]).tolist() == [100.0, 120.0]
    assert figure["layout"]["xaxis"]["type"] == "date"
    assert "type" not in figure["layout"]["yaxis"]
