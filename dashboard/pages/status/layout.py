"""The status page with its data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from dash import dcc, html
from dash.development.base_component import Component

from dashboard import ids
from dashboard.client import Api, Document
from dashboard.components import badge, card, check_icon, graph, tile
from dashboard.figures.status import HOURS_HEIGHT, hours_figure
from dashboard.pages.status import view
from dashboard.theme import Theme, current_theme

EACH_MS = 10_000
PROCESS_HEADS = ("Process", "What it does", "Version", "Up for", "State")
QUEUE_HEADS = ("Kind of job", "Running", "Waiting", "Oldest waits", "")


def layout(api: Api, args: Mapping[str, str], search: str) -> Component:
    """Return the page.

    Raises
    ------
    ApiError
        When the status cannot be had.
    """
    return html.Div(
        [
            dcc.Interval(id=ids.STATUS_CLOCK, interval=EACH_MS),
            html.Div(body(api.status(), current_theme()), id=ids.STATUS, className="stack"),
        ]
    )


def body(status: Document, theme: Theme) -> list[Component]:
    """Return everything that is renewed."""
    now = datetime.now(UTC)
    said = view.verdict(status)
    head = html.Div(
        [
            html.H1("Status", className="page-title"),
            check_icon(said.level),
            html.Span(said.text, className="status-verdict"),
        ],
        className="page-head",
    )
    tiles = [tile(label, value, below=below) for label, value, below in view.tiles(status)]
    return [
        head,
        html.Div(tiles, className="tiles status-tiles"),
        html.Div([_queue(status), *_hours(status, theme)], className="status-row"),
        _processes(status, now),
        _disk(status),
    ]


def _queue(status: Document) -> Component:
    rows = [
        html.Tr(
            [
                html.Td(line.name),
                html.Td(line.running),
                html.Td(line.waiting),
                html.Td(line.oldest),
                html.Td(check_icon(line.level)),
            ]
        )
        for line in view.queue(status)
    ]
    return card("What waits", _table(QUEUE_HEADS, rows))


def _hours(status: Document, theme: Theme) -> list[Component]:
    hours = status["hours"]
    texts = view.hour_texts(hours["time"])
    return [
        card(
            title,
            graph(
                ids.status_hours(name),
                hours_figure(texts, hours[name], unit, theme),
                height=HOURS_HEIGHT,
                label=f"{title}, hour by hour",
            ),
            hint="the last 24 hours, UTC",
        )
        for name, title, unit in (
            ("runs", "Runs made", "runs"),
            ("jobs", "Jobs done", "jobs"),
        )
    ]


def _processes(status: Document, now: datetime) -> Component:
    rows = [
        html.Tr(
            [
                html.Td([html.Span(line.part), html.Div(line.name, className="run-detail")]),
                html.Td(line.purpose),
                html.Td(line.version),
                html.Td(line.since),
                html.Td(badge(line.state, line.level)),
            ]
        )
        for line in view.processes(status, now)
    ]
    return card("Processes", _table(PROCESS_HEADS, rows), hint="on all hosts")


def _disk(status: Document) -> Component:
    share = view.used_disk(status)
    level = "bar-down" if share > 1.0 - view.LOW_DISK else "bar-accent"
    fill = html.Span(className=f"bar-fill {level}", style={"width": f"{share * 100.0:.1f}%"})
    text = f"{view.size(status['disk']['free'])} of {view.size(status['disk']['total'])} are free."
    return card(
        "Disk",
        [html.Span(fill, className="bar status-disk"), html.Div(text, className="run-detail")],
        hint="where the data API that answered keeps its data",
    )


def _table(heads: tuple[str, ...], rows: Sequence[Component]) -> Component:
    head = html.Tr([html.Th(text, scope="col") for text in heads])
    return html.Div(
        html.Table([html.Thead(head), html.Tbody(rows)], className="status-list"), className="wide"
    )
