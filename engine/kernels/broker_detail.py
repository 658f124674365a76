"""Step (d) of a symbol: its bar by the path rule, or bar by bar through finer ones (F4)."""

from __future__ import annotations

from engine.kernels.broker_constants import INSIDE, NOT_DUE
from engine.kernels.broker_fills import exit_at, exit_entry, fill_entry
from engine.kernels.broker_inside import match_inside
from engine.kernels.broker_memory import book_at, entry_at, fine_at, span_at, step, working_at
from engine.kernels.broker_phases import is_satisfied, trigger_at_open


@step
def match_bar(state, i, s, t):
    """Run step (d) of one symbol; what it freed is not for the symbols behind it (F7)."""
    book = book_at(state, s)
    count = 0
    if state.spans != 0:
        count = span_at(state, s, t).count
    if count == 0:
        match_inside(state, i, s)
    elif book.n_working > 0 or book.n_entries > 0:
        match_detail(state, i, s, span_at(state, s, t).begin, count)
    state.account.freed += book.freed


@step
def match_detail(state, i, s, begin, count):
    """Follow the finer bars: at each one's open what it satisfies, then its inside by the rule."""
    book = book_at(state, s)
    open_, high, low, close = book.open, book.high, book.low, book.close
    for k in range(count):
        fine = fine_at(state, begin + k)
        book.open, book.high, book.low, book.close = fine.open, fine.high, fine.low, fine.close
        # What enters at a finer open is held since that open, as is what entered before it.
        book.fine = 2 * k + 1
        match_fine_open(state, i, s)
        book.fine = 2 * k + 2
        match_inside(state, i, s)
    book.open, book.high, book.low, book.close = open_, high, low, close
    book.fine = 0


@step
def match_fine_open(state, i, s):
    """Fill at the open of a finer bar what is satisfied there: exits, then entries, by number."""
    book = book_at(state, s)
    trigger_at_open(state, s)
    number = -1
    while True:
        k = next_child(state, s, number)
        if k < 0:
            break
        entry = entry_at(state, s, k)
        number = entry.order_id
        exit_entry(state, i, s, k, book.open, exit_at(entry, book.open), INSIDE)
    number = -1
    while True:
        w = next_entry_order(state, s, number)
        if w < 0:
            break
        number = working_at(state, s, w).order_id
        fill_entry(state, i, s, w, book.open, INSIDE)


@step
def next_child(state, s, after):
    """Return the first open entry behind number `after` that the open is beyond, or -1."""
    book = book_at(state, s)
    for k in range(book.n_entries):
        entry = entry_at(state, s, k)
        if entry.order_id > after and exit_at(entry, book.open) != NOT_DUE:
            return k
    return -1


@step
def next_entry_order(state, s, after):
    """Return the first working entry behind number `after` that the open satisfies, or -1."""
    book = book_at(state, s)
    for w in range(book.n_working):
        order = working_at(state, s, w)
        if order.order_id > after and not order.is_exit and is_satisfied(order, book.open):
            return w
    return -1
