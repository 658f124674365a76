"""What the twin remembers: bars, orders, open entries, lots, books and the account."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field
from typing import Any

from config.run import RunConfig
from engine.types import FillPhase, OrderStatus, OrderType, Reason, SizeKind

LONG = 1
SHORT = -1


@dataclass
class Bar:
    open: float
    high: float
    low: float
    close: float
    volume: float
    whole: Bar | None = None  # of a finer bar: the bar that it lies in (F4)

    @property
    def is_high_first(self) -> bool:
        """F4: high first when high − open < open − low; a tie is low first."""
        return self.high - self.open < self.open - self.low


@dataclass
class Levels:
    """Children of an entry as its formula gives them (F5): a + b·entry_price, and a trail."""

    stop: tuple[float, float] | None = None
    target: tuple[float, float] | None = None
    trail: float | None = None
    is_trail_fraction: bool = False

    def split(self, ratio: float) -> None:
        """F14: a split divides order prices."""
        if self.stop is not None:
            self.stop = (self.stop[0] / ratio, self.stop[1])
        if self.target is not None:
            self.target = (self.target[0] / ratio, self.target[1])
        if self.trail is not None and not self.is_trail_fraction:
            self.trail = self.trail / ratio


@dataclass
class Order:
    """An order of the log: a reduce-only exit at the market, or an entry of any type."""

    number: int
    i_time: int
    symbol: int
    side: int
    type: OrderType
    is_exit: bool
    size_kind: SizeKind | None = None
    size: float = 0.0
    limit: float | None = None
    trigger: float | None = None
    levels: Levels = field(default_factory=Levels)
    when: str = "next_open"  # F1: when a market order fills
    most: float = math.inf  # of an exit: how much of the position it closes
    expire_bars: int = 0
    own_bars: int = 0
    is_triggered: bool = False
    fixed_quantity: float | None = None  # F9: of a notional order, since its first opening
    status: OrderStatus = OrderStatus.WORKING
    reason: Reason = Reason.SIGNAL
    filled_quantity: float = 0.0
    filled_price: float | None = None

    def __post_init__(self) -> None:
        """Keep what the log shows: the order as it was made, before any split."""
        self.made = (self.size, self.limit, self.trigger, copy.copy(self.levels))
        if self.is_exit or self.size_kind == SizeKind.UNITS:
            self.fixed_quantity = self.size

    @property
    def is_market(self) -> bool:
        return self.type == OrderType.MARKET

    @property
    def acts_as_market(self) -> bool:
        """Whether it fills at any price: the rest of a triggered stop does too (F9)."""
        return self.is_market or (self.type == OrderType.STOP and self.is_triggered)

    @property
    def is_limit(self) -> bool:
        """Whether it fills as a limit: at its limit or better, and as a maker (F6, F8)."""
        return self.type in (OrderType.LIMIT, OrderType.STOP_LIMIT)

    @property
    def acts_as_limit(self) -> bool:
        """Whether only the limit rule remains: a limit, or a stop-limit once triggered (F3)."""
        return self.type == OrderType.LIMIT or (
            self.type == OrderType.STOP_LIMIT and self.is_triggered
        )


@dataclass
class Entry:
    """An open entry with its children; a child closes its own entry's quantity (F5)."""

    number: int
    side: int
    quantity: float
    price: float
    stop: float | None
    target: float | None
    trail_level: float | None
    trail: float | None
    is_trail_fraction: bool
    best: float  # the highest high (long) or lowest low (short) since entry
    i_time: int
    phase: FillPhase
    fine: int  # the finer open or inside that made it, 0 without any
    is_by_limit: bool  # for an entry inside the bar: by a limit, else by a stop

    def working_stop(self) -> tuple[float, Reason] | None:
        """F5: with a stop and a trail the tighter works; a tie is the stop."""
        if self.stop is None and self.trail_level is None:
            return None
        if self.stop is None:
            return self.trail_level, Reason.TRAIL
        if self.trail_level is None:
            return self.stop, Reason.STOP
        if self.side * (self.trail_level - self.stop) > 0:
            return self.trail_level, Reason.TRAIL
        return self.stop, Reason.STOP


