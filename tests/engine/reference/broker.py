"""Fills: exits, entries and flips, with their trade rows (F3, F5, F7, F10, F11, F18)."""

from __future__ import annotations

import math

from engine.types import FillPhase, OrderStatus, Reason, SizeKind
from tests.engine.reference.costs import fee_of, price_after_costs
from tests.engine.reference.records import Account, Entry, Fill, Levels, Lot, Order
from tests.engine.reference.sizes import (
    Deal,
    first_stop,
    level_of,
    opening_quantity,
    trailing_level,
    use_cap,
    within_cap,
)


def settle_lots(
    account: Account,
    symbol: int,
    quantity: float,
    price: float,
    fee: float,
    reason: Reason,
    phase: FillPhase,
    *,
    raw: float,
    is_upward: bool,
) -> list[dict]:
    """Close `quantity` of a position, first in first out, one trade row per pair (F11)."""
    book = account.books[symbol]
    bar = account.bars[symbol]
    bar = bar and (bar.whole or bar)
    rows = []
    left = quantity
    # What closes a position closes every lot to its last digit, however small it is.
    is_whole = abs(quantity - abs(book.quantity)) <= 1e-12 * quantity
    while left > 1e-12 * quantity and book.lots:
        lot = book.lots[0]
        part = min(lot.quantity, left)
        if is_whole or lot.quantity - part < 1e-12 * lot.quantity:
            part = lot.quantity
        entry_fee = lot.fee * part / lot.quantity
        exit_fee = fee * part / quantity

        # M10: what the exit's own bar shows of the trade.
        seen = Lot(0, 0, 0, 0, 0, 0, phase, None, False, lot.highest, lot.lowest)
        is_new = lot.i_time == account.i_time
        if bar is None or (is_new and lot.phase == FillPhase.CLOSE):
            pass
        elif phase == FillPhase.OPEN:
            seen.see(bar.open)
        elif is_new and lot.phase == FillPhase.INSIDE:
            seen.see(bar.close if phase == FillPhase.CLOSE else raw)
        elif phase == FillPhase.INSIDE:
            seen.see(raw, bar.low if is_upward else bar.high)
        else:
            seen.see(bar.high, bar.low)

        rows.append(
            trade_row(
                symbol,
                lot,
                part,
                entry_fee + exit_fee,
                exit_i=account.i_time,
                exit_price=price,
                reason=reason,
                seen=seen,
            )
        )
        lot.fee -= entry_fee
        lot.quantity -= part
        left -= part
        if lot.quantity <= 0.0:
            book.lots.pop(0)
    account.trades.extend(rows)
    book.result += sum(row["pnl"] for row in rows)
    if is_whole:
        account.results.append(book.result)
        book.result = 0.0
    return rows


def trade_row(
    symbol: int,
    lot: Lot,
    quantity: float,
    fees: float,
    *,
    exit_i: int,
    exit_price: float,
    reason: Reason,
    seen: Lot,
    is_open: bool = False,
    i_last: int = 0,
) -> dict:
    """One row of the trade log; an open row is marked at the last close (M8, M10)."""
    pnl = lot.side * (exit_price - lot.price) * quantity - fees
    worst = best = 0.0
    if seen.highest is not None:
        up = seen.highest / lot.price - 1.0
        down = seen.lowest / lot.price - 1.0
        worst = min(0.0, down if lot.side > 0 else -up)
        best = max(0.0, up if lot.side > 0 else -down)
    risk = None if lot.stop is None else abs(lot.price - lot.stop) * quantity
    return {
        "symbol": symbol,
        "side": lot.side,
        "quantity": quantity,
        "entry_i": lot.i_time,
        "entry_price": lot.price,
        "exit_i": exit_i,
        "exit_price": exit_price,
        "fees": fees,
        "pnl": pnl,
        "return": pnl / (lot.price * quantity),
        "bars": (i_last if is_open else exit_i) - lot.i_time,
        "mae": worst,
        "mfe": best,
        "exit_reason": reason,
        "entry_lot": lot,
        "ambiguous": lot.is_ambiguous,
        "open": is_open,
        "r_multiple": None if not risk else pnl / risk,
        "order_id": lot.number,
    }


