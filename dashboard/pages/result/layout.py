"""The page of a run, with its first view: one round trip, and no callback to draw it.

The verdict comes before the numbers, and the numbers before the evidence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from dashboard import formatting, ids, urlstate
from dashboard.client import Api, ApiError, Document
from dashboard.components import (
    attributes,
    button,
    check_icon,
    error_card,
    icon,
    link_button,
    skeleton,
)
from dashboard.metrics import METRICS
from dashboard.pages.result import analysis, panels, view
from dashboard.pages.result.tiles import tile_row
from dashboard.theme import current_theme

EXPORTS = (
    ("trades", "Trades, CSV"),
    ("fills", "Fills, CSV"),
    ("orders", "Orders, CSV"),
    ("equity", "Equity, CSV"),
    ("bundle", "Everything, JSON"),
)
SKELETON = (28, 20, 48, 90, 40, 592)
"""Heights of identity, verdict, tiles, tabs and the first card."""


def layout(api: Api, groups: Mapping[str, str], search: str) -> Component:
    """Return the page of the run in the path, as the query asks to see it.

    Raises
    ------
    ApiError
        When the run's document cannot be had; what else fails becomes a card.
    """
    run = api.get_run(groups["run_id"])
    state = urlstate.RESULT.parse(search)
    about = _about(api, run)
    symbols = view.symbols_of(run)
    if state["symbol"] not in symbols:
        state["symbol"] = None
    selection = {"from": state["from"], "to": state["to"]}
    return html.Div(
        [
            *_stores(run, state, selection),
            identity(run, about),
            html.Div(id=ids.RESULT_NOTICE),
            *note_parts(about),
            verdict_strip(view.verdicts(run, about)),
            html.Div(selection_chip(selection), id=ids.RESULT_CHIP, className="result-chip"),
            html.Div(
                tiles_or_error(api, run, selection), id=ids.RESULT_TILES, className="result-tiles"
            ),
            summary_line(run, view.verdicts(run, about)),
            tabs(run, state["tab"]),
            *(_panel(api, run, state, selection, tab) for tab, _ in view.TABS),
            html.Aside(
                id=ids.RESULT_PASSPORT_BODY,
                className="drawer passport",
                hidden=True,
                **attributes(aria_label="What this number is"),
            ),
        ],
        id=ids.RESULT_ROOT,
        className="result",
        **attributes(
            data_tab=state["tab"], data_run_id=run["id"], data_title=view.title_of(run, about)
        ),
    )


def _about(api: Api, run: Document) -> Document:
    """Return what may change about the run; the page stands without it."""
    try:
        return api.about(run["id"])
    except ApiError:
        return {"name": None, "tags": [], "note": "", "starred": False, "data_state": None}


def _stores(
    run: Document, state: Mapping[str, Any], selection: Mapping[str, Any]
) -> list[Component]:
    values = {
        ids.RESULT_RUN: run["id"],
        ids.RESULT_TAB: state["tab"],
        ids.RESULT_RANGE: dict(selection),
        ids.RESULT_SCALE: state["scale"],
        ids.RESULT_SYMBOL: state["symbol"],
        ids.RESULT_TRADE: state["trade"],
        ids.RESULT_ACTION: None,
        ids.RESULT_PASSPORT: None,
        ids.RESULT_ANALYSED: None,
    }
    # A store that is given None reports it as a change; one that is given nothing does not.
    return [
        dcc.Store(id=name) if value is None else dcc.Store(id=name, data=value)
        for name, value in values.items()
    ]


def identity(run: Document, about: Document) -> Component:
    """Return the two lines that say which run this is, with what one can do to it."""
    title = html.Div(
        [
            html.H1(view.title_of(run, about), className="page-title"),
            html.Code(run["id"], className="result-id"),
            action("copy-id", "copy", "Copy the id"),
            html.Span(star(bool(about.get("starred"))), id=ids.RESULT_STAR),
            *(html.Span(tag, className="result-tag") for tag in about.get("tags") or []),
        ],
        className="result-title",
    )
    strategy = run["strategy"]
    name = strategy.get("name") or "formula"
    facts = [
        html.Span(
            [html.Code(name, className="result-strategy"), view.params_text(strategy["params"])],
            className="fact",
        ),
        *(html.Span(fact, className="fact") for fact in view.identity(run)),
    ]
    return html.Header(
        [title, actions(run), html.Div(facts, className="result-facts")], className="result-head"
    )


def star(is_starred: bool) -> Component:
    """Return the star as a button that toggles it."""
    name, label = ("starred", "Starred: take the star off") if is_starred else ("star", "Star")
    kind = "is-starred" if is_starred else ""
    return action("unstar" if is_starred else "star", name, label, class_name=kind)


def action(name: str, icon_name: str, label: str, *, class_name: str = "") -> Component:
    """Return an icon button; the page's script reports `name` when it is pressed."""
    return html.Button(
        icon(icon_name),
        type="button",
        title=label,
        className=f"icon-button {class_name}".strip(),
        **attributes(data_action=name, aria_label=label),
    )


