"""The equity of a point between two fills: its drawdown and its returns, without writing it down.

`point` is a record of `POINT`. Worst is the lowest ratio of equity to its running peak so far.
"""

from __future__ import annotations

import numpy as np

from engine.kernels.broker_memory import inlined_step, step
from engine.kernels.sweep_tape import BLOCK, BLOCK_BITS, HIGHEST, LOWEST, WORST

POINT = np.dtype(
    [
        ("cash", "f8"),
        ("quantity", "f8"),
        ("since", "i8"),  # the first bar whose close is not yet accounted for
        ("peak", "f8"),
        ("worst", "f8"),
        ("before", "f8"),  # equity at the last period's end
        ("block", "i8"),  # the time block of the last return
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

NEGLIGIBLE = 1e-14
"""Cash below this share of a position is the rounding of its purchase."""


@step
def settle(point, tape, sums, squares, stop):
    """Account for the closes from `point.since` on, before bar `stop`, under one position."""
    begin = point.since
    if begin >= stop:
        return
    point.since = stop
    if point.quantity == 0.0:
        meet(point, point.cash)
        note_rest(point, tape, sums, squares, begin, stop)
    elif (
        point.quantity > 0.0 and abs(point.cash) <= NEGLIGIBLE * point.quantity * tape.close[begin]
    ):
        hold_all(point, tape, begin, stop)
        note_held(point, tape, sums, squares, begin, stop)
    else:
        follow(point, tape, sums, squares, begin, stop)


@inlined_step
def meet(point, equity):
    """Let the peak or the worst ratio meet an equity."""
    if equity > point.peak:
        point.peak = equity
    elif equity < point.worst * point.peak:
        point.worst = equity / point.peak


@inlined_step
def compose(point, summary):
    """Let the peak and the worst ratio meet a stretch of closes under everything in the symbol."""
    lowest = point.quantity * summary[LOWEST]
    if lowest < point.worst * point.peak:
        point.worst = lowest / point.peak
    if summary[WORST] < point.worst:
        point.worst = summary[WORST]
    highest = point.quantity * summary[HIGHEST]
    if highest > point.peak:
        point.peak = highest


@inlined_step
def hold_all(point, tape, begin, stop):
    """Follow the drawdown of a holding of everything: ends and whole blocks, not bars."""
    last = stop - 1
    first_block, last_block = np.uint64(begin) >> BLOCK_BITS, np.uint64(last) >> BLOCK_BITS
    if first_block == last_block:
        if begin & (BLOCK - 1) == 0:
            compose(point, tape.upto[last])
            return
        peak, worst, quantity = point.peak, point.worst, point.quantity
        for t in range(begin, stop):
            equity = quantity * tape.close[t]
            if equity > peak:
                peak = equity
            elif equity < worst * peak:
                worst = equity / peak
        point.peak, point.worst = peak, worst
        return
    compose(point, tape.onwards[begin])
    for k in range(first_block + np.uint64(1), last_block):
        compose(point, tape.blocks[k])
    compose(point, tape.upto[last])


@inlined_step
def note_return(point, sums, squares, edges, d, equity):
    """Add the return that ends with period d ≥ 1, and keep the equity."""
    r = equity / point.before - 1.0
    while edges[point.block + 1] < d:
        point.block += 1
    sums[point.block] += r
    squares[point.block] += r * r
    point.before = equity


@inlined_step
def note_rest(point, tape, sums, squares, begin, stop):
    """Add the returns of a stretch without a position: only its first can differ from zero."""
    d = max(tape.period[begin], 1)
    if d < tape.period[stop]:
        note_return(point, sums, squares, tape.edges, d, point.cash)


@inlined_step
def note_held(point, tape, sums, squares, begin, stop):
    """Add the returns of a holding of everything: after its first they are those of the close."""
    d, end = max(tape.period[begin], 1), tape.period[stop]
    if d >= end:
        return
    note_return(point, sums, squares, tape.edges, d, point.quantity * tape.close[tape.ends[d]])
    edges = tape.edges
    while d < end - 1:
        while edges[point.block + 1] <= d:
            point.block += 1
        upto = min(edges[point.block + 1], end - 1)
        sums[point.block] += tape.sums[upto] - tape.sums[d]
        squares[point.block] += tape.squares[upto] - tape.squares[d]
        d = upto
    point.before = point.cash + point.quantity * tape.close[tape.ends[end - 1]]


@step
def follow(point, tape, sums, squares, begin, stop):
    """Account bar by bar for a position beside cash, or a short one: equity = cash + q · close."""
    cash, quantity, peak, worst = point.cash, point.quantity, point.peak, point.worst
    d = max(tape.period[begin], 1)
    n_periods = tape.ends.size
    for t in range(begin, stop):
        equity = cash + quantity * tape.close[t]
        if equity > peak:
            peak = equity
        elif equity < worst * peak:
            worst = equity / peak
        if d < n_periods and tape.ends[d] == t:
            note_return(point, sums, squares, tape.edges, d, equity)
            d += 1
    point.peak, point.worst = peak, worst
