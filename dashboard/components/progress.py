"""A running job: bar, percent, count, rate, time left, what it is at, Cancel.

`assets/jobs.js` asks the given address of the dashboard while the job runs, and writes the texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import html
from dash.development.base_component import Component

from dashboard.components.basics import Children, attributes, button

SLOTS = ("percent", "count", "rate", "left", "note")


def progress(
    words: Mapping[str, Any], *, url: str, cancel: str, below: Children = None
) -> Component:
    """Return the bar of a job that is queued or running.

    Parameters
    ----------
    words : mapping
        As `dashboard.jobs.words` makes them.
    url : str
        Same-origin address that answers with the next ones: `{"status": …, "words": {…}}`.
    cancel : str
        Id of the button.
    below : Children
        What stands under the bar.
    """
    share = float(words["share"])
    bar = html.Div(
        html.Div(className="progress-fill", style={"width": f"{share * 100.0:.1f}%"}),
        className="progress-bar",
        role="progressbar",
        **attributes(
            aria_valuemin="0",
            aria_valuemax="100",
            aria_valuenow=f"{share * 100.0:.0f}",
            aria_label="How far the job is",
        ),
    )
    texts = [
        html.Span(words[name], className=f"progress-{name}", **attributes(data_word=name))
        for name in SLOTS
    ]
    line = html.Div(
        [*texts, button("Cancel", icon_name="stop", id=cancel)], className="progress-line"
    )
    parts: list[Any] = [bar, line] if below is None else [bar, line, below]
    return html.Section(
        parts, className="card progress", **attributes(data_poll=url, aria_live="off")
    )
