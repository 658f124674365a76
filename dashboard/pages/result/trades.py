"""The Trades tab: where the money came from, how far trades went, and every one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from dash import html
from dash.development.base_component import Component

from dashboard import formatting, ids
from dashboard.client import Api, Document
from dashboard.components import card, empty_state, graph, link_button, segmented
from dashboard.figures.trades import HEIGHT, excursion_figure
from dashboard.pages.result.grid import FULL, trade_rows, trades_grid
from dashboard.pages.result.monthly import MONTHS
from dashboard.theme import Theme

Row = Mapping[str, Any]
Grouping = Literal["month", "weekday", "symbol", "side", "exit_reason"]

GROUPINGS = (
    ("month", "Month"),
    ("weekday", "Weekday"),
    ("symbol", "Symbol"),
    ("side", "Side"),
    ("exit_reason", "Exit"),
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def trades_tab(api: Api, run: Document, theme: Theme) -> Component | list[Component]:
    """Return the groups, the two excursion charts and the grid of all trades."""
    trades = api.trades(run["id"])
    rows = trade_rows(trades)
    if not rows:
        sentence = "The strategy never traded in this period."
        clone = link_button("Change it", f"/new?from={run['id']}", kind="primary")
        return empty_state(sentence, clone)
    closed = [row for row in rows if not row["open"]]
    return [
        html.Div(
            [
                card(
                    "P&L by",
                    html.Div(group_table(closed, "month"), id=ids.RESULT_GROUPS),
                    hint=segmented(ids.RESULT_GROUP_KIND, GROUPINGS, "month", "Group trades by"),
                    class_name="result-groups",
                ),
                card(
                    "Return against MAE",
                    graph(
                        ids.RESULT_MAE,
                        excursion_figure(trades, "mae", theme),
                        height=HEIGHT,
                        label="Return of each trade against its worst excursion",
                    ),
                    hint="how far it went against",
                ),
                card(
                    "Return against MFE",
                    graph(
                        ids.RESULT_MFE,
                        excursion_figure(trades, "mfe", theme),
                        height=HEIGHT,
                        label="Return of each trade against its best excursion",
                    ),
                    hint="how far it went in favour",
                ),
            ],
            className="result-row result-row-trades",
        ),
        card(
            "All trades",
            trades_grid(ids.RESULT_TRADES_GRID, rows, FULL, height=_grid_height(len(rows))),
            hint=streaks(closed),
            actions=link_button(
                "CSV",
                f"/export/runs/{run['id']}/trades.csv",
                icon_name="download",
                kind="small",
                download="",
            ),
            class_name="result-trades",
        ),
    ]


def group_table(rows: Sequence[Row], grouping: Grouping) -> Component:
    """Return P&L, count and win rate of closed trades by one property, with a bar each.

    Parameters
    ----------
    rows : sequence of mappings
        Closed trades as `trade_rows` makes them.
    grouping : Grouping
        Months and weekdays are those of the exit (UTC).
    """
    groups = grouped(rows, grouping)
    largest = max((abs(total) for _, total, _, _ in groups), default=0.0) or 1.0
    body = []
    for name, total, n_trades, n_wins in groups:
        side = "is-up" if total >= 0.0 else "is-down"
        bar = html.Div(
            html.Div(
                className=f"group-fill {side}", style={"width": f"{abs(total) / largest:.1%}"}
            ),
            className=f"group-bar group-bar-{side}",
        )
        body.append(
            html.Tr(
                [
                    html.Th(name, scope="row"),
                    html.Td(formatting.integer(n_trades)),
                    html.Td(formatting.percent(n_wins / n_trades, 0)),
                    html.Td(bar, className="group-cell"),
                    html.Td(formatting.money(total), className=side),
                ]
            )
        )
    names = ("", "Trades", "Wins", "", "P&L")
    head = html.Thead(html.Tr([html.Th(name, scope="col") for name in names]))
    return html.Table([head, html.Tbody(body)], className="groups")


def grouped(rows: Sequence[Row], grouping: Grouping) -> list[tuple[str, float, int, int]]:
    """Return (name, P&L, trades, wins) of each group: calendar order, else largest P&L first."""
    key, names = _KEYS[grouping]
    totals: dict[Any, list[float]] = {}
    for row in rows:
        totals.setdefault(key(row), []).append(float(row["pnl"]))
    order = sorted(totals) if names else sorted(totals, key=lambda k: -sum(totals[k]))
    return [
        (
            names[group] if names else str(group),
            sum(totals[group]),
            len(totals[group]),
            sum(pnl > 0.0 for pnl in totals[group]),
        )
        for group in order
    ]


def streaks(rows: Sequence[Row]) -> str:
    """Return the longest runs of wins and of losses, in the order of their exits."""
    longest = {True: 0, False: 0}
    current, length = None, 0
    for row in sorted(rows, key=lambda row: (row["exit_time"] or 0, row["number"])):
        is_win = row["pnl"] > 0.0
        length = length + 1 if is_win == current else 1
        current = is_win
        longest[is_win] = max(longest[is_win], length)
    return f"longest streaks: {longest[True]} wins, {longest[False]} losses"


def _grid_height(n_rows: int) -> int:
    """Return pixels for all rows of a short table, else for a scrolling one of 18."""
    return 28 * (min(n_rows, 18) + 1) + 2


_KEYS: dict[str, tuple[Callable[[Row], Any], Sequence[str]]] = {
    "month": (lambda row: formatting.instant(row["exit_time"]).month - 1, MONTHS),
    "weekday": (lambda row: formatting.instant(row["exit_time"]).weekday(), WEEKDAYS),
    "symbol": (lambda row: row["symbol"], ()),
    "side": (lambda row: row["side"], ()),
    "exit_reason": (lambda row: row["exit_reason"], ()),
}
