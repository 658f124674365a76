"""The new-run page as it is first shown: the form, and the preview of its first draft."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html
from dash.development.base_component import Component

from config.settings import COMMAND
from dashboard import ids, urlstate
from dashboard.client import Api, ApiError, Document
from dashboard.components import (
    attributes,
    badge,
    button,
    card,
    empty_state,
    graph,
    icon,
    link_button,
)
from dashboard.pages.new_run import cards, drafts, formula_text, packing, view
from dashboard.pages.new_run import form as forms

FIRST_SYMBOL = "AAPL"
FIRST_STRATEGY = "sma_cross"


def layout(api: Api, args: Mapping[str, str], search: str) -> Component:
    """Return the page: a clone of `?from=`, `?draft=`, or `?strategy=` on `?symbols=`."""
    wanted = urlstate.NEW_RUN.parse(search)
    series = api.series()
    if not series:
        return html.Div(
            [
                html.Div(html.H1("New run", className="page-title"), className="page-head"),
                empty_state(
                    "A run needs bars, and none are stored: "
                    f"import some with {COMMAND} import FILE.",
                    link_button("All runs", "/"),
                ),
            ]
        )
    strategies = {item["name"]: item for item in api.strategies()}
    origin = api.get_run(wanted["from"]) if wanted["from"] else None
    config = origin["config"] if origin else packing.unpack(wanted["draft"] or "")
    if config is not None:
        form = forms.from_config(config, strategies)
        base = forms.base_of(config)
        specs = _specs_of(form, strategies)
    else:
        form, base = _first_form(wanted, series, strategies), {}
        specs = strategies[form["strategy"]]["params"]
    draft = drafts.draft(api, form, None, base)
    spans = view.spans(series, form["symbols"])
    return html.Div(
        [
            dcc.Store(id=ids.NEW_FORM, data=form),
            dcc.Store(id=ids.NEW_DRAFT, data=form),
            dcc.Store(id=ids.NEW_PREVIOUS),
            dcc.Store(id=ids.NEW_BASE, data=base),
            dcc.Store(id=ids.NEW_DESIGN),
            dcc.Store(id=ids.NEW_SPECS, data=specs),
            dcc.Store(id=ids.NEW_GENERATED, data=""),
            dcc.Store(id=ids.NEW_PRESETS, data=forms.PRESETS),
            dcc.Store(id=ids.NEW_SPANS, data=spans),
            dcc.Store(id=ids.NEW_WORDS),
            dcc.Store(id=ids.NEW_MARK),
            dcc.Store(id=ids.NEW_GO),
            dcc.Store(id=ids.NEW_COPIED),
            _head(_origin_name(api, origin)),
            html.Div(
                [
                    html.Div(
                        [
                            cards.data_card(form, series, spans, draft),
                            cards.strategy_card(form, strategies, specs, draft),
                            cards.portfolio_card(form, series),
                            cards.execution_card(form),
                            cards.checks_card(),
                        ],
                        className="stack new-form",
                    ),
                    _preview(draft),
                ],
                className="new-body",
            ),
        ]
    )


def _first_form(
    wanted: Mapping[str, Any], series: Sequence[Document], strategies: Mapping[str, Document]
) -> forms.Form:
    names = [item["symbol"] for item in series]
    symbols = [name for name in wanted["symbols"] if name in names]
    if not symbols:
        symbols = [FIRST_SYMBOL if FIRST_SYMBOL in names else names[0]]
    timeframe = next(item["timeframe"] for item in series if item["symbol"] == symbols[0])
    strategy = wanted["strategy"] if wanted["strategy"] in strategies else FIRST_STRATEGY
    if strategy not in strategies:
        strategy = next(iter(strategies))
    start, end = view.span(series, symbols, 0)
    config = {
        **forms.DEFAULTS,
        "symbols": symbols,
        "timeframe": timeframe,
        "start": start,
        "end": end,
        "strategy": {"name": strategy, "params": {}},
    }
    return forms.from_config(config, strategies)


def _specs_of(form: forms.Form, strategies: Mapping[str, Document]) -> dict[str, Any]:
    """Return the parameters' schema of a cloned run; a formula's are guessed around its values."""
    if form["mode"] == "formula":
        return formula_text.read(form["text"]).params
    specs: dict[str, Any] = strategies.get(form["strategy"], {}).get("params", {})
    return specs


def _origin_name(api: Api, origin: Mapping[str, Any] | None) -> str:
    """Return what the cloned run is called, "" without one."""
    if origin is None:
        return ""
    try:
        return str(api.about(origin["id"])["name"] or origin["id"])
    except ApiError:
        return str(origin["id"])


def _head(origin: str) -> Component:
    hint = f"from {origin}" if origin else ""
    copy = dmc.Menu(
        [
            dmc.MenuTarget(
                html.Button(
                    [icon("terminal"), html.Span("Copy as"), icon("down")],
                    className="button",
                    type="button",
                )
            ),
            dmc.MenuDropdown(
                [
                    dmc.MenuItem("Command line", id=ids.new_copy("cli")),
                    dmc.MenuItem("JSON", id=ids.new_copy("json")),
                    dmc.MenuItem("Python", id=ids.new_copy("python")),
                ]
            ),
        ],
        position="bottom-end",
        shadow="none",
    )
    return html.Div(
        [
            html.H1("New run", className="page-title"),
            html.Span(hint, className="page-hint"),
            html.Div(
                [
                    dmc.TextInput(
                        id=ids.NEW_NAME,
                        value="",
                        placeholder="Name, if you like",
                        size="xs",
                        className="new-name",
                        attributes={"input": {"aria-label": "Name", "maxLength": 120}},
                    ),
                    copy,
                    button("Sweep this", id=ids.NEW_SWEEP, icon_name="sweep"),
                    button(
                        "Run",
                        id=ids.NEW_RUN,
                        kind="primary",
                        icon_name="play",
                        hint="Ctrl Enter",
                        **attributes(data_run="1"),
                    ),
                ],
                className="page-actions",
            ),
        ],
        className="page-head new-head",
    )


def _preview(draft: drafts.Draft) -> Component:
    chart = card(
        ["Preview"],
        [
            graph(
                ids.NEW_PREVIEW,
                draft.figure,
                height=view.HEIGHT,
                label="Equity and drawdown of this draft, the one before, and the benchmark",
            ),
            html.Div(draft.tiles, id=ids.NEW_TILES, className="preview-tiles"),
        ],
        hint=[badge("draft"), html.Span(draft.elapsed, id=ids.NEW_ELAPSED)],
        actions=html.Div(draft.legend, id=ids.NEW_LEGEND, className="keys"),
        class_name="preview",
    )
    summary = card(
        "What will be tested", html.P(draft.summary, id=ids.NEW_SUMMARY), class_name="summary"
    )
    notice = html.Div(draft.notice, id=ids.NEW_NOTICE)
    return html.Div(
        html.Div([chart, notice, summary], className="stack new-sticky"), className="new-preview"
    )
