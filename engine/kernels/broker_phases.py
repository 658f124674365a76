"""The steps of a bar around its inside: actions, carry, open, close, marking, margin (F2).

See `broker.run_bars` for their order. `i` counts bars from the run's first.
"""

from __future__ import annotations

import math

import numpy as np

from engine.kernels.broker_constants import (
    BANKRUPT,
    CANCELLED,
    CLOSE,
    DELISTED,
    EXPIRED,
    EXPIRED_STATUS,
    FILLED,
    INSIDE,
    LIMIT_ORDER,
    MARGIN,
    MARKET_ORDER,
    NEXT_CLOSE,
    NEXT_OPEN,
    NOT_DUE,
    OPEN,
    PARTIAL,
    RISK,
    SIGNAL,
    SPLIT,
    STATUS_BANKRUPT,
    STATUS_STOPPED,
    STOP_LIMIT_ORDER,
    STOP_ORDER,
    UNITS,
)
from engine.kernels.broker_fills import (
    cancel_entries,
    cancel_rebalance,
    exit_at,
    exit_entry,
    exit_position,
    fill_entry,
    find_working,
    log_fill,
    remove_entry,
    remove_working,
)
from engine.kernels.broker_memory import (
    book_at,
    entry_at,
    involved_at,
    order_row,
    step,
    working_at,
)
from engine.kernels.broker_orders import add_exit
from engine.kernels.broker_sizes import take_volume, trail_from, within_volume

NAN = math.nan
MS_A_YEAR = 365.0 * 86_400_000.0
NO_NUMBER = 2**62


@step
def apply_actions(state, i, s, ratio, dividend):
    """Step (a) of a symbol: a split before a dividend, then the fractions of shares (F14)."""
    account = state.account
    book = book_at(state, s)
    if ratio != 1.0:
        split_book(state, s, ratio)
    if dividend != 0.0:
        account.cash += book.quantity * dividend
        account.dividends += book.quantity * dividend
    # Lots are whole when the lot is a whole number of shares.
    if ratio != 1.0 and book.lot >= 1.0 and book.lot == np.floor(book.lot):
        held = abs(book.quantity)
        sell_fraction(state, i, s, held - np.floor(held + 1e-9))


@step
def split_book(state, s, ratio):
    """Express position, open entries and working orders in the new shares."""
    book = book_at(state, s)
    book.quantity *= ratio
    for k in range(book.n_entries):
        entry = entry_at(state, s, k)
        entry.quantity *= ratio
        entry.price /= ratio
        entry.stop /= ratio
        entry.target /= ratio
        entry.trail_level /= ratio
        entry.extreme /= ratio
        if not entry.is_trail_fraction:
            entry.trail /= ratio
    for w in range(book.n_working):
        order = working_at(state, s, w)
        row = order_row(state, order.order_id)
        row.filled_quantity *= ratio
        row.filled_price /= ratio
        order.limit /= ratio
        order.trigger /= ratio
        order.stop_a /= ratio
        order.target_a /= ratio
        if not order.is_trail_fraction:
            order.trail /= ratio
        if order.size_kind == UNITS:
            order.size *= ratio


@step
def sell_fraction(state, i, s, fraction):
    """Turn a fraction of a share into cash at the open, without costs, first entries first."""
    account = state.account
    book = book_at(state, s)
    while fraction > 1e-9 and book.n_entries > 0:
        entry = entry_at(state, s, 0)
        side = -entry.side
        number = entry.order_id
        quantity = min(fraction, entry.quantity)
        fraction -= quantity
        account.cash -= side * quantity * book.open
        if quantity < entry.quantity:
            entry.quantity -= quantity
            book.quantity += side * quantity
        else:
            remove_entry(state, s, 0)
        log_fill(state, i, s, side, quantity, book.open, 0.0, number, SPLIT, OPEN, book.open, False)


@step
def accrue(state, cash, elapsed_ms):
    """Step (b): interest and borrow fees on the balances of the last close (F10)."""
    rules = state.rules
    account = state.account
    years = elapsed_ms / MS_A_YEAR
    interest = max(cash - account.short_value, 0.0) * rules.cash_rate * years
    interest -= max(-cash, 0.0) * rules.margin_rate * years
    borrow = account.short_value * rules.borrow_rate * years
    account.cash += interest - borrow
    account.interest += interest
    account.borrow -= borrow


@step
def match_open(state, i):
    """Step (c): exits, then entries, each by number; what an entry is beyond acts at once."""
    if state.rules.has_levels:
        for j in range(state.n_involved):
            s = involved_at(state, j)
            if book_at(state, s).has_bar:
                trigger_at_open(state, s)
    number = -1
    while True:
        number, s = next_exit_at_open(state, number)
        if s < 0:
            break
        exit_by_number(state, i, s, number)
    number = -1
    while True:
        number, s, w = next_entry_at_open(state, number)
        if s < 0:
            break
        fill_entry(state, i, s, w, book_at(state, s).open, OPEN)