def actions(run: Document) -> Component:
    """Return the buttons of the head: all of them on a desk, star, share and a menu on a phone."""
    clone = f"/new?from={run['id']}"
    exports = [
        html.A(text, href=export_url(run["id"], table), download="", className="menu-item")
        for table, text in EXPORTS
    ]
    on_phone = [
        html.A("Clone", href=clone, className="menu-item"),
        html.A("Sweep", href=f"/sweeps/new?from={run['id']}", className="menu-item"),
        html.A("Compare", href=f"/compare?ids={run['id']}", className="menu-item"),
        _menu_action("Verify", "verify"),
        _menu_action("Note", "note"),
        *exports,
    ]
    return html.Div(
        [
            html.Div(
                [
                    link_button("Clone", clone, icon_name="clone"),
                    link_button("Sweep", f"/sweeps/new?from={run['id']}", icon_name="sweep"),
                    link_button("Compare", f"/compare?ids={run['id']}", icon_name="compare"),
                    button("Verify", icon_name="verify", **attributes(data_action="verify")),
                    button("Note", icon_name="note", **attributes(data_action="note")),
                    _menu([icon("download"), html.Span("Export")], exports, "Export"),
                ],
                className="result-actions-wide",
            ),
            button("Share", icon_name="share", kind="primary", **attributes(data_action="share")),
            _menu(
                [icon("dots")],
                [
                    html.Div(on_phone, className="result-menu-phone"),
                    _menu_action("Delete this run", "delete", class_name="menu-item-danger"),
                ],
                "More actions",
            ),
        ],
        className="result-actions",
    )


def _menu(face: list[Component], items: Sequence[Component], label: str) -> Component:
    """Return a button that unfolds `items`; the page's script folds it again."""
    summary = html.Summary(face, className="button", **attributes(aria_label=label))
    return html.Details([summary, html.Div(list(items), className="menu-items")], className="menu")


def _menu_action(text: str, name: str, *, class_name: str = "") -> Component:
    names = f"menu-item {class_name}".strip()
    return html.Button(text, type="button", className=names, **attributes(data_action=name))


def export_url(run_id: str, table: str) -> str:
    """Return where the dashboard answers with a table of the run as a file."""
    return f"/export/runs/{run_id}/{table}.{'json' if table == 'bundle' else 'csv'}"


def note_parts(about: Document) -> list[Component]:
    """Return the note as it is read, and its editor, which Note unfolds."""
    note = about.get("note") or ""
    editor = [
        dcc.Textarea(
            id=ids.RESULT_NOTE_TEXT,
            value=note,
            placeholder="What this run was for, and what came of it.",
            className="result-note-text",
            maxLength=4000,
        ),
        button("Save note", id=ids.RESULT_NOTE_SAVE, small=True),
    ]
    return [
        html.P(note, id=ids.RESULT_NOTE, className="result-note"),
        html.Div(editor, id=ids.RESULT_NOTE_EDITOR, className="result-note-editor", hidden=True),
    ]


def verdict_strip(cells: Sequence[view.Verdict]) -> Component:
    """Return the checks: their state as an icon, a label, one short fact."""
    items = [
        html.Div(
            [
                check_icon(cell.level),
                html.Div(
                    [
                        html.Div(cell.label, className="verdict-label"),
                        html.Div(cell.fact, className="verdict-fact"),
                    ]
                ),
            ],
            className="verdict",
            title=cell.hint or cell.fact,
        )
        for cell in cells
    ]
    counts = html.Summary([*_counts(cells), icon("down")], className="verdict-summary")
    # Open on a desk, where the style sheet hides the summary; one line that unfolds on a phone.
    return html.Details(
        [counts, html.Div(items, className="verdict-cells")],
        open=False,
        className="verdicts",
    )


