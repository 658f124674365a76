"""A walk-forward's page with its data: the joined curve first, then how it came about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from dashboard import formatting as fmt
from dashboard import ids, jobs
from dashboard.client import Api, ApiError, Document
from dashboard.components import (
    attributes,
    badge,
    button,
    card,
    check_icon,
    delete_button,
    error_card,
    graph,
    link_button,
    progress,
)
from dashboard.components.timechart import timechart
from dashboard.figures import walkforward as figures
from dashboard.pages.sweep.view import strategy_title
from dashboard.pages.walkforward import choices, folds, view
from dashboard.pages.walkforward.parts import table_card, tile_row
from dashboard.theme import Theme, current_theme, is_phone

CURVE_POINTS = 1500
SKELETON = (32, 20, 68, 420, 240)


def layout(api: Api, groups: Mapping[str, str], search: str) -> Component:
    """Return the page of the walk-forward in the path.

    Raises
    ------
    ApiError
        When its document cannot be had; what else fails becomes a card.
    """
    document = api.walkforward(groups["walkforward_id"])
    strategies = {item["name"]: item for item in api.strategies()}
    kind = "cross-validation" if view.is_folds(document) else "walk-forward"
    title = f"{strategy_title(document['config'], strategies)}, {kind}"
    return html.Div(
        [
            dcc.Store(id=ids.FORWARD_ID, data=document["id"]),
            dcc.Store(id=ids.FORWARD_CANCELLED),
            _head(document, title),
            *_state(document),
            *_result(api, document, current_theme()),
        ],
        className="sweep walkforward stack",
        **attributes(data_title=title, data_status=document["status"]),
    )


def _head(document: Document, title: str) -> Component:
    status = document["status"]
    state = [] if status == "done" else [badge(status, jobs.STATE_LEVELS[status])]
    name = document["config"]["run"]["strategy"].get("name") or "formula"
    facts = [
        html.Span(html.Code(name, className="result-strategy"), className="fact"),
        *(html.Span(fact, className="fact") for fact in view.facts(document)),
    ]
    form = f"/sweeps/new?walkforward={document['id']}"
    return html.Header(
        [
            html.Div(
                [
                    html.H1(title, className="page-title"),
                    html.Code(document["id"], className="result-id"),
                    *state,
                ],
                className="result-title",
            ),
            html.Div(
                [
                    link_button("Clone", form, icon_name="clone"),
                    link_button("Sweep", f"{form}&mode=sweep", icon_name="sweep"),
                    button(
                        "Share",
                        icon_name="share",
                        kind="primary",
                        **attributes(data_action="share"),
                    ),
                    delete_button("walkforwards", document["id"], title),
                ],
                className="sweep-actions",
            ),
            html.Div(facts, className="result-facts"),
        ],
        className="result-head sweep-head",
    )


def live_words(document: Document) -> dict[str, Any]:
    """Return the texts of the progress bar."""
    return jobs.words(
        document.get("job"),
        document["status"],
        n_done=view.n_done(document),
        n_total=len(document["windows"]),
        unit="window",
    )


def _state(document: Document) -> list[Component]:
    """Return the progress bar, why it stopped, or the verdict."""
    status = document["status"]
    if not view.is_over(document):
        n_done = view.n_done(document)
        url = f"/series/walkforwards/{document['id']}/live?shown={n_done}"
        foot = html.Div(
            [html.Span(""), html.Span("Closing this page does not stop the job.")],
            className="progress-foot",
        )
        return [progress(live_words(document), url=url, cancel=ids.FORWARD_CANCEL, below=foot)]
    if status != "done":
        return [_stopped(document)]
    verdict = view.verdict(document)
    if verdict is None:
        return []
    words = html.Div([html.B(verdict.title), html.P(verdict.detail)], className="grow")
    return [html.Div([check_icon(verdict.level), words], className="card sweep-finding")]


def _stopped(document: Document) -> Component:
    is_failed = document["status"] == "failed"
    job = document.get("job") or {}
    n_done, n_all = view.n_done(document), len(document["windows"])
    if is_failed:
        words: list[Any] = [
            html.B("The walk-forward failed. "),
            str(job.get("error") or "No reason was given."),
        ]
    else:
        words = [html.B("Cancelled. "), f"{n_done} of {n_all} windows were computed."]
    form = f"/sweeps/new?walkforward={document['id']}"
    return html.Div(
        [
            check_icon("fail" if is_failed else "none"),
            html.Span(words, className="grow"),
            link_button("Start again", form, icon_name="retry"),
        ],
        className=f"notice card notice-{'fail' if is_failed else 'info'}",
        role="status",
    )


def _result(api: Api, document: Document, theme: Theme) -> list[Component]:
    if view.is_folds(document):
        return folds.cards(api, document, theme)
    parts: list[Component] = []
    tiles = view.tiles(document)
    if tiles:
        parts += [tile_row(tiles), _stitched(api, document, theme)]
    if document["windows"]:
        parts.append(
            html.Div(
                [_gantt(document, theme), choices.sides(document, theme)],
                className="walkforward-row",
            )
        )
    if view.n_done(document):
        parts.append(choices.parameters(document, theme))
        parts.append(
            table_card("Window by window", view.table_heads(document), view.table(document))
        )
    return parts


def _stitched(api: Api, document: Document, theme: Theme) -> Component:
    """Return the joined out-of-sample curve; a card of its own when it cannot be had."""
    try:
        curves = api.walkforward_equity(document["id"], points=CURVE_POINTS)
    except ApiError as error:
        return error_card("The joined curve did not load", error)
    figure = figures.stitched_figure(curves, theme, n_ticks=4 if is_phone() else 9)
    last = float(curves["equity"][-1])
    keys = [_key("key-accent", "Out of sample", fmt.money(last), "equity")]
    if curves.get("benchmark") is not None and len(curves["benchmark"]):
        final = float(curves["benchmark"][-1])
        keys.append(_key("key-benchmark", "Benchmark", fmt.money(final), "benchmark"))
    seams = document["stitched"].get("fees_at_seams")
    paid = f", closing at them cost {fmt.money(seams)}" if seams else ""
    return card(
        "Out of sample, joined",
        timechart(
            graph(
                ids.FORWARD_EQUITY,
                figure,
                height=figures.STITCHED_HEIGHT,
                label="Equity of the joined out-of-sample parts with the benchmark, and drawdown",
            ),
            curves["time"],
            right=58,
        ),
        hint=f"a dotted line is a new choice{paid}",
        actions=html.Div(keys, className="keys"),
        class_name="walkforward-curve",
    )


def _key(name: str, text: str, value: str, slot: str) -> Component:
    return html.Span(
        [
            html.Span(className=f"key-line {name}"),
            text,
            html.B(value, **attributes(data_slot=slot)),
        ],
        className="keys-item",
    )


def _gantt(document: Document, theme: Theme) -> Component:
    spans = view.spans(document)
    chart = graph(
        ids.FORWARD_GANTT,
        figures.gantt_figure(spans, theme),
        height=figures.gantt_height(len(spans)),
        label="The windows over time",
    )
    keys = [
        html.Span([html.Span(className="key-block key-in"), "chosen on"], className="keys-item"),
        html.Span([html.Span(className="key-block key-out"), "traded"], className="keys-item"),
    ]
    return card("Windows", chart, actions=html.Div(keys, className="keys"), class_name="flush")
