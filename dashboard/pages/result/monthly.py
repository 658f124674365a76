"""Month by year: an HTML grid, so that its numbers can be read, copied and spoken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from dash import html
from dash.development.base_component import Component

from dashboard import formatting

Kind = Literal["strategy", "excess"]

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
CAP = 0.10
"""Colours reach full strength at ±10 %: one wild month must not pale the others."""


def monthly_table(
    years: Sequence[Mapping[str, Any]], benchmark: str, kind: Kind = "strategy"
) -> Component:
    """Return the grid, a row a year.

    Parameters
    ----------
    years : sequence of mappings
        `year`, `months` (12 fractions or None), `total`, `benchmark`, and `benchmark_months`.
    benchmark : str
        Name of the last column, "" without one.
    kind : {"strategy", "excess"}
        Excess is the strategy's return less the benchmark's.
    """
    names = ["", *MONTHS, "Year", *([benchmark] if benchmark else [])]
    head = html.Thead(html.Tr([html.Th(name, scope="col") for name in names]))
    rows = [_row(row, benchmark, kind) for row in years]
    return html.Table([head, html.Tbody(rows)], className="monthly")


def _row(row: Mapping[str, Any], benchmark: str, kind: Kind) -> Component:
    theirs = row.get("benchmark_months") or [None] * 12
    months = row["months"]
    total = row["total"]
    if kind == "excess":
        months = [_less(own, other) for own, other in zip(months, theirs, strict=True)]
        total = _less(total, row["benchmark"])
    cells = [html.Th(str(row["year"]), scope="row"), *(_cell(value) for value in months)]
    cells.append(
        html.Td(formatting.signed_percent(total), className=f"monthly-year {_sign(total)}")
    )
    if benchmark:
        text = formatting.signed_percent(row["benchmark"])
        cells.append(html.Td(text, className="monthly-benchmark"))
    return html.Tr(cells)


def _cell(value: float | None) -> Component:
    """Return a month; its text is in percent without the sign of it, which the card's head says."""
    if value is None:
        return html.Td("", className="monthly-none")
    text = formatting.points(value, sign=True)
    return html.Td(text, className=f"monthly-cell {_sign(value)}", style={"--share": _share(value)})


def _share(value: float) -> str:
    """Return how strong the colour is, as CSS wants it: 0 % to 100 %."""
    return f"{min(abs(value) / CAP, 1.0) * 100.0:.0f}%"


def _sign(value: float | None) -> str:
    if value is None or round(value, 3) == 0.0:
        return "is-flat"
    return "is-up" if value > 0.0 else "is-down"


def _less(own: float | None, other: float | None) -> float | None:
    return None if own is None or other is None else own - other
