"""A trade looked up in a run: its orders, its fills, its levels, and the steps it is told in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from config.run import RunConfig
from engine.analysis.levels import Levels, Row, levels_of
from engine.types import Decisions, FloatArray, Ledger, Market, Reason

COLUMNS = ("open", "high", "low", "close", "volume")
CHILDREN = (Reason.STOP, Reason.TRAIL, Reason.TARGET)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A run in memory, and what its conditions say in English by field."""

    market: Market
    decisions: Decisions
    rows: Mapping[str, FloatArray]
    ledger: Ledger
    config: RunConfig
    conditions: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One event of a trade's life; `values` are the numbers known at it."""

    part: str
    kind: str
    i: int
    title: str
    text: str
    rule: str
    values: Mapping[str, float]


class Trade:
    """A trade with its fills, orders and levels looked up."""

    def __init__(self, story: Story, row: int) -> None:
        self.story = story
        ledger = story.ledger
        self.row = row_of(ledger.trades, row)
        self.s = int(self.row["symbol"])
        self.symbol = story.market.symbols[self.s]
        self.side = int(self.row["side"])
        self.order = row_of(ledger.orders, int(self.row["order_id"]))
        fills = self._fills_of(self.order)
        self.fill = next(fill for fill in fills if fill["i_time"] == self.row["entry_i"])
        self.exit_fill = None if self.row["open"] else _exit_fill(ledger, self.row)
        self.levels = self._levels_of(self.order)
        self.exit_levels = self.levels
        if self.is_left_by_another:
            # A stop or target of another entry closed this one: first in, first out (F11).
            number = int(self.exit_fill["order_id"]) if self.exit_fill else 0
            self.exit_levels = self._levels_of(row_of(ledger.orders, number))

    @property
    def is_left_by_another(self) -> bool:
        """Return whether the stop or target that ended the trade was another entry's."""
        fill = self.exit_fill
        if fill is None or fill["reason"] not in CHILDREN:
            return False
        return bool(fill["order_id"] != self.order["order_id"])

    def _fills_of(self, order: Row) -> list[Row]:
        """Return the fills by which an order made its entry."""
        fills = self.story.ledger.fills
        is_own = (fills["order_id"] == order["order_id"]) & (fills["symbol"] == self.s)
        at = np.flatnonzero(is_own & (fills["side"] == self.side))
        return [row_of(fills, int(i)) for i in at]

    def _first_part(self, order: Row) -> Row:
        """Return the fill that opened an order's entry, whose levels later parts share (F9).

        Where all parts so far had been closed again, the next one opened a new entry.
        """
        trades = self.story.ledger.trades
        is_own = trades["order_id"] == order["order_id"]
        # Of the trade's own entry no later part, of another one what there was at the exit.
        is_this = order["order_id"] == self.order["order_id"]
        last = self.row["entry_i"] if is_this else self.row["exit_i"]
        parts = self._fills_of(order)
        first = parts[0]
        for part in parts[1:]:
            if part["i_time"] > last:
                break
            is_earlier = is_own & (trades["entry_i"] < part["i_time"])
            until = part["i_time"] if self._follows_an_exit(part) else part["i_time"] - 1
            is_closed = (trades["exit_i"] >= 0) & (trades["exit_i"] <= until)
            if is_closed[is_earlier].all():
                first = part
        return first

    def _follows_an_exit(self, part: Row) -> bool:
        """Return whether something of the other side filled before it in its bar."""
        fills = self.story.ledger.fills
        in_bar = (fills["i_time"] == part["i_time"]) & (fills["symbol"] == self.s)
        at = np.flatnonzero(in_bar)
        place = np.flatnonzero(fills["order_id"][at] == part["order_id"])
        is_entry = fills["side"][at] == part["side"]
        own = place[is_entry[place]]
        return bool((~is_entry[: own[0]]).any())

    def _levels_of(self, order: Row) -> Levels:
        last = self.story.ledger.time.size - 1
        return levels_of(
            self.story.market,
            order,
            self._first_part(order),
            last if self.row["open"] else int(self.row["exit_i"]),
        )

    def bar(self, i: int) -> dict[str, float]:
        """Return the bar of the trade's symbol at instant `i` of the run."""
        market = self.story.market
        return {name: float(getattr(market, name)[self.s, market.first + i]) for name in COLUMNS}

    def indicators(self, i: int) -> dict[str, float]:
        """Return the strategy's indicators at the close of a bar."""
        t = self.story.market.first + i
        return {name: float(values[self.s, t]) for name, values in self.story.rows.items()}


def row_of(table: Mapping[str, Any], at: int) -> Row:
    """Return one row of a table as plain numbers."""
    return {name: values[at].item() for name, values in table.items()}


def _exit_fill(ledger: Ledger, trade: Row) -> Row:
    fills = ledger.fills
    is_exit = (
        (fills["i_time"] == trade["exit_i"])
        & (fills["symbol"] == trade["symbol"])
        & (fills["side"] == -trade["side"])
        & (fills["price"] == trade["exit_price"])
        & (fills["reason"] == trade["exit_reason"])
    )
    found = np.flatnonzero(is_exit)
    # Children carry their entry's number; of two alike it is that one.
    own = found[fills["order_id"][found] == trade["order_id"]]
    return row_of(fills, int((own if own.size else found)[0]))