def _counts(cells: Sequence[view.Verdict]) -> list[Component]:
    return [
        html.Span([check_icon(level), text], className=f"verdict-count verdict-count-{level}")
        for level, text in view.verdict_counts(cells)
    ]


def selection_chip(selection: Mapping[str, Any]) -> list[Component]:
    """Return the chip of a selected period with its close mark; nothing for the whole run."""
    if not (selection["from"] or selection["to"]):
        return []
    first, last = selection["from"] or "start", selection["to"] or "end"
    return [
        html.Span(
            [
                f"Selection {_spoken(first)} to {_spoken(last)}",
                action("clear-range", "close", "Show the whole run"),
            ],
            className="result-period",
        ),
        html.Span(
            "Tiles, numbers, months and distribution show this period.", className="card-hint"
        ),
    ]


def _spoken(moment: str) -> str:
    return moment.replace("T", " ")


def tiles_or_error(api: Api, run: Document, selection: Mapping[str, Any]) -> Component:
    """Return the tiles of the whole run, with intervals, or those of the selected period."""
    is_selection = bool(selection["from"] or selection["to"])
    metrics, benchmark = run["metrics"], run["benchmark_metrics"]
    whiskers: dict[str, Component] = {}
    if is_selection:
        try:
            statistics = api.statistics(run["id"], selection["from"], selection["to"])
        except ApiError as error:
            return error_card("The selected period did not load", error)
        metrics, benchmark = statistics["metrics"], statistics["benchmark_metrics"]
    else:
        # Intervals belong to the whole run.
        found = analysis.found_or_none(api, run["id"])
        whiskers = analysis.tile_whiskers(found, metrics, benchmark)
    name = view.benchmark_name(run["config"])
    found_tiles = view.tiles(metrics, benchmark, benchmark_name=name, is_selection=is_selection)
    return tile_row(found_tiles, whiskers)


def summary_line(run: Document, cells: Sequence[view.Verdict]) -> Component:
    """Return verdict and tiles in one line, for the tabs that need the room."""
    metrics = run["metrics"]
    name = METRICS
    numbers = [
        html.Span([name[key].label, html.B(name[key].text(metrics.get(key)))]) for key in view.LINE
    ]
    return html.Div(
        [
            html.Div(numbers, className="line-numbers"),
            html.Div(_counts(cells), className="line-counts"),
        ],
        id=ids.RESULT_LINE,
        className="result-line",
    )


def tabs(run: Document, current: str) -> Component:
    """Return the tabs that exist; the address says which one is shown."""
    n_trades = (run["metrics"].get("trades") or 0) + (run["metrics"].get("open_trades") or 0)
    buttons = []
    for tab, text in view.TABS:
        count = [html.Span(formatting.integer(n_trades), className="result-tab-count")]
        buttons.append(
            html.Button(
                [text, *(count if tab == "trades" else [])],
                type="button",
                role="tab",
                className="result-tab",
                tabIndex=0 if tab == current else -1,
                **attributes(
                    data_tab_button=tab,
                    aria_selected=str(tab == current).lower(),
                    aria_controls=f"result-panel-{tab}",
                ),
            )
        )
    return html.Div(
        buttons,
        role="tablist",
        className="result-tabs",
        **attributes(aria_label="Views of the run"),
    )


def _panel(
    api: Api, run: Document, state: Mapping[str, Any], selection: Mapping[str, Any], tab: str
) -> Component:
    """Return a tab's panel: the shown one with its contents, others filled when first asked for."""
    is_shown = tab == state["tab"]
    children: Any = skeleton(*panels.SKELETONS[tab])
    if is_shown:
        children = panels.contents(api, run, tab, selection, state["scale"], current_theme())
    return html.Div(
        [
            dcc.Store(id=ids.result_wanted(tab)),
            html.Div(children, id=ids.result_panel(tab), className="result-panel-body"),
        ],
        className=f"result-panel result-panel-{tab}",
        role="tabpanel",
    )
