"""Ticks and the common look of cartesian charts.

Every chart has fixed axes, so its ticks are chosen here and printed in the words of
`dashboard.formatting`, rather than by the browser.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from dashboard.theme import Figure, Theme, axis, chart_layout, color

FloatArray = npt.NDArray[np.float64]

RIGHT_LABELS = 52
"""Pixels kept at the right for tick texts and for the value at a line's end."""

_LINE_GAP = 14.0


def linear_ticks(low: float, high: float, n_max: int = 6) -> list[float]:
    """Return at most `n_max` round values (1, 2 or 5 times a power of ten apart) in [low, high]."""
    if not high > low:
        return [low]
    raw = (high - low) / max(n_max, 1)
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = next(m * magnitude for m in (1.0, 2.0, 5.0, 10.0) if m * magnitude >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    # Multiplied, not accumulated, so that zero is zero; `+ 0.0` turns a negative zero into zero.
    return [float(f"{i * step:.12g}") + 0.0 for i in range(first, last + 1)]


def log_ticks(low: float, high: float, n_max: int = 7) -> list[float]:
    """Return round values for a logarithmic axis over [low, high], both positive.

    The sparsest of four ladders with at least four steps in the range; a narrow range, which no
    ladder divides, gets linear ticks.
    """
    for ladder in ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)):
        exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        values = [m * 10.0**e for e in exponents for m in ladder]
        inside = [float(f"{v:.12g}") for v in values if low <= v <= high]
        if len(inside) >= 4:
            return inside
    return linear_ticks(low, high, n_max)


def spread_labels(positions: Sequence[float], gap: float = _LINE_GAP) -> list[float]:
    """Return pixel positions at least `gap` apart, in the same order, moved as little as needed."""
    order = sorted(range(len(positions)), key=lambda i: positions[i])
    placed = list(positions)
    for below, above in pairwise(order):
        overlap = gap - (placed[above] - placed[below])
        if overlap > 0:
            placed[below] -= overlap / 2
            placed[above] += overlap / 2
    for below, above in pairwise(order):
        placed[above] = max(placed[above], placed[below] + gap)
    return placed


def chart(theme: Theme, *, right: int = RIGHT_LABELS, **layout: Any) -> Figure:
    """Return an empty chart in the house look, with `hovermode` off; its box gives the height."""
    changes = {
        "margin": {"l": 12, "r": right, "t": 4, "b": 26},
        "hovermode": False,
        "annotations": [],
        "shapes": [],
        **layout,
    }
    return {"data": [], "layout": chart_layout(theme, **changes)}


def with_hover(figure: Figure, theme: Theme) -> None:
    """Let the chart's marks tell what they are: for charts without a time axis."""
    figure["layout"]["hovermode"] = "closest"
    figure["layout"]["hoverlabel"] = {
        "bgcolor": color("inset", theme),
        "bordercolor": color("control", theme),
        "font": {"size": 12, "color": color("ink", theme)},
    }


def time_axis(theme: Theme, time: FloatArray, **changes: Any) -> dict[str, Any]:
    """Return the layout of a time axis over all of `time` (UTC ms)."""
    span = {"range": [float(time[0]), float(time[-1])]} if time.size > 1 else {}
    return axis(theme, type="date", ticklabelmode="instant", nticks=9, **span, **changes)


def value_axis(
    theme: Theme, ticks: Sequence[float], text: Callable[[float], str], **changes: Any
) -> dict[str, Any]:
    """Return the layout of a value axis, its texts in the right margin."""
    texts = [text(tick) for tick in ticks]
    return axis(theme, side="right", tickvals=list(ticks), ticktext=texts, **changes)


def zero_line(theme: Theme, name: str = "control") -> dict[str, Any]:
    """Return the part of an axis that draws its zero."""
    return {"zeroline": True, "zerolinecolor": color(name, theme), "zerolinewidth": 1}


def note(text: str, x: float, y: float, colour: str, **changes: Any) -> dict[str, Any]:
    """Return a text without an arrow; in paper coordinates unless `xref` and `yref` say else."""
    return {
        "text": text,
        "x": x,
        "y": y,
        "xref": "paper",
        "yref": "paper",
        "showarrow": False,
        "font": {"size": 11, "color": colour},
        **changes,
    }


def typed(values: npt.ArrayLike) -> dict[str, str]:
    """Return numbers as plotly's typed array, float64: a third of the bytes and no parsing.

    int64 and datetimes are not sent as typed arrays by plotly: times go as UTC ms in float64.
    """
    array = np.ascontiguousarray(values, dtype="<f8")
    return {"dtype": "f8", "bdata": base64.b64encode(array.tobytes()).decode()}


def padded(low: float, high: float, share: float = 0.06) -> tuple[float, float]:
    """Return the range widened by `share` of its length at both ends; never empty."""
    margin = (high - low) * share or max(abs(high), 1.0) * 0.02
    return low - margin, high + margin
