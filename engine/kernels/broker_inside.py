"""Step (d): what happens inside a bar, under the path rule and under the other two (F4).

Levels are raw prices. After the open phase every level still waiting lies strictly on one side
of the open: it is reached either by the move up or by the move down.
"""

from __future__ import annotations

import math

from engine.kernels.broker_constants import (
    BUY,
    INSIDE,
    LIMIT_ORDER,
    MARKET_ORDER,
    NOT_DUE,
    OHLC,
    PESSIMISTIC,
    STOP,
    STOP_LIMIT_ORDER,
    STOP_ORDER,
    TARGET,
    TRAIL,
)
from engine.kernels.broker_fills import exit_entry, fill_entry, find_entry, stop_level
from engine.kernels.broker_memory import (
    FILL_SIZE,
    book_at,
    copy_into,
    entry_at,
    fill_row,
    fill_view,
    order_row,
    saved_entry,
    saved_row,
    saved_working,
    step,
    tried_address,
    tried_fill,
    working_at,
)

NAN = math.nan


@step
def match_inside(state, i, s):
    """Follow a bar inside by the path rule, and count what another rule would have changed."""
    account = state.account
    book = book_at(state, s)
    path = state.rules.path
    n_events, is_open_question = 0, False
    if book.room > 0.0:
        n_events, is_open_question = survey(state, s)
    if n_events > 0 and not is_open_question:
        follow(state, i, s, path)
    elif n_events > 0:
        # A part that was closed at the open is no fill of this path.
        for k in range(book.n_entries):
            entry_at(state, s, k).i_closed = -1
        save(state, s)
        begin = account.n_fills
        n_tried = (
            try_path(state, i, s, 0, (path + 1) % 3),
            try_path(state, i, s, 1, (path + 2) % 3),
        )
        follow(state, i, s, path)
        account.ambiguous += mark_ambiguous(state, i, s, begin, n_tried)
    trigger_orders(state, s)


@step
def survey(state, s):
    """Return how many levels the bar reaches, and whether the path rules could differ."""
    rules = state.rules
    book = book_at(state, s)
    n_events = 0
    is_open_question = False
    for k in range(book.n_entries):
        has_stop, has_target = touched_children(rules, book, entry_at(state, s, k))
        n_events += has_stop or has_target
        is_open_question |= has_stop and has_target
    n_children = n_events
    for w in range(book.n_working):
        order = working_at(state, s, w)
        if is_touched(rules, book, order):
            n_events += 1
            has_child = not (
                math.isnan(order.stop_a) and math.isnan(order.target_a) and math.isnan(order.trail)
            )
            is_open_question |= has_child
    return n_events, is_open_question or (n_events > 1 and n_events > n_children)


@step
def follow(state, i, s, path):
    """Run step (d) of one symbol under one path rule."""
    if path == OHLC or is_two_sided(state, s):
        walk(state, i, s)
    else:
        settle(state, i, s, path)


@step
def is_two_sided(state, s):
    """Return whether entries of both sides are touched and neither certainly came first."""
    rules = state.rules
    book = book_at(state, s)
    buys_up = buys_down = sells_up = sells_down = False
    for w in range(book.n_working):
        order = working_at(state, s, w)
        if is_touched(rules, book, order):
            _, is_up, _ = entry_level(order)
            buys_up |= is_up and order.side == BUY
            buys_down |= not is_up and order.side == BUY
            sells_up |= is_up and order.side != BUY
            sells_down |= not is_up and order.side != BUY
    return (buys_up and sells_down) or (buys_down and sells_up)


@step
def walk(state, i, s):
    """Follow the `ohlc` path: open, the nearer extreme, the other one, close."""
    book = book_at(state, s)
    is_up = is_high_first(book)
    price = book.open
    for leg in range(3):
        end = book.close if leg == 2 else (book.high if is_up else book.low)
        while book.room > 0.0:
            k, w, level = next_on_leg(state, s, price, end, is_up)
            if k >= 0:
                exit_entry(state, i, s, k, level, due_on_leg(entry_at(state, s, k), is_up), INSIDE)
            elif w >= 0:
                fill_entry(state, i, s, w, level, INSIDE)
            else:
                break
            price = level
        price = end
        is_up = not is_up


@step
def due_on_leg(entry, is_up):
    """Return which child of an entry a move reaches."""
    if is_up == (entry.side == BUY):
        return TARGET
    return stop_level(entry)[1]


@step
def next_on_leg(state, s, price, end, is_up):
    """Return (entry, working order, level) of the nearest event from `price` to `end`.

    One of the two indices is -1; both are when nothing is left. At one level exits come first,
    then the lower number.
    """
    rules = state.rules
    book = book_at(state, s)
    best_k = best_w = -1
    best = math.inf if is_up else -math.inf
    for k in range(book.n_entries):
        entry = entry_at(state, s, k)
        is_target = is_up == (entry.side == BUY)
        level = entry.target if is_target else stop_level(entry)[0]
        through = rules.through if is_target else 0.0
        is_ahead = price <= level < best if is_up else price >= level > best
        if is_ahead and is_reached(level, is_up, end, through):
            best, best_k = level, k
    for w in range(book.n_working):
        order = working_at(state, s, w)
        level, goes_up, is_limit = entry_level(order)
        through = rules.through if is_limit else 0.0
        is_ahead = price <= level < best if is_up else price >= level > best
        is_ahead = is_ahead and goes_up == is_up and not order.is_exit
        if is_ahead and is_reached(level, is_up, end, through):
            best, best_k, best_w = level, -1, w
    return best_k, best_w, best


