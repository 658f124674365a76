"""The broker's hands: prices, fees, sizes, and the fills that change the books (F6-F8, F10, F11).

Every function takes the `State` of `broker_records`, `i` the bar counted from the run's first,
`s` the symbol. `raw` is the price before slippage; `limit` is NaN when there is none.
"""

from __future__ import annotations

import math

from numba import njit

from engine.kernels.broker_constants import (
    BUY,
    CANCELLED,
    CASH,
    CASH_SIZE,
    CLOSE,
    FILLED,
    FLIP,
    FRACTION,
    INSIDE,
    LIMIT,
    LIMIT_ORDER,
    NOT_DUE,
    PARTIAL,
    REJECTED,
    RISK,
    SIGNAL,
    STOP,
    STOP_LIMIT_ORDER,
    TARGET,
    TRAIL,
    UNITS,
)

NAN = math.nan


@njit(cache=True)
def fill_price(rules, book, side, raw, limit):
    """Return what a fill pays or gets (F6)."""
    if side == BUY:
        price = raw * rules.buy_factor
        if rules.tick > 0.0:
            price = math.ceil(price / rules.tick - 1e-9) * rules.tick
        if price > limit:
            price = limit
    else:
        price = raw * rules.sell_factor
        if rules.tick > 0.0:
            price = math.floor(price / rules.tick + 1e-9) * rules.tick
        if price < limit:
            price = limit
    if rules.is_clipped:
        price = min(max(price, book.low), book.high)
    return price


@njit(cache=True)
def fee_of(rules, quantity, price, is_maker):
    """Return the fee of one fill (F8)."""
    if quantity <= 0.0:
        return 0.0
    rate = rules.maker_rate if is_maker else rules.taker_rate
    value = quantity * price
    fee = max(rules.minimum, rules.fixed + rules.per_unit * quantity + rate * value)
    return min(fee, rules.maximum_rate * value)


@njit(cache=True)
def affordable(rules, notional, share, price, is_maker):
    """Return x > 0 with share·x·price + fee(x, price) = notional, or 0 when there is none (F7).

    The fee is min(max(minimum, straight line), cap), so the left side is the min of a max of
    rising straight lines, and x the max of the min of their roots.
    """
    rate = rules.maker_rate if is_maker else rules.taker_rate
    unit = share * price
    by_minimum = (notional - rules.minimum) / unit
    by_rate = (notional - rules.fixed) / (unit + rules.per_unit + rate * price)
    x = min(by_minimum, by_rate)
    if rules.maximum_rate < math.inf:
        x = max(x, notional / (unit + rules.maximum_rate * price))
    return max(x, 0.0)


@njit(cache=True)
def floor_to_lot(quantity, lot):
    """Return the largest whole number of lots within `quantity`; lot 0 rounds nothing."""
    if lot <= 0.0:
        return quantity
    return math.floor(quantity / lot + 1e-9) * lot


@njit(cache=True)
def equity_and_gross(state):
    """Return cash + Σ q·mark and Σ |q|·mark, summed in the order of the names."""
    equity = state.account[0].cash
    gross = 0.0
    for s in range(state.books.size):
        value = state.books[s].quantity * state.books[s].mark
        equity += value
        gross += abs(value)
    return equity, gross


@njit(cache=True)
def available(state):
    """Return what openings may still use (F10)."""
    equity, gross = equity_and_gross(state)
    return equity - state.rules[0].initial * gross


@njit(cache=True)
def note_freed(state, s, before):
    """Keep what fills of `s` freed in step (d), which other symbols may not use (F7)."""
    book = state.books[s]
    book.freed = max(0.0, book.freed + available(state) - before)


@njit(cache=True)
def log_fill(state, i, s, side, quantity, price, fee, order_id, reason, phase, raw):
    """Append a fill and return its record."""
    account = state.account[0]
    fill = state.fills[account.n_fills]
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
    fill.closing = quantity
    fill.closing_fee = fee
    fill.after = state.books[s].quantity
    fill.risk = NAN
    return fill


@njit(cache=True)
def remove_entry(state, s, k):
    """Forget open entry `k`; a position without entries is exactly 0."""
    book = state.books[s]
    book.n_entries -= 1
    for j in range(k, book.n_entries):
        state.entries[s, j] = state.entries[s, j + 1]
    book.quantity = 0.0
    for j in range(book.n_entries):
        book.quantity += state.entries[s, j].side * state.entries[s, j].quantity


@njit(cache=True)
def remove_working(state, s, w, status, reason):
    """Take a working order off the book and write its end into the order log."""
    book = state.books[s]
    row = state.orders[state.working[s, w].order_id]
    row.status = status
    row.reason = reason
    book.n_working -= 1
    for j in range(w, book.n_working):
        state.working[s, j] = state.working[s, j + 1]


