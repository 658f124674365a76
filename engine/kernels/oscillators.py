"""Oscillators: kernels that say how far a price has gone, by TA-Lib's conventions.

The contract of `engine.kernels.indicators` holds here too: finite arrays in, `out` last and
written whole, NaN before the first valid index. Kernels with several outputs let them start
together.
"""

import numpy as np
from numba import njit

from engine.kernels.indicators import EPSILON, blank, ema_from, extreme, sma, stride

ROUNDING = 2.0**-52


@njit(cache=True, nogil=True)
def rsi(x, n, out):
    """Write Wilder's relative strength index, seeded by the means of the first n changes."""
    blank(out, n)
    if x.size <= n:
        return
    gain = 0.0
    loss = 0.0
    for i in range(1, n + 1):
        change = x[i] - x[i - 1]
        if change > 0.0:
            gain += change
        else:
            loss -= change
    gain /= n
    loss /= n
    for i in range(n, x.size):
        if i > n:
            change = x[i] - x[i - 1]
            gain *= n - 1
            loss *= n - 1
            if change > 0.0:
                gain += change
            else:
                loss -= change
            gain /= n
            loss /= n
        total = gain + loss
        out[i] = 100.0 * (gain / total) if total >= EPSILON else 0.0


@njit(cache=True, nogil=True)
def macd(x, fast, slow, signal, line, signal_line, histogram):
    """Write the difference of two exponential averages, its own average, and their difference.

    Both averages start at bar slow − 1, the fast one seeded by the mean of the last `fast` values
    up to there. Windows given in the other order are exchanged.
    """
    if fast > slow:
        fast, slow = slow, fast
    start = slow - 1
    first = start + signal - 1
    ema_from(x, slow - fast, fast, line)
    ema_from(x, 0, slow, histogram)
    for i in range(start, x.size):
        line[i] -= histogram[i]
    ema_from(line, start, signal, signal_line)
    blank(line, first)
    blank(histogram, first)
    for i in range(first, x.size):
        histogram[i] = line[i] - signal_line[i]


@njit(cache=True, nogil=True)
def fast_stochastic(high, low, close, n, out):
    """Write where the close lies between the extremes of n bars, 0 to 100; 0 without a range."""
    top = np.empty(close.size)
    extreme(high, n, 1.0, top)
    extreme(low, n, -1.0, out)
    for i in range(n - 1, close.size):
        span = (top[i] - out[i]) / 100.0
        out[i] = (close[i] - out[i]) / span if span != 0.0 else 0.0


@njit(cache=True, nogil=True)
def stochf(high, low, close, n, d, k_line, d_line):
    """Write the fast stochastic and its mean over d bars."""
    fast_stochastic(high, low, close, n, k_line)
    sma(k_line[n - 1 :], d, d_line[n - 1 :])
    first = n + d - 2
    blank(k_line, first)
    blank(d_line, first)


@njit(cache=True, nogil=True)
def stoch(high, low, close, n, k, d, k_line, d_line):
    """Write the slow stochastic: the fast one averaged over k bars, and that over d bars."""
    fast = np.empty(close.size)
    fast_stochastic(high, low, close, n, fast)
    start = n + k - 2
    sma(fast[n - 1 :], k, k_line[n - 1 :])
    sma(k_line[start:], d, d_line[start:])
    blank(k_line, start + d - 1)
    blank(d_line, start + d - 1)


@njit(cache=True, nogil=True)
def willr(high, low, close, n, out):
    """Write Williams' %R: how far the close lies below the highest high, −100 to 0."""
    top = np.empty(close.size)
    extreme(high, n, 1.0, top)
    extreme(low, n, -1.0, out)
    for i in range(n - 1, close.size):
        span = (top[i] - out[i]) / -100.0
        out[i] = (top[i] - close[i]) / span if span != 0.0 else 0.0


@njit(cache=True, nogil=True)
def cci(high, low, close, n, out):
    """Write the typical price's deviation from its mean over 0.015 mean absolute deviations.

    A deviation within the rounding of the mean is none.
    """
    blank(out, n - 1)
    typical = np.empty(close.size)
    for i in range(close.size):
        typical[i] = (high[i] + low[i] + close[i]) / 3.0
    for i in range(n - 1, close.size):
        mean = 0.0
        for j in range(i - n + 1, i + 1):
            mean += typical[j]
        mean /= n
        spread = 0.0
        for j in range(i - n + 1, i + 1):
            spread += abs(typical[j] - mean)
        deviation = typical[i] - mean
        flat = abs(deviation) <= ROUNDING * n * mean or spread == 0.0
        out[i] = 0.0 if flat else deviation / (0.015 * (spread / n))


