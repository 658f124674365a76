"""The Config & provenance tab: what was asked for, on which bars, by which engine."""

from __future__ import annotations

import json

from dash import html
from dash.development.base_component import Component
from flask import request

from dashboard import formatting
from dashboard.client import Api, Document
from dashboard.components import attributes, card, icon
from dashboard.pages.new_run import copying
from dashboard.pages.result import view
from dashboard.pages.result.rules import rules


def provenance_tab(api: Api, run: Document) -> list[Component]:
    """Return the cards of the tab; all of it is in the run document."""
    return [
        html.Div(
            [
                html.Div([strategy_card(run), data_card(run), origin_card(run)], className="stack"),
                html.Div([rules_card(run), copy_card(run)], className="stack"),
            ],
            className="result-row result-row-config",
        )
    ]


def strategy_card(run: Document) -> Component:
    """Return the strategy: its words, its formula field by field, its parameters."""
    strategy = run["strategy"]
    fields = [
        html.Div(
            [html.Dt(html.Code(name)), html.Dd(html.Code(str(text), className="formula-text"))]
        )
        for name, text in strategy["formula"].items()
    ]
    params = [
        html.Div([html.Dt(html.Code(name)), html.Dd(formatting.plain(value))])
        for name, value in strategy["params"].items()
    ]
    parts: list[Component] = []
    if strategy.get("description"):
        parts.append(html.P(strategy["description"], className="config-words"))
    parts.append(html.Dl(fields, className="pairs pairs-wide"))
    if params:
        parts += [html.H3("Parameters"), html.Dl(params, className="pairs")]
    return card("Strategy", parts, hint=view.strategy_title(strategy), class_name="config")


def data_card(run: Document) -> Component:
    """Return the series that were used, each with the fingerprint of its bars."""
    names = ("Symbol", "Bars", "First", "Last", "Fingerprint")
    head = html.Thead(html.Tr([html.Th(name, scope="col") for name in names]))
    body = [
        html.Tr(
            [
                html.Th(item["symbol"], scope="row"),
                html.Td(formatting.integer(item["bars"])),
                html.Td(formatting.date(item["first"])),
                html.Td(formatting.date(item["last"])),
                html.Td(
                    html.Code(
                        item["fingerprint"], title=item["fingerprint"], className="fingerprint"
                    )
                ),
            ]
        )
        for item in run["data"]
    ]
    return card(
        "Data",
        html.Div(html.Table([head, html.Tbody(body)], className="config-data"), className="wide"),
        hint=f"{formatting.timeframe(run['config']['timeframe'])}, raw prices, warm-up included",
        class_name="config",
    )


def origin_card(run: Document) -> Component:
    """Return who computed it, when, and by what its id is made."""
    created = formatting.instant(run["created"])
    recon = run["checks"].get("recon_error")
    rows: list[tuple[str, Component | str]] = [
        ("Id", html.Code(run["id"])),
        ("Key", html.Code(run["key"], className="wrap")),
        ("Engine", html.Code(run["engine_version"])),
        ("Created", f"{created:%Y-%m-%d %H:%M:%S} UTC"),
        ("Took", formatting.elapsed(view.elapsed_ms(run))),
        ("Reconciliation", "–" if recon is None else f"{recon:.1e} of the cash"),
        ("Status", str(run["status"])),
    ]
    pairs = [html.Div([html.Dt(name), html.Dd(value)]) for name, value in rows]
    return card(
        "Provenance",
        html.Dl(pairs, className="pairs"),
        hint="the id is a hash of bars, strategy, rules and engine",
        class_name="config",
    )


def rules_card(run: Document) -> Component:
    """Return the configuration in plain words, grouped, and the execution rules by name."""
    config = run["config"]
    first, last = view.period(run)
    asked: list[tuple[str, str]] = [
        ("Symbols", ", ".join(config["symbols"])),
        ("Period", f"{first} to {last}, {formatting.timeframe(config['timeframe'])}"),
        ("Cash", formatting.money(config["cash"])),
        ("Benchmark", view.benchmark_title(config) or "none"),
        ("Risk-free rate", formatting.percent(config["risk_free_rate"], 2)),
    ]
    pairs = [html.Div([html.Dt(name), html.Dd(value)]) for name, value in asked]
    sentences = [
        html.Div([html.Dt(html.Span(rule.name, className="rule-name")), html.Dd(rule.sentence)])
        for rule in rules(config, run["strategy"]["formula"])
    ]
    return card(
        "Configuration",
        [
            html.P(run["summary"], className="config-words"),
            html.Dl(pairs, className="pairs"),
            html.H3("Execution"),
            html.Dl(sentences, className="rules"),
        ],
        hint="resolved: defaults are written out",
        class_name="config",
    )


def copy_card(run: Document) -> Component:
    """Return the same run as a command, as JSON and as Python, each with a copy button."""
    texts = (
        ("Command line", copying.as_command(run["config"])),
        ("Python", copying.as_python(run["config"], request.host_url.rstrip("/"))),
        ("JSON", json.dumps(run["config"], indent=1)),
    )
    blocks = [
        html.Details(
            [
                html.Summary([html.Span(title), _copy_button(title)]),
                html.Pre(text, className="code-block"),
            ],
            open=i == 0,
            className="copy-block",
        )
        for i, (title, text) in enumerate(texts)
    ]
    return card("Do it again", blocks, hint="the same id, wherever it runs", class_name="config")


def _copy_button(title: str) -> Component:
    return html.Button(
        icon("copy"),
        type="button",
        className="icon-button",
        title=f"Copy as {title}",
        **attributes(data_action="copy-block", aria_label=f"Copy as {title}"),
    )