def close_quantity(
    account: Account,
    symbol: int,
    quantity: float,
    raw: float,
    phase: FillPhase,
    reason: Reason,
    order_id: int,
    *,
    limit: float | None = None,
    is_upward: bool = False,
    is_free: bool = False,
    closed: list[int] | None = None,
) -> Fill:
    """Sell a long or cover a short at a raw price; closing is never refused (F10)."""
    book = account.books[symbol]
    side = -book.side
    before = account.available(phase)
    price, fee = raw, 0.0
    if not is_free:
        bar = account.bars[symbol] or book.last_bar
        price = price_after_costs(account.config, side, raw, quantity, limit=limit, bar=bar)
        fee = fee_of(account.config.costs, quantity, price, is_maker=limit is not None)
    fill = Fill(account.i_time, symbol, side, quantity, price, fee, order_id, reason, phase, False)
    fill.closed = closed or []
    fill.rows = settle_lots(
        account, symbol, quantity, price, fee, reason, phase, raw=raw, is_upward=is_upward
    )
    account.cash += -side * quantity * price - fee
    account.fees += fee
    book.fill_price = price
    account.fills.append(fill)
    note_freed(account, symbol, phase, before)
    return fill


def note_freed(account: Account, symbol: int, phase: FillPhase, before: float) -> None:
    """F7: max(0, freed amount + change of available), after each fill in step (d)."""
    if phase == FillPhase.INSIDE:
        book = account.books[symbol]
        book.freed = max(0.0, book.freed + account.available(phase) - before)


def release(account: Account, symbol: int, quantity: float, reason: Reason) -> list[int]:
    """Take a quantity off the open entries by number; return which it touched.

    F9: what is left of their orders is cancelled.
    """
    book = account.books[symbol]
    if not book.lots:  # all of it closed
        quantity = math.inf
    touched = []
    for entry in sorted(book.entries, key=lambda entry: entry.number):
        touched.append(entry.number)
        cancel_rest(account, entry.number, reason)
        if entry.quantity > quantity * (1.0 + 1e-12):
            entry.quantity -= quantity
            break
        quantity -= entry.quantity
        book.entries.remove(entry)
        if quantity <= 0.0:
            break
    if not book.entries:
        book.lots.clear()
    return touched


def cancel_rest(account: Account, number: int, reason: Reason) -> None:
    """F9: cancel the rest of an entry that closes, or begins to."""
    for order in list(account.working):
        if order.number == number:
            account.finish(order, OrderStatus.CANCELLED, reason)


def add_part(order: Order, quantity: float, price: float) -> None:
    """F9: the row of an order shows the sum of its parts and their average price."""
    value = order.filled_quantity * (order.filled_price or 0.0) + quantity * price
    order.filled_quantity += quantity
    order.filled_price = value / order.filled_quantity


def close_position(
    account: Account,
    symbol: int,
    quantity: float,
    raw: float,
    phase: FillPhase,
    reason: Reason,
    order: Order,
) -> None:
    """Close a quantity of a symbol's position with one fill of an exit order."""
    number = order.number
    fill = close_quantity(account, symbol, quantity, raw, phase, reason, number)
    fill.closed = release(account, symbol, quantity, reason)
    add_part(order, quantity, fill.price)


def close_entry(
    account: Account, symbol: int, entry: Entry, raw: float, phase: FillPhase, reason: Reason
) -> None:
    """A child closes its own entry's quantity (F5) and carries its number (F2)."""
    book = account.books[symbol]
    wanted = entry.quantity
    quantity = within_cap(account, symbol, wanted)
    use_cap(account, symbol, wanted, quantity)
    if quantity <= 0.0:
        return
    if quantity < wanted:
        entry.quantity -= quantity  # F9: the rest stays behind its level
    else:
        book.entries.remove(entry)
    cancel_rest(account, entry.number, reason)
    close_quantity(
        account,
        symbol,
        quantity,
        raw,
        phase,
        reason,
        entry.number,
        limit=entry.target if reason == Reason.TARGET else None,
        is_upward=(reason == Reason.TARGET) == (entry.side > 0),
        closed=[entry.number],
    )
    if not book.entries:
        book.lots.clear()


