"""Target weights: rebalance orders, and how they fill together (the last paragraph of F7).

Unlike signals, whose orders fill one by one, the orders of one close share the cash of that
close, so they are matched in passes over the symbols that trade: sells, then what buys cover,
then what buys open, scaled by one factor when cash is short.
"""

from __future__ import annotations

import math

import numpy as np

from engine.kernels.broker_constants import (
    BUY,
    CANCELLED,
    CASH,
    CLOSE,
    FILLED,
    FLIP,
    MARKET_ORDER,
    NOT_DUE,
    PARTIAL,
    REBALANCE,
    REJECTED,
    RISK,
    SELL,
)
from engine.kernels.broker_fills import (
    end_rebalance,
    log_fill,
    note_part,
    release_all,
    release_entries,
)
from engine.kernels.broker_memory import (
    book_at,
    entry_at,
    integer_at,
    involved_at,
    number_at,
    order_row,
    step,
    target_at,
)
from engine.kernels.broker_orders import log_order
from engine.kernels.broker_sizes import (
    affordable,
    equity_and_gross,
    fee_of,
    fill_price,
    floor_to_lot,
)

NAN = math.nan
DUST = 1e-12
"""A share of equity that is rounding: of a position that has its weight, of an account all in."""


@step
def decide_targets(state, i, t):
    """Step (h): turn the weights of this close into orders, symbols in the order of names (F2)."""
    account = state.account
    while account.n_rebalances < state.n_rebalances:
        if integer_at(state.rebalance_bars, account.n_rebalances) >= t:
            break
        account.n_rebalances += 1
    if account.n_rebalances == state.n_rebalances:
        return
    if integer_at(state.rebalance_bars, account.n_rebalances) != t:
        return
    if account.equity <= 0.0:
        return  # all was withdrawn
    row = account.n_rebalances * state.n_symbols
    if not math.isnan(state.band) and not has_drifted(state, row, t):
        return
    for s in range(state.n_symbols):
        weight = number_at(state.weights, row + s)
        if not math.isnan(weight) and can_order(state, s, t):
            add_rebalance(state, i, s, weight)


@step
def can_order(state, s, t):
    """Return whether a symbol still trades after this close and no forced exit of it waits."""
    book = book_at(state, s)
    return not book.is_forced and not 0 <= book.last_bar <= t


@step
def has_drifted(state, row, t):
    """Return whether a weight is further from its target than the band, or nothing is held.

    What waits for its own next bar, or cannot be ordered, does not count.
    """
    account = state.account
    has_any = account.n_waiting > 0
    for s in range(state.n_symbols):
        book = book_at(state, s)
        has_any |= book.quantity != 0.0
        weight = number_at(state.weights, row + s)
        if math.isnan(weight) or target_at(state, s).is_waiting or not can_order(state, s, t):
            continue
        drift = abs(book.quantity * book.mark / account.equity - weight)
        if drift > state.band + DUST:
            return True
    return not has_any


@step
def add_rebalance(state, i, s, weight):
    """Order a symbol to its weight, in place of an order that still waits for a bar."""
    book, target = book_at(state, s), target_at(state, s)
    if target.is_waiting:
        if target.weight == weight:
            return
        end_rebalance(state, s, CANCELLED, REBALANCE)
    if weight == 0.0 and book.quantity == 0.0:
        return
    equity = state.account.equity
    wanted = weight * equity - book.quantity * book.mark
    if weight == 0.0:
        wanted = -book.quantity * book.mark
    side = SELL if wanted < -DUST * equity else BUY
    target.order_id = log_order(state, i, s, side, MARKET_ORDER, REBALANCE)
    target.weight = weight
    target.is_waiting = True
    state.account.n_waiting += 1


@step
def match_targets(state, i, equity, phase):
    """Fill the rebalance orders of all symbols that have a bar, at its open or its close.

    `equity` is marked at those prices before any trade of the bar.
    """
    n_due = 0
    for k in range(state.n_involved):
        s = involved_at(state, k)
        if target_at(state, s).is_waiting and book_at(state, s).has_bar:
            plan_trade(state, s, equity, phase)
            target_at(state, n_due).due = s
            n_due += 1
    for side in (SELL, BUY):
        for k in range(n_due):
            s = target_at(state, k).due
            if target_at(state, s).side == side and target_at(state, s).closing > 0.0:
                close_part(state, i, s, phase)
        if side == SELL:
            open_sales(state, n_due, phase)
        else:
            scale_buys(state, n_due)
        for k in range(n_due):
            s = target_at(state, k).due
            if target_at(state, s).side == side:
                finish_trade(state, i, s, phase)


