"""Target weights in the twin: the last paragraph of F7, with F2, F10, F11, F13 and F18."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from config.run import RunConfig
from engine.types import (
    FillPhase,
    Ledger,
    Market,
    OrderStatus,
    OrderType,
    Reason,
    SideSignals,
    Signals,
    SizeKind,
    Targets,
)
from tests.engine.reference.broker import settle_lots
from tests.engine.reference.costs import fee_of, price_after_costs, quantity_for, whole_lots
from tests.engine.reference.loop import Simulation
from tests.engine.reference.records import Entry, Fill, Lot, Order
from tests.engine.reference.sizes import DUST

BUY, SELL = 1, -1
NOTHING = SideSignals(enter=np.zeros((1, 1), np.bool_), exit=np.zeros((1, 1), np.bool_))
NO_SIGNALS = Signals(
    long=NOTHING, short=NOTHING, size_kind=SizeKind.FRACTION, size=np.zeros((1, 1))
)


def simulate_targets(market: Market, targets: Targets, config: RunConfig) -> Ledger:
    """Run the whole simulation for target weights."""
    return TargetSimulation(market, targets, config).run()


@dataclass
class Trade:
    """What a rebalance order does once its symbol has a bar."""

    order: Order
    side: int
    raw: float
    price: float
    closing: float
    opening: float
    fee: float = 0.0
    why_not: Reason = Reason.CASH
    rows: list[dict] = field(default_factory=list)  # trades that it closed
    is_opening: bool = False


class TargetSimulation(Simulation):
    """The same loop, with rebalance orders in place of those of signals."""

    def __init__(self, market: Market, targets: Targets, config: RunConfig) -> None:
        super().__init__(market, NO_SIGNALS, config)
        self.targets = targets
        self.waiting: dict[int, tuple[Order, float]] = {}

    # ── when ────────────────────────────────────────────────────────────────────────────────

    def at_open(self) -> None:
        equity = self.account.equity(FillPhase.OPEN)  # before the bar's trades
        super().at_open()
        if self.config.execution.fill == "next_open":
            self.rebalance(equity, FillPhase.OPEN)

    def at_close(self, i: int) -> None:
        if self.config.execution.fill == "next_close":
            self.rebalance(self.account.equity(FillPhase.CLOSE), FillPhase.CLOSE)
        super().at_close(i)

    def strategy(self, i: int) -> None:
        if self.is_stopped:
            return
        weights = self.targets.weights[:, i]
        if self.account.equity(FillPhase.CLOSE) <= 0.0:
            return
        if not np.isnan(weights).all() and self.is_wanted(weights, i):
            for s, row in enumerate(self.symbols):
                if not np.isnan(weights[row]) and self.can_order(s, i):
                    self.order_to(s, float(weights[row]))
        if self.config.execution.fill == "this_close":
            self.rebalance(self.account.equity(FillPhase.CLOSE), FillPhase.CLOSE)

    def can_order(self, s: int, i: int) -> bool:
        """Not while a forced exit waits (F12), nor once a delisted symbol has had its last bar."""
        is_gone = bool(self.market.delisted[self.symbols[s]]) and self.last_own[s] <= i
        return not self.account.books[s].is_forced and not is_gone

    def is_wanted(self, weights: np.ndarray, i: int) -> bool:
        """With a band: whether a weight drifted further than that, or nothing is held."""
        if self.targets.band is None:
            return True
        books = self.account.books
        if not self.waiting and all(book.quantity == 0.0 for book in books):
            return True
        equity = self.account.equity(FillPhase.CLOSE)
        return any(
            abs(book.quantity * (book.last_close or 0.0) / equity - weights[self.symbols[s]])
            > self.targets.band + DUST
            for s, book in enumerate(books)
            if not np.isnan(weights[self.symbols[s]])
            and s not in self.waiting
            and self.can_order(s, i)
        )

    def order_to(self, s: int, weight: float) -> None:
        book = self.account.books[s]
        if s in self.waiting:
            if self.waiting[s][1] == weight:
                return
            self.end(s, OrderStatus.CANCELLED, Reason.REBALANCE)
        if weight == 0.0 and book.quantity == 0.0:
            return
        value = book.quantity * (book.last_close or 0.0)
        wanted = weight * self.account.equity(FillPhase.CLOSE) - value
        if weight == 0.0:
            wanted = -value
        side = SELL if wanted < -DUST * self.account.equity(FillPhase.CLOSE) else BUY
        number, i_time = self.next_number, self.account.i_time
        self.next_number += 1
        order = Order(number, i_time, s, side, OrderType.MARKET, False, reason=Reason.REBALANCE)
        self.account.working.append(order)
        self.waiting[s] = (order, weight)

    def end(self, s: int, status: OrderStatus, reason: Reason) -> None:
        order, _ = self.waiting.pop(s)
        self.account.finish(order, status, reason)

    def cancel(self, s: int, side: int | None, reason: Reason) -> None:
        if side is None and s in self.waiting:
            self.end(s, OrderStatus.CANCELLED, reason)
        super().cancel(s, side, reason)

    def force_exit(self, s: int, reason: Reason) -> None:
        if self.account.books[s].lots and s in self.waiting:
            self.end(s, OrderStatus.CANCELLED, reason)
        super().force_exit(s, reason)

    def working_of_own_bar(self) -> list[Order]:
        """Rebalance orders are matched apart."""
        return [o for o in super().working_of_own_bar() if o.reason != Reason.REBALANCE]

    # ── how much ────────────────────────────────────────────────────────────────────────────

    def rebalance(self, equity: float, phase: FillPhase) -> None:
        """Sells first, then what buys cover, then what buys open, scaled by one factor."""
        account = self.account
        trades = []
        for s in sorted(self.waiting):
            if account.bars[s] is not None:
                trade = self.trade_of(s, equity, phase)
                if trade is None:
                    self.end(s, OrderStatus.CANCELLED, Reason.REBALANCE)
                else:
                    trades.append(trade)
        sells = [trade for trade in trades if trade.side == SELL]
        buys = [trade for trade in trades if trade.side == BUY]
        for trade in sells:
            self.close(trade, phase)
        for trade in sells:
            self.open_sale(trade, phase)
        for trade in buys:
            self.close(trade, phase)
        self.scale(buys, phase)
        for trade in buys:
            self.open(trade, phase)
        for trade in sells + buys:
            self.write(trade, phase)

    def trade_of(self, s: int, equity: float, phase: FillPhase) -> Trade | None:
        account, costs = self.account, self.config.costs
        book, bar = account.books[s], account.bars[s]
        order, weight = self.waiting[s]
        raw = bar.close if phase == FillPhase.CLOSE else bar.open
        held = book.quantity
        wanted = weight * equity - held * raw
        if weight == 0.0:
            wanted = -held * raw
        elif abs(wanted) <= DUST * equity:
            return None
        side = BUY if wanted > 0.0 else SELL
        price = price_after_costs(self.config, side, raw, 0.0, limit=None, bar=bar)
        if weight == 0.0:
            change = -held
        else:
            change = largest_change(costs, price, wanted, book.lot)
            if abs(change) * price <= DUST * equity:
                return None
            if weight > 0.0 and held > 0.0:
                change = max(change, -held)
            if weight < 0.0 and held < 0.0:
                change = min(change, -held)
        if change == 0.0:
            return None
        is_reducing = held * change < 0.0
        closing = min(abs(change), abs(held)) if is_reducing else 0.0
        opening = abs(change) - closing
        return Trade(order, side, raw, price, closing, opening, is_opening=opening > 0.0)

    def close(self, trade: Trade, phase: FillPhase) -> None:
        if trade.closing == 0.0:
            return
        account, book = self.account, self.account.books[trade.order.symbol]
        trade.fee = fee_of(self.config.costs, trade.closing, trade.price, False)
        is_whole = trade.closing >= abs(book.quantity)
        trade.rows = settle_lots(
            account,
            trade.order.symbol,
            trade.closing,
            trade.price,
            trade.fee,
            Reason.REBALANCE,
            phase,
            raw=trade.raw,
            is_upward=False,
        )
        account.cash += -trade.side * trade.closing * trade.price - trade.fee
        account.fees += trade.fee
        book.fill_price = trade.price
        if is_whole:
            book.entries.clear()
            book.lots.clear()
        left = trade.closing
        while left > 0.0 and book.entries:  # first in, first out (F11)
            entry = book.entries[0]
            part = min(left, entry.quantity)
            entry.quantity -= part
            left -= part
            if entry.quantity <= 1e-12 * part:
                book.entries.pop(0)

    def open_sale(self, trade: Trade, phase: FillPhase) -> None:
        """F10 and F18, for the opening part with the fee of itself alone."""
        if trade.opening > 0.0:
            quantity = self.within_limits(trade, trade.opening, self.account.gross(phase), phase)
            room = self.account.available(phase)
            trade.opening = self.covered(trade, quantity, room, phase)
        self.open(trade, phase)

    def within_limits(self, trade: Trade, quantity: float, gross: float, phase: FillPhase) -> float:
        account, risk, s = self.account, self.config.risk, trade.order.symbol
        equity, lot = account.equity(phase), account.books[s].lot
        if risk.max_weight is not None:
            held = abs(account.books[s].quantity)
            own = held * account.mark(s, phase) if held else 0.0
            quantity = shrunk(quantity, risk.max_weight * equity - own, trade.price, lot, equity)
        if risk.max_gross is not None:
            quantity = shrunk(quantity, risk.max_gross * equity - gross, trade.price, lot, equity)
        if quantity <= 0.0:
            trade.why_not = Reason.RISK
        return quantity

    def covered(self, trade: Trade, quantity: float, room: float, phase: FillPhase) -> float:
        config, lot = self.config, self.account.books[trade.order.symbol].lot
        if room <= DUST * self.account.equity(phase):
            return 0.0
        if self.need(trade, quantity) <= room * (1.0 + 1e-12):
            return quantity
        if config.execution.cash_policy == "reject":
            return 0.0
        x = quantity_for(config.costs, room, trade.price, False, share=config.margin.initial)
        return min(quantity, whole_lots(x, lot))

    def need(self, trade: Trade, quantity: float) -> float:
        if quantity <= 0.0:
            return 0.0
        fee = fee_of(self.config.costs, quantity, trade.price, False)
        return self.config.margin.initial * quantity * trade.price + fee

    def scale(self, buys: list[Trade], phase: FillPhase) -> None:
        """One factor for the opening parts of all buys, then whole lots."""
        account = self.account
        room, equity = account.available(phase), account.equity(phase)
        gross = account.gross(phase)
        for trade in buys:
            if trade.opening > 0.0:
                trade.opening = self.within_limits(trade, trade.opening, gross, phase)
                gross += trade.opening * trade.price
        if room <= DUST * equity:
            factor = 0.0
        elif self.need_of(buys, 1.0) <= room * (1.0 + 1e-12):
            return
        else:
            factor, beyond = 0.0, 1.0
            for _ in range(200):
                middle = (factor + beyond) / 2.0
                if self.need_of(buys, middle) <= room:
                    factor = middle
                else:
                    beyond = middle
        for trade in buys:
            lot = account.books[trade.order.symbol].lot
            trade.opening = whole_lots(factor * trade.opening, lot)

    def need_of(self, buys: list[Trade], factor: float) -> float:
        return sum(self.need(trade, factor * trade.opening) for trade in buys)

    def open(self, trade: Trade, phase: FillPhase) -> None:
        if trade.opening <= 0.0:
            return
        account, order = self.account, trade.order
        book = account.books[order.symbol]
        whole = fee_of(self.config.costs, trade.closing + trade.opening, trade.price, False)
        fee = whole - trade.fee
        trade.fee = whole
        account.cash += -trade.side * trade.opening * trade.price - fee
        account.fees += fee
        book.fill_price = trade.price
        lot = Lot(
            order.number, trade.side, trade.opening, trade.price, fee, account.i_time, phase, None
        )
        for row in trade.rows:  # F11: one order that closes and opens is a flip
            row["exit_reason"] = Reason.FLIP
        book.lots.append(lot)
        book.entries.append(
            Entry(
                number=order.number,
                side=trade.side,
                quantity=trade.opening,
                price=trade.price,
                stop=None,
                target=None,
                trail_level=None,
                trail=None,
                is_trail_fraction=False,
                best=trade.price,
                i_time=account.i_time,
                phase=phase,
                fine=account.fine,
                is_by_limit=False,
            )
        )

    def write(self, trade: Trade, phase: FillPhase) -> None:
        account, order = self.account, trade.order
        quantity = trade.closing + trade.opening
        if quantity <= 0.0:
            self.end(order.symbol, OrderStatus.REJECTED, trade.why_not)
            return
        is_flip = trade.closing > 0.0 and trade.opening > 0.0
        reason = Reason.FLIP if is_flip else Reason.REBALANCE
        account.fills.append(
            Fill(
                account.i_time,
                order.symbol,
                trade.side,
                quantity,
                trade.price,
                trade.fee,
                order.number,
                reason,
                phase,
                True,
            )
        )
        order.filled_quantity = quantity
        order.filled_price = trade.price
        if trade.is_opening and trade.opening <= 0.0:
            self.end(order.symbol, OrderStatus.PARTIAL, trade.why_not)
        else:
            self.end(order.symbol, OrderStatus.FILLED, reason)


def shrunk(quantity: float, room: float, price: float, lot: float, equity: float) -> float:
    """F18: the quantity, or the whole lots within the room when that is less."""
    if room <= DUST * equity:
        return 0.0
    if quantity * price <= room * (1.0 + 1e-12):
        return quantity
    return whole_lots(room / price, lot)


def largest_change(costs, price: float, money: float, lot: float) -> float:
    """F7: the algebraically largest Δ with Δ·p + fee(|Δ|, p) ≤ money, in whole lots."""

    def cost(change: float) -> float:
        return change * price + (fee_of(costs, abs(change), price, False) if change else 0.0)

    low, high = (0.0, money / price) if money > 0.0 else (-1.0, 0.0)  # a purchase or a sale
    while cost(low) > money:
        low *= 2.0
    for _ in range(200):
        middle = (low + high) / 2.0
        if cost(middle) <= money:
            low = middle
        else:
            high = middle
    if lot == 0.0:
        return low
    return float(np.floor(low / lot + 1e-9)) * lot
