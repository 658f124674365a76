"""What is asked of every bar before anything else, in one reading of them."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def are_usable(time, open_, high, low, close, volume, smallest, largest):
    """Return whether times increase, prices are in range and in order, and volumes are finite.

    Every array is float64 but `time`; a NaN anywhere makes it False.
    """
    is_bad = not time.size
    for i in range(1, time.size):
        is_bad |= time[i] <= time[i - 1]
    for i in range(time.size):
        top = open_[i] if open_[i] > close[i] else close[i]
        bottom = open_[i] if open_[i] < close[i] else close[i]
        is_bad |= not bottom >= smallest
        is_bad |= not top <= largest
        # A NaN of the open does not reach its extremes.
        is_bad |= open_[i] != open_[i]
        is_bad |= not (low[i] <= bottom)
        is_bad |= not (high[i] >= top)
        is_bad |= not (low[i] >= smallest)
        is_bad |= not (high[i] <= largest)
        is_bad |= not (volume[i] >= 0.0)
        is_bad |= not (volume[i] < np.inf)
    return not is_bad


@njit(cache=True, nogil=True)
def count_short_steps(time, bound):
    """Return how many bars follow the one before after less than `bound` ms."""
    count = 0
    for i in range(1, time.size):
        count += time[i] - time[i - 1] < bound
    return count
