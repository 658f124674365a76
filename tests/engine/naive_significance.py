"""M12 and the bootstrap again in plain Python, one split and one draw at a time."""

import itertools
import math

from tests.engine.naive_metrics import mean, std


def overfitting(trials):
    """PBO from the blocks of returns of each trial: trials[i][j] is a list of returns."""
    n_blocks = len(trials[0])
    below = []
    for inside in itertools.combinations(range(n_blocks), n_blocks // 2):
        outside = [j for j in range(n_blocks) if j not in inside]
        first = [sharpe([r for j in inside for r in trial[j]]) for trial in trials]
        second = [sharpe([r for j in outside for r in trial[j]]) for trial in trials]
        chosen = second[first.index(max(first))]
        lower = sum(one < chosen - 1e-12 for one in second)
        equal = sum(abs(one - chosen) <= 1e-12 for one in second)
        share = (lower + (equal + 1) / 2) / (len(trials) + 1)
        below.append(math.log(share / (1 - share)) <= 0)
    return sum(below) / len(below)


def sharpe(returns):
    return mean(returns) / std(returns) if std(returns) > 1e-12 else 0.0


def block_length(series):
    """Politis & White's automatic length for a stationary bootstrap, corrected in 2009."""
    n = len(series)
    middle = mean(series)
    centred = [x - middle for x in series]

    def covariance(lag):
        return math.fsum(centred[t] * centred[t - lag] for t in range(lag, n)) / n

    def correlation(lag):
        ahead = math.fsum(c * c for c in centred[lag + 1 :])
        behind = math.fsum(c * c for c in centred[: n - lag - 1])
        return covariance(lag) * n / math.sqrt(ahead * behind)

    in_a_row = max(5, int(math.log10(n)))
    n_lags = min(math.ceil(math.sqrt(n)) + in_a_row, n - 2)
    bound = 2 * math.sqrt(math.log10(n) / n)
    is_small = {lag: abs(correlation(lag)) < bound for lag in range(1, n_lags + 1)}
    cut = n_lags
    for lag in range(1, n_lags - in_a_row + 2):
        if all(is_small[k] for k in range(lag, lag + in_a_row)):
            cut = lag
            break
    last = min(2 * cut, n_lags)
    slope = long_run = 0.0
    for k in range(-last, last + 1):
        weight = 1.0 if abs(k) / last <= 0.5 else 2 * (1 - abs(k) / last)
        slope += weight * abs(k) * covariance(abs(k))
        long_run += weight * covariance(abs(k))
    length = (2 * slope**2 / (2 * long_run**2)) ** (1 / 3) * n ** (1 / 3)
    return max(min(length, math.ceil(min(3 * math.sqrt(n), n / 3))), 1.0)
