"""Several runs' equity from a common start, above their drawdowns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from dashboard import formatting
from dashboard.figures import axes
from dashboard.figures.axes import FloatArray
from dashboard.theme import Figure, Theme, color, line

Kind = Literal["equity", "relative"]
Scale = Literal["log", "linear"]

HEIGHT = 430
_PIXELS = HEIGHT - 30.0
_EQUITY_DOMAIN = (0.34, 1.0)
_UNDERWATER_DOMAIN = (0.0, 0.28)
_MAX_ENDS = 8
"""Lines whose last value is printed at their end; more would not be told apart."""


class Look(NamedTuple):
    """A run's colour (a token) and dash."""

    token: str
    dash: str


def compare_figure(
    curves: Mapping[str, Any],
    looks: Sequence[Look],
    theme: Theme,
    *,
    base: int = 0,
    kind: Kind = "equity",
    scale: Scale = "log",
) -> Figure:
    """Return the runs' equity, 100 at the common start, and their drawdowns on one time axis.

    Parameters
    ----------
    curves : mapping
        `time` (UTC ms), `equity` (a list a run, 1 at the start, null after its end), `drawdown`.
    looks : sequence of Look
        One a run.
    theme : Theme
    base : int
        The run that the others are divided by in the kind "relative"; its line is thicker.
    kind : {"equity", "relative"}
        Relative draws run / base - 1.
    scale : {"log", "linear"}
        Of the equity; a curve that reaches zero is drawn on a linear one.
    """
    time = np.asarray(curves["time"], dtype=np.float64)
    equity = [np.asarray(row, dtype=np.float64) for row in curves["equity"]]
    falls = [np.asarray(row, dtype=np.float64) for row in curves["drawdown"]]
    figure = axes.chart(theme, right=58)
    figure["layout"]["xaxis"] = axes.time_axis(theme, time, anchor="y2")
    x = axes.typed(time)
    with np.errstate(divide="ignore", invalid="ignore"):
        rows = [row / equity[base] - 1.0 for row in equity] if kind == "relative" else equity
    # The base is drawn last, over the others.
    order = [*(i for i in range(len(looks)) if i != base), base]
    for part, values, axis in (("run", rows, "y"), ("fall", falls, "y2")):
        for i in order:
            width = 1.7 if i == base else 1.2
            figure["data"].append(
                {
                    "type": "scatter",
                    "mode": "lines",
                    "x": x,
                    "y": axes.typed(values[i] * (100.0 if axis == "y" and kind == "equity" else 1)),
                    "yaxis": axis,
                    "meta": f"{part}-{i}",
                    "line": line(looks[i].token, theme, width, looks[i].dash),
                }
            )
    _add_equity_axis(figure, rows, looks, theme, kind=kind, is_log=scale == "log")
    _add_underwater_axis(figure, falls, theme)
    return figure


def _add_equity_axis(
    figure: Figure,
    rows: Sequence[FloatArray],
    looks: Sequence[Look],
    theme: Theme,
    *,
    kind: Kind,
    is_log: bool,
) -> None:
    is_relative = kind == "relative"
    shown = [row[np.isfinite(row)] * (1.0 if is_relative else 100.0) for row in rows]
    values = np.concatenate([row for row in shown if row.size] or [np.array([0.0, 1.0])])
    low, high = float(values.min()), float(values.max())
    is_log = is_log and not is_relative and low > 0.0
    place = math.log10 if is_log else float
    text = formatting.signed_percent if is_relative else _hundred
    bounds = axes.padded(place(low), place(high), 0.04)
    scale = (_EQUITY_DOMAIN[1] - _EQUITY_DOMAIN[0]) * _PIXELS / (bounds[1] - bounds[0])
    ends = [(float(row[-1]), look) for row, look in zip(shown, looks, strict=True) if row.size]
    ends = ends if len(ends) <= _MAX_ENDS else []
    placed = axes.spread_labels([place(value) * scale for value, _ in ends])
    for (value, look), got in zip(ends, placed, strict=True):
        where = {"yref": "y", "xshift": 4, "xanchor": "left"}
        shift = {"yshift": got - place(value) * scale}
        label = axes.note(
            f"<b>{text(value)}</b>", 1.0, place(value), color(look.token, theme), **where, **shift
        )
        figure["layout"]["annotations"].append(label)
    ticks = axes.log_ticks(low, high) if is_log else axes.linear_ticks(low, high)
    free = [t for t in ticks if all(abs(place(t) * scale - got) > 12.0 for got in placed)]
    figure["layout"]["yaxis"] = axes.value_axis(
        theme,
        free,
        (lambda value: formatting.signed_percent(value, 0)) if is_relative else _hundred,
        type="log" if is_log else "linear",
        range=list(bounds),
        domain=list(_EQUITY_DOMAIN),
        **(axes.zero_line(theme, "benchmark") if is_relative else {}),
    )


def _hundred(value: float) -> str:
    return formatting.decimal(value, 0)


def _add_underwater_axis(figure: Figure, falls: Sequence[FloatArray], theme: Theme) -> None:
    low = min([float(np.nanmin(fall)) for fall in falls if np.isfinite(fall).any()] or [0.0])
    low = min(low * 1.06, -0.01)
    figure["layout"]["yaxis2"] = axes.value_axis(
        theme,
        axes.linear_ticks(low, 0.0, 4),
        lambda value: formatting.percent(value, 0),
        range=[low, 0.004],
        domain=list(_UNDERWATER_DOMAIN),
    )
    title = axes.note("Underwater", 0.0, _UNDERWATER_DOMAIN[1], color("ink2", theme))
    figure["layout"]["annotations"].append({**title, "xanchor": "left", "yanchor": "bottom"})
