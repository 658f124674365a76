"""What a sweep comes to beside its map: slices, return against drawdown, how it carries over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from dashboard import formatting
from dashboard.figures import axes
from dashboard.figures.axes import FloatArray
from dashboard.figures.heatmap import place_ticks
from dashboard.theme import Figure, Theme, axis, color, line

SLICE_HEIGHT = 230
PARETO_HEIGHT = 300
CARRY_HEIGHT = 176

Text = Callable[[float], str]


class Profile(NamedTuple):
    """A metric along one axis: through one point, and its quartiles over all points.

    Arrays of shape (n_values,), NaN where there is none; `at` is the point's own position. `first`
    and `step` are of the values where these are equally far apart, else `step` is 0.
    """

    name: str
    texts: Sequence[str]
    through: FloatArray
    low: FloatArray
    middle: FloatArray
    high: FloatArray
    at: int | None
    first: float = 0.0
    step: float = 0.0


def slice_figure(profile: Profile, text: Text, theme: Theme) -> Figure:
    """Return a metric along one axis: the line through one point over the quartiles of all."""
    figure = axes.chart(theme, right=46)
    axes.with_hover(figure, theme)
    layout = figure["layout"]
    layout["margin"] = {**layout["margin"], "b": 40}
    x = list(range(len(profile.texts)))
    _band(figure, x, profile.low, profile.high, theme)
    look = {"mode": "lines", "type": "scatter", "hoverinfo": "skip"}
    figure["data"].append(
        {
            **look,
            "x": x,
            "y": axes.typed(profile.middle),
            "line": line("benchmark", theme, 1.1, "4px,3px"),
            "meta": "middle",
        }
    )
    hover = [
        f"{profile.name} {value}<br>{text(y)}<br>median of all {text(m)}"
        for value, y, m in zip(profile.texts, profile.through, profile.middle, strict=True)
    ]
    figure["data"].append(
        {
            "type": "scatter",
            "mode": "lines+markers" if len(x) <= 60 else "lines",
            "x": x,
            "y": axes.typed(profile.through),
            "line": line("accent", theme),
            "marker": {"size": 4, "color": color("accent", theme)},
            "hovertext": hover,
            "hoverinfo": "text",
            "meta": "through",
        }
    )
    if profile.at is not None and np.isfinite(profile.through[profile.at]):
        figure["data"].append(_point(profile.at, float(profile.through[profile.at]), theme))
    shown = np.concatenate([profile.through, profile.low, profile.high])
    known = shown[np.isfinite(shown)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    y_bounds = axes.padded(low, high)
    layout["xaxis"] = _value_side(theme, profile)
    layout["yaxis"] = axes.value_axis(
        theme, axes.linear_ticks(*y_bounds, 4), text, range=list(y_bounds)
    )
    return figure


def _band(
    figure: Figure, x: Sequence[int], low: FloatArray, high: FloatArray, theme: Theme
) -> None:
    """Draw the range between two lines; a filled line from the lower to the upper one."""
    none = {"width": 0, "color": "rgba(0,0,0,0)"}
    for name, values in (("low", low), ("high", high)):
        trace: dict[str, Any] = {
            "type": "scatter",
            "mode": "lines",
            "x": list(x),
            "y": axes.typed(values),
            "line": none,
            "hoverinfo": "skip",
            "meta": name,
        }
        if name == "high":
            trace |= {"fill": "tonexty", "fillcolor": color("benchmark", theme, 0.18)}
        figure["data"].append(trace)


def _point(x: float, y: float, theme: Theme) -> dict[str, Any]:
    edge = {"width": 2, "color": color("accent", theme)}
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [x],
        "y": [y],
        "marker": {"size": 10, "color": color("surface", theme), "line": edge},
        "hoverinfo": "skip",
        "meta": "point",
    }


def _value_side(theme: Theme, profile: Profile, n_max: int = 8) -> dict[str, Any]:
    name, texts = profile.name, profile.texts
    ticks, words = place_ticks(texts, profile.first, profile.step, n_max)
    edge = 0.5 if len(texts) < 20 else len(texts) * 0.02
    return axis(
        theme,
        tickvals=ticks,
        ticktext=words,
        tickangle=0,
        range=[-edge, len(texts) - 1 + edge],
        title={"text": name, "font": {"size": 11}, "standoff": 6},
    )


class Cloud(NamedTuple):
    """Points of a scatter: coordinates, the text of each on hover, and its number in the sweep."""

    x: FloatArray
    y: FloatArray
    texts: Sequence[str]
    numbers: Sequence[int]


def pareto_figure(
    cloud: Cloud, front: Cloud, theme: Theme, *, picked: Mapping[str, tuple[float, float]]
) -> Figure:
    """Return return a year against the deepest drawdown, with the points nothing else beats.

    Parameters
    ----------
    cloud : Cloud
        A sample of all points; x drawdowns (fractions ≤ 0), y returns.
    front : Cloud
        From the shallowest drawdown to the deepest; drawn as a line.
    theme : Theme
    picked : mapping
        Name of a point that is marked, and where it is: "plateau", "best".
    """
    figure = axes.chart(theme, right=52)
    axes.with_hover(figure, theme)
    layout = figure["layout"]
    layout["margin"] = {**layout["margin"], "b": 40}
    figure["data"].append(
        {
            "type": "scatter",
            "mode": "markers",
            "x": axes.typed(-cloud.x),
            "y": axes.typed(cloud.y),
            "marker": {"size": 4, "color": color("ink3", theme), "opacity": 0.55},
            "customdata": list(cloud.numbers),
            "hovertext": list(cloud.texts),
            "hoverinfo": "text",
            "meta": "points",
        }
    )
    figure["data"].append(
        {
            "type": "scatter",
            "mode": "lines+markers",
            "x": axes.typed(-front.x),
            "y": axes.typed(front.y),
            "line": {**line("accent", theme), "shape": "hv"},
            "marker": {"size": 6, "color": color("accent", theme)},
            "customdata": list(front.numbers),
            "hovertext": list(front.texts),
            "hoverinfo": "text",
            "meta": "front",
        }
    )
    for i, (name, (x, y)) in enumerate(picked.items()):
        # Above and below in turn, so that near ones are told apart.
        where = {"xref": "x", "yref": "y", "yshift": 14 if i % 2 else -14}
        layout["annotations"].append(axes.note(name, -x, y, color("ink", theme), **where))
        figure["data"].append(_point(-x, y, theme))
    xs = -np.concatenate([cloud.x, front.x])
    ys = np.concatenate([cloud.y, front.y])
    x_bounds = axes.padded(float(xs.min(initial=0.0)), float(xs.max(initial=0.01)))
    y_bounds = axes.padded(float(ys.min(initial=0.0)), float(ys.max(initial=0.01)))
    x_ticks = axes.linear_ticks(max(x_bounds[0], 0.0), x_bounds[1], 6)
    layout["xaxis"] = axis(
        theme,
        tickvals=x_ticks,
        ticktext=[formatting.percent(-tick, 0) for tick in x_ticks],
        range=list(x_bounds),
        title={"text": "max drawdown", "font": {"size": 11}, "standoff": 6},
    )
    layout["yaxis"] = axes.value_axis(
        theme,
        axes.linear_ticks(*y_bounds, 6),
        lambda value: formatting.signed_percent(value, 0),
        range=list(y_bounds),
        **axes.zero_line(theme),
    )
    return figure


def logit_figure(edges: Sequence[float], counts: Sequence[int], theme: Theme) -> Figure:
    """Return where the best of one half ends up in the other: worse than the median is orange.

    Parameters
    ----------
    edges : sequence of float, shape (n_bins + 1,)
        Of ln(rank / (1 - rank)), the out-of-sample rank of the best in sample; zero is an edge.
    counts : sequence of int, shape (n_bins,)
        In how many of the ways to halve the data.
    theme : Theme
    """
    ends = np.asarray(edges, dtype=np.float64)
    middles = (ends[:-1] + ends[1:]) / 2.0
    share = np.asarray(counts, dtype=np.float64) / max(sum(counts), 1)
    figure = axes.chart(theme, right=8)
    axes.with_hover(figure, theme)
    layout = figure["layout"]
    layout["margin"] = {"l": 8, "r": 8, "t": 4, "b": 24}
    layout["bargap"] = 0.08
    figure["data"].append(
        {
            "type": "bar",
            "x": axes.typed(middles),
            "y": axes.typed(share),
            "marker": {"color": [color("down" if x < 0 else "up", theme) for x in middles]},
            "hovertext": [f"{formatting.percent(part)} of the ways to halve" for part in share],
            "hoverinfo": "text",
        }
    )
    low, high = float(ends[0]), float(ends[-1])
    layout["xaxis"] = axis(
        theme,
        tickvals=[low * 0.75, 0.0, high * 0.75],
        ticktext=["worse", "median", "better"],
        range=[low, high],
        showgrid=False,
    )
    layout["yaxis"] = axis(theme, visible=False, range=[0.0, float(share.max(initial=0.01)) * 1.05])
    return figure


def carry_figure(inside: FloatArray, outside: FloatArray, theme: Theme) -> Figure:
    """Return a metric in the first part of the data against the same in the rest, with y = x."""
    x = np.asarray(inside, dtype=np.float64)
    y = np.asarray(outside, dtype=np.float64)
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    figure = axes.chart(theme, right=40)
    axes.with_hover(figure, theme)
    layout = figure["layout"]
    layout["margin"] = {"l": 8, "r": 40, "t": 4, "b": 24}
    x_bounds = axes.padded(float(x.min(initial=0.0)), float(x.max(initial=0.0)))
    y_bounds = axes.padded(float(y.min(initial=0.0)), float(y.max(initial=0.0)))
    low, high = max(x_bounds[0], y_bounds[0]), min(x_bounds[1], y_bounds[1])
    if high > low:
        ends = {"type": "line", "x0": low, "y0": low, "x1": high, "y1": high, "layer": "below"}
        layout["shapes"].append({**ends, "line": line("benchmark", theme, 1.1, "4px,3px")})
    figure["data"].append(
        {
            "type": "scatter",
            "mode": "markers",
            "x": axes.typed(x),
            "y": axes.typed(y),
            "marker": {"size": 4, "color": color("up", theme), "opacity": 0.5},
            "hovertemplate": "in sample %{x:.2f}<br>out of sample %{y:.2f}<extra></extra>",
        }
    )
    x_ticks = axes.linear_ticks(*x_bounds, 4)
    layout["xaxis"] = axis(
        theme,
        tickvals=x_ticks,
        ticktext=[formatting.decimal(tick, 1) for tick in x_ticks],
        range=list(x_bounds),
    )
    layout["yaxis"] = axes.value_axis(
        theme,
        axes.linear_ticks(*y_bounds, 4),
        lambda value: formatting.decimal(value, 1),
        range=list(y_bounds),
        **axes.zero_line(theme),
    )
    return figure
