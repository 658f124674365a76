"""Averages and windows: kernels that follow one series.

Every kernel takes finite float64 arrays, its windows and factors, and `out` last; it writes every
element of `out`, NaN before the first valid index. A series shorter than that gives NaN only.
Conventions are those of TA-Lib. Moving sums start afresh every `stride(n)` bars, so that their
error does not grow with the length of the series; the restarts are counted from the start, so a
longer series never changes an earlier value.
"""

import math

import numpy as np
from numba import njit

EPSILON = 1e-14
"""Below this TA-Lib takes a divisor for zero."""


@njit(cache=True, nogil=True)
def blank(out, stop):
    """Write NaN into the first `stop` elements, or into all of a shorter array."""
    for i in range(min(stop, out.size)):
        out[i] = np.nan


@njit(cache=True, nogil=True)
def stride(n):
    """Return after how many bars a moving sum over `n` starts afresh: at most twice the work."""
    return max(n, 1024)


@njit(cache=True, nogil=True)
def sma(x, n, out):
    """Write the mean of the last n values."""
    blank(out, n - 1)
    i = n - 1
    while i < x.size:
        # Centred: the sum of a constant's deviations is exactly zero, and so is its error.
        centre = x[i]
        total = 0.0
        for j in range(i - n + 1, i):
            total += x[j] - centre
        out[i] = centre + total / n
        stop = min(i + stride(n), x.size)
        for j in range(i + 1, stop):
            total += x[j] - x[j - n]
            out[j] = centre + total / n
        i = stop


@njit(cache=True, nogil=True)
def moving_sum(x, n, out):
    """Write the sum of the last n values."""
    blank(out, n - 1)
    i = n - 1
    while i < x.size:
        total = 0.0
        for j in range(i - n + 1, i + 1):
            total += x[j]
        out[i] = total
        stop = min(i + stride(n), x.size)
        for j in range(i + 1, stop):
            total += x[j] - x[j - n]
            out[j] = total
        i = stop


@njit(cache=True, nogil=True)
def ema_from(x, first, n, out):
    """Write the exponential average of x[first:], seeded by the mean of its first n values."""
    seed = first + n - 1
    blank(out, seed)
    if seed >= x.size:
        return
    total = 0.0
    for i in range(first, seed + 1):
        total += x[i]
    value = total / n
    out[seed] = value
    factor = 2.0 / (n + 1.0)
    for i in range(seed + 1, x.size):
        value += (x[i] - value) * factor
        out[i] = value


@njit(cache=True, nogil=True)
def ema(x, n, out):
    """Write the exponential average with factor 2 / (n + 1), seeded by the first mean."""
    ema_from(x, 0, n, out)


@njit(cache=True, nogil=True)
def dema(x, n, out):
    """Write 2·e1 − e2, e1 the exponential average and e2 that of e1."""
    first = np.empty(x.size)
    ema_from(x, 0, n, first)
    ema_from(first, n - 1, n, out)
    for i in range(2 * (n - 1), x.size):
        out[i] = 2.0 * first[i] - out[i]


@njit(cache=True, nogil=True)
def tema(x, n, out):
    """Write 3·e1 − 3·e2 + e3, each the exponential average of the one before."""
    first = np.empty(x.size)
    second = np.empty(x.size)
    ema_from(x, 0, n, first)
    ema_from(first, n - 1, n, second)
    ema_from(second, 2 * (n - 1), n, out)
    for i in range(3 * (n - 1), x.size):
        out[i] = 3.0 * first[i] - 3.0 * second[i] + out[i]


@njit(cache=True, nogil=True)
def trix(x, n, out):
    """Write the change, in percent, of a threefold exponential average over one bar."""
    once = np.empty(x.size)
    twice = np.empty(x.size)
    ema_from(x, 0, n, once)
    ema_from(once, n - 1, n, twice)
    ema_from(twice, 2 * (n - 1), n, once)
    first = 3 * (n - 1) + 1
    blank(out, first)
    for i in range(first, x.size):
        out[i] = (once[i] / once[i - 1] - 1.0) * 100.0 if once[i - 1] != 0.0 else 0.0


@njit(cache=True, nogil=True)
def kama(x, n, out):
    """Write Kaufman's adaptive average: fast (2) in a trend, slow (30) in noise."""
    blank(out, n)
    if x.size <= n:
        return
    slowest = 2.0 / 31.0
    fastest = 2.0 / 3.0
    value = x[n - 1]
    path = 0.0
    refresh = n
    for i in range(n, x.size):
        if i == refresh:
            path = 0.0
            for j in range(i - n + 1, i + 1):
                path += abs(x[j] - x[j - 1])
            refresh = i + stride(n)
        else:
            path += abs(x[i] - x[i - 1]) - abs(x[i - n] - x[i - n - 1])
        change = x[i] - x[i - n]
        # As TA-Lib: a path no longer than the signed change is perfectly efficient.
        efficiency = 1.0 if path <= change or path < EPSILON else abs(change / path)
        factor = (efficiency * (fastest - slowest) + slowest) ** 2
        value += (x[i] - value) * factor
        out[i] = value


@njit(cache=True, nogil=True)
def weighted_sums(x, i, n):
    """Return Σ x and Σ age·x over the n values up to i; the newest has age 0."""
    total = 0.0
    aged = 0.0
    for age in range(n):
        total += x[i - age]
        aged += age * x[i - age]
    return total, aged


