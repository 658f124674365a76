"""What a sweep's page says, decided from its document and its points: no components, no I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from dashboard import formatting as fmt
from dashboard import urlstate
from dashboard.metrics import METRICS
from dashboard.pages.sweep import cube as cubes
from dashboard.pages.sweep.cube import BoolArray, Cube, FloatArray, IntArray
from dashboard.sweep_axis import is_number

Document = Mapping[str, Any]
State = dict[str, Any]

RETURNS = frozenset({"total_return", "cagr"})
OVER = frozenset({"done", "failed", "cancelled"})
TOP_ROWS = 60
TOP_METRICS = ("sharpe", "cagr", "max_drawdown", "trades")
LINE_METRICS = ("trades", "cagr", "max_drawdown", "calmar")
NEAR = 0.06
"""How far below the plateau's worst neighbour the outlined region may fall, as a share of it."""


def is_over(document: Document) -> bool:
    """Return whether nothing more will come."""
    return document["status"] in OVER


def strategy_title(config: Document, strategies: Mapping[str, Document]) -> str:
    """Return what the swept strategy is called."""
    name = config["run"]["strategy"].get("name")
    if not name:
        return "Formula"
    return str(strategies.get(name, {}).get("title") or name)


def axis_span(name: str, values: Sequence[Any]) -> str:
    """Return what was tried on one axis: "fast 2 to 60", "direction long_only"."""
    if len(values) == 1:
        return f"{name} {fmt.plain(values[0])}"
    if all(is_number(value) for value in values):
        return f"{name} {fmt.plain(min(values))} to {fmt.plain(max(values))}"
    return f"{name} {', '.join(fmt.plain(value) for value in values[:4])}"


def facts(document: Document) -> list[str]:
    """Return the line below the title, after the strategy's name."""
    config = document["config"]
    run = config["run"]
    metric = METRICS[document["objective"]].label
    parts = [
        ", ".join(axis_span(name, values) for name, values in document["axes"].items()),
        ", ".join(run["symbols"][:6])
        + (f" and {len(run['symbols']) - 6} more" if len(run["symbols"]) > 6 else ""),
    ]
    if run.get("start") and run.get("end"):
        parts.append(f"{fmt.date(run['start'])} to {fmt.date(run['end'])}")
    if config["constraints"]:
        parts.append(", ".join(config["constraints"]))
    parts.append(f"objective {metric}")
    if config.get("random"):
        parts.append(f"random sample, seed {config['seed']}")
    return parts


def count_words(document: Document) -> str:
    """Return how many points there are and what they took: "4,585 runs in 1.7 s"."""
    n_done, n_points = document["n_done"] or 0, document["n_points"]
    noun = "run" if n_points == 1 else "runs"
    if document["status"] != "done":
        return f"{fmt.integer(n_done)} of {fmt.integer(n_points)} {noun}"
    timing = document.get("timing") or {}
    # Of a job that several workers had in turn, only the last one's time is known.
    is_whole = timing.get("takings") == 1
    took = f" in {fmt.elapsed(timing['elapsed_s'] * 1000.0)}" if is_whole else ""
    return f"{fmt.integer(n_points)} {noun}{took}"


def point_text(cube: Cube, index: int) -> str:
    """Return a point's parameters: "fast 6, slow 65"."""
    return params_text(cube.params(index))


def params_text(params: Mapping[str, Any]) -> str:
    """Return parameters as one says them."""
    return ", ".join(f"{name} {fmt.plain(value)}" for name, value in params.items())


def number_text(name: str, value: float | None) -> str:
    """Return a metric as it is printed."""
    return METRICS[name].text(None if fmt.is_missing(value) else value)


def describe(cube: Cube, index: int) -> str:
    """Return all that is known about a point, in one line."""
    numbers = [
        f"{METRICS[name].label} {number_text(name, float(values[index]))}"
        for name, values in cube.metrics.items()
    ]
    return f"{point_text(cube, index)}: {' · '.join(numbers)}"


# The view


def state_of(search: str | None, document: Document) -> State:
    """Return the view that a query asks for; what the sweep does not have is its default."""
    return settled(urlstate.SWEEP.parse(search), document)


def settled(state: State, document: Document) -> State:
    """Return a view whose axes and positions the sweep has.

    Unless told, the map shows the two axes with the most values, the other axes stand where the
    suggested point (else the best) is, and those of a random sample are taken together.
    """
    axes = document["axes"]
    ordered = sorted(axes, key=lambda name: -len(axes[name]))
    x = state["x"] if state["x"] in axes else None
    y = state["y"] if state["y"] in axes and state["y"] != x else None
    first = [name for name in axes if name in ordered[:2]]
    # The axis that comes first goes up, the second to the right, as on the mock of a cross.
    x = x or next((name for name in reversed(first) if name != y), first[0])
    y = y or next((name for name in first if name != x), x)
    stand = {} if document["config"].get("random") else standing(document)
    at = {
        name: min(state["at"].get(name, stand.get(name, 0)), len(axes[name]))
        for name in axes
        if name not in (x, y)
    }
    brush = {name: ends for name, ends in state["brush"].items() if name in (*axes, *METRICS)}
    metric = state["metric"] or document["objective"]
    return {**state, "x": x, "y": y, "metric": metric, "at": at, "brush": brush}


