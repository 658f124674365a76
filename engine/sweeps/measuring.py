"""What is kept of each point of a sweep, and the metrics that follow from it (M1, M3-M5)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from config.run import RunConfig
from engine.clock import DAY_MS, DAYS_PER_YEAR
from engine.metrics import Conventions, conventions
from engine.metrics.ratios import TINY
from engine.metrics.series import period_ends
from engine.types import FloatArray, IntArray, Market, Table

N_TIME_BLOCKS = 16
"""Parts of the run of which each point keeps its returns' sums: what PBO needs (M12)."""

COLUMNS = (
    "final_equity",
    "total_return",
    "cagr",
    "volatility",
    "sharpe",
    "max_drawdown",
    "calmar",
    "trades",
)

NOISE = 1e-13
"""Of the sum of squares: a spread below it is the rounding of equal returns."""


@dataclass(frozen=True, kw_only=True)
class Yardstick:
    """How the points of a sweep are measured; they share one clock, so it is the same for all.

    Attributes
    ----------
    time : ndarray of int64, shape (n_bars,)
        The run's stamps, UTC ms.
    cash : float
        What every point begins with.
    rules : Conventions
    last : ndarray of int64, shape (n_periods,)
        The last bar of each period between whose ends returns are taken (M1).
    """

    time: IntArray
    cash: float
    rules: Conventions
    last: IntArray

    @cached_property
    def edges(self) -> IntArray:
        """The first return of each time block, shape (17,): return k ends at period k + 1."""
        n_returns = self.last.size - 1
        return np.arange(N_TIME_BLOCKS + 1) * n_returns // N_TIME_BLOCKS

    @cached_property
    def n_returns(self) -> IntArray:
        """How many returns each time block has, shape (16,)."""
        return np.diff(self.edges)

    @cached_property
    def edges_ms(self) -> IntArray:
        """The stamps of the bars between which the time blocks lie, shape (17,), UTC ms."""
        return self.time[self.last[self.edges]]


def yardstick(market: Market, config: RunConfig) -> Yardstick:
    """Return how runs of this configuration on this market are measured."""
    time = market.time[market.first :]
    rules = conventions(
        time,
        calendars=market.calendars,
        zones=market.zones,
        periods_per_year=config.periods_per_year,
        risk_free_rate=config.risk_free_rate,
    )
    return Yardstick(time=time, cash=config.cash, rules=rules, last=period_ends(time, rules))


@dataclass(frozen=True, slots=True)
class Totals:
    """What is kept of n points.

    Attributes
    ----------
    final_equity, grown : ndarray of float64, shape (n,)
        The last equity; and what the cash alone has become of: the same without contributions.
    max_drawdown : ndarray of float64, shape (n,)
        Fractions in [-1, 0].
    n_trades, n_returns : ndarray of int64, shape (n,)
        Closed trades; returns up to the one that ends at zero (F12).
    sums, squares : ndarray of float64, shape (n, 16)
        Σ r and Σ r² of each time block, without returns after ruin.
    """

    final_equity: FloatArray
    grown: FloatArray
    max_drawdown: FloatArray
    n_trades: IntArray
    n_returns: IntArray
    sums: FloatArray
    squares: FloatArray


def empty_totals(n: int) -> Totals:
    """Return room for n points."""
    return Totals(
        final_equity=np.empty(n),
        grown=np.empty(n),
        max_drawdown=np.empty(n),
        n_trades=np.empty(n, np.int64),
        n_returns=np.empty(n, np.int64),
        sums=np.empty((n, N_TIME_BLOCKS)),
        squares=np.empty((n, N_TIME_BLOCKS)),
    )


def point_metrics(totals: Totals, measured_by: Yardstick) -> Table:
    """Return the columns of a sweep's table; NaN where a metric is not defined.

    Notes
    -----
    The spread of returns is Σr² − (Σr)²/n: to 1e-12 of a run's own, whose mean is small beside
    its deviation. Where it is lost in rounding the returns are equal and there is no ratio (M4).
    """
    rules, cash = measured_by.rules, measured_by.cash
    root = np.sqrt(rules.periods_per_year)
    with np.errstate(all="ignore"):
        n = totals.n_returns.astype(np.float64)
        total, squares = totals.sums.sum(axis=1), totals.squares.sum(axis=1)
        spread = squares - total * total / n
        spread[spread <= NOISE * squares] = 0.0
        deviation = np.sqrt(spread / (n - 1.0))
        deviation[n < 2.0] = np.nan
        excess = total / n - rules.risk_free_per_period
        sharpe = np.where(deviation >= TINY, excess / deviation * root, np.nan)
        growth = _growth(totals.grown / cash, measured_by)
        depth = totals.max_drawdown
        columns = np.array(
            [
                totals.final_equity,
                np.maximum(totals.grown, 0.0) / cash - 1.0,
                growth,
                deviation * root,
                sharpe,
                depth,
                np.where(depth < 0.0, growth / -depth, np.nan),
            ]
        )
    # What is not finite is not defined; adding zero turns -0.0 into 0.0.
    columns += 0.0
    columns[~np.isfinite(columns)] = np.nan
    return {**dict(zip(COLUMNS, columns, strict=False)), "trades": totals.n_trades}


def _growth(factor: FloatArray, measured_by: Yardstick) -> FloatArray:
    """Return the compound growth a year (M3); NaN when no time has passed."""
    elapsed_ms = float(measured_by.time[-1] - measured_by.time[0])
    if elapsed_ms <= 0.0:
        return np.full(factor.size, np.nan)
    years = elapsed_ms / (DAYS_PER_YEAR * DAY_MS)
    return np.where(factor <= 0.0, -1.0, np.maximum(factor, 0.0) ** (1.0 / years) - 1.0)
