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
def sum_at(x, n, t, state):
    """Move a sum to bar t, where it may begin afresh, and return the average."""
    if (t - (n - 1)) % stride(n) == 0:
        start_sum(x, n, t, state)
    else:
        state[SUM] += x[t] - x[t - n]
    return state[CENTRE] + state[SUM] / float(n)


@glance
def bars_left(n, t):
    """Return how many bars from t on there are before a moving sum begins afresh; 0: at t."""
    age = (t - (n - 1)) % stride(n)
    return 0 if age == 0 else stride(n) - age


@glance
def write_two_averages(averages, k, states, begin, stop, rows):
    """Write averages k and k + 1 at bars `begin` to `stop - 1` of x, both valid there.

    The same as `write_average` twice, in two thirds of the time: a sum waits for each addition,
    and here neither waits for the other's.
    """
    x, x_other = averages.x[averages.series[k]], averages.x[averages.series[k + 1]]
    n, n_other = averages.windows[k], averages.windows[k + 1]
    place, place_other = averages.places[k], averages.places[k + 1]
    state, other = states[k], states[k + 1]
    t = begin
    while t < stop:
        end = min(stop, t + min(bars_left(n, t), bars_left(n_other, t)))
        if end == t:
            rows[place + t - begin] = sum_at(x, n, t, state)
            rows[place_other + t - begin] = sum_at(x_other, n_other, t, other)
            t += 1
            continue
        part = rows[place + t - begin : place + end - begin]
        part_other = rows[place_other + t - begin : place_other + end - begin]
        new, old = x[t:end], x[t - n : end - n]
        new_other, old_other = x_other[t:end], x_other[t - n_other : end - n_other]
        total, total_other = state[SUM], other[SUM]
        for j in range(new.size):
            total += new[j] - old[j]
            total_other += new_other[j] - old_other[j]
            part[j] = total
            part_other[j] = total_other
        state[SUM], other[SUM] = total, total_other
        divisor, divisor_other = float(n), float(n_other)
        for j in range(part.size):
            part[j] = state[CENTRE] + part[j] / divisor
        for j in range(part_other.size):
            part_other[j] = other[CENTRE] + part_other[j] / divisor_other
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
    n_averages, first = averages.windows.size, averages.first + begin
    if begin > 0:
        for k in range(n_averages):
            # The last bar of the tile before, which was as long as any.
            place = averages.places[k]
            rows[place - 1] = rows[place + averages.tile - 1]
    k = 0
    while k < n_averages:
        n = averages.windows[k]
        if k + 1 < n_averages and first >= max(n, averages.windows[k + 1]) - 1:
            write_two_averages(averages, k, states, first, averages.first + stop, rows)
            k += 2
            continue
        x, place = averages.x[averages.series[k]], averages.places[k]
        write_average(x, n, first, averages.first + stop, states[k], rows, place)
        k += 1
