"""A walk-forward: its windows over time, what each chose, and how that did afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from dashboard import formatting
from dashboard.figures import axes
from dashboard.figures.axes import FloatArray
from dashboard.metrics import Metric
from dashboard.theme import Figure, Theme, axis, color, line

STITCHED_HEIGHT = 380
BARS_HEIGHT = 236
PARAMETER_HEIGHT = 118
_ROW = 20
_FOOT = 30
_EQUITY_DOMAIN = (0.33, 1.0)
_UNDERWATER_DOMAIN = (0.0, 0.27)
_LABELS = 40


class Span(NamedTuple):
    """One window: in-sample and out-of-sample from and to (UTC ms), and the words on hover."""

    in_first: float
    in_last: float
    out_first: float
    out_last: float
    text: str
    is_done: bool


def gantt_height(n_windows: int) -> int:
    """Return the pixels that `n_windows` rows need."""
    return _ROW * max(n_windows, 1) + _FOOT


def gantt_figure(spans: Sequence[Span], theme: Theme) -> Figure:
    """Return a row a window, the first on top: chosen on the grey part, tried on the blue one.

    A window that is not computed yet is pale.
    """
    figure = axes.chart(theme, right=12)
    axes.with_hover(figure, theme)
    layout = figure["layout"]
    layout["margin"] = {"l": _LABELS, "r": 12, "t": 4, "b": 26}
    layout["barmode"] = "overlay"
    rows = [float(-i) for i in range(len(spans))]
    for name, token in (("in", "ink3"), ("out", "accent")):
        first = np.array([getattr(span, f"{name}_first") for span in spans], dtype=np.float64)
        last = np.array([getattr(span, f"{name}_last") for span in spans], dtype=np.float64)
        figure["data"].append(
            {
                "type": "bar",
                "orientation": "h",
                "y": rows,
                "base": axes.typed(first),
                "x": axes.typed(last - first),
                "width": 0.62,
                "marker": {
                    "color": color(token, theme, 0.999 if name == "out" else 0.55),
                    "opacity": [1.0 if span.is_done else 0.3 for span in spans],
                },
                "hovertext": [span.text for span in spans],
                "hoverinfo": "text",
                "meta": name,
            }
        )
    ends = [min(span.in_first for span in spans), max(span.out_last for span in spans)]
    step = max(1, -(-len(spans) // 24))
    layout["xaxis"] = axis(theme, type="date", range=ends, nticks=9)
    layout["yaxis"] = axis(
        theme,
        tickvals=rows[::step],
        ticktext=[str(i + 1) for i in range(0, len(spans), step)],
        range=[-len(spans) + 0.4, 0.6],
        showgrid=False,
    )
    return figure


def sides_figure(
    inside: Sequence[float | None],
    outside: Sequence[float | None],
    metric: Metric,
    theme: Theme,
    *,
    noun: str = "window",
) -> Figure:
    """Return two bars a window: the metric where the parameters were chosen, and after it.

    Parameters
    ----------
    inside, outside : sequence of float or None
        One a window; None while it is not computed.
    metric : Metric
    theme : Theme
    noun : str
        What a window is called: a choice, where folds are traded in place of windows.
    """
    figure = axes.chart(theme, right=46)
    axes.with_hover(figure, theme)
    layout = figure["layout"]
    layout["barmode"] = "group"
    layout["bargap"] = 0.3
    layout["margin"] = {**layout["margin"], "b": 40}
    windows = list(range(1, len(inside) + 1))
    for key, values, token in (("in", inside, "ink3"), ("out", outside, "accent")):
        known = np.array([np.nan if v is None else v for v in values], dtype=np.float64)
        side = "in sample" if key == "in" else "out of sample"
        figure["data"].append(
            {
                "type": "bar",
                "x": windows,
                "y": axes.typed(known),
                "marker": {"color": color(token, theme)},
                "hovertext": [
                    f"{noun} {i}, {side}<br>{metric.label} {metric.text(float(v))}"
                    for i, v in zip(windows, known, strict=True)
                ],
                "hoverinfo": "text",
                "meta": key,
            }
        )
    shown = np.array([v for v in (*inside, *outside) if v is not None], dtype=np.float64)
    shown = shown[np.isfinite(shown)]
    bounds = axes.padded(min(0.0, shown.min(initial=0.0)), max(0.0, shown.max(initial=0.1)))
    step = max(1, -(-len(windows) // 20))
    layout["xaxis"] = axis(
        theme,
        tickvals=windows[::step],
        ticktext=[str(i) for i in windows[::step]],
        range=[0.4, len(windows) + 0.6],
        showgrid=False,
        title={"text": noun, "font": {"size": 11}, "standoff": 6},
    )
    layout["yaxis"] = axes.value_axis(
        theme,
        axes.linear_ticks(*bounds, 5),
        metric.text,
        range=list(bounds),
        **axes.zero_line(theme, "benchmark"),
    )
    return figure


def parameter_figure(
    values: Sequence[float | str | None],
    grid: Sequence[float | str],
    theme: Theme,
    *,
    noun: str = "window",
) -> Figure:
    """Return what each window chose for one parameter, on the values it could choose from.

    Parameters
    ----------
    values : sequence
        One a window, None while it is not computed.
    grid : sequence
        The values of the axis, in order; the chart's height is all of them, equally far apart.
    theme : Theme
    noun : str
        As in `sides_figure`.
    """
    places = {value: i for i, value in enumerate(grid)}
    texts = [formatting.plain(value) for value in grid]
    figure = axes.chart(theme, right=46)
    axes.with_hover(figure, theme)
    known = [(i + 1, places[v]) for i, v in enumerate(values) if v is not None and v in places]
    figure["data"].append(
        {
            "type": "scatter",
            "mode": "lines+markers",
            "x": [x for x, _ in known],
            "y": [float(y) for _, y in known],
            "line": {**line("accent", theme, 1.2), "shape": "hvh"},
            "marker": {"size": 6, "color": color("accent", theme)},
            "hovertext": [f"{noun} {x}<br>{texts[y]}" for x, y in known],
            "hoverinfo": "text",
        }
    )
    steps = sorted({0, len(grid) // 2, len(grid) - 1})
    edge = max(0.5, 0.06 * len(grid))
    every = max(1, -(-len(values) // 12))
    windows = list(range(1, len(values) + 1, every))
    figure["layout"]["xaxis"] = axis(
        theme,
        tickvals=windows,
        ticktext=[str(i) for i in windows],
        range=[0.4, len(values) + 0.6],
        showgrid=False,
    )
    figure["layout"]["yaxis"] = axis(
        theme,
        side="right",
        tickvals=steps,
        ticktext=[texts[i] for i in steps],
        range=[-edge, len(grid) - 1 + edge],
    )
    return figure


def stitched_figure(curves: Mapping[str, Any], theme: Theme, *, n_ticks: int = 9) -> Figure:
    """Return the joined out-of-sample equity with the benchmark, over its drawdown.

    Parameters
    ----------
    curves : mapping
        `time` (UTC ms), `equity`, `drawdown`, `benchmark` (may be missing), `window` (its number,
        from 0): a new window is a hairline.
    theme : Theme
    n_ticks : int
        Dates on the axis, at most.
    """
    time = np.asarray(curves["time"], dtype=np.float64)
    figure = axes.chart(theme, right=58)
    layout = figure["layout"]
    layout["xaxis"] = {
        **axes.time_axis(theme, time, anchor="y2"),
        "nticks": n_ticks,
        "tickangle": 0,
    }
    lines = {name: np.asarray(curves[name], dtype=np.float64) for name in ("equity", "drawdown")}
    if curves.get("benchmark") is not None and len(curves["benchmark"]):
        lines["benchmark"] = np.asarray(curves["benchmark"], dtype=np.float64)
    look = {
        "benchmark": line("benchmark", theme, 1.1, "4px,3px"),
        "equity": line("accent", theme),
        "drawdown": line("down", theme, 1.2),
    }
    for name in ("benchmark", "equity", "drawdown"):
        if name not in lines:
            continue
        trace: dict[str, Any] = {
            "type": "scatter",
            "mode": "lines",
            "x": axes.typed(time),
            "y": axes.typed(lines[name]),
            "line": look[name],
            "hoverinfo": "skip",
            "meta": name,
        }
        if name == "drawdown":
            fill = {"fill": "tozeroy", "fillcolor": color("down", theme, 0.25)}
            trace |= {"yaxis": "y2", **fill}
        figure["data"].append(trace)
    layout["shapes"] += _seams(time, np.asarray(curves["window"], dtype=np.float64), theme)
    shown = [lines[name] for name in ("equity", "benchmark") if name in lines]
    layout["yaxis"] = _money_axis(figure, shown, theme)
    low = min(float(np.nanmin(lines["drawdown"])) * 1.06, -0.01) if time.size else -0.01
    layout["yaxis2"] = axes.value_axis(
        theme,
        axes.linear_ticks(low, 0.0, 4),
        lambda value: formatting.percent(value, 0),
        range=[low, 0.004],
        domain=list(_UNDERWATER_DOMAIN),
    )
    title = axes.note("Underwater", 0.0, _UNDERWATER_DOMAIN[1], color("ink2", theme))
    layout["annotations"].append({**title, "xanchor": "left", "yanchor": "bottom"})
    return figure


def _seams(time: FloatArray, window: FloatArray, theme: Theme) -> list[dict[str, Any]]:
    """Return a vertical hairline where the next window's parameters take over."""
    look = line("control", theme, 1.0, "2px,3px")
    return [
        {
            "type": "line",
            "xref": "x",
            "yref": "paper",
            "x0": float(time[i]),
            "x1": float(time[i]),
            "y0": 0,
            "y1": 1,
            "layer": "below",
            "line": look,
        }
        for i in (np.flatnonzero(np.diff(window)) + 1).tolist()
    ]


