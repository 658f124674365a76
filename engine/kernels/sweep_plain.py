"""The walk of plain points: long or flat, all cash in, prices and a fee that are factors.

What `sweep_broker` and `sweep_curve` do, with everything left out that such points have not:
equity is the cash or quantity · close, so a fill is one multiplication or division. Where a
position changes follows from the signals alone, and so from a few operations on words of them;
the walk then goes from fill to fill. What it asks in between is nearly always answered alike: a
branch that the processor cannot foresee would cost as much as the rest of a trade.
"""

from __future__ import annotations

import numpy as np

from engine.kernels.broker_sizes import LEAST_WORTH
from engine.kernels.sweep_curve import note_held, note_rest, settling
from engine.kernels.sweep_words import (
    ALL_BITS,
    LAST,
    NOTHING,
    ONE,
    WORD,
    bits_from,
    count_bits,
    glance,
    highest_bit,
    lowest_bit,
)

AT_ONCE = 2
"""Fills of a word that are written without asking whether there are so many."""

CHUNK_LEVEL = 4
CHUNK = 1 << CHUNK_LEVEL
"""Bars that are skipped together in search of a drawdown within a holding."""

ROUNDING = 1.0 - 4e-16
"""What is at least so much of a bound may be rounded to it."""


@glance
def list_fills(enters, exits, n_words, base, first, is_held, last, fills):
    """Write at which bars the signals of words from bar `base` on lead to fills; return how many.

    Entries and exits take turns. A fill is at the open after its signal: none after the last bar.

    first : the first bar that may signal
    fills : room for a bar of each signal, and for `AT_ONCE` more
    """
    n = 0
    held = np.uint64(is_held)
    for w in range(n_words):
        begin = base + WORD * w
        enter, leave = enters[w], exits[w]
        if first > begin:
            enter, leave = enter & bits_from(first, begin), leave & bits_from(first, begin)
        changes, held = changes_of(enter, leave, held)
        n_changes = count_bits(changes)
        for i in range(AT_ONCE):
            fills[n + i] = begin + 1 + np.int64(lowest_bit(changes))
            changes &= changes - ONE
        for i in range(AT_ONCE, n_changes):
            fills[n + i] = begin + 1 + np.int64(lowest_bit(changes))
            changes &= changes - ONE
        n += n_changes
    while n > 0 and fills[n - 1] > last:
        n -= 1
    return n


@glance
def changes_of(enter, leave, held):
    """Return where the signals of 64 bars change a position, and whether there is one after them.

    An addition carries a position from its entry up to its exit. Where one bar signals both it
    depends on the position which of them counts: those words are followed signal by signal.

    held : 1 when there is a position before, else 0
    """
    if enter & leave == NOTHING:
        before = ~leave ^ enter ^ (~leave + enter + held)
        after = enter | (before & ~leave)
        return after ^ before, after >> LAST
    changes, left = NOTHING, ALL_BITS
    while True:
        signals = (leave if held else enter) & left
        if signals == NOTHING:
            return changes, held
        place = lowest_bit(signals)
        changes |= ONE << place
        left = (ALL_BITS << place) << ONE
        held ^= ONE


@glance
def write_extremes(close, begin, stop, extremes):
    """Write the highest close and the lowest one, negative, of 2^k bars from each of a tile's on.

    extremes : (n_levels, 2 · bars of a tile), of each k a row
    """
    n = stop - begin
    for t in range(n):
        extremes[0, 2 * t], extremes[0, 2 * t + 1] = close[begin + t], -close[begin + t]
    for k in range(1, highest_bit(np.uint64(n)) + ONE):
        half = 1 << (k - 1)
        out = extremes[k, : 2 * (n - 2 * half + 1)]
        left, right = extremes[k - 1, : out.size], extremes[k - 1, 2 * half : 2 * half + out.size]
        for t in range(out.size):
            out[t] = left[t] if left[t] > right[t] else right[t]


@glance
def extremes_between(extremes, begin, stop):
    """Return the highest and the lowest close of a tile's bars: of two stretches that overlap."""
    k = highest_bit(np.uint64(stop - begin))
    row = extremes[k]
    i, j = 2 * np.uint64(begin), 2 * (np.uint64(stop) - (ONE << k))
    highest = row[i] if row[i] > row[j] else row[j]
    lowest = row[i + ONE] if row[i + ONE] > row[j + ONE] else row[j + ONE]
    return highest, -lowest


@glance
def walk_fills(point, tape, extremes, buy, sell, sums, squares, base, stop, fills, n):
    """Make the fills of a plain point in a tile of bars `base` to `stop - 1`.

    buy, sell : what an open is multiplied by when it is bought, and when it is sold
    """
    k = 0
    cash, quantity, peak, worst = point.cash, point.quantity, point.peak, point.worst
    while True:
        if quantity == 0.0:
            if k == n:
                break
            bar = fills[np.uint64(k)]
            note_rest(point, tape, sums, squares, point.since, bar)
            if not cash > LEAST_WORTH:
                break
            point.since = bar
            quantity = cash / (tape.open[np.uint64(bar)] * buy)
            cash = 0.0
            point.quantity, point.cash = quantity, cash
            k += 1
        is_left = k < n
        bar = fills[np.uint64(k)] if is_left else stop
        peak, worst = meet_tile(
            tape, extremes, quantity, peak, worst, base, max(point.since, base), bar
        )
        if not is_left:
            break
        note_held(point, tape, sums, squares, point.since, bar)
        point.since = bar
        cash = quantity * (tape.open[np.uint64(bar)] * sell)
        quantity = 0.0
        point.quantity, point.cash = quantity, cash
        point.n_trades += 1
        k += 1
        ratio = cash / peak
        worst = ratio if ratio < worst else worst
        peak = cash if cash > peak else peak
    point.peak, point.worst = peak, worst


@glance
def note_end(point, tape, sums, squares):
    """Add the returns of a plain point after its last fill."""
    if point.quantity == 0.0:
        note_rest(point, tape, sums, squares, point.since, tape.close.size)
    else:
        note_held(point, tape, sums, squares, point.since, tape.close.size)


@glance
def meet_tile(tape, extremes, quantity, peak, worst, base, begin, stop):
    """Follow the drawdown of a holding over bars of a tile that begins at bar `base`.

    Returns the peak and the worst ratio of equity to its highest before. That is the least of
    three: of its least to the peak so far, of what was found so far, and of two equities of the
    holding itself; to the last bit, so that it does not matter where a tile ends.
    """
    if stop <= begin:
        return peak, worst
    highest, lowest = extremes_between(extremes, begin - base, stop - base)
    top, bottom = quantity * highest, quantity * lowest
    ratio = bottom / peak
    worst = ratio if ratio < worst else worst
    if bottom * ROUNDING < worst * top:
        worst = worst_of_holding(tape, extremes, quantity, base, begin, stop, worst)
    return top if top > peak else peak, worst


@settling
def worst_of_holding(tape, extremes, quantity, base, begin, stop, worst):
    """Return the worst ratio of equity to its highest before within a holding, `worst` if lower."""
    peak = quantity * tape.close[begin]
    for left in range(begin, stop, CHUNK):
        right = min(left + CHUNK, stop)
        highest, lowest = extremes_between(extremes, left - base, right - base)
        top = max(peak, quantity * highest)
        if quantity * lowest * ROUNDING < worst * top:
            for t in range(left, right):
                equity = quantity * tape.close[t]
                peak = equity if equity > peak else peak
                worst = min(worst, equity / peak)
        peak = top
    return worst
