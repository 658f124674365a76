"""Every function of the formula language once more, in plain Python from its definition.

Each takes lists of floats and its constants and returns a list, NaN before the first valid index.
Nothing is updated from bar to bar unless the definition itself is recursive.
"""

from __future__ import annotations

import math
from itertools import pairwise

NAN = math.nan
Floats = list[float]


def windowed(x: Floats, n: int, value) -> Floats:
    return [value(x[i - n + 1 : i + 1]) if i >= n - 1 else NAN for i in range(len(x))]


def mean(w: Floats) -> float:
    return math.fsum(w) / len(w)


def sma(x: Floats, n: int) -> Floats:
    return windowed(x, n, mean)


def total(x: Floats, n: int) -> Floats:
    return windowed(x, n, math.fsum)


def highest(x: Floats, n: int) -> Floats:
    return windowed(x, n, max)


def lowest(x: Floats, n: int) -> Floats:
    return windowed(x, n, min)


def wma(x: Floats, n: int) -> Floats:
    weights = range(1, n + 1)
    return windowed(
        x, n, lambda w: math.fsum(a * b for a, b in zip(weights, w, strict=True)) / sum(weights)
    )


def var(x: Floats, n: int) -> Floats:
    return windowed(x, n, lambda w: mean([(v - mean(w)) ** 2 for v in w]))


def stddev(x: Floats, n: int) -> Floats:
    return [math.sqrt(v) for v in var(x, n)]


def zscore(x: Floats, n: int) -> Floats:
    def value(w: Floats) -> float:
        spread = math.sqrt(mean([(v - mean(w)) ** 2 for v in w]))
        return NAN if min(w) == max(w) else (w[-1] - mean(w)) / spread

    return windowed(x, n, value)


def linreg(x: Floats, n: int) -> Floats:
    def at_end(w: Floats) -> float:
        middle = (n - 1) / 2
        covariance = math.fsum((k - middle) * (v - mean(w)) for k, v in enumerate(w))
        slope = covariance / math.fsum((k - middle) ** 2 for k in range(n))
        return mean(w) + slope * (n - 1 - middle)

    return windowed(x, n, at_end)


def ema(x: Floats, n: int) -> Floats:
    """Seeded by the mean of the first n values that are not NaN."""
    out = [NAN] * len(x)
    first = next((i for i, v in enumerate(x) if not math.isnan(v)), len(x))
    for i in range(first + n - 1, len(x)):
        if i == first + n - 1:
            out[i] = mean(x[first : i + 1])
        else:
            out[i] = out[i - 1] + 2 / (n + 1) * (x[i] - out[i - 1])
    return out


def dema(x: Floats, n: int) -> Floats:
    e1 = ema(x, n)
    return [2 * a - b for a, b in zip(e1, ema(e1, n), strict=True)]


def tema(x: Floats, n: int) -> Floats:
    e1 = ema(x, n)
    e2 = ema(e1, n)
    return [3 * a - 3 * b + c for a, b, c in zip(e1, e2, ema(e2, n), strict=True)]


def trix(x: Floats, n: int) -> Floats:
    e3 = ema(ema(ema(x, n), n), n)
    return [NAN, *(100 * (b / a - 1) for a, b in pairwise(e3))][: len(x)]


def kama(x: Floats, n: int) -> Floats:
    out = [NAN] * len(x)
    value = x[n - 1] if len(x) >= n else NAN
    for i in range(n, len(x)):
        path = math.fsum(abs(x[j] - x[j - 1]) for j in range(i - n + 1, i + 1))
        change = x[i] - x[i - n]
        efficiency = 1.0 if path <= change or path < 1e-14 else abs(change) / path
        factor = (efficiency * (2 / 3 - 2 / 31) + 2 / 31) ** 2
        value += factor * (x[i] - value)
        out[i] = value
    return out


def mom(x: Floats, n: int) -> Floats:
    return [x[i] - x[i - n] if i >= n else NAN for i in range(len(x))]


def roc(x: Floats, n: int) -> Floats:
    return [
        NAN if i < n else 0.0 if x[i - n] == 0 else 100 * (x[i] / x[i - n] - 1)
        for i in range(len(x))
    ]


def wilder(x: Floats, first: int, n: int) -> Floats:
    """Seeded by the mean of x[first : first + n]."""
    out = [NAN] * len(x)
    for i in range(first + n - 1, len(x)):
        if i == first + n - 1:
            out[i] = mean(x[first : i + 1])
        else:
            out[i] = (out[i - 1] * (n - 1) + x[i]) / n
    return out


def rsi(x: Floats, n: int) -> Floats:
    change = [0.0, *(b - a for a, b in pairwise(x))]
    up = wilder([max(c, 0.0) for c in change], 1, n)
    down = wilder([max(-c, 0.0) for c in change], 1, n)
    return [
        u + d if math.isnan(u) else 100 * u / (u + d) if u + d >= 1e-14 else 0.0
        for u, d in zip(up, down, strict=True)
    ][: len(x)]


