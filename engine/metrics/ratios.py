"""Statistics of the return series: growth, risk, ratios, tails, benchmark (M3, M4, M6, M7)."""

from __future__ import annotations

import math

import numpy as np

from engine.clock import DAY_MS, DAYS_PER_YEAR
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
    """Return volatility, Sharpe, Sortino and omega (M4).

    Parameters
    ----------
    returns : ndarray of float64, shape (n_periods,)
    rate : float
        Risk-free rate per period.
    """
    if returns.size < 2:
        return dict.fromkeys(("volatility", "sharpe", "sortino", "omega"))
    excess = returns - rate
    root = math.sqrt(periods_per_year)
    mean, std = float(excess.mean()), float(excess.std(ddof=1))
    downside = math.sqrt(float(np.mean(np.minimum(excess, 0.0) ** 2)))
    return {
        "volatility": float(returns.std(ddof=1)) * root,
        "sharpe": ratio(mean, std, root),
        "sortino": ratio(mean, downside, root),
        "omega": ratio(
            float(np.maximum(excess, 0.0).sum()), float(np.maximum(-excess, 0.0).sum()), 1.0
        ),
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
    names = ("beta", "alpha", "tracking_error", "information_ratio")
    n = min(returns.size, benchmark.size)
    if n < 2:
        return dict.fromkeys(names)
    x, b = returns[:n] - rate, benchmark[:n] - rate
    x_mean, b_mean = float(x.mean()), float(b.mean())
    b_centred = b - b_mean
    spread = float(b_centred @ b_centred)
    beta = None
    if math.sqrt(spread / (n - 1)) >= TINY:
        beta = float((x - x_mean) @ b_centred) / spread
    difference = x - b
    error = float(difference.std(ddof=1))
    root = math.sqrt(periods_per_year)
    return {
        "beta": beta,
        "alpha": None if beta is None else periods_per_year * (x_mean - beta * b_mean),
        "tracking_error": error * root,
        "information_ratio": ratio(float(difference.mean()), error, root),
    }


def ratio(numerator: float, denominator: float, factor: float) -> float | None:
    """Return numerator / denominator * factor; None over (almost) nothing, never infinite."""
    if not denominator >= TINY:
        return None
    return numerator / denominator * factor
