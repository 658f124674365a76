"""The frame around every page: header, navigation with its foot, dialogs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from urllib.parse import quote

import dash_mantine_components as dmc
from dash import dcc, html
from dash.development.base_component import Component

from dashboard import ids, theme
from dashboard.client import Document
from dashboard.components.basics import attributes, icon, skeleton

NAVIGATION = (
    ("/", "Runs", "runs"),
    ("/new", "New run", "plus"),
    ("/sweeps", "Sweeps", "sweep"),
    ("/compare", "Compare", "compare"),
    ("/status", "Status", "chart"),
)

SHORTCUTS = (
    ("g r", "Runs"),
    ("g n or n", "New run"),
    ("g s", "Sweeps"),
    ("Ctrl K", "Find a run, symbol, strategy or page"),
    ("/", "Search on this page"),
    ("t", "Dark or light"),
    ("Ctrl Enter", "Run the draft"),
    ("[ and ]", "Previous and next trade"),
    ("?", "This list"),
    ("Esc", "Close"),
)


def layout(current: theme.Theme, heights: tuple[int, ...] = ()) -> Component:
    """Return the frame; boxes of `heights` stand for the page until it comes."""
    return dmc.MantineProvider(
        id=ids.PROVIDER,
        forceColorScheme=current,
        theme=theme.mantine_theme(),
        children=[
            dcc.Store(id=ids.ROUTE),
            dcc.Store(id=ids.TITLE),
            dcc.Store(id=ids.TOAST),
            dcc.Store(id=ids.RUNS_DELETE_NOW),
            dcc.Store(id=ids.STUDIES_DELETE_NOW),
            dcc.Store(id=ids.STUDIES_DELETED),
            html.A("Skip to the page", href="#page", className="skip-link"),
            _header(),
            _navigation(),
            html.Main(skeleton(*heights), id=ids.PAGE, tabIndex="-1"),
            html.Div(id="toasts", className="toasts", role="status"),
            _palette(),
            _help(),
        ],
    )


def _header() -> Component:
    return html.Header(
        [
            html.A(
                [html.Span(className="logo"), html.Span("Hindcast", className="wordmark")],
                href="/",
                className="brand",
                title="All runs",
            ),
            html.Button(
                [
                    icon("search"),
                    html.Span("Runs, symbols, strategies", className="grow"),
                    html.Kbd("Ctrl K"),
                ],
                className="search-button",
                type="button",
                **attributes(data_act="palette", aria_label="Find, Ctrl K"),
            ),
            html.Div(className="grow"),
            html.Span(id=ids.STALE, className="badge badge-doubt stale", hidden=True),
            html.A(
                [icon("plus"), html.Span("New run")],
                href="/new",
                className="button button-primary header-new",
                **attributes(aria_label="New run"),
            ),
            _tool("theme", "Dark or light (t)", [icon("sun"), icon("moon")]),
            _tool("help", "Keys (?)", [icon("help")]),
            _tool("menu", "Menu", [icon("menu", size=20)]),
        ],
        className="header",
    )


def _tool(act: str, label: str, face: list[Component]) -> Component:
    return html.Button(
        face,
        className=f"tool tool-{act}",
        type="button",
        title=label,
        **attributes(data_act=act, aria_label=label),
    )


def _navigation() -> Component:
    links = [
        html.A(
            [
                icon(icon_name),
                html.Span(text, className="nav-text"),
                html.Span(id=ids.NAV_COUNT, className="nav-count") if href == "/" else None,
            ],
            href=href,
            className="nav-link",
            title=text,
        )
        for href, text, icon_name in NAVIGATION
    ]
    foot = html.Div(
        [html.Span(className="node-dot"), html.Span(id=ids.NODE)],
        className="nav-foot",
        title="Which node answered, from which layer, and in how many milliseconds",
    )
    return html.Nav(
        [html.Div(links), html.Div(id=ids.NAV_STARRED, className="nav-starred"), foot],
        className="navigation",
        **attributes(aria_label="Pages"),
    )


def _palette() -> Component:
    return html.Dialog(
        [
            html.Div(
                [icon("search"), dcc.Input(id="palette-text", type="text", autoComplete="off")],
                className="palette-head",
            ),
            html.Ul(id="palette-list", role="listbox"),
        ],
        id=ids.PALETTE,
        className="dialog palette",
        **attributes(aria_label="Find"),
    )


def _help() -> Component:
    rows = [html.Div([html.Dt(html.Kbd(keys)), html.Dd(text)]) for keys, text in SHORTCUTS]
    return html.Dialog(
        [html.H2("Keys", className="card-title"), html.Dl(rows)],
        id=ids.HELP,
        className="dialog help",
        **attributes(aria_label="Keys"),
    )


def starred(runs: Sequence[Document]) -> list[Component]:
    """Return the starred runs for the navigation, each with its curve."""
    if not runs:
        return []
    links: list[Component] = [
        html.A(
            [
                html.Span(className="icon spark", style={"--icon": spark(run["sparkline"])}),
                html.Span(run["name"] or run["title"]),
            ],
            href=run["url"],
            className="nav-star",
            title=run["name"] or run["title"],
        )
        for run in runs
    ]
    return [html.H2("Starred"), *links]


def spark(values: Sequence[float]) -> str:
    """Return a curve as the mask of an icon, so that it is drawn in the colour of the text."""
    if all(value > 0.0 for value in values):
        values = [math.log(value) for value in values]
    low, high = min(values, default=0.0), max(values, default=0.0)
    span = (high - low) or 1.0
    last = max(len(values) - 1, 1)
    points = " ".join(
        f"{48.0 * i / last:.1f},{26.0 - 24.0 * (value - low) / span:.1f}"
        for i, value in enumerate(values)
    )
    svg = (
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 48 28' preserveAspectRatio='none'>"
        f"<polyline points='{points}' fill='none' stroke='black' stroke-width='2'/></svg>"
    )
    return f'url("data:image/svg+xml,{quote(svg)}")'
