"""Parts of the new-run page that both its layout and its callbacks put in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from dashboard import formatting as fmt
from dashboard import ids
from dashboard.client import ApiError, Document, request_id_of
from dashboard.components import attributes, delta, icon, segmented, tile
from dashboard.pages.new_run import formula_text, view

CHOICE_WORDS = {
    "long_only": "Long only",
    "short_only": "Short only",
    "long_short": "Long and short",
}


def coverage_bars(rows: Sequence[view.Coverage]) -> Component:
    """Return a bar a symbol: grey is stored, blue is used."""
    return html.Div(
        [
            html.Div(
                [
                    html.Span(row.symbol, className="coverage-name"),
                    html.Span(
                        [
                            html.Span(className="coverage-stored", style=_box(row.left, row.width)),
                            html.Span(
                                className="coverage-used", style=_box(row.used_left, row.used_width)
                            ),
                        ],
                        className="coverage-bar",
                    ),
                    html.Span(row.bars, className="coverage-bars num"),
                ],
                className="coverage-row",
            )
            for row in rows
        ],
        className="coverage",
    )


def _box(left: float, width: float) -> dict[str, str]:
    return {"left": f"{left}%", "width": f"{width}%"}


REBALANCE_WORDS = {
    "month": "First bar of each month",
    "quarter": "First bar of each quarter",
    "year": "First bar of each year",
    "band:0.01": "When a share is off by 1 point",
    "band:0.02": "When a share is off by 2 points",
    "band:0.05": "When a share is off by 5 points",
    "band:0.1": "When a share is off by 10 points",
}
KINDS = (("formula", "Signals"), ("target", "Portfolios"), ("event", "Python files on the server"))


def strategy_options(strategies: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the strategies to choose from, in groups by what they are made of."""
    groups = []
    for kind, title in KINDS:
        items = [
            {"value": name, "label": item["title"]}
            for name, item in strategies.items()
            if item.get("kind", "formula") == kind
        ]
        if items:
            groups.append({"group": title, "items": items})
    return groups


def parameters(
    specs: Mapping[str, Any], values: Mapping[str, Any], symbols: Sequence[str] | None
) -> list[Component]:
    """Return a control a parameter: sliders with their numbers first, then choices, then weights.

    Parameters
    ----------
    specs : mapping
        Parameters by name: `kind`, `default`, range, `choices`.
    values : mapping
        What they are, where that is not the default.
    symbols : sequence of str or None
        The run's; a weight is asked for each.
    """
    order = ["int", "float", "choice", "text", "weights"]
    ordered = sorted(specs.items(), key=lambda item: order.index(item[1]["kind"]))
    found = []
    for name, spec in ordered:
        value = values.get(name, spec["default"])
        if spec["kind"] == "weights":
            found.append(_weights(name, spec, value or {}, symbols or []))
        else:
            found.append(_parameter(name, spec, value))
    return found


def _weights(
    name: str, spec: Mapping[str, Any], value: Mapping[str, float], symbols: Sequence[str]
) -> Component:
    """Return a share of equity for each symbol, in percent; all empty is equal shares."""
    fields = [
        html.Div(
            [
                html.Span(symbol, className="weight-symbol"),
                dmc.NumberInput(
                    id=ids.new_weight(name, symbol),
                    value=float(f"{value[symbol] * 100.0:.12g}") if symbol in value else "",
                    placeholder="equal",
                    suffix=" %",
                    hideControls=True,
                    size="xs",
                    className="weight-number",
                    attributes={"input": {"aria-label": f"Weight of {symbol}"}},
                ),
            ],
            className="weight",
        )
        for symbol in symbols
    ]
    label = html.Span(name, className="param-name mono", title=spec.get("description") or name)
    hint = "Share of equity in percent; all empty is equal shares, the rest stays in cash."
    error = html.Div(id=ids.new_param_error(name), className="field-error")
    return html.Div(
        [
            html.Div([label, html.Div(fields, className="weights")], className="param-row"),
            html.P(hint, className="muted weights-hint"),
            error,
        ],
        className="param",
    )


def _text(name: str, spec: Mapping[str, Any], value: Any) -> Component:
    """Return the control of a text: a list in plain words where the words are known."""
    known = dict.fromkeys([*(spec["choices"] or []), str(value)])
    if name == "rebalance":
        known = dict.fromkeys([*REBALANCE_WORDS, *known])
    if not spec["choices"]:
        return dmc.TextInput(id=ids.new_param(name), value=str(value), size="xs", className="grow")
    return dmc.Select(
        id=ids.new_param(name),
        data=[{"value": text, "label": REBALANCE_WORDS.get(text, text)} for text in known],
        value=str(value),
        allowDeselect=False,
        size="xs",
        className="grow",
        attributes={"input": {"aria-label": name}},
    )


