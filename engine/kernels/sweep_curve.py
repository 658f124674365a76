"""The equity of a point between two fills: its drawdown and its returns, without writing it down.

`point` is a record of `POINT`. Worst is the lowest ratio of equity to its running peak so far.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from engine.kernels.sweep_tape import BLOCK, BLOCK_BITS, HIGHEST, LOWEST, WORST
from engine.kernels.sweep_words import extremes, glance

settling = njit(_nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True, error_model="numpy")

POINT = np.dtype(
    [
        ("cash", "f8"),
        ("quantity", "f8"),
        ("since", "i8"),  # the first bar whose close is not yet accounted for
        ("peak", "f8"),
        ("worst", "f8"),
        ("before", "f8"),  # equity at the last period's end
        ("n_actions", "i8"),  # how many of the splits and dividends are over
        ("n_trades", "i8"),
        ("n_returns", "i8"),
        ("checked", "i8"),  # the first bar whose prices may still reach a level
        ("stop", "f8"),  # NaN: none, as in the broker's books
        ("target", "f8"),
        ("trail", "f8"),
        ("trail_level", "f8"),
        ("extreme", "f8"),
        ("is_over", "?"),  # ruined
        ("is_watched", "?"),  # a margin call or ruin is possible: short, or with borrowed cash
        ("has_levels", "?"),
        ("is_fraction", "?"),  # the trail is one of the price
    ],
    align=True,
)

ONE = np.uint64(1)
NEGLIGIBLE = 1e-14
"""Cash below this share of a position is the rounding of its purchase."""


@settling
def settle(point, tape, sums, squares, stop):
    """Account for the closes from `point.since` on, before bar `stop`, and for actions up to it.

    What acts at a bar comes before its open (F2), and so before a fill that this makes way for.
    """
    while True:
        k = point.n_actions
        is_acting = k < tape.action_bars.size and tape.action_bars[k] <= stop
        account(point, tape, sums, squares, tape.action_bars[k] if is_acting else stop)
        if not is_acting:
            return
        point.n_actions += 1
        if point.quantity != 0.0:
            act(point, tape, k)


@settling
def act(point, tape, k):
    """Let a split, then a dividend change a position; fractions of shares become cash (F14)."""
    ratio = tape.splits[k]
    point.quantity *= ratio
    point.cash += point.quantity * tape.dividends[k]
    if ratio == 1.0 or not tape.has_whole_shares:
        return
    fraction = point.quantity - np.floor(point.quantity + 1e-9)
    if fraction > 1e-9:
        point.cash += fraction * tape.open[tape.action_bars[k]]
        point.quantity -= fraction
        point.n_trades += 1


@glance
def account(point, tape, sums, squares, stop):
    """Account for the closes from `point.since` on, before bar `stop`, under one position."""
    begin = point.since
    if begin >= stop:
        return
    point.since = stop
    if point.quantity == 0.0:
        meet(point, point.cash)
        note_rest(point, tape, sums, squares, begin, stop)
        return
    worth = point.quantity * tape.close[begin]
    is_all = point.quantity > 0.0 and abs(point.cash) <= NEGLIGIBLE * worth
    meet_closes(point, tape, begin, stop, is_all)
    if is_all:
        note_held(point, tape, sums, squares, begin, stop)
    else:
        note_each(point, tape, sums, squares, begin, stop)


@glance
def meet(point, equity):
    """Let the peak or the worst ratio meet an equity."""
    if equity > point.peak:
        point.peak = equity
    elif equity < point.worst * point.peak:
        point.worst = equity / point.peak


@glance
def meet_closes(point, tape, begin, stop, is_all):
    """Follow the drawdown of equity = cash + quantity · close over bars, block by block.

    A block's extremes say all, unless the worst ratio may lie between two of its own bars: then a
    whole block's summary is asked, or its bars. (A loop over the bars at both ends of a holding
    took as long as everything else together.)
    """
    cash, quantity, peak, worst = point.cash, point.quantity, point.peak, point.worst
    closes = tape.close.ctypes.data
    for k in range(np.uint64(begin) >> BLOCK_BITS, (np.uint64(stop - 1) >> BLOCK_BITS) + ONE):
        first = np.int64(k << BLOCK_BITS)
        is_whole = begin <= first and first + BLOCK <= stop
        highest, lowest = tape.blocks[k, HIGHEST], tape.blocks[k, LOWEST]
        at_highest, at_lowest = cash + quantity * highest, cash + quantity * lowest
        if quantity < 0.0:
            at_highest, at_lowest = at_lowest, at_highest
        # Most blocks cannot move anything, whichever of their bars are held.
        if at_highest <= peak and at_lowest >= worst * peak:
            continue
        if not is_whole:
            left, right = max(begin - first, 0), min(stop - first, BLOCK)
            highest, lowest = extremes(closes + 8 * first, left, right)
        top, bottom = cash + quantity * highest, cash + quantity * lowest
        if quantity < 0.0:
            top, bottom = bottom, top
        if bottom < worst * peak:
            worst = bottom / peak
        if bottom < worst * top:
            if is_whole and is_all:
                if tape.blocks[k, WORST] < worst:
                    worst = tape.blocks[k, WORST]
            else:
                worst = worst_within(
                    tape, cash, quantity, max(begin, first), min(stop, first + BLOCK), worst
                )
        if top > peak:
            peak = top
    point.peak, point.worst = peak, worst


@settling
def worst_within(tape, cash, quantity, begin, stop, worst):
    """Return the worst ratio of equity to its highest before among bars, or `worst` if lower."""
    peak = cash + quantity * tape.close[begin]
    for t in range(begin + 1, stop):
        equity = cash + quantity * tape.close[t]
        if equity > peak:
            peak = equity
        elif equity < worst * peak:
            worst = equity / peak
    return worst


@glance
def note_return(point, tape, sums, squares, d, equity):
    """Add the return that ends with period d ≥ 1, and keep the equity."""
    r = equity / point.before - 1.0
    block = np.uint64(tape.time_block[np.uint64(d)])
    sums[block] += r
    squares[block] += r * r
    point.before = equity


@glance
def note_rest(point, tape, sums, squares, begin, stop):
    """Add the returns of a stretch without a position: only its first can differ from zero."""
    d = max(tape.period[np.uint64(begin)], 1)
    if d < tape.period[np.uint64(stop)]:
        note_return(point, tape, sums, squares, d, point.cash)


@glance
def close_at(tape, d):
    """Return the close at the end of a period."""
    return tape.close[np.uint64(tape.ends[np.uint64(d)])]


@glance
def note_held(point, tape, sums, squares, begin, stop):
    """Add the returns of a holding of everything: after its first they are those of the close."""
    d, end = max(tape.period[np.uint64(begin)], 1), tape.period[np.uint64(stop)]
    if d >= end:
        return
    last = end - 1
    r = point.quantity * close_at(tape, d) / point.before - 1.0
    block, final = tape.time_block[np.uint64(d)], tape.time_block[np.uint64(last)]
    upto = min(tape.edges[np.uint64(block + 1)], last)
    note_closes(tape, sums, squares, block, d, upto, r)
    while block < final:
        block += 1
        d, upto = upto, min(tape.edges[np.uint64(block + 1)], last)
        note_closes(tape, sums, squares, block, d, upto, 0.0)
    point.before = point.cash + point.quantity * close_at(tape, last)


@glance
def note_closes(tape, sums, squares, block, d, upto, r):
    """Add to a time block return r and those of the close after period d up to period `upto`.

    Together: an addition to memory waits for the one before it.
    """
    i, j, k = np.uint64(block), np.uint64(d), np.uint64(upto)
    sums[i] += r + (tape.sums[k] - tape.sums[j])
    squares[i] += r * r + (tape.squares[k] - tape.squares[j])


@glance
def note_each(point, tape, sums, squares, begin, stop):
    """Add the returns of a position beside cash, or of a short one, period by period."""
    for d in range(max(tape.period[begin], 1), tape.period[stop]):
        equity = point.cash + point.quantity * tape.close[tape.ends[d]]
        note_return(point, tape, sums, squares, d, equity)
