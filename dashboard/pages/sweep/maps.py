"""The map of a sweep: its card, its choices, and the slices behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dash_mantine_components as dmc
import numpy as np
from dash import html
from dash.development.base_component import Component

from dashboard import formatting as fmt
from dashboard import ids
from dashboard.client import Document
from dashboard.components import attributes, card, graph, segmented
from dashboard.figures import axes, heatmap, sweeps
from dashboard.metrics import METRICS
from dashboard.pages.sweep import cube as cubes
from dashboard.pages.sweep import view
from dashboard.pages.sweep.cube import Cube
from dashboard.theme import Figure, Theme
from dashboard.urlstate import SWEEP_METRICS

FEW_VALUES = 9
"""Values that are offered as buttons; of more a slider chooses."""


def has_map(document: Document) -> bool:
    """Return whether there are two axes to draw over."""
    return sum(len(values) > 1 for values in document["axes"].values()) > 1


def map_figure(
    document: Document,
    cube: Cube,
    state: view.State,
    theme: Theme,
    origin: Document | None = None,
) -> Figure:
    """Return the map of the view, with suggestion, peak and the parameters one came from."""
    shown = view.map_of(cube, state)
    metric = state["metric"]
    all_values = shown.values if _is_whole(state) else shown.cells.z.ravel()
    low, high = heatmap.bounds(all_values, is_return=metric in view.RETURNS)
    text = METRICS[metric].text
    look = heatmap.Look(METRICS[metric].label, text, low, high, metric in view.RETURNS)
    plateau = view.plateau(document)
    area = None
    if plateau is not None and metric == document["objective"] and _is_whole(state):
        area = _area(cube, state, shown, float(plateau["worst"]))
    x, y = _sides(cube, state)
    return heatmap.heat_figure(
        shown.cells.z,
        x,
        y,
        look,
        theme,
        marks=_marks(document, cube, state, origin),
        region=area,
    )


def _area(cube: Cube, state: view.State, shown: view.Map, worst: float) -> heatmap.BoolArray | None:
    """Return the cells about as safe as the plateau; None where neighbours are not known."""
    if not cubes.has_neighbours(cube) or cubes.is_smaller_better(state["metric"]):
        return None
    near = shown if state["view"] == "worst" else view.map_of(cube, {**state, "view": "worst"})
    return view.region(near, worst)


def _is_whole(state: view.State) -> bool:
    """Return whether every cell is one point of the sweep, not the mean of several."""
    return all(state["at"].values())


def _sides(cube: Cube, state: view.State) -> tuple[heatmap.Axis, heatmap.Axis]:
    sides = []
    for name in (state["x"], state["y"]):
        values = cube.axes[name]
        width = -(-len(values) // cubes.MAX_CELLS)
        sides.append(heatmap.side_of(name, values, width))
    return sides[0], sides[1]


def _marks(
    document: Document, cube: Cube, state: view.State, origin: Document | None
) -> list[heatmap.Mark]:
    points = {"plateau": view.plateau(document), "peak": view.best(document)}
    places = {
        kind: view.place_on(cube, state, point["params"]) if point else None
        for kind, point in points.items()
    }
    if places["peak"] == places["plateau"]:
        places["peak"] = None
    places["origin"] = view.place_on(cube, state, origin)
    return heatmap.marks_on(places, {"plateau": "plateau", "peak": "best", "origin": "this run"})


def map_card(
    document: Document,
    cube: Cube,
    state: view.State,
    theme: Theme,
    origin: Document | None = None,
) -> Component:
    """Return the map with its choices, and the slices through the suggested point behind it."""
    is_map = has_map(document) and state["kind"] == "map"
    kinds = [("map", "Map"), ("slices", "Slices")] if has_map(document) else []
    worst = [("value", "Value"), ("worst", "Worst neighbour")] if cubes.has_neighbours(cube) else []
    actions = [
        html.Div(
            segmented(
                ids.SWEEP_WORST,
                worst or [("value", "Value")],
                state["view"],
                "The value of each point, or of its worst neighbour",
            ),
            hidden=not worst or not has_map(document),
        ),
        html.Div(
            segmented(
                ids.SWEEP_KIND,
                kinds or [("slices", "Slices")],
                "map" if is_map else "slices",
                "Map, or slices through one point",
            ),
            hidden=not kinds,
        ),
    ]
    figure = map_figure(document, cube, state, theme, origin) if has_map(document) else None
    drawn = graph(
        ids.SWEEP_MAP,
        figure,
        label="Map of the chosen metric over two parameters",
    )
    slices = slice_charts(document, cube, state, theme) if not is_map else []
    return card(
        _pick(
            ids.SWEEP_METRIC,
            [(m, METRICS[m].label) for m in SWEEP_METRICS if m in cube.metrics],
            state["metric"],
            "Metric",
            "sweep-metric",
        ),
        [
            html.Div(
                _choices(cube, state), className="sweep-choices", hidden=not has_map(document)
            ),
            html.Div(drawn, className="sweep-map", hidden=not is_map, id=ids.SWEEP_MAP_BOX),
            html.Div(slices, id=ids.SWEEP_SLICES, className="sweep-slices", hidden=is_map),
            html.P(map_note(document, cube, state), id=ids.SWEEP_NOTE, className="card-note"),
        ],
        actions=actions,
        class_name="sweep-card",
    )


def map_note(document: Document, cube: Cube, state: view.State) -> str:
    """Return what one cell is and what a click does."""
    x_width = -(-len(cube.axes[state["x"]]) // cubes.MAX_CELLS)
    y_width = -(-len(cube.axes[state["y"]]) // cubes.MAX_CELLS)
    if state["kind"] == "slices" or not has_map(document):
        return (
            "The line runs through the marked point; dashes are the median, the band half of all."
        )
    if x_width * y_width > 1:
        n_each = x_width * y_width
        return f"A cell is the mean of {n_each} points; a click opens the best of them."
    if not all(state["at"].values()):
        return "A cell is the mean over the axes set to all; a click opens the best of them."
    return "A click on a cell opens its run."


def _pick(
    id: str, options: Sequence[tuple[str, str]], value: str, label: str, class_name: str
) -> Component:
    return dmc.Select(
        id=id,
        data=[{"value": key, "label": text} for key, text in options],
        value=value,
        allowDeselect=False,
        size="xs",
        className=f"pick {class_name}",
        attributes={"input": {"aria-label": label}},
        comboboxProps={"width": 160, "position": "bottom-start"},
    )


def _choices(cube: Cube, state: view.State) -> list[Component]:
    """Return which axes are drawn, and where the others stand."""
    names = [name for name, values in cube.axes.items() if len(values) > 1]
    options = [(name, name) for name in names]
    picks = [
        html.Div(
            [
                html.Span("across", className="pick-label"),
                _pick(ids.SWEEP_X, options, state["x"], "Axis across", "pick-axis"),
                html.Span("up", className="pick-label"),
                _pick(ids.SWEEP_Y, options, state["y"], "Axis up", "pick-axis"),
            ],
            className="row",
            hidden=len(names) < 3,
        )
    ]
    return [*picks, *(_stand(cube, state, name) for name in names)]


def _stand(cube: Cube, state: view.State, name: str) -> Component:
    """Return the control of where an axis stands; hidden while the map draws it."""
    values = cube.axes[name]
    at = state["at"].get(name, 0)
    if len(values) <= FEW_VALUES:
        options = [("0", "all"), *((str(i + 1), fmt.plain(v)) for i, v in enumerate(values))]
        control: Component = segmented(ids.sweep_at(name), options, str(at), f"Where {name} stands")
    else:
        control = dmc.Slider(
            id=ids.sweep_at(name),
            min=0,
            max=len(values),
            step=1,
            value=at,
            label=None,
            size="xs",
            updatemode="mouseup",
            className="sweep-slider",
            attributes={"thumb": {"aria-label": f"Where {name} stands"}},
        )
    words = html.Span(view.at_words(name, values, at), id=ids.sweep_at_text(name))
    return html.Div(
        [html.Span(words, className="stand-name"), control],
        id=ids.sweep_at_row(name),
        className="stand",
        hidden=name in (state["x"], state["y"]),
    )


def live_card(document: Document, cube: Cube, state: view.State, theme: Theme) -> Component:
    """Return the map that fills in while the sweep runs."""
    figure = map_figure(document, cube, state, theme)
    chart = graph(
        ids.SWEEP_LIVE, figure, height=heatmap.HEIGHT, label="Map that fills in as points arrive"
    )
    return card(
        METRICS[state["metric"]].label,
        html.Div(chart, **attributes(data_live_map="1")),
        hint=_live_hint(state),
        class_name="sweep-card",
    )


def _live_hint(state: view.State) -> str:
    others = [name for name, at in state["at"].items() if at == 0]
    return f"mean over {', '.join(others)}" if others else ""


def live_cells(cube: Cube, state: view.State) -> dict[str, Any]:
    """Return what the page redraws while the sweep runs: the cells, and how they are coloured."""
    shown = view.map_of(cube, state)
    metric = state["metric"]
    low, high = heatmap.bounds(shown.cells.z, is_return=metric in view.RETURNS)
    ticks = axes.linear_ticks(low, high, 6)
    return {
        **heatmap.packed(shown.cells.z),
        "low": low,
        "high": high,
        "ticks": ticks,
        "texts": [METRICS[metric].text(tick) for tick in ticks],
    }


def slice_charts(
    document: Document, cube: Cube, state: view.State, theme: Theme
) -> list[Component]:
    """Return a chart an axis: the metric along it, all else as at the suggested point."""
    metric = state["metric"]
    text = METRICS[metric].text
    index = centre(document, cube)
    names = [name for name, values in cube.axes.items() if len(values) > 1]
    # One above the other while there are at most two, so that they fill what the map would.
    height = sweeps.SLICE_HEIGHT * (2 if len(names) == 1 else 1)
    charts = [
        graph(
            ids.sweep_slice(name),
            sweeps.slice_figure(_profile(cube, name, metric, index, state), text, theme),
            height=height,
            label=f"{METRICS[metric].label} along {name}",
        )
        for name in names
    ]
    where = f"through {view.point_text(cube, index)}" if index is not None else ""
    return [html.P(where, className="card-note"), *charts]


def centre(document: Document, cube: Cube) -> int | None:
    """Return the point that slices run through: the suggested one, else the best."""
    point = view.suggested(document)
    if point is not None:
        return int(point["index"])
    ranked = cubes.ranked(cube, document["objective"])
    return int(ranked[0]) if ranked.size else None


def _profile(
    cube: Cube, name: str, metric: str, index: int | None, state: view.State
) -> sweeps.Profile:
    spread = cubes.profile(cube, name, metric, view.brushed(cube, state))
    through = np.full(len(cube.axes[name]), np.nan)
    at = None
    if index is not None:
        at = int(cube.positions[name][index])
        others = {other: int(cube.positions[other][index]) for other in cube.axes if other != name}
        on_line = np.flatnonzero(cubes.on_slice(cube, others))
        through[cube.positions[name][on_line]] = cube.metrics[metric][on_line]
    side = heatmap.side_of(name, cube.axes[name], 1)
    return sweeps.Profile(
        name,
        [fmt.plain(value) for value in cube.axes[name]],
        through,
        spread["low"],
        spread["middle"],
        spread["high"],
        at,
        side.first,
        side.step,
    )
