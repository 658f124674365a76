"""What was done hour by hour."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.figures import axes
from dashboard.formatting import integer
from dashboard.theme import Figure, Theme, axis, color

HOURS_HEIGHT = 150
_EACH = 4


def hours_figure(texts: Sequence[str], numbers: Sequence[int], unit: str, theme: Theme) -> Figure:
    """Return a bar an hour, the running one last and pale: it is not over.

    Parameters
    ----------
    texts : sequence of str
        The hours, as "14:00".
    numbers : sequence of int
        Equally many.
    unit : str
        What is counted, in the plural: runs.
    """
    figure = axes.chart(theme)
    axes.with_hover(figure, theme)
    last = len(numbers) - 1
    figure["data"].append(
        {
            "type": "bar",
            "x": list(range(len(numbers))),
            "y": list(numbers),
            "hovertext": [
                f"{text} UTC: {integer(n)} {unit}" for text, n in zip(texts, numbers, strict=True)
            ],
            "hoverinfo": "text",
            "marker": {
                "color": [
                    color("accent", theme, 0.45 if i == last else 1.0) for i in range(last + 1)
                ]
            },
        }
    )
    top = max(*numbers, 1)
    shown = range(last, -1, -_EACH)
    layout = figure["layout"]
    layout["bargap"] = 0.25
    layout["xaxis"] = axis(
        theme, tickvals=list(shown), ticktext=[texts[i] for i in shown], range=[-0.6, last + 0.6]
    )
    ticks = [tick for tick in axes.linear_ticks(0.0, float(top), 3) if tick == round(tick)]
    layout["yaxis"] = axes.value_axis(theme, ticks, integer, range=[0.0, top * 1.08])
    return figure