def _parameter(name: str, spec: Mapping[str, Any], value: Any) -> Component:
    if spec["kind"] == "text":
        controls = [_text(name, spec, value)]
    elif spec["kind"] == "choice":
        options = [(str(c), CHOICE_WORDS.get(str(c), str(c))) for c in spec["choices"] or [value]]
        controls = [segmented(ids.new_param(name), options, str(value), name)]
    else:
        scale = view.slider(spec)
        bounds = {"min": scale["min"], "max": scale["max"], "step": scale["step"]}
        controls = [
            dmc.Slider(
                id=ids.new_param(name),
                value=min(max(value, scale["min"]), scale["max"]),
                updatemode="drag",
                size="xs",
                label=None,
                className="grow",
                attributes={"thumb": {"aria-label": name}},
                **bounds,
            ),
            dmc.NumberInput(
                id=ids.new_param_number(name),
                value=value,
                decimalScale=scale["decimals"],
                hideControls=True,
                size="xs",
                className="param-number",
                attributes={"input": {"aria-label": f"{name}, number"}},
                **bounds,
            ),
        ]
    label = html.Span(name, className="param-name mono", title=spec.get("description") or name)
    error = html.Div(id=ids.new_param_error(name), className="field-error")
    return html.Div([html.Div([label, *controls], className="param-row"), error], className="param")


def about_template(item: Mapping[str, Any] | None) -> list[Component]:
    """Return a template's description and its formula, as one reads it."""
    if item is None:
        return []
    parts: list[Component] = [html.P(item["description"], className="muted")]
    fields = item["formula"] or item.get("indicators")
    if item.get("file"):
        parts.append(html.P(["Python on the server: ", html.Code(item["file"])], className="muted"))
    if fields:
        text = formula_text.write(fields, {})
        parts.append(html.Pre(text, className="formula-shown mono", **attributes(data_formula="1")))
    return parts


def tiles(found: Sequence[view.Tile]) -> list[Component]:
    """Return the preview's tiles."""
    return [
        tile(item.label, item.value, below=delta(item.change, better=item.better)) for item in found
    ]


def legend(now: str, before: str | None) -> list[Component]:
    """Return what the three lines are."""
    parts = [_legend_item("key-accent", now)]
    if before:
        parts.append(_legend_item("key-grey", before))
    parts.append(_legend_item("key-benchmark", "B&H"))
    return parts


def _legend_item(name: str, text: str) -> Component:
    return html.Span([html.Span(className=f"key-line {name}"), text], className="keys-item")


def identical(run: Document | None) -> list[Component]:
    """Return the notice that this very run exists."""
    if run is None:
        return []
    age = fmt.age(run["created"], datetime.now(UTC))
    when = "just now" if age == "now" else age if "-" in age else f"{age} ago"
    return [
        html.Div(
            [
                icon("info"),
                html.Span(
                    [
                        html.B("This run exists. "),
                        f"{run['name'] or run['id']}, {when}, same data and engine.",
                    ],
                    className="grow",
                ),
                html.A("Open it", href=run["url"], className="button button-small"),
            ],
            className="card notice",
        )
    ]


def refusal(sentences: Sequence[str]) -> list[Component]:
    """Return the notice that the draft cannot run as it is."""
    lines = [html.P(text) for text in sentences]
    return [
        html.Div(
            [icon("doubt"), html.Div(lines, className="grow")],
            className="card notice notice-doubt",
            role="status",
        )
    ]


def failure(error: ApiError) -> list[Component]:
    """Return the notice that there is no preview, with the request's id."""
    request = request_id_of(error)
    reference: list[Component] = [html.Code(request)] if request else []
    return [
        html.Div(
            [icon("fail"), html.Span([str(error), " ", *reference], className="grow")],
            className="card notice notice-fail",
            role="alert",
        )
    ]


def message(problem: formula_text.Problem | None, lookback: int | None) -> list[Component | str]:
    """Return the line below the editor: valid, or what is wrong and where."""
    if problem is None:
        warm_up = "" if lookback is None else f" Warm-up {fmt.integer(lookback)} bars."
        return [
            html.Span(icon("pass"), className="check check-pass"),
            f"Valid.{warm_up} Cannot look ahead.",
        ]
    return [
        html.Span(icon("fail"), className="check check-fail"),
        html.Span(
            [html.B(f"Line {problem.line}, column {problem.column}. "), problem.message],
        ),
    ]