@step
def plan_trade(state, s, equity, phase):
    """Find the quantity that brings a symbol to its weight, and how much of it closes."""
    rules = state.rules
    book, target = book_at(state, s), target_at(state, s)
    raw = book.close if phase == CLOSE else book.open
    held = abs(book.quantity)
    wanted = target.weight * equity - book.quantity * raw
    if target.weight == 0.0:
        wanted = -book.quantity * raw
    elif abs(wanted) <= DUST * equity:
        wanted = 0.0
    target.side = BUY if wanted > 0.0 else SELL
    target.price = fill_price(rules, book, target.side, raw, NAN, 0.0)
    quantity = 0.0
    if target.weight == 0.0:
        quantity = held
    elif wanted > 0.0:
        quantity = floor_to_lot(affordable(rules, wanted, 1.0, target.price, False), book.lot)
    elif wanted < 0.0:
        quantity = sold_quantity(rules, -wanted, target.price, book.lot)
    if target.weight != 0.0 and quantity * target.price <= DUST * equity:
        quantity = 0.0
    is_reducing = book.quantity * target.side < 0.0
    if is_reducing and (target.weight * book.quantity > 0.0 or quantity == math.inf):
        quantity = min(quantity, held)
    elif quantity == math.inf:
        quantity = 0.0
    target.closing = min(quantity, held) if is_reducing else 0.0
    target.closing_fee = 0.0
    target.opening = quantity - target.closing
    target.is_opening = target.opening > 0.0
    target.is_limited = False
    if quantity == 0.0:
        target.side = 0
        end_rebalance(state, s, CANCELLED, REBALANCE)


@step
def sold_quantity(rules, proceeds, price, lot):
    """Return the fewest lots that bring `proceeds` after their fee, inf when none do.

    x·price - fee(x, price) is the max of a min of straight lines (see `affordable`), so x is the
    min of a max of their roots.
    """
    if not price > 0.0:
        return math.inf
    per_unit = price - rules.per_unit - rules.taker_rate * price
    by_rate = (proceeds + rules.fixed) / per_unit if per_unit > 0.0 else math.inf
    x = max((proceeds + rules.minimum) / price, by_rate)
    if rules.maximum_rate < 1.0:
        x = min(x, proceeds / (price * (1.0 - rules.maximum_rate)))
    if lot <= 0.0 or x == math.inf:
        return x
    return np.ceil(x / lot - 1e-9) * lot


@step
def close_part(state, i, s, phase):
    """Close what a trade takes off the position, with the fee of that alone (F11)."""
    book, target = book_at(state, s), target_at(state, s)
    target.closing_fee = fee_of(state.rules, target.closing, target.price, False)
    state.account.cash -= target.side * target.closing * target.price + target.closing_fee
    if target.closing < abs(book.quantity):
        release_entries(state, i, s, target.closing, REBALANCE)
    else:
        release_all(state, s, REBALANCE)
    if phase != CLOSE:
        book.mark = target.price


@step
def open_sales(state, n_due, phase):
    """Let sales open shorts one by one, each within margin and limits (F10, F18)."""
    rules = state.rules
    equity, gross = equity_and_gross(state)
    for k in range(n_due):
        s = target_at(state, k).due
        target = target_at(state, s)
        if target.side != SELL or not target.opening > 0.0:
            continue
        limit_opening(state, s, equity, gross)
        cover_opening(state, s, equity, equity - rules.initial * gross)
        if target.opening > 0.0:
            # What is owed stays the same; only the fee and the new mark change equity.
            book = book_at(state, s)
            mark = book.mark if phase == CLOSE else target.price
            before = book.quantity * book.mark
            after = (book.quantity - target.opening) * mark
            received = target.opening * target.price
            equity += received - opening_fee(rules, target) + after - before
            gross += abs(after) - abs(before)


@step
def limit_opening(state, s, equity, gross):
    """Shrink what a trade opens to the portfolio limits (F18)."""
    rules = state.rules
    book, target = book_at(state, s), target_at(state, s)
    room = math.inf
    if rules.max_weight < math.inf:
        room = rules.max_weight * equity - abs(book.quantity) * book.mark
    if rules.max_gross < math.inf:
        room = min(room, rules.max_gross * equity - gross)
    if room <= DUST * equity:
        target.opening = 0.0
    elif target.opening * target.price > room * (1.0 + 1e-12):
        target.opening = max(0.0, floor_to_lot(room / target.price, book.lot))
    target.is_limited = target.opening == 0.0


@step
def cover_opening(state, s, equity, room):
    """Shrink what a sale opens to the margin there is, with the fee of that alone (F10, F11)."""
    rules = state.rules
    target = target_at(state, s)
    quantity, price = target.opening, target.price
    if room <= DUST * equity:
        target.opening = 0.0
        return
    need = rules.initial * quantity * price + fee_of(rules, quantity, price, False)
    if need > room * (1.0 + 1e-12):
        most = affordable(rules, room, rules.initial, price, False)
        most = floor_to_lot(most, book_at(state, s).lot)
        target.opening = 0.0 if rules.is_rejecting else max(0.0, min(quantity, most))