@njit(cache=True, nogil=True)
def wma(x, n, out):
    """Write the average with weights n, n − 1, …, 1 from the newest value back."""
    blank(out, n - 1)
    weights = n * (n + 1) / 2.0
    total = 0.0
    aged = 0.0
    refresh = n - 1
    for i in range(n - 1, x.size):
        if i == refresh:
            total, aged = weighted_sums(x, i, n)
            refresh = i + stride(n)
        else:
            aged += total - n * x[i - n]
            total += x[i] - x[i - n]
        out[i] = (n * total - aged) / weights


@njit(cache=True, nogil=True)
def linreg(x, n, out):
    """Write the value at the newest bar of the least-squares line through the last n values."""
    blank(out, n - 1)
    sum_age = n * (n - 1) / 2.0
    divisor = n * (n * (n - 1) * (2 * n - 1) / 6.0) - sum_age * sum_age
    total = 0.0
    aged = 0.0
    centre = 0.0
    refresh = n - 1
    for i in range(n - 1, x.size):
        if i == refresh:
            centre = x[i]
            total, aged = weighted_sums(x, i, n)
            total -= n * centre
            aged -= sum_age * centre
            refresh = i + stride(n)
        else:
            oldest = x[i - n] - centre
            aged += total - n * oldest
            total += x[i] - x[i - n]
        # The fall per bar of age; age 0 is the newest bar, so the intercept is the answer.
        slope = (n * aged - sum_age * total) / divisor
        out[i] = centre + (total - slope * sum_age) / n


@njit(cache=True, nogil=True)
def var(x, n, out):
    """Write the population variance of the last n values; exactly zero when they are equal."""
    blank(out, n - 1)
    centre = 0.0
    total = 0.0
    squares = 0.0
    n_equal = 1
    for i in range(1, min(n - 1, x.size)):
        n_equal = n_equal + 1 if x[i] == x[i - 1] else 1
    refresh = n - 1
    for i in range(n - 1, x.size):
        if i > 0:
            n_equal = n_equal + 1 if x[i] == x[i - 1] else 1
        if i == refresh:
            centre = x[i]
            total = 0.0
            squares = 0.0
            for j in range(i - n + 1, i + 1):
                total += x[j] - centre
                squares += (x[j] - centre) * (x[j] - centre)
            refresh = i + stride(n)
        else:
            new = x[i] - centre
            old = x[i - n] - centre
            total += new - old
            squares += new * new - old * old
        mean = total / n
        spread = squares / n - mean * mean
        out[i] = 0.0 if n_equal >= n or spread < 0.0 else spread


@njit(cache=True, nogil=True)
def stddev(x, n, out):
    """Write the population standard deviation of the last n values."""
    var(x, n, out)
    for i in range(n - 1, x.size):
        out[i] = math.sqrt(out[i])


@njit(cache=True, nogil=True)
def zscore(x, n, out):
    """Write (x − mean) / standard deviation over the last n values; NaN when they are equal."""
    mean = np.empty(x.size)
    sma(x, n, mean)
    stddev(x, n, out)
    for i in range(n - 1, x.size):
        out[i] = (x[i] - mean[i]) / out[i] if out[i] > 0.0 else np.nan


@njit(cache=True, nogil=True)
def band(x, n, width, out):
    """Write mean + width · standard deviation over the last n values."""
    mean = np.empty(x.size)
    sma(x, n, mean)
    stddev(x, n, out)
    for i in range(n - 1, x.size):
        out[i] = mean[i] + width * out[i]


@njit(cache=True, nogil=True)
def middle_band(x, n, width, out):
    """Write the mean of the last n values, whatever the width."""
    sma(x, n, out)


@njit(cache=True, nogil=True)
def lower_band(x, n, width, out):
    """Write mean − width · standard deviation over the last n values."""
    band(x, n, -width, out)


@njit(cache=True, nogil=True)
def extreme(x, n, sign, out):
    """Write the largest (sign 1.0) or smallest (−1.0) of the last n values.

    In blocks of n (van Herk 1992): a window is the end of one block and the start of the next.
    A queue of candidates took five times as long (20 bars, a random walk).
    """
    blank(out, n - 1)
    ends = np.empty(x.size)
    for start in range(0, x.size, n):
        stop = min(start + n, x.size)
        best = x[start]
        for i in range(start, stop):
            if sign * x[i] > sign * best:
                best = x[i]
            if i >= n - 1:
                out[i] = best
                if i < start + n - 1 and sign * ends[i - n + 1] > sign * best:
                    out[i] = ends[i - n + 1]
        best = x[stop - 1]
        for i in range(stop - 1, start - 1, -1):
            if sign * x[i] > sign * best:
                best = x[i]
            ends[i] = best


@njit(cache=True, nogil=True)
def highest(x, n, out):
    """Write the largest of the last n values, the current one included."""
    extreme(x, n, 1.0, out)


@njit(cache=True, nogil=True)
def lowest(x, n, out):
    """Write the smallest of the last n values, the current one included."""
    extreme(x, n, -1.0, out)


@njit(cache=True, nogil=True)
def mom(x, n, out):
    """Write the change over n bars."""
    blank(out, n)
    for i in range(n, x.size):
        out[i] = x[i] - x[i - n]


@njit(cache=True, nogil=True)
def roc(x, n, out):
    """Write the change over n bars in percent; 0 where the earlier value is 0."""
    blank(out, n)
    for i in range(n, x.size):
        out[i] = (x[i] / x[i - n] - 1.0) * 100.0 if x[i - n] != 0.0 else 0.0
