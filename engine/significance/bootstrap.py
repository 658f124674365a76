"""Confidence intervals of the headline metrics, from a stationary block bootstrap."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from engine.errors import InvalidParameterError
from engine.significance.sharpe import CONFIDENCE
from engine.types import FloatArray

BOOTSTRAPPED = (
    "total_return",
    "cagr",
    "volatility",
    "sharpe",
    "sortino",
    "calmar",
    "max_drawdown",
)
"""The metrics that get an interval."""

SAMPLES = 2000
MIN_RETURNS = 30
"""A bootstrap of fewer returns repeats them too often to say anything."""
MAX_UNDEFINED = 0.05
"""An interval is null when more than this share of its samples has no such number."""

_FLAT = 1e-12
"""A variance below this share of the mean square is rounding: the series did not vary."""
_CELLS = 2_000_000
"""Numbers in one array of a tile: large enough for speed, small enough for any machine."""


def bootstrap_intervals(
    returns: FloatArray,
    *,
    periods_per_year: float,
    years: float,
    risk_free_per_period: float = 0.0,
    seed: int = 0,
    samples: int = SAMPLES,
    level: float = CONFIDENCE,
    mean_block: float | None = None,
) -> dict[str, Any]:
    """Return percentile intervals of the headline metrics from a stationary block bootstrap.

    Parameters
    ----------
    returns : ndarray of float64, shape (n_returns,)
        The run's return series (M1), no NaN.
    periods_per_year : float
        P of M2.
    years : float
        From the first to the last bar, in years of 365.25 days: what cagr is taken over.
    risk_free_per_period : float
        As in M4.
    seed : int
        The run's; the same seed gives the same bits.
    samples : int
        Series drawn.
    level : float
        Share of the samples inside an interval.
    mean_block : float, optional
        Mean length of a block in periods; None chooses it by `optimal_block_length`, of the
        returns or of their squares, whichever is longer: volatility clusters longer than returns.

    Returns
    -------
    dict
        method, samples, mean_block, level, seed, and intervals: by name of a metric the lower and
        upper end, or None where it is not defined (fewer than 30 returns, none that varies, or
        more than 5 % of the samples without such a number). Drawdowns are those of the return
        series, so falls inside a day are not in them.

    References
    ----------
    .. [1] Politis & Romano (1994), "The Stationary Bootstrap", Journal of the American
       Statistical Association 89(428), pp. 1303-1313.
    """
    _refuse_bootstrap(samples, level, mean_block)
    document: dict[str, Any] = {
        "method": "stationary block bootstrap",
        "samples": samples,
        "mean_block": mean_block,
        "level": level,
        "seed": seed,
        "intervals": dict.fromkeys(BOOTSTRAPPED),
    }
    if returns.size < MIN_RETURNS:
        return document
    if mean_block is None:
        mean_block = max(optimal_block_length(returns), optimal_block_length(returns**2))
    tiles = [
        _sample_metrics(tile, periods_per_year, years, risk_free_per_period)
        for tile in resampled(returns, samples=samples, mean_block=mean_block, seed=seed)
    ]
    ends = ((1.0 - level) / 2.0, (1.0 + level) / 2.0)
    found = {name: np.concatenate([tile[name] for tile in tiles]) for name in BOOTSTRAPPED}
    intervals = {name: _interval(values, ends) for name, values in found.items()}
    return document | {"mean_block": mean_block, "intervals": intervals}


def _refuse_bootstrap(samples: int, level: float, mean_block: float | None) -> None:
    if samples < 1:
        raise InvalidParameterError(f"Expected samples ≥ 1, was {samples}.", field="samples")
    if not 0.0 < level < 1.0:
        raise InvalidParameterError(f"Expected 0 < level < 1, was {level}.", field="level")
    if mean_block is not None and not mean_block >= 1.0:
        raise InvalidParameterError(
            f"Expected mean_block ≥ 1, was {mean_block}.", field="mean_block"
        )


def optimal_block_length(series: FloatArray) -> float:
    """Return the mean block length that suits a stationary bootstrap of the series' mean.

    Parameters
    ----------
    series : ndarray of float64, shape (n,)
        At least two values.

    Returns
    -------
    float
        At least 1, at most about 3√n; 1 for a series that does not vary.

    Notes
    -----
    The automatic rule: the autocorrelations are cut off where five in a row are insignificant (as
    the authors' own program counts, from lag 1), weighted by a flat-top kernel up to twice that
    lag, and b = (2Ĝ² / D̂)^(1/3) · n^(1/3) with D̂ = 2ĝ(0)², the corrected constant.

    References
    ----------
    .. [1] Politis & White (2004), "Automatic Block-Length Selection for the Dependent Bootstrap",
       Econometric Reviews 23(1), pp. 53-70.
    .. [2] Patton, Politis & White (2009), "Correction to …", Econometric Reviews 28(4).
    """
    n = series.size
    centred = series - series.mean()
    variance = float(centred @ centred) / n
    if variance <= _FLAT * float(np.mean(series**2)):
        return 1.0
    in_a_row = max(5, int(math.log10(n)))
    n_lags = min(math.ceil(math.sqrt(n)) + in_a_row, n - 2)
    products = [float(centred[lag:] @ centred[: n - lag]) for lag in range(n_lags + 1)]
    last_lag = min(2 * _cut_off(centred, products, in_a_row), n_lags)
    lags = np.arange(1, last_lag + 1)
    weights = np.minimum(1.0, 2.0 * (1.0 - lags / max(last_lag, 1)))
    covariances = np.array(products[1 : last_lag + 1]) / n
    slope = 2.0 * float(np.sum(weights * lags * covariances))
    long_run = variance + 2.0 * float(np.sum(weights * covariances))
    if long_run == 0.0:
        return 1.0
    length = float(np.cbrt(slope**2 / long_run**2 * n))
    return max(min(length, math.ceil(min(3.0 * math.sqrt(n), n / 3.0))), 1.0)


def _cut_off(centred: FloatArray, products: list[float], in_a_row: int) -> int:
    """Return the first of `in_a_row` lags whose autocorrelations are all insignificant."""
    n = centred.size
    bound = 2.0 * math.sqrt(math.log10(n) / n)
    n_small = 0
    for lag in range(1, len(products)):
        ahead, behind = centred[lag + 1 :], centred[: n - lag - 1]
        scale = math.sqrt(float(ahead @ ahead) * float(behind @ behind))
        n_small = n_small + 1 if abs(products[lag]) < bound * scale else 0
        if n_small == in_a_row:
            return lag - in_a_row + 1
    return len(products)


def resampled(
    returns: FloatArray, *, samples: int, mean_block: float, seed: int
) -> Iterator[FloatArray]:
    """Yield resampled series, tile by tile, as rows of shape (n_in_tile, n_returns).

    Notes
    -----
    Blocks start anywhere, have geometric lengths of the given mean and wrap around the end. Two
    generators, one for where blocks end and one for where they start, make the draws independent
    of the size of a tile.
    """
    n = returns.size
    wrapped = np.concatenate((returns, returns))
    streams = np.random.SeedSequence(seed).spawn(2)
    ends, starts = (np.random.Generator(np.random.PCG64(stream)) for stream in streams)
    step = max(_CELLS // n, 1)
    for done in range(0, samples, step):
        rows = min(step, samples - done)
        is_start = ends.random((rows, n)) < 1.0 / mean_block
        is_start[:, 0] = True
        at = np.flatnonzero(is_start)
        lengths = np.diff(at, append=rows * n)
        shift = (starts.random(at.size) * n).astype(np.int64) - at % n
        place = np.repeat(shift, lengths).reshape(rows, n) + np.arange(n)
        yield wrapped[place]


def _sample_metrics(
    sample: FloatArray, periods_per_year: float, years: float, rate: float
) -> dict[str, FloatArray]:
    """Return the metrics of each row (M3, M4, M5), NaN where one is not defined."""
    root = math.sqrt(periods_per_year)
    excess = sample - rate
    mean = excess.mean(axis=1)
    std = sample.std(axis=1, ddof=1)
    downside = np.sqrt(np.mean(np.minimum(excess, 0.0) ** 2, axis=1))
    curve = np.cumprod(1.0 + sample, axis=1)
    growth = np.maximum(curve[:, -1], 0.0)
    # A peak that overflowed leaves no number, which the interval then counts as undefined.
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        peak = np.maximum(np.maximum.accumulate(curve, axis=1), 1.0)
        depth = np.min(curve / peak, axis=1) - 1.0
        cagr = growth ** (1.0 / years) - 1.0 if years > 0.0 else np.full(growth.size, np.nan)
        return {
            "total_return": growth - 1.0,
            "cagr": cagr,
            "volatility": std * root,
            "sharpe": np.where(std < 1e-15, np.nan, mean / std * root),
            "sortino": np.where(downside < 1e-15, np.nan, mean / downside * root),
            "calmar": np.where(depth == 0.0, np.nan, cagr / -depth),
            "max_drawdown": depth,
        }


def _interval(values: FloatArray, ends: tuple[float, float]) -> list[float] | None:
    defined = values[np.isfinite(values)]
    if defined.size < (1.0 - MAX_UNDEFINED) * values.size:
        return None
    low, high = np.quantile(defined, ends)
    return [float(low), float(high)]
