"""How far trades went for and against their entry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from dashboard import formatting
from dashboard.figures import axes
from dashboard.theme import Figure, Theme, axis, color, line

HEIGHT = 276
_MAX_POINTS = 2000


def excursion_figure(
    trades: Mapping[str, Any], kind: Literal["mae", "mfe"], theme: Theme
) -> Figure:
    """Return each trade's return against its worst (mae) or best (mfe) excursion.

    A win is hollow, a loss is filled. On the diagonal a trade left at its extreme.

    Parameters
    ----------
    trades : mapping of str to sequence
        `symbol`, `entry_time` (UTC ms), `return`, and `mae` or `mfe` (fractions of the entry).
    kind : {"mae", "mfe"}
    theme : Theme
    """
    returns = np.asarray(trades["return"], dtype=np.float64)
    excursions = np.asarray(trades[kind], dtype=np.float64)
    shown = np.flatnonzero(np.isfinite(returns) & np.isfinite(excursions))
    if shown.size > _MAX_POINTS:
        shown = shown[np.linspace(0, shown.size - 1, _MAX_POINTS).astype(np.intp)]
    x, y = excursions[shown], returns[shown]
    figure = axes.chart(theme)
    axes.with_hover(figure, theme)
    reach = float(x.min(initial=0.0) if kind == "mae" else x.max(initial=0.0))
    diagonal = {"x0": 0, "y0": 0, "x1": reach, "y1": reach}
    look = line("benchmark", theme, 1.1, "4px,3px")
    figure["layout"]["shapes"].append({"type": "line", **diagonal, "line": look})
    for is_win, symbol, name in ((True, "circle-open", "up"), (False, "circle", "down")):
        chosen = (y > 0) == is_win
        figure["data"].append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": x[chosen].tolist(),
                "y": y[chosen].tolist(),
                "marker": {"symbol": symbol, "size": 6, "color": color(name, theme)},
                "hovertext": [_describe(trades, i, kind) for i in shown[chosen]],
                "hoverinfo": "text",
            }
        )
    x_bounds = axes.padded(min(reach, 0.0), max(reach, 0.0), 0.04)
    y_bounds = axes.padded(float(y.min(initial=0.0)), float(y.max(initial=0.0)))
    x_ticks = axes.linear_ticks(*x_bounds, 6)
    figure["layout"]["xaxis"] = axis(
        theme, tickvals=x_ticks, ticktext=[_percent(tick) for tick in x_ticks], range=list(x_bounds)
    )
    figure["layout"]["yaxis"] = axes.value_axis(
        theme,
        axes.linear_ticks(*y_bounds, 6),
        _percent,
        range=list(y_bounds),
        **axes.zero_line(theme),
    )
    return figure


def _describe(trades: Mapping[str, Any], i: int, kind: str) -> str:
    return (
        f"{trades['symbol'][i]} {formatting.date(float(trades['entry_time'][i]))}<br>"
        f"Return {formatting.signed_percent(float(trades['return'][i]))}<br>"
        f"{kind.upper()} {formatting.signed_percent(float(trades[kind][i]))}"
    )


def _percent(value: float) -> str:
    return formatting.signed_percent(value, 0 if abs(value) >= 0.01 or value == 0 else 1)
