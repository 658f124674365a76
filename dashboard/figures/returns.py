"""How returns are spread: by year, as a distribution, and against the normal one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dashboard import formatting
from dashboard.figures import axes
from dashboard.figures.axes import FloatArray
from dashboard.theme import Figure, Theme, axis, color, line

HEIGHT = 240
_MAX_POINTS = 1000


def yearly_figure(years: Sequence[Mapping[str, Any]], theme: Theme) -> Figure:
    """Return a bar a year (blue up, orange down) with the benchmark as a tick.

    Parameters
    ----------
    years : sequence of mappings
        `year`, `total` and `benchmark` (fractions or None), in order.
    theme : Theme
    """
    # A few years would be a few slabs: bars keep the width they have among six.
    figure = axes.chart(theme, bargap=1.0 - 0.66 * min(len(years) / 6, 1.0))
    labels = [str(row["year"]) for row in years]
    totals = [_number(row["total"]) for row in years]
    benchmarks = [_number(row.get("benchmark")) for row in years]
    figure["data"] = [
        {
            "type": "bar",
            "x": labels,
            "y": totals,
            "marker": {"color": _sign_colours(totals, theme), "line": {"width": 0}},
            "hovertext": [
                f"{year}: {formatting.signed_percent(total)}, "
                f"benchmark {formatting.signed_percent(benchmark)}"
                for year, total, benchmark in zip(labels, totals, benchmarks, strict=True)
            ],
            "hoverinfo": "text",
        },
        {
            "type": "scatter",
            "mode": "markers",
            "x": labels,
            "y": benchmarks,
            "hoverinfo": "skip",
            "marker": {
                "symbol": "line-ew",
                "size": max(6, min(11, 110 // max(len(labels), 1))),
                "line": {"width": 2, "color": color("ink2", theme)},
            },
        },
    ]
    finite = [v for v in (*totals, *benchmarks, 0.0) if np.isfinite(v)]
    bounds = axes.padded(min(finite), max(finite), 0.08)
    axes.with_hover(figure, theme)
    figure["layout"]["xaxis"] = axis(
        theme,
        type="category",
        showgrid=False,
        tickangle=0,
        tickvals=labels[:: -(-len(labels) // 10) or 1],
    )
    figure["layout"]["yaxis"] = axes.value_axis(
        theme,
        axes.linear_ticks(*bounds, 5),
        lambda value: formatting.signed_percent(value, 0),
        range=list(bounds),
        **axes.zero_line(theme),
    )
    return figure


def distribution_figure(distribution: Mapping[str, Any], theme: Theme) -> Figure:
    """Return the histogram of returns with the normal density, VaR 95 and CVaR 95.

    Parameters
    ----------
    distribution : mapping
        `edges` (n + 1), `counts` (n), `mean`, `std`, `n`, `var_95`, `cvar_95`.
    theme : Theme
    """
    figure = axes.chart(theme, right=40, bargap=0)
    edges = np.asarray(distribution["edges"], dtype=np.float64)
    counts = np.asarray(distribution["counts"], dtype=np.float64)
    if counts.size == 0:
        return figure
    middles = (edges[:-1] + edges[1:]) / 2
    grid, density = _normal_counts(distribution, edges)
    figure["data"] = [
        {
            "type": "bar",
            "x": middles.tolist(),
            "y": counts.tolist(),
            "width": np.diff(edges).tolist(),
            "marker": {
                "color": _sign_colours(middles.tolist(), theme),
                "line": {"width": 0.5, "color": color("surface", theme)},
            },
            "hovertext": [
                f"{formatting.signed_percent(low, 2)} to {formatting.signed_percent(high, 2)}: "
                f"{formatting.integer(count)}"
                for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
            ],
            "hoverinfo": "text",
        },
        {
            "type": "scatter",
            "mode": "lines",
            "x": axes.typed(grid),
            "y": axes.typed(density),
            "line": line("ink2", theme, 1.2),
            "hoverinfo": "skip",
        },
    ]
    top = float(max(counts.max(initial=0.0), density.max(initial=0.0))) or 1.0
    _mark_tail(figure, edges, distribution["var_95"], "VaR 95", top * 1.2, "dash", theme)
    _mark_tail(figure, edges, distribution["cvar_95"], "CVaR", top * 1.04, "dot", theme)
    axes.with_hover(figure, theme)
    ticks = axes.linear_ticks(float(edges[0]), float(edges[-1]), 6)
    figure["layout"]["xaxis"] = axis(
        theme,
        showgrid=False,
        tickvals=ticks,
        ticktext=[_short_percent(tick) for tick in ticks],
        range=[float(edges[0]), float(edges[-1])],
    )
    figure["layout"]["yaxis"] = axes.value_axis(
        theme, axes.linear_ticks(0.0, top, 5), formatting.integer, range=[0.0, top * 1.28]
    )
    return figure


def qq_figure(qq: Mapping[str, Any], theme: Theme) -> Figure:
    """Return quantiles of returns against those of a normal distribution; equal ones on the line.

    Parameters
    ----------
    qq : mapping
        `theoretical` (quantiles of the normal distribution of the same mean and deviation) and
        `sample` (returns), both increasing fractions.
    theme : Theme
    """
    figure = axes.chart(theme, right=48)
    x, y = _thinned(qq["theoretical"], qq["sample"])
    if x.size < 2:
        return figure
    ends = np.array([x[0], x[-1]])
    dots = {"mode": "markers", "marker": {"size": 3.5, "color": color("accent", theme)}}
    straight = {"mode": "lines", "line": line("benchmark", theme, 1.1, "4px,3px")}
    figure["data"] = [
        {"type": "scatter", "x": axes.typed(at), "y": axes.typed(values), **look}
        for at, values, look in ((ends, ends, straight), (x, y, dots))
    ]
    bounds = axes.padded(float(min(y[0], x[0])), float(max(y[-1], x[-1])), 0.05)
    ticks = axes.linear_ticks(float(x[0]), float(x[-1]), 5)
    figure["layout"]["xaxis"] = axis(
        theme,
        tickvals=ticks,
        ticktext=[_short_percent(tick) for tick in ticks],
        range=list(axes.padded(float(x[0]), float(x[-1]), 0.04)),
    )
    figure["layout"]["yaxis"] = axes.value_axis(
        theme, axes.linear_ticks(*bounds, 5), _short_percent, range=list(bounds)
    )
    return figure


def _normal_counts(
    distribution: Mapping[str, Any], edges: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return a grid and the counts a normal distribution would have there, bin by bin."""
    mean, std = _number(distribution["mean"]), _number(distribution["std"])
    if not std > 0.0:
        return np.empty(0), np.empty(0)
    grid = np.linspace(edges[0], edges[-1], 120)
    bin_width = (edges[-1] - edges[0]) / (edges.size - 1)
    density = np.exp(-0.5 * ((grid - mean) / std) ** 2) / (std * np.sqrt(2.0 * np.pi))
    return grid, density * distribution["n"] * bin_width