@step
def trigger_at_open(state, s):
    """Make limits of the stop-limits triggered by the open (F3)."""
    book = book_at(state, s)
    for w in range(book.n_working):
        order = working_at(state, s, w)
        if order.type == STOP_LIMIT_ORDER and order.side * (book.open - order.trigger) >= 0.0:
            order.is_triggered = True


@step
def next_exit_at_open(state, after):
    """Return (number, symbol) of the next exit at this open, symbol -1 when there is none.

    Children carry their entry's number.
    """
    best = NO_NUMBER
    symbol = -1
    for j in range(state.n_involved):
        s = involved_at(state, j)
        book = book_at(state, s)
        if not book.has_bar:
            continue
        for k in range(book.n_entries):
            entry = entry_at(state, s, k)
            if after < entry.order_id < best and exit_at(entry, book.open) != NOT_DUE:
                best, symbol = entry.order_id, s
        for w in range(book.n_working):
            order = working_at(state, s, w)
            is_due = order.is_exit and order.when == NEXT_OPEN
            if is_due and after < order.order_id < best:
                best, symbol = order.order_id, s
    return best, symbol


@step
def exit_by_number(state, i, s, number):
    """Fill at the open the child or the exit order that carries `number`."""
    book = book_at(state, s)
    for k in range(book.n_entries):
        entry = entry_at(state, s, k)
        if entry.order_id == number:
            exit_entry(state, i, s, k, book.open, exit_at(entry, book.open), OPEN)
            return
    fill_exit(state, i, s, number, book.open, OPEN)


@step
def fill_exit(state, i, s, number, raw, phase):
    """Fill an exit order, or cancel it when its position has gone (F1); exits only reduce.

    What the volume cap leaves works on (F9).
    """
    book = book_at(state, s)
    order = working_at(state, s, find_working(state, s, number))
    reason, status = order.reason, CANCELLED
    if book.quantity * order.side < 0.0:
        wanted = min(order.size, abs(book.quantity))
        quantity = within_volume(book, wanted)
        take_volume(book, wanted, quantity)
        order.size -= quantity
        if quantity > 0.0:
            exit_position(state, i, s, quantity, raw, number, reason, phase)
        if quantity < wanted:
            if quantity > 0.0:
                order_row(state, number).status = PARTIAL
            return
        status = FILLED
    if reason != SIGNAL:
        book.is_forced = False
    remove_working(state, s, find_working(state, s, number), status, reason)


@step
def is_satisfied(order, price):
    """Return whether an entry order fills at an open (F3)."""
    if order.type == MARKET_ORDER:
        return order.when == NEXT_OPEN
    if order.type == STOP_ORDER:
        return order.side * (price - order.trigger) >= 0.0
    is_limit = order.type == LIMIT_ORDER or order.is_triggered
    return is_limit and order.side * (order.limit - price) >= 0.0


@step
def next_entry_at_open(state, after):
    """Return (number, symbol, place) of the next entry at this open, symbol -1 without one."""
    best = NO_NUMBER
    symbol = place = -1
    for j in range(state.n_involved):
        s = involved_at(state, j)
        book = book_at(state, s)
        if not book.has_bar:
            continue
        for w in range(book.n_working):
            order = working_at(state, s, w)
            if order.is_exit or not after < order.order_id < best:
                continue
            if is_satisfied(order, book.open):
                best, symbol, place = order.order_id, s, w
    return best, symbol, place


@step
def match_close(state, i, latest):
    """Fill orders at this close, exits first, then by number (F1).

    `latest` is NEXT_CLOSE when all are from earlier bars, THIS_CLOSE when they were just made.
    """
    for is_exit in (True, False):
        number = -1
        while True:
            number, s, w = next_at_close(state, is_exit, number, latest)
            if s < 0:
                break
            close = book_at(state, s).close
            if is_exit:
                fill_exit(state, i, s, number, close, CLOSE)
            else:
                fill_entry(state, i, s, w, close, CLOSE)


@step
def next_at_close(state, is_exit, after, latest):
    """Return (number, symbol, place) of the next order for this close, symbol -1 without one."""
    best = NO_NUMBER
    symbol = place = -1
    for s in range(state.n_symbols):
        book = book_at(state, s)
        if not book.has_bar:
            continue
        for w in range(book.n_working):
            order = working_at(state, s, w)
            is_due = NEXT_OPEN < order.when <= latest and order.is_exit == is_exit
            if is_due and after < order.order_id < best:
                best, symbol, place = order.order_id, s, w
    return best, symbol, place


@step
def expire_orders(state, s):
    """Count one own bar of every order of a symbol, and end those whose last bar it was (F13)."""
    book = book_at(state, s)
    w = 0
    while w < book.n_working:
        order = working_at(state, s, w)
        order.bars_left -= 1
        if order.bars_left == 0:
            remove_working(state, s, w, EXPIRED_STATUS, EXPIRED)
        else:
            w += 1


