"""Fills: exits, entries and flips, with their trade rows (F3, F5, F7, F10, F11, F18)."""

from __future__ import annotations

from engine.types import FillPhase, OrderStatus, Reason, SizeKind
from tests.engine.reference.costs import fee_of, price_after_costs, quantity_for, whole_lots
from tests.engine.reference.records import Account, Entry, Fill, Levels, Lot, Order

DUST = 1e-12  # room below this share of the equity is none: it is the rounding of a full account


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
        price = price_after_costs(account.config, side, raw, limit=limit, bar=book.last_bar)
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


def close_position(
    account: Account, symbol: int, raw: float, phase: FillPhase, reason: Reason, order_id: int
) -> None:
    """Close everything of a symbol with one fill."""
    book = account.books[symbol]
    numbers = [entry.number for entry in book.entries]
    quantity = abs(book.quantity)
    close_quantity(account, symbol, quantity, raw, phase, reason, order_id, closed=numbers)
    book.entries.clear()
    book.lots.clear()


def close_entry(
    account: Account, symbol: int, entry: Entry, raw: float, phase: FillPhase, reason: Reason
) -> None:
    """A child closes its own entry's quantity (F5) and carries its number (F2)."""
    book = account.books[symbol]
    book.entries.remove(entry)
    close_quantity(
        account,
        symbol,
        entry.quantity,
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


def wanted_quantity(
    account: Account, order: Order, price: float, stop: float | None, phase: FillPhase
) -> float:
    """F7: the quantity an entry asks for; units as given, the others in whole lots."""
    costs, lot, maker = account.config.costs, account.books[order.symbol].lot, order.is_limit
    if order.size_kind == SizeKind.UNITS:
        return order.size
    if order.size_kind == SizeKind.CASH:
        return whole_lots(quantity_for(costs, order.size, price, maker), lot)
    equity = account.equity(phase)
    if order.size_kind == SizeKind.FRACTION:
        return whole_lots(quantity_for(costs, order.size * equity, price, maker), lot)
    return whole_lots(order.size * equity / abs(price - stop), lot)


def opening_quantity(
    account: Account, order: Order, price: float, stop: float | None, phase: FillPhase
) -> tuple[float, Reason]:
    """The quantity that may be opened, and the reason when it is none (F7, F10, F18)."""
    config, lot, maker = account.config, account.books[order.symbol].lot, order.is_limit
    if order.size_kind == SizeKind.RISK and (stop is None or stop == price):
        return 0.0, Reason.RISK  # F7: without a stop it is refused
    quantity = wanted_quantity(account, order, price, stop, phase)
    if quantity <= 0.0:
        return 0.0, Reason.CASH

    # F18: opening fills shrink.
    equity = account.equity(phase)
    held = abs(account.books[order.symbol].quantity)
    own = held * account.mark(order.symbol, phase) if held else 0.0
    if config.risk.max_weight is not None:
        room = config.risk.max_weight * equity - own
        quantity = shrunk(quantity, room, price, lot, equity)
    if config.risk.max_gross is not None:
        room = config.risk.max_gross * equity - account.gross(phase)
        quantity = shrunk(quantity, room, price, lot, equity)
    if quantity <= 0.0:
        return 0.0, Reason.RISK

    # F10, F7: what is freed inside this bar by other symbols does not count yet.
    room = account.available(phase)
    if phase == FillPhase.INSIDE:
        for symbol, book in enumerate(account.books):
            if symbol != order.symbol:
                room -= book.freed
    if room <= DUST * equity:
        return 0.0, Reason.CASH
    need = config.margin.initial * quantity * price + fee_of(config.costs, quantity, price, maker)
    if need <= room * (1.0 + 1e-12):
        return quantity, Reason.SIGNAL
    if config.execution.cash_policy == "reject":
        return 0.0, Reason.CASH
    x = quantity_for(config.costs, room, price, maker, share=config.margin.initial)
    return min(quantity, whole_lots(x, lot)), Reason.CASH


def shrunk(quantity: float, room: float, price: float, lot: float, equity: float) -> float:
    """F18: the quantity, or the whole lots within the room when that is less."""
    if room <= DUST * equity:
        return 0.0
    if quantity * price <= room * (1.0 + 1e-12):
        return quantity
    return whole_lots(room / price, lot)


def fill_entry(account: Account, order: Order, raw: float, phase: FillPhase) -> Entry | None:
    """Fill an entry, flipping an opposite position with the same order (F11)."""
    config, book, symbol = account.config, account.books[order.symbol], order.symbol
    maker = order.is_limit
    bar = account.bars[symbol]
    price = price_after_costs(config, order.side, raw, limit=order.limit, bar=bar)
    before = account.available(phase)

    reason = Reason.LIMIT if maker else Reason.SIGNAL
    fill = Fill(
        account.i_time, symbol, order.side, 0.0, price, 0.0, order.number, reason, phase, True
    )
    if book.side == -order.side:
        closing = abs(book.quantity)
        fill.quantity = closing
        fill.fee = fee_of(config.costs, closing, price, maker)
        fill.reason = Reason.FLIP
        fill.closed = [entry.number for entry in book.entries]
        upward = (raw > bar.open) if bar is not None else False
        fill.rows = settle_lots(
            account, symbol, closing, price, fill.fee, Reason.FLIP, phase, raw=raw, is_upward=upward
        )
        account.cash += order.side * -closing * price - fill.fee
        book.entries.clear()
        book.lots.clear()
    closing_fee = fill.fee

    stop = first_stop(order, price)
    quantity, why = opening_quantity(account, order, price, stop, phase)
    entry = None
    if quantity > 0.0:
        # F11: one fee on the total, the difference charged to the opening part.
        total_fee = fee_of(config.costs, fill.quantity + quantity, price, maker)
        opening_fee = total_fee - closing_fee
        account.cash += order.side * -quantity * price - opening_fee
        fill.quantity += quantity
        fill.fee = total_fee
        lot = Lot(
            order.number, order.side, quantity, price, opening_fee, account.i_time, phase, stop
        )
        fill.entry_lot = lot
        book.lots.append(lot)
        entry = open_entry(account, order, quantity, price, phase, raw)
        book.entries.append(entry)
    order.filled_quantity = fill.quantity
    if fill.quantity > 0.0:
        order.filled_price = price
        account.fees += fill.fee
        book.fill_price = price
        account.fills.append(fill)
        note_freed(account, symbol, phase, before)
        if entry is None:
            account.finish(order, OrderStatus.PARTIAL, Reason.CASH)
        else:
            account.finish(order, OrderStatus.FILLED, fill.reason)
    else:
        account.finish(order, OrderStatus.REJECTED, why)
    return entry


def level_of(line: tuple[float, float] | None, entry_price: float) -> float | None:
    """F5: a + b·entry_price."""
    return None if line is None else line[0] + line[1] * entry_price


def first_stop(order: Order, price: float) -> float | None:
    """F7, M10: the stop as it stands at the fill; a lone trail is a stop too."""
    levels = order.levels
    if levels.stop is not None or levels.trail is None:
        return level_of(levels.stop, price)
    return trailing_level(order.side, price, levels.trail, levels.is_trail_fraction)


def open_entry(
    account: Account, order: Order, quantity: float, price: float, phase: FillPhase, raw: float
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
        is_by_limit=order.acts_as_limit,
    )


def trailing_level(side: int, best: float, trail: float, is_fraction: bool) -> float:
    """F5: H − d, or H·(1 − x); mirrored for shorts."""
    return best * (1.0 - side * trail) if is_fraction else best - side * trail
