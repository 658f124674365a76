"""Statistics of the return series: growth, risk, tails, benchmark, luck (M3, M4, M6, M7, M11)."""

from __future__ import annotations

import math

import numpy as np

from engine.clock import DAY_MS, DAYS_PER_YEAR
from engine.significance import (
    deflated_sharpe_ratio,
    minimum_track_record_length,
    probabilistic_sharpe_ratio,
)
from engine.types import FloatArray

Metrics = dict[str, float | int | None]

TINY = 1e-15
"""A standard deviation below this is none: ratios over it are null (M4)."""


def growth_rate(first: float, last: float, elapsed_ms: int) -> float | None:
    """Return the compound growth a year (M3); None when no time has passed.

    Examples
    --------
    >>> growth_rate(100.0, 121.0, int(2 * 365.25 * DAY_MS))
    0.10000000000000009
    """
    if elapsed_ms <= 0:
        return None
    if last <= 0.0:
        return -1.0
    years = elapsed_ms / (DAYS_PER_YEAR * DAY_MS)
    try:
        return float((last / first) ** (1.0 / years) - 1.0)
    except OverflowError:
        return None


def return_metrics(returns: FloatArray, rate: float, periods_per_year: float) -> Metrics:
    """Return volatility, downside deviation, Sharpe, Sortino and omega (M4).

    Parameters
    ----------
    returns : ndarray of float64, shape (n_periods,)
    rate : float
        Risk-free rate per period.
    """
    if returns.size < 2:
        return dict.fromkeys(("volatility", "downside_deviation", "sharpe", "sortino", "omega"))
    excess = returns - rate
    root = math.sqrt(periods_per_year)
    mean, std = float(excess.mean()), float(excess.std(ddof=1))
    downside = math.sqrt(float(np.mean(np.minimum(excess, 0.0) ** 2)))
    return {
        "volatility": float(returns.std(ddof=1)) * root,
        "downside_deviation": downside * root,
        "sharpe": ratio(mean, std, root),
        "sortino": ratio(mean, downside, root),
        "omega": ratio(
            float(np.maximum(excess, 0.0).sum()), float(np.maximum(-excess, 0.0).sum()), 1.0
        ),
    }


def significance_metrics(returns: FloatArray, rate: float) -> Metrics:
    """Return how likely skill is behind the Sharpe ratio of this one trial (M11).

    Parameters
    ----------
    returns : ndarray of float64, shape (n_periods,)
    rate : float
        Risk-free rate per period.
    """
    found: Metrics = {"psr": None, "dsr": None, "dsr_trials": 1, "min_track_record_length": None}
    sharpe = sharpe_per_period(returns, rate)
    skew, kurtosis = _shape(returns)
    if sharpe is None or skew is None or kurtosis is None:
        return found
    raw = kurtosis + 3.0
    n = returns.size
    return found | {
        "psr": probabilistic_sharpe_ratio(sharpe, n, skew=skew, kurtosis=raw),
        "dsr": deflated_sharpe_ratio(sharpe, n, n_trials=1, skew=skew, kurtosis=raw),
        "min_track_record_length": minimum_track_record_length(sharpe, skew=skew, kurtosis=raw),
    }


def sharpe_per_period(returns: FloatArray, rate: float) -> float | None:
    """Return mean(x) / std(x), n - 1 in the denominator; None over (almost) nothing."""
    if returns.size < 2:
        return None
    return ratio(float((returns - rate).mean()), float(returns.std(ddof=1)), 1.0)


def period_metrics(returns: FloatArray) -> Metrics:
    """Return the extremes of the periods, how many are positive, and what one tells of the next.

    Parameters
    ----------
    returns : ndarray of float64, shape (n_periods,)
    """
    names = ("best_period", "worst_period", "positive_periods", "autocorrelation")
    if returns.size == 0:
        return dict.fromkeys(names)
    centred = returns - returns.mean()
    spread = float(centred @ centred)
    has_spread = returns.size > 1 and math.sqrt(spread / (returns.size - 1)) >= TINY
    lagged = float(centred[1:] @ centred[:-1]) / spread if has_spread else None
    values = (float(returns.max()), float(returns.min()), float(np.mean(returns > 0.0)), lagged)
    return dict(zip(names, values, strict=True))


def month_metrics(months: FloatArray) -> Metrics:
    """Return the extremes of monthly returns, how many are positive, and gain to pain (M3, M4).

    Parameters
    ----------
    months : ndarray of float64, shape (n_months,)
        At least one; NaN where the account was ruined before.
    """
    months = months[np.isfinite(months)]
    lost = -float(np.minimum(months, 0.0).sum())
    return {
        "best_month": float(months.max()),
        "worst_month": float(months.min()),
        "positive_months": float(np.mean(months > 0.0)),
        "gain_to_pain": ratio(float(months.sum()), lost, 1.0),
    }


def tail_metrics(returns: FloatArray) -> Metrics:
    """Return value at risk, the mean beyond it, the tail ratio, skew and kurtosis (M6)."""
    names = ("var_95", "cvar_95", "tail_ratio", "skew", "kurtosis")
    if returns.size == 0:
        return dict.fromkeys(names)
    low, high = (float(q) for q in np.quantile(returns, (0.05, 0.95)))
    # Interpolation may round a constant series' quantile below all its values.
    low = max(low, float(returns.min()))
    skew, kurtosis = _shape(returns)
    values = (low, float(returns[returns <= low].mean()), ratio(abs(high), abs(low), 1.0))
    return dict(zip(names, (*values, skew, kurtosis), strict=True))


def _shape(returns: FloatArray) -> tuple[float | None, float | None]:
    """Return skew and excess kurtosis from biased moments."""
    if returns.size == 0:
        return None, None
    centred = returns - returns.mean()
    squares = centred * centred
    variance = float(squares.mean())
    if math.sqrt(variance) < TINY:
        return None, None
    skew = float((squares * centred).mean()) / variance**1.5
    return skew, float((squares * squares).mean()) / variance**2 - 3.0


def relative_metrics(
    returns: FloatArray, benchmark: FloatArray, rate: float, periods_per_year: float
) -> Metrics:
    """Return what ties a run's returns to its benchmark's over the same periods (M7)."""
    names = ("beta", "correlation", "alpha", "tracking_error", "information_ratio")
    n = returns.size
    if n < 2:
        return dict.fromkeys(names)
    x, b = returns - rate, benchmark - rate
    x_mean, b_mean = float(x.mean()), float(b.mean())
    b_centred = b - b_mean
    spread = float(b_centred @ b_centred)
    x_centred = x - x_mean
    x_spread = float(x_centred @ x_centred)
    beta = correlation = None
    if math.sqrt(spread / (n - 1)) >= TINY:
        beta = float(x_centred @ b_centred) / spread
        if math.sqrt(x_spread / (n - 1)) >= TINY:
            correlation = beta * math.sqrt(spread / x_spread)
    difference = x - b
    error = float(difference.std(ddof=1))
    root = math.sqrt(periods_per_year)
    return {
        "beta": beta,
        "correlation": None if correlation is None else min(max(correlation, -1.0), 1.0),
        "alpha": None if beta is None else periods_per_year * (x_mean - beta * b_mean),
        "tracking_error": error * root,
        "information_ratio": ratio(float(difference.mean()), error, root),
    }


def ratio(numerator: float, denominator: float, factor: float) -> float | None:
    """Return numerator / denominator * factor; None over (almost) nothing, never infinite."""
    if not denominator >= TINY:
        return None
    return numerator / denominator * factor
