"""Where on a sweep's grid to settle: plateaus rather than peaks, edges, and the Pareto front.

Neighbours of a combination are those one value further along one axis. Combinations that the
constraints leave out, and those that a random sweep did not draw, are simply not there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.sweeps.axes import Points
from engine.types import FloatArray, IntArray

MIN_SHARE_KNOWN = 0.5
"""Of the neighbours that a combination could have, so many must be there to call it a plateau."""

Bounds = Mapping[str, tuple[float | None, float | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbourhood:
    """Each combination together with its neighbours.

    median, minimum : ndarray of float64, shape (n_points,)
        Of the objective over both; the minimum is the worst of them. NaN where the combination
        itself has no number.
    count : ndarray of int64, shape (n_points,)
        Neighbours that have a number.
    possible : int
        Neighbours inside the grid: two an axis of ordered values.
    """

    median: FloatArray
    minimum: FloatArray
    count: IntArray
    possible: int


def neighbourhood(
    points: Points, values: FloatArray, *, smaller_is_better: bool = False
) -> Neighbourhood:
    """Return what every combination and its neighbours come to.

    Parameters
    ----------
    points : Points
    values : ndarray of float64, shape (n_points,)
        The objective, NaN where it is not defined.
    smaller_is_better : bool
        Then the worst, `minimum`, is the largest value.

    Notes
    -----
    Axes of texts have no order and no neighbours. Cost: a search for each of two neighbours an
    axis, O(n log n).
    """
    is_known = np.isfinite(values)
    values = np.where(is_known, values, np.nan)
    ordered = [name for name in points.names if _is_ordered(points.axes[name])]
    around = [_moved(points, values, name, step) for name in ordered for step in (-1, 1)]
    table = np.sort(np.array([values, *around]), axis=0)
    # NaN is sorted to the end, so the middle of what is known is at half of its count.
    n_known = np.count_nonzero(~np.isnan(table), axis=0)
    row, last = np.arange(values.size), np.maximum(n_known - 1, 0)
    median = (table[last // 2, row] + table[n_known // 2, row]) / 2.0
    worst = table[last, row] if smaller_is_better else table[0]
    return Neighbourhood(
        median=np.where(is_known, median, np.nan),
        minimum=np.where(is_known, worst, np.nan),
        count=np.where(is_known, n_known - 1, n_known),
        possible=2 * sum(points.axes[name].size > 1 for name in ordered),
    )


def _is_ordered(axis: npt.NDArray[Any]) -> bool:
    return axis.dtype.kind in "if"


def _moved(points: Points, values: FloatArray, name: str, step: int) -> FloatArray:
    """Return the value of each combination's neighbour along an axis, NaN where there is none."""
    i_axis, axis = points.names.index(name), points.axes[name]
    stride = math.prod(points.shape[i_axis + 1 :])
    # An axis may be given in any order: the next value is the next larger one.
    order = np.argsort(axis, kind="stable")
    rank = np.argsort(order)
    place = (points.index // stride) % axis.size
    moved = rank[place] + step
    is_inside = (moved >= 0) & (moved < axis.size)
    wanted = points.index + (order[moved * is_inside] - place) * stride
    found = np.minimum(np.searchsorted(points.index, wanted), points.index.size - 1)
    return np.where(is_inside & (points.index[found] == wanted), values[found], np.nan)


def best_point(values: FloatArray, *, smaller_is_better: bool = False) -> int | None:
    """Return the position of the best value, the first of equal ones; None without any.

    Examples
    --------
    >>> best_point(np.array([np.nan, 1.0, 2.0, 2.0]))
    2
    """
    known = np.isfinite(values)
    if not known.any():
        return None
    worst = np.inf if smaller_is_better else -np.inf
    filled = np.where(known, values, worst)
    return int(np.argmin(filled) if smaller_is_better else np.argmax(filled))


def plateau(
    points: Points, values: FloatArray, *, smaller_is_better: bool = False
) -> dict[str, Any]:
    """Return the best combination, and the one in the middle of the best neighbourhood.

    Parameters
    ----------
    points, values, smaller_is_better
        As for `neighbourhood`.

    Returns
    -------
    dict
        best and suggestion, each None or {index (position among the points), params, value, score
        (median of it and its neighbours), worst, n_neighbours}; possible_neighbours; reason: why
        nothing is suggested, or None. Equal scores are told apart by the worst neighbour, then by
        the combination's own value, then the first in product order.

    Notes
    -----
    A peak that its neighbours do not share is most likely noise: what is best among many is best
    partly by luck, and the next bars move it. The median of a neighbourhood is what remains when
    the parameter is off by one step. At least half of the neighbours must be known.

    References
    ----------
    .. [1] Pardo (2008), The Evaluation and Optimization of Trading Strategies, 2nd ed., on
       evaluating the optimization: profit spikes and robust regions.
    """
    around = neighbourhood(points, values, smaller_is_better=smaller_is_better)
    best = best_point(values, smaller_is_better=smaller_is_better)
    found: dict[str, Any] = {
        "best": None if best is None else _told(points, values, around, best),
        "suggestion": None,
        "possible_neighbours": around.possible,
        "reason": None,
    }
    if best is None:
        return found | {"reason": "No combination has the objective."}
    if around.possible == 0:
        return found | {"reason": "No axis has two ordered values: there are no neighbours."}
    is_known = np.isfinite(values) & (around.count >= MIN_SHARE_KNOWN * around.possible)
    if not is_known.any():
        return found | {
            "reason": "No combination has half of its neighbours, as after random draws: plateaus "
            "cannot be told from peaks."
        }
    sign = -1.0 if smaller_is_better else 1.0
    candidates = np.flatnonzero(is_known)
    order = np.lexsort(
        (
            candidates,
            -sign * values[candidates],
            -sign * around.minimum[candidates],
            -sign * around.median[candidates],
        )
    )
    return found | {"suggestion": _told(points, values, around, int(candidates[order[0]]))}


def _told(points: Points, values: FloatArray, around: Neighbourhood, i: int) -> dict[str, Any]:
    return {
        "index": i,
        "params": points.params(i),
        "value": float(values[i]),
        "score": float(around.median[i]),
        "worst": float(around.minimum[i]),
        "n_neighbours": int(around.count[i]),
    }


def edges(points: Points, i: int, bounds: Bounds | None = None) -> list[dict[str, Any]]:
    """Return the axes at whose end a combination lies although values beyond it are possible.

    Parameters
    ----------
    points : Points
    i : int
        Position of the combination among the points, for example of the best one.
    bounds : mapping of name to (smallest, largest), optional
        What the strategy allows of a parameter, None where nothing is said: at such an end there
        is no room.

    Returns
    -------
    list of dict
        axis, value, side ("low" or "high"), detail. Axes of one value or of texts have no edge.
    """
    found = []
    for name in points.names:
        axis = points.axes[name]
        if axis.size < 2 or not _is_ordered(axis):
            continue
        value = points.columns[name][i]
        smallest, largest = (bounds or {}).get(name, (None, None))
        ends = (("low", axis.min(), smallest, "below"), ("high", axis.max(), largest, "above"))
        for side, end, allowed, word in ends:
            has_room = allowed is None or (end > allowed if side == "low" else end < allowed)
            if value == end and has_room:
                detail = f"{name} {value:g} is the end of its axis: try values {word} it."
                found.append({"axis": name, "value": value.item(), "side": side, "detail": detail})
    return found


def pareto(returns: FloatArray, drawdown: FloatArray) -> IntArray:
    """Return the combinations that none beats in return without a deeper drawdown.

    Parameters
    ----------
    returns, drawdown : ndarray of float64, shape (n_points,)
        Larger is better of both: a drawdown is a fraction ≤ 0. NaN is never on the front.

    Returns
    -------
    ndarray of int64
        Positions from the highest return to the mildest drawdown; of equal pairs the first.

    Examples
    --------
    >>> pareto(np.array([0.1, 0.3, 0.2, 0.25]), np.array([-0.1, -0.4, -0.3, -0.2])).tolist()
    [1, 3, 0]
    """
    known = np.flatnonzero(np.isfinite(returns) & np.isfinite(drawdown))
    order = known[np.lexsort((known, -drawdown[known], -returns[known]))]
    depth = drawdown[order]
    before = np.concatenate(([-np.inf], np.maximum.accumulate(depth)[:-1]))
    return order[depth > before] if order.size else order
