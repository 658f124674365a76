"""Ranges and directional movement: Wilder's kernels, by TA-Lib's conventions.

The contract of `engine.kernels.indicators` holds here too.
"""

from numba import njit

from engine.kernels.indicators import EPSILON, blank


@njit(cache=True, nogil=True)
def true_range_at(high, low, close, i):
    """Return the true range of bar i: its range, extended to the close before."""
    before = close[i - 1]
    return max(high[i] - low[i], abs(high[i] - before), abs(low[i] - before))


@njit(cache=True, nogil=True)
def tr(high, low, close, out):
    """Write the true range."""
    blank(out, 1)
    for i in range(1, close.size):
        out[i] = true_range_at(high, low, close, i)


@njit(cache=True, nogil=True)
def atr(high, low, close, n, out):
    """Write Wilder's average of the true range, seeded by the mean of the first n."""
    blank(out, n)
    if close.size <= n:
        return
    value = 0.0
    for i in range(1, n + 1):
        value += true_range_at(high, low, close, i)
    value /= n
    out[n] = value
    for i in range(n + 1, close.size):
        value = (value * (n - 1) + true_range_at(high, low, close, i)) / n
        out[i] = value


@njit(cache=True, nogil=True)
def natr(high, low, close, n, out):
    """Write the average true range in percent of the close."""
    atr(high, low, close, n, out)
    for i in range(n, close.size):
        out[i] = out[i] / close[i] * 100.0


@njit(cache=True, nogil=True)
def movement_at(high, low, i):
    """Return bar i's directional movement, up and down; at most one is not zero."""
    up = high[i] - high[i - 1]
    down = low[i - 1] - low[i]
    if down > 0.0 and up < down:
        return 0.0, down
    if up > 0.0 and up > down:
        return up, 0.0
    return 0.0, 0.0


@njit(cache=True, nogil=True)
def directional(high, low, close, n, plus, minus):
    """Write the directional indicators: Wilder's smoothed movement over the true range, × 100."""
    blank(plus, n)
    blank(minus, n)
    smooth_up = 0.0
    smooth_down = 0.0
    smooth_range = 0.0
    for i in range(1, close.size):
        up, down = movement_at(high, low, i)
        span = true_range_at(high, low, close, i)
        if i < n:
            # The seed is a sum of n − 1 bars.
            smooth_up += up
            smooth_down += down
            smooth_range += span
            continue
        smooth_up += up - smooth_up / n
        smooth_down += down - smooth_down / n
        smooth_range += span - smooth_range / n
        flat = smooth_range < EPSILON
        plus[i] = 0.0 if flat else 100.0 * (smooth_up / smooth_range)
        minus[i] = 0.0 if flat else 100.0 * (smooth_down / smooth_range)


@njit(cache=True, nogil=True)
def adx(high, low, close, n, plus, minus, out):
    """Write the directional indicators and Wilder's average of their relative difference.

    The average is seeded by the mean of n values, and stands still where nothing moved.
    """
    directional(high, low, close, n, plus, minus)
    blank(out, 2 * n - 1)
    value = 0.0
    for i in range(n, close.size):
        total = plus[i] + minus[i]
        strength = 100.0 * (abs(minus[i] - plus[i]) / total) if total >= EPSILON else 0.0
        if i < 2 * n:
            value += strength
            if i == 2 * n - 1:
                value /= n
                out[i] = value
        else:
            if total >= EPSILON:
                value = (value * (n - 1) + strength) / n
            out[i] = value


@njit(cache=True, nogil=True)
def sar(high, low, step, maximum, out):
    """Write Wilder's parabolic stop and reverse.

    The first direction is that of the first bars' larger movement; up when neither is larger.
    """
    blank(out, 1)
    if high.size < 2:
        return
    step = min(step, maximum)
    is_long = movement_at(high, low, 1)[1] == 0.0
    extreme = high[1] if is_long else low[1]
    value = low[0] if is_long else high[0]
    factor = step
    for i in range(1, high.size):
        # At bar 1 the bar before is bar 1 itself, as in TA-Lib.
        before = max(i - 1, 1)
        if is_long and low[i] <= value:
            is_long = False
            value = max(extreme, high[before], high[i])
            out[i] = value
            factor = step
            extreme = low[i]
            value = max(value + factor * (extreme - value), high[before], high[i])
        elif not is_long and high[i] >= value:
            is_long = True
            value = min(extreme, low[before], low[i])
            out[i] = value
            factor = step
            extreme = high[i]
            value = min(value + factor * (extreme - value), low[before], low[i])
        elif is_long:
            out[i] = value
            if high[i] > extreme:
                extreme = high[i]
                factor = min(factor + step, maximum)
            value = min(value + factor * (extreme - value), low[before], low[i])
        else:
            out[i] = value
            if low[i] < extreme:
                extreme = low[i]
                factor = min(factor + step, maximum)
            value = max(value + factor * (extreme - value), high[before], high[i])