def standing(document: Document) -> dict[str, int]:
    """Return where the suggested point is on each axis, from 1; nothing while there is none."""
    point = suggested(document)
    if point is None:
        return {}
    found = {}
    for name, values in document["axes"].items():
        if point["params"].get(name) in values:
            found[name] = list(values).index(point["params"][name]) + 1
    return found


def query_of(state: State, document: Document) -> str:
    """Return the query of a view: what is the default for this sweep is left out."""
    plain = settled(urlstate.SWEEP.parse(""), document)
    kept = dict(state)
    for name in ("x", "y"):
        if state["x"] == plain["x"] and state["y"] == plain["y"]:
            kept[name] = None
    if state["metric"] == plain["metric"]:
        kept["metric"] = None
    default = settled({**urlstate.SWEEP.parse(""), "x": state["x"], "y": state["y"]}, document)
    if state["at"] == default["at"]:
        kept["at"] = {}
    return urlstate.SWEEP.format(kept)


def suggested(document: Document) -> Document | None:
    """Return the point to take: the plateau's centre, else the best one."""
    return plateau(document) or best(document)


def plateau(document: Document) -> Document | None:
    """Return the suggested point of the plateau; None when there is none."""
    found: Document | None = (document.get("plateau") or {}).get("suggestion")
    return found


def best(document: Document) -> Document | None:
    """Return the best point so far."""
    found: Document | None = document.get("best")
    return found


def at_words(name: str, values: Sequence[Any], position: int) -> str:
    """Return where an axis stands: "k 3", or "all k, mean"."""
    return f"all {name}, mean" if position == 0 else f"{name} {fmt.plain(values[position - 1])}"


# The map


class Map(NamedTuple):
    """What the map shows: cells, values a point, and the points of the slice."""

    cells: cubes.Cells
    values: FloatArray
    chosen: BoolArray


def fixed(state: State) -> dict[str, int | None]:
    """Return where the axes beside the map stand, from 0; None is all."""
    return {name: at - 1 if at else None for name, at in state["at"].items()}


def brushed(cube: Cube, state: State) -> BoolArray:
    """Return which points lie within all brushes; the ones of axes are positions."""
    result = np.ones(cube.n_points, dtype=np.bool_)
    for name, (low, high) in state["brush"].items():
        if name in cube.positions:
            values = cube.positions[name].astype(np.float64)
        elif name in cube.metrics:
            values = cube.metrics[name]
        else:
            continue
        if low is not None:
            result &= values >= low
        if high is not None:
            result &= values <= high
    return result


def map_of(cube: Cube, state: State) -> Map:
    """Return what the map shows."""
    metric = state["metric"]
    is_worst = state["view"] == "worst" and cubes.has_neighbours(cube)
    values = cubes.worst_neighbours(cube, metric) if is_worst else cube.metrics[metric]
    chosen = cubes.on_slice(cube, fixed(state)) & brushed(cube, state)
    cells = cubes.cells(cube, state["x"], state["y"], values, metric, chosen)
    return Map(cells, values, chosen)


