"""The numbers of a run (M1–M11), each by the formula of `docs/metrics.md`.

Everything is a plain function of the exported tables, so a stored run, a selected range of it and
a fresh result are measured alike. A statistic that is not defined is None, never NaN or infinite.
"""

from __future__ import annotations

import math

import numpy as np

from engine.metrics.catalogue import CATALOGUE, METRIC_NAMES
from engine.metrics.drawdowns import drawdown_metrics, drawdown_series
from engine.metrics.money import money_metrics
from engine.metrics.ratios import (
    Metrics,
    growth_rate,
    month_metrics,
    period_metrics,
    relative_metrics,
    return_metrics,
    significance_metrics,
    tail_metrics,
)
from engine.metrics.series import (
    Conventions,
    calendar_returns,
    common_returns,
    conventions,
    return_series,
    unit_curve,
)
from engine.metrics.trading import exposure_metrics, trade_metrics, turnover_metrics
from engine.types import FloatArray, IntArray, Table

__all__ = [
    "METRIC_NAMES",
    "Conventions",
    "Metrics",
    "compute_metrics",
    "conventions",
    "curve_metrics",
]


def compute_metrics(
    equity: Table,
    trades: Table,
    fills: Table,
    *,
    base: float,
    rules: Conventions,
    benchmark: FloatArray | None = None,
    n_before: int = 0,
) -> Metrics:
    """Return every metric of a run (M1–M11) by name.

    Parameters
    ----------
    equity : table
        Columns time (int64 UTC ms), equity and exposure, one row a bar, at least one; and flow
        (money paid in at each close) when the run has contributions.
    trades, fills : tables
        Columns as exported; open trades are counted, not measured.
    base : float
        The initial cash; for a selected range, the equity at the close before it.
    rules : Conventions
        How the numbers are dated and annualised.
    benchmark : ndarray of float64, shape (n_bars,), optional
        Value of the benchmark's account at each bar, NaN where it has none.
    n_before : int
        Leading rows that only give the base of a range: no exposure is counted there.

    Returns
    -------
    dict of str to float, int or None
        The names of `METRIC_NAMES`, in their order. Fractions, not percents.
    """
    time, value, flow = equity["time"], equity["equity"], equity.get("flow")
    curve = unit_curve(value, flow, base)
    found: Metrics = (
        curve_metrics(time, curve, base=base, rules=rules, n_before=n_before)
        | money_metrics(time, value, flow, base=base, n_before=n_before)
        | _benchmark_metrics(time, curve, benchmark, base=base, rules=rules)
        | exposure_metrics(equity["exposure"][n_before:])
        | turnover_metrics(time, value, fills)
        | trade_metrics(trades)
    )
    return {name: _finite(found[name]) for name in METRIC_NAMES}


def curve_metrics(
    time: IntArray, value: FloatArray, *, base: float, rules: Conventions, n_before: int = 0
) -> Metrics:
    """Return the metrics that follow from an account's value alone (M1–M6, M11).

    Parameters
    ----------
    time, value : ndarray, shape (n_bars,)
        UTC ms and value without contributions at each close, at least one bar.
    base : float
        What the value is measured against: the initial cash.
    n_before : int
        Leading rows that only give the base of a range: they belong to no month of it.
    """
    returns = return_series(time, value, base, rules)
    last = float(value[-1])
    growth = growth_rate(base, last, int(time[-1] - time[0]))
    falls = drawdown_metrics(time, drawdown_series(value, base))
    depth = falls["max_drawdown"]
    total = max(last, 0.0) / base - 1.0
    _, months = calendar_returns(time[n_before:], value[n_before:], base, "datetime64[M]", rules)
    found: Metrics = {
        "final_equity": last,
        "total_return": total,
        "cagr": growth,
        **month_metrics(months),
        **return_metrics(returns, rules.risk_free_per_period, rules.periods_per_year),
        "calmar": growth / -depth if growth is not None and depth else None,
        **falls,
        "recovery_factor": total / -depth if depth else None,
        **period_metrics(returns),
        **tail_metrics(returns),
        **significance_metrics(returns, rules.risk_free_per_period),
        "periods_per_year": rules.periods_per_year,
    }
    return {name: _finite(found[name]) for name in METRIC_NAMES if name in found}


def _benchmark_metrics(
    time: IntArray,
    curve: FloatArray,
    benchmark: FloatArray | None,
    *,
    base: float,
    rules: Conventions,
) -> Metrics:
    """Return the metrics against a benchmark, on the dates both have (M7)."""
    both = common_returns(time, curve, benchmark, base, rules)
    if both is None or benchmark is None:
        return {metric.name: None for metric in CATALOGUE if metric.rule == "M7"}
    value = benchmark[np.isfinite(benchmark)]
    related = relative_metrics(*both, rules.risk_free_per_period, rules.periods_per_year)
    return related | {"benchmark_return": float(value[-1] / value[0]) - 1.0}


def _finite(value: float | int | None) -> float | int | None:
    if value is None or not math.isfinite(value):
        return None
    # Adding zero turns -0.0 into 0.0.
    return value + 0