def fill_entry(account: Account, order: Order, raw: float, phase: FillPhase) -> Entry | None:
    """Fill an entry, flipping an opposite position with the same order (F11)."""
    book, symbol = account.books[order.symbol], order.symbol
    if book.room <= 0.0:
        return None  # F9: it waits
    before = account.available(phase)
    held = abs(book.quantity) if book.side == -order.side else 0.0
    closing = within_cap(account, symbol, held)
    deal = Deal(account, order, raw, phase, closing)
    use_cap(account, symbol, held, closing)
    opening, rest, refusal = 0.0, None, None
    if closing == held:
        opening, rest, refusal = opening_quantity(deal)
    quantity = closing + opening
    price = deal.price_of(quantity)
    entry = None

    if quantity > 0.0:
        reason = Reason.LIMIT if order.is_limit else Reason.SIGNAL
        if closing > 0.0:
            reason = Reason.FLIP
        fee = deal.fee(quantity, price)
        fill = Fill(
            account.i_time, symbol, order.side, quantity, price, fee, order.number, reason, phase,
            True,
        )  # fmt: skip
        closing_fee = deal.fee(closing, price)
        if closing > 0.0:
            upward = (order.side > 0) != order.acts_as_limit
            fill.rows = settle_lots(
                account, symbol, closing, price, closing_fee, Reason.FLIP, phase, raw=raw,
                is_upward=upward,
            )  # fmt: skip
            fill.closed = release(account, symbol, closing, Reason.FLIP)
        if opening > 0.0:
            # F11: one fee on the total, the difference charged to the opening part.
            entry = add_to_entry(account, order, opening, price, fee - closing_fee, phase)
            fill.entry_lot = book.lots[-1]
        account.cash += order.side * -quantity * price - fee
        account.fees += fee
        account.fills.append(fill)
        add_part(order, quantity, price)
        order.reason = reason
        book.fill_price = price
        note_freed(account, symbol, phase, before)
    end_entry(account, order, closing, rest, refusal)
    return entry


def end_entry(
    account: Account, order: Order, closing: float, rest: float | None, refusal: Reason | None
) -> None:
    """End an entry order, or let its rest work on (F9)."""
    if refusal is not None:
        why = Reason.CASH if closing > 0.0 else refusal
        account.finish(order, OrderStatus.REJECTED, why)
    elif rest == 0.0:
        account.finish(order, OrderStatus.FILLED, order.reason)
    elif order.filled_quantity > 0.0:
        order.status = OrderStatus.PARTIAL
        if rest is not None:
            order.size_kind, order.size = SizeKind.UNITS, rest
            if order.fixed_quantity is None:
                order.fixed_quantity = order.filled_quantity + rest
        if account.config.execution.time_in_force == "ioc":
            account.finish(order, OrderStatus.PARTIAL, Reason.EXPIRED)


def add_to_entry(
    account: Account, order: Order, quantity: float, price: float, fee: float, phase: FillPhase
) -> Entry:
    """A new lot, and a new open entry or a part of the one that the order has (F9)."""
    book = account.books[order.symbol]
    entry = next((entry for entry in book.entries if entry.number == order.number), None)
    if entry is None:
        stop = first_stop(order, price)
        entry = open_entry(account, order, quantity, price, phase)
        book.entries.append(entry)
    else:
        stop = entry.trail_level if entry.stop is None else entry.stop
        total = entry.quantity + quantity
        entry.price = (entry.price * entry.quantity + price * quantity) / total
        entry.quantity = total
    book.lots.append(
        Lot(order.number, order.side, quantity, price, fee, account.i_time, phase, stop)
    )
    return entry


def open_entry(
    account: Account, order: Order, quantity: float, price: float, phase: FillPhase
) -> Entry:
    """The open entry with the levels of its children at the fill (F5)."""
    levels: Levels = order.levels
    trail_level = None
    if levels.trail is not None:
        trail_level = trailing_level(order.side, price, levels.trail, levels.is_trail_fraction)
    return Entry(
        number=order.number,
        side=order.side,
        quantity=quantity,
        price=price,
        stop=level_of(levels.stop, price),
        target=level_of(levels.target, price),
        trail_level=trail_level,
        trail=levels.trail,
        is_trail_fraction=levels.is_trail_fraction,
        best=price,
        i_time=account.i_time,
        phase=phase,
        fine=account.fine,
        is_by_limit=order.acts_as_limit,
    )
