"""A metric over two parameters: a heat map with what is suggested, what is best, and the way in."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from dashboard import formatting
from dashboard.figures import axes
from dashboard.figures.axes import FloatArray
from dashboard.sweep_axis import equal_step
from dashboard.theme import Figure, Theme, axis, color

BoolArray = npt.NDArray[np.bool_]
Place = tuple[float, float]

HEIGHT = 500
MAX_GAP_CELLS = 60
"""Cells a side that are drawn with a gap between them."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 66, 6, 40
LEAST_HEIGHT = 430.0 - _TOP - _BOTTOM
"""Pixels from the lowest to the highest cell on a phone; elsewhere it is more."""


class Axis(NamedTuple):
    """One side of the map: its name, the text of each cell in order, and what round texts need.

    `first` is the value in the middle of the first cell and `step` how far the next one is, where
    cells are equally far apart; `step` is 0 where they are not, or are no numbers.
    """

    name: str
    texts: Sequence[str]
    first: float = 0.0
    step: float = 0.0


class Mark(NamedTuple):
    """A place on the map that has a name; x and y are cells, from 0."""

    x: float
    y: float
    kind: str
    text: str


class Look(NamedTuple):
    """How a metric is coloured and printed."""

    name: str
    text: Callable[[float], str]
    low: float
    high: float
    is_return: bool


_SYMBOLS = {"plateau": "circle", "peak": "x", "origin": "diamond"}
_RISE, _LABEL = 19.0, 25.0
"""Pixels from a mark to the middle of its name, and from one name to the next."""


def heat_figure(
    z: FloatArray,
    x: Axis,
    y: Axis | None,
    look: Look,
    theme: Theme,
    *,
    marks: Sequence[Mark] = (),
    region: BoolArray | None = None,
) -> Figure:
    """Return the map.

    Parameters
    ----------
    z : ndarray of float64, shape (n_y, n_x)
        NaN where there is no point: such a cell stays empty.
    x, y : Axis
        Their texts are as many as cells; `y` is None for a sweep of one parameter.
    look : Look
        `low` and `high` are the ends of the colours; values beyond take the end's colour.
    theme : Theme
    marks : sequence of Mark
        Kinds: plateau (circle), peak (cross), origin (diamond).
    region : ndarray of bool, shape (n_y, n_x), optional
        Cells around which a line is drawn.
    """
    figure = axes.chart(theme, right=_RIGHT)
    axes.with_hover(figure, theme)
    layout = figure["layout"]
    layout["margin"] = {"l": _LEFT if y else 12, "r": _RIGHT, "t": _TOP, "b": _BOTTOM}
    n_y, n_x = z.shape
    gap = 1 if max(n_x, n_y) <= MAX_GAP_CELLS else 0
    trace: dict[str, Any] = {
        "type": "heatmap",
        "z": packed(z),
        "zmin": look.low,
        "zmax": look.high,
        "colorscale": colour_scale(look, theme),
        "xgap": gap,
        "ygap": gap,
        "hoverongaps": False,
        "colorbar": _colour_bar(look, theme),
    }
    if look.is_return:
        trace["zmid"] = 0.0
    # The page's script asks for the words about the cell under the pointer: texts of all cells
    # would be megabytes.
    trace["hoverinfo"] = "none"
    figure["data"].append(trace)
    if region is not None and region.any():
        figure["data"].append(_outline(region, theme))
    for mark in marks:
        figure["data"].append(_symbol(mark, theme))
    layout["annotations"] += _labels(marks, n_x, n_y, theme)
    layout["xaxis"] = _side(theme, x, n_x, n_max=9)
    layout["yaxis"] = {**_side(theme, y or Axis("", [""]), n_y, n_max=12), "side": "left"}
    return figure


def packed(z: npt.ArrayLike) -> dict[str, Any]:
    """Return a matrix as plotly's typed array: a quarter of the bytes, and no parsing."""
    array = np.ascontiguousarray(z, dtype="<f4")
    shape = ", ".join(str(n) for n in array.shape)
    return {
        "dtype": "f4",
        "bdata": base64.b64encode(array.tobytes()).decode(),
        "shape": shape,
    }


def colour_scale(look: Look, theme: Theme) -> str | list[list[Any]]:
    """Return viridis for magnitudes; orange, grey, blue for returns, grey at zero."""
    if not look.is_return:
        return "Viridis"
    middle = color("inset", theme)
    return [[0.0, color("down", theme)], [0.5, middle], [1.0, color("up", theme)]]


def bounds(values: FloatArray, *, is_return: bool) -> tuple[float, float]:
    """Return the ends of the colours: all values but the worst two in a hundred at each end.

    Those of returns lie at equal distances from zero, so that the middle colour is no change.
    """
    known = values[np.isfinite(values)]
    if not known.size:
        return (-1.0, 1.0) if is_return else (0.0, 1.0)
    low, high = (float(v) for v in np.percentile(known, (2.0, 100.0)))
    if is_return:
        reach = max(abs(low), abs(high)) or 1.0
        return -reach, reach
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _colour_bar(look: Look, theme: Theme) -> dict[str, Any]:
    ticks = axes.linear_ticks(look.low, look.high, 6)
    return {
        "thickness": 8,
        "len": 0.96,
        "x": 1.0,
        "xpad": 10,
        "outlinewidth": 0,
        "tickvals": ticks,
        "ticktext": [look.text(tick) for tick in ticks],
        "tickfont": {"size": 11, "color": color("ink3", theme)},
    }


