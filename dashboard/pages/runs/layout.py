"""The runs page as it is first shown, with its data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import dash_ag_grid as dag
import dash_mantine_components as dmc
from dash import dcc, html
from dash.development.base_component import Component

from dashboard import ids, theme, urlstate
from dashboard.client import Api, Document
from dashboard.components import button, card, empty_state, graph, icon, link_button
from dashboard.components.queue import queue
from dashboard.metrics import METRICS
from dashboard.pages.runs import view as pure

GRID_THEME = (
    "themeQuartz.withParams({"
    "backgroundColor: 'var(--surface)', foregroundColor: 'var(--ink)', textColor: 'var(--ink)', "
    "headerBackgroundColor: 'var(--inset)', headerTextColor: 'var(--ink2)', "
    "borderColor: 'var(--hairline)', rowHoverColor: 'var(--inset)', "
    "selectedRowBackgroundColor: 'color-mix(in srgb, var(--accent) 12%, transparent)', "
    "accentColor: 'var(--accent)', fontFamily: 'Inter, system-ui, sans-serif', fontSize: 13, "
    "headerFontSize: 12, headerFontWeight: 400, wrapperBorderRadius: 6, headerHeight: 32, "
    "rowHeight: 44, cellHorizontalPadding: 8, headerColumnBorder: false, "
    "headerColumnResizeHandleColor: 'transparent', checkboxBorderRadius: 3, iconSize: 14, "
    "checkboxUncheckedBorderColor: 'var(--control)', "
    "checkboxUncheckedBackgroundColor: 'transparent'})"
)
CARD_HEIGHT = 96


def layout(api: Api, args: Mapping[str, str], search: str) -> Component:
    """Return the page for the view in `search`."""
    view = urlstate.RUNS.parse(search)
    found = api.runs(limit=pure.PAGE_SIZE, **pure.api_filters(view))
    if not found["items"] and not pure.has_filters(view):
        return _nothing_yet()
    strategies = [(item["name"], item["title"]) for item in api.strategies()]
    symbols = sorted({item["symbol"] for item in api.series()})
    rows = html.Div(
        [
            _grid(found["items"], view),
            html.P("No run matches.", id=ids.RUNS_NONE, hidden=bool(found["items"])),
            button("Show more", id=ids.RUNS_MORE, small=True, hidden=found["next_cursor"] is None),
        ],
        className="runs-list",
    )
    return html.Div(
        [
            *_stores(view, found),
            html.Div(
                [
                    html.H1("Runs", className="page-title"),
                    html.Span(str(found["total"]), id=ids.RUNS_COUNT, className="page-hint"),
                    _actions(),
                ],
                className="page-head",
            ),
            html.Div(
                _filters(view, strategies, symbols, pure.tags(found["items"], view["tag"])),
                className="filters",
            ),
            html.Div([rows, _rail(found["items"])], className="runs-body"),
        ]
    )


def _stores(view: Mapping[str, Any], found: Document) -> list[Component]:
    return [
        dcc.Store(id=ids.RUNS_SORT, data=view["sort"]),
        dcc.Store(id=ids.RUNS_QUERY),
        dcc.Store(id=ids.RUNS_REFRESH, data=0),
        dcc.Store(id=ids.RUNS_LIMIT, data=pure.PAGE_SIZE),
        dcc.Store(id=ids.RUNS_STAR),
        dcc.Store(id=ids.RUNS_DELETED, data=[]),
    ]


def _nothing_yet() -> Component:
    return html.Div(
        [
            html.Div(html.H1("Runs", className="page-title"), className="page-head"),
            empty_state(
                "A run tests one strategy on your bars and keeps the answer at a URL of its own.",
                link_button("Make the first run", "/new", icon_name="plus", kind="primary"),
            ),
        ]
    )


def _filters(
    view: Mapping[str, Any],
    strategies: Sequence[tuple[str, str]],
    symbols: Sequence[str],
    tags: Sequence[str],
) -> list[Component]:
    """Return the row of chips; each is its own control, filled with colour when it is set."""

    def pick(id: str, name: str, data: list[dict[str, str]], value: str | None) -> Component:
        return dmc.Select(
            id=id,
            data=data,
            value=value,
            placeholder=name,
            clearable=True,
            searchable=True,
            size="xs",
            className=f"chip chip-{name.lower()}",
            attributes={"input": {"aria-label": name}},
            comboboxProps={"width": 220, "position": "bottom-start"},
            nothingFoundMessage="None",
        )

    def bound(
        id: str, name: str, value: float | None, prefix: str, suffix: str = "", **more: Any
    ) -> Component:
        return dmc.NumberInput(
            id=id,
            value="" if value is None else value,
            placeholder=name,
            prefix=prefix,
            suffix=suffix,
            hideControls=True,
            debounce=400,
            size="xs",
            className=f"chip chip-{name.split()[0].lower()}",
            attributes={"input": {"aria-label": name}},
            **more,
        )

    return [
        dmc.TextInput(
            id=ids.RUNS_SEARCH,
            value=view["q"] or "",
            placeholder="Name, symbol, parameter",
            leftSection=icon("search"),
            debounce=250,
            size="xs",
            className="filter-search",
            attributes={"root": {"data-search": "1"}, "input": {"aria-label": "Search runs"}},
        ),
        pick(
            ids.RUNS_STRATEGY,
            "Strategy",
            [{"value": name, "label": title} for name, title in strategies],
            view["strategy"],
        ),
        pick(
            ids.RUNS_SYMBOL,
            "Symbol",
            [{"value": name, "label": name} for name in symbols],
            view["symbol"],
        ),
        pick(
            ids.RUNS_TAG_FILTER,
            "Tag",
            [{"value": name, "label": name} for name in tags],
            view["tag"],
        ),
        bound(ids.RUNS_MIN_SHARPE, "Sharpe at least", view["min_sharpe"], "Sharpe ≥ ", step=0.1),
        bound(
            ids.RUNS_MAX_DRAWDOWN,
            "Drawdown at most",
            view["max_drawdown"],
            "Drawdown ≤ ",
            " %",
            min=0,
            max=100,
        ),
        bound(
            ids.RUNS_MIN_TRADES,
            "Trades at least",
            view["min_trades"],
            "Trades ≥ ",
            min=0,
            allowDecimal=False,
        ),
        dmc.Chip(
            "Starred",
            id=ids.RUNS_STARRED,
            checked=view["starred"],
            size="xs",
            radius=6,
            variant="light",
            className="chip-starred",
        ),
        button(
            "Clear",
            id=ids.RUNS_CLEAR,
            kind="quiet",
            small=True,
            icon_name="close",
            hidden=not pure.has_filters(view),
        ),
        _column_choice(view["columns"]),
    ]


def _column_choice(chosen: Sequence[str]) -> Component:
    """Return the choice of the columns, which a list of cards has not."""
    return html.Div(
        dmc.Popover(
            [
                dmc.PopoverTarget(button("Columns", kind="quiet", small=True, icon_name="table")),
                dmc.PopoverDropdown(
                    dmc.CheckboxGroup(
                        id=ids.RUNS_COLUMNS,
                        value=list(chosen),
                        children=[
                            dmc.Checkbox(label=label, value=name, size="xs")
                            for name, label in COLUMN_NAMES.items()
                        ],
                        className="columns-choice",
                    )
                ),
            ],
            position="bottom-end",
            withinPortal=True,
            keepMounted=True,
        ),
        className="runs-columns",
    )


def _actions() -> Component:
    """Return what can be done with the selected rows; hidden while none is."""
    tag = dmc.Popover(
        [
            dmc.PopoverTarget(button("Tag", icon_name="tag")),
            dmc.PopoverDropdown(
                html.Div(
                    [
                        dmc.TextInput(
                            id=ids.RUNS_TAG_TEXT,
                            placeholder="Tag",
                            size="xs",
                            attributes={"input": {"aria-label": "Tag"}},
                        ),
                        button("Add", id=ids.RUNS_TAG_SAVE, kind="primary", small=True),
                    ],
                    className="row",
                )
            ),
        ],
        position="bottom-end",
        trapFocus=True,
        withinPortal=True,
    )
    return html.Div(
        [
            html.Span(id=ids.RUNS_SELECTED, className="muted"),
            html.A(
                [icon("compare"), html.Span("Compare")],
                id=ids.RUNS_COMPARE,
                href="/compare",
                className="button",
                hidden=True,
            ),
            tag,
            html.A(
                [icon("download"), html.Span("Export")],
                id=ids.RUNS_EXPORT,
                href="/export/runs.csv",
                className="button",
                download="runs.csv",
            ),
            button("Delete", id=ids.RUNS_DELETE, icon_name="trash"),
        ],
        id=ids.RUNS_ACTIONS,
        className="selection",
        hidden=True,
    )


def _grid(items: Sequence[Document], view: Mapping[str, Any]) -> Component:
    now = datetime.now(UTC)
    is_phone = theme.is_phone()
    options = {
        "theme": {"function": GRID_THEME},
        "rowHeight": CARD_HEIGHT + 8 if is_phone else 44,
        "headerHeight": 0 if is_phone else 32,
        "suppressCellFocus": is_phone,
        "suppressMovableColumns": True,
        "animateRows": False,
        "enableCellTextSelection": True,
        "suppressNoRowsOverlay": True,
    }
    if is_phone:
        options["domLayout"] = "autoHeight"
    else:
        options["rowSelection"] = {
            "mode": "multiRow",
            "checkboxes": True,
            "headerCheckbox": True,
            "enableClickSelection": False,
        }
        options["selectionColumnDef"] = {
            "width": 40,
            "minWidth": 40,
            "suppressHeaderMenuButton": True,
        }
    return dag.AgGrid(
        id=ids.RUNS_GRID,
        rowData=[pure.run_row(item, now) for item in items],
        columnDefs=[_card_column()] if is_phone else grid_columns(view["sort"], view["columns"]),
        defaultColDef={
            "resizable": False,
            "suppressHeaderMenuButton": True,
            "sortingOrder": ["desc", "asc"],
            "cellDataType": False,
        },
        dashGridOptions=options,
        getRowId="params.data.id",
        rowClassRules={"run-failed": "params.data.failed"},
        eventListeners={
            "sortChanged": ["hindcastSort(params)"],
            "cellClicked": ["hindcastOpen(params)"],
        },
        className="runs-grid runs-cards" if is_phone else "runs-grid",
        style={"height": "auto" if is_phone else "calc(100vh - 150px)"},
    )


def _card_column() -> dict[str, Any]:
    return {"field": "id", "cellRenderer": "RunCard", "flex": 1, "sortable": False}


COLUMN_NAMES = {
    "sparkline": "Equity",
    **{name: METRICS[name].label for name in ("cagr", "sharpe", "max_drawdown", "trades")},
    **{name: METRICS[name].label for name in pure.MORE_COLUMNS},
    "symbols": "Symbols",
    "check": "Checks",
    "age": "Age",
}


def grid_columns(sort: str, chosen: Sequence[str]) -> list[dict[str, Any]]:
    """Return the chosen columns after the name.

    The API sorts, so the grid's own comparison leaves rows as they came.
    """
    known = {definition["field"]: definition for definition in _columns(sort)}
    return [known["name"], *(known[name] for name in COLUMN_NAMES if name in chosen)]


def _columns(sort: str) -> list[dict[str, Any]]:

    def column(
        field: str,
        title: str,
        width: int,
        renderer: str = "",
        *,
        is_number: bool = False,
        key: str = "",
        **more: Any,
    ) -> dict[str, Any]:
        definition: dict[str, Any] = {
            "field": field,
            "headerName": title,
            "width": width,
            "minWidth": width,
            "sortable": bool(key),
            **more,
        }
        if renderer:
            definition["cellRenderer"] = renderer
        if is_number:
            definition["type"] = "rightAligned"
        if key:
            definition["colId"] = key
            definition["comparator"] = {"function": "hindcastKeepOrder"}
            if sort.removeprefix("-") == key:
                definition["sort"] = "desc" if sort.startswith("-") else "asc"
        return definition

    return [
        column("name", "Name", 160, "RunName", key="name", flex=1),
        column("sparkline", "Equity", 116, "RunEquity"),
        column("cagr", "CAGR", 76, "RunStruck", key="cagr", is_number=True),
        column(
            "sharpe",
            "Sharpe",
            80,
            "RunBar",
            key="sharpe",
            is_number=True,
            cellRendererParams={"share": "sharpe_share", "tone": "neutral", "struck": True},
        ),
        column(
            "max_drawdown",
            "Max drawdown",
            104,
            "RunBar",
            key="max_drawdown",
            is_number=True,
            cellRendererParams={"share": "drawdown_share", "tone": "down"},
        ),
        column("trades", "Trades", 62, key="trades", is_number=True),
        *(
            column(name, METRICS[name].label, 104, "RunStruck", is_number=True)
            for name in pure.MORE_COLUMNS
        ),
        column("symbols", "Symbols", 88, "RunSymbols"),
        column("check", "Checks", 124, "RunCheck"),
        column(
            "age",
            "Age",
            62,
            key="created",
            is_number=True,
            cellClass=["run-age", "ag-right-aligned-cell"],
            tooltipField="created",
        ),
    ]


def _rail(items: Sequence[Document]) -> Component:
    figure = pure.scatter_figure(items, theme.current_theme())
    chart = graph(
        ids.RUNS_SCATTER,
        figure,
        height=236,
        label="Annual return of each run against its deepest drawdown",
    )
    return html.Aside([queue(), card("Return against risk", chart)], className="rail")
