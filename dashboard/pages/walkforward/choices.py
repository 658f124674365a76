"""What was chosen, and what it was worth where it was chosen and where it was traded."""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from dashboard import ids
from dashboard.client import Document
from dashboard.components import card, graph
from dashboard.figures import walkforward as figures
from dashboard.metrics import METRICS
from dashboard.pages.walkforward import view
from dashboard.theme import Theme


def sides(document: Document, theme: Theme) -> Component:
    """Return the objective of each choice, where it was made and where it was traded."""
    name = document["config"]["objective"]
    inside, outside = view.side(document, name)
    label = METRICS[name].label
    chart = graph(
        ids.FORWARD_SIDES,
        figures.sides_figure(inside, outside, METRICS[name], theme, noun=view.noun(document)),
        height=max(figures.BARS_HEIGHT, figures.gantt_height(len(inside))),
        label=f"{label} of each choice, in sample and out of sample",
    )
    keys = [
        html.Span([html.Span(className="key-block key-in"), "in sample"], className="keys-item"),
        html.Span([html.Span(className="key-block key-out"), "out"], className="keys-item"),
    ]
    return card(
        f"{label} in and out of sample",
        chart,
        actions=html.Div(keys, className="keys"),
        class_name="flush",
    )


def parameters(document: Document, theme: Theme) -> Component:
    """Return a chart a parameter: what was chosen each time."""
    charts = [
        html.Div(
            [
                html.Div(name, className="small-title mono"),
                graph(
                    ids.forward_parameter(name),
                    figures.parameter_figure(
                        view.chosen(document, name),
                        view.grid(document, name),
                        theme,
                        noun=view.noun(document),
                    ),
                    height=figures.PARAMETER_HEIGHT,
                    label=f"What was chosen for {name}",
                ),
            ]
        )
        for name in view.axes_of(document)
    ]
    return card(
        "Chosen parameters",
        html.Div(charts, className="walkforward-parameters"),
        hint=view.steadiness(document),
        class_name="flush",
    )
