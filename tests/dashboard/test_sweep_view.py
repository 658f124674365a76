"""What a sweep's page says: the view and its address, findings, rows, lines, cells."""

import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard import urlstate
from dashboard.pages.sweep import cards, findings, maps, routes, table, view
from dashboard.pages.sweep import cube as cubes
from dashboard.pages.sweep.callbacks import index_of, run_config
from dashboard.urlstate import SWEEP_METRICS
from tests.dashboard import sweep_documents as docs

THIN = "\u202f"


@pytest.fixture
def document():
    return docs.sweep()


@pytest.fixture
def cube():
    return cubes.make_cube(docs.AXES, docs.columns(docs.AXES), SWEEP_METRICS)


def place(cube, **params):
    """Return the number of the point with these parameters."""
    for i in range(cube.n_points):
        if cube.params(i) == params:
            return i
    raise AssertionError(params)


def with_plateau(document, cube, **params):
    index = place(cube, **params)
    suggestion = {"index": index, "params": params, "value": 0.95, "worst": 0.85}
    return {**document, "plateau": {"suggestion": suggestion, "reason": None}}


def test_the_two_longest_axes_are_drawn_and_the_first_goes_up(document):
    state = view.state_of("", document)

    assert (state["x"], state["y"], state["metric"]) == ("slow", "fast", "sharpe")
    # Without a plateau the third axis stands where the best point is: k 0, its first value.
    assert state["at"] == {"k": 1}
    assert view.query_of(state, document) == ""


def test_axes_of_a_random_sample_are_taken_together(document):
    document["config"]["random"] = 500

    assert view.state_of("", document)["at"] == {"k": 0}


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "x": st.sampled_from(["fast", "slow", "k"]),
            "y": st.sampled_from(["fast", "slow", "k"]),
            "metric": st.sampled_from(SWEEP_METRICS),
            "at": st.dictionaries(st.sampled_from(["fast", "slow", "k"]), st.integers(0, 4)),
            "view": st.sampled_from(["value", "worst"]),
            "kind": st.sampled_from(["map", "slices"]),
            "brush": st.dictionaries(
                st.sampled_from(["fast", "sharpe"]),
                st.tuples(st.floats(-5, 5), st.none() | st.floats(6, 9)),
            ),
            "from": st.just("kGcsUbthq5Rk"),
        },
    )
)
def test_a_view_survives_its_address(wanted):
    document = docs.sweep()
    state = view.settled({**urlstate.SWEEP.parse(""), **wanted}, document)

    assert view.state_of(view.query_of(state, document), document) == state


@given(st.text(max_size=120))
def test_any_query_is_some_view(search):
    document = docs.sweep()
    state = view.state_of(search, document)

    assert state["x"] != state["y"]
    assert view.state_of(view.query_of(state, document), document) == state


def test_the_map_shows_the_slice_and_its_marks(document, cube):
    document = with_plateau(document, cube, fast=10, slow=65, k=1)
    state = view.state_of("", document)
    assert state["at"] == {"k": 2}

    shown = view.map_of(cube, state)

    # fast 10 is the fourth value (from 0: 3), slow 60 the seventh; k 1 costs 0.1.
    assert shown.cells.z[3, 6] == pytest.approx(0.9)
    assert view.place_on(cube, state, {"fast": 10, "slow": 65, "k": 1}) == (7.0, 3.0)
    assert view.place_on(cube, state, {"fast": 10, "slow": 60, "k": 0}) is None
    assert view.place_on(cube, state, {"fast": 11, "slow": 60, "k": 1}) is None


def test_the_region_is_as_safe_as_the_plateau(document, cube):
    state = {**view.state_of("", document), "view": "worst"}
    shown = view.map_of(cube, state)

    # Two steps of fast below the top: 0.9; its worst neighbour, one step further, 0.8.
    assert shown.cells.z[2, 6] == pytest.approx(0.8)
    area = view.region(shown, 0.85)
    # 6 % below 0.85 is 0.799.
    assert area[2, 6]
    assert not area[1, 6]
    assert view.region(shown, None) is None


