"""A fan: how simulated accounts spread over time, with the actual one where it has a course."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dashboard import formatting
from dashboard.figures import axes
from dashboard.figures.axes import FloatArray
from dashboard.theme import Figure, Theme, axis, color, line

HEIGHT = 260
_ALPHA = {"p05": 0.12, "p25": 0.22}


def fan_figure(
    fan: Mapping[str, Any],
    theme: Theme,
    *,
    actual: tuple[FloatArray, FloatArray] | None = None,
    end: float | None = None,
    n_ticks: int = 6,
) -> Figure:
    """Return quantiles as bands about their median: 5 to 95 %, and 25 to 75 %.

    Parameters
    ----------
    fan : mapping
        `axis` ("time" or "trade"), `at` (UTC ms, or numbers of trades), and p05, p25, p50, p75, p95
        (money).
    theme : Theme
    actual : (ndarray, ndarray), optional
        Where, and the money of the run itself.
    end : float, optional
        The run's final money, as a point, where its course cannot be drawn.
    n_ticks : int
        Labels below the chart, at most.
    """
    at = np.asarray(fan["at"], dtype=np.float64)
    figure = axes.chart(theme, right=52)
    layout = figure["layout"]
    for low, high in (("p05", "p95"), ("p25", "p75")):
        _band(figure, at, fan[low], fan[high], color("benchmark", theme, _ALPHA[low]))
    look = line("benchmark", theme, 1.1, "4px,3px")
    _line(figure, at, np.asarray(fan["p50"], dtype=np.float64), look, "p50")
    shown = [np.asarray(fan[name], dtype=np.float64) for name in ("p05", "p95")]
    if actual is not None:
        _line(figure, *actual, line("accent", theme), "equity")
        shown.append(actual[1])
    if end is not None and at.size:
        figure["data"].append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [float(at[-1])],
                "y": [end],
                "cliponaxis": False,
                "marker": {"size": 8, "color": color("accent", theme)},
                "hoverinfo": "skip",
                "meta": "end",
            }
        )
        shown.append(np.array([end]))
    layout["yaxis"] = _money_axis(np.concatenate(shown), theme)
    if fan["axis"] == "time":
        layout["xaxis"] = {**axes.time_axis(theme, at), "nticks": n_ticks, "tickangle": 0}
    else:
        ticks = axes.linear_ticks(0.0, float(at[-1]) if at.size else 1.0, n_ticks)
        texts = [formatting.integer(tick) for tick in ticks]
        title = {"text": "closed trades", "font": {"size": 11}, "standoff": 6}
        span = [0.0, float(at[-1]) if at.size else 1.0]
        layout["margin"] = {**layout["margin"], "b": 40}
        layout["xaxis"] = axis(theme, tickvals=ticks, ticktext=texts, range=span, title=title)
    return figure


def _band(figure: Figure, at: FloatArray, low: Any, high: Any, shade: str) -> None:
    none = {"width": 0, "color": "rgba(0,0,0,0)"}
    for values, fill in ((low, {}), (high, {"fill": "tonexty", "fillcolor": shade})):
        figure["data"].append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": axes.typed(at),
                "y": axes.typed(values),
                "line": none,
                "hoverinfo": "skip",
                **fill,
            }
        )


def _line(
    figure: Figure, at: FloatArray, values: FloatArray, look: dict[str, Any], name: str
) -> None:
    figure["data"].append(
        {
            "type": "scatter",
            "mode": "lines",
            "x": axes.typed(at),
            "y": axes.typed(values),
            "line": look,
            "hoverinfo": "skip",
            "meta": name,
        }
    )


def _money_axis(values: FloatArray, theme: Theme) -> dict[str, Any]:
    """Return the axis of money, logarithmic where nothing is lost entirely."""
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    if low > 0.0:
        bounds = axes.padded(float(np.log10(low)), float(np.log10(high)), 0.05)
        ticks = axes.log_ticks(low, high, 5)
        return axes.value_axis(theme, ticks, formatting.short_money, type="log", range=list(bounds))
    bounds = axes.padded(low, high, 0.05)
    return axes.value_axis(
        theme, axes.linear_ticks(low, high, 5), formatting.short_money, range=list(bounds)
    )
