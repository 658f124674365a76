"""The Chart tab: price, indicators and trades of one symbol, the trades again as a table below."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html
from dash.development.base_component import Component

from dashboard import formatting, ids
from dashboard.client import Api, Document
from dashboard.components import attributes, card, segmented
from dashboard.components.price_chart import price_chart
from dashboard.pages.result import view
from dashboard.pages.result.grid import COMPACT, trade_rows, trades_grid

CHART_HEIGHT = 430
MAX_BUTTONS = 6
SPANS = (("3m", "3M"), ("1y", "1Y"), ("5y", "5Y"), ("all", "All"))
FILTERS = (
    ("all", "All"),
    ("wins", "Wins"),
    ("losses", "Losses"),
    ("ambiguous", "Ambiguous"),
)


def chart_tab(api: Api, run: Document) -> list[Component]:
    """Return the chart card, the selected trade in one line, and the trades of the symbol."""
    rows = trade_rows(api.trades(run["id"]))
    first, last = (formatting.instant(text).timestamp() * 1000.0 for text in view.period(run))
    chart = price_chart(
        ids.RESULT_PRICE_CHART,
        bars_url=f"/series/runs/{run['id']}/bars",
        timeframe=run["config"]["timeframe"],
        first_ms=first,
        last_ms=last + 86_400_000.0 - 1.0,
        height=CHART_HEIGHT,
    )
    left = [
        card(
            _symbols(view.symbols_of(run)),
            chart,
            hint=html.Div(className="price-chart-legend legend"),
            actions=_spans(),
            class_name="result-price",
        ),
        trade_line(),
        card(
            "Trades",
            trades_grid(ids.RESULT_CHART_TRADES, [], COMPACT, height=320),
            hint=html.Span(id=ids.RESULT_TRADE_COUNT),
            actions=segmented(ids.RESULT_TRADE_FILTER, FILTERS, "all", "Which trades"),
            class_name="result-trades",
        ),
    ]
    return [
        dcc.Store(id=ids.RESULT_TRADES, data=rows),
        dcc.Store(id=ids.RESULT_EXPLAINED),
        html.Div(
            [
                html.Div(left, className="stack"),
                html.Aside(
                    id=ids.RESULT_EXPLAIN,
                    className="card explain",
                    hidden=True,
                    **attributes(aria_label="How this trade came about"),
                ),
            ],
            className="result-chart",
        ),
    ]


def trade_line() -> Component:
    """Return the line of the selected trade; the browser fills it, its height never changes."""
    return html.Div(
        [
            html.Span("Click a trade, or walk them with the keys.", className="trade-hint"),
            html.Div(
                [
                    html.Span(className="trade-field", **attributes(data_field=name))
                    for name in _FIELDS
                ],
                className="trade-fields",
            ),
            html.Div(
                [
                    _walk("previous-trade", "[", "Previous trade"),
                    _walk("next-trade", "]", "Next trade"),
                ],
                className="trade-walk",
            ),
        ],
        className="trade-line card",
        role="status",
    )


_FIELDS = ("name", "pnl", "entry", "exit", "bars", "excursion", "fees")


def _walk(action: str, key: str, label: str) -> Component:
    return html.Button(
        html.Kbd(key),
        type="button",
        className="icon-button",
        title=label,
        **attributes(data_action=action, aria_label=label),
    )


def _symbols(names: list[str]) -> dmc.SegmentedControl | dmc.Select:
    """Return the choice of the symbol: buttons for a few, a searchable list for many."""
    if len(names) <= MAX_BUTTONS:
        return segmented(ids.RESULT_SYMBOL_CONTROL, [(s, s) for s in names], names[0], "Symbol")
    props: dict[str, Any] = {"attributes": {"input": {"aria-label": "Symbol"}}}
    return dmc.Select(
        id=ids.RESULT_SYMBOL_CONTROL,
        data=names,
        value=names[0],
        searchable=True,
        allowDeselect=False,
        w=160,
        **props,
    )


def _spans() -> Component:
    """Return the buttons that show the last months, years, or all."""
    return html.Div(
        [
            html.Button(text, type="button", className="span-button", **attributes(data_span=span))
            for span, text in SPANS
        ],
        className="spans",
        role="group",
        **attributes(aria_label="Visible period"),
    )
