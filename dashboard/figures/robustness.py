"""The run with one thing changed: result against costs, and dots about the run itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from dashboard import formatting
from dashboard.figures import axes
from dashboard.theme import Figure, Theme, axis, color, line

COSTS_HEIGHT = 300
ROW = 26
_FOOT = 34
_LABELS = 136
# From these shares of the width on, a name stands left of its line: the curve falls, so that the
# top left and the bottom right corners are its own.
ROOM_TOP, ROOM_BOTTOM = 0.8, 0.4


class Dot(NamedTuple):
    """One variant: its name, its number, and what was changed."""

    label: str
    value: float
    detail: str


def dots_height(n_rows: int) -> int:
    """Return the pixels that `n_rows` dots need."""
    return ROW * max(n_rows, 1) + _FOOT


def dots_figure(
    dots: Sequence[Dot],
    base: float,
    text: Callable[[float], str],
    theme: Theme,
    *,
    more_is_better: bool = True,
) -> Figure:
    """Return one row a variant: a line from this run's number to the variant's dot.

    Parameters
    ----------
    dots : sequence of Dot
        From top to bottom.
    base : float
        The run's own number: the vertical line.
    text : callable
        How the number is printed.
    theme : Theme
    more_is_better : bool
        A better dot is hollow, a worse one is filled.
    """
    figure = axes.chart(theme, right=76)
    axes.with_hover(figure, theme)
    layout = figure["layout"]
    layout["margin"] = {**layout["margin"], "l": _LABELS}
    rows = [float(-i) for i in range(len(dots))]
    low, high = min([base, *(d.value for d in dots)]), max([base, *(d.value for d in dots)])
    bounds = axes.padded(low, high, 0.08)
    for is_better, symbol, name in ((True, "circle-open", "up"), (False, "circle", "down")):
        own = [
            (row, dot)
            for row, dot in zip(rows, dots, strict=True)
            if ((dot.value >= base) if more_is_better else (dot.value <= base)) == is_better
        ]
        if not own:
            continue
        shade = color(name, theme)
        edge = {"width": 2, "color": shade}
        marker = {"symbol": symbol, "size": 9, "color": shade, "line": edge}
        figure["data"].append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [dot.value for _, dot in own],
                "y": [row for row, _ in own],
                "marker": marker,
                "hovertext": [f"{dot.detail}<br>{text(dot.value)}" for _, dot in own],
                "hoverinfo": "text",
            }
        )
        layout["shapes"] += [_span(base, dot.value, row, color(name, theme)) for row, dot in own]
    edges = {"type": "line", "xref": "x", "x0": base, "x1": base, "yref": "paper", "y0": 0, "y1": 1}
    layout["shapes"].insert(0, {**edges, "line": line("accent", theme, 1.7)})
    for row, dot in zip(rows, dots, strict=True):
        end = {"yref": "y", "xanchor": "left", "xshift": 8}
        layout["annotations"].append(
            axes.note(text(dot.value), 1.0, row, color("ink", theme), **end)
        )
    layout["xaxis"] = _number_axis(theme, bounds, text)
    layout["yaxis"] = axis(
        theme,
        side="left",
        tickvals=rows,
        ticktext=[dot.label for dot in dots],
        tickfont={"size": 12, "color": color("ink2", theme)},
        range=[-len(dots) + 0.4, 0.6],
        showgrid=False,
    )
    return figure


def _span(start: float, end: float, row: float, colour: str) -> dict[str, object]:
    return {
        "type": "line",
        "x0": start,
        "x1": end,
        "y0": row,
        "y1": row,
        "line": {"color": colour, "width": 2},
        "layer": "below",
    }


def _number_axis(
    theme: Theme, bounds: tuple[float, float], text: Callable[[float], str]
) -> dict[str, object]:
    ticks = axes.linear_ticks(*bounds, 3)
    texts = [text(tick) for tick in ticks]
    return axis(theme, tickangle=0, tickvals=ticks, ticktext=texts, range=list(bounds))


def cost_figure(
    points: Sequence[tuple[float, float]],
    paid_bps: float,
    break_even_bps: float | None,
    theme: Theme,
) -> Figure:
    """Return the total return against what a side costs, with the costs that leave nothing.

    Parameters
    ----------
    points : sequence of (float, float)
        Costs a side in basis points, and the total return at them; ascending.
    paid_bps : float
        What this run paid: its point is the accented one.
    break_even_bps : float or None
        Costs at which the total return is zero, None when there are none.
    theme : Theme
    """
    figure = axes.chart(theme, right=58)
    axes.with_hover(figure, theme)
    known = sorted(points)
    hover = [
        f"{formatting.decimal(x, 1)} bps a side<br>{formatting.signed_percent(y)}" for x, y in known
    ]
    figure["data"].append(
        {
            "type": "scatter",
            "mode": "lines+markers",
            "x": [x for x, _ in known],
            "y": [y for _, y in known],
            "line": line("accent", theme),
            "marker": {"size": 6, "color": color("accent", theme)},
            "hovertext": hover,
            "hoverinfo": "text",
        }
    )
    layout = figure["layout"]
    high = max([break_even_bps or 0.0, *(x for x, _ in known)])
    x_bounds = (-0.04 * high - 0.5, 1.08 * high + 0.5)
    x_ticks = axes.linear_ticks(0.0, x_bounds[1], 7)
    layout["margin"] = {**layout["margin"], "b": 40}
    layout["xaxis"] = axis(
        theme,
        tickvals=x_ticks,
        ticktext=[formatting.decimal(tick, 0) for tick in x_ticks],
        range=list(x_bounds),
        title={"text": "costs a side, basis points", "font": {"size": 11}, "standoff": 6},
    )
    values = [y for _, y in known]
    y_bounds = axes.padded(min([0.0, *values]), max([0.0, *values]), 0.1)
    layout["yaxis"] = axes.value_axis(
        theme,
        axes.linear_ticks(*y_bounds, 6),
        lambda value: formatting.signed_percent(value, 0),
        range=list(y_bounds),
        **axes.zero_line(theme, "benchmark"),
    )
    _mark(figure, paid_bps, "this run", "accent", theme, is_top=True)
    if break_even_bps is not None:
        text = f"breaks even at {formatting.decimal(break_even_bps, 0)} bps"
        _mark(figure, break_even_bps, text, "down", theme, is_top=False)
    return figure


def _mark(figure: Figure, x: float, text: str, name: str, theme: Theme, *, is_top: bool) -> None:
    """Draw a dashed vertical line at `x` with its name, at the top or at the bottom."""
    layout = figure["layout"]
    place = {"type": "line", "xref": "x", "x0": x, "x1": x, "yref": "paper", "y0": 0, "y1": 1}
    layout["shapes"].append({**place, "line": line(name, theme, 1.1, "3px,3px")})
    low, high = layout["xaxis"]["range"]
    is_left = (x - low) / (high - low) > (ROOM_TOP if is_top else ROOM_BOTTOM)
    side = {"xanchor": "right", "xshift": -4} if is_left else {"xanchor": "left", "xshift": 4}
    side |= {"yanchor": "top" if is_top else "bottom", "bgcolor": color("surface", theme)}
    height = 1.0 if is_top else 0.0
    layout["annotations"].append(axes.note(text, x, height, color(name, theme), xref="x", **side))
