"""Where two runs part: the checks compare many long arrays that are almost always equal."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def first_difference(ours, theirs, n_times, tolerance):
    """Return the first column below `n_times` in which two tables of numbers differ, or -1.

    Numbers within `tolerance`, relative to the larger one, are equal, and so are two NaN.
    """
    first = n_times
    for i_row in range(ours.shape[0]):
        for i in range(first):
            a, b = ours[i_row, i], theirs[i_row, i]
            if a == b or (np.isnan(a) and np.isnan(b)):
                continue
            if abs(a - b) <= tolerance * max(abs(a), abs(b)):
                continue
            first = i
            break
    return first if first < n_times else -1


@njit(cache=True, nogil=True)
def first_other_condition(ours, theirs, n_times):
    """Return the first column below `n_times` in which two tables of conditions differ, or -1."""
    first = n_times
    for i_row in range(ours.shape[0]):
        for i in range(first):
            if ours[i_row, i] != theirs[i_row, i]:
                first = i
                break
    return first if first < n_times else -1
