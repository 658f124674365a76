"""What else might have come of a run: other orders, other draws, other moments of its trades."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from dash import html
from dash.development.base_component import Component

from dashboard import formatting, ids
from dashboard.client import Api, ApiError, Document
from dashboard.components import card, graph
from dashboard.figures import fan
from dashboard.figures.axes import FloatArray
from dashboard.theme import Theme, is_phone

CURVE_POINTS = 500


def luck_cards(api: Api, run: Document, found: Document | None, theme: Theme) -> list[Component]:
    """Return a card a method: the fan, and the one number to read from it."""
    methods = (found or {}).get("methods") or []
    course = _course(api, run["id"]) if methods else None
    return [_card(method, course, theme) for method in methods]


def _course(api: Api, run_id: str) -> tuple[FloatArray, FloatArray] | None:
    """Return the run's own equity over time; the fans stand without it."""
    try:
        curves = api.equity(run_id, points=CURVE_POINTS)
    except ApiError:
        return None
    time, equity = (np.asarray(curves[name], dtype=np.float64) for name in ("time", "equity"))
    return time, equity


def _card(
    method: Document, course: tuple[FloatArray, FloatArray] | None, theme: Theme
) -> Component:
    title = str(method["label"])
    if method.get("reason"):
        return card(title, html.P(str(method["reason"])), class_name="card-words")
    is_timed = method["fan"]["axis"] == "time"
    figure = fan.fan_figure(
        method["fan"],
        theme,
        actual=course if is_timed else None,
        end=None if is_timed else float(method["final_equity"]["actual"]),
        n_ticks=4 if is_phone() else 5,
    )
    chart = graph(
        ids.result_luck(str(method["id"])),
        figure,
        height=fan.HEIGHT,
        label=f"{title}: how equity spreads, with the run itself",
    )
    samples = formatting.integer(method["samples"])
    return card(
        title,
        [chart, html.P(words(method), className="card-note", title=str(method["detail"]))],
        hint=f"{samples} samples",
        class_name="result-luck",
    )


def words(method: Mapping[str, Any]) -> str:
    """Return the one thing to read from a method."""
    final, depth = method["final_equity"], method["max_drawdown"]
    if method["id"] == "trade_shuffle":
        # The percentile is the share of orders with a deeper fall: a fall is negative.
        share = formatting.percent(depth["percentile"], 0)
        usual, own = (formatting.percent(depth[name]) for name in ("p50", "actual"))
        return (
            f"Closed trades fell {own} at worst, milder than in {share} of the orders; "
            f"the middle one falls {usual}."
        )
    if method["id"] == "random_entries":
        share = formatting.percent(final["percentile"], 0)
        return f"Ends above {share} of random timings with the same exposure."
    loss = formatting.percent(method["probability_of_loss"], 0)
    low, high = (formatting.short_money(final[name]) for name in ("p05", "p95"))
    return f"Nine of ten draws end between {low} and {high}; {loss} end with a loss."
