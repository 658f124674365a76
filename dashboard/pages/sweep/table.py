"""The best points of a sweep as a table."""

from __future__ import annotations

from typing import Any

import dash_ag_grid as dag
from dash.development.base_component import Component

from dashboard import ids
from dashboard.client import Document
from dashboard.components import card
from dashboard.metrics import METRICS
from dashboard.pages.runs.layout import GRID_THEME
from dashboard.pages.sweep import view
from dashboard.pages.sweep.cube import Cube, FloatArray

TOP_HEIGHT = 240
WIDTHS = {"trades": 54, "max_drawdown": 66, "near": 78, "cagr": 64, "sharpe": 58}
PARAMETER_WIDTH = 46
CHOICE_WIDTH = 80


def top_card(
    document: Document, cube: Cube, state: view.State, worst: FloatArray | None
) -> Component:
    """Return the best points, the suggested one first; a click on a row opens its run."""
    rows = table_rows(document, cube, state, worst)
    grid = dag.AgGrid(
        id=ids.SWEEP_TOP,
        rowData=rows,
        columnDefs=top_columns(document, cube, worst is not None),
        defaultColDef={"sortable": True, "resizable": False, "suppressMovable": True},
        getRowId="params.data.id",
        rowClassRules={"is-suggested": "params.data.is_suggested"},
        dashGridOptions={
            "rowHeight": 28,
            "headerHeight": 28,
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
        style={"height": "100%", "minHeight": TOP_HEIGHT},
    )
    return card(
        "Best points",
        grid,
        hint="a click opens the run",
        class_name="sweep-top",
    )


def table_rows(
    document: Document, cube: Cube, state: view.State, worst: FloatArray | None
) -> list[dict[str, Any]]:
    """Return the rows of the table; the suggested point leads when it is within the brushes."""
    point = view.plateau(document)
    first = int(point["index"]) if point is not None else None
    if first is not None and not view.brushed(cube, state)[first]:
        first = None
    return view.top_rows(cube, view.top_index(cube, document, state), worst, first)


def top_columns(document: Document, cube: Cube, has_near: bool) -> list[dict[str, Any]]:
    """Return parameters, the objective, its worst neighbour, and the usual numbers."""
    objective = document["objective"]
    columns = []
    for name in cube.axes:
        is_number = cube.is_ordered(name)
        kind = {"type": "rightAligned"} if is_number else {}
        width = PARAMETER_WIDTH if is_number else CHOICE_WIDTH
        formatter = {"function": "sweepText('plain', params.value)"}
        columns.append(
            {
                "field": f"p_{name}",
                "headerName": name,
                "minWidth": width,
                "flex": width,
                "valueFormatter": formatter,
                **kind,
            }
        )
    columns.append(_number_column(objective, cell_class="is-objective"))
    if has_near:
        near = _number_column("near", "Worst near", kind=view.FORMATS[objective])
        near["cellClassRules"] = {"is-edge": "params.value === 'edge'"}
        columns.append(near)
    rest = [name for name in view.TOP_METRICS if name in cube.metrics and name != objective]
    return [*columns, *(_number_column(name) for name in rest)]


def _number_column(
    name: str, title: str = "", *, kind: str = "", cell_class: str = ""
) -> dict[str, Any]:
    shown = kind or view.FORMATS[name]
    column: dict[str, Any] = {
        "field": name,
        "headerName": title or ("Max DD" if name == "max_drawdown" else METRICS[name].label),
        "minWidth": WIDTHS.get(name, 76),
        "flex": WIDTHS.get(name, 76),
        "type": "rightAligned",
        "valueFormatter": {"function": f"sweepText('{shown}', params.value)"},
    }
    if cell_class:
        column["cellClass"] = ["ag-right-aligned-cell", cell_class]
    return column