def macd_lines(x: Floats, fast: int, slow: int, signal: int) -> tuple[Floats, Floats, Floats]:
    fast, slow = min(fast, slow), max(fast, slow)
    quick = ema([NAN] * (slow - fast) + x[slow - fast :], fast)[: len(x)]
    line = [a - b for a, b in zip(quick, ema(x, slow), strict=True)]
    average = ema(line, signal)
    first = slow + signal - 2
    line = [NAN if i < first else v for i, v in enumerate(line)]
    return line, average, [a - b for a, b in zip(line, average, strict=True)]


def tr(h: Floats, low: Floats, c: Floats) -> Floats:
    out = [NAN] * len(c)
    for i in range(1, len(c)):
        out[i] = max(h[i], c[i - 1]) - min(low[i], c[i - 1])
    return out


def atr(h: Floats, low: Floats, c: Floats, n: int) -> Floats:
    return wilder(tr(h, low, c), 1, n)


def natr(h: Floats, low: Floats, c: Floats, n: int) -> Floats:
    return [100 * a / b for a, b in zip(atr(h, low, c, n), c, strict=True)]


def di(h: Floats, low: Floats, c: Floats, n: int) -> tuple[Floats, Floats]:
    """Wilder's sums: the seed is the sum of n − 1 bars, a step S − S / n + new."""
    up, down = [0.0] * len(c), [0.0] * len(c)
    for i in range(1, len(c)):
        a, b = h[i] - h[i - 1], low[i - 1] - low[i]
        up[i] = a if a > b and a > 0 else 0.0
        down[i] = b if b > a and b > 0 else 0.0
    span = tr(h, low, c)
    lines = []
    for move in (up, down):
        line = [NAN] * len(c)
        s, r = math.fsum(move[1:n]), math.fsum(span[1:n])
        for i in range(n, len(c)):
            s, r = s - s / n + move[i], r - r / n + span[i]
            line[i] = 100 * s / r if r >= 1e-14 else 0.0
        lines.append(line)
    return lines[0], lines[1]


def adx(h: Floats, low: Floats, c: Floats, n: int) -> Floats:
    out = [NAN] * len(c)
    plus, minus = di(h, low, c, n)
    dx: Floats = []
    for i in range(n, len(c)):
        both = plus[i] + minus[i]
        moved = both >= 1e-14
        dx.append(100 * abs(plus[i] - minus[i]) / both if moved else 0.0)
        if i == 2 * n - 1:
            out[i] = mean(dx)
        elif i >= 2 * n:
            out[i] = (out[i - 1] * (n - 1) + dx[-1]) / n if moved else out[i - 1]
    return out


def typical(h: Floats, low: Floats, c: Floats) -> Floats:
    return [(a + b + d) / 3 for a, b, d in zip(h, low, c, strict=True)]


def cci(h: Floats, low: Floats, c: Floats, n: int) -> Floats:
    def value(w: Floats) -> float:
        # A deviation within the rounding of a sum of n is none.
        middle = sum(w) / n
        spread = sum(abs(v - middle) for v in w)
        if abs(w[-1] - middle) <= 2.0**-52 * n * middle:
            return 0.0
        return (w[-1] - middle) / (0.015 * spread / n)

    return windowed(typical(h, low, c), n, value)


def stochastic(h: Floats, low: Floats, c: Floats, n: int) -> Floats:
    top, bottom = highest(h, n), lowest(low, n)
    return [
        0.0 if t == b else 100 * (v - b) / (t - b) for t, b, v in zip(top, bottom, c, strict=True)
    ]


def after(x: Floats, first: int) -> Floats:
    return [NAN if i < first else v for i, v in enumerate(x)]


def stochf(h: Floats, low: Floats, c: Floats, n: int, d: int) -> tuple[Floats, Floats]:
    k_line = stochastic(h, low, c, n)
    return after(k_line, n + d - 2), after(sma(k_line, d), n + d - 2)


def stoch(h: Floats, low: Floats, c: Floats, n: int, k: int, d: int) -> tuple[Floats, Floats]:
    k_line = sma(stochastic(h, low, c, n), k)
    return after(k_line, n + k + d - 3), after(sma(k_line, d), n + k + d - 3)


def willr(h: Floats, low: Floats, c: Floats, n: int) -> Floats:
    top, bottom = highest(h, n), lowest(low, n)
    return [
        0.0 if t == b else -100 * (t - v) / (t - b) for t, b, v in zip(top, bottom, c, strict=True)
    ]


def mfi(h: Floats, low: Floats, c: Floats, v: Floats, n: int) -> Floats:
    price = typical(h, low, c)
    out = [NAN] * len(c)
    for i in range(n, len(c)):
        bars = range(i - n + 1, i + 1)
        up = math.fsum(price[j] * v[j] for j in bars if price[j] - price[j - 1] > 1e-14)
        down = math.fsum(price[j] * v[j] for j in bars if price[j - 1] - price[j] > 1e-14)
        out[i] = 100 * up / (up + down) if up + down > 0 else 0.0
    return out


