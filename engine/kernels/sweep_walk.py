"""The broker of a sweep: from one transition to the next, 64 bars at a glance.

Between two fills nothing of a position changes, so bars without a signal are not visited: the
words of the conditions say where the next one is, the extremes of a block whether a level may be
reached in it, and `sweep_curve` what the closes between did to the account.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from engine.kernels.broker_constants import BANKRUPT, BUY, END, MARGIN, NOT_DUE, SELL
from engine.kernels.broker_memory import inlined_step, step
from engine.kernels.sweep_broker import (
    Operands,
    due_at,
    enter,
    first_reached,
    leave,
    leave_at_open,
    may_be_reached,
    ruin,
)
from engine.kernels.sweep_curve import settle
from engine.kernels.sweep_words import WORD, evaluate_words, lowest_bit

ENTER_LONG, EXIT_LONG, ENTER_SHORT, EXIT_SHORT = range(4)
ALL_BITS = np.uint64(0xFFFFFFFFFFFFFFFF)
NOTHING = np.uint64(0)


@inlined_step
def bits_from(bar, base):
    """Return a word with the bits from `bar` on, of bars `base` to `base + 63`."""
    if bar <= base:
        return ALL_BITS
    return ALL_BITS << np.uint64(bar - base) if bar < base + WORD else NOTHING


@njit(cache=True, nogil=True, error_model="numpy")
def walk_points(
    begin, end, tile_words, tape, rules, entries, code, outputs, tables, points, sums, squares
):
    """Walk the points from `begin` on, before `end`, tile by tile, so that rows stay in the cache.

    tables : places and numbers of every point's operands, the first bar of each at which it may
        signal, the rows
    outputs : which of the words are enter and exit of longs, then of shorts
    """
    n_bars = tape.close.size
    n_words = (n_bars + WORD - 1) // WORD
    words = np.zeros((outputs.size + code.shape[0] + 1, tile_words), np.uint64)
    carries = np.zeros((end - begin, code.shape[0]), np.uint64)
    rows = tables.rows.ctypes.data
    for first_word in range(0, n_words, tile_words):
        n_tile = min(tile_words, n_words - first_word)
        for p in range(begin, end):
            point = points[p]
            if point.is_over or tables.firsts[p] >= (first_word + n_tile) * WORD:
                continue
            operands = Operands(tables.places[p], tables.numbers[p], tables.rows)
            evaluate_words(
                code,
                operands.places,
                operands.numbers,
                carries[p - begin],
                rows,
                first_word * WORD,
                n_tile,
                words,
            )
            for w in range(n_tile):
                base = (first_word + w) * WORD
                walk_word(
                    point,
                    tape,
                    rules,
                    entries,
                    operands,
                    sums[p],
                    squares[p],
                    base,
                    bits_from(tables.firsts[p], base),
                    words[outputs[ENTER_LONG], w],
                    words[outputs[EXIT_LONG], w],
                    words[outputs[ENTER_SHORT], w],
                    words[outputs[EXIT_SHORT], w],
                )
    for p in range(begin, end):
        finish(points[p], tape, rules, sums[p], squares[p])


@inlined_step
def walk_word(
    point,
    tape,
    rules,
    entries,
    operands,
    sums,
    squares,
    base,
    open_bits,
    enter_long,
    exit_long,
    enter_short,
    exit_short,
):
    """Make the fills that the signals of 64 bars lead to; `open_bits` are those still to see.

    Both entries at once make no order (precedence). While held, an entry of the other side flips.
    """
    last = tape.close.size - 1
    is_checked = False
    while not point.is_over:
        if point.quantity == 0.0:
            signals = (enter_long ^ enter_short) & open_bits
            if signals == NOTHING:
                return
            place = lowest_bit(signals)
            t = base + np.int64(place)
            if t >= last:
                return
            open_bits = bits_from(t + 1, base)
            settle(point, tape, sums, squares, t + 1)
            side = BUY if (enter_long >> place) & np.uint64(1) else SELL
            enter(point, tape, rules, entries, operands, side, t)
            end_without_equity(point, tape, rules, sums, squares, t + 1)
            is_checked = False
            continue
        is_long = point.quantity > 0.0
        signals = ((exit_long | enter_short) if is_long else (exit_short | enter_long)) & open_bits
        if not is_checked and (point.has_levels or point.is_watched):
            t = look(point, tape, rules, sums, squares, base, signals)
            if t >= 0:
                open_bits = bits_from(t, base)
                continue
            is_checked = signals == NOTHING
        if signals == NOTHING:
            return
        place = lowest_bit(signals)
        t = base + np.int64(place)
        if t >= last:
            return
        open_bits = bits_from(t + 1, base)
        settle(point, tape, sums, squares, t + 1)
        is_flip = (((enter_short if is_long else enter_long) >> place) & np.uint64(1)) != NOTHING
        if is_flip and due_at(point, tape.open[t + 1]) == NOT_DUE:
            enter(point, tape, rules, entries, operands, SELL if is_long else BUY, t)
        else:
            leave_at_open(point, tape, rules, t + 1)
            if is_flip:
                enter(point, tape, rules, entries, operands, SELL if is_long else BUY, t)
        end_without_equity(point, tape, rules, sums, squares, t + 1)
        is_checked = False


@step
def look(point, tape, rules, sums, squares, base, signals):
    """Follow prices up to the first signal of a word, or to its end.

    Returns the first bar whose signals count when the position ended on the way, else -1.
    """
    last = tape.close.size - 1
    stop = min(base + WORD, last + 1)
    if signals != NOTHING:
        stop = min(stop, base + np.int64(lowest_bit(signals)) + 1)
    if point.checked >= stop:
        return np.int64(-1)
    if not may_be_reached(point, tape, rules, base // WORD):
        point.checked = stop
        return np.int64(-1)
    t, reason, raw = first_reached(point, tape, rules, stop)
    point.checked = t
    if reason == NOT_DUE:
        return np.int64(-1)
    if reason == BANKRUPT:
        ruin(point, tape, rules, sums, squares, t)
        return t
    if reason == MARGIN:
        if t < last:
            settle(point, tape, sums, squares, t + 1)
            leave_at_open(point, tape, rules, t + 1)
            end_without_equity(point, tape, rules, sums, squares, t + 1)
        else:
            point.checked = last + 1
        return t + 1
    settle(point, tape, sums, squares, t)
    leave(point, tape, rules, reason, raw, t)
    end_without_equity(point, tape, rules, sums, squares, t)
    return t


@step
def end_without_equity(point, tape, rules, sums, squares, t):
    """End a point that an exit in bar t left without equity (F12)."""
    if point.quantity == 0.0 and point.cash <= 0.0:
        ruin(point, tape, rules, sums, squares, t)


@step
def finish(point, tape, rules, sums, squares):
    """Account for the bars up to the last one; there a position is closed if it shall be (F15)."""
    if point.is_over:
        return
    last = tape.close.size - 1
    if rules.is_finalized and point.quantity != 0.0:
        settle(point, tape, sums, squares, last)
        leave(point, tape, rules, END, tape.close[last], last)
    settle(point, tape, sums, squares, last + 1)
