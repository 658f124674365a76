"""The Orders tab: what was asked, what became of it, and the fills it came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import dash_ag_grid as dag
import numpy as np
from dash import dcc, html
from dash.development.base_component import Component

from dashboard import formatting, ids
from dashboard.client import Api, Document
from dashboard.components import card, empty_state, link_button
from dashboard.pages.result.grid import ROW_HEIGHT, plain_column
from dashboard.pages.runs.layout import GRID_THEME

Row = dict[str, Any]

ORDER_COLUMNS = {
    "order_id": ("#", 56),
    "time": ("Made at", 104),
    "symbol": ("Symbol", 70),
    "side": ("Side", 56),
    "type": ("Type", 84),
    "quantity": ("Quantity", 84),
    "limit": ("Limit", 84),
    "stop": ("Stop", 84),
    "time_in_force": ("Works", 70),
    "status": ("Became", 92),
    "reason": ("Because", 92),
    "filled_quantity": ("Filled", 84),
    "filled_price": ("Price", 84),
    "fills": ("Parts", 56),
    "children": ("Then", 92),
}
FILL_COLUMNS = {
    "time": ("Bar", 104),
    "symbol": ("Symbol", 70),
    "side": ("Side", 56),
    "quantity": ("Quantity", 84),
    "price": ("Price", 84),
    "fee": ("Fee", 70),
    "reason": ("Reason", 84),
    "order_id": ("Order", 62),
    "ambiguous": ("Ambiguous", 84),
}
_TEXTS = {"symbol", "side", "type", "time_in_force", "status", "reason", "children"}
# How they read; what is not here reads as it is written.
WORDS = {
    "stop_limit": "stop-limit",
    "gtc": "until filled",
    "day": "one bar",
    "ioc": "at once",
    "cash": "no cash",
    "conflict": "both sides at once",
}


def orders_tab(api: Api, run: Document) -> Component | list[Component]:
    """Return the order log above the fills; choosing an order leaves its fills."""
    fills = fill_rows(api.fills(run["id"]))
    orders = order_rows(api.orders(run["id"]), fills)
    if not orders:
        sentence = "The strategy never made an order in this period."
        return empty_state(
            sentence, link_button("Change it", f"/new?from={run['id']}", kind="primary")
        )
    return [
        dcc.Store(id=ids.RESULT_FILLS, data=fills),
        card(
            "Orders",
            _grid(ids.RESULT_ORDERS_GRID, orders, ORDER_COLUMNS),
            hint=counts(orders),
            actions=_download(run, "orders"),
            class_name="result-trades",
        ),
        card(
            "Fills",
            _grid(ids.RESULT_FILLS_GRID, fills, FILL_COLUMNS),
            hint=html.Span(fills_hint(len(fills)), id=ids.RESULT_FILLS_COUNT),
            actions=_download(run, "fills"),
            class_name="result-trades",
        ),
    ]


def _download(run: Document, table: str) -> Component:
    return link_button(
        "CSV",
        f"/export/runs/{run['id']}/{table}.csv",
        icon_name="download",
        kind="small",
        download="",
    )


def fill_rows(fills: Mapping[str, Any]) -> list[Row]:
    """Return one row a fill, in their order."""
    return _rows(fills, FILL_COLUMNS)


def order_rows(orders: Mapping[str, Any], fills: Sequence[Row]) -> list[Row]:
    """Return one row an order; `fills` counts the parts it was filled in.

    A stop, trail or target is a child of its entry: its fill carries the entry's number, on the
    other side. `children` says which of them ended it.
    """
    parts = Counter((row["order_id"], row["side"]) for row in fills)
    ended: dict[Any, dict[str, None]] = {}
    for row in fills:
        ended.setdefault((row["order_id"], row["side"]), {})[row["reason"]] = None
    other = {"buy": "sell", "sell": "buy"}
    rows = _rows(orders, ORDER_COLUMNS)
    for row in rows:
        row["fills"] = parts[row["order_id"], row["side"]]
        row["children"] = ", ".join(ended.get((row["order_id"], other[row["side"]]), {}))
        is_partial = row["status"] != "filled" and (row["filled_quantity"] or 0.0) > 0.0
        if is_partial:
            row["status"] = f"{row['status']}, in part"
        # A part of an order that never filled has no quantity: "–", not zero.
        row["filled_quantity"] = row["filled_quantity"] or None
    return rows


def counts(orders: Sequence[Row]) -> str:
    """Return how many orders there were, and what became of them, most first."""
    became = Counter(row["status"] for row in orders)
    parts = [f"{formatting.integer(n)} {word}" for word, n in became.most_common()]
    return f"{formatting.integer(len(orders))}: {', '.join(parts)}"


def fills_hint(n_fills: int) -> str:
    """Return the line in the head of the fills while no order is chosen."""
    noun = "fill" if n_fills == 1 else "fills"
    return f"{formatting.integer(n_fills)} {noun}; choose an order to see its own"


def _rows(table: Mapping[str, Any], columns: Mapping[str, Any]) -> list[Row]:
    known = {name: plain_column(np.asarray(table[name])) for name in columns if name in table}
    n_rows = len(next(iter(known.values()), []))
    return [
        {"id": str(i), **{name: _word(name, values[i]) for name, values in known.items()}}
        for i in range(n_rows)
    ]


def _word(name: str, value: Any) -> Any:
    return WORDS.get(value, value) if name in _TEXTS else value


def _grid(id: str, rows: Sequence[Row], columns: Mapping[str, tuple[str, int]]) -> dag.AgGrid:
    return dag.AgGrid(
        id=id,
        rowData=list(rows),
        columnDefs=[_column(name, *head) for name, head in columns.items()],
        defaultColDef={"sortable": True, "resizable": False, "suppressMovable": True},
        getRowId="params.data.id",
        dashGridOptions={
            "rowHeight": ROW_HEIGHT,
            "headerHeight": ROW_HEIGHT,
            "rowSelection": {
                "mode": "singleRow",
                "checkboxes": False,
                "enableClickSelection": True,
            },
            "suppressCellFocus": True,
            "animateRows": False,
            "theme": {"function": GRID_THEME},
            "suppressNoRowsOverlay": True,
        },
        style={"height": ROW_HEIGHT * (min(len(rows), 14) + 1) + 2},
    )


def _column(name: str, title: str, width: int) -> dict[str, Any]:
    column: dict[str, Any] = {
        "field": name,
        "headerName": title,
        "flex": width,
        "minWidth": width,
        "suppressHeaderFilterButton": True,
    }
    if name in _TEXTS:
        return column | {"filter": "agTextColumnFilter"}
    column["valueFormatter"] = {"function": f"orderText('{name}', params.value)"}
    if name != "time":
        column |= {"type": "rightAligned", "filter": "agNumberColumnFilter"}
    return column
