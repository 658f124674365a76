"""The broker's hands: the fills that change the books (F7-F11).

Every function takes the `STATE` of `broker_records`, `i` the bar counted from the run's first,
`s` the symbol. `raw` is the price before slippage; `limit` is NaN when there is none.
"""

from __future__ import annotations

import math

from engine.kernels.broker_constants import (
    BUY,
    CANCELLED,
    CASH,
    CLOSE,
    EXPIRED,
    FILLED,
    FLIP,
    INSIDE,
    LIMIT,
    LIMIT_ORDER,
    NOT_DUE,
    PARTIAL,
    REJECTED,
    SIGNAL,
    STOP,
    STOP_LIMIT_ORDER,
    STOP_ORDER,
    TARGET,
    TRAIL,
    UNITS,
    WAITS,
)
from engine.kernels.broker_memory import (
    book_at,
    copy_into,
    entry_at,
    fill_row,
    order_row,
    step,
    target_at,
    working_at,
)
from engine.kernels.broker_sizes import (
    available,
    deal_price,
    fee_of,
    fill_price,
    first_stop,
    size_opening,
    take_volume,
    trail_from,
    within_volume,
)

NAN = math.nan


@step
def note_freed(state, s, before):
    """Keep what fills of `s` freed in step (d), which other symbols may not use (F7)."""
    book = book_at(state, s)
    book.freed = max(0.0, book.freed + available(state) - before)


@step
def log_fill(state, i, s, side, quantity, price, fee, order_id, reason, phase, raw, is_limit):
    """Append a fill and return its record."""
    account = state.account
    fill = fill_row(state, account.n_fills)
    account.n_fills += 1
    account.fees -= fee
    fill.i_time = i
    fill.symbol = s
    fill.side = side
    fill.quantity = quantity
    fill.price = price
    fill.fee = fee
    fill.order_id = order_id
    fill.reason = reason
    fill.ambiguous = False
    fill.phase = phase
    fill.raw = raw
    # A sell limit and a buy stop lie above, a buy limit and a sell stop below.
    fill.is_up = is_limit == (side != BUY)
    fill.closing = quantity
    fill.closing_fee = fee
    fill.after = book_at(state, s).quantity
    fill.risk = NAN
    return fill


@step
def note_part(row, quantity, price):
    """Add a fill to its order's row: the price is the average over the parts, by quantity."""
    filled = row.filled_quantity
    if filled > 0.0:
        row.filled_price = (filled * row.filled_price + quantity * price) / (filled + quantity)
    else:
        row.filled_price = price
    row.filled_quantity = filled + quantity


@step
def recount(state, s):
    """Sum a position up from its open entries; without entries it is exactly 0."""
    book = book_at(state, s)
    book.quantity = 0.0
    for k in range(book.n_entries):
        book.quantity += entry_at(state, s, k).side * entry_at(state, s, k).quantity


@step
def remove_entry(state, s, k):
    """Forget open entry `k`."""
    book = book_at(state, s)
    book.n_entries -= 1
    for j in range(k, book.n_entries):
        copy_into(entry_at(state, s, j), entry_at(state, s, j + 1))
    recount(state, s)


@step
def find_working(state, s, number):
    """Return the place of the working order that carries `number`, or -1."""
    for w in range(book_at(state, s).n_working):
        if working_at(state, s, w).order_id == number:
            return w
    return -1


@step
def remove_working(state, s, w, status, reason):
    """Take a working order off the book and write its end into the order log."""
    book = book_at(state, s)
    row = order_row(state, working_at(state, s, w).order_id)
    row.status = status
    row.reason = reason
    row.ended = state.account.now
    if row.filled_quantity > 0.0:
        if status != FILLED:
            row.status = PARTIAL
        if math.isnan(row.quantity):
            row.quantity = row.filled_quantity
    book.n_working -= 1
    for j in range(w, book.n_working):
        copy_into(working_at(state, s, j), working_at(state, s, j + 1))


@step
def cancel_entries(state, s, side, reason):
    """Cancel the working entries of a side, or every order when `side` is 0."""
    w = 0
    while w < book_at(state, s).n_working:
        order = working_at(state, s, w)
        if side == 0 or (order.side == side and not order.is_exit):
            remove_working(state, s, w, CANCELLED, reason)
        else:
            w += 1
    if side == 0:
        cancel_rebalance(state, s, reason)


@step
def cancel_rebalance(state, s, reason):
    """Cancel the rebalance order of a symbol, if one waits."""
    if state.targets != 0 and target_at(state, s).is_waiting:
        end_rebalance(state, s, CANCELLED, reason)


@step
def end_rebalance(state, s, status, reason):
    """Take a rebalance order off and write its end into the order log."""
    target = target_at(state, s)
    target.is_waiting = False
    state.account.n_waiting -= 1
    row = order_row(state, target.order_id)
    row.status = status
    row.reason = reason
    row.ended = state.account.now


