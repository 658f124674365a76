"""The points of a sweep: cells, neighbours, fronts; each against a naive twin or by hand."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.pages.sweep import cube as cubes


def made(axes, **metrics):
    """Return a cube of all combinations, each metric a function of a point's parameters."""
    rows = [dict(zip(axes, row, strict=True)) for row in itertools.product(*axes.values())]
    columns = {name: [row[name] for row in rows] for name in axes}
    for name, call in metrics.items():
        columns[name] = [call(row) for row in rows]
    return cubes.make_cube(axes, columns, list(metrics)), rows


def test_points_know_their_place_on_numbers_and_on_choices():
    axes = {"fast": [2, 5, 9], "direction": ["long_only", "short_only"]}
    columns = {
        "fast": [9, 2, 5],
        "direction": ["short_only", "long_only", "short_only"],
        "sharpe": [1.0, None, 3.0],
    }

    cube = cubes.make_cube(axes, columns, ["sharpe", "trades"])

    assert cube.positions["fast"].tolist() == [2, 0, 1]
    assert cube.positions["direction"].tolist() == [1, 0, 1]
    assert cube.params(0) == {"fast": 9, "direction": "short_only"}
    assert np.isnan(cube.metrics["sharpe"][1])
    assert list(cube.metrics) == ["sharpe"]
    assert cube.halves is None


def test_numbers_are_put_in_order_and_choices_stay():
    assert cubes.ordered({"k": [3, 1, 2], "direction": ["short", "long"]}) == {
        "k": [1, 2, 3],
        "direction": ["short", "long"],
    }


def test_a_cell_is_its_point_and_without_one_it_is_empty():
    axes = {"fast": [1, 2, 3], "slow": [2, 3]}
    rows = [(f, s) for f, s in itertools.product(*axes.values()) if f < s]
    columns = {
        "fast": [f for f, _ in rows],
        "slow": [s for _, s in rows],
        "sharpe": [f * 10.0 + s for f, s in rows],
    }
    cube = cubes.make_cube(axes, columns, ["sharpe"])
    everything = np.ones(cube.n_points, dtype=bool)

    cells = cubes.cells(cube, "slow", "fast", cube.metrics["sharpe"], "sharpe", everything)

    # Rows are fast 1, 2, 3; columns slow 2, 3; fast < slow leaves (1,2), (1,3), (2,3).
    np.testing.assert_array_equal(cells.z, [[12.0, 13.0], [np.nan, 23.0], [np.nan, np.nan]])
    assert cells.best.tolist() == [[0, 1], [-1, 2], [-1, -1]]
    assert cells.n_each == 1


def test_an_axis_that_is_left_open_is_averaged_and_the_best_is_kept():
    axes = {"fast": [1, 2], "k": [0, 1, 2]}
    cube, rows = made(axes, sharpe=lambda row: row["fast"] + row["k"] ** 2)
    everything = np.ones(cube.n_points, dtype=bool)

    cells = cubes.cells(cube, "fast", "fast", cube.metrics["sharpe"], "sharpe", everything)

    # 0, 1 and 4 have the mean 5/3; the best has k 2.
    np.testing.assert_allclose(cells.z, [[1 + 5 / 3, 2 + 5 / 3]])
    assert [rows[i] for i in cells.best[0]] == [{"fast": 1, "k": 2}, {"fast": 2, "k": 2}]
    assert cells.n_each == 3


def test_of_volatility_the_smallest_is_the_best_of_a_cell():
    cube, rows = made({"fast": [1], "k": [0, 1]}, volatility=lambda row: 0.1 + row["k"])
    everything = np.ones(2, dtype=bool)

    cells = cubes.cells(cube, "fast", "fast", cube.metrics["volatility"], "volatility", everything)

    assert rows[cells.best[0, 0]]["k"] == 0
    assert cubes.ranked(cube, "volatility").tolist() == [0, 1]


def test_a_large_grid_is_drawn_in_at_most_250_cells_a_side():
    axes = {"fast": list(range(1, 601)), "slow": list(range(1, 31))}
    cube, _ = made(axes, sharpe=lambda row: float(row["fast"]))
    everything = np.ones(cube.n_points, dtype=bool)

    cells = cubes.cells(cube, "fast", "slow", cube.metrics["sharpe"], "sharpe", everything)

    # 600 values in cells of three: 200 of them; the first is the mean of 1, 2, 3.
    assert cells.z.shape == (30, 200)
    assert (cells.x_width, cells.y_width, cells.n_each) == (3, 1, 3)
    assert cells.z[0, 0] == 2.0
    assert cells.z[-1, -1] == 599.0


