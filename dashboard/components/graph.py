"""The one factory of Plotly graphs."""

from __future__ import annotations

from typing import Any

from dash import dcc, html

from dashboard.components.basics import attributes

CONFIG: dict[str, Any] = {
    "displayModeBar": False,
    "displaylogo": False,
    "scrollZoom": False,
    "doubleClick": False,
    "showTips": False,
    "responsive": True,
    # plotly.js can upload a chart to a cloud service: no button, and no address to send it to.
    "showSendToCloud": False,
    "sendData": False,
    "showLink": False,
    "plotlyServerURL": "",
}


def graph(
    id: str | dict[str, str],
    figure: dict[str, Any] | None,
    *,
    height: int | None = None,
    label: str = "",
    **changes: Any,
) -> html.Div:
    """Return a graph in a box of its final height, so that nothing moves when it is drawn.

    Parameters
    ----------
    id : str or dict
        Id of the `dcc.Graph`.
    figure : dict or None
        Plotly figure, at most 2,000 points a line; None: drawn by a callback.
    height : int or None
        Pixels; None: the height of the box is set by the style sheet.
    label : str
        What the chart shows, for those who cannot see it.
    changes : Any
        Replace keys of the configuration, for example `doubleClick="reset"`.
    """
    style = {} if height is None else {"height": height}
    config: Any = {**CONFIG, **changes}
    chart = dcc.Graph(
        id=id,
        figure=figure or {"data": [], "layout": empty_layout()},
        config=config,
        style={"height": "100%"},
        className="graph",
    )
    named = attributes(role="img", aria_label=label) if label else {}
    return html.Div(chart, className="graph-box", style=style, **named)


def empty_layout() -> dict[str, Any]:
    """Return the layout of a graph that has nothing to show yet: no axes, no colour."""
    hidden = {"visible": False, "fixedrange": True}
    return {
        "xaxis": hidden,
        "yaxis": hidden,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
    }
