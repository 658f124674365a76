"""New orders: a row of the log each, and a place among the working orders of their symbol."""

from __future__ import annotations

import math

from engine.kernels.broker_constants import MARKET_ORDER, NEXT_OPEN, UNITS, WORKING
from engine.kernels.broker_memory import book_at, order_row, step, working_at

NAN = math.nan


@step
def log_order(state, i, s, side, order_type, reason):
    """Append a row to the order log and return its number."""
    account = state.account
    number = account.n_orders
    account.n_orders += 1
    row = order_row(state, number)
    row.order_id = number
    row.i_time = i
    row.symbol = s
    row.side = side
    row.type = order_type
    row.quantity = NAN
    row.limit = NAN
    row.stop = NAN
    row.expire_bars = 0
    row.status = WORKING
    row.reason = reason
    row.filled_quantity = 0.0
    row.filled_price = NAN
    row.stop_a = NAN
    row.stop_b = NAN
    row.target_a = NAN
    row.target_b = NAN
    row.trail = NAN
    row.is_trail_fraction = False
    row.size = NAN
    row.size_kind = 0
    row.ended = -1
    return number


@step
def add_order(state, i, s, side, order_type, reason):
    """Append a row to the order log and a working order; return the latter."""
    book = book_at(state, s)
    number = log_order(state, i, s, side, order_type, reason)
    order = working_at(state, s, book.n_working)
    book.n_working += 1
    order.order_id = number
    order.side = side
    order.type = order_type
    order.reason = reason
    order.bars_left = 0
    order.is_exit = False
    order.when = NEXT_OPEN
    order.is_triggered = False
    return order


@step
def add_exit(state, i, s, reason):
    """Order the whole position of a symbol out, at the next open unless changed; return it."""
    quantity = book_at(state, s).quantity
    order = add_order(state, i, s, -1 if quantity > 0.0 else 1, MARKET_ORDER, reason)
    order.is_exit = True
    order.size = math.inf
    order.size_kind = UNITS
    order_row(state, order.order_id).quantity = abs(quantity)
    return order


@step
def note_order(state, order):
    """Write an entry order into its row of the log."""
    row = order_row(state, order.order_id)
    row.limit = order.limit
    row.stop = order.trigger
    row.expire_bars = order.bars_left
    row.stop_a = order.stop_a
    row.stop_b = order.stop_b
    row.target_a = order.target_a
    row.target_b = order.target_b
    row.trail = order.trail
    row.is_trail_fraction = order.is_trail_fraction
    row.size = order.size
    row.size_kind = order.size_kind
    if order.size_kind == UNITS:
        row.quantity = order.size