@njit(cache=True)
def cancel_entries(state, s, side, reason):
    """Cancel the working entries of a side, or every order when `side` is 0."""
    w = 0
    while w < state.books[s].n_working:
        order = state.working[s, w]
        if side == 0 or (order.side == side and not order.is_exit):
            remove_working(state, s, w, CANCELLED, reason)
        else:
            w += 1


@njit(cache=True)
def exit_entry(state, i, s, k, raw, reason, phase):
    """Close open entry `k` by its own stop, trail or target."""
    book = state.books[s]
    entry = state.entries[s, k]
    before = available(state) if phase == INSIDE else 0.0
    order_id = entry.order_id
    quantity = entry.quantity
    side = -entry.side
    is_limit = reason == TARGET
    price = fill_price(state.rules[0], book, side, raw, entry.target if is_limit else NAN)
    fee = fee_of(state.rules[0], quantity, price, is_limit)
    state.account[0].cash -= side * quantity * price + fee
    book.mark = price
    remove_entry(state, s, k)
    log_fill(state, i, s, side, quantity, price, fee, order_id, reason, phase, raw)
    if phase == INSIDE:
        note_freed(state, s, before)


@njit(cache=True)
def exit_position(state, i, s, raw, order_id, reason, phase):
    """Close the whole position in one fill of an order that has a row in the log."""
    book = state.books[s]
    quantity = abs(book.quantity)
    side = -1 if book.quantity > 0.0 else 1
    price = fill_price(state.rules[0], book, side, raw, NAN)
    fee = fee_of(state.rules[0], quantity, price, False)
    state.account[0].cash -= side * quantity * price + fee
    if phase != CLOSE:
        book.mark = price
    book.n_entries = 0
    book.quantity = 0.0
    log_fill(state, i, s, side, quantity, price, fee, order_id, reason, phase, raw)
    row = state.orders[order_id]
    row.filled_quantity = quantity
    row.filled_price = price


@njit(cache=True)
def wanted_quantity(state, s, order, price, equity, is_maker):
    """Return the opening quantity before any limit of cash or risk, NaN without a stop (F7)."""
    rules = state.rules[0]
    if rules.size_kind == UNITS:
        return order.size
    if rules.size_kind == FRACTION or rules.size_kind == CASH_SIZE:
        notional = order.size if rules.size_kind == CASH_SIZE else order.size * equity
        quantity = affordable(rules, notional, 1.0, price, is_maker)
    else:
        risk = abs(price - first_stop(order, price))
        quantity = order.size * equity / risk if risk > 0.0 else NAN
    return floor_to_lot(quantity, state.books[s].lot)


@njit(cache=True)
def trail_from(side, anchor, trail, is_fraction):
    """Return the trailing level that belongs to an extreme or an entry price."""
    return anchor * (1.0 - side * trail) if is_fraction else anchor - side * trail


@njit(cache=True)
def first_stop(order, price):
    """Return the stop as it stands at the fill: the trail's first level when there is no other."""
    stop = order.stop_a + order.stop_b * price
    if not math.isnan(stop):
        return stop
    return trail_from(order.side, price, order.trail, order.is_trail_fraction)


@njit(cache=True)
def shrunk_quantity(state, s, quantity, price, equity, gross):
    """Return what the portfolio limits leave of an opening (F18)."""
    rules = state.rules[0]
    book = state.books[s]
    room = math.inf
    if rules.max_weight < math.inf:
        room = rules.max_weight * equity - abs(book.quantity) * book.mark
    if rules.max_gross < math.inf:
        room = min(room, rules.max_gross * equity - gross)
    if quantity * price <= room * (1.0 + 1e-12):
        return quantity
    return max(0.0, floor_to_lot(room / price, book.lot))


@njit(cache=True)
def covered_quantity(state, s, quantity, price, room, is_maker):
    """Return what cash and margin allow of an opening (F7, F10); 0 when it is refused."""
    rules = state.rules[0]
    need = rules.initial * quantity * price + fee_of(rules, quantity, price, is_maker)
    if need <= room * (1.0 + 1e-12):
        return quantity
    if rules.is_rejecting:
        return 0.0
    most = affordable(rules, room, rules.initial, price, is_maker)
    return min(quantity, floor_to_lot(most, state.books[s].lot))


