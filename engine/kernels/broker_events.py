"""Step (h) of an event strategy: call `on_bar`, then carry out what it asked for.

Everything is checked before it is written: a file may ask for more than there is room for.
"""

from __future__ import annotations

import math

import numpy as np

from engine.kernels.broker_constants import (
    CANCELLED,
    INVALID,
    LIMIT_ORDER,
    MARKET_ORDER,
    NEXT_OPEN,
    REJECTED,
    SIGNAL,
    STOP_LIMIT_ORDER,
    STOP_ORDER,
    UNITS,
)
from engine.kernels.broker_fills import find_entry, remove_working
from engine.kernels.broker_memory import (
    book_at,
    entry_at,
    number_at,
    order_row,
    step,
    working_at,
)
from engine.kernels.broker_orders import add_exit, add_order, note_order
from engine.kernels.broker_sizes import floor_to_lot
from engine.kernels.event_call import call_at, call_view, integer_at, put_number
from engine.kernels.event_requests import (
    CANCEL,
    ENTRY,
    EXIT,
    EXPIRE_BARS,
    IS_INVALID,
    IS_TRAIL_FRACTION,
    KIND,
    LIMIT,
    N_FIELDS,
    SIDE,
    SIZE,
    SIZE_KIND,
    STOP_A,
    STOP_B,
    TARGET_A,
    TARGET_B,
    TRAIL,
    TRIGGER,
    WHEN,
)

NAN = math.nan
RAISED, TOO_MANY_ORDERS, TOO_MANY_ENTRIES, IMPOSSIBLE = (np.int64(code) for code in range(1, 5))
"""Why an event strategy failed: `state.events.failure`."""


@step
def decide_events(state, i, t):
    """Call `on_bar` of every symbol with a bar, in the order of names; return whether all is well.

    While a forced exit waits, and on a delisted symbol's last bar, its orders are not made (F12).
    """
    events = state.events
    for s in range(state.n_symbols):
        book = book_at(state, s)
        if not book.has_bar or t < integer_at(events.first_calls, s):
            continue
        put_number(events.requests, KIND, 0.0)
        describe(state, i, s, t)
        failure = call_at(events.address, events.call)
        if failure == 0 and not book.is_forced and book.last_bar != t:
            failure = carry_out(state, i, s)
        if failure != 0:
            events.failure = failure
            events.failed_symbol = s
            return False
    return True


@step
def describe(state, i, s, t):
    """Write down what `on_bar` is told about this bar and the symbol's position."""
    book = book_at(state, s)
    events = state.events
    call = call_view(events.call)
    call.place = s * state.n_times + t
    call.t = t
    call.i = i
    call.symbol = s
    call.steps = events.n_steps
    call.state = events.states + s * events.n_values * 8
    call.quantity = book.quantity
    call.n_entries = book.n_entries
    call.n_working = book.n_working
    call.cash = state.account.cash
    call.equity = state.account.equity
    call.entry_price = NAN
    call.open_profit = NAN
    call.bars_held = 0
    if book.n_entries > 0:
        held = paid = 0.0
        # Entries stand in the order of their numbers; a limit may fill after later ones.
        oldest = i
        for k in range(book.n_entries):
            entry = entry_at(state, s, k)
            held += entry.quantity
            paid += entry.quantity * entry.price
            oldest = min(oldest, entry.i_time)
        call.entry_price = paid / held
        call.open_profit = book.quantity * (book.mark - call.entry_price)
        call.bars_held = i - oldest


@step
def asked(state, r, field):
    """Return a field of request `r`."""
    return number_at(state.events.requests, r * N_FIELDS + field)


@step
def carry_out(state, i, s):
    """Carry out the requests of one call, exits before entries (F2); return 0 or a failure."""
    n_requests = int(asked(state, 0, KIND))
    for r in range(1, n_requests + 1):
        failure = np.int64(0)
        if asked(state, r, KIND) == CANCEL:
            cancel_own(state, i, s, asked(state, r, SIDE))
        elif asked(state, r, KIND) == EXIT:
            failure = order_exit(state, i, s, r)
        if failure != 0:
            return failure
    for r in range(1, n_requests + 1):
        if asked(state, r, KIND) == ENTRY:
            failure = order_entry(state, i, s, r)
            if failure != 0:
                return failure
    return np.int64(0)


@step
def cancel_own(state, i, s, side):
    """Cancel the strategy's orders of earlier bars of a side, 0 for both; forced exits stay."""
    book = book_at(state, s)
    w = 0
    while w < book.n_working:
        order = working_at(state, s, w)
        is_earlier = order_row(state, order.order_id).i_time < i
        if is_earlier and order.reason == SIGNAL and (side == 0.0 or order.side == side):
            remove_working(state, s, w, CANCELLED, SIGNAL)
        else:
            w += 1


