"""Trades as rows of a grid: numbers stay numbers, so that columns sort; texts are formatters'."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_ag_grid as dag
import numpy as np

from dashboard import formatting
from dashboard.pages.runs.layout import GRID_THEME

COMPACT = (
    "number",
    "entry_time",
    "entry_price",
    "exit_time",
    "exit_price",
    "exit_reason",
    "quantity",
    "bars",
    "return",
    "pnl",
    "fees",
)
FULL = (
    "number",
    "symbol",
    "side",
    "quantity",
    "entry_time",
    "entry_price",
    "exit_time",
    "exit_price",
    "exit_reason",
    "bars",
    "return",
    "pnl",
    "fees",
    "mae",
    "mfe",
    "ambiguous",
)
ROW_HEIGHT = 28
_HEADS = {
    "number": "#",
    "symbol": "Symbol",
    "side": "Side",
    "quantity": "Quantity",
    "entry_time": "Entry",
    "entry_price": "Price",
    "exit_time": "Exit",
    "exit_price": "Price",
    "exit_reason": "Reason",
    "bars": "Bars",
    "return": "Return",
    "pnl": "P&L",
    "fees": "Fees",
    "mae": "MAE",
    "mfe": "MFE",
    "ambiguous": "Ambiguous",
}
_TEXTS = {"symbol", "side", "exit_reason"}
_TIMES = {"entry_time", "exit_time"}
_WIDTHS = {
    "number": 52,
    "symbol": 66,
    "side": 58,
    "quantity": 78,
    "entry_time": 102,
    "entry_price": 78,
    "exit_time": 102,
    "exit_price": 78,
    "exit_reason": 74,
    "bars": 56,
    "return": 76,
    "pnl": 84,
    "fees": 64,
    "mae": 70,
    "mfe": 74,
    "ambiguous": 88,
}


def trade_rows(trades: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return one row a trade, numbered from 1 in the order of the table.

    Times become UTC ms or None, NaN becomes None: a row is JSON.
    """
    columns: dict[str, list[Any]] = {}
    for name in (*FULL, "open"):
        if name != "number" and name in trades:
            columns[name] = plain_column(np.asarray(trades[name]))
    n_rows = len(next(iter(columns.values()), []))
    is_open = columns.get("open", [0] * n_rows)
    rows = []
    for i in range(n_rows):
        row = {
            "id": str(i + 1),
            "number": i + 1,
            **{name: values[i] for name, values in columns.items()},
        }
        if is_open[i]:
            row["exit_time"] = None
        rows.append(row)
    return rows


def trades_grid(
    id: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, height: int
) -> dag.AgGrid:
    """Return the grid of `rows`; the browser formats by the column's kind."""
    return dag.AgGrid(
        id=id,
        rowData=list(rows),
        columnDefs=[_column(name) for name in columns],
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
        style={"height": height},
    )


def _column(name: str) -> dict[str, Any]:
    is_number = name not in _TEXTS and name not in _TIMES
    column: dict[str, Any] = {
        "field": name,
        "headerName": _HEADS[name],
        "flex": _WIDTHS[name],
        "minWidth": _WIDTHS[name],
    }
    if is_number:
        column |= {"type": "rightAligned", "filter": "agNumberColumnFilter"}
    else:
        column["filter"] = "agTextColumnFilter"
    if name == "number":
        column["maxWidth"] = _WIDTHS[name]
    column["suppressHeaderFilterButton"] = True
    if name != "number" and name not in _TEXTS:
        column["valueFormatter"] = {"function": f"tradeText('{name}', params.value)"}
    if name in ("return", "pnl"):
        column["cellClassRules"] = {"is-up": "params.value > 0", "is-down": "params.value < 0"}
    return column


def plain_column(values: np.ndarray[Any, Any]) -> list[Any]:
    """Return a column's values as JSON has them: NaN is None, booleans are 0 and 1."""
    if values.dtype.kind == "f":
        return [None if formatting.is_missing(value) else value for value in values.tolist()]
    if values.dtype.kind == "b":
        return [int(value) for value in values.tolist()]
    return list(values.tolist())