@step
def opening_fee(rules, target):
    """Return what the opening part adds to the fee of the whole fill (F11)."""
    whole = target.closing + target.opening
    return fee_of(rules, whole, target.price, False) - target.closing_fee


@step
def scale_buys(state, n_due):
    """Shrink what buys open to the limits, then by one factor to the cash there is (F7, F18)."""
    equity, gross = equity_and_gross(state)
    room = equity - state.rules.initial * gross
    for k in range(n_due):
        s = target_at(state, k).due
        target = target_at(state, s)
        if target.side == BUY and target.opening > 0.0:
            limit_opening(state, s, equity, gross)
            gross += target.opening * target.price
    factor = 0.0
    if room > DUST * equity:
        factor = fitting_factor(state, n_due, room)
    if factor == 1.0:
        return
    for k in range(n_due):
        s = target_at(state, k).due
        target = target_at(state, s)
        if target.side == BUY:
            target.opening = max(0.0, floor_to_lot(factor * target.opening, book_at(state, s).lot))


@step
def fitting_factor(state, n_due, room):
    """Return the largest factor in [0, 1] by which the buys' openings fit into `room`.

    What they need is made of rising straight lines: interpolation finds the factor at once while
    fees are proportional, and halving in between finds it in any case.
    """
    low, high = 0.0, 1.0
    need_low, need_high = 0.0, needed(state, n_due, 1.0)
    if need_high <= room * (1.0 + 1e-12):
        return 1.0
    for k in range(100):
        middle = 0.5 * (low + high)
        if k % 2 == 0:
            middle = low + (high - low) * (room - need_low) / (need_high - need_low)
            middle = min(middle, high * (1.0 - 2.5e-16))
        if not low < middle < high:
            break
        need = needed(state, n_due, middle)
        if need <= room:
            low, need_low = middle, need
            if room - need <= 1e-15 * room:
                break
        else:
            high, need_high = middle, need
    return low


@step
def needed(state, n_due, factor):
    """Return the margin and fees that the buys' opening parts take when scaled by `factor`."""
    rules = state.rules
    total = 0.0
    for k in range(n_due):
        target = target_at(state, target_at(state, k).due)
        if target.side == BUY and target.opening > 0.0:
            quantity = factor * target.opening
            total += rules.initial * quantity * target.price
            total += fee_of(rules, quantity, target.price, False)
    return total


@step
def finish_trade(state, i, s, phase):
    """Open the rest of a trade, and write its one fill and the end of its order."""
    account = state.account
    book, target = book_at(state, s), target_at(state, s)
    side, opening, price = target.side, target.opening, target.price
    quantity = target.closing + opening
    refusal = RISK if target.is_limited else CASH
    if not quantity > 0.0:
        end_rebalance(state, s, REJECTED, refusal)
        return
    fee = target.closing_fee
    if opening > 0.0:
        fee += opening_fee(state.rules, target)
        account.cash -= side * opening * price + (fee - target.closing_fee)
        add_lot(state, i, s, opening, phase)
        if phase != CLOSE:
            book.mark = price
    number = target.order_id
    reason = FLIP if opening > 0.0 and target.closing > 0.0 else REBALANCE
    raw = book.close if phase == CLOSE else book.open
    fill = log_fill(state, i, s, side, quantity, price, fee, number, reason, phase, raw, False)
    fill.closing = target.closing
    fill.closing_fee = target.closing_fee
    row = order_row(state, number)
    row.quantity = quantity
    note_part(row, quantity, price)
    if target.is_opening and not opening > 0.0:
        end_rebalance(state, s, PARTIAL, refusal)
    else:
        end_rebalance(state, s, FILLED, reason)


@step
def add_lot(state, i, s, quantity, phase):
    """Add an open entry without children."""
    book, target = book_at(state, s), target_at(state, s)
    entry = entry_at(state, s, book.n_entries)
    entry.order_id = target.order_id
    entry.side = target.side
    entry.i_time = i
    entry.phase = phase
    entry.due = NOT_DUE
    entry.i_closed = -1
    entry.quantity = quantity
    entry.price = target.price
    entry.stop = NAN
    entry.target = NAN
    entry.trail = NAN
    entry.trail_level = NAN
    entry.extreme = NAN
    entry.is_trail_fraction = False
    book.n_entries += 1
    book.quantity += target.side * quantity
    state.account.most_held = max(state.account.most_held, book.n_entries)