def test_brushes_of_axes_are_places_and_of_metrics_numbers(document, cube):
    state = view.state_of("?brush=fast:0:1,sharpe:0.5:", document)

    chosen = view.brushed(cube, state)

    rows = [cube.params(i) for i in np.flatnonzero(chosen)]
    assert {row["fast"] for row in rows} == {4, 6}
    assert cube.metrics["sharpe"][chosen].min() >= 0.5
    assert view.brush_words(state, document) == "fast 4 to 6, Sharpe at least 0.50"
    assert cards.brush_count(cube, state) == f"{chosen.sum()} of 2,620"
    assert cards.lines_hint(document, state).startswith("brushed: fast 4 to 6")


def test_the_table_has_the_suggested_point_first_and_names_the_border(document, cube):
    document = with_plateau(document, cube, fast=12, slow=65, k=1)
    state = view.state_of("", document)
    worst = cubes.worst_neighbours(cube, "sharpe")

    rows = table.table_rows(document, cube, state, worst)

    assert rows[0]["is_suggested"]
    assert (rows[0]["p_fast"], rows[0]["p_slow"], rows[0]["p_k"]) == (12, 65, 1)
    # The best has k 0, the border of that axis.
    assert (rows[1]["p_fast"], rows[1]["p_slow"], rows[1]["near"]) == (10, 60, "edge")
    assert len({row["id"] for row in rows}) == len(rows)
    values = [row["sharpe"] for row in rows[1:]]
    assert values == sorted(values, reverse=True)
    heads = [column["headerName"] for column in table.top_columns(document, cube, True)]
    assert heads == ["fast", "slow", "k", "Sharpe", "Worst near", "CAGR", "Max DD", "Trades"]


def test_a_brush_that_leaves_the_suggestion_out_takes_it_from_the_table(document, cube):
    document = with_plateau(document, cube, fast=12, slow=65, k=1)
    state = view.state_of("?brush=fast:0:2", document)

    rows = table.table_rows(document, cube, state, None)

    assert not any(row["is_suggested"] for row in rows)
    assert {row["p_fast"] for row in rows} <= {4, 6, 8}


def test_lines_are_at_most_two_thousand_and_the_best_are_among_them(document, cube):
    found = view.lines(cube, document)

    n_lines = len(found["columns"][0])
    assert n_lines <= view.MAX_LINES
    names = [dimension["name"] for dimension in found["dimensions"]]
    assert names == ["fast", "slow", "k", "trades", "cagr", "max_drawdown", "calmar", "sharpe"]
    objective = found["columns"][found["objective"]]
    # Drawn last, over the others.
    assert objective[-1] == pytest.approx(1.0)
    assert objective == sorted(objective)
    assert found["dimensions"][0]["ends"] == ["4", "40"]
    assert found["n_points"] == cube.n_points


def test_the_edge_is_doubted_and_the_grid_can_be_extended_there(document, cube):
    document["edges"] = [{"axis": "k", "value": 0, "side": "low", "detail": "…"}]

    found = findings.findings(document, cube)

    assert [(item.kind, item.level) for item in found] == [("edge", "doubt"), ("overfit", "doubt")]
    assert "fast 10, slow 60, k 0: k is on the grid's border" in found[0].detail
    # Half of its three steps more, but never below zero.
    assert findings.extended(document) == {
        "fast": "4..40:2",
        "slow": "30..200:5",
        "k": "-2..3:1",
    }


def test_an_axis_of_lengths_is_not_extended_below_its_first_step(document):
    document["edges"] = [{"axis": "fast", "value": 4, "side": "low", "detail": "…"}]

    # Half of 18 steps of 2 would begin at -14; 2 is the first that is a length.
    assert findings.extended(document)["fast"] == "2..40:2"


def test_a_plateau_is_suggested_with_its_worst_neighbour(document, cube):
    document = with_plateau(document, cube, fast=10, slow=65, k=1)

    found = {item.kind: item for item in findings.findings(document, cube)}

    assert found["edge"].level == "pass"
    assert found["plateau"].detail == "fast 10, slow 65, k 1: Sharpe 0.95, no neighbour below 0.85."


