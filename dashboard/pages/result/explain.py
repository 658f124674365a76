"""The story of one trade beside the chart: what was known, what was asked, what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dash import html
from dash.development.base_component import Component

from dashboard import formatting
from dashboard.client import Document
from dashboard.components import attributes, icon
from dashboard.pages.result.passport import drawer_head

LONG_NAME = 11
"""Characters of a value's name up to which two values stand side by side."""

COUNTS = ("quantity", "volume")
PARTS = {"entry": "Entry", "held": "Held", "exit": "Exit"}


def explanation(document: Document, number: int) -> list[Component]:
    """Return the drawer's content.

    Parameters
    ----------
    document : Document
        `trade` (its row) and `steps` (part, kind, time, title, text, rule, values).
    number : int
        The trade's number on the page, from 1.
    """
    trade = document["trade"]
    return [
        drawer_head(f"Trade {number}, {trade['symbol']} {trade['side']}"),
        _walk(),
        result(trade),
        *_parts(document["steps"]),
    ]


def _walk() -> Component:
    def step(action: str, key: str, label: str, icon_name: str) -> Component:
        return html.Button(
            [icon(icon_name), html.Kbd(key)],
            type="button",
            className="icon-button explain-step-button",
            title=label,
            **attributes(data_action=action, aria_label=label),
        )

    return html.Div(
        [
            step("previous-trade", "[", "Previous trade", "previous"),
            step("next-trade", "]", "Next trade", "next"),
        ],
        className="explain-walk",
    )


def result(trade: Mapping[str, Any]) -> Component:
    """Return what the trade made, on a line from its worst to its best excursion."""
    sign = "is-up" if trade["pnl"] > 0.0 else "is-down"
    plus = "+" if trade["pnl"] > 0.0 else ""
    bars = int(trade["bars"])
    facts = [formatting.signed_percent(trade["return"]), f"{bars} bar{'' if bars == 1 else 's'}"]
    multiple = trade.get("r_multiple")
    if not formatting.is_missing(multiple):
        facts.insert(1, f"{formatting.decimal(multiple, 1, sign=True)} R")
    if trade["open"]:
        facts.append("still open")
    return html.Div(
        [
            html.Div(
                [
                    html.B(f"{plus}{formatting.money(trade['pnl'])}", className=sign),
                    html.Span(", ".join(facts)),
                ],
                className="explain-pnl",
            ),
            _excursion(trade, sign),
        ],
        className="explain-result",
    )


def _excursion(trade: Mapping[str, Any], sign: str) -> Component:
    """Return the line from MAE to MFE with the entry and the result on it."""
    known = [trade.get(name) for name in ("mae", "mfe", "return")]
    if any(formatting.is_missing(value) for value in known):
        return html.Div()
    mae, mfe, made = (float(value) for value in known if value is not None)
    low, high = min(mae, made, 0.0), max(mfe, made, 0.0)
    span = (high - low) or 1.0

    def place(value: float) -> str:
        return f"{100.0 * (value - low) / span:.1f}%"

    style = {"--entry": place(0.0), "--low": place(mae), "--high": place(mfe), "--at": place(made)}
    return html.Div(
        [
            html.Div(className=f"excursion {sign}", style=style),
            html.Div(
                [
                    html.Span(f"worst {formatting.signed_percent(mae)}"),
                    html.Span(f"best {formatting.signed_percent(mfe)}"),
                ],
                className="excursion-words",
            ),
        ]
    )


def _parts(steps: Sequence[Document]) -> list[Component]:
    """Return the steps in order, under the part of the trade's life they belong to."""
    found: list[Component] = []
    part = None
    for step in steps:
        if step["part"] != part:
            part = step["part"]
            found.append(html.H3(PARTS.get(part, part), className="explain-part"))
        found.append(_step(step))
    return found


def _step(step: Document) -> Component:
    rule = [html.Span(step["rule"], className="rule-name")] if step.get("rule") else []
    values = [
        html.Div([html.Dt(html.Code(name)), html.Dd(number(value, name))])
        for name, value in (step.get("values") or {}).items()
    ]
    parts: list[Component] = [
        html.Div(
            [html.B(step["title"]), html.Span(moment(step["time"]), className="muted"), *rule],
            className="explain-title",
        ),
        html.P(with_code(step["text"])),
    ]
    if values:
        is_long = any(len(name) > LONG_NAME for name in step["values"])
        kind = "explain-values explain-values-long" if is_long else "explain-values"
        parts.append(html.Dl(values, className=kind))
    return html.Div(parts, className=f"explain-step explain-{step['kind']}")


def with_code(text: str) -> list[Component | str]:
    """Return a sentence with what stands between backticks as code."""
    pieces = text.split("`")
    return [html.Code(piece) if i % 2 else piece for i, piece in enumerate(pieces) if piece]


def moment(text: str) -> str:
    """Return a stamp as a date, with its time of day where it has one."""
    at = formatting.instant(text)
    return f"{at:%Y-%m-%d}" if (at.hour, at.minute) == (0, 0) else f"{at:%Y-%m-%d %H:%M}"


def number(value: Any, name: str = "") -> str:
    """Return a value as the trade knew it: prices with two to four decimals, counts whole."""
    if value is None or isinstance(value, str | bool):
        return formatting.plain(value)
    size = abs(float(value))
    is_count = name in COUNTS or size >= 1000.0
    if float(value).is_integer() and is_count:
        return formatting.integer(value)
    return formatting.decimal(value, 2 if size >= 10.0 else 4)
