"""The walk of plain points: long or flat, all cash in, prices and a fee that are factors.

What `sweep_broker` and `sweep_curve` do, with everything left out that such points have not:
equity is the cash or quantity · close, so a fill is one multiplication or division. A trade takes
half of what it takes there. (With the account in variables instead of its record, and with only
the lowest close asked for where no block reaches the peak, it took as long.)
"""

from __future__ import annotations

import numpy as np

from engine.kernels.broker_sizes import LEAST_WORTH
from engine.kernels.sweep_curve import meet_closes, note_held, note_rest
from engine.kernels.sweep_words import ONE, WORD, glance, lowest_bit

ALL_BITS = np.uint64(0xFFFFFFFFFFFFFFFF)
NOTHING = np.uint64(0)


@glance
def words_with_bits(words, n_words):
    """Return a bit for each of up to 64 words, set where the word has one."""
    found = NOTHING
    for w in range(n_words):
        found |= np.uint64(words[w] != NOTHING) << np.uint64(w)
    return found


@glance
def walk_plain(point, tape, rules, sums, squares, base, first, n_words, enters, exits):
    """Make the fills of a plain point at the signals of a tile that begins at bar `base`.

    first : the first bar that may signal
    """
    last = tape.close.size - 1
    buy = rules.buy_factor * (1.0 + rules.taker_rate)
    sell = rules.sell_factor * (1.0 - rules.taker_rate)
    has_enter, has_exit = words_with_bits(enters, n_words), words_with_bits(exits, n_words)
    w = np.uint64(max(first - base, 0)) // np.uint64(WORD)
    if w >= np.uint64(n_words):
        return
    open_bits = ALL_BITS << (np.uint64(max(first - base, 0)) % np.uint64(WORD))
    while True:
        is_held = point.quantity > 0.0
        signals = (exits[w] if is_held else enters[w]) & open_bits
        if signals == NOTHING:
            later = (has_exit if is_held else has_enter) & ((ALL_BITS << w) << ONE)
            if later == NOTHING:
                return
            w = lowest_bit(later)
            signals = exits[w] if is_held else enters[w]
        place = lowest_bit(signals)
        bar = base + np.int64(w * np.uint64(WORD) + place) + 1
        if bar > last:
            return
        # The signals of the bar of a fill at its open come after it.
        open_bits = (ALL_BITS << place) << ONE
        begin = point.since
        point.since = bar
        if is_held:
            meet_closes(point, tape, begin, bar, True)
            note_held(point, tape, sums, squares, begin, bar)
            point.cash = point.quantity * (tape.open[bar] * sell)
            point.quantity = 0.0
            point.n_trades += 1
            continue
        if point.cash < point.worst * point.peak:
            point.worst = point.cash / point.peak
        elif point.cash > point.peak:
            point.peak = point.cash
        note_rest(point, tape, sums, squares, begin, bar)
        if point.cash > LEAST_WORTH:
            point.quantity = point.cash / (tape.open[bar] * buy)
            point.cash = 0.0
