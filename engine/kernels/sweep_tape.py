"""What the points of a sweep share of the bars: computed once, so that a holding costs a few reads.

While everything is in the symbol, equity is quantity · close. So of a stretch of closes three
numbers say what it does to the account: its highest, its lowest, and its worst ratio of a close to
the highest one before it. They compose, and stand here for every block of 64 bars, for each block
up to each bar, and from each bar to its block's end: 48 bytes a bar.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from engine.types import FloatArray, IntArray

BLOCK_BITS = np.uint64(6)
BLOCK = 64
HIGHEST, LOWEST, WORST = range(3)


class SweepTape(NamedTuple):
    """The run's bars, and what follows from them; bars count from the run's first.

    open, high, low, close : shape (n_bars,)
    upto : (n_bars, 3) highest, lowest and worst ratio of the closes of a block up to each bar
    onwards : (n_bars, 3) the same from each bar to the end of its block
    blocks : (n_blocks, 3) the same of whole blocks
    lows, highs : (n_blocks,) the extremes of the blocks' bars
    ends : (n_periods,) the last bar of each period between whose ends returns are taken
    period : (n_bars + 1,) the first period that ends at or after each bar
    sums, squares : (n_periods,) Σ r and Σ r² of the close's first k returns over periods
    edges : (17,) the first return of each time block
    """

    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    upto: FloatArray
    onwards: FloatArray
    blocks: FloatArray
    lows: FloatArray
    highs: FloatArray
    ends: IntArray
    period: IntArray
    sums: FloatArray
    squares: FloatArray
    edges: IntArray


@njit(cache=True, nogil=True, error_model="numpy")
def summarise(close, upto, onwards, blocks):
    """Write the summaries of closes; `upto`, `onwards` and `blocks` as in `SweepTape`."""
    for begin in range(0, close.size, BLOCK):
        stop = min(begin + BLOCK, close.size)
        highest = lowest = close[begin]
        worst = 1.0
        for t in range(begin, stop):
            price = close[t]
            if price > highest:
                highest = price
            elif price < worst * highest:
                worst = price / highest
            if price < lowest:
                lowest = price
            upto[t, HIGHEST], upto[t, LOWEST], upto[t, WORST] = highest, lowest, worst
        block = blocks[begin >> 6]
        block[HIGHEST], block[LOWEST], block[WORST] = highest, lowest, worst
        highest = lowest = close[stop - 1]
        worst = 1.0
        for t in range(stop - 1, begin - 1, -1):
            price = close[t]
            if price < lowest:
                lowest = price
            elif lowest < worst * price:
                worst = lowest / price
            if price > highest:
                highest = price
            onwards[t, HIGHEST], onwards[t, LOWEST], onwards[t, WORST] = highest, lowest, worst


@njit(cache=True, nogil=True)
def bound_blocks(high, low, highs, lows):
    """Write the extremes of every block's bars."""
    for k in range(highs.size):
        begin = k * BLOCK
        stop = min(begin + BLOCK, high.size)
        highest, lowest = high[begin], low[begin]
        for t in range(begin + 1, stop):
            if high[t] > highest:
                highest = high[t]
            if low[t] < lowest:
                lowest = low[t]
        highs[k], lows[k] = highest, lowest


@njit(cache=True, nogil=True, error_model="numpy")
def add_returns(close, ends, period, sums, squares):
    """Write the sums of the close's returns over periods, and the period of each bar."""
    t = 0
    for d in range(ends.size):
        while t <= ends[d]:
            period[t] = d
            t += 1
    period[t] = ends.size
    total = squared = 0.0
    sums[0] = squares[0] = 0.0
    for d in range(1, ends.size):
        r = close[ends[d]] / close[ends[d - 1]] - 1.0
        total += r
        squared += r * r
        sums[d], squares[d] = total, squared
