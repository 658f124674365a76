"""Plateaus, edges and the Pareto front: by hand, against naive twins, with combinations missing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.sweep import SweepConfig
from engine.significance.grid import best_point, edges, neighbourhood, pareto, plateau
from engine.sweeps.axes import resolve_points
from tests.engine import naive_grid as naive

NAN = np.nan


def points_of(axes, strategy="sma_cross", **options):
    run = {"symbols": ["A"], "strategy": {"name": strategy}}
    return resolve_points(SweepConfig.model_validate({"run": run, "axes": axes, **options}))


GRID = points_of({"fast": "1..3", "slow": "10..13"})
# fast down, slow across. The peak of 9 stands alone, the 5s stand together.
VALUES = np.array([[9.0, 1.0, 4.0, 4.0], [1.0, 4.0, 5.0, 5.0], [1.0, 4.0, 5.0, 4.0]]).ravel()


def test_a_neighbourhood_by_hand():
    found = neighbourhood(GRID, VALUES)

    median = found.median.reshape(3, 4)
    # The peak 9 with its two neighbours 1 and 1; the 5 at (1, 2) with 4, 5, 4 and 5.
    assert (median[0, 0], median[1, 2]) == (1.0, 5.0)
    # (0, 1): 1 with 9, 4 and 4: the middle of 1, 4, 4, 9. (2, 3): 4 with 5 and 5.
    assert (median[0, 1], median[2, 3]) == (4.0, 5.0)
    assert found.minimum.reshape(3, 4)[1].tolist() == [1.0, 1.0, 4.0, 4.0]
    assert found.count.reshape(3, 4).tolist() == [[2, 3, 3, 2], [3, 4, 4, 3], [2, 3, 3, 2]]
    assert found.possible == 4


def test_a_plateau_is_suggested_rather_than_the_peak():
    found = plateau(GRID, VALUES)

    assert found["best"] == {
        "index": 0, "params": {"fast": 1, "slow": 10},
        "value": 9.0, "score": 1.0, "worst": 1.0, "n_neighbours": 2,
    }  # fmt: skip
    # The 5 at (1, 2) has two 4s and two 5s around it: the median is 5. Its own neighbours of 5 at
    # (1, 3) and (2, 2) come to the middle of 4, 4, 5 and 5.
    assert found["suggestion"]["params"] == {"fast": 2, "slow": 12}
    assert (found["suggestion"]["score"], found["suggestion"]["n_neighbours"]) == (5.0, 4)
    assert (found["possible_neighbours"], found["reason"]) == (4, None)


def test_equal_scores_are_told_apart_by_the_worst_neighbour():
    # Medians of three: 5 at the second (0 beside it), third, fifth (3) and sixth (4) place.
    points = points_of({"fast": "1..7"})

    found = plateau(points, np.array([0.0, 5.0, 5.0, 3.0, 5.0, 5.0, 4.0]))

    assert found["suggestion"]["params"] == {"fast": 6}
    assert (found["suggestion"]["score"], found["suggestion"]["worst"]) == (5.0, 4.0)


def test_where_smaller_is_better_the_worst_is_the_largest():
    found = plateau(GRID, -VALUES, smaller_is_better=True)

    assert found["best"]["params"] == {"fast": 1, "slow": 10}
    assert (found["best"]["value"], found["best"]["worst"]) == (-9.0, -1.0)
    assert found["suggestion"]["params"] == {"fast": 2, "slow": 12}


def test_combinations_that_constraints_leave_out_are_no_neighbours():
    # Of 16 combinations ten have fast < slow. The last, (4, 5), has (3, 5) before it; (4, 4) is
    # left out and (5, 5) outside.
    points = points_of({"fast": "1..4", "slow": "2..5"}, constraints=["fast < slow"])
    values = np.arange(float(points.n_points))

    found = neighbourhood(points, values)

    assert points.n_points == 10
    assert points.params(9) == {"fast": 4, "slow": 5}
    assert (found.count[9], found.median[9], found.possible) == (1, 8.5, 4)
    assert plateau(points, values)["suggestion"]["index"] == 8


def test_an_unknown_value_is_no_neighbour_and_no_candidate():
    values = VALUES.copy()
    values[6] = NAN

    found = neighbourhood(GRID, values)

    assert np.isnan(found.median[6])
    assert found.count.reshape(3, 4)[1].tolist() == [3, 3, 4, 2]
    assert plateau(GRID, values)["suggestion"]["index"] != 6


def test_random_draws_have_no_plateaus():
    points = points_of({"fast": "1..200", "slow": "2..201"}, random=40, seed=3)

    found = plateau(points, np.arange(40.0))

    assert found["best"]["index"] == 39
    assert found["suggestion"] is None
    assert "as after random draws" in found["reason"]


def test_without_an_objective_or_an_axis_nothing_is_suggested():
    assert plateau(GRID, np.full(12, NAN))["best"] is None
    one = points_of({"fast": "5", "slow": "10"})
    assert "there are no neighbours" in plateau(one, np.array([1.0]))["reason"]


def test_an_axis_of_texts_has_no_order():
    points = points_of({"fast": "5..6", "direction": ["long_only", "short_only"]})
    # fast 5: long 1, short 2; fast 6: long 3, short 4: neighbours along fast only.
    found = neighbourhood(points, np.array([1.0, 2.0, 3.0, 4.0]))

    assert found.median.tolist() == [2.0, 3.0, 2.0, 3.0]
    assert found.possible == 2
    assert [edge["axis"] for edge in edges(points, 0)] == ["fast"]


def test_an_axis_given_in_any_order_has_the_neighbours_of_its_values():
    mixed = points_of({"fast": [3, 1, 2]})

    # Values by fast: 3 → 30, 1 → 10, 2 → 20.
    found = neighbourhood(mixed, np.array([30.0, 10.0, 20.0]))

    assert found.median.tolist() == [25.0, 15.0, 20.0]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10_000),
    st.integers(1, 4),
    st.integers(1, 4),
    st.booleans(),
    st.sampled_from([None, 5]),
)
def test_scores_equal_their_naive_twin(seed, n_fast, n_slow, has_text, random):
    axes = {"fast": [3, 1, 2, 5][:n_fast], "slow": [7, 8, 10, 30][:n_slow]}
    if has_text:
        axes["direction"] = ["long_only", "short_only"]
    points = points_of(axes, random=random, seed=seed)
    values = np.random.default_rng(seed).integers(0, 5, points.n_points).astype(float)
    values[values == 0.0] = NAN

    found = neighbourhood(points, values)

    combinations = [points.params(i) for i in range(points.n_points)]
    plain = [None if np.isnan(value) else value for value in values]
    for i, (median, least, count) in enumerate(naive.scores(combinations, axes, plain)):
        assert found.count[i] == count
        assert found.median[i] == median if median is not None else np.isnan(found.median[i])
        assert found.minimum[i] == least if least is not None else np.isnan(found.minimum[i])


def test_values_are_left_alone():
    before = VALUES.copy()

    plateau(GRID, VALUES)

    np.testing.assert_array_equal(VALUES, before)


@pytest.mark.parametrize(
    ("i", "bounds", "expected"),
    [
        (0, {}, [("fast", "low"), ("slow", "low")]),
        (0, {"fast": (1, 200)}, [("slow", "low")]),
        (0, {"fast": (None, 3), "slow": (10.0, None)}, [("fast", "low")]),
        (11, {}, [("fast", "high"), ("slow", "high")]),
        (11, {"fast": (1, 3)}, [("slow", "high")]),
        (5, {}, []),
    ],
)
def test_edges_are_said_where_there_is_room_beyond(i, bounds, expected):
    assert [(edge["axis"], edge["side"]) for edge in edges(GRID, i, bounds)] == expected


def test_an_edge_says_where_to_look():
    (edge,) = edges(GRID, 1)

    assert edge == {
        "axis": "fast", "value": 1, "side": "low",
        "detail": "fast 1 is the end of its axis: try values below it.",
    }  # fmt: skip


def test_an_axis_of_one_value_has_no_edge():
    assert edges(points_of({"fast": "5", "slow": "10..12"}), 1) == []


def test_the_best_point_is_the_first_of_equal_ones():
    values = np.array([1.0, 3.0, NAN, 3.0])

    assert best_point(values) == 1
    assert best_point(values, smaller_is_better=True) == 0
    assert best_point(np.array([NAN])) is None
    assert best_point(np.zeros(0)) is None


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 5), st.integers(-6, 0)), max_size=12))
def test_the_front_equals_its_naive_twin(pairs):
    returns = np.array([pair[0] for pair in pairs], dtype=float)
    drawdown = np.array([pair[1] for pair in pairs], dtype=float)

    assert pareto(returns, drawdown).tolist() == naive.front(pairs)


def test_what_is_not_known_is_not_on_the_front():
    assert pareto(np.array([NAN, 0.1, 0.5]), np.array([-0.1, -0.2, NAN])).tolist() == [1]
