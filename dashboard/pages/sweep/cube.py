"""The points of a sweep as positions on its axes: slices, cells, neighbours; no components, no I/O.

A sweep of a hundred thousand points is never sent to the browser: what is drawn is picked, binned
and sampled here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from config.sweep import SMALLER_IS_BETTER
from dashboard.sweep_axis import is_number

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
Value = float | int | str | bool

MAX_CELLS = 250
"""Cells a side of a heat map; beyond it neighbouring values share one."""
MAX_GRID = 4_000_000
"""Places of a grid whose neighbours are looked at; a random sample of more has none beside it."""
HALVES = ("train_sharpe", "test_sharpe")
"""Columns of a finished sweep: the Sharpe in the first half of the data, and in the second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cube:
    """All points of a sweep.

    `axes` has the values of each axis in order; `positions` where each point is on each axis, shape
    (n_points,); `metrics` the numbers, shape (n_points,), NaN for a point that is not computed yet
    or has no such number; `halves` the Sharpe ratio in the first and the second half of the data,
    None while there is none.
    """

    axes: Mapping[str, tuple[Value, ...]]
    positions: Mapping[str, IntArray]
    metrics: Mapping[str, FloatArray]
    halves: tuple[FloatArray, FloatArray] | None = None

    @property
    def n_points(self) -> int:
        """Return the number of points, computed or not."""
        return next(iter(self.positions.values())).size

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the number of values of each axis."""
        return tuple(len(values) for values in self.axes.values())

    def is_ordered(self, name: str) -> bool:
        """Return whether the values of an axis are numbers, so that they have neighbours."""
        return all(is_number(value) for value in self.axes[name])

    def params(self, index: int) -> dict[str, Value]:
        """Return the parameters of one point."""
        return {name: self.axes[name][self.positions[name][index]] for name in self.axes}


class Cells(NamedTuple):
    """A heat map: `z` and `index` of shape (n_y, n_x), and how many values share a cell.

    `z` is the mean of the points of a cell, NaN where there is none; `best` is the best of them,
    -1 where there is none; `n_each` is the largest number of points in one cell.
    """

    z: FloatArray
    best: IntArray
    x_width: int
    y_width: int
    n_each: int


def ordered(axes: Mapping[str, Sequence[Value]]) -> dict[str, list[Value]]:
    """Return the axes, numbers from the smallest to the largest, choices as they are."""
    return {
        name: sorted(values) if all(is_number(value) for value in values) else list(values)
        for name, values in axes.items()
    }


def make_cube(
    axes: Mapping[str, Sequence[Value]],
    columns: Mapping[str, npt.ArrayLike],
    metrics: Sequence[str],
) -> Cube:
    """Return the cube of a sweep's columns.

    Parameters
    ----------
    axes : mapping
        The distinct values of each axis, as `ordered` gives them.
    columns : mapping
        A column for each axis and metric, of equal lengths; a missing number is None or NaN.
    metrics : sequence of str
        Which columns are numbers about a point; those that are not there are left out.
    """
    halves = None
    if "train_sharpe" in columns and "test_sharpe" in columns:
        train, test = (np.asarray(columns[n], dtype=np.float64) for n in HALVES)
        halves = (train, test)
    return Cube(
        axes={name: tuple(values) for name, values in axes.items()},
        positions={name: _positions(values, columns[name]) for name, values in axes.items()},
        metrics={
            name: np.asarray(columns[name], dtype=np.float64) for name in metrics if name in columns
        },
        halves=halves,
    )


def _positions(values: Sequence[Value], column: npt.ArrayLike) -> IntArray:
    given = np.asarray(column)
    if all(is_number(value) for value in values):
        known = np.asarray(values, dtype=np.float64)
        found = np.searchsorted(known, given.astype(np.float64))
        return np.minimum(found, known.size - 1).astype(np.int64)
    place = {str(value): i for i, value in enumerate(values)}
    return np.array([place[str(value)] for value in given.tolist()], dtype=np.int64)


def is_smaller_better(metric: str) -> bool:
    """Return whether a smaller number of this metric is the better one."""
    return metric in SMALLER_IS_BETTER


def ranked(cube: Cube, metric: str, chosen: BoolArray | None = None) -> IntArray:
    """Return the points from best to worst, those without the number left out."""
    values = cube.metrics[metric]
    shown = np.isfinite(values) if chosen is None else np.isfinite(values) & chosen
    index = np.flatnonzero(shown)
    keys = values[index] if is_smaller_better(metric) else -values[index]
    return index[np.argsort(keys, kind="stable")]


def on_slice(cube: Cube, fixed: Mapping[str, int | None]) -> BoolArray:
    """Return which points have the given position on each axis; None is any."""
    result = np.ones(cube.n_points, dtype=np.bool_)
    for name, position in fixed.items():
        if position is not None:
            result &= cube.positions[name] == position
    return result


def cells(cube: Cube, x: str, y: str, values: FloatArray, metric: str, chosen: BoolArray) -> Cells:
    """Return the heat map of `values` over two axes.

    Parameters
    ----------
    cube : Cube
    x, y : str
        Axes; equal when the sweep has one only, which makes a single row.
    values : ndarray of float64, shape (n_points,)
        What is drawn: a metric, or its worst neighbour.
    metric : str
        By which the best point of a cell is chosen.
    chosen : ndarray of bool, shape (n_points,)
        The points that are drawn.
    """
    n_x = len(cube.axes[x])
    n_y = len(cube.axes[y]) if y != x else 1
    x_width, y_width = math.ceil(n_x / MAX_CELLS), math.ceil(n_y / MAX_CELLS)
    columns, rows = math.ceil(n_x / x_width), math.ceil(n_y / y_width)
    index = np.flatnonzero(chosen & np.isfinite(values))
    cell = cube.positions[x][index] // x_width
    if y != x:
        cell = cell + columns * (cube.positions[y][index] // y_width)
    count = np.bincount(cell, minlength=rows * columns)
    total = np.bincount(cell, weights=values[index], minlength=rows * columns)
    z = np.full(rows * columns, np.nan)
    np.divide(total, count, out=z, where=count > 0)
    # The best is written last: from worst to best.
    best = np.full(rows * columns, -1, dtype=np.int64)
    keys = cube.metrics[metric][index]
    order = np.argsort(-keys if is_smaller_better(metric) else keys, kind="stable")
    best[cell[order]] = index[order]
    shape = (rows, columns)
    return Cells(z.reshape(shape), best.reshape(shape), x_width, y_width, int(count.max(initial=0)))


def has_neighbours(cube: Cube) -> bool:
    """Return whether the sweep is a grid, so that a point has others one step beside it."""
    return math.prod(cube.shape) <= MAX_GRID and any(
        len(cube.axes[name]) > 1 and cube.is_ordered(name) for name in cube.axes
    )


def worst_neighbours(cube: Cube, metric: str) -> FloatArray:
    """Return for each point the worst number among it and those one step further on one axis.

    Choices have no neighbours; points that are not computed or not allowed are left out. NaN for a
    point without a number.
    """
    values = cube.metrics[metric]
    worse = np.fmax if is_smaller_better(metric) else np.fmin
    grid = np.full(cube.shape, np.nan)
    place = tuple(cube.positions[name] for name in cube.axes)
    grid[place] = values
    worst = grid.copy()
    for i, name in enumerate(cube.axes):
        if grid.shape[i] < 2 or not cube.is_ordered(name):
            continue
        own, found = np.moveaxis(grid, i, 0), np.moveaxis(worst, i, 0)
        found[1:] = worse(found[1:], own[:-1])
        found[:-1] = worse(found[:-1], own[1:])
    result: FloatArray = worst[place]
    result[~np.isfinite(values)] = np.nan
    return result


def edges(cube: Cube, index: int) -> list[str]:
    """Return the axes on whose border a point is: better ones may lie beyond it."""
    return [
        name
        for name, values in cube.axes.items()
        if len(values) > 2
        and cube.is_ordered(name)
        and cube.positions[name][index] in (0, len(values) - 1)
    ]


def sample(index: IntArray, n_max: int) -> IntArray:
    """Return at most `n_max` of the points, evenly taken, in their order."""
    if index.size <= n_max:
        return index
    return index[np.linspace(0, index.size - 1, n_max).round().astype(np.int64)]


def pareto_front(returns: FloatArray, drawdowns: FloatArray, index: IntArray) -> IntArray:
    """Return the points that no other one beats in both: more return, less drawdown.

    Parameters
    ----------
    returns, drawdowns : ndarray of float64, shape (n_points,)
        Drawdowns are fractions ≤ 0: the larger, the better.
    index : ndarray of int64
        The points that compete; those without one of the numbers are left out.

    Returns
    -------
    ndarray of int64
        From the shallowest drawdown to the deepest, returns rising.
    """
    known = index[np.isfinite(returns[index]) & np.isfinite(drawdowns[index])]
    if not known.size:
        return known
    # The shallowest first; of equal ones the largest return first, and only that one stays.
    order = known[np.lexsort((-returns[known], -drawdowns[known]))]
    highest = np.maximum.accumulate(returns[order])
    is_new = np.ones(order.size, dtype=np.bool_)
    is_new[1:] = highest[1:] > highest[:-1]
    return order[is_new]


def profile(cube: Cube, axis: str, metric: str, chosen: BoolArray) -> dict[str, Any]:
    """Return how a metric is spread at each value of an axis: quartiles over the chosen points.

    Returns
    -------
    dict
        `low`, `middle`, `high`: ndarrays of shape (n_values,), NaN where there is no point.
    """
    values = cube.metrics[metric]
    index = np.flatnonzero(chosen & np.isfinite(values))
    n_values = len(cube.axes[axis])
    result = {name: np.full(n_values, np.nan) for name in ("low", "middle", "high")}
    position = cube.positions[axis][index]
    order = np.argsort(position, kind="stable")
    bounds = np.searchsorted(position[order], np.arange(n_values + 1))
    for i in range(n_values):
        own = values[index[order[bounds[i] : bounds[i + 1]]]]
        if own.size:
            low, middle, high = np.percentile(own, (25.0, 50.0, 75.0))
            result["low"][i], result["middle"][i], result["high"][i] = low, middle, high
    return result