@njit(cache=True, nogil=True)
def mfi(high, low, close, volume, n, out):
    """Write the money flow index: the share of money traded at rising typical prices, in percent.

    A change of the typical price below 1e-14 is none; without money traded it is 0.
    """
    blank(out, n)
    flow = np.empty(close.size)
    for i in range(close.size):
        typical = (high[i] + low[i] + close[i]) / 3.0
        flow[i] = 0.0
        if i > 0:
            change = typical - (high[i - 1] + low[i - 1] + close[i - 1]) / 3.0
            if change > EPSILON:
                flow[i] = typical * volume[i]
            elif change < -EPSILON:
                flow[i] = -(typical * volume[i])
    rising = 0.0
    falling = 0.0
    most = 0.0
    refresh = n
    for i in range(n, close.size):
        if i == refresh:
            rising = 0.0
            falling = 0.0
            most = 0.0
            for j in range(i - n + 1, i + 1):
                rising += max(flow[j], 0.0)
                falling += max(-flow[j], 0.0)
            refresh = i + stride(n)
        else:
            rising += max(flow[i], 0.0) - max(flow[i - n], 0.0)
            falling += max(-flow[i], 0.0) - max(-flow[i - n], 0.0)
        total = rising + falling
        most = max(most, total)
        # What is left of larger sums by rounding is nothing.
        out[i] = 100.0 * (rising / total) if total > 1e-12 * most else 0.0


@njit(cache=True, nogil=True)
def obv(close, volume, out):
    """Write the volume of rising bars less that of falling ones, added up from the first bar."""
    total = 0.0
    for i in range(close.size):
        if i == 0 or close[i] > close[i - 1]:
            total += volume[i]
        elif close[i] < close[i - 1]:
            total -= volume[i]
        out[i] = total


@njit(cache=True, nogil=True)
def ultosc(high, low, close, a, b, c, out):
    """Write Williams' ultimate oscillator; the shortest window weighs 4, then 2, then 1."""
    longest = max(a, b, c)
    blank(out, longest)
    shortest = min(a, b, c)
    middle = a + b + c - longest - shortest
    pressure = np.zeros(close.size)
    span = np.zeros(close.size)
    for i in range(1, close.size):
        floor = min(low[i], close[i - 1])
        pressure[i] = close[i] - floor
        span[i] = max(high[i], close[i - 1]) - floor
    for i in range(longest, close.size):
        out[i] = 0.0
    for n, weight in ((shortest, 4.0), (middle, 2.0), (longest, 1.0)):
        bought = 0.0
        ranged = 0.0
        refresh = longest
        for i in range(longest, close.size):
            if i == refresh:
                bought = 0.0
                ranged = 0.0
                for j in range(i - n + 1, i + 1):
                    bought += pressure[j]
                    ranged += span[j]
                refresh = i + stride(n)
            else:
                bought += pressure[i] - pressure[i - n]
                ranged += span[i] - span[i - n]
            if ranged >= EPSILON:
                out[i] += weight * (bought / ranged)
    for i in range(longest, close.size):
        out[i] = 100.0 * (out[i] / 7.0)


@njit(cache=True, nogil=True)
def aroon(high, low, n, up, down):
    """Write how recent the highest high and the lowest low of n + 1 bars are, 100 to 0."""
    blank(up, n)
    blank(down, n)
    top = 0
    bottom = 0
    for i in range(high.size):
        if top < i - n:
            top = i - n
            for j in range(i - n + 1, i):
                if high[j] >= high[top]:
                    top = j
        if bottom < i - n:
            bottom = i - n
            for j in range(i - n + 1, i):
                if low[j] <= low[bottom]:
                    bottom = j
        # Of equal extremes the latest counts.
        if high[i] >= high[top]:
            top = i
        if low[i] <= low[bottom]:
            bottom = i
        if i >= n:
            up[i] = 100.0 * (n - (i - top)) / n
            down[i] = 100.0 * (n - (i - bottom)) / n