def _money_axis(figure: Figure, shown: Sequence[FloatArray], theme: Theme) -> dict[str, Any]:
    """Return the axis of equity, logarithmic where it can be, last values at the lines' ends."""
    known = np.concatenate([row[np.isfinite(row)] for row in shown])
    low, high = float(known.min(initial=np.inf)), float(known.max(initial=-np.inf))
    if not np.isfinite(low):
        low, high = 0.0, 1.0
    is_log = low > 0.0
    place = np.log10 if is_log else float
    bounds = axes.padded(float(place(low)), float(place(high)), 0.05)
    pixels = (STITCHED_HEIGHT - 30.0) * (_EQUITY_DOMAIN[1] - _EQUITY_DOMAIN[0])
    scale = pixels / (bounds[1] - bounds[0])
    tokens = ("accent", "benchmark")
    ends = [
        (float(place(float(row[-1]))), token) for row, token in zip(shown, tokens, strict=False)
    ]
    placed = axes.spread_labels([end * scale for end, _ in ends])
    for (end, token), got, row in zip(ends, placed, shown, strict=True):
        where = {"yref": "y", "xshift": 4, "xanchor": "left", "yshift": got - end * scale}
        text = f"<b>{formatting.short_money(float(row[-1]))}</b>"
        figure["layout"]["annotations"].append(
            axes.note(text, 1.0, end, color(token, theme), **where)
        )
    ticks = axes.log_ticks(low, high, 5) if is_log else axes.linear_ticks(low, high, 5)
    free = [t for t in ticks if all(abs(float(place(t)) * scale - got) > 12.0 for got in placed)]
    return axes.value_axis(
        theme,
        free,
        formatting.short_money,
        type="log" if is_log else "linear",
        range=list(bounds),
        domain=list(_EQUITY_DOMAIN),
    )