@step
def cancel_rest(state, s, number, reason):
    """Cancel what is left of the order whose open entry begins to close (F9)."""
    if state.rules.has_volume:
        w = find_working(state, s, number)
        if w >= 0:
            remove_working(state, s, w, CANCELLED, reason)


@step
def exit_entry(state, i, s, k, raw, reason, phase):
    """Close open entry `k`, or what the volume cap allows of it, by its own child."""
    book = book_at(state, s)
    entry = entry_at(state, s, k)
    before = available(state) if phase == INSIDE else 0.0
    order_id = entry.order_id
    wanted = entry.quantity
    quantity = within_volume(book, wanted)
    take_volume(book, wanted, quantity)
    if not quantity > 0.0:
        return
    side = -entry.side
    is_limit = reason == TARGET
    limit = entry.target if is_limit else NAN
    price = fill_price(state.rules, book, side, raw, limit, quantity)
    fee = fee_of(state.rules, quantity, price, is_limit)
    state.account.cash -= side * quantity * price + fee
    book.mark = price
    if quantity < wanted:
        entry.quantity -= quantity
        entry.i_closed = i
        recount(state, s)
    else:
        remove_entry(state, s, k)
    cancel_rest(state, s, order_id, reason)
    log_fill(state, i, s, side, quantity, price, fee, order_id, reason, phase, raw, is_limit)
    if phase == INSIDE:
        note_freed(state, s, before)


@step
def release_entries(state, i, s, quantity, reason):
    """Take `quantity` off the open entries, first in, first out (F11); dust closes an entry."""
    book = book_at(state, s)
    while book.n_entries > 0:
        entry = entry_at(state, s, 0)
        cancel_rest(state, s, entry.order_id, reason)
        if entry.quantity > quantity * (1.0 + 1e-12):
            entry.quantity -= quantity
            entry.i_closed = i
            recount(state, s)
            return
        quantity -= entry.quantity
        remove_entry(state, s, 0)
        if not quantity > 0.0:
            return


@step
def release_all(state, s, reason):
    """Forget all open entries of a symbol, and what is left of their orders (F9)."""
    book = book_at(state, s)
    if state.rules.has_volume:
        for k in range(book.n_entries):
            cancel_rest(state, s, entry_at(state, s, k).order_id, reason)
    book.n_entries = 0
    book.quantity = 0.0


@step
def exit_position(state, i, s, quantity, raw, order_id, reason, phase):
    """Close `quantity` of the position in one fill of an order that has a row in the log."""
    book = book_at(state, s)
    side = -1 if book.quantity > 0.0 else 1
    price = fill_price(state.rules, book, side, raw, NAN, quantity)
    fee = fee_of(state.rules, quantity, price, False)
    state.account.cash -= side * quantity * price + fee
    if phase != CLOSE:
        book.mark = price
    if quantity < abs(book.quantity):
        release_entries(state, i, s, quantity, reason)
    else:
        release_all(state, s, reason)
    log_fill(state, i, s, side, quantity, price, fee, order_id, reason, phase, raw, False)
    note_part(order_row(state, order_id), quantity, price)


@step
def open_entry(state, i, s, order, quantity, price, phase):
    """Add an open entry with its children, in the order of the numbers (F5).

    A later part of an order adds to its entry, which keeps its levels (F9).
    """
    book = book_at(state, s)
    k = find_entry(state, s, order.order_id) if state.rules.has_volume else -1
    if k >= 0:
        entry = entry_at(state, s, k)
        total = entry.quantity + quantity
        entry.price = (entry.quantity * entry.price + quantity * price) / total
        entry.quantity = total
        recount(state, s)
        return
    k = book.n_entries
    while k > 0 and entry_at(state, s, k - 1).order_id > order.order_id:
        copy_into(entry_at(state, s, k), entry_at(state, s, k - 1))
        k -= 1
    entry = entry_at(state, s, k)
    entry.order_id = order.order_id
    entry.side = order.side
    entry.i_time = i
    entry.phase = phase
    entry.due = NOT_DUE
    entry.fine = book.fine
    entry.i_closed = -1
    entry.quantity = quantity
    entry.price = price
    entry.stop = order.stop_a + order.stop_b * price
    entry.target = order.target_a + order.target_b * price
    entry.trail = order.trail
    entry.is_trail_fraction = order.is_trail_fraction
    entry.trail_level = trail_from(order.side, price, order.trail, order.is_trail_fraction)
    entry.extreme = NAN
    book.n_entries += 1
    recount(state, s)


@step
def begin_deal(state, order, raw):
    """Write down what is known of an entry's fill before its quantity."""
    deal = state.deal
    deal.side = order.side
    deal.is_maker = order.type == LIMIT_ORDER or order.type == STOP_LIMIT_ORDER
    deal.raw = raw
    deal.limit = order.limit if deal.is_maker else NAN
    deal.closing = 0.0


@step
def close_against(state, i, s, number, held):
    """Take what an entry closes of the position held against it; return its working order (F11)."""
    deal, book = state.deal, book_at(state, s)
    deal.closing = within_volume(book, held)
    take_volume(book, held, deal.closing)
    if deal.closing == held:
        release_all(state, s, FLIP)
    elif deal.closing > 0.0:
        release_entries(state, i, s, deal.closing, FLIP)
    return working_at(state, s, find_working(state, s, number))


