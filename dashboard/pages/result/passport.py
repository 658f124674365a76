"""A metric's passport: what exactly the number is, and what other libraries would print."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import html
from dash.development.base_component import Component

from dashboard import formatting
from dashboard.client import Document
from dashboard.components import attributes, icon
from dashboard.metrics import METRICS, metric
from dashboard.pages.result.robustness_view import interval_text


def passport(item: Document, analysis: Document | None) -> list[Component]:
    """Return the drawer's content for one item of the passports document.

    Parameters
    ----------
    item : Document
        `name`, `title`, `rule`, `unit`, `formula`, `convention`, `inputs`, `value`, `others`.
    analysis : Document or None
        The finished analysis, whose confidence intervals are told.
    """
    name = item["name"]
    shown = metric(name, item)
    parts: list[Component] = [
        drawer_head(item["title"], rule=item.get("rule") or ""),
        html.Div(shown.text(item["value"]), className="passport-value"),
        html.P(f"exactly {exact(item['value'], item['unit'])}", className="muted"),
    ]
    interval = _interval(name, analysis)
    if interval:
        parts.append(html.P(interval, className="passport-interval"))
    if name in METRICS:
        parts.append(html.P(METRICS[name].definition))
    parts.append(_section("Formula", html.Code(item["formula"], className="passport-formula")))
    parts.append(_section("Convention", html.P(_sentence(item["convention"]))))
    if item.get("undefined"):
        parts.append(_section("No value when", html.P(_sentence(item["undefined"]))))
    if item.get("inputs"):
        parts.append(_section("From", _pairs(item["inputs"])))
    if item.get("others"):
        parts.append(_section("Other libraries print", _others(item)))
    return parts


def drawer_head(title: str, *, rule: str = "") -> Component:
    """Return a drawer's title with its close button."""
    name = [html.Span(rule, className="rule-name")] if rule else []
    close = html.Button(
        icon("close"),
        type="button",
        className="icon-button",
        title="Close (Esc)",
        **attributes(data_action="close-drawer", aria_label="Close"),
    )
    return html.Div(
        [html.H2(title, className="card-title"), *name, html.Span(className="grow"), close],
        className="drawer-head",
    )


def _interval(name: str, analysis: Document | None) -> str:
    confidence = (analysis or {}).get("confidence")
    interval = ((confidence or {}).get("intervals") or {}).get(name)
    if not confidence or interval is None or name not in METRICS or None in interval:
        return ""
    text = interval_text(name, interval, confidence["level"])
    block = formatting.decimal(confidence["mean_block"], 0)
    samples = formatting.integer(confidence["samples"])
    return f"{text}: {samples} histories resampled in blocks of about {block} periods."


def _section(title: str, body: Component) -> Component:
    return html.Section([html.H3(title), body], className="passport-section")


def _pairs(inputs: Mapping[str, Any]) -> Component:
    rows = [
        html.Div([html.Dt(_words(name)), html.Dd(_input(value))]) for name, value in inputs.items()
    ]
    return html.Dl(rows, className="pairs")


def exact(value: float | None, unit: str) -> str:
    """Return a value with the digits by which libraries differ."""
    if unit == "fraction":
        return formatting.percent(value, 4)
    if unit == "money":
        return formatting.money(value, 2)
    return formatting.decimal(value, 0 if unit in ("count", "days") else 6)


def _others(item: Document) -> Component:
    rows = [
        html.Div(
            [
                html.Dt(other["library"]),
                html.Dd(
                    [html.B(exact(other["value"], item["unit"])), html.P(_sentence(other["why"]))]
                ),
            ]
        )
        for other in item["others"]
    ]
    return html.Dl(rows, className="pairs passport-others")


def _words(name: str) -> str:
    """Return an input's name as words."""
    text = name.removeprefix("n_").replace("_", " ")
    return f"number of {text}" if name.startswith("n_") else text


def _input(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return formatting.plain(value)
    if isinstance(value, int) or abs(value) >= 1000.0:
        return formatting.decimal(value, 0 if float(value).is_integer() else 2)
    return f"{value:.6g}".replace("-", formatting.MINUS)


def _sentence(text: str) -> str:
    text = str(text).strip()
    if not text:
        return "–"
    return text[0].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
