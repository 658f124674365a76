"""The broker of a sweep: from one transition to the next, 64 bars at a glance.

Between two fills nothing of a position changes, so bars without a signal are not visited: the
words of the conditions say where the next one is, the extremes of a block whether a level may be
reached in it, and `sweep_curve` what the closes between did to the account.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from engine.kernels.broker_constants import BANKRUPT, BUY, END, MARGIN, NOT_DUE, SELL
from engine.kernels.broker_memory import step
from engine.kernels.sweep_broker import (
    due_at,
    enter,
    first_reached,
    leave,
    may_be_reached,
    ruin,
    touched,
)
from engine.kernels.sweep_curve import settle
from engine.kernels.sweep_plain import AT_ONCE, list_fills, note_end, walk_fills, write_extremes
from engine.kernels.sweep_rows import begin_averages, write_averages, write_keys
from engine.kernels.sweep_words import (
    ALL_BITS,
    CROSS,
    NOTHING,
    ONE,
    WORD,
    Operands,
    at_least,
    at_most,
    bits_from,
    evaluate_words,
    glance,
    highest_bit,
    lowest_bit,
)
from engine.types import FloatArray, IntArray

ENTER_LONG, EXIT_LONG, ENTER_SHORT, EXIT_SHORT = range(4)
NOBODY = np.int64(0)


class Steps(NamedTuple):
    """What is asked of the rows at every bar; see `evaluate_words`.

    outputs : (4,) which of the words are enter and exit of longs, then of shorts
    n_compared : how many operands, the first ones, the steps read
    is_watching : whether a position may end without a signal
    is_plain : whether all points are plain, see `sweep_plain`
    """

    code: IntArray
    moves: IntArray
    outputs: IntArray
    n_compared: int
    is_watching: bool
    is_plain: bool


class Tables(NamedTuple):
    """What differs from point to point.

    places, numbers : (n_points, n_operands) see `evaluate_words`
    firsts : (n_points,) the first bar at which each may signal
    rows : all rows, those of the averages tile by tile
    """

    places: IntArray
    numbers: FloatArray
    firsts: IntArray
    rows: FloatArray


@glance
def are_compared_alike(tables, n_compared, p, q):
    """Return whether two points have the same words: they may differ in levels and sizes.

    A sweep of stops and targets asks the same conditions for twenty-five points in a row.
    """
    for k in range(n_compared):
        if tables.places[p, k] != tables.places[q, k]:
            return False
        if tables.numbers[p, k] != tables.numbers[q, k]:
            return False
    return True


@glance
def crosses_averages(program):
    """Return whether a step asks for a cross of two averages that are written tile by tile."""
    for k in range(program.code.shape[0]):
        i, j = program.code[k, 1], program.code[k, 2]
        if program.code[k, 0] == CROSS and not (program.moves[i] or program.moves[j]):
            return True
    return False


@njit(cache=True, nogil=True, error_model="numpy")
def walk_points(tape, rules, entries, program, averages, tables, points, sums, squares):
    """Walk all points, tile by tile, so that the rows of a tile stay in the cache."""
    n_bars = tape.close.size
    n_words = (n_bars + WORD - 1) // WORD
    tile_words = averages.tile // WORD
    words = np.zeros((2 * program.code.shape[0] + 2, tile_words), np.uint64)
    carries = np.zeros((points.size, program.code.shape[0], 2), np.uint64)
    states = np.zeros((averages.windows.size, 2))
    spread = np.empty((2, WORD))
    has_keys = crosses_averages(program)
    keys = np.empty(averages.places[-1] + averages.tile + WORD if has_keys else 0, np.uint16)
    n_levels = highest_bit(np.uint64(averages.tile)) + ONE if program.is_plain else NOTHING
    extremes = np.empty((n_levels, 2 * averages.tile))
    fills = np.empty(averages.tile + AT_ONCE, np.int64)
    buy = rules.buy_factor * (1.0 + rules.taker_rate)
    sell = rules.sell_factor * (1.0 - rules.taker_rate)
    last = n_bars - 1
    outputs = program.outputs
    begin_averages(averages, states, tables.rows)
    for first_word in range(0, n_words, tile_words):
        begin = first_word * WORD
        n_tile = min(tile_words, n_words - first_word)
        stop = min(begin + averages.tile, n_bars)
        write_averages(averages, states, begin, stop, tables.rows)
        if has_keys:
            write_keys(averages, begin, stop, tables.rows, keys)
        if program.is_plain:
            write_extremes(tape.close, begin, stop, extremes)
        evaluated = -1
        for p in range(points.size):
            point = points[p]
            if point.is_over or tables.firsts[p] > begin + averages.tile:
                continue
            operands = Operands(tables.places[p], tables.numbers[p], tables.rows, keys)
            if evaluated >= 0 and are_compared_alike(tables, program.n_compared, evaluated, p):
                carries[p] = carries[evaluated]
            else:
                evaluate_words(
                    program.code, program.moves, operands, carries[p], spread, begin, n_tile, words
                )
                evaluated = p
            enter_long, exit_long = words[outputs[ENTER_LONG]], words[outputs[EXIT_LONG]]
            if program.is_plain:
                n_fills = list_fills(
                    enter_long,
                    exit_long,
                    n_tile,
                    begin,
                    tables.firsts[p],
                    point.quantity > 0.0,
                    last,
                    fills,
                )
                walk_fills(
                    point,
                    tape,
                    extremes,
                    buy,
                    sell,
                    sums[p],
                    squares[p],
                    begin,
                    stop,
                    fills,
                    n_fills,
                )
                continue
            enter_short, exit_short = words[outputs[ENTER_SHORT]], words[outputs[EXIT_SHORT]]
            asked = ALL_BITS
            if not program.is_watching:
                asked = NOTHING
                for w in range(n_tile):
                    word = enter_long[w] | exit_long[w] | enter_short[w] | exit_short[w]
                    asked |= np.uint64(word != NOTHING) << np.uint64(w)
            asked &= ALL_BITS >> np.uint64(WORD - n_tile)
            while asked != NOTHING:
                w = lowest_bit(asked)
                asked &= asked - ONE
                if point.quantity == 0.0 and enter_long[w] | enter_short[w] == NOTHING:
                    continue
                base = begin + np.int64(w) * WORD
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
                    enter_long[w],
                    exit_long[w],
                    enter_short[w],
                    exit_short[w],
                )
    for p in range(points.size):
        if program.is_plain:
            note_end(points[p], tape, sums[p], squares[p])
        else:
            finish(points[p], tape, rules, sums[p], squares[p])


@glance
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
    Everything is settled and filled in one place of the loop: in several it took LLVM four times
    as long to compile, and the processor longer to run.
    """
    last = tape.close.size - 1
    while not point.is_over:
        is_long, is_held = point.quantity > 0.0, point.quantity != 0.0
        signals = enter_long ^ enter_short
        if is_held:
            signals = exit_long | enter_short if is_long else exit_short | enter_long
        signals &= open_bits
        place = lowest_bit(signals) if signals != NOTHING else np.uint64(WORD)
        t, reason, raw = last, NOT_DUE, 0.0
        if is_held and (point.has_levels or point.is_watched):
            stop = min(base + np.int64(place) + 1, base + WORD, last + 1)
            t, reason, raw = look(point, tape, rules, base, stop)
        side, bar = NOBODY, t
        if reason == NOT_DUE:
            t = base + np.int64(place)
            if signals == NOTHING or t >= last:
                return
            bar = t + 1
            raw = tape.open[bar]
            buys, sells = (enter_long >> place) & ONE, (enter_short >> place) & ONE
            if is_held:
                buys, sells = (NOTHING, sells) if is_long else (buys, NOTHING)
            side = BUY if buys else (SELL if sells else NOBODY)
            reason = due_at(point, raw) if is_held else NOT_DUE
            is_leaving = is_held and (side == NOBODY or reason != NOT_DUE)
        elif reason == MARGIN:
            if t == last:
                return
            bar = t + 1
            raw = tape.open[bar]
            reason = due_at(point, raw)
            is_leaving = True
        else:
            is_leaving = True
        # The signals of the bar of a fill at its open, or inside it, come after.
        open_bits = bits_from(bar, base)
        settle(point, tape, sums, squares, bar)
        if is_leaving:
            leave(point, tape, rules, reason, raw, bar)
        if side != NOBODY:
            enter(point, tape, rules, entries, operands, side, bar - 1)
        if reason == BANKRUPT or (point.quantity == 0.0 and point.cash <= 0.0):
            ruin(point, tape, sums, squares, bar)