def _side(theme: Theme, side: Axis, n_cells: int, *, n_max: int) -> dict[str, Any]:
    ticks, texts = place_ticks(side.texts, side.first, side.step, n_max)
    return axis(
        theme,
        tickvals=ticks,
        ticktext=texts,
        range=[-0.5, n_cells - 0.5],
        showgrid=False,
        tickangle=0,
        title={"text": side.name, "font": {"size": 11}, "standoff": 6},
    )


def place_ticks(
    texts: Sequence[str], first: float, step: float, n_max: int
) -> tuple[list[float], list[str]]:
    """Return where to write what along an axis of places 0, 1, 2, …: round values where it can.

    Parameters
    ----------
    texts : sequence of str
        Of each place.
    first, step : float
        The value at place 0, and from place to place; `step` is 0 where it is not the same.
    n_max : int
        Texts, at most.
    """
    if step > 0.0 and len(texts) > n_max:
        round_values = axes.linear_ticks(first, first + step * (len(texts) - 1), n_max)
        places = [(value - first) / step for value in round_values]
        return places, [formatting.plain(value) for value in round_values]
    every = max(1, -(-len(texts) // n_max))
    return [float(i) for i in range(0, len(texts), every)], list(texts[::every])


def _symbol(mark: Mark, theme: Theme) -> dict[str, Any]:
    edge = {"width": 2, "color": "#000000" if mark.kind == "peak" else "#111111"}
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [mark.x],
        "y": [mark.y],
        "meta": mark.kind,
        "hoverinfo": "skip",
        "marker": {
            "symbol": _SYMBOLS[mark.kind],
            "size": 11,
            "color": "#FFFFFF",
            "line": edge,
        },
    }


def _labels(marks: Sequence[Mark], n_x: int, n_y: int, theme: Theme) -> list[dict[str, Any]]:
    """Return the names of the marks, which cover neither each other nor the map's ends.

    They are put one below the other as the marks are, wherever these are across, so that they stay
    apart on a phone; and since they keep the marks' order, a higher map only moves them apart.
    """
    ordered = sorted(marks, key=lambda mark: -mark.y)
    places = [LEAST_HEIGHT * (1.0 - (mark.y + 0.5) / n_y) for mark in ordered]
    heights = [place - _RISE for place in places]
    if len(ordered) > 1:
        heights[-1] = places[-1] + _RISE
    labels, above = [], -0.5 * _LABEL
    for i, mark in enumerate(ordered):
        # Below the name before, above the end of the map, with room for the names to come.
        lowest = LEAST_HEIGHT - (len(ordered) - i - 0.5) * _LABEL
        above = min(max(heights[i], above + _LABEL), lowest)
        labels.append(_label(mark, above - places[i], n_x, theme))
    return labels


def _label(mark: Mark, fall: float, n_x: int, theme: Theme) -> dict[str, Any]:
    """Return the name of a mark, `fall` pixels below it, on the side where there is room."""
    is_right = mark.x < 0.7 * n_x
    return {
        "text": mark.text,
        "x": mark.x,
        "y": mark.y,
        "ax": 22 if is_right else -22,
        "ay": fall,
        "xanchor": "left" if is_right else "right",
        "showarrow": True,
        "arrowhead": 0,
        "arrowwidth": 1,
        "arrowcolor": color("ink2", theme),
        "standoff": 6,
        "bgcolor": color("surface", theme),
        "borderpad": 3,
        "font": {"size": 11, "color": color("ink", theme)},
    }


def _outline(region: BoolArray, theme: Theme) -> dict[str, Any]:
    """Return the border of the cells as line pieces, one a side with no other cell beside it."""
    padded = np.pad(region, 1)
    xs: list[float | None] = []
    ys: list[float | None] = []
    sides = (
        ((0, -1), (-0.5, -0.5), (-0.5, 0.5)),
        ((0, 1), (0.5, -0.5), (0.5, 0.5)),
        ((-1, 0), (-0.5, -0.5), (0.5, -0.5)),
        ((1, 0), (-0.5, 0.5), (0.5, 0.5)),
    )
    for (down, right), start, end in sides:
        beside = padded[1 + down : 1 + down + region.shape[0], 1 + right :][:, : region.shape[1]]
        for row, column in np.argwhere(region & ~beside).tolist():
            xs += [column + start[0], column + end[0], None]
            ys += [row + start[1], row + end[1], None]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": xs,
        "y": ys,
        "meta": "region",
        "hoverinfo": "skip",
        "line": {"color": color("ink", theme), "width": 1.7},
    }


def side_of(name: str, values: Sequence[Any], width: int) -> Axis:
    """Return a side of the map whose cells are `width` values each.

    The text of a cell is its value, or the first of those that share it.
    """
    texts = [formatting.plain(value) for value in values[::width]]
    step = equal_step(values)
    if step is None:
        return Axis(name, texts)
    return Axis(name, texts, values[0] + step * (width - 1) / 2.0, step * width)


def marks_on(places: Mapping[str, Place | None], texts: Mapping[str, str]) -> list[Mark]:
    """Return the marks that have a place on the map."""
    return [
        Mark(place[0], place[1], kind, texts[kind])
        for kind, place in places.items()
        if place is not None
    ]
