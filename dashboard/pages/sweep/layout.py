"""A sweep's page with its data: while it runs a map that fills in, afterwards what to think of it.

What to doubt comes before the numbers to pick from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from dashboard import ids, jobs
from dashboard.client import Api, Document
from dashboard.components import (
    attributes,
    badge,
    button,
    check_icon,
    delete_button,
    icon,
    link_button,
    progress,
)
from dashboard.metrics import METRICS
from dashboard.pages.sweep import cards, maps, overfit, points, table, view
from dashboard.pages.sweep import findings as found
from dashboard.pages.sweep.cube import Cube
from dashboard.theme import current_theme

SKELETON = (32, 20, 68, 470, 240)


def layout(api: Api, groups: Mapping[str, str], search: str) -> Component:
    """Return the page of the sweep in the path, as the query asks to see it.

    Raises
    ------
    ApiError
        When the sweep or its points cannot be had.
    """
    document = points.sweep_of(api, groups["sweep_id"])
    state = view.state_of(search, document)
    strategies = {item["name"]: item for item in api.strategies()}
    title = title_of(document, strategies)
    body = _over(api, document, state) if view.is_over(document) else _live(api, document, state)
    return html.Div(
        [
            dcc.Store(id=ids.SWEEP_ID, data=document["id"]),
            dcc.Store(id=ids.SWEEP_QUERY, data=view.query_of(state, document)),
            dcc.Store(id=ids.SWEEP_STANDS),
            dcc.Store(id=ids.SWEEP_AXES, data={"x": state["x"], "y": state["y"]}),
            dcc.Store(id=ids.SWEEP_OPEN),
            dcc.Store(id=ids.SWEEP_FROM, data=state["from"] or ""),
            dcc.Store(id=ids.SWEEP_GO),
            dcc.Store(id=ids.SWEEP_CANCELLED),
            _head(document, title),
            *body,
        ],
        id=ids.SWEEP_ROOT,
        className="sweep stack",
        **attributes(
            data_title=title, data_sweep_id=document["id"], data_status=document["status"]
        ),
    )


def title_of(document: Document, strategies: Mapping[str, Document]) -> str:
    """Return what a sweep is called: "Moving-average cross, fast × slow"."""
    name = view.strategy_title(document["config"], strategies)
    moving = [axis for axis, values in document["axes"].items() if len(values) > 1]
    return f"{name}, {' × '.join(moving or document['axes'])}"


def form_url(document: Document, **changes: str) -> str:
    """Return the address of the form that this sweep came from, with `changes`."""
    pairs = {"sweep": document["id"], **changes}
    return "/sweeps/new?" + "&".join(f"{name}={value}" for name, value in pairs.items())


def _head(document: Document, title: str) -> Component:
    status = document["status"]
    state = [] if status == "done" else [badge(status, jobs.STATE_LEVELS[status])]
    name = document["config"]["run"]["strategy"].get("name") or "formula"
    facts = [
        html.Span(html.Code(name, className="result-strategy"), className="fact"),
        *(html.Span(fact, className="fact") for fact in view.facts(document)),
    ]
    if view.is_over(document):
        facts.append(html.Span(view.count_words(document), className="fact"))
    if document.get("engine") == "events":
        facts.append(
            html.Span(
                "event engine", className="fact", title=str(document.get("engine_reason") or "")
            )
        )
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
            _actions(document, title),
            html.Div(facts, className="result-facts"),
        ],
        className="result-head sweep-head",
    )


def _actions(document: Document, title: str) -> Component:
    export = html.A(
        [icon("download"), html.Span("Export")],
        href=f"/export/sweeps/{document['id']}/points.csv",
        className="button",
        download="",
    )
    return html.Div(
        [
            link_button("Clone", form_url(document), icon_name="clone"),
            link_button(
                "Walk forward",
                form_url(document, mode="walkforward"),
                icon_name="walkforward",
            ),
            *([export] if document["n_done"] else []),
            button("Share", icon_name="share", kind="primary", **attributes(data_action="share")),
            delete_button("sweeps", document["id"], title),
        ],
        className="sweep-actions",
    )


# While it runs


def live_words(document: Document) -> dict[str, Any]:
    """Return the texts of the progress bar, and the best point so far."""
    words = jobs.words(
        document.get("job"),
        document["status"],
        n_done=document["n_done"] or 0,
        n_total=document["n_points"],
        unit="run",
    )
    best = view.best(document)
    name = document["objective"]
    text = ""
    if best is not None:
        where = view.params_text({key: best["params"][key] for key in document["axes"]})
        label = METRICS[name].label
        text = f"Best so far: {label} {view.number_text(name, best['metrics'][name])} at {where}."
    return {**words, "best": text}


def live_url(document: Document, state: view.State) -> str:
    """Return the address that the page asks while the sweep runs."""
    return f"/series/sweeps/{document['id']}/live{view.query_of(state, document)}"


def _live(api: Api, document: Document, state: view.State) -> list[Component]:
    words = live_words(document)
    foot = html.Div(
        [
            html.Span(words["best"], **attributes(data_word="best")),
            html.Span("Closing this page does not stop the job."),
        ],
        className="progress-foot",
    )
    bar = progress(words, url=live_url(document, state), cancel=ids.SWEEP_CANCEL, below=foot)
    parts: list[Component] = [bar]
    if maps.has_map(document):
        cube = points.cube_of(api, document, (state["metric"],))
        parts.append(maps.live_card(document, cube, state, current_theme()))
    return parts


# When it is over


def _over(api: Api, document: Document, state: view.State) -> list[Component]:
    notice = [_stopped(document)] if document["status"] != "done" else []
    if not document["n_done"]:
        return notice
    cube = points.cube_of(api, document)
    origin = points.origin_of(api, state["from"])
    return [*notice, *_result(document, cube, state, origin)]


def _stopped(document: Document) -> Component:
    """Return why there is no full result, and the way to go on."""
    is_failed = document["status"] == "failed"
    n_done = document["n_done"] or 0
    job = document.get("job") or {}
    again = link_button("Start again", form_url(document), icon_name="retry")
    if is_failed:
        words: list[Any] = [
            html.B("The sweep failed. "),
            str(job.get("error") or "No reason was given."),
        ]
    else:
        words = [html.B("Cancelled. ")]
        if n_done:
            count = f"{view.count_words(document)} were computed and are shown."
            words.append(count[:1].upper() + count[1:])
        else:
            words.append("Nothing was computed.")
    return html.Div(
        [check_icon("fail" if is_failed else "none"), html.Span(words, className="grow"), again],
        className=f"notice card notice-{'fail' if is_failed else 'info'}",
        role="status",
    )


def _result(
    document: Document, cube: Cube, state: view.State, origin: Document | None
) -> list[Component]:
    theme = current_theme()
    worst = points.worst_of(cube, document["objective"])
    strip = found.findings(document, cube) if document["status"] == "done" else []
    side = [
        *overfit.overfit_cards(document, cube, theme),
        table.top_card(document, cube, state, worst),
    ]
    return [
        *([_strip(document, strip)] if strip else []),
        html.Div(
            [
                maps.map_card(document, cube, state, theme, origin),
                html.Div(side, className="stack"),
            ],
            className="sweep-row",
        ),
        html.Div(cards.below(document, cube, state, theme), id=ids.SWEEP_REST, className="stack"),
    ]


def _strip(document: Document, strip: Sequence[found.Finding]) -> Component:
    return html.Div(
        [
            html.Div(
                [
                    check_icon(item.level),
                    html.Div([html.B(item.title), html.P(item.detail)], className="grow"),
                    *_do(document, item),
                ],
                className="card sweep-finding",
            )
            for item in strip
        ],
        className="sweep-findings",
    )


def _do(document: Document, item: found.Finding) -> list[Component]:
    """Return the one thing to do about a finding."""
    if item.kind == "edge":
        if found.edge_axes(document):
            texts = found.extended(document)
            wanted = ";".join(f"{name}:{text}" for name, text in texts.items())
            url = form_url(document, axes=wanted)
            return [html.A("Extend the grid", href=url, className="button")]
        return [button("Open run", id=ids.sweep_open("best"))]
    if item.kind == "plateau":
        return [button("Open run", id=ids.sweep_open("plateau"))]
    if item.kind == "overfit":
        return [html.A("Show", href="#sweep-overfit", className="button")]
    return []
