"""The broker's hands: prices, fees, sizes, and the fills that change the books (F6-F8, F10, F11).

Every function takes the `STATE` of `broker_records`, `i` the bar counted from the run's first,
`s` the symbol. `raw` is the price before slippage; `limit` is NaN when there is none.
"""

from __future__ import annotations

import math

import numpy as np

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
    STOP_ORDER,
    TARGET,
    TRAIL,
    UNITS,
)
from engine.kernels.broker_memory import (
    book_at,
    copy_into,
    entry_at,
    fill_row,
    order_row,
    step,
    working_at,
)

NAN = math.nan


@step
def fill_price(rules, book, side, raw, limit):
    """Return what a fill pays or gets (F6)."""
    if side == BUY:
        price = raw * rules.buy_factor
        if rules.tick > 0.0:
            price = np.ceil(price / rules.tick - 1e-9) * rules.tick
        if price > limit:
            price = limit
    else:
        price = raw * rules.sell_factor
        if rules.tick > 0.0:
            price = np.floor(price / rules.tick + 1e-9) * rules.tick
        if price < limit:
            price = limit
    if rules.is_clipped:
        price = min(max(price, book.low), book.high)
    return price


@step
def fee_of(rules, quantity, price, is_maker):
    """Return the fee of one fill (F8)."""
    if quantity <= 0.0:
        return 0.0
    rate = rules.maker_rate if is_maker else rules.taker_rate
    value = quantity * price
    fee = max(rules.minimum, rules.fixed + rules.per_unit * quantity + rate * value)
    return min(fee, rules.maximum_rate * value)


@step
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


@step
def floor_to_lot(quantity, lot):
    """Return the largest whole number of lots within `quantity`; lot 0 rounds nothing."""
    if lot <= 0.0:
        return quantity
    return np.floor(quantity / lot + 1e-9) * lot


@step
def equity_and_gross(state):
    """Return cash + Σ q·mark and Σ |q|·mark, summed in the order of the names."""
    equity = state.account.cash
    gross = 0.0
    for s in range(state.n_symbols):
        value = book_at(state, s).quantity * book_at(state, s).mark
        equity += value
        gross += abs(value)
    return equity, gross


@step
def available(state):
    """Return what openings may still use (F10)."""
    equity, gross = equity_and_gross(state)
    return equity - state.rules.initial * gross


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
def remove_entry(state, s, k):
    """Forget open entry `k`; a position without entries is exactly 0."""
    book = book_at(state, s)
    book.n_entries -= 1
    for j in range(k, book.n_entries):
        copy_into(entry_at(state, s, j), entry_at(state, s, j + 1))
    book.quantity = 0.0
    for j in range(book.n_entries):
        book.quantity += entry_at(state, s, j).side * entry_at(state, s, j).quantity


@step
def remove_working(state, s, w, status, reason):
    """Take a working order off the book and write its end into the order log."""
    book = book_at(state, s)
    row = order_row(state, working_at(state, s, w).order_id)
    row.status = status
    row.reason = reason
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


@step
def exit_entry(state, i, s, k, raw, reason, phase):
    """Close open entry `k` by its own stop, trail or target."""
    book = book_at(state, s)
    entry = entry_at(state, s, k)
    before = available(state) if phase == INSIDE else 0.0
    order_id = entry.order_id
    quantity = entry.quantity
    side = -entry.side
    is_limit = reason == TARGET
    price = fill_price(state.rules, book, side, raw, entry.target if is_limit else NAN)
    fee = fee_of(state.rules, quantity, price, is_limit)
    state.account.cash -= side * quantity * price + fee
    book.mark = price
    remove_entry(state, s, k)
    log_fill(state, i, s, side, quantity, price, fee, order_id, reason, phase, raw, is_limit)
    if phase == INSIDE:
        note_freed(state, s, before)


@step
def release_entries(state, s, quantity):
    """Take `quantity` off the open entries, first in, first out (F11); dust closes an entry."""
    book = book_at(state, s)
    while book.n_entries > 0:
        entry = entry_at(state, s, 0)
        if entry.quantity > quantity * (1.0 + 1e-12):
            entry.quantity -= quantity
            book.quantity -= entry.side * quantity
            return
        quantity -= entry.quantity
        remove_entry(state, s, 0)
        if not quantity > 0.0:
            return


