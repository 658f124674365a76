"""The compare page with its data: one round trip; its links and switches are its address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html
from dash.development.base_component import Component

from dashboard import formatting, ids, urlstate
from dashboard.client import Api, Document
from dashboard.components import (
    attributes,
    button,
    card,
    empty_state,
    graph,
    icon,
    later,
    link_button,
    segmented,
)
from dashboard.components.timechart import timechart
from dashboard.figures.compare import HEIGHT, Look, compare_figure
from dashboard.pages.compare import view
from dashboard.theme import current_theme

RUNS_OFFERED = 200


def layout(api: Api, args: Mapping[str, str], search: str) -> Component:
    """Return the page for the runs that the query names.

    Raises
    ------
    ApiError
        When the runs cannot be had.
    """
    state = urlstate.COMPARE.parse(search)
    wanted = list(dict.fromkeys(state["ids"]))
    if len(wanted) < view.FEWEST:
        return _choose(api, wanted)
    found = api.compare(wanted)
    base = wanted.index(state["base"]) if state["base"] in wanted else 0
    looks = view.looks(len(wanted), base)
    runs = found["runs"]
    return html.Div(
        [
            dcc.Store(id=ids.COMPARE_RUNS, data={"ids": wanted, "base": base}),
            _head(api, runs),
            html.Div(
                [_run(runs, i, look, base) for i, look in enumerate(looks)],
                className="compare-runs",
            ),
            html.Div(
                [
                    html.Div(
                        [
                            curves_card(found, looks, base, state),
                            correlation_card(found["correlation"], looks),
                        ],
                        className="stack",
                    ),
                    numbers_card(runs, looks, base),
                ],
                className="compare-row",
            ),
            settings_card(found["config"], looks, base),
            *later(ids.COMPARE_DIFF, difference_cards(found, runs), height=90, class_name="stack"),
        ],
        id=ids.COMPARE_ROOT,
        className="compare stack",
        **attributes(data_title=f"Compare {len(runs)} runs"),
    )


def _choose(api: Api, wanted: list[str]) -> Component:
    """Return the page while there is nothing to compare yet."""
    sentence = "Choose two to twenty runs in the list, then Compare."
    if wanted:
        about = api.about(wanted[0])
        sentence = f"Compare {about['name'] or wanted[0]} with which run?"
    return html.Div(
        [
            dcc.Store(id=ids.COMPARE_RUNS, data={"ids": wanted, "base": 0}),
            html.Div(html.H1("Compare", className="page-title"), className="page-head"),
            empty_state(
                sentence,
                _add(api, wanted) if wanted else link_button("All runs", "/", kind="primary"),
                icon_name="compare",
            ),
        ]
    )


def _add(api: Api, wanted: Sequence[str]) -> Component:
    """Return the choice of one more run."""
    items = api.runs(limit=RUNS_OFFERED)["items"]
    return dmc.Select(
        id=ids.COMPARE_ADD,
        data=[
            {"value": item["id"], "label": f"{item['name'] or item['title']} ({item['id'][:4]})"}
            for item in items
            if item["id"] not in wanted
        ],
        placeholder="Add a run",
        searchable=True,
        nothingFoundMessage="None",
        size="xs",
        w=260,
        attributes={"input": {"aria-label": "Add a run"}},
    )


def _head(api: Api, runs: Sequence[Document]) -> Component:
    common = view.period(runs)
    hint = f"{len(runs)} runs, {f'common period {common}' if common else 'no common period'}"
    chosen = [run["id"] for run in runs]
    add = [_add(api, chosen)] if len(chosen) < view.MOST else []
    return html.Div(
        [
            html.H1("Compare", className="page-title"),
            html.Span(hint, className="page-hint"),
            html.Div(
                [
                    *add,
                    html.A(
                        [icon("download"), html.Span("Export")],
                        href=f"/export/runs.csv?ids={','.join(chosen)}",
                        className="button",
                        download="runs.csv",
                    ),
                    button(
                        "Share",
                        icon_name="share",
                        kind="primary",
                        **attributes(data_action="share"),
                    ),
                ],
                className="page-actions",
            ),
        ],
        className="page-head",
    )


def key(look: Look) -> Component:
    """Return a run's colour as a short line of its own dash."""
    style = {"color": f"var(--{look.token})"}
    kind = "run-key" if look.dash == "solid" else "run-key run-key-dashed"
    return html.I(className=kind, style=style, **attributes(aria_hidden="true"))


