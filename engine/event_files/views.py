"""What `on_bar` is given: the names of its arguments' parts."""

from __future__ import annotations

from typing import NamedTuple


class Bar(NamedTuple):
    """The completed bar; `number` counts the bars of the run, `time` is its open in UTC ms."""

    number: int
    time: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    split: float


class Position(NamedTuple):
    """What is held of the symbol at this close, and the account; NaN where there is none."""

    quantity: float
    entry_price: float
    open_profit: float
    bars_held: int
    entries: int
    working: int
    cash: float
    equity: float
