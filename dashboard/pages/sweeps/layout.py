"""The list of sweeps and walk-forwards with its data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from dash import html
from dash.development.base_component import Component

from dashboard import formatting as fmt
from dashboard import jobs
from dashboard.client import Api
from dashboard.components import attributes, badge, card, delete_button, empty_state, link_button
from dashboard.pages.sweeps import view

SHOWN = 100
SWEEP_HEADS = ("Sweep", "Points", "Best", "PBO", "State", "Age", "")
WALKFORWARD_HEADS = ("Walk-forward", "Points", "Out of sample", "Efficiency", "State", "Age", "")


def layout(api: Api, args: Mapping[str, str], search: str) -> Component:
    """Return the page.

    Raises
    ------
    ApiError
        When the lists cannot be had.
    """
    sweeps = api.sweeps(limit=SHOWN)
    forwards = api.walkforwards(limit=SHOWN)
    total = sweeps["total"] + forwards["total"]
    head = html.Div(
        [
            html.H1("Sweeps", className="page-title"),
            html.Span(fmt.integer(total), className="page-hint"),
            html.Div(
                link_button("New sweep", "/sweeps/new", icon_name="plus"),
                className="page-actions",
            ),
        ],
        className="page-head",
    )
    if not total:
        return html.Div([head, _nothing_yet()])
    strategies = {item["name"]: item for item in api.strategies()}
    now = datetime.now(UTC)
    rows = [view.sweep_row(item, strategies, now) for item in sweeps["items"]]
    windows = [view.walkforward_row(item, strategies, now) for item in forwards["items"]]
    is_busy = any(row.share is not None for row in (*rows, *windows))
    return html.Div(
        [
            head,
            *([_list("Sweeps", SWEEP_HEADS, rows, sweeps["total"])] if rows else []),
            *(
                [_list("Walk-forwards", WALKFORWARD_HEADS, windows, forwards["total"])]
                if windows
                else []
            ),
        ],
        className="stack studies",
        **(attributes(data_watch_jobs="1") if is_busy else {}),
    )


def _nothing_yet() -> Component:
    return empty_state(
        "A sweep runs one strategy over a grid of parameters, and says how much of the best of "
        "them is luck.",
        link_button("New sweep", "/sweeps/new", icon_name="sweep", kind="primary"),
        icon_name="sweep",
    )


def _list(title: str, heads: Sequence[str], rows: Sequence[view.Row], total: int) -> Component:
    head = html.Tr([html.Th(text, scope="col") for text in heads])
    table = html.Table(
        [html.Thead(head), html.Tbody([_row(row) for row in rows])], className="study-list"
    )
    hint = f"the newest {len(rows)} of {fmt.integer(total)}" if total > len(rows) else ""
    return card(title, html.Div(table, className="wide"), hint=hint)


def _row(row: view.Row) -> Component:
    return html.Tr(
        [
            html.Td(
                [
                    html.A(row.name, href=row.url, className="study-name"),
                    html.Div(row.detail, className="run-detail", title=row.detail),
                ]
            ),
            html.Td(row.size),
            html.Td(row.best),
            html.Td(row.judgement),
            html.Td(_state(row)),
            html.Td(row.age),
            html.Td(delete_button(row.kind, row.id, row.name)),
        ],
        **attributes(data_subject=row.id),
    )


def _state(row: view.Row) -> Component:
    """Return the state, or a small bar while it is on its way."""
    if row.share is None:
        return badge(row.status, jobs.STATE_LEVELS[row.status])
    fill = html.Span(className="bar-fill bar-accent", style={"width": f"{row.share * 100.0:.1f}%"})
    return html.Span(
        [
            html.Span(fill, className="bar"),
            html.Span(fmt.percent(row.share, 0), **attributes(data_job="percent")),
        ],
        className="study-progress",
        title=jobs.STATE_WORDS[row.status],
    )
