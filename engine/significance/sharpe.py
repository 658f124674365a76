"""Whether a Sharpe ratio may be luck: PSR, minimum track record length and DSR (M11)."""

from __future__ import annotations

import math
from statistics import NormalDist

from engine.errors import InvalidParameterError

CONFIDENCE = 0.95

_NORMAL = NormalDist()
_EULER = 0.5772156649015329


def probabilistic_sharpe_ratio(
    sharpe: float,
    n_returns: int,
    *,
    skew: float = 0.0,
    kurtosis: float = 3.0,
    benchmark: float = 0.0,
) -> float | None:
    """Return the probability that the true Sharpe ratio is above `benchmark` (M11).

    Parameters
    ----------
    sharpe, benchmark : float
        A period, not a year.
    n_returns : int
        Length of the track record in periods.
    skew, kurtosis : float
        Of the returns; kurtosis is raw, 3 for a normal distribution.

    Returns
    -------
    float or None
        In [0, 1]; None with fewer than two returns or moments that no returns have.

    References
    ----------
    .. [1] Bailey & López de Prado (2012), "The Sharpe Ratio Efficient Frontier", Journal of Risk
       15(2), eq. 11.

    Examples
    --------
    >>> round(probabilistic_sharpe_ratio(0.458, 24, skew=-2.448, kurtosis=10.164), 3)
    0.913
    """
    spread = _estimation_variance(sharpe, skew, kurtosis)
    if n_returns < 2 or spread is None:
        return None
    return _NORMAL.cdf((sharpe - benchmark) * math.sqrt((n_returns - 1) / spread))


def minimum_track_record_length(
    sharpe: float,
    *,
    skew: float = 0.0,
    kurtosis: float = 3.0,
    benchmark: float = 0.0,
    confidence: float = CONFIDENCE,
) -> float | None:
    """Return how many returns make the probabilistic Sharpe ratio reach `confidence` (M11).

    Parameters
    ----------
    sharpe, skew, kurtosis, benchmark : float
        As for `probabilistic_sharpe_ratio`.
    confidence : float
        Above one half.

    Returns
    -------
    float or None
        In periods; None when the Sharpe ratio is not above the benchmark: no record is enough.

    References
    ----------
    .. [1] Bailey & López de Prado (2012), "The Sharpe Ratio Efficient Frontier", Journal of Risk
       15(2), eq. 13.
    """
    spread = _estimation_variance(sharpe, skew, kurtosis)
    if spread is None or sharpe <= benchmark:
        return None
    return 1.0 + spread * (_NORMAL.inv_cdf(confidence) / (sharpe - benchmark)) ** 2


def deflated_sharpe_ratio(
    sharpe: float,
    n_returns: int,
    *,
    n_trials: int,
    trial_variance: float = 0.0,
    skew: float = 0.0,
    kurtosis: float = 3.0,
) -> float | None:
    """Return the probabilistic Sharpe ratio against the best of `n_trials` without skill (M11).

    Parameters
    ----------
    sharpe, n_returns, skew, kurtosis
        Of the chosen trial, as for `probabilistic_sharpe_ratio`.
    n_trials : int
        Independent trials that the choice was made from; with 1 it is the probabilistic ratio.
    trial_variance : float
        Variance of the trials' Sharpe ratios, a period.

    References
    ----------
    .. [1] Bailey & López de Prado (2014), "The Deflated Sharpe Ratio", Journal of Portfolio
       Management 40(5), pp. 94-107.
    """
    return probabilistic_sharpe_ratio(
        sharpe,
        n_returns,
        skew=skew,
        kurtosis=kurtosis,
        benchmark=expected_maximum_sharpe(n_trials, trial_variance),
    )


def expected_maximum_sharpe(n_trials: int, trial_variance: float) -> float:
    """Return the largest Sharpe ratio to expect of independent trials whose true one is 0.

    Raises
    ------
    InvalidParameterError
        If there is no trial or the variance is negative.

    Examples
    --------
    >>> expected_maximum_sharpe(1, 0.5)
    0.0
    """
    if n_trials < 1:
        raise InvalidParameterError(f"Expected n_trials ≥ 1, was {n_trials}.", field="n_trials")
    if not trial_variance >= 0.0:
        raise InvalidParameterError(
            f"Expected trial_variance ≥ 0, was {trial_variance}.", field="trial_variance"
        )
    if n_trials == 1:
        return 0.0
    first = _NORMAL.inv_cdf(1.0 - 1.0 / n_trials)
    second = _NORMAL.inv_cdf(1.0 - 1.0 / (n_trials * math.e))
    return math.sqrt(trial_variance) * ((1.0 - _EULER) * first + _EULER * second)


def _estimation_variance(sharpe: float, skew: float, kurtosis: float) -> float | None:
    """Return the variance of an estimated Sharpe ratio times its number of returns (Mertens)."""
    variance = 1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe**2
    return variance if variance > 0.0 else None