def _mark_tail(
    figure: Figure,
    edges: FloatArray,
    value: float | None,
    name: str,
    height: float,
    dash: str,
    theme: Theme,
) -> None:
    if value is None:
        return
    figure["layout"]["shapes"].append(
        {
            "type": "line",
            "x0": value,
            "x1": value,
            "y0": 0,
            "y1": height,
            "line": line("down", theme, 1.2, dash),
        }
    )
    text = f"{name} {formatting.percent(value)}"
    # Beside the line, on the side that has room for the text.
    is_left = value < edges[0] + 0.35 * (edges[-1] - edges[0])
    side = {"xanchor": "left", "xshift": 3} if is_left else {"xanchor": "right", "xshift": -3}
    where = {"xref": "x", "yref": "y", "yanchor": "middle", **side}
    figure["layout"]["annotations"].append(
        axes.note(
            text, value, height, color("ink2", theme), bgcolor=color("surface", theme), **where
        )
    )


def _thinned(
    theoretical: Sequence[float], sample: Sequence[float]
) -> tuple[FloatArray, FloatArray]:
    """Return at most `_MAX_POINTS` points; both tails are kept, where each point matters."""
    x = np.asarray(theoretical, dtype=np.float64)
    y = np.asarray(sample, dtype=np.float64)
    if x.size <= _MAX_POINTS:
        return x, y
    tail = _MAX_POINTS // 4
    middle = np.linspace(tail, x.size - tail - 1, _MAX_POINTS - 2 * tail).astype(np.intp)
    kept = np.concatenate([np.arange(tail), middle, np.arange(x.size - tail, x.size)])
    return x[kept], y[kept]


def _sign_colours(values: Sequence[float], theme: Theme) -> list[str]:
    return [color("down" if value < 0 else "up", theme) for value in values]


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _short_percent(value: float) -> str:
    """Return a percent with as many digits as its size needs."""
    return formatting.signed_percent(value, 0 if abs(value) >= 0.01 or value == 0 else 1)