@step
def look(point, tape, rules, base, stop):
    """Follow prices of a word from the first bar that was not yet, before bar `stop`.

    Returns (bar, reason, raw price) of what ends the position on the way, `NOT_DUE` without.
    """
    if point.checked >= stop:
        return stop, NOT_DUE, 0.0
    if not may_be_reached(point, tape, rules, base // WORD):
        point.checked = stop
        return stop, NOT_DUE, 0.0
    if point.is_watched or not math.isnan(point.trail) or base + WORD > tape.close.size:
        t, reason, raw = first_reached(point, tape, rules, stop)
    else:
        t, reason, raw = first_touched(point, tape, rules, base, stop)
    # After the last bar no margin call is answered.
    point.checked = t + 1 if reason == MARGIN else t
    return t, reason, raw


@step
def first_touched(point, tape, rules, base, stop):
    """Return what `first_reached` does of a stop and a target, all 64 bars asked at once."""
    low, high = tape.low.ctypes.data + 8 * base, tape.high.ctypes.data + 8 * base
    if point.quantity > 0.0:
        bits = at_most(low, point.stop) | at_least(high, point.target)
    else:
        bits = at_least(high, point.stop) | at_most(low, point.target)
    bits &= bits_from(point.checked, base)
    while bits != NOTHING:
        t = base + np.int64(lowest_bit(bits))
        if t >= stop:
            break
        # A target may have to be passed by some ticks.
        reason, raw = touched(point, tape, rules, t)
        if reason != NOT_DUE:
            return t, reason, raw
        bits &= bits - ONE
    return stop, NOT_DUE, 0.0


@step
def finish(point, tape, rules, sums, squares):
    """Account for the bars up to the last one; there a position is closed if it shall be (F15)."""
    if point.is_over:
        return
    last = tape.close.size - 1
    for stop in (last, last + 1):
        settle(point, tape, sums, squares, stop)
        if stop == last and rules.is_finalized and point.quantity != 0.0:
            leave(point, tape, rules, END, tape.close[last], last)
