"""The queue: jobs that wait or run; `assets/jobs.js` asks for them and draws the lines."""

from __future__ import annotations

from dash import dcc, html
from dash.development.base_component import Component

from dashboard import ids
from dashboard.components.basics import attributes, card


def queue() -> Component:
    """Return the card, hidden until there is a job."""
    return html.Div(
        [
            dcc.Store(id=ids.QUEUE_CANCEL),
            dcc.Store(id=ids.QUEUE_CANCELLED),
            card("Queue", html.Ul(className="queue-list"), hint=html.Span(className="queue-count")),
        ],
        className="queue",
        hidden=True,
        **attributes(data_queue="/series/jobs"),
    )
