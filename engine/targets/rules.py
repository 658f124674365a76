"""The built-in target strategies, each a function of a market and its parameters.

They return weights at the closes at which they speak, and read nothing beyond those closes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from config.run import Period, RunConfig
from engine.kernels.indicators import zscore
from engine.targets.history import (
    bars_a_year,
    closes_before,
    comparable_closes,
    deviations_before,
    rebalance_bars,
)
from engine.types import FloatArray, IntArray, Market, Targets

Params = Mapping[str, Any]

PERIODS: dict[str, Period] = {"month": "month", "quarter": "quarter", "year": "year"}
BAND = "band:"


def momentum_rotation(market: Market, params: Params, config: RunConfig) -> Targets:
    """Hold the `top` symbols that rose most over `lookback` bars, in equal parts."""
    at = rebalance_bars(market, "month")
    return _spoken(market, at, winners(_rises(market, at, params["lookback"]), params["top"]))


def dual_momentum(market: Market, params: Params, config: RunConfig) -> Targets:
    """Hold the symbol that rose most over `lookback` bars, or nothing when none rose."""
    at = rebalance_bars(market, "month")
    rises = _rises(market, at, params["lookback"])
    return _spoken(market, at, winners(rises, 1) * (np.nan_to_num(rises) > 0.0))


def winners(rises: FloatArray, top: int) -> FloatArray:
    """Return 1/top for the `top` largest of each row, 0 for the others.

    Parameters
    ----------
    rises : ndarray of float64, shape (n_rows, n_symbols)
        NaN where nothing is known: never chosen. A tie goes to the first name.
    top : int

    Returns
    -------
    ndarray of float64, shape (n_rows, n_symbols)
        NaN in rows in which nothing is known: they leave everything alone.

    Examples
    --------
    >>> winners(np.array([[0.1, 0.3, 0.1], [np.nan, -0.2, 0.1]]), 2).tolist()
    [[0.5, 0.5, 0.0], [0.0, 0.5, 0.5]]
    """
    ranked = np.where(np.isnan(rises), -np.inf, rises)
    n_symbols = ranked.shape[1]
    least = np.partition(ranked, n_symbols - top, axis=1)[:, n_symbols - top, np.newaxis]
    is_chosen = ranked >= least
    # Ties are rare: to count the places that they share takes longer than all the rest.
    for row in np.flatnonzero(is_chosen.sum(axis=1) > top):
        is_tied = ranked[row] == least[row]
        n_places = top - int((ranked[row] > least[row]).sum())
        is_chosen[row] &= ~is_tied | (is_tied.cumsum() <= n_places)
    is_chosen &= ranked > -np.inf
    weights: FloatArray = is_chosen / float(top)
    weights[~is_chosen.any(axis=1)] = np.nan
    return weights


def pairs(market: Market, params: Params, config: RunConfig) -> Targets:
    """Trade two symbols against each other while their log price ratio is far from its mean."""
    common = np.flatnonzero(market.has_bar.all(axis=0))
    first, second = comparable_closes(market)[:, common]
    distance = np.full(common.size, np.nan)
    if common.size:
        zscore(np.log(first / second), params["lookback"], distance)
    begin = int(np.searchsorted(common, market.first))
    at, sides = pair_sides(distance[begin:], params["entry"], params["exit"])
    return _spoken(market, common[begin + at], np.outer(sides, [0.5, -0.5]))


def pair_sides(distance: FloatArray, entry: float, leave: float) -> tuple[IntArray, FloatArray]:
    """Return at which bars a pair changes its side, and to which.

    1 is long the first and short the second: the first is cheap. A far distance of the other
    sign turns the pair round; one within `leave` closes it.

    Examples
    --------
    >>> at, sides = pair_sides(np.array([-2.5, -1.0, 0.1, 3.0, -3.0]), 2.0, 0.5)
    >>> at.tolist(), sides.tolist()
    ([0, 2, 3, 4], [1.0, 0.0, -1.0, 1.0])
    """
    wanted = np.select([distance > entry, distance < -entry, abs(distance) < leave], [-1, 1, 0], 2)
    told = np.flatnonzero(wanted != 2)
    before = np.concatenate(([0], wanted[told][:-1]))
    at = told[wanted[told] != before]
    return at, wanted[at].astype(np.float64)


def volatility_target(market: Market, params: Params, config: RunConfig) -> Targets:
    """Hold 1/n of each symbol, cut in proportion where it swings more than `target` a year."""
    at = rebalance_bars(market, "month")
    deviations = deviations_before(market, comparable_closes(market), at, params["lookback"])
    annual = deviations.T * np.sqrt(bars_a_year(market, config))
    parts = np.full(annual.shape, np.nan)
    np.divide(params["target"], annual, out=parts, where=annual > 0.0)
    parts[annual == 0.0] = 1.0
    return _spoken(market, at, np.minimum(parts, 1.0) / len(market.symbols))


def fixed_weights(market: Market, params: Params, config: RunConfig) -> Targets:
    """Keep given shares of equity, put right at the start of each period or beyond a band."""
    weights = params["weights"]
    equal = 1.0 / len(market.symbols)
    row = np.array([weights.get(name, 0.0) if weights else equal for name in market.symbols])
    when, band = rebalance_rule(params["rebalance"])
    every_bar = np.arange(market.first, market.time.size)
    at = every_bar if when is None else rebalance_bars(market, when)
    rows = np.broadcast_to(row, (at.size, row.size))
    return Targets(at=at, rows=rows, n_times=market.time.size, band=band)


def rebalance_rule(text: str) -> tuple[Period | None, float | None]:
    """Return the period, or None and the band, that `month` or `band:0.05` means.

    Raises
    ------
    ValueError
        If it means neither.
    """
    if text in PERIODS:
        return PERIODS[text], None
    band = float(text.removeprefix(BAND)) if text.startswith(BAND) else np.nan
    if not 0.0 < band < 1.0:
        raise ValueError(text)
    return None, band


def _rises(market: Market, at: IntArray, lookback: int) -> FloatArray:
    """Return how much each symbol rose over `lookback` of its own bars, shape (n, n_symbols)."""
    closes = comparable_closes(market)
    now, then = (closes_before(market, closes, at, n).T for n in (0, lookback))
    rises: FloatArray = now / then - 1.0
    return rises


def _spoken(market: Market, at: IntArray, rows: FloatArray) -> Targets:
    """Return the targets without rows that leave everything alone."""
    has_weight = ~np.isnan(rows).all(axis=1)
    return Targets(at=at[has_weight], rows=rows[has_weight], n_times=market.time.size)
