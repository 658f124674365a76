"""A chart over time, with what the browser needs for its crosshair and selection."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from dash import html
from dash.development.base_component import Component

from dashboard.components.basics import attributes


def timechart(
    chart: Component, time: npt.ArrayLike, *, right: int, selects: bool = False
) -> Component:
    """Return a chart over time with what the browser needs for crosshair and selection.

    Parameters
    ----------
    chart : Component
    time : array_like
        Its times (UTC ms); the first and the last are the ends of its axis.
    right : int
        Its right margin in pixels; the left one is 12.
    selects : bool
        Whether dragging selects a period.
    """
    times = np.asarray(time, dtype=np.float64)
    ends = (times[0], times[-1]) if times.size else (0.0, 0.0)
    data = attributes(
        data_first=f"{ends[0]:.0f}",
        data_last=f"{ends[1]:.0f}",
        data_right=str(right),
        data_selects=str(int(selects)),
    )
    return html.Div(chart, className="timechart", **data)