@step
def when_asked(state, r):
    """Return when a market order fills; -1 when there is no such time."""
    when = asked(state, r, WHEN)
    if math.isnan(when):
        return state.rules.fill
    return np.int64(when) if when == 0.0 or when == 1.0 or when == 2.0 else np.int64(-1)


@step
def order_exit(state, i, s, r):
    """Order a position out, or a part of it; without a position there is nothing to order."""
    book = book_at(state, s)
    if book.quantity == 0.0:
        return np.int64(0)
    if book.n_working >= state.events.max_orders:
        return TOO_MANY_ORDERS
    held = abs(book.quantity)
    # A whole exit that waits will close all that there is.
    for w in range(book.n_working):
        order = working_at(state, s, w)
        if order.is_exit and order.size >= held and order.side * book.quantity < 0.0:
            return np.int64(0)
    size = asked(state, r, SIZE)
    quantity = held
    if not math.isnan(asked(state, r, SIZE_KIND)):
        quantity = size if asked(state, r, SIZE_KIND) == UNITS else size * held
        quantity = held if quantity >= held else floor_to_lot(quantity, book.lot)
    when = when_asked(state, r)
    order = add_exit(state, i, s, SIGNAL)
    order.when = when
    if quantity < held:
        order.size = quantity
    row = order_row(state, order.order_id)
    row.quantity = quantity
    row.size = quantity
    row.size_kind = UNITS
    if asked(state, r, IS_INVALID) != 0.0 or not quantity > 0.0 or when < 0:
        remove_working(state, s, book.n_working - 1, REJECTED, INVALID)
    return np.int64(0)


@step
def order_entry(state, i, s, r):
    """Order an entry as it was asked for, or reject it as invalid."""
    book = book_at(state, s)
    if book.n_working >= state.events.max_orders:
        return TOO_MANY_ORDERS
    n_entries = book.n_entries
    for w in range(book.n_working):
        order = working_at(state, s, w)
        n_entries += not order.is_exit and find_entry(state, s, order.order_id) < 0
    if n_entries >= state.events.max_entries:
        return TOO_MANY_ENTRIES
    side = np.int64(asked(state, r, SIDE))
    limit, trigger = asked(state, r, LIMIT), asked(state, r, TRIGGER)
    order_type = MARKET_ORDER
    if not math.isnan(trigger):
        order_type = STOP_ORDER if math.isnan(limit) else STOP_LIMIT_ORDER
    elif not math.isnan(limit):
        order_type = LIMIT_ORDER
    order = add_order(state, i, s, side, order_type, SIGNAL)
    order.when = when_asked(state, r) if order_type == MARKET_ORDER else NEXT_OPEN
    order.bars_left = 0
    # Without volumes a market order never outlives its bar.
    if order_type != MARKET_ORDER or state.rules.has_volume:
        expire_bars = asked(state, r, EXPIRE_BARS)
        is_given = not math.isnan(expire_bars)
        order.bars_left = np.int64(expire_bars) if is_given else state.rules.expire_bars
    order.limit = limit
    order.trigger = trigger
    order.stop_a = asked(state, r, STOP_A)
    order.stop_b = asked(state, r, STOP_B)
    order.target_a = asked(state, r, TARGET_A)
    order.target_b = asked(state, r, TARGET_B)
    order.trail = asked(state, r, TRAIL)
    order.is_trail_fraction = asked(state, r, IS_TRAIL_FRACTION) == 1.0
    set_size(state, order, asked(state, r, SIZE), asked(state, r, SIZE_KIND))
    note_order(state, order)
    if asked(state, r, IS_INVALID) != 0.0 or order.when < 0 or not has_sides(order, book.close):
        remove_working(state, s, book.n_working - 1, REJECTED, INVALID)
    return np.int64(0)


@step
def set_size(state, order, size, kind):
    """Write the order's size: its own, the configured one when that wins, or the default."""
    events = state.events
    if events.is_size_fixed or math.isnan(kind):
        order.size = events.size
        order.size_kind = events.size_kind
    else:
        order.size = size
        order.size_kind = np.int64(kind)


@step
def has_sides(order, close):
    """Return whether stop and target lie on their sides of the price the order is made at."""
    price = order.limit
    if math.isnan(price):
        price = order.trigger if not math.isnan(order.trigger) else close
    stop = order.stop_a + order.stop_b * price
    target = order.target_a + order.target_b * price
    return not (order.side * (price - stop) <= 0.0 or order.side * (target - price) <= 0.0)
