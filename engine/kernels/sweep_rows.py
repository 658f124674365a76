"""Rows of numbers for a sweep, written where the walk reads them."""

from __future__ import annotations

import math
from typing import NamedTuple

from numba import njit

from engine.kernels.indicators import stride
from engine.kernels.sweep_words import glance
from engine.types import FloatArray, IntArray


class Averages(NamedTuple):
    """Moving averages that a walk computes tile by tile, and so never writes to memory at large.

    x : (n_series, n_bars) what is averaged, warm-up bars included
    first : the run's first bar in x
    tile : bars of a tile
    series, windows : (n,) of each average
    places : (n,) where the tile's first bar stands in the rows; the bar before it stands before
    """

    x: FloatArray
    first: int
    tile: int
    series: IntArray
    windows: IntArray
    places: IntArray


SUM, CENTRE = range(2)


@njit(cache=True, nogil=True)
def has_nan(row):
    """Return whether a NaN is among the values."""
    count = 0
    for value in row:
        count += math.isnan(value)
    return count > 0


@glance
def start_sum(x, n, t, state):
    """Begin a moving sum at bar t, as `indicators.sma` does every `stride(n)` bars."""
    centre = x[t]
    total = 0.0
    for j in range(t - n + 1, t):
        total += x[j] - centre
    state[SUM], state[CENTRE] = total, centre


@glance
def write_average(x, n, begin, stop, state, out, place):
    """Write a moving average at bars `begin` to `stop - 1`, to `out` from `place` on.

    The very sums of `indicators.sma`, which begin afresh at the same bars; a test compares the
    bits. The divisions come after the sums: so they are made eight at once.
    """
    t = begin
    while t < min(stop, n - 1):
        out[place + t - begin] = math.nan
        t += 1
    while t < stop:
        age = (t - (n - 1)) % stride(n)
        end = min(stop, t - age + stride(n))
        part = out[place + t - begin : place + end - begin]
        if age == 0:
            start_sum(x, n, t, state)
            part[0] = state[SUM]
        skipped = 1 if age == 0 else 0
        total, centre = state[SUM], state[CENTRE]
        new, old = x[t + skipped : end], x[t + skipped - n : end - n]
        for j in range(new.size):
            total += new[j] - old[j]
            part[j + skipped] = total
        state[SUM] = total
        divisor = float(n)
        for j in range(part.size):
            part[j] = centre + part[j] / divisor
        t = end


@glance
def begin_averages(averages, states, rows):
    """Bring every average to the bar before the run's first."""
    before = averages.first - 1
    for k in range(averages.windows.size):
        n, place = averages.windows[k], averages.places[k]
        rows[place - 1] = math.nan
        if before < n - 1:
            continue
        x = averages.x[averages.series[k]]
        t = before - (before - (n - 1)) % stride(n)
        start_sum(x, n, t, states[k])
        total = states[k, SUM]
        for j in range(t + 1, before + 1):
            total += x[j] - x[j - n]
        states[k, SUM] = total
        rows[place - 1] = states[k, CENTRE] + total / n


@glance
def write_averages(averages, states, begin, stop, rows):
    """Write every average at the run's bars `begin` to `stop - 1` to its place."""
    for k in range(averages.windows.size):
        place = averages.places[k]
        if begin > 0:
            # The last bar of the tile before, which was as long as any.
            rows[place - 1] = rows[place + averages.tile - 1]
        write_average(
            averages.x[averages.series[k]],
            averages.windows[k],
            averages.first + begin,
            averages.first + stop,
            states[k],
            rows,
            place,
        )