@step
def exit_position(state, i, s, quantity, raw, order_id, reason, phase):
    """Close `quantity` of the position in one fill of an order that has a row in the log."""
    book = book_at(state, s)
    side = -1 if book.quantity > 0.0 else 1
    price = fill_price(state.rules, book, side, raw, NAN)
    fee = fee_of(state.rules, quantity, price, False)
    state.account.cash -= side * quantity * price + fee
    if phase != CLOSE:
        book.mark = price
    if quantity < abs(book.quantity):
        release_entries(state, s, quantity)
    else:
        book.n_entries = 0
        book.quantity = 0.0
    log_fill(state, i, s, side, quantity, price, fee, order_id, reason, phase, raw, False)
    row = order_row(state, order_id)
    row.filled_quantity = quantity
    row.filled_price = price


@step
def wanted_quantity(state, s, order, price, equity, is_maker):
    """Return the opening quantity before any limit of cash or risk, NaN without a stop (F7)."""
    if order.size_kind == UNITS:
        return order.size
    if order.size_kind == FRACTION or order.size_kind == CASH_SIZE:
        notional = order.size if order.size_kind == CASH_SIZE else order.size * equity
        quantity = affordable(state.rules, notional, 1.0, price, is_maker)
    else:
        risk = abs(price - first_stop(order, price))
        quantity = order.size * equity / risk if risk > 0.0 else NAN
    return floor_to_lot(quantity, book_at(state, s).lot)


@step
def trail_from(side, anchor, trail, is_fraction):
    """Return the trailing level that belongs to an extreme or an entry price."""
    return anchor * (1.0 - side * trail) if is_fraction else anchor - side * trail


@step
def first_stop(order, price):
    """Return the stop as it stands at the fill: the trail's first level when there is no other."""
    stop = order.stop_a + order.stop_b * price
    if not math.isnan(stop):
        return stop
    return trail_from(order.side, price, order.trail, order.is_trail_fraction)


@step
def shrunk_quantity(state, s, quantity, price, equity, gross):
    """Return what the portfolio limits leave of an opening (F18); dust of rounding is none."""
    rules = state.rules
    book = book_at(state, s)
    room = math.inf
    if rules.max_weight < math.inf:
        room = rules.max_weight * equity - abs(book.quantity) * book.mark
    if rules.max_gross < math.inf:
        room = min(room, rules.max_gross * equity - gross)
    if room <= 1e-12 * equity:
        return 0.0
    if quantity * price <= room * (1.0 + 1e-12):
        return quantity
    return max(0.0, floor_to_lot(room / price, book.lot))


@step
def covered_quantity(state, s, quantity, price, equity, room, is_maker):
    """Return what cash and margin allow of an opening (F7, F10); 0 when it is refused.

    Room within the tolerance of the margin rule is none: else the rounding of an account that is
    all in would buy dust.
    """
    rules = state.rules
    if room <= 1e-12 * equity:
        return 0.0
    need = rules.initial * quantity * price + fee_of(rules, quantity, price, is_maker)
    if need <= room * (1.0 + 1e-12):
        return quantity
    if rules.is_rejecting:
        return 0.0
    most = affordable(rules, room, rules.initial, price, is_maker)
    return min(quantity, floor_to_lot(most, book_at(state, s).lot))


@step
def open_entry(state, i, s, order, quantity, price, phase):
    """Add an open entry with its children, in the order of the numbers (F5)."""
    book = book_at(state, s)
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
        book.quantity += entry_at(state, s, j).side * entry_at(state, s, j).quantity


@step
def fill_entry(state, i, s, w, raw, phase):
    """Fill working entry `w` at `raw`: close what is held against it, then open (F7, F10, F11).

    An entry at the open or inside the bar that is already beyond its stop or target goes out at
    that same price (F4, F5).
    """
    rules = state.rules
    account = state.account
    book = book_at(state, s)
    order = working_at(state, s, w)
    row = order_row(state, order.order_id)
    side = order.side
    is_limit = order.type == LIMIT_ORDER or order.type == STOP_LIMIT_ORDER
    price = fill_price(rules, book, side, raw, order.limit if is_limit else NAN)
    is_stop = order.type == STOP_ORDER or (
        order.type == STOP_LIMIT_ORDER and not order.is_triggered
    )
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
    opening = covered_quantity(state, s, allowed, price, equity, room, is_limit)
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
    quantity = closing + opening
    fill = log_fill(
        state, i, s, side, quantity, price, fee, number, reason, phase, raw, not is_stop
    )
    fill.closing = closing
    fill.closing_fee = closing_fee
    fill.risk = risk
    if math.isnan(row.quantity):
        row.quantity = quantity
    row.filled_quantity = quantity
    row.filled_price = price
    if opening > 0.0:
        remove_working(state, s, w, FILLED, reason)
    else:
        remove_working(state, s, w, PARTIAL, CASH)
    if phase == INSIDE:
        note_freed(state, s, before)
    if opening > 0.0 and phase != CLOSE:
        leave_at_once(state, i, s, number, raw, phase)


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