def _run(runs: Sequence[Document], i: int, look: Look, base: int) -> Component:
    run, run_ids = runs[i], [run["id"] for run in runs]
    base_id = run_ids[base]
    name = view.title(run)
    if i == base:
        role: Component = html.Span("base", className="badge badge-neutral")
    else:
        role = html.A(
            "make base", href=view.address(run_ids, run["id"]), className="compare-make-base"
        )
    parts: list[Component] = [
        html.Div(
            [html.A(name, href=run["url"], title=name), role, html.Span(className="grow")],
            className="compare-run-title",
        ),
        html.Div(
            " · ".join(
                text
                for text in (
                    run["title"],
                    ", ".join(part.replace("=", " ") for part in run["params_text"].split()),
                    formatting.symbols(list(run["symbols"])),
                )
                if text
            ),
            className="compare-run-detail",
        ),
    ]
    if len(runs) > view.FEWEST:
        rest = [run_id for run_id in run_ids if run_id != run["id"]]
        close = html.A(
            icon("close"),
            href=view.address(rest, base_id),
            className="icon-button",
            title="Take it out",
            **attributes(aria_label=f"Take {name} out"),
        )
        parts[0].children.append(close)
    return html.Div(
        parts, className="card compare-run", style={"borderLeftColor": f"var(--{look.token})"}
    )


def curves_card(
    found: Document, looks: Sequence[Look], base: int, state: Mapping[str, Any]
) -> Component:
    """Return equity and drawdown of all runs over the common clock."""
    curves = found["curves"]
    if len(curves["time"]) < view.FEWEST:
        return card("Equity", html.P("These runs have no bars in common.", className="card-empty"))
    figure = compare_figure(
        curves, looks, current_theme(), base=base, kind=state["kind"], scale=state["scale"]
    )
    switches = [
        segmented(
            ids.COMPARE_KIND,
            [("equity", "Equity"), ("relative", "Relative to base")],
            state["kind"],
            "Equity, or what it is against the base",
        ),
        segmented(ids.COMPARE_SCALE, [("log", "Log"), ("linear", "Lin")], state["scale"], "Scale"),
    ]
    return card(
        "Equity",
        timechart(
            graph(
                ids.COMPARE_EQUITY,
                figure,
                height=HEIGHT,
                label="Equity of each run from the common start, with drawdowns below",
            ),
            curves["time"],
            right=58,
        ),
        hint="100 at the common start",
        actions=switches,
        class_name="compare-curves",
    )


def numbers_card(runs: Sequence[Document], looks: Sequence[Look], base: int) -> Component:
    """Return the metrics: values, differences from the base, best and worst marked."""
    names = [
        html.Th([key(look), html.Span(view.title(run))], scope="col", title=view.title(run))
        for run, look in zip(runs, looks, strict=True)
    ]
    body = [
        html.Tr(
            [
                html.Th(row.label, scope="row"),
                *(_cell(c, i == base) for i, c in enumerate(row.cells)),
            ],
            title=row.definition,
        )
        for row in view.table(runs, base)
    ]
    table = html.Table(
        [html.Thead(html.Tr([html.Th("Metric", scope="col"), *names])), html.Tbody(body)],
        className="compare-numbers",
    )
    return card(
        "Numbers",
        html.Div(table, className="wide"),
        hint="▲ best, ▼ worst; the small number is the difference from the base",
    )