@step
def end_bar(state, i, t):
    """Step (e): orders for the close, delistings, expiries; then trails move on."""
    rules = state.rules
    if rules.has_closes:
        match_close(state, i, NEXT_CLOSE)
    for j in range(state.n_involved):
        s = involved_at(state, j)
        if book_at(state, s).has_bar:
            if book_at(state, s).last_bar == t:
                close_now(state, i, s, DELISTED)
            if rules.has_levels or rules.has_volume:
                expire_orders(state, s)
            if rules.has_levels:
                trail_stops(state, i, s)


@step
def trail_stops(state, i, s):
    """Move trailing levels after a completed bar (F5)."""
    book = book_at(state, s)
    for k in range(book.n_entries):
        entry = entry_at(state, s, k)
        if math.isnan(entry.trail):
            continue
        extreme = book.high if entry.side > 0 else book.low
        if entry.i_time == i and entry.phase == INSIDE:
            extreme = book.close
        elif entry.i_time == i and entry.phase == CLOSE:
            continue
        if not entry.side * (extreme - entry.extreme) <= 0.0:
            entry.extreme = extreme
        level = trail_from(entry.side, entry.extreme, entry.trail, entry.is_trail_fraction)
        if entry.side * (level - entry.trail_level) > 0.0:
            entry.trail_level = level


@step
def mark_close(state):
    """Step (f): mark equity at the closes; return (market value, gross value)."""
    account = state.account
    value = gross = short = 0.0
    for j in range(state.n_involved):
        s = involved_at(state, j)
        book = book_at(state, s)
        worth = book.quantity * book.mark
        value += worth
        gross += abs(worth)
        if worth < 0.0:
            short -= worth
    account.short_value = short
    account.equity = account.cash + value
    return value, gross


@step
def force_exit(state, i, s, reason):
    """Order a position out at its next open, whatever its signals say (F12, F18)."""
    if book_at(state, s).quantity != 0.0 and not book_at(state, s).is_forced:
        cancel_rebalance(state, s, reason)
        add_exit(state, i, s, reason)
        book_at(state, s).is_forced = True


@step
def close_now(state, i, s, reason):
    """Close a position at its last close, with slippage and fees, and cancel its orders."""
    book = book_at(state, s)
    cancel_entries(state, s, 0, reason)
    book.is_forced = False
    if book.quantity != 0.0:
        number = add_exit(state, i, s, reason).order_id
        exit_position(state, i, s, abs(book.quantity), book.mark, number, reason, CLOSE)
        remove_working(state, s, book.n_working - 1, FILLED, reason)


@step
def close_all_now(state, i, reason):
    """Close everything at this close, symbols in the order of their names."""
    for s in range(state.n_symbols):
        close_now(state, i, s, reason)


@step
def check_ruin(state, i, gross):
    """Step (g): ruin, margin call, drawdown stop (F12, F18); return whether the run is ruined."""
    rules = state.rules
    account = state.account
    if account.equity <= 0.0:
        close_all_now(state, i, BANKRUPT)
        account.status = STATUS_BANKRUPT
        return True
    if account.equity < rules.maintenance * gross:
        call_margin(state, i, gross)
    account.peak = max(account.peak, account.equity)
    drawdown = account.equity / account.peak - 1.0
    if drawdown <= -rules.max_drawdown and account.status != STATUS_STOPPED:
        account.status = STATUS_STOPPED
        for s in range(state.n_symbols):
            cancel_entries(state, s, 0, RISK)
            book_at(state, s).is_forced = False
            force_exit(state, i, s, RISK)
    return False


@step
def call_margin(state, i, gross):
    """Order whole positions out, largest open loss first, until the rest is covered (F12).

    The open loss is that of the open entries at the last close, before costs; what already waits
    to be forced out no longer counts.
    """
    account = state.account
    for s in range(state.n_symbols):
        if book_at(state, s).is_forced:
            gross -= abs(book_at(state, s).quantity) * book_at(state, s).mark
    while account.equity < state.rules.maintenance * gross:
        worst = -1
        worst_pnl = math.inf
        for s in range(state.n_symbols):
            book = book_at(state, s)
            if book.quantity == 0.0 or book.is_forced:
                continue
            pnl = 0.0
            for k in range(book.n_entries):
                entry = entry_at(state, s, k)
                pnl += entry.side * entry.quantity * (book.mark - entry.price)
            if pnl < worst_pnl:
                worst, worst_pnl = s, pnl
        if worst < 0:
            break
        force_exit(state, i, worst, MARGIN)
        gross -= abs(book_at(state, worst).quantity) * book_at(state, worst).mark


@step
def needs_matching(state):
    """Return whether an order works or an open entry has a level."""
    if state.account.n_waiting > 0:
        return True
    for j in range(state.n_involved):
        s = involved_at(state, j)
        book = book_at(state, s)
        if book.n_working > 0:
            return True
        if not state.rules.has_levels:
            continue
        for k in range(book.n_entries):
            entry = entry_at(state, s, k)
            if not (
                math.isnan(entry.stop) and math.isnan(entry.target) and math.isnan(entry.trail)
            ):
                return True
    return False
