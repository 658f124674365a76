"""What the Overview shows of a run, or of a selected range of it: the numbers of every figure."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

from engine.metrics import METRIC_NAMES, Conventions, compute_metrics, curve_metrics
from engine.metrics.drawdowns import drawdown_series, duration_days, find_drawdowns
from engine.metrics.ratios import TINY, Metrics, tail_metrics
from engine.metrics.record import Record
from engine.metrics.series import calendar_returns, period_values, returns_of, unit_curve
from engine.types import BoolArray, FloatArray, IntArray, Table

N_DRAWDOWNS = 5
MIN_WINDOW_PERIODS = 12
MAX_ROLLING_POINTS = 1000
MAX_QQ_POINTS = 200
N_QQ_TAIL = 20
MIN_BINS, MAX_BINS = 10, 60


class _Curve(NamedTuple):
    """Value of an account at each close without contributions, and what it is measured against."""

    time: IntArray
    value: FloatArray
    base: float
    n_before: int


def statistics(
    record: Record, *, from_ms: int | None = None, to_ms: int | None = None
) -> dict[str, Any]:
    """Return the numbers behind the Overview of a run, or of a range of it.

    Parameters
    ----------
    record : Record
        The whole run.
    from_ms, to_ms : int, optional
        First and last instant of the range (UTC ms, both belong to it); None leaves that end.

    Returns
    -------
    dict
        Ready for JSON, times in UTC ms, None where something is not defined.
        metrics, benchmark_metrics : as of a run; benchmark_metrics is empty without a benchmark.
        monthly : rows of year, months (12), total, and of the benchmark `benchmark` (its total)
            and `benchmark_months`.
        drawdowns : the five deepest, deepest first.
        rolling : Sharpe ratio, volatility and beta over half a year.
        distribution : returns of periods with a position.
        qq : all returns against a normal distribution of the same mean and deviation.

    Notes
    -----
    A range is measured from the close before it, so the return of its first bar counts. A trade
    belongs to the range that it closed in. Nothing is defined for a range without bars, nor after
    the account was ruined.
    """
    part = _select(record, from_ms, to_ms)
    if part is None:
        return _undefined()
    value = unit_curve(part.equity["equity"], part.equity.get("flow"), part.base)
    curve = _Curve(part.equity["time"], value, part.base, part.n_before)
    benchmark = _benchmark_curve(part)
    last, ends = period_values(curve.time, curve.value, curve.base, part.rules)
    returns = returns_of(ends)
    is_held = _held_periods(part.equity["exposure"], last)[: returns.size]
    return {
        "metrics": compute_metrics(
            part.equity,
            part.trades,
            part.fills,
            base=part.base,
            rules=part.rules,
            benchmark=part.benchmark,
            n_before=part.n_before,
        ),
        "benchmark_metrics": _benchmark_metrics(benchmark, part.rules),
        "monthly": monthly_returns(curve, benchmark, part.rules),
        "drawdowns": deepest_drawdowns(curve),
        "rolling": rolling_statistics(curve, part.benchmark, part.rules),
        "distribution": distribution(returns[is_held]),
        "qq": normal_quantiles(returns),
    }


def _undefined() -> dict[str, Any]:
    nothing = np.zeros(0)
    return {
        "metrics": dict.fromkeys(METRIC_NAMES),
        "benchmark_metrics": {},
        "monthly": [],
        "drawdowns": [],
        "rolling": _no_rolling(0),
        "distribution": distribution(nothing),
        "qq": normal_quantiles(nothing),
    }


def _select(record: Record, from_ms: int | None, to_ms: int | None) -> Record | None:
    """Return the range with the bar before it, None when nothing can be measured there."""
    time = record.equity["time"]
    start = 0 if from_ms is None else int(np.searchsorted(time, from_ms, side="left"))
    stop = time.size if to_ms is None else int(np.searchsorted(time, to_ms, side="right"))
    if stop <= start:
        return None
    n_before = 1 if start > 0 else 0
    base = float(record.equity["equity"][start - 1]) if n_before else record.base
    if base <= 0.0:
        return None
    rows = slice(start - n_before, stop)
    first_ms, last_ms = int(time[start]), int(time[stop - 1])
    fill_time = record.fills["time"]
    in_range = (fill_time >= first_ms) & (fill_time <= last_ms)
    return Record(
        equity={name: column[rows] for name, column in record.equity.items()},
        trades=_trades_between(record.trades, first_ms, last_ms),
        fills={name: column[in_range] for name, column in record.fills.items()},
        benchmark=None if record.benchmark is None else record.benchmark[rows],
        base=base,
        rules=record.rules,
        n_before=n_before,
    )


def _trades_between(trades: Table, first_ms: int, last_ms: int) -> Table:
    """Return the trades closed in the range, and as open ones those held at its end."""
    is_open = trades["open"].astype(bool)
    exit_time = np.where(is_open, np.iinfo(np.int64).max, trades["exit_time"])
    is_open_at_end = (trades["entry_time"] <= last_ms) & (exit_time > last_ms)
    keep = is_open_at_end | ((exit_time >= first_ms) & (exit_time <= last_ms))
    kept = {name: column[keep] for name, column in trades.items()}
    return kept | {"open": is_open_at_end[keep]}


def _benchmark_curve(part: Record) -> _Curve | None:
    if part.benchmark is None:
        return None
    has_value = np.isfinite(part.benchmark)
    if not has_value.any():
        return None
    value = part.benchmark[has_value]
    n_before = part.n_before if has_value[0] else 0
    return _Curve(part.equity["time"][has_value], value, float(value[0]), n_before)


def _benchmark_metrics(benchmark: _Curve | None, rules: Conventions) -> Metrics:
    if benchmark is None:
        return {}
    return curve_metrics(benchmark.time, benchmark.value, base=benchmark.base, rules=rules)


def monthly_returns(
    curve: _Curve, benchmark: _Curve | None, rules: Conventions
) -> list[dict[str, Any]]:
    """Return a row a year: twelve monthly returns and the year's, of both accounts.

    Months are those of the local date for bars shorter than a day, else of the UTC date. The
    first month is measured from the base, so the rows compound to the total return.
    """
    months, by_month = _calendar_returns(curve, "datetime64[M]", rules)
    years, totals = _calendar_returns(curve, "datetime64[Y]", rules)
    theirs: dict[int, float | None] = {}
    their_months: dict[int, float | None] = {}
    if benchmark is not None:
        their_years, their_totals = _calendar_returns(benchmark, "datetime64[Y]", rules)
        theirs = dict(zip(their_years, their_totals, strict=True))
        numbers, values = _calendar_returns(benchmark, "datetime64[M]", rules)
        their_months = dict(zip(numbers, values, strict=True))
    month_returns = dict(zip(months, by_month, strict=True))
    return [
        {
            "year": 1970 + year,
            "months": [month_returns.get(12 * year + month) for month in range(12)],
            "total": total,
            "benchmark": theirs.get(year),
            "benchmark_months": [their_months.get(12 * year + month) for month in range(12)],
        }
        for year, total in zip(years, totals, strict=True)
    ]


def _calendar_returns(
    curve: _Curve, unit: str, rules: Conventions
) -> tuple[list[int], list[float | None]]:
    """Return the numbers of the months or years since 1970 and the return of each."""
    time, value = curve.time[curve.n_before :], curve.value[curve.n_before :]
    numbers, returns = calendar_returns(time, value, curve.base, unit, rules)
    return numbers.tolist(), _nullable(returns)


def deepest_drawdowns(curve: _Curve) -> list[dict[str, Any]]:
    """Return the five deepest falls (M5), deepest first; `recovered` is None while ongoing."""
    time = curve.time
    falls = find_drawdowns(drawdown_series(curve.value, curve.base))
    deepest = sorted(falls, key=lambda fall: fall.depth)[:N_DRAWDOWNS]
    return [
        {
            "depth": fall.depth,
            "peak": int(time[fall.i_peak]),
            "trough": int(time[fall.i_trough]),
            "recovered": None if fall.i_recovered is None else int(time[fall.i_recovered]),
            "days": duration_days(time, fall),
            "bars": fall.i_end - fall.i_peak,
        }
        for fall in deepest
    ]


def rolling_statistics(
    curve: _Curve, benchmark: FloatArray | None, rules: Conventions
) -> dict[str, Any]:
    """Return Sharpe ratio, volatility and beta over a moving half year of periods.

    At most `MAX_ROLLING_POINTS` windows are measured, evenly spaced and ending at the last one.
    """
    window = max(round(rules.periods_per_year / 2.0), MIN_WINDOW_PERIODS)
    last, value = period_values(curve.time, curve.value, curve.base, rules)
    returns = returns_of(value)
    n_windows = returns.size - window + 1
    if n_windows < 1:
        return _no_rolling(window)
    step = -(-n_windows // MAX_ROLLING_POINTS)
    chosen = slice((n_windows - 1) % step, None, step)
    own = np.lib.stride_tricks.sliding_window_view(returns, window)[chosen]
    sharpe, volatility = _rolling_ratios(own, rules)
    found = _no_rolling(window) | {
        "time": curve.time[last[window : returns.size + 1]][chosen].tolist(),
        "sharpe": _nullable(sharpe),
        "volatility": _nullable(volatility),
    }
    if benchmark is None:
        return found
    ends = benchmark[last]
    ends[0] = benchmark[0]
    their_returns = (ends[1:] / ends[:-1] - 1.0)[: returns.size]
    theirs = np.lib.stride_tricks.sliding_window_view(their_returns, window)[chosen]
    their_sharpe, their_volatility = _rolling_ratios(theirs, rules)
    return found | {
        "beta": _nullable(_rolling_beta(own, theirs)),
        "benchmark_sharpe": _nullable(their_sharpe),
        "benchmark_volatility": _nullable(their_volatility),
    }


def _no_rolling(window: int) -> dict[str, Any]:
    names = ("time", "sharpe", "volatility", "beta", "benchmark_sharpe", "benchmark_volatility")
    return {"window_bars": window} | {name: [] for name in names}


def _rolling_ratios(windows: FloatArray, rules: Conventions) -> tuple[FloatArray, FloatArray]:
    """Return Sharpe ratio and volatility of each row, NaN where there is no deviation."""
    std = windows.std(axis=1, ddof=1)
    excess = windows.mean(axis=1) - rules.risk_free_per_period
    root = np.sqrt(rules.periods_per_year)
    return excess / np.where(std < TINY, np.nan, std) * root, std * root


def _rolling_beta(own: FloatArray, theirs: FloatArray) -> FloatArray:
    centred = theirs - theirs.mean(axis=1, keepdims=True)
    spread = (centred * centred).sum(axis=1)
    is_flat = np.sqrt(spread / (own.shape[1] - 1)) < TINY
    beta: FloatArray = (own * centred).sum(axis=1) / np.where(is_flat, np.nan, spread)
    return beta


def _held_periods(exposure: FloatArray, last: IntArray) -> BoolArray:
    """Return for each return whether a position was held at any close from its start to its end."""
    held_before = np.concatenate(([0], np.cumsum(exposure != 0.0)))
    is_held: BoolArray = held_before[last[1:] + 1] > held_before[last[:-1]]
    return is_held


def distribution(returns: FloatArray) -> dict[str, Any]:
    """Return a histogram with an edge at zero, and the moments and tail of the same returns.

    Bins are as wide as Freedman and Diaconis advise, between `MIN_BINS` and about `MAX_BINS`.
    """
    n = returns.size
    if n == 0:
        names = ("mean", "std", "var_95", "cvar_95")
        return {"edges": [], "counts": [], "n": 0} | dict.fromkeys(names)
    edges = _bin_edges(returns)
    counts, _ = np.histogram(returns, edges)
    tail = tail_metrics(returns)
    return {
        "edges": edges.tolist(),
        "counts": counts.tolist(),
        "mean": float(returns.mean()),
        "std": float(returns.std(ddof=1)) if n > 1 else None,
        "n": n,
        "var_95": tail["var_95"],
        "cvar_95": tail["cvar_95"],
    }


def _bin_edges(returns: FloatArray) -> FloatArray:
    low, high = min(float(returns.min()), 0.0), max(float(returns.max()), 0.0)
    span = high - low
    if span == 0.0:
        return np.array([-1e-4, 0.0, 1e-4])
    quarter, three_quarters = np.quantile(returns, (0.25, 0.75))
    advised = 2.0 * float(three_quarters - quarter) / float(np.cbrt(returns.size))
    width = min(max(advised, span / MAX_BINS), span / MIN_BINS)
    # One bin more at the top, so that the largest value never falls on the closing edge.
    return width * np.arange(np.floor(low / width), np.floor(high / width) + 2.0)


def normal_quantiles(returns: FloatArray) -> dict[str, list[float]]:
    """Return sorted returns beside the normal quantiles of the same mean and deviation.

    Of many returns the `N_QQ_TAIL` at each end are all kept and the rest is thinned evenly.
    """
    n = returns.size
    std = float(returns.std(ddof=1)) if n > 1 else 0.0
    if std < TINY:
        return {"theoretical": [], "sample": []}
    ranks = np.arange(n)
    if n > MAX_QQ_POINTS:
        middle = np.linspace(N_QQ_TAIL, n - 1 - N_QQ_TAIL, MAX_QQ_POINTS - 2 * N_QQ_TAIL)
        ranks = np.concatenate((ranks[:N_QQ_TAIL], np.round(middle), ranks[-N_QQ_TAIL:]))
        ranks = np.unique(ranks.astype(np.int64))
    normal = NormalDist(float(returns.mean()), std)
    return {
        "theoretical": [normal.inv_cdf((rank + 0.5) / n) for rank in ranks.tolist()],
        "sample": np.sort(returns)[ranks].tolist(),
    }


def _nullable(values: FloatArray) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in values.tolist()]