def _cell(cell: view.Cell, is_base: bool) -> Component:
    mark = {"best": "▲", "worst": "▼"}.get(cell.mark, "")
    side = "" if cell.is_better is None else "is-up" if cell.is_better else "is-down"
    colour = {"best": "is-up", "worst": "is-down"}.get(cell.mark, "")
    return html.Td(
        [
            html.Span(mark, className=f"rank {colour}", title=cell.mark),
            html.B(cell.value) if mark else html.Span(cell.value),
            html.Span("" if is_base else cell.change, className=f"change {side}"),
        ]
    )


def settings_card(config: Sequence[Document], looks: Sequence[Look], base: int) -> Component:
    """Return the settings that differ; a value equal to the base's is grey."""
    if not config:
        return card("What differs", html.P("Nothing in the configuration.", className="card-empty"))
    head = html.Tr([html.Th("Setting", scope="col"), *(html.Th(key(look)) for look in looks)])
    body = [
        html.Tr(
            [
                html.Th(html.Code(item["key"]), scope="row"),
                *(
                    html.Td(
                        html.Code(view.setting(value)),
                        className="is-same" if i != base and value == item["values"][base] else "",
                    )
                    for i, value in enumerate(item["values"])
                ),
            ]
        )
        for item in config
    ]
    table = html.Table([html.Thead(head), html.Tbody(body)], className="compare-settings")
    count = f"{len(config)} setting{'' if len(config) == 1 else 's'}"
    return card("What differs", html.Div(table, className="wide"), hint=count)


def correlation_card(
    correlation: Sequence[Sequence[float | None]], looks: Sequence[Look]
) -> Component:
    """Return the lower triangle of the correlations, darker where runs move together."""
    rows = []
    for i, row in enumerate(correlation):
        cells: list[Component] = [
            html.Td(
                formatting.decimal(value, 2),
                className="correlation",
                style={"--share": f"{abs(value or 0.0) * 100.0:.0f}%"},
            )
            for value in row[:i]
        ]
        rows.append(html.Tr([*cells, html.Td(key(looks[i]), className="correlation-key")]))
    return card(
        "Correlation",
        html.Div(html.Table(html.Tbody(rows), className="correlations"), className="wide"),
        hint="of returns",
    )


def difference_cards(found: Document, runs: Sequence[Document]) -> list[Component]:
    """Return where two runs part and why; nothing for more than two."""
    diff = found.get("diff")
    if diff is None:
        return []
    if diff["same"]:
        return [card("First divergence", html.P("The two runs are the same to the last bit."))]
    parts: list[Component] = [html.P(diff["cause"], className="compare-cause")]
    first = diff["first"]
    if first is not None:
        when = " · ".join(text for text in (_moment(first["time"]), first["symbol"]) if text)
        parts.insert(0, html.P([html.B(f"{when}. "), first["text"]]))
        parts.append(
            html.Div(
                [
                    _event(view.title(run), first[side])
                    for run, side in zip(runs, "ab", strict=True)
                ],
                className="compare-events",
            )
        )
    parts += [html.P(item["text"]) for item in diff["data"]]
    if diff["engine"]:
        versions = f"{diff['engine']['a']} and {diff['engine']['b']}"
        parts.append(html.P(f"Made by different engines: {versions}."))
    return [
        card("First divergence", parts, hint="where the two part, and why", class_name="diff-card")
    ]


def _moment(text: str) -> str:
    """Return a stamp as a date, with its time of day where it has one."""
    return text.removesuffix("Z").replace("T00:00:00", "").replace("T", " ")


def _event(name: str, values: Mapping[str, Any] | None) -> Component:
    """Return what one run did there."""
    if values is None:
        body: Component = html.P("Nothing.", className="muted")
    else:
        pairs = [
            html.Div([html.Dt(item.replace("_", " ")), html.Dd(view.setting(value))])
            for item, value in values.items()
            if value is not None
        ]
        body = html.Dl(pairs, className="pairs")
    return html.Div([html.H3(name), body], className="compare-event")
