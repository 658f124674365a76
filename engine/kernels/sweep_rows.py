"""Rows of numbers for a sweep, written where the walk reads them."""

from __future__ import annotations

import math

from numba import njit

from engine.kernels.indicators import sma


@njit(cache=True, nogil=True)
def write_averages(x, windows, places, rows):
    """Write the moving average of x over each window from its place in `rows` on."""
    for k in range(windows.size):
        sma(x, windows[k], rows[places[k] : places[k] + x.size])


@njit(cache=True, nogil=True)
def has_nan(row):
    """Return whether a NaN is among the values."""
    count = 0
    for value in row:
        count += math.isnan(value)
    return count > 0
