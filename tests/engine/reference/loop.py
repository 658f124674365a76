"""The event loop: every bar in the order of F2, then the books (F16)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from config.run import RunConfig
from engine.types import (
    FillPhase,
    Ledger,
    Market,
    OrderStatus,
    OrderType,
    Reason,
    Signals,
    SizeKind,
)
from tests.engine.reference.actions import sell_fractions, split_shares
from tests.engine.reference.broker import (
    close_entry,
    close_position,
    fill_entry,
    trade_row,
)
from tests.engine.reference.costs import has_impact, kelly_fraction
from tests.engine.reference.flows import due
from tests.engine.reference.ledger import Outcome, ledger_of
from tests.engine.reference.path import run_bar, satisfied_reason
from tests.engine.reference.records import LONG, SHORT, Account, Bar, Book, Levels, Order
from tests.engine.reference.sizes import DUST, trailing_level, use_cap, within_cap

DAY_MS = 86_400_000
NAME = {LONG: "long", SHORT: "short"}

Live = Callable[[int, int, dict[str, float]], dict[str, Any]]
"""What a symbol (its row) with this position says at an instant: fields that replace signals."""


def simulate(
    market: Market,
    signals: Signals,
    config: RunConfig,
    *,
    path: str | None = None,
    live: Live | None = None,
) -> Ledger:
    """Run the whole simulation (F1…F18 without target strategies)."""
    if path is not None:
        execution = config.execution.model_copy(update={"path": path})
        config = config.model_copy(update={"execution": execution})
    return Simulation(market, signals, config, live).run()


class Simulation:
    """One run: the market, the signals, the account and what was written down so far."""

    def __init__(
        self, market: Market, signals: Signals, config: RunConfig, live: Live | None = None
    ) -> None:
        self.market, self.signals, self.config, self.live = market, signals, config, live
        self.has_volume = config.execution.participation is not None or has_impact(config)
        self.symbols = sorted(range(len(market.symbols)), key=lambda s: market.symbols[s])
        lots = [float(market.lot[s]) if config.lot is None else config.lot for s in self.symbols]
        self.account = Account(config, config.cash, [Book(lot) for lot in lots])
        self.out = Outcome()
        self.next_number = 0
        self.peak = config.cash
        self.is_stopped = False
        self.interest = self.borrow = self.dividends = self.contributions = 0.0
        self.last_own = [
            max((i for i in range(len(market.time)) if market.has_bar[s, i]), default=-1)
            for s in self.symbols
        ]

    # ── the loop ────────────────────────────────────────────────────────────────────────────

    def run(self) -> Ledger:
        for i in range(self.market.first, len(self.market.time)):
            self.begin_bar(i)
            if self.out.status == "bankrupt":
                self.record(i)
                continue
            self.carry(i)  # (b) on the balances of the last close, before (a) changes them
            self.corporate_actions(i)  # (a)
            self.at_open()  # (c)
            self.inside()  # (d)
            self.at_close(i)  # (e)
            self.mark_closes()  # (f)
            self.margin_and_risk(i)  # (g)
            self.move_flow(i)
            if self.out.status != "bankrupt":
                self.strategy(i)  # (h)
                if i == len(self.market.time) - 1 and self.config.execution.finalize:
                    self.close_all(Reason.END)  # F15
            self.record(i)
        self.finish()
        return ledger_of(self.out)

    def begin_bar(self, i: int) -> None:
        market, account = self.market, self.account
        account.i_time = i - market.first
        account.bars = [
            Bar(
                float(market.open[s, i]),
                float(market.high[s, i]),
                float(market.low[s, i]),
                float(market.close[s, i]),
                float(market.volume[s, i]),
            )
            if market.has_bar[s, i]
            else None
            for s in self.symbols
        ]
        for book, bar in zip(account.books, account.bars, strict=True):
            book.fill_price = None
            book.freed = 0.0
            book.last_bar = bar or book.last_bar
            if bar is not None:
                book.room = self.room_of(bar)

    def room_of(self, bar: Bar) -> float:
        """F9: what may fill in a bar; nothing without a volume that a cap or an impact needs."""
        participation = self.config.execution.participation
        if not self.has_volume:
            return math.inf
        if not bar.volume > 0.0:
            return 0.0
        return math.inf if participation is None else participation * bar.volume

    def flush(self) -> None:
        """Move what is finished into the log, so that copies of the account stay small."""
        account = self.account
        self.out.orders += account.done
        self.out.fills += account.fills
        self.out.trades += account.trades
        account.done, account.fills, account.trades = [], [], []

    # ── (a), (b) ────────────────────────────────────────────────────────────────────────────

    def carry(self, i: int) -> None:
        """F10: interest and borrow for the elapsed days, on balances at the last close."""
        if i == self.market.first:
            return
        account, costs = self.account, self.config.costs
        years = (int(self.market.time[i]) - int(self.market.time[i - 1])) / DAY_MS / 365.0
        short = sum(
            -book.quantity * book.last_close for book in account.books if book.side == SHORT
        )
        interest = (
            max(account.cash - short, 0.0) * costs.cash_rate
            - max(-account.cash, 0.0) * costs.margin_rate
        ) * years
        borrow = short * costs.borrow_rate * years
        self.interest += interest
        self.borrow += borrow
        account.cash += interest - borrow

    def corporate_actions(self, i: int) -> None:
        """F14: a split before a dividend."""
        account = self.account
        for s, book in enumerate(account.books):
            if account.bars[s] is None:
                continue
            ratio = float(self.market.split[self.symbols[s], i])
            dividend = float(self.market.dividend[self.symbols[s], i])
            if ratio != 1.0:
                split_shares(account, s, ratio)
            if dividend != 0.0 and book.lots:
                amount = book.quantity * dividend  # debited from shorts (F10)
                account.cash += amount
                self.dividends += amount
            if ratio != 1.0:
                sell_fractions(account, s)

    # ── (c), (d), (e) ───────────────────────────────────────────────────────────────────────

    def working_of_own_bar(self) -> list[Order]:
        """Working orders whose symbol has a bar now, by number (F13)."""
        account = self.account
        orders = [o for o in account.working if account.bars[o.symbol] is not None]
        return sorted(orders, key=lambda order: order.number)

    def at_open(self) -> None:
        """(c): exits by number, children carrying their entry's, then entries by number."""
        account = self.account

        exits = []
        for s, book in enumerate(account.books):
            if account.bars[s] is None:
                continue
            for entry in book.entries:
                reason = satisfied_reason(entry, account.bars[s].open)
                if reason is not None:
                    exits.append((entry.number, s, entry, reason))
        exits += [
            (order.number, order.symbol, order, None)
            for order in self.working_of_own_bar()
            if order.is_exit and order.when == "next_open"
        ]
        for _, s, what, reason in sorted(exits, key=lambda row: row[:2]):
            book, raw = account.books[s], account.bars[s].open
            if isinstance(what, Order):
                self.fill_exit(what, raw, FillPhase.OPEN)
            elif what in book.entries:
                close_entry(account, s, what, raw, FillPhase.OPEN, reason)

        for order in self.working_of_own_bar():
            if order.is_exit or order.when != "next_open" or not account.works(order):
                continue
            raw = account.bars[order.symbol].open
            if self.is_satisfied_at_open(order, raw):
                entry = fill_entry(account, order, raw, FillPhase.OPEN)
                reason = None if entry is None else satisfied_reason(entry, raw)
                if reason is not None:  # F5: in and out at that open
                    close_entry(account, order.symbol, entry, raw, FillPhase.OPEN, reason)

    def is_satisfied_at_open(self, order: Order, raw: float) -> bool:
        """F3: whether an entry fills at the open; a stop-limit may only be triggered there."""
        if order.acts_as_market:
            return True
        if order.type == OrderType.STOP:
            return order.side * (raw - order.trigger) >= 0
        if order.type == OrderType.STOP_LIMIT and order.side * (raw - order.trigger) >= 0:
            order.is_triggered = True
        return order.acts_as_limit and order.side * (raw - order.limit) <= 0

    def fill_exit(
        self, order: Order, raw: float, phase: FillPhase, *, is_capped: bool = True
    ) -> None:
        """A reduce-only exit closes what it is for, or is cancelled when its side is gone.

        What the cap leaves works on (F9).
        """
        account, symbol = self.account, order.symbol
        book = account.books[symbol]
        status = OrderStatus.CANCELLED
        if book.side == -order.side:
            wanted = min(order.most, abs(book.quantity))
            part = within_cap(account, symbol, wanted) if is_capped else wanted
            if is_capped:
                use_cap(account, symbol, wanted, part)
            order.most -= part
            if part > 0.0:
                close_position(account, symbol, part, raw, phase, order.reason, order)
                order.status = OrderStatus.PARTIAL
            if part < wanted:
                return
            status = OrderStatus.FILLED
        if order.reason != Reason.SIGNAL:
            book.is_forced = False
        account.finish(order, status, order.reason)

    def inside(self) -> None:
        """(d): symbol after symbol, each with its whole path."""
        for s in range(len(self.symbols)):
            if self.account.bars[s] is not None:
                fine = self.finer_bars(s)
                self.account, n_ambiguous = run_bar(self.account, s, fine)
                self.out.ambiguous_fills += n_ambiguous

    def finer_bars(self, s: int) -> list[Bar]:
        """F4: the finer bars inside this bar, none where they contradict it.

        The twin knows bars of UTC dates, and of hours and minutes.
        """
        market, row, bar = self.market, self.symbols[s], self.account.bars[s]
        if self.config.execution.detail_timeframe is None or market.detail[row] is None:
            return []
        prices = ("open", "high", "low", "close")
        fine, i = market.detail[row], self.account.i_time + market.first
        length = {"1d": 86_400_000, "1h": 3_600_000}[self.config.timeframe]
        own = [
            Bar(*(float(getattr(fine, n)[k]) for n in prices), bar.volume, whole=bar)
            for k in range(len(fine.time))
            if 0 <= fine.time[k] - market.time[i] < length
        ]
        if not own:
            return []
        sums = (own[0].open, max(b.high for b in own), min(b.low for b in own), own[-1].close)
        said = (bar.open, bar.high, bar.low, bar.close)
        agrees = all(abs(a - b) <= 1e-6 * b for a, b in zip(sums, said, strict=True))
        return own if agrees else []

    def at_close(self, i: int) -> None:
        """(e): on-close orders, exits first; then the forced exit of a delisted symbol; expiry."""
        account = self.account
        waiting = [o for o in self.working_of_own_bar() if o.when != "next_open"]
        self.fill_market_orders_at_close(waiting)

        for s in range(len(account.books)):
            if self.is_delisted(s, i):
                self.close_now(s, Reason.DELISTED)

        for order in self.working_of_own_bar():
            order.own_bars += 1
            if order.expire_bars and order.own_bars >= order.expire_bars:
                account.finish(order, OrderStatus.EXPIRED, Reason.EXPIRED)

    def is_delisted(self, s: int, i: int) -> bool:
        """F15: whether this is the last bar of a symbol that stopped trading."""
        return bool(self.market.delisted[self.symbols[s]]) and self.last_own[s] == i

    def fill_market_orders_at_close(self, orders: list[Order]) -> None:
        account = self.account
        for order in [o for o in orders if o.is_exit]:
            self.fill_exit(order, account.bars[order.symbol].close, FillPhase.CLOSE)
        for order in [o for o in orders if not o.is_exit and account.works(o)]:
            fill_entry(account, order, account.bars[order.symbol].close, FillPhase.CLOSE)

    # ── (f), (g) ────────────────────────────────────────────────────────────────────────────

    def mark_closes(self) -> None:
        """(f), and the end of the completed bar for trails (F5) and for mae and mfe (M10)."""
        account = self.account
        for s, book in enumerate(account.books):
            bar = account.bars[s]
            if bar is None:
                self.out.stale_bars += bool(book.lots)  # F13: marked at its last close
                continue
            book.last_close = bar.close
            for entry in book.entries:
                is_new = entry.i_time == account.i_time
                if is_new and entry.phase == FillPhase.CLOSE:
                    continue
                extreme = bar.high if entry.side > 0 else bar.low
                if is_new and entry.phase == FillPhase.INSIDE:
                    extreme = bar.close
                if entry.side * (extreme - entry.best) > 0:
                    entry.best = extreme
                if entry.trail is not None:
                    level = trailing_level(
                        entry.side, entry.best, entry.trail, entry.is_trail_fraction
                    )
                    if entry.side * (level - entry.trail_level) > 0:
                        entry.trail_level = level
            for lot in book.lots:
                is_new = lot.i_time == account.i_time
                if is_new and lot.phase == FillPhase.INSIDE:
                    lot.see(bar.close)
                elif not (is_new and lot.phase == FillPhase.CLOSE):
                    lot.see(bar.high, bar.low)

    def margin_and_risk(self, i: int) -> None:
        """F12 and F18."""
        account, config = self.account, self.config
        equity = account.equity(FillPhase.CLOSE)
        if equity <= 0.0:
            self.close_all(Reason.BANKRUPT)
            self.out.status = "bankrupt"
            return

        self.call_margin(equity)
        self.peak = max(self.peak, equity)
        stop = config.risk.max_drawdown_stop
        if stop is not None and not self.is_stopped and equity / self.peak - 1.0 <= -stop:
            self.is_stopped = True
            self.out.status = "stopped"
            for s in range(len(account.books)):
                self.cancel(s, None, Reason.RISK)
                self.force_exit(s, Reason.RISK)

    def call_margin(self, equity: float) -> None:
        """F12: whole positions, largest open loss first, until the rest is covered."""
        held = [
            (self.open_pnl(book), s)
            for s, book in enumerate(self.account.books)
            if book.lots and not book.is_forced
        ]
        values = {s: self.value_of(s) for _, s in held}
        for _, s in sorted(held):
            if equity >= self.config.margin.maintenance * sum(values.values()):
                break
            self.force_exit(s, Reason.MARGIN)
            del values[s]

    def value_of(self, s: int) -> float:
        book = self.account.books[s]
        return abs(book.quantity) * book.last_close

    def open_pnl(self, book: Book) -> float:
        """Gain of the open entries at the last close, before costs."""
        return sum(e.side * (book.last_close - e.price) * e.quantity for e in book.entries)

    def force_exit(self, s: int, reason: Reason) -> None:
        """Order a position out at its next open; until then its signals make no orders (F12)."""
        book = self.account.books[s]
        if book.lots:
            book.is_forced = True
            self.make_exit(s, reason)

    def close_all(self, reason: Reason) -> None:
        """Everything at its last close, with slippage and fees (F12, F15)."""
        for s in range(len(self.account.books)):
            self.close_now(s, reason)

    def close_now(self, s: int, reason: Reason) -> None:
        """Cancel a symbol's orders and close its position at its last close."""
        book = self.account.books[s]
        self.cancel(s, None, reason)
        if book.lots:
            order = self.make_exit(s, reason)
            self.fill_exit(order, book.last_bar.close, FillPhase.CLOSE, is_capped=False)

    def cancel(self, s: int, side: int | None, reason: Reason) -> None:
        """Cancel the working entries of a symbol (of one side), or all its orders."""
        for order in list(self.account.working):
            if order.symbol == s and (side is None or (order.side == side and not order.is_exit)):
                self.account.finish(order, OrderStatus.CANCELLED, reason)

    def move_flow(self, i: int) -> None:
        """What is due at this close; a withdrawal from cash that margin does not need (F10)."""
        account, times = self.account, [int(time) for time in self.market.time[self.market.first :]]
        moved = 0.0
        if self.out.status != "bankrupt":
            moved = due(times, i - self.market.first, self.config.flows)
            free = min(account.cash, account.available(FillPhase.CLOSE))
            if free <= DUST * account.equity(FillPhase.CLOSE):
                free = 0.0
            moved = max(moved, -free)
        before = account.equity(FillPhase.CLOSE)
        account.cash += moved
        self.contributions += moved
        self.out.flow.append(moved)
        if moved and before > 0.0:
            self.peak *= account.equity(FillPhase.CLOSE) / before

    # ── (h) ─────────────────────────────────────────────────────────────────────────────────

    def strategy(self, i: int) -> None:
        """Make the orders of this close; under `this_close` fill market orders at once (F1)."""
        made: list[Order] = []
        for s, book in enumerate(self.account.books):
            if self.account.bars[s] is None or book.is_forced:
                continue
            if self.is_stopped or self.is_delisted(s, i):
                continue
            made += self.orders_of(s, i)
        self.fill_market_orders_at_close([o for o in made if o.when == "this_close"])

    def orders_of(self, s: int, i: int) -> list[Order]:
        """The orders of one symbol at one close (Precedence); exits before entries (F2)."""
        book = self.account.books[s]
        row = self.symbols[s]
        sides = {LONG: self.signals.long, SHORT: self.signals.short}
        said = self.said(s, i)
        enter = {
            side: bool(said.get(f"enter_{NAME[side]}", sides[side].enter[row, i])) for side in sides
        }
        leave = {
            side: bool(said.get(f"exit_{NAME[side]}", sides[side].exit[row, i])) for side in sides
        }
        is_market = {
            side: sides[side].limit is None and sides[side].trigger is None for side in sides
        }
        has_room = {side: self.count_of(s, side) < self.signals.pyramiding for side in sides}
        is_kelly = self.signals.size_kind == SizeKind.KELLY
        if is_kelly and self.size_of(float(self.signals.size[row, i]))[1] <= 0.0:
            has_room = dict.fromkeys(sides, False)

        # State is taken before the orders: position, room.
        held = book.side
        makes = {side: enter[side] and has_room[side] for side in sides}
        if held == 0 and enter[LONG] and enter[SHORT] and (is_market[LONG] or is_market[SHORT]):
            self.out.conflicts += 1
            makes = {LONG: False, SHORT: False}

        made = []
        for side in (LONG, SHORT):
            if leave[side]:
                self.cancel(s, side, Reason.SIGNAL)
                is_flip = makes[-side] and is_market[-side]
                if held == side and not is_flip and not self.has_exit(s):
                    made.append(self.make_exit(s, Reason.SIGNAL))
        made += [self.make_entry(s, side, i, said) for side in (LONG, SHORT) if makes[side]]
        return made

    def said(self, s: int, i: int) -> dict[str, Any]:
        """What rules that read the open position say; nothing without one."""
        book = self.account.books[s]
        if self.live is None or not book.entries:
            return {}
        quantity = sum(entry.quantity for entry in book.entries)
        base = book.entries[0].price  # so that the average of equal prices is that price
        above = sum(entry.quantity * (entry.price - base) for entry in book.entries)
        close = self.account.bars[s].close
        first = min(entry.i_time for entry in book.entries) + self.market.first
        own = self.market.has_bar[self.symbols[s]]
        position = {
            "entry_price": base + above / quantity,
            "bars_in_trade": float(sum(own[j] for j in range(first + 1, i + 1))),
            "open_profit": sum(e.side * e.quantity * (close - e.price) for e in book.entries),
        }
        return self.live(self.symbols[s], i, position)

    def size_of(self, size: float) -> tuple[SizeKind, float]:
        """The size at the signal bar; kelly is a fraction by then, 0 without an edge (F7)."""
        if self.signals.size_kind != SizeKind.KELLY:
            return self.signals.size_kind, size
        share = kelly_fraction(self.account.results, size)
        return SizeKind.FRACTION, share / len(self.symbols)

    def count_of(self, s: int, side: int) -> int:
        """Open entries plus working entries of a direction."""
        account = self.account
        numbers = {entry.number for entry in account.books[s].entries if entry.side == side}
        numbers |= {
            order.number
            for order in account.working
            if order.symbol == s and order.side == side and not order.is_exit
        }
        return len(numbers)

    def has_exit(self, s: int) -> bool:
        """F9: whether what is left of an exit still works."""
        return any(order.symbol == s and order.is_exit for order in self.account.working)

    def make_exit(self, s: int, reason: Reason) -> Order:
        book = self.account.books[s]
        quantity = abs(book.quantity)
        when = self.config.execution.fill if reason == Reason.SIGNAL else "next_open"
        return self.add(
            s, -book.side, OrderType.MARKET, True, size=quantity, reason=reason, when=when
        )

    def make_entry(self, s: int, side: int, i: int, said: dict[str, Any]) -> Order:
        wants = self.signals.long if side == LONG else self.signals.short
        row = self.symbols[s]

        def value(field: str, rows: Any) -> float | None:
            return None if rows is None else float(said.get(field, rows[row, i]))

        size_kind, size = self.size_of(value("size", self.signals.size))

        def line(field: str, rows: Any) -> tuple[float, float] | None:
            if rows is None:
                return None
            a, b = (value(f"{field}.{part}", one) for part, one in zip("ab", rows, strict=True))
            return a, b

        name = NAME[side]
        kind = {
            (False, False): OrderType.MARKET,
            (True, False): OrderType.LIMIT,
            (False, True): OrderType.STOP,
            (True, True): OrderType.STOP_LIMIT,
        }[wants.limit is not None, wants.trigger is not None]
        # F9, F13: DAY and IOC live for the symbol's next bar only; market orders wait for it.
        is_day = self.config.execution.time_in_force != "gtc"
        expire_bars = 1 if is_day else self.signals.expire_bars
        return self.add(
            s,
            side,
            kind,
            False,
            size_kind=size_kind,
            size=size,
            limit=value(f"limit_{name}", wants.limit),
            trigger=value(f"trigger_{name}", wants.trigger),
            when=self.config.execution.fill if kind == OrderType.MARKET else "next_open",
            expire_bars=0 if kind == OrderType.MARKET and not self.has_volume else expire_bars,
            levels=Levels(
                stop=line(f"stop_{name}", wants.stop),
                target=line(f"target_{name}", wants.target),
                trail=value(f"trail_{name}", wants.trail),
                is_trail_fraction=wants.is_trail_fraction,
            ),
        )

    def add(self, s: int, side: int, kind: OrderType, is_exit: bool, **rest: Any) -> Order:
        """A new order of this close, with the next number."""
        order = Order(self.next_number, self.account.i_time, s, side, kind, is_exit, **rest)
        self.next_number += 1
        self.account.working.append(order)
        return order

    # ── the end ─────────────────────────────────────────────────────────────────────────────

    def record(self, i: int) -> None:
        """Write down the equity of this close, marked after everything that happened at it."""
        account, out = self.account, self.out
        out.time.append(int(self.market.time[i]))
        out.equity.append(account.equity(FillPhase.CLOSE))
        out.cash.append(account.cash)
        out.market_value.append(account.equity(FillPhase.CLOSE) - account.cash)
        out.gross_value.append(account.gross(FillPhase.CLOSE))
        self.flush()

    def finish(self) -> None:
        """Open rows, totals, and the reconciliation of F16."""
        account, out = self.account, self.out
        out.flow += [0.0] * (len(out.equity) - len(out.flow))  # nothing after ruin
        out.orders = sorted(out.orders + account.working, key=lambda order: order.number)
        realized = sum(row["pnl"] for row in out.trades)
        unrealized = 0.0
        for s, book in enumerate(account.books):
            for lot in book.lots:
                row = trade_row(
                    s,
                    lot,
                    lot.quantity,
                    lot.fee,
                    exit_i=-1,
                    exit_price=book.last_close,
                    reason=-1,
                    seen=lot,
                    is_open=True,
                    i_last=account.i_time,
                )
                unrealized += row["pnl"]
                out.trades.append(row)
        for row in out.trades:
            row["ambiguous"] |= row.pop("entry_lot").is_ambiguous
        out.totals = {
            "interest": self.interest,
            "borrow": -self.borrow,
            "dividends": self.dividends,
            "contributions": self.contributions,
            "fees": -account.fees,
        }
        if out.equity:
            made = realized + unrealized + self.dividends + self.interest - self.borrow
            made += self.contributions
            gained = out.equity[-1] - self.config.cash
            out.recon_error = abs(made - gained) / self.config.cash