def obv(c: Floats, v: Floats) -> Floats:
    out = [v[0]] if c else []
    for i in range(1, len(c)):
        out.append(out[-1] + v[i] * ((c[i] > c[i - 1]) - (c[i] < c[i - 1])))
    return out


def ultosc(h: Floats, low: Floats, c: Floats, *windows: int) -> Floats:
    out = [NAN] * len(c)
    for i in range(max(windows), len(c)):
        value = 0.0
        for n, weight in zip(sorted(windows), (4, 2, 1), strict=True):
            bars = range(i - n + 1, i + 1)
            bought = math.fsum(c[j] - min(low[j], c[j - 1]) for j in bars)
            ranged = math.fsum(max(h[j], c[j - 1]) - min(low[j], c[j - 1]) for j in bars)
            value += weight * bought / ranged if ranged >= 1e-14 else 0.0
        out[i] = 100 * value / 7
    return out


def aroon(h: Floats, low: Floats, n: int) -> tuple[Floats, Floats]:
    up, down = [NAN] * len(h), [NAN] * len(h)
    for i in range(n, len(h)):
        newest_first_h, newest_first_l = h[i - n : i + 1][::-1], low[i - n : i + 1][::-1]
        up[i] = 100 * (n - newest_first_h.index(max(newest_first_h))) / n
        down[i] = 100 * (n - newest_first_l.index(min(newest_first_l))) / n
    return up, down


def sar(h: Floats, low: Floats, step: float, maximum: float) -> Floats:
    """Wilder's rules, with short positions mirrored by negating both prices."""
    out = [NAN] * len(h)
    if len(h) < 2:
        return out
    step = min(step, maximum)
    up, down = h[1] - h[0], low[0] - low[1]
    sign = -1 if down > 0 and down > up else 1
    extreme, value, factor = (h[1], low[0], step) if sign == 1 else (-low[1], -h[0], step)
    for i in range(1, len(h)):
        before = max(i - 1, 1)
        top = h[i] if sign == 1 else -low[i]
        floors = [low[i], low[before]] if sign == 1 else [-h[i], -h[before]]
        if floors[0] <= value:
            sign = -sign
            floors = [low[i], low[before]] if sign == 1 else [-h[i], -h[before]]
            value = min(-extreme, *floors)
            out[i] = sign * value
            extreme, factor = (h[i] if sign == 1 else -low[i]), step
        else:
            out[i] = sign * value
            if top > extreme:
                extreme, factor = top, min(factor + step, maximum)
        value = min(value + factor * (extreme - value), *floors)
    return out


FUNCTIONS = {
    "sma": sma, "ema": ema, "wma": wma, "dema": dema, "tema": tema, "kama": kama, "rsi": rsi,
    "macd": lambda *a: macd_lines(*a)[0],
    "macd_signal": lambda *a: macd_lines(*a)[1],
    "macd_hist": lambda *a: macd_lines(*a)[2],
    "trix": trix, "roc": roc, "mom": mom, "tr": tr, "atr": atr, "natr": natr, "adx": adx,
    "plus_di": lambda *a: di(*a)[0],
    "minus_di": lambda *a: di(*a)[1],
    "cci": cci, "willr": willr, "mfi": mfi, "obv": obv, "ultosc": ultosc, "sar": sar,
    "aroon_up": lambda *a: aroon(*a)[0],
    "aroon_down": lambda *a: aroon(*a)[1],
    "bb_upper": lambda x, n, k: [m + k * s for m, s in zip(sma(x, n), stddev(x, n), strict=True)],
    "bb_mid": lambda x, n, k: sma(x, n),
    "bb_lower": lambda x, n, k: [m - k * s for m, s in zip(sma(x, n), stddev(x, n), strict=True)],
    "stddev": stddev, "var": var, "linreg": linreg, "zscore": zscore,
    "stoch_k": lambda *a: stoch(*a)[0],
    "stoch_d": lambda *a: stoch(*a)[1],
    "stochf_k": lambda *a: stochf(*a)[0],
    "stochf_d": lambda *a: stochf(*a)[1],
    "highest": highest, "lowest": lowest, "sum": total,
}  # fmt: skip
READS = {
    "tr": "hlc", "atr": "hlc", "natr": "hlc", "adx": "hlc", "plus_di": "hlc", "minus_di": "hlc",
    "cci": "hlc", "willr": "hlc", "mfi": "hlcv", "obv": "cv", "ultosc": "hlc", "sar": "hl",
    "aroon_up": "hl", "aroon_down": "hl", "stoch_k": "hlc", "stoch_d": "hlc", "stochf_k": "hlc",
    "stochf_d": "hlc",
}  # fmt: skip
"""The columns that a function reads in place of an argument x, by their first letters."""