@step
def settle(state, i, s, path):
    """Follow the pessimistic or the optimistic rule.

    Exits of what was held since the open come first, then entries in `ohlc` order, each followed
    by its own exit. Only the nearer one of two levels on one move is certain to precede the
    other, so an entry of the other side that is nearer than an exit comes before it and flips.
    """
    rules = state.rules
    book = book_at(state, s)
    for k in range(book.n_entries):
        has_stop, has_target = touched_children(rules, book, entry_at(state, s, k))
        choose(entry_at(state, s, k), path, has_stop, has_target)
    while book.room > 0.0:
        k = next_due(state, i, s)
        if k >= 0:
            entry = entry_at(state, s, k)
            exit_entry(state, i, s, k, due_level(entry), entry.due, INSIDE)
            continue
        w = next_entry(state, s)
        if w < 0:
            break
        level, _, is_limit = entry_level(working_at(state, s, w))
        number = working_at(state, s, w).order_id
        fill_entry(state, i, s, w, level, INSIDE)
        k = find_entry(state, s, number)
        if k >= 0:
            choose_fresh(rules, book, entry_at(state, s, k), path, is_limit)


@step
def choose(entry, path, may_stop, may_target):
    """Write down the exit that the rule takes of those that are possible."""
    entry.due = NOT_DUE
    if may_target and (path != PESSIMISTIC or not may_stop):
        entry.due = TARGET
    elif may_stop:
        entry.due = stop_level(entry)[1]


@step
def choose_fresh(rules, book, entry, path, is_limit):
    """Write down the exit of an entry made inside this bar.

    Certain: the stop after an entry by a limit, the target after an entry by a stop, and what the
    close is beyond. The rule grants what may have happened only to its favourite.
    """
    is_long = entry.side == BUY
    may_stop, may_target = touched_children(rules, book, entry)
    level, _ = stop_level(entry)
    is_stop_sure = may_stop and (is_limit or is_reached(level, not is_long, book.close, 0.0))
    is_target_sure = may_target and (
        not is_limit or is_reached(entry.target, is_long, book.close, rules.through)
    )
    if path == PESSIMISTIC:
        choose(entry, path, may_stop, is_target_sure)
    else:
        choose(entry, path, is_stop_sure, may_target)


@step
def due_level(entry):
    """Return the level of the exit that is due."""
    return entry.target if entry.due == TARGET else stop_level(entry)[0]


@step
def next_due(state, i, s):
    """Return the first due exit on the `ohlc` path that no waiting entry precedes, or -1."""
    book = book_at(state, s)
    best = -1
    for k in range(book.n_entries):
        entry = entry_at(state, s, k)
        if entry.due == NOT_DUE or is_preceded(state, i, s, entry):
            continue
        if best < 0 or comes_before(book, due_level(entry), due_level(entry_at(state, s, best))):
            best = k
    return best


@step
def is_preceded(state, i, s, entry):
    """Return whether an entry order is nearer than a due exit, on the same move from the open.

    An order of the exit's own side adds to the position; it precedes only the exit of an entry
    that was itself made inside this bar.
    """
    rules = state.rules
    book = book_at(state, s)
    level = due_level(entry)
    is_fresh = entry.phase == INSIDE and entry.i_time == i and entry.fine == book.fine
    for w in range(book.n_working):
        order = working_at(state, s, w)
        if (is_fresh or order.side != entry.side) and is_touched(rules, book, order):
            other, _, _ = entry_level(order)
            is_one_move = (other > book.open) == (level > book.open)
            if is_one_move and abs(other - book.open) < abs(level - book.open):
                return True
    return False


@step
def next_entry(state, s):
    """Return the first touched entry order on the `ohlc` path, or -1."""
    rules = state.rules
    book = book_at(state, s)
    best = -1
    best_level = 0.0
    for w in range(book.n_working):
        if is_touched(rules, book, working_at(state, s, w)):
            level, _, _ = entry_level(working_at(state, s, w))
            if best < 0 or comes_before(book, level, best_level):
                best, best_level = w, level
    return best


@step
def trigger_orders(state, s):
    """Make limits of stop-limits, and market orders of stops, whose trigger was reached.

    They could not fill: the limit was beyond, or the volume was used up (F3, F9).
    """
    book = book_at(state, s)
    for w in range(book.n_working):
        order = working_at(state, s, w)
        is_buy = order.side == BUY
        end = book.high if is_buy else book.low
        if is_reached(order.trigger, is_buy, end, 0.0):
            if order.type == STOP_LIMIT_ORDER:
                order.is_triggered = True
            elif order.type == STOP_ORDER:
                order.type = MARKET_ORDER


