"""What the points of a sweep share of the bars, computed once: a holding then costs a few reads."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from engine.kernels.sweep_words import extremes
from engine.types import FloatArray, IntArray

BLOCK_BITS = np.uint64(6)
BLOCK = 64
HIGHEST, LOWEST, WORST = range(3)


class SweepTape(NamedTuple):
    """The run's bars, and what follows from them; bars count from the run's first.

    open, high, low, close : shape (n_bars,)
    blocks : (n_blocks, 3) of every 64 bars the highest and lowest close, and the worst ratio of a
        close to the highest one before it
    lows, highs : (n_blocks,) the extremes of the blocks' bars
    ends : (n_periods,) the last bar of each period between whose ends returns are taken
    period : (n_bars + 1,) the first period that ends at or after each bar
    sums, squares : (n_periods,) Σ r and Σ r² of the close's first k returns over periods
    edges : (17,) the first return of each time block
    time_block : (n_periods,) the time block of the return that ends with each period
    action_bars, splits, dividends : (n_actions,) where shares change or pay, the ratio of new to
        old ones (1.0: none), and what each of the new ones pays
    has_whole_shares : whether fractions that a split leaves are turned into cash
    """

    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    blocks: FloatArray
    lows: FloatArray
    highs: FloatArray
    ends: IntArray
    period: IntArray
    sums: FloatArray
    squares: FloatArray
    edges: IntArray
    time_block: IntArray
    action_bars: IntArray
    splits: FloatArray
    dividends: FloatArray
    has_whole_shares: bool


@njit(cache=True, nogil=True, error_model="numpy")
def summarise(high, low, close, blocks, highs, lows):
    """Write what `SweepTape` keeps of every block of bars.

    Summaries from every bar to both ends of its block were tried too: 48 bytes a bar more, and
    slower, since few holdings move the peak or the worst ratio: their bars are read then.
    A division a bar costs less than asking whether it is needed: less than half in all.
    """
    for k in range(highs.size):
        begin = k * BLOCK
        stop = min(begin + BLOCK, close.size)
        highest = lowest = close[begin]
        worst = 1.0
        for t in range(begin, stop):
            price = close[t]
            highest = price if price > highest else highest
            ratio = price / highest
            worst = ratio if ratio < worst else worst
            if price < lowest:
                lowest = price
        blocks[k, HIGHEST], blocks[k, LOWEST], blocks[k, WORST] = highest, lowest, worst
        if stop - begin == BLOCK:
            top, _ = extremes(high.ctypes.data + 8 * begin, 0, BLOCK)
            _, bottom = extremes(low.ctypes.data + 8 * begin, 0, BLOCK)
        else:
            # A vector would reach beyond the last bar.
            top, bottom = high[begin:stop].max(), low[begin:stop].min()
        highs[k], lows[k] = top, bottom


@njit(cache=True, nogil=True, error_model="numpy")
def add_returns(close, ends, edges, time_block, period, sums, squares):
    """Write the sums of the close's returns over periods, their blocks, and each bar's period."""
    t = block = 0
    for d in range(ends.size):
        while t <= ends[d]:
            period[t] = d
            t += 1
    period[t] = ends.size
    total = squared = 0.0
    sums[0] = squares[0] = 0.0
    time_block[0] = 0
    for d in range(1, ends.size):
        while edges[block + 1] < d:
            block += 1
        time_block[d] = block
        r = close[ends[d]] / close[ends[d - 1]] - 1.0
        total += r
        squared += r * r
        sums[d], squares[d] = total, squared