@njit(cache=True)
def open_entry(state, i, s, order, quantity, price, phase):
    """Add an open entry with its children, in the order of the numbers (F5)."""
    book = state.books[s]
    k = book.n_entries
    while k > 0 and state.entries[s, k - 1].order_id > order.order_id:
        state.entries[s, k] = state.entries[s, k - 1]
        k -= 1
    entry = state.entries[s, k]
    entry.order_id = order.order_id
    entry.side = order.side
    entry.i_time = i
    entry.phase = phase
    entry.due = NOT_DUE
    entry.quantity = quantity
    entry.price = price
    entry.stop = order.stop_a + order.stop_b * price
    entry.target = order.target_a + order.target_b * price
    entry.trail = order.trail
    entry.is_trail_fraction = order.is_trail_fraction
    entry.trail_level = trail_from(order.side, price, order.trail, order.is_trail_fraction)
    entry.extreme = NAN
    book.n_entries += 1
    book.quantity = 0.0
    for j in range(book.n_entries):
        book.quantity += state.entries[s, j].side * state.entries[s, j].quantity


@njit(cache=True)
def fill_entry(state, i, s, w, raw, phase):
    """Fill working entry `w` at `raw`: close what is held against it, then open (F7, F10, F11).

    An entry at the open or inside the bar that is already beyond its stop or target goes out at
    that same price (F4, F5).
    """
    rules = state.rules[0]
    account = state.account[0]
    book = state.books[s]
    order = state.working[s, w]
    row = state.orders[order.order_id]
    side = order.side
    is_limit = order.type == LIMIT_ORDER or order.type == STOP_LIMIT_ORDER
    price = fill_price(rules, book, side, raw, order.limit if is_limit else NAN)
    before = available(state) if phase == INSIDE else 0.0

    closing = abs(book.quantity) if book.quantity * side < 0.0 else 0.0
    closing_fee = fee_of(rules, closing, price, is_limit)
    if closing > 0.0:
        account.cash -= side * closing * price + closing_fee
        book.n_entries = 0
        book.quantity = 0.0

    equity, gross = equity_and_gross(state)
    wanted = wanted_quantity(state, s, order, price, equity, is_limit)
    is_stopless = math.isnan(wanted)
    allowed = 0.0 if is_stopless else shrunk_quantity(state, s, wanted, price, equity, gross)
    room = equity - rules.initial * gross - (account.freed if phase == INSIDE else 0.0)
    opening = covered_quantity(state, s, allowed, price, room, is_limit)
    if not opening > 0.0:
        opening = 0.0
        if closing == 0.0:
            is_risk = is_stopless or (wanted > 0.0 and not allowed > 0.0)
            remove_working(state, s, w, REJECTED, RISK if is_risk else CASH)
            return

    fee = fee_of(rules, closing + opening, price, is_limit)
    account.cash -= side * opening * price + (fee - closing_fee)
    risk = abs(price - first_stop(order, price))
    if opening > 0.0:
        open_entry(state, i, s, order, opening, price, phase)
    if phase != CLOSE:
        book.mark = price
    reason = FLIP if closing > 0.0 else (LIMIT if is_limit else SIGNAL)
    number = order.order_id
    fill = log_fill(state, i, s, side, closing + opening, price, fee, number, reason, phase, raw)
    fill.closing = closing
    fill.closing_fee = closing_fee
    fill.risk = risk
    row.quantity = closing + opening if math.isnan(row.quantity) else row.quantity
    row.filled_quantity = closing + opening
    row.filled_price = price
    if opening > 0.0:
        remove_working(state, s, w, FILLED, reason)
    else:
        remove_working(state, s, w, PARTIAL, CASH)
    if phase == INSIDE:
        note_freed(state, s, before)
    if opening > 0.0 and phase != CLOSE:
        leave_at_once(state, i, s, number, raw, phase)


@njit(cache=True)
def find_entry(state, s, number):
    """Return the index of the open entry that order `number` made, or -1."""
    for k in range(state.books[s].n_entries):
        if state.entries[s, k].order_id == number:
            return k
    return -1


@njit(cache=True)
def stop_level(entry):
    """Return the tighter of stop and trail and which it is; a tie is the stop (F5)."""
    if math.isnan(entry.trail_level) or entry.side * (entry.trail_level - entry.stop) <= 0.0:
        return entry.stop, STOP
    return entry.trail_level, TRAIL


@njit(cache=True)
def exit_at(entry, price):
    """Return the Reason of the child that `price` is at or beyond, or NOT_DUE; the stop first."""
    level, reason = stop_level(entry)
    if entry.side * (price - level) <= 0.0:
        return reason
    if entry.side * (price - entry.target) >= 0.0:
        return TARGET
    return NOT_DUE


@njit(cache=True)
def leave_at_once(state, i, s, number, raw, phase):
    """Close a fresh entry whose raw price is already beyond a child's level (F4, F5)."""
    k = find_entry(state, s, number)
    reason = exit_at(state.entries[s, k], raw)
    if reason != NOT_DUE:
        exit_entry(state, i, s, k, raw, reason, phase)
