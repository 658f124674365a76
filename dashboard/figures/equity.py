"""Equity with its benchmark and the range over intrabar rules, above the underwater curve.

Each line carries a name in `meta`, by which the page finds the value under the crosshair.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from dashboard import formatting
from dashboard.figures import axes
from dashboard.figures.axes import FloatArray
from dashboard.theme import Figure, Theme, color, line

Scale = Literal["log", "linear", "relative"]

HEIGHT = 540
PHONE_HEIGHT = 290
_MARGINS = 30
_EQUITY_DOMAIN = (0.31, 1.0)
_UNDERWATER_DOMAIN = (0.0, 0.25)


def equity_figure(
    curves: Mapping[str, FloatArray],
    drawdowns: Sequence[Mapping[str, Any]],
    theme: Theme,
    *,
    scale: Scale = "log",
    height: int = HEIGHT,
) -> Figure:
    """Return equity over time and, on the same time axis, its drawdown.

    Parameters
    ----------
    curves : mapping of str to ndarray, equally long
        `time` (UTC ms), `equity`, `drawdown`, and where they exist `benchmark`,
        `benchmark_drawdown`, `band_low`, `band_high`.
    drawdowns : sequence of mappings
        The deepest first, each with `trough` (ISO 8601 or UTC ms) and `depth`; the first five are
        numbered in the chart.
    theme : Theme
    scale : {"log", "linear", "relative"}
        Relative draws strategy / benchmark - 1, both from 1 at the first bar that both have. A
        log axis cannot show an equity of zero or less: such a run is drawn on a linear one.
    height : int
        Pixels of its box, by which the values at the ends of lines are kept apart.
    """
    time = np.asarray(curves["time"], dtype=np.float64)
    figure = axes.chart(theme, right=58)
    figure["layout"]["xaxis"] = axes.time_axis(theme, time, anchor="y2")
    pixels = float(height - _MARGINS)
    if scale == "relative" and "benchmark" in curves:
        _add_relative(figure, curves, theme, pixels)
    else:
        _add_equity(figure, curves, theme, pixels, is_log=scale == "log")
    _add_underwater(figure, curves, drawdowns, theme, pixels)
    x = axes.typed(time)
    for trace in figure["data"]:
        trace.update(type="scatter", mode="lines", x=x, y=axes.typed(trace["y"]))
    return figure


def has_band(curves: Mapping[str, FloatArray]) -> bool:
    """Return whether the three intrabar rules lead to different equity anywhere."""
    if "band_low" not in curves or "band_high" not in curves:
        return False
    return bool(np.any(curves["band_high"] - curves["band_low"] > 1e-9 * np.abs(curves["equity"])))


def _add_equity(
    figure: Figure, curves: Mapping[str, FloatArray], theme: Theme, pixels: float, *, is_log: bool
) -> None:
    shown = [n for n in ("equity", "benchmark") if n in curves]
    band = ["band_low", "band_high"] if has_band(curves) else []
    low = min(float(np.nanmin(curves[n])) for n in shown + band)
    high = max(float(np.nanmax(curves[n])) for n in shown + band)
    is_log = is_log and low > 0.0
    edge = {"color": color("accent", theme, 0.55), "width": 0.7}
    for name in band:
        figure["data"].append({"y": curves[name], "meta": name, "line": edge})
    if band:
        figure["data"][-1].update(fill="tonexty", fillcolor=color("accent", theme, 0.22))
    looks = {"equity": line("accent", theme), "benchmark": _dashed(theme)}
    for name in reversed(shown):
        figure["data"].append({"y": curves[name], "meta": name, "line": looks[name]})
    place: Callable[[float], float] = math.log10 if is_log else float
    bounds = axes.padded(place(low), place(high), 0.04)
    ends = [(float(curves[n][-1]), _end_look(n, theme)) for n in shown]
    ticks = axes.log_ticks(low, high) if is_log else axes.linear_ticks(low, high)
    figure["layout"]["yaxis"] = axes.value_axis(
        theme,
        _label_ends(figure, ticks, ends, place, bounds, "y", pixels, formatting.short_money),
        formatting.short_money,
        type="log" if is_log else "linear",
        range=list(bounds),
        domain=list(_EQUITY_DOMAIN),
    )


def _add_relative(
    figure: Figure, curves: Mapping[str, FloatArray], theme: Theme, pixels: float
) -> None:
    ratio = curves["equity"] / curves["benchmark"]
    known = ratio[np.isfinite(ratio)]
    ahead = ratio / (known[0] if known.size else np.nan) - 1.0
    figure["data"].append(
        {
            "y": ahead,
            "meta": "relative",
            "line": line("accent", theme),
            "fill": "tozeroy",
            "fillcolor": color("accent", theme, 0.1),
        }
    )
    low, high = min(float(np.nanmin(ahead)), 0.0), max(float(np.nanmax(ahead)), 0.0)
    bounds = axes.padded(low, high, 0.04)
    ends = [(float(ahead[-1]), _end_look("equity", theme))]
    ticks = axes.linear_ticks(low, high)
    figure["layout"]["yaxis"] = axes.value_axis(
        theme,
        _label_ends(figure, ticks, ends, float, bounds, "y", pixels, formatting.signed_percent),
        lambda value: formatting.signed_percent(value, 0),
        range=list(bounds),
        domain=list(_EQUITY_DOMAIN),
        **axes.zero_line(theme, "benchmark"),
    )


def _add_underwater(
    figure: Figure,
    curves: Mapping[str, FloatArray],
    drawdowns: Sequence[Mapping[str, Any]],
    theme: Theme,
    pixels: float,
) -> None:
    low = float(np.nanmin(curves["drawdown"]))
    if "benchmark_drawdown" in curves:
        low = min(low, float(np.nanmin(curves["benchmark_drawdown"])))
        look = {"meta": "benchmark_drawdown", "line": _dashed(theme), "yaxis": "y2"}
        figure["data"].append({"y": curves["benchmark_drawdown"], **look})
    figure["data"].append(
        {
            "y": curves["drawdown"],
            "meta": "drawdown",
            "line": line("down", theme, 1.2),
            "fill": "tozeroy",
            "fillcolor": color("down", theme, 0.25),
            "yaxis": "y2",
        }
    )
    bounds = (min(low * 1.12, -0.01), 0.004)
    ends = [(float(curves["drawdown"][-1]), (color("down", theme), True))]
    ticks = axes.linear_ticks(bounds[0], 0.0, 4)
    figure["layout"]["yaxis2"] = axes.value_axis(
        theme,
        _label_ends(figure, ticks, ends, float, bounds, "y2", pixels, formatting.percent),
        lambda value: formatting.percent(value, 0),
        range=list(bounds),
        domain=list(_UNDERWATER_DOMAIN),
    )
    muted = color("ink2", theme)
    notes = figure["layout"]["annotations"]
    title = axes.note("Underwater", 0.0, _UNDERWATER_DOMAIN[1], muted)
    notes.append({**title, "xanchor": "left", "yanchor": "bottom"})
    for number, drawdown in enumerate(drawdowns[:5], start=1):
        at = formatting.instant(drawdown["trough"]).timestamp() * 1000.0
        where = {"xref": "x", "yref": "y2", "yshift": -8}
        notes.append(axes.note(str(number), at, drawdown["depth"], muted, **where))


def _dashed(theme: Theme) -> dict[str, Any]:
    return line("benchmark", theme, 1.1, "4px,3px")


def _end_look(name: str, theme: Theme) -> tuple[str, bool]:
    """Return colour and weight of the value printed at a line's end."""
    return (color("accent", theme), True) if name == "equity" else (color("ink2", theme), False)