@step
def fill_entry(state, i, s, w, raw, phase):
    """Fill working entry `w` at `raw`: close what is held against it, then open (F7, F9-F11).

    An entry at the open or inside the bar that is already beyond its stop or target goes out at
    that same price (F4, F5).
    """
    rules, deal, account = state.rules, state.deal, state.account
    book = book_at(state, s)
    if not book.room > 0.0:
        return
    order = working_at(state, s, w)
    number, side = order.order_id, order.side
    before = available(state) if phase == INSIDE else 0.0
    begin_deal(state, order, raw)
    held = abs(book.quantity) if book.quantity * side < 0.0 else 0.0
    if held > 0.0:
        order = close_against(state, i, s, number, held)
    opening, rest, refusal = 0.0, NAN, WAITS
    if deal.closing == held:
        opening, rest, refusal = size_opening(state, s, order, phase)
    else:
        deal.price = fill_price(rules, book, side, raw, deal.limit, deal.closing)
    quantity = deal.closing + opening
    if quantity > 0.0:
        price = deal_price(state, s, quantity)
        fee = fee_of(rules, quantity, price, deal.is_maker)
        account.cash -= side * quantity * price + fee
        log_entry(state, i, s, order, quantity, price, fee, phase)
        if phase != CLOSE:
            book.mark = price
    end_entry(state, s, number, opening, rest, refusal)
    if phase == INSIDE and quantity > 0.0:
        note_freed(state, s, before)
    if opening > 0.0 and phase != CLOSE:
        leave_at_once(state, i, s, number, raw, phase)


@step
def log_entry(state, i, s, order, quantity, price, fee, phase):
    """Write the fill of the state's deal, and the entry that its opening part makes."""
    deal = state.deal
    is_stop = order.type == STOP_ORDER or (
        order.type == STOP_LIMIT_ORDER and not order.is_triggered
    )
    risk = abs(price - first_stop(order, price))
    if quantity > deal.closing:
        k = find_entry(state, s, order.order_id) if state.rules.has_volume else -1
        if k >= 0:
            entry = entry_at(state, s, k)
            stop = entry.trail_level if math.isnan(entry.stop) else entry.stop
            risk = abs(price - stop)
        open_entry(state, i, s, order, quantity - deal.closing, price, phase)
    reason = FLIP if deal.closing > 0.0 else (LIMIT if deal.is_maker else SIGNAL)
    number, side, raw = order.order_id, order.side, deal.raw
    fill = log_fill(
        state, i, s, side, quantity, price, fee, number, reason, phase, raw, not is_stop
    )
    fill.closing = deal.closing
    fill.closing_fee = fee_of(state.rules, deal.closing, price, deal.is_maker)
    fill.risk = risk
    row = order_row(state, number)
    row.reason = reason
    note_part(row, quantity, price)


@step
def end_entry(state, s, number, opening, rest, refusal):
    """End the order of the state's deal, or let its rest work on (F9)."""
    w = find_working(state, s, number)
    order = working_at(state, s, w)
    row = order_row(state, number)
    if refusal >= 0:
        remove_working(state, s, w, REJECTED, CASH if state.deal.closing > 0.0 else refusal)
    elif rest == 0.0:
        remove_working(state, s, w, FILLED, row.reason)
    elif row.filled_quantity > 0.0:
        row.status = PARTIAL
        if rest > 0.0:
            order.size_kind = UNITS
            order.size = rest
            if math.isnan(row.quantity):
                row.quantity = row.filled_quantity + rest
        if state.rules.is_immediate:
            remove_working(state, s, w, PARTIAL, EXPIRED)


@step
def find_entry(state, s, number):
    """Return the index of the open entry that order `number` made, or -1."""
    for k in range(book_at(state, s).n_entries):
        if entry_at(state, s, k).order_id == number:
            return k
    return -1


@step
def stop_level(entry):
    """Return the tighter of stop and trail and which it is; a tie is the stop (F5)."""
    if math.isnan(entry.trail_level) or entry.side * (entry.trail_level - entry.stop) <= 0.0:
        return entry.stop, STOP
    return entry.trail_level, TRAIL


@step
def exit_at(entry, price):
    """Return the Reason of the child that `price` is at or beyond, or NOT_DUE; the stop first."""
    level, reason = stop_level(entry)
    if entry.side * (price - level) <= 0.0:
        return reason
    if entry.side * (price - entry.target) >= 0.0:
        return TARGET
    return NOT_DUE


@step
def leave_at_once(state, i, s, number, raw, phase):
    """Close a fresh entry whose raw price is already beyond a child's level (F4, F5)."""
    k = find_entry(state, s, number)
    reason = exit_at(entry_at(state, s, k), raw)
    if reason != NOT_DUE:
        exit_entry(state, i, s, k, raw, reason, phase)
