"""What else might have come of the same trades and returns: simulated accounts and their spread.

Three questions, one method each: how much of a drawdown was the order of the trades, where could
the same returns have led, and would the same positions at random times have done as well. Each
is a document of one form, by `summary`; a method that cannot answer says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.errors import InvalidParameterError
from engine.significance.bootstrap import MIN_RETURNS, optimal_block_length, resampled
from engine.types import FloatArray, IntArray

SAMPLES = 1000
MIN_SAMPLES = 100
MOST_CELLS = 50_000_000
"""Returns, trades or bars of all samples together: longer runs get fewer samples."""
MIN_TRADES = 5
"""Fewer trades have hardly another order."""
RUIN = 0.5
"""An account that once lost this share of its cash counts as ruined."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
FAN_POINTS = 120

_NAMES = tuple(f"p{100 * quantile:02.0f}" for quantile in QUANTILES)
_CELLS = 2_000_000
"""Numbers in one array of a tile: large enough for speed, small enough for any machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """Simulated accounts that began with 1.

    value : ndarray of float64, shape (n_samples, n_points)
        Equity at some places.
    final, depth, lowest : ndarray of float64, shape (n_samples,)
        Equity at the end, deepest fall from a peak (≤ 0), lowest equity.
    """

    value: FloatArray
    final: FloatArray
    depth: FloatArray
    lowest: FloatArray


def affordable_samples(n_cells: int, samples: int = SAMPLES) -> int:
    """Return how many samples of so many returns, trades or bars are drawn.

    Raises
    ------
    InvalidParameterError
        If fewer than one is asked for.
    """
    if samples < 1:
        raise InvalidParameterError(f"Expected samples ≥ 1, was {samples}.", field="samples")
    return min(samples, max(MOST_CELLS // max(n_cells, 1), MIN_SAMPLES))


def fan_places(n: int) -> IntArray:
    """Return at most `FAN_POINTS` places of n, evenly spread, the first and the last among them.

    Examples
    --------
    >>> fan_places(4).tolist()
    [0, 1, 2, 3]
    """
    return np.unique(np.linspace(0, n - 1, min(n, FAN_POINTS)).round().astype(np.int64))


def trade_shuffle(
    pnl: FloatArray, cash: float, *, seed: int = 0, samples: int = SAMPLES
) -> dict[str, Any]:
    """Return what other orders of the same trades would have come to.

    Parameters
    ----------
    pnl : ndarray of float64, shape (n_trades,)
        Net pnl of the closed trades in the order of their exits.
    cash : float
        Initial cash, positive.
    seed, samples : int
        The same seed gives the same bits.

    Returns
    -------
    dict
        By `summary`, over the number of trades.

    Notes
    -----
    A trade's return is its pnl over the balance before it, the cash and all pnl closed earlier,
    so every order ends with the same balance: what the order decides is how deep the account
    falls on its way. Open positions and carry are not in it.
    """
    document = about(
        "trade_shuffle",
        "Other orders of the same trades",
        "The closed trades in random order, each with its return on the balance before it. The end "
        "is always the same; how deep the account falls on the way is not.",
    )
    balance = cash + np.concatenate(([0.0], np.cumsum(pnl)))
    if pnl.size < MIN_TRADES:
        reason = f"Fewer than {MIN_TRADES} closed trades have hardly another order."
        return document | {"reason": reason}
    if balance.min() <= 0.0:
        return document | {"reason": "Closed trades lost all of the cash: no return follows."}
    growth = balance[1:] / balance[:-1]
    samples = affordable_samples(pnl.size, samples)
    rng = np.random.Generator(np.random.PCG64(seed))
    places = fan_places(balance.size)
    step = max(_CELLS // pnl.size, 1)
    tiles = []
    for done in range(0, samples, step):
        rows = np.tile(growth, (min(step, samples - done), 1))
        tiles.append(followed(rng.permuted(rows, axis=1), places))
    actual = followed(growth[None, :], places)
    return document | summary(joined(tiles), actual, cash=cash, at=places, axis="trade")


def bootstrap_accounts(
    returns: FloatArray,
    time: IntArray,
    cash: float,
    *,
    seed: int = 0,
    samples: int = SAMPLES,
    mean_block: float | None = None,
) -> dict[str, Any]:
    """Return where the same returns, drawn again in blocks, would have led.

    Parameters
    ----------
    returns : ndarray of float64, shape (n_returns,)
        The run's return series (M1).
    time : ndarray of int64, shape (n_returns + 1,)
        UTC ms of the ends of the periods, the first one's begin in front.
    cash : float
        Initial cash.
    seed, samples, mean_block
        As for `bootstrap_intervals`.

    Returns
    -------
    dict
        By `summary`, over time.

    References
    ----------
    .. [1] Politis & Romano (1994), "The Stationary Bootstrap", Journal of the American
       Statistical Association 89(428), pp. 1303-1313.
    """
    document = about(
        "block_bootstrap",
        "The same returns drawn again",
        "A stationary block bootstrap: blocks of the run's own returns, put together anew.",
    )
    n = returns.size
    if n < MIN_RETURNS:
        return document | {"reason": f"Fewer than {MIN_RETURNS} returns are too few to draw from."}
    if mean_block is None:
        mean_block = max(optimal_block_length(returns), optimal_block_length(returns**2))
    samples = affordable_samples(n, samples)
    places = fan_places(n + 1)
    tiles = [
        followed(1.0 + tile, places)
        for tile in resampled(returns, samples=samples, mean_block=mean_block, seed=seed)
    ]
    actual = followed(1.0 + returns[None, :], places)
    found = summary(joined(tiles), actual, cash=cash, at=time[places], axis="time")
    return document | found | {"mean_block": mean_block}


def followed(growth: FloatArray, places: IntArray) -> Accounts:
    """Return the accounts of 1 that grow by these factors, one after the other.

    Parameters
    ----------
    growth : ndarray of float64, shape (n_samples, n)
    places : ndarray of int64, shape (n_points,)
        0 is the beginning, k after k factors.
    """
    curve = np.ones((growth.shape[0], growth.shape[1] + 1))
    np.cumprod(growth, axis=1, out=curve[:, 1:])
    curve = np.maximum(curve, 0.0)
    depth = np.min(curve / np.maximum.accumulate(curve, axis=1), axis=1) - 1.0
    return Accounts(
        value=curve[:, places], final=curve[:, -1], depth=depth, lowest=curve.min(axis=1)
    )


def joined(tiles: list[Accounts]) -> Accounts:
    """Return the accounts of all tiles as one record."""
    return Accounts(
        value=np.concatenate([tile.value for tile in tiles]),
        final=np.concatenate([tile.final for tile in tiles]),
        depth=np.concatenate([tile.depth for tile in tiles]),
        lowest=np.concatenate([tile.lowest for tile in tiles]),
    )


def about(name: str, label: str, detail: str) -> dict[str, Any]:
    """Return what the document of a method says before anything is drawn."""
    return {"id": name, "label": label, "detail": detail, "reason": None, "samples": 0}


def summary(
    accounts: Accounts, actual: Accounts, *, cash: float, at: IntArray, axis: str
) -> dict[str, Any]:
    """Return the spread of simulated accounts, and where the actual one stands in it.

    Parameters
    ----------
    accounts : Accounts
    actual : Accounts
        One sample: its `final` and `depth` are compared.
    cash : float
        What the accounts began with, in money.
    at : ndarray of int64, shape (n_points,)
        Places of `accounts.value`.
    axis : {"time", "trade"}
        What they are: UTC ms, or a number of trades.

    Returns
    -------
    dict
        samples; fan (axis, at, p05, p25, p50, p75, p95: money, six digits); final_equity (money)
        and max_drawdown (fraction ≤ 0), each with these quantiles, actual, and percentile: the
        share of the samples below the actual value, ties by half; probability_of_loss (final
        equity below the cash) and probability_of_ruin (half of the cash lost on the way).
    """
    fan: dict[str, Any] = {"axis": axis, "at": at.tolist()}
    for name, row in quantiles(accounts.value * cash).items():
        fan[name] = [float(f"{value:.6g}") for value in row]
    return {
        "samples": int(accounts.final.size),
        "fan": fan,
        "final_equity": _placed(accounts.final * cash, float(actual.final[0]) * cash),
        "max_drawdown": _placed(accounts.depth, float(actual.depth[0])),
        # Orders of the same factors end apart by rounding only: that is no loss.
        "probability_of_loss": float(np.mean(accounts.final < 1.0 - 1e-9)),
        "probability_of_ruin": float(np.mean(accounts.lowest <= 1.0 - RUIN)),
    }


def quantiles(values: FloatArray) -> dict[str, FloatArray]:
    """Return p05, p25, p50, p75 and p95 over the first axis."""
    return dict(zip(_NAMES, np.quantile(values, QUANTILES, axis=0), strict=True))


def _placed(values: FloatArray, actual: float) -> dict[str, float]:
    tolerance = 1e-9 * (1.0 + abs(actual))
    n_below = np.count_nonzero(values < actual - tolerance)
    n_tied = np.count_nonzero(np.abs(values - actual) <= tolerance)
    return {
        **{name: float(value) for name, value in quantiles(values).items()},
        "actual": actual,
        "percentile": float((n_below + n_tied / 2.0) / values.size),
    }