def _label_ends(
    figure: Figure,
    ticks: Sequence[float],
    ends: Sequence[tuple[float, tuple[str, bool]]],
    place: Callable[[float], float],
    bounds: tuple[float, float],
    axis: str,
    pixels: float,
    text: Callable[[float], str],
) -> list[float]:
    """Print last values beside their lines, apart from one another; return the ticks left room.

    `place` maps a value to its position on the axis, on which `bounds` are given; `pixels` is the
    height of the whole plot.
    """
    low, high = _EQUITY_DOMAIN if axis == "y" else _UNDERWATER_DOMAIN
    scale = (high - low) * pixels / (bounds[1] - bounds[0])
    ends = [end for end in ends if math.isfinite(end[0]) and (place is float or end[0] > 0.0)]
    wanted = [place(value) * scale for value, _ in ends]
    placed = axes.spread_labels(wanted)
    for (value, (colour, is_bold)), want, got in zip(ends, wanted, placed, strict=True):
        label = f"<b>{text(value)}</b>" if is_bold else text(value)
        where = {"yref": axis, "yshift": got - want, "xshift": 4, "xanchor": "left"}
        figure["layout"]["annotations"].append(axes.note(label, 1.0, place(value), colour, **where))
    return [tick for tick in ticks if all(abs(place(tick) * scale - got) > 12.0 for got in placed)]