@step
def is_reached(level, is_up, end, through):
    """Return whether a move up (or down) to `end` goes `through` beyond `level`."""
    return end >= level + through if is_up else end <= level - through


@step
def entry_level(order):
    """Return (level, direction is up, is a limit) of a working entry, NaN for one that waits."""
    is_buy = order.side == BUY
    if order.type == LIMIT_ORDER or (order.type == STOP_LIMIT_ORDER and order.is_triggered):
        return order.limit, not is_buy, True
    if order.type == STOP_ORDER:
        return order.trigger, is_buy, False
    if order.type == STOP_LIMIT_ORDER and order.side * (order.limit - order.trigger) >= 0.0:
        return order.trigger, is_buy, False
    return NAN, is_buy, False


@step
def is_touched(rules, book, order):
    """Return whether a working entry fills somewhere inside the bar."""
    if order.is_exit:
        return False
    level, is_up, is_limit = entry_level(order)
    end = book.high if is_up else book.low
    return is_reached(level, is_up, end, rules.through if is_limit else 0.0)


@step
def touched_children(rules, book, entry):
    """Return whether the bar reaches an entry's stop (or trail) and its target."""
    is_long = entry.side == BUY
    level, _ = stop_level(entry)
    has_stop = is_reached(level, not is_long, book.low if is_long else book.high, 0.0)
    end = book.high if is_long else book.low
    return has_stop, is_reached(entry.target, is_long, end, rules.through)


@step
def is_high_first(book):
    """Return the order of the extremes on the `ohlc` path; a tie is low first."""
    return book.high - book.open < book.open - book.low


@step
def comes_before(book, level, other):
    """Return whether `level` is reached strictly before `other` on the `ohlc` path."""
    is_up = level > book.open
    if is_up != (other > book.open):
        return is_up == is_high_first(book)
    return abs(level - book.open) < abs(other - book.open)


@step
def save(state, s):
    """Keep what step (d) of a symbol can change."""
    book = book_at(state, s)
    copy_into(state.saved_account, state.account)
    copy_into(state.saved_book, book)
    for k in range(book.n_entries):
        copy_into(saved_entry(state, k), entry_at(state, s, k))
    for w in range(book.n_working):
        copy_into(saved_working(state, w), working_at(state, s, w))
        copy_into(saved_row(state, w), order_row(state, working_at(state, s, w).order_id))


@step
def restore(state, s):
    """Put back what `save` kept."""
    copy_into(state.account, state.saved_account)
    book = book_at(state, s)
    copy_into(book, state.saved_book)
    for k in range(book.n_entries):
        copy_into(entry_at(state, s, k), saved_entry(state, k))
    for w in range(book.n_working):
        copy_into(working_at(state, s, w), saved_working(state, w))
        copy_into(order_row(state, working_at(state, s, w).order_id), saved_row(state, w))


@step
def try_path(state, i, s, row, path):
    """Keep the fills of another rule in `tried[row]`, restore, and return how many they were."""
    begin = state.account.n_fills
    follow(state, i, s, path)
    n_fills = state.account.n_fills - begin
    for f in range(n_fills):
        copy_into(tried_fill(state, row, f), fill_row(state, begin + f))
    restore(state, s)
    return n_fills


@step
def is_child_fill(fill):
    """Return whether a fill inside a bar is a child's; the others are entries'."""
    return fill.reason == STOP or fill.reason == TARGET or fill.reason == TRAIL


@step
def has_alike(fills, n_fills, fill, is_exact):
    """Return whether one of the fills from address `fills` on is of the same order or position.

    `is_exact`: and is the same fill.
    """
    for f in range(n_fills):
        other = fill_view(fills + f * FILL_SIZE)
        if other.order_id == fill.order_id and is_child_fill(other) == is_child_fill(fill):
            is_same = (
                other.price == fill.price
                and other.reason == fill.reason
                and abs(other.quantity - fill.quantity) <= 1e-9 * fill.quantity
            )
            if is_same or not is_exact:
                return True
    return False


@step
def mark_ambiguous(state, i, s, begin, n_tried):
    """Mark the fills that another rule would have made otherwise; return F4's count.

    A position that only another rule closes, or an order that only another rule fills, counts
    once. A child of an entry that this rule never made counts with its order.
    """
    made_address = state.fills + begin * FILL_SIZE
    n_made = state.account.n_fills - begin
    count = 0
    for f in range(n_made):
        fill = fill_row(state, begin + f)
        for row in range(2):
            if not has_alike(tried_address(state, row), n_tried[row], fill, True):
                fill.ambiguous = True
        count += fill.ambiguous
    for row in range(2):
        for f in range(n_tried[row]):
            fill = tried_fill(state, row, f)
            if row == 1 and has_alike(tried_address(state, 0), n_tried[0], fill, False):
                continue
            if is_child_fill(fill):
                k = find_entry(state, s, fill.order_id)
                count += k >= 0 and entry_at(state, s, k).i_closed != i
            else:
                count += not has_alike(made_address, n_made, fill, False)
    return count