def place_on(
    cube: Cube, state: State, params: Mapping[str, Any] | None
) -> tuple[float, float] | None:
    """Return the cell of a point; None when it is not on the slice that is shown."""
    if not params:
        return None
    positions = {}
    for name, values in cube.axes.items():
        if params.get(name) not in values:
            return None
        positions[name] = list(values).index(params[name])
    if any(p is not None and positions[name] != p for name, p in fixed(state).items()):
        return None
    x_width = -(-len(cube.axes[state["x"]]) // cubes.MAX_CELLS)
    y_width = -(-len(cube.axes[state["y"]]) // cubes.MAX_CELLS)
    row = positions[state["y"]] // y_width if state["y"] != state["x"] else 0
    return float(positions[state["x"]] // x_width), float(row)


def region(shown: Map, worst: float | None) -> BoolArray | None:
    """Return the cells whose worst neighbour stays close to the plateau's."""
    if not fmt.is_known(worst):
        return None
    floor = worst - NEAR * abs(worst)
    return np.nan_to_num(shown.cells.z, nan=-np.inf) >= floor


# The table, the lines, the clouds


def top_index(cube: Cube, document: Document, state: State) -> IntArray:
    """Return the points of the table: the best within the brushes."""
    return cubes.ranked(cube, document["objective"], brushed(cube, state))[:TOP_ROWS]


def top_rows(
    cube: Cube, index: IntArray, worst: FloatArray | None, first: int | None
) -> list[dict[str, Any]]:
    """Return the rows of the table; the suggested point comes first, marked.

    Parameters
    ----------
    cube : Cube
    index : ndarray of int64
        From best to worst.
    worst : ndarray of float64, shape (n_points,), or None
        The worst neighbour of each point.
    first : int or None
        The suggested point.
    """
    order = index.tolist()
    if first is not None:
        order = [first, *(i for i in order if i != first)]
    rows = []
    for i in order:
        row: dict[str, Any] = {"id": str(i), "index": i, "is_suggested": i == first}
        for name, value in cube.params(i).items():
            row[f"p_{name}"] = value
        for name, values in cube.metrics.items():
            row[name] = None if fmt.is_missing(float(values[i])) else float(values[i])
        if worst is not None:
            is_edge = bool(cubes.edges(cube, i))
            near = float(worst[i])
            row["near"] = "edge" if is_edge else None if fmt.is_missing(near) else near
        rows.append(row)
    return rows


MAX_LINES = 2000


def lines(cube: Cube, document: Document) -> dict[str, Any]:
    """Return the parallel coordinates: the dimensions, and a sample of the points as columns.

    Axes are drawn by position, so that every value has the same room; metrics by their number.
    The best points are always among the lines, the others are taken evenly.
    """
    objective = document["objective"]
    ranked = cubes.ranked(cube, objective)
    index = np.union1d(ranked[: MAX_LINES // 10], cubes.sample(ranked, MAX_LINES * 9 // 10))
    # Best last: they are drawn over the others.
    values = cube.metrics[objective]
    order = np.argsort(values[index], kind="stable")
    if cubes.is_smaller_better(objective):
        order = order[::-1]
    index = index[order]
    dimensions = [_axis_dimension(cube, name) for name in cube.axes]
    names = [name for name in LINE_METRICS if name in cube.metrics and name != objective]
    dimensions += [_metric_dimension(cube, name, index) for name in (*names, objective)]
    columns = [
        (cube.positions[d["name"]] if d["kind"] == "axis" else cube.metrics[d["name"]])[index]
        for d in dimensions
    ]
    return {
        "dimensions": dimensions,
        "columns": [[_short(v) for v in column.tolist()] for column in columns],
        "n_points": int(ranked.size),
        "objective": len(dimensions) - 1,
        "reversed": cubes.is_smaller_better(objective),
    }


def _axis_dimension(cube: Cube, name: str) -> dict[str, Any]:
    values = cube.axes[name]
    texts = [fmt.plain(value) for value in values]
    return {
        "name": name,
        "label": name,
        "kind": "axis",
        "low": 0,
        "high": max(len(values) - 1, 1),
        "texts": texts if len(texts) <= 1000 else [],
        "ends": [texts[0], texts[-1]] if len(texts) > 1 else [texts[0], ""],
    }


def _metric_dimension(cube: Cube, name: str, index: IntArray) -> dict[str, Any]:
    values = cube.metrics[name][index]
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    high = high if high > low else low + 1.0
    return {
        "name": name,
        "label": METRICS[name].label,
        "kind": "metric",
        "low": low,
        "high": high,
        "texts": [],
        "ends": [number_text(name, low), number_text(name, high)],
        "format": FORMATS[name],
    }


FORMATS = {
    "sharpe": "ratio",
    "calmar": "ratio",
    "total_return": "signed",
    "cagr": "signed",
    "max_drawdown": "percent",
    "volatility": "percent",
    "final_equity": "money",
    "trades": "count",
}


def _short(value: float) -> float | None:
    """Return a number with as many digits as a line needs."""
    return None if fmt.is_missing(value) else float(f"{value:.5g}")


def brush_words(state: State, document: Document) -> str:
    """Return what the brushes ask for: "Sharpe at least 1.10, fast 4 to 9"."""
    words = []
    for name, (low, high) in state["brush"].items():
        if name in document["axes"]:
            values = document["axes"][name]
            last = len(values) - 1
            first = values[min(max(int(np.ceil(low or 0.0)), 0), last)]
            final = values[min(max(int(np.floor(last if high is None else high)), 0), last)]
            words.append(f"{name} {fmt.plain(first)} to {fmt.plain(final)}")
            continue
        label = METRICS[name].label
        if low is not None and high is not None:
            words.append(f"{label} {number_text(name, low)} to {number_text(name, high)}")
        elif low is not None:
            words.append(f"{label} at least {number_text(name, low)}")
        else:
            words.append(f"{label} at most {number_text(name, high)}")
    return ", ".join(words)
