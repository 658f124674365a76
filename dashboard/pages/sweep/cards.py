"""All points at once: parallel coordinates, and return against drawdown."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from dash import dcc, html
from dash.development.base_component import Component

from dashboard import formatting as fmt
from dashboard import ids
from dashboard.client import Document
from dashboard.components import attributes, button, card, graph, later
from dashboard.figures import sweeps
from dashboard.pages.sweep import cube as cubes
from dashboard.pages.sweep import view
from dashboard.pages.sweep.cube import Cube
from dashboard.theme import Figure, Theme

LINES_HEIGHT = 244
CLOUD_POINTS = 1800


def below(document: Document, cube: Cube, state: view.State, theme: Theme) -> list[Component]:
    """Return the parallel coordinates, and return against drawdown."""
    return [
        lines_card(document, cube, state),
        *later(
            ids.SWEEP_PARETO_PLACE,
            [pareto_card(document, cube, state, theme)],
            height=sweeps.PARETO_HEIGHT + 52,
        ),
    ]


def lines_card(document: Document, cube: Cube, state: view.State) -> Component:
    """Return the parallel coordinates; the page's script draws and brushes them."""
    chart = html.Div(
        [
            html.Canvas(**attributes(aria_hidden="true")),
            html.Div(className="parallel-axes"),
        ],
        id=ids.SWEEP_LINES,
        className="parallel",
        style={"height": LINES_HEIGHT},
        role="img",
        **attributes(
            data_url=f"/series/sweeps/{document['id']}/lines",
            aria_label="Every point as a line through its parameters and results",
        ),
    )
    return card(
        "Parallel coordinates",
        [
            dcc.Store(id=ids.SWEEP_BRUSH, data=brush_data(state)),
            dcc.Store(id=ids.SWEEP_BRUSHED),
            chart,
        ],
        hint=html.Span(lines_hint(document, state), id=ids.SWEEP_BRUSH_WORDS),
        actions=[
            html.Span(brush_count(cube, state), id=ids.SWEEP_COUNT, className="card-hint"),
            button("Clear", id=ids.SWEEP_CLEAR, small=True),
        ],
        class_name="sweep-lines",
    )


def brush_data(state: view.State) -> dict[str, list[float | None]]:
    """Return the brushes as the browser keeps them."""
    return {name: list(ends) for name, ends in state["brush"].items()}


def lines_hint(document: Document, state: view.State) -> str:
    """Return what is brushed, or how to brush."""
    words = view.brush_words(state, document)
    return (
        f"brushed: {words}" if words else "drag along an axis to choose, double-click to clear it"
    )


def brush_count(cube: Cube, state: view.State) -> str:
    """Return how many points are within the brushes, and how many lines are drawn."""
    n_points = cubes.ranked(cube, next(iter(cube.metrics))).size
    if state["brush"]:
        chosen = int(np.count_nonzero(view.brushed(cube, state)))
        return f"{fmt.integer(chosen)} of {fmt.integer(n_points)}"
    if n_points > view.MAX_LINES:
        return f"{fmt.integer(view.MAX_LINES)} of {fmt.integer(n_points)} drawn"
    return f"{fmt.integer(n_points)}"


def pareto_card(document: Document, cube: Cube, state: view.State, theme: Theme) -> Component:
    """Return what more return costs in drawdown."""
    return card(
        "Return against drawdown",
        graph(
            ids.SWEEP_PARETO,
            pareto_figure(document, cube, state, theme),
            height=sweeps.PARETO_HEIGHT,
            label="Annual return of each point against its deepest drawdown",
        ),
        hint="nothing beats the points on the line in both; a click opens the run",
        class_name="sweep-pareto",
    )


def pareto_figure(document: Document, cube: Cube, state: view.State, theme: Theme) -> Figure:
    """Return a sample of the brushed points, and the front of all of them."""
    returns, falls = cube.metrics["cagr"], cube.metrics["max_drawdown"]
    index = np.flatnonzero(view.brushed(cube, state) & np.isfinite(returns) & np.isfinite(falls))
    front = cubes.pareto_front(returns, falls, index)

    def cloud(points: cubes.IntArray) -> sweeps.Cloud:
        texts = [_where(cube, i) for i in points.tolist()]
        return sweeps.Cloud(falls[points], returns[points], texts, points.tolist())

    picked: dict[str, tuple[float, float]] = {}
    for name, point in (("plateau", view.plateau(document)), ("best", view.best(document))):
        if point is not None:
            i = int(point["index"])
            if np.isfinite(returns[i]) and np.isfinite(falls[i]):
                picked[name] = (float(falls[i]), float(returns[i]))
    sampled = cubes.sample(index, CLOUD_POINTS)
    return sweeps.pareto_figure(
        cloud(sampled), cloud(cubes.sample(front, 200)), theme, picked=_apart(picked)
    )


def _where(cube: Cube, index: int) -> str:
    numbers = [
        view.number_text(name, float(cube.metrics[name][index]))
        for name in ("cagr", "max_drawdown")
    ]
    return f"{view.point_text(cube, index)}<br>{', '.join(numbers)}"


def _apart(picked: Mapping[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """Return the marked points, equal ones under one name."""
    result: dict[tuple[float, float], str] = {}
    for name, place in picked.items():
        result[place] = f"{result[place]}, {name}" if place in result else name
    return {name: place for place, name in result.items()}
