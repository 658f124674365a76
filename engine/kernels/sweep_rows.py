"""Rows of numbers for a sweep, written where the walk reads them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from engine.kernels.indicators import stride
from engine.kernels.sweep_words import WORD, extremes, fused, glance
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
MOST_KEY = 65_535.0


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
        divide(part, n, centre)
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
def divide(part, n, centre):
    """Turn sums into averages: `centre` + sum / n, to the last bit.

    A product with 1/n is next to the quotient, and what it leaves, which is exact, corrects it: the
    divisor is a whole number, so no quotient lies so near to the middle of two float64 that this
    could go wrong. It takes half of a division's time.
    """
    divisor = float(n)
    inverse = 1.0 / divisor
    for j in range(part.size):
        near = part[j] * inverse
        part[j] = centre + fused(fused(-divisor, near, part[j]), inverse, near)


@glance
def write_four_averages(averages, k, states, begin, stop, rows):
    """Write averages k to k + 3 at bars `begin` to `stop - 1` of x, all valid there.

    The same as `write_average` four times, in half of the time: a sum waits for each addition, and
    here none waits for the others'.
    """
    series, windows, places = averages.series, averages.windows, averages.places
    t = begin
    while t < stop:
        end = stop
        for i in range(k, k + 4):
            end = min(end, t + bars_left(windows[i], t))
        if end == t:
            for i in range(k, k + 4):
                x = averages.x[series[i]]
                rows[places[i] + t - begin] = sum_at(x, windows[i], t, states[i])
            t += 1
            continue
        new, old, part = stretch(averages, k, t, end, begin, rows)
        new_1, old_1, part_1 = stretch(averages, k + 1, t, end, begin, rows)
        new_2, old_2, part_2 = stretch(averages, k + 2, t, end, begin, rows)
        new_3, old_3, part_3 = stretch(averages, k + 3, t, end, begin, rows)
        total, total_1 = states[k, SUM], states[k + 1, SUM]
        total_2, total_3 = states[k + 2, SUM], states[k + 3, SUM]
        for j in range(end - t):
            total += new[j] - old[j]
            total_1 += new_1[j] - old_1[j]
            total_2 += new_2[j] - old_2[j]
            total_3 += new_3[j] - old_3[j]
            part[j], part_1[j], part_2[j], part_3[j] = total, total_1, total_2, total_3
        states[k, SUM], states[k + 1, SUM] = total, total_1
        states[k + 2, SUM], states[k + 3, SUM] = total_2, total_3
        divide(part, windows[k], states[k, CENTRE])
        divide(part_1, windows[k + 1], states[k + 1, CENTRE])
        divide(part_2, windows[k + 2], states[k + 2, CENTRE])
        divide(part_3, windows[k + 3], states[k + 3, CENTRE])
        t = end


@glance
def stretch(averages, k, t, end, begin, rows):
    """Return what enters and leaves an average's sums at bars `t` to `end - 1`, and its row."""
    x, n, place = averages.x[averages.series[k]], averages.windows[k], averages.places[k]
    return x[t:end], x[t - n : end - n], rows[place + t - begin : place + end - begin]


@glance
def longest_window(averages, begin, stop):
    """Return the longest window of averages `begin` to `stop - 1`."""
    longest = np.int64(1)
    for k in range(begin, stop):
        longest = max(longest, averages.windows[k])
    return longest


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
        if k + 3 < n_averages and first >= longest_window(averages, k, k + 4) - 1:
            write_four_averages(averages, k, states, first, averages.first + stop, rows)
            k += 4
            continue
        x, place = averages.x[averages.series[k]], averages.places[k]
        write_average(x, averages.windows[k], first, averages.first + stop, states[k], rows, place)
        k += 1


@glance
def write_keys(averages, begin, stop, rows, keys):
    """Write a key of sixteen bits for every average at the run's bars `begin` to `stop - 1`.

    A greater key is of a greater number: a product, a sum and rounding keep the order. Equal keys
    say nothing. Thirty-two of them are compared at once, of numbers eight.
    """
    least, most = series_range(averages, begin, stop)
    scale = MOST_KEY / (most - least) if most > least else 0.0
    shift = -least * scale
    for k in range(averages.windows.size):
        place = averages.places[k]
        values, out = rows[place : place + stop - begin], keys[place : place + stop - begin]
        for t in range(values.size):
            key = fused(values[t], scale, shift)
            # NaN, of bars that nothing is asked of, becomes 0.
            key = key if key > 0.0 else 0.0
            key = key if key < MOST_KEY else MOST_KEY
            out[t] = np.uint16(np.int32(key))


@glance
def series_range(averages, begin, stop):
    """Return the least and the greatest number that averages at these bars are made of."""
    before, end = averages.first + begin, averages.first + stop
    start = max(before - longest_window(averages, 0, averages.windows.size) + 1, 0)
    most, least = -math.inf, math.inf
    for i in range(averages.x.shape[0]):
        x = averages.x[i]
        if end < WORD:
            # A vector would reach beyond the last bar.
            for value in x[start:end]:
                most, least = max(most, value), min(least, value)
            continue
        for t in range(start, end, WORD):
            top, bottom = extremes(x[min(t, end - WORD) :].ctypes.data, 0, WORD)
            most, least = max(most, top), min(least, bottom)
    return least, most