@dataclass
class Lot:
    """What is left of one entry fill; lots close first in, first out (F11)."""

    number: int
    side: int
    quantity: float
    price: float
    fee: float  # the entry fee of the quantity that is left
    i_time: int
    phase: FillPhase
    stop: float | None  # the stop as it stood at the fill, for R multiples
    is_ambiguous: bool = False
    highest: float | None = None
    lowest: float | None = None

    def see(self, *prices: float) -> None:
        for price in prices:
            self.highest = price if self.highest is None else max(self.highest, price)
            self.lowest = price if self.lowest is None else min(self.lowest, price)


@dataclass
class Book:
    """One symbol's side of the account."""

    lot: float
    entries: list[Entry] = field(default_factory=list)
    lots: list[Lot] = field(default_factory=list)
    last_close: float | None = None
    fill_price: float | None = None  # its last fill price in this bar (F7)
    room: float = math.inf  # F9: what the cap leaves of this bar
    freed: float = 0.0  # step (d): what other symbols may not use yet (F7)
    result: float = 0.0  # of the position's trades since it was opened
    last_bar: Bar | None = None
    is_forced: bool = False  # a margin or risk exit waits for the next open

    @property
    def quantity(self) -> float:
        """Signed position."""
        return sum(lot.side * lot.quantity for lot in self.lots)

    @property
    def side(self) -> int:
        return self.lots[0].side if self.lots else 0


@dataclass
class Fill:
    i_time: int
    symbol: int
    side: int
    quantity: float
    price: float
    fee: float
    order_id: int
    reason: Reason
    phase: FillPhase
    is_entry: bool
    closed: list[int] = field(default_factory=list)  # numbers of the entries it closed
    is_ambiguous: bool = False
    entry_lot: Lot | None = None
    rows: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Account:
    """All that changes; one deep copy of it is one hypothetical bar (F4)."""

    config: RunConfig
    cash: float
    books: list[Book]
    working: list[Order] = field(default_factory=list)
    done: list[Order] = field(default_factory=list)  # since the last flush into the log
    fills: list[Fill] = field(default_factory=list)  # since the last flush into the log
    trades: list[dict[str, Any]] = field(default_factory=list)  # the same
    results: list[float] = field(default_factory=list)  # of positions closed, for kelly (F7)
    i_time: int = 0
    bars: list[Bar | None] = field(default_factory=list)
    fine: int = 0  # counts finer opens and insides
    fees: float = 0.0

    def finish(self, order: Order, status: OrderStatus, reason: Reason) -> None:
        """End an order; F9: one that filled in part only is partial."""
        order.status = status
        if order.filled_quantity > 0.0:
            order.fixed_quantity = order.fixed_quantity or order.filled_quantity
            if status != OrderStatus.FILLED:
                order.status = OrderStatus.PARTIAL
        order.reason = reason
        self.working.remove(order)
        self.done.append(order)

    def works(self, order: Order) -> bool:
        """Whether an order still works: its rest may have been cancelled (F9)."""
        return any(working is order for working in self.working)

    def mark(self, symbol: int, phase: FillPhase) -> float:
        """F7: this bar's open, or the last fill price until the close, or the last close."""
        book, bar = self.books[symbol], self.bars[symbol]
        if bar is None:
            return book.last_close
        if phase == FillPhase.CLOSE:
            return bar.close
        return (bar.whole or bar).open if book.fill_price is None else book.fill_price

    def equity(self, phase: FillPhase) -> float:
        """F16: cash + Σ q·mark."""
        total = self.cash
        for symbol, book in enumerate(self.books):
            if book.lots:
                total += book.quantity * self.mark(symbol, phase)
        return total

    def gross(self, phase: FillPhase) -> float:
        return sum(
            abs(book.quantity) * self.mark(symbol, phase)
            for symbol, book in enumerate(self.books)
            if book.lots
        )

    def available(self, phase: FillPhase) -> float:
        """F10: equity before the fill − Σ initial·|q|·mark over open positions."""
        return self.equity(phase) - self.config.margin.initial * self.gross(phase)
