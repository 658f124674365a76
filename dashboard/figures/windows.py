"""Statistics over a moving window, and what the account held over time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dashboard import formatting
from dashboard.figures import axes
from dashboard.figures.axes import FloatArray
from dashboard.theme import Figure, Theme, color, line

HEIGHT = 320
MAX_STRIPS = 8
"""Symbols with a strip of their own; the rest is in the total only."""

_GAP = 0.075


def rolling_figure(rolling: Mapping[str, Any], theme: Theme) -> Figure:
    """Return Sharpe, volatility and beta over a moving window, stacked on one time axis.

    Parameters
    ----------
    rolling : mapping
        `time` (UTC ms), `sharpe`, `volatility`, `beta`, `benchmark_sharpe`,
        `benchmark_volatility`; null where undefined. What is empty (beta without a benchmark)
        gets no part of the chart.
    theme : Theme
    """
    rows: list[tuple[str, str, str, Callable[[float], str]]] = [
        ("Sharpe", "sharpe", "benchmark_sharpe", _short_number),
        ("Volatility", "volatility", "benchmark_volatility", _whole_percent),
        ("Beta", "beta", "", _short_number),
    ]
    rows = [row for row in rows if rolling.get(row[1])]
    time = _array(rolling["time"])
    figure = axes.chart(theme, right=46)
    figure["layout"]["xaxis"] = axes.time_axis(theme, time, anchor=f"y{len(rows)}")
    x, height = axes.typed(time), (1.0 - (len(rows) - 1) * _GAP) / len(rows)
    for number, (title, name, benchmark, text) in enumerate(rows, start=1):
        axis, top = "" if number == 1 else str(number), 1.0 - (number - 1) * (height + _GAP)
        looks = {
            benchmark: line("benchmark", theme, 1.1, "4px,3px"),
            name: line("accent", theme, 1.2),
        }
        lines = {key: _array(rolling[key]) for key in looks if rolling.get(key)}
        figure["data"] += [
            _trace(x, values, key, axis, line=looks[key]) for key, values in lines.items()
        ]
        low, high = _bounds(list(lines.values()), floor=0.0 if name == "volatility" else None)
        figure["layout"][f"yaxis{axis}"] = axes.value_axis(
            theme,
            axes.linear_ticks(low, high, 5),
            text,
            range=list(axes.padded(low, high)),
            domain=[max(top - height, 0.0), top],
        )
        _add_title(figure, title, top, color("ink2", theme))
    return figure


def exposure_figure(
    exposure: Mapping[str, FloatArray], symbols: Sequence[str], theme: Theme
) -> Figure:
    """Return the total exposure with its mean, and one strip a symbol below it.

    A stack would hide who is in; strips share one scale, so that sizes compare.

    Parameters
    ----------
    exposure : mapping of str to ndarray
        `time` (UTC ms), `total` (share of equity), and one column a symbol.
    symbols : sequence of str
        The strips in order; at most `MAX_STRIPS` are drawn, none for a single symbol.
    theme : Theme
    """
    time, total = _array(exposure["time"]), _array(exposure["total"])
    strips = [s for s in symbols if s in exposure][:MAX_STRIPS] if len(symbols) > 1 else []
    strip = min(0.13, 0.56 / len(strips)) if strips else 0.0
    figure = axes.chart(theme, right=46)
    x = axes.typed(time)
    # Without strips the total is raised, so that its lowest tick is clear of the last year.
    below = {"anchor": f"y{len(strips) + 1}"} if strips else {"anchor": "free", "position": 0.0}
    figure["layout"]["xaxis"] = axes.time_axis(theme, time, **below)
    _add_total(figure, x, total, len(strips) * strip + _GAP if strips else 0.05, theme)
    low, high = _bounds([*(_array(exposure[s]) for s in strips), np.zeros(1)])
    for number, symbol in enumerate(strips):
        name, top = f"c{number % 4 + 1}", (len(strips) - number) * strip
        look = {
            "line": {**line(name, theme, 1.0), "shape": "hv"},
            "fill": "tozeroy",
            "fillcolor": color(name, theme, 0.45),
        }
        axis = str(number + 2)
        figure["data"].append(_trace(x, _array(exposure[symbol]), symbol, axis, **look))
        figure["layout"][f"yaxis{axis}"] = axes.value_axis(
            theme,
            [],
            _whole_percent,
            range=[low * 1.05, max(high, 1e-9) * 1.05],
            domain=[top - strip, top - strip * 0.25],
            **axes.zero_line(theme, "hairline"),
        )
        _add_title(figure, symbol, top, color(name, theme))
    return figure


def _add_total(
    figure: Figure, x: dict[str, str], total: FloatArray, bottom: float, theme: Theme
) -> None:
    look = {
        "line": {**line("benchmark", theme, 1.0), "shape": "hv"},
        "fill": "tozeroy",
        "fillcolor": color("benchmark", theme, 0.3),
    }
    figure["data"].append(_trace(x, total, "total", "", **look))
    low, high = _bounds([total, np.zeros(1)])
    high = high if high > 0.0 or low < 0.0 else 1.0
    figure["layout"]["yaxis"] = axes.value_axis(
        theme,
        axes.linear_ticks(low, high, 3),
        _whole_percent,
        range=[low * 1.04, high * 1.04],
        domain=[bottom, 1.0],
    )
    _add_title(figure, "Total", 1.0, color("ink2", theme))
    mean = float(np.nanmean(total)) if total.size else 0.0
    dashes = line("ink2", theme, 1.0, "3px,3px")
    figure["layout"]["shapes"].append(
        {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": mean, "y1": mean, "line": dashes}
    )
    where = {"yref": "y", "xanchor": "right", "yanchor": "bottom", "borderpad": 1}
    text = f"mean {formatting.percent(mean, 0)}"
    figure["layout"]["annotations"].append(
        axes.note(text, 1.0, mean, color("ink", theme), bgcolor=color("surface", theme), **where)
    )


def _trace(
    x: dict[str, str], values: FloatArray, name: str, axis: str, **look: Any
) -> dict[str, Any]:
    y = axes.typed(values)
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "yaxis": f"y{axis}",
        "meta": name,
        **look,
    }


def _add_title(figure: Figure, text: str, top: float, colour: str) -> None:
    title = axes.note(text, 0.0, top, colour, xanchor="left", yanchor="top")
    figure["layout"]["annotations"].append(title)


def _bounds(lines: Sequence[FloatArray], floor: float | None = None) -> tuple[float, float]:
    """Return the least and the greatest finite value; (0, 1) when there is none."""
    values = np.concatenate([line[np.isfinite(line)] for line in lines]) if lines else np.empty(0)
    if not values.size:
        return 0.0, 1.0
    low = float(values.min())
    return low if floor is None else min(floor, low), float(values.max())


def _array(values: Any) -> FloatArray:
    """Return values as float64, null as NaN (a gap in the line)."""
    return np.asarray(values, dtype=np.float64)


def _short_number(value: float) -> str:
    return formatting.decimal(value, 0 if value == round(value) else 1)


def _whole_percent(value: float) -> str:
    return formatting.percent(value, 0)