def test_without_a_plateau_the_reason_is_said(document, cube):
    document["plateau"] = {"suggestion": None, "reason": "No axis has two ordered values."}

    found = findings.findings(document, cube)

    assert found[1].title == "No plateau"
    assert found[1].detail == "No axis has two ordered values."


@pytest.mark.parametrize(
    ("pbo", "dsr", "level", "title"),
    [
        (0.51, 0.9, "doubt", "Picking the best does not carry over"),
        (0.45, 0.99, "doubt", "Picking the best is a coin toss"),
        (0.29, 0.99, "doubt", "Picking the best is partly luck"),
        (0.05, 0.99, "pass", "The best stays among the best"),
        (0.05, 0.5, "doubt", "One of many trials"),
    ],
)
def test_overfitting_in_words(document, cube, pbo, dsr, level, title):
    found = findings.findings({**document, "pbo": pbo, "dsr": dsr}, cube)[-1]

    assert (found.level, found.title) == (level, title)


def test_a_click_is_a_point_by_cell_by_name_or_by_number(document, cube):
    state = view.state_of("", document)
    best = document["best"]["index"]

    assert index_of(document, cube, {"x": 6, "y": 3}, state) == best
    assert index_of(document, cube, {"name": "best"}, state) == best
    assert index_of(document, cube, {"name": "plateau"}, state) is None
    assert index_of(document, cube, {"index": 17}, state) == 17
    # fast 40 with slow 30 is not allowed; beyond the map there is nothing.
    assert index_of(document, cube, {"x": 0, "y": 18}, state) is None
    assert index_of(document, cube, {"x": 999, "y": 0}, state) is None
    assert index_of(document, cube, {"index": 10**6}, state) is None


def test_the_run_of_a_point_is_the_swept_run_with_its_parameters(document, cube):
    config = run_config(document, cube.params(place(cube, fast=4, slow=30, k=2)))

    assert config["strategy"]["params"] == {
        "fast": 4,
        "slow": 30,
        "k": 2,
        "direction": "long_only",
    }
    assert config["symbols"] == ["AAPL", "MSFT"]


def test_the_cell_under_the_pointer_tells_all_it_knows(document, cube):
    state = view.state_of("", document)

    words = routes.cell_words(cube, state, {"x": "6", "y": "3"})

    assert words.startswith("fast 10, slow 60, k 0: Sharpe 1.00 · ")
    assert f"Max drawdown −25.0{THIN}%" in words
    assert routes.cell_words(cube, state, {"x": "0", "y": "18"}) == ""
    assert routes.cell_words(cube, state, {"x": "-1", "y": "x"}) == ""
    assert routes.cell_words(cube, state, {"x": "5000", "y": "0"}) == ""
    everything = {**state, "at": {"k": 0}}
    # The mean over k: 1.0, 0.9, 0.8, 0.7.
    assert routes.cell_words(cube, everything, {"x": "6", "y": "3"}).startswith("mean 0.85; best")
    assert "set to all" in maps.map_note(document, cube, everything)


def test_points_are_exported_with_full_precision():
    axes = {"fast": [1, 2], "slow": [3, 4]}
    cube = cubes.make_cube(axes, docs.columns(axes, n_done=3), SWEEP_METRICS)

    rows = list(csv.DictReader(io.StringIO(routes.points_csv(cube))))

    assert len(rows) == 3
    assert float(rows[1]["sharpe"]) == docs.hill(1, 4)
    assert (rows[2]["fast"], rows[2]["slow"]) == ("2", "3")


def test_the_count_says_how_far_it_came(document):
    assert view.count_words(document) == "2,620 runs in 1.7 s"
    # Two workers had it: 1.7 s is the second one's part alone.
    shared = {**document, "timing": {"elapsed_s": 1.7, "takings": 2}}
    assert view.count_words(shared) == "2,620 runs"
    assert view.count_words(docs.sweep("cancelled", n_done=800)) == "800 of 2,620 runs"
