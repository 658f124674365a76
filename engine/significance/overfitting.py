"""Whether choosing among trials was luck: the probability of backtest overfitting (M12)."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from engine.errors import InvalidParameterError
from engine.types import FloatArray

_FLAT = 1e-12
"""A variance below this share of the mean square is rounding: the returns did not vary."""
_CELLS = 2_000_000
"""Numbers in one array of a tile: large enough for speed, small enough for any machine."""


def probability_of_backtest_overfitting(
    n_returns: npt.ArrayLike, sums: npt.ArrayLike, squares: npt.ArrayLike
) -> float:
    """Return how often the best trial of one half of the time is below the median of the other.

    Parameters
    ----------
    n_returns, sums, squares : array_like, shape (n_trials, n_blocks)
        Number of returns, Σr and Σr² of each trial in each block of time; `n_returns` may have
        the shape (n_blocks,) when all trials share it.

    Returns
    -------
    float
        In [0, 1]: about 0.5 where choosing is luck, near 0 where the best stays the best.

    Raises
    ------
    InvalidParameterError
        If shapes differ, numbers are not finite, there are fewer than two trials, or the number
        of blocks is odd or below 2.

    Notes
    -----
    Combinatorially symmetric cross-validation: every choice of half of the blocks is once the
    in-sample half. A trial that did not vary there has the Sharpe ratio 0; ties share their rank.

    References
    ----------
    .. [1] Bailey, Borwein, López de Prado & Zhu (2017), "The Probability of Backtest
       Overfitting", Journal of Computational Finance 20(4), pp. 39-69.
    """
    return float(np.mean(cscv_logits(n_returns, sums, squares) <= 0.0))


def cscv_logits(
    n_returns: npt.ArrayLike, sums: npt.ArrayLike, squares: npt.ArrayLike
) -> FloatArray:
    """Return for each split ln(ω / (1 − ω)), ω the out-of-sample rank of the in-sample best.

    Returns
    -------
    ndarray of float64, shape (n_splits,)
        n_splits is n_blocks choose n_blocks / 2; below or at 0 the best was no better than the
        median. Parameters and errors are those of `probability_of_backtest_overfitting`.
    """
    blocks = _blocks(n_returns, sums, squares)
    n_trials, n_blocks = blocks[0].shape
    halves = _halves(n_blocks)
    step = max(_CELLS // n_trials, 1)
    logits = []
    for start in range(0, len(halves), step):
        inside = halves[start : start + step]
        sharpe = _sharpe_of_halves(inside, blocks)
        other = _sharpe_of_halves(1.0 - inside, blocks)
        logits += [_rank_logits(sharpe, other), _rank_logits(other, sharpe)]
    return np.concatenate(logits)


def _blocks(
    n_returns: npt.ArrayLike, sums: npt.ArrayLike, squares: npt.ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    total, square = np.asarray(sums, dtype=np.float64), np.asarray(squares, dtype=np.float64)
    if total.ndim != 2 or total.shape != square.shape:
        raise InvalidParameterError(
            f"Expected sums and squares of one shape (n_trials, n_blocks), "
            f"were {total.shape} and {square.shape}.",
            field="sums",
        )
    n_trials, n_blocks = total.shape
    if n_trials < 2:
        raise InvalidParameterError(f"Expected at least 2 trials, was {n_trials}.", field="sums")
    if n_blocks < 2 or n_blocks % 2:
        raise InvalidParameterError(
            f"Expected an even number of blocks, at least 2, was {n_blocks}.", field="sums"
        )
    try:
        count = np.broadcast_to(np.asarray(n_returns, dtype=np.float64), total.shape)
    except ValueError:
        raise InvalidParameterError(
            f"Expected n_returns of the shape {total.shape} or ({n_blocks},), "
            f"was {np.shape(n_returns)}.",
            field="n_returns",
        ) from None
    if not all(np.isfinite(part).all() for part in (count, total, square)):
        raise InvalidParameterError("Expected finite numbers in every block.", field="sums")
    return count, total, square


def _halves(n_blocks: int) -> FloatArray:
    """Return one row of 0 and 1 per split; the halves without block 0 are their complements."""
    chosen = itertools.combinations(range(1, n_blocks), n_blocks // 2 - 1)
    rows = np.array([(0, *rest) for rest in chosen], dtype=np.int64)
    halves = np.zeros((len(rows), n_blocks))
    np.put_along_axis(halves, rows, 1.0, axis=1)
    return halves


def _sharpe_of_halves(
    halves: FloatArray, blocks: tuple[FloatArray, FloatArray, FloatArray]
) -> FloatArray:
    """Return the Sharpe ratio a period, shape (n_splits, n_trials); 0 without variation."""
    n, total, square = (halves @ part.T for part in blocks)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = total / n
        variance = (square - n * mean**2) / (n - 1.0)
        sharpe = mean / np.sqrt(np.maximum(variance, 0.0))
    varies = (n > 1.0) & (variance > _FLAT * square / np.maximum(n, 1.0))
    return np.where(varies, sharpe, 0.0)


def _rank_logits(inside: FloatArray, outside: FloatArray) -> FloatArray:
    best = np.argmax(inside, axis=1)[:, None]
    chosen = np.take_along_axis(outside, best, axis=1)
    tolerance = 1e-12 * (1.0 + np.abs(chosen))
    n_below = np.count_nonzero(outside < chosen - tolerance, axis=1)
    n_tied = np.count_nonzero(np.abs(outside - chosen) <= tolerance, axis=1)
    n_trials = outside.shape[1]
    rank = n_below + (n_tied + 1.0) / 2.0
    logits: FloatArray = np.log(rank / (n_trials + 1.0 - rank))
    return logits