@given(st.lists(st.sampled_from([math.nan, -1.0, 0.0, 0.5, 2.0]), min_size=24, max_size=24))
def test_the_worst_neighbour_agrees_with_looking_at_each(values):
    axes = {"a": [1, 2, 3], "side": ["x", "y"], "b": [10, 20, 30, 40]}
    rows = list(itertools.product(*axes.values()))
    columns = {name: [row[i] for row in rows] for i, name in enumerate(axes)}
    cube = cubes.make_cube(axes, {**columns, "sharpe": values}, ["sharpe"])

    found = cubes.worst_neighbours(cube, "sharpe")

    for i, row in enumerate(rows):
        near = [values[i]]
        for j, other in enumerate(rows):
            steps = [
                abs(axes[n].index(row[k]) - axes[n].index(other[k])) for k, n in enumerate(axes)
            ]
            if sum(steps) == 1 and steps[1] == 0:
                near.append(values[j])
        known = [v for v in near if not math.isnan(v)]
        if math.isnan(values[i]):
            assert math.isnan(found[i])
        else:
            assert found[i] == min(known)


def test_a_random_sample_of_a_huge_grid_has_no_neighbours():
    axes = {name: list(range(100)) for name in "abcd"}
    columns = {name: [0, 50, 99] for name in axes}
    cube = cubes.make_cube(axes, {**columns, "sharpe": [1.0, 2.0, 3.0]}, ["sharpe"])

    assert not cubes.has_neighbours(cube)


def test_choices_have_no_border_and_numbers_do():
    cube, rows = made(
        {"fast": [2, 3, 4], "direction": ["long", "short", "both"]}, sharpe=lambda row: 1.0
    )
    at = {(row["fast"], row["direction"]): i for i, row in enumerate(rows)}

    assert cubes.edges(cube, at[(2, "long")]) == ["fast"]
    assert cubes.edges(cube, at[(3, "both")]) == []


pairs = st.lists(
    st.tuples(
        st.sampled_from([math.nan, -0.1, 0.0, 0.1, 0.2, 0.3]),
        st.sampled_from([math.nan, -0.5, -0.4, -0.2, -0.1]),
    ),
    max_size=12,
)


@given(pairs)
def test_nothing_beats_the_front_and_all_else_is_beaten(points):
    returns = np.array([p[0] for p in points], dtype=np.float64)
    falls = np.array([p[1] for p in points], dtype=np.float64)
    known = [i for i, p in enumerate(points) if not any(math.isnan(v) for v in p)]

    front = cubes.pareto_front(returns, falls, np.arange(len(points))).tolist()

    def beats(i, j):
        better = points[i][0] >= points[j][0] and points[i][1] >= points[j][1]
        return better and points[i] != points[j]

    on_front = {points[j] for j in known if not any(beats(i, j) for i in known)}
    assert {points[i] for i in front} == on_front
    assert len(front) == len(on_front)
    assert [points[i][0] for i in front] == sorted(points[i][0] for i in front)


def test_the_spread_along_an_axis_is_its_quartiles():
    cube, _ = made(
        {"fast": [1, 2], "k": [0, 1, 2, 3, 4]}, sharpe=lambda row: row["fast"] * 10.0 + row["k"]
    )
    everything = np.ones(cube.n_points, dtype=bool)

    found = cubes.profile(cube, "fast", "sharpe", everything)

    # Of 10, 11, 12, 13, 14 the quartiles are 11, 12 and 13.
    assert found["low"].tolist() == [11.0, 21.0]
    assert found["middle"].tolist() == [12.0, 22.0]
    assert found["high"].tolist() == [13.0, 23.0]


@pytest.mark.parametrize("n_max", [1, 7, 10, 20])
def test_a_sample_is_even_and_keeps_the_order(n_max):
    found = cubes.sample(np.arange(10), n_max).tolist()

    assert len(found) == min(n_max, 10)
    assert found == sorted(set(found))
