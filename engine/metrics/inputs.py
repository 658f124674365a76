"""The quantities that the formulas of the metrics are made of, by the names of the catalogue."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from engine.clock import DAY_MS
from engine.metrics.drawdowns import drawdown_series, find_drawdowns
from engine.metrics.ratios import sharpe_per_period
from engine.metrics.record import Record
from engine.metrics.series import calendar_returns, common_returns, return_series, unit_curve
from engine.types import FloatArray, IntArray, Table

Inputs = dict[str, float | int | bool | str | None]


def measure_inputs(record: Record) -> Inputs:
    """Return every quantity that the catalogue names, None where a run has none.

    Parameters
    ----------
    record : Record
        A whole run.
    """
    equity, rules = record.equity, record.rules
    time, value = equity["time"], equity["equity"]
    curve = unit_curve(value, equity.get("flow"), record.base)
    returns = return_series(time, curve, record.base, rules)
    _, months = calendar_returns(time, curve, record.base, "datetime64[M]", rules)
    return (
        _money(equity, curve, record.base)
        | {"risk_free_rate": rules.risk_free_rate}
        | _of_returns(returns, rules.risk_free_per_period)
        | _of_months(months[np.isfinite(months)])
        | _of_drawdowns(time, curve, record.base)
        | _of_benchmark(record, curve)
        | _of_activity(record)
        | _of_trades(record.trades)
    )


def _money(equity: Table, curve: FloatArray, base: float) -> Inputs:
    time, flow = equity["time"], equity.get("flow")
    steps = np.diff(time)
    return {
        "cash": base,
        "cash_at_end": float(equity["cash"][-1]),
        "market_value_at_end": float(equity["equity"][-1] - equity["cash"][-1]),
        "n_flows": 0 if flow is None else int(np.count_nonzero(flow)),
        "growth": max(float(curve[-1]), 0.0) / base,
        "elapsed_days": float(time[-1] - time[0]) / DAY_MS,
        "median_step_days": float(np.median(steps)) / DAY_MS if steps.size else None,
        "n_bars": time.size,
    }


def _of_returns(r: FloatArray, rate: float) -> Inputs:
    found: Inputs = {"n_returns": r.size, "sharpe_per_period": sharpe_per_period(r, rate)}
    names = (
        "mean_excess root_mean_square_loss sum_gains sum_losses n_positive_returns quantile_05 "
        "quantile_95 sum_tail n_tail second_moment third_moment fourth_moment "
        "squared_deviation_sum lagged_product_sum std_return std_excess"
    )
    found |= dict.fromkeys(names.split())
    if r.size == 0:
        return found
    x, centred = r - rate, r - r.mean()
    low, high = np.quantile(r, (0.05, 0.95))
    tail = r[r <= max(low, r.min())]
    std = float(r.std(ddof=1)) if r.size > 1 else None
    return found | {
        "mean_excess": float(x.mean()),
        "std_return": std,
        "std_excess": std,
        "root_mean_square_loss": float(np.sqrt(np.mean(np.minimum(x, 0.0) ** 2))),
        "sum_gains": float(np.maximum(x, 0.0).sum()),
        "sum_losses": float(np.maximum(-x, 0.0).sum()),
        "n_positive_returns": int(np.count_nonzero(r > 0.0)),
        "quantile_05": float(low),
        "quantile_95": float(high),
        "sum_tail": float(tail.sum()),
        "n_tail": tail.size,
        "second_moment": float(np.mean(centred**2)),
        "third_moment": float(np.mean(centred**3)),
        "fourth_moment": float(np.mean(centred**4)),
        "squared_deviation_sum": float(centred @ centred),
        "lagged_product_sum": float(centred[1:] @ centred[:-1]),
    }


def _of_months(months: FloatArray) -> Inputs:
    return {
        "n_months": months.size,
        "n_positive_months": int(np.count_nonzero(months > 0.0)),
        "sum_months": float(months.sum()),
        "sum_losing_months": float(np.minimum(months, 0.0).sum()),
    }


def _of_drawdowns(time: IntArray, curve: FloatArray, base: float) -> Inputs:
    drawdown = drawdown_series(curve, base)
    falls = find_drawdowns(drawdown)
    found: Inputs = {
        "n_drawdowns": len(falls),
        "sum_depths": float(sum(fall.depth for fall in falls)),
        "sum_squared_drawdowns": float(drawdown @ drawdown),
    }
    names = "peak_value trough_value peak_time trough_time recovered_time drawdown_is_ongoing"
    if not falls:
        return found | dict.fromkeys(names.split())
    deepest = min(falls, key=lambda fall: fall.depth)
    trough = max(float(curve[deepest.i_trough]), 0.0)
    return found | {
        "peak_value": trough / (1.0 + deepest.depth) if trough else float(curve[deepest.i_peak]),
        "trough_value": trough,
        "peak_time": _iso(time[deepest.i_peak]),
        "trough_time": _iso(time[deepest.i_trough]),
        "recovered_time": _iso(time[deepest.i_end]),
        "drawdown_is_ongoing": deepest.i_recovered is None,
    }


def _iso(stamp_ms: int) -> str:
    """Return an instant as documents write it: ISO 8601 in UTC, a date alone at midnight."""
    moment = datetime.fromtimestamp(stamp_ms / 1000.0, UTC)
    if stamp_ms % DAY_MS == 0:
        return moment.date().isoformat()
    return moment.isoformat().replace("+00:00", "Z")


def _of_benchmark(record: Record, curve: FloatArray) -> Inputs:
    names = (
        "n_common mean_common_excess mean_benchmark_excess covariance common_variance "
        "benchmark_variance mean_difference std_difference benchmark_first benchmark_last"
    )
    found: Inputs = dict.fromkeys(names.split())
    time, rules = record.equity["time"], record.rules
    both = common_returns(time, curve, record.benchmark, record.base, rules)
    if both is None or record.benchmark is None:
        return found
    value = record.benchmark[np.isfinite(record.benchmark)]
    found |= {"benchmark_first": float(value[0]), "benchmark_last": float(value[-1])}
    own, theirs = both
    if own.size < 2:
        return found
    rate = rules.risk_free_per_period
    x, b, difference = own - own.mean(), theirs - theirs.mean(), own - theirs
    return found | {
        "n_common": own.size,
        "mean_common_excess": float(own.mean()) - rate,
        "mean_benchmark_excess": float(theirs.mean()) - rate,
        "covariance": float(x @ b) / (own.size - 1),
        "common_variance": float(x @ x) / (own.size - 1),
        "benchmark_variance": float(b @ b) / (own.size - 1),
        "mean_difference": float(difference.mean()),
        "std_difference": float(difference.std(ddof=1)),
    }


def _of_activity(record: Record) -> Inputs:
    exposure, fills = record.equity["exposure"], record.fills
    return {
        "n_bars_held": int(np.count_nonzero(exposure)),
        "sum_exposure": float(exposure.sum()),
        "traded_value": float(fills["quantity"] @ fills["price"]),
        "mean_equity": float(record.equity["equity"].mean()),
        "n_fills": int(fills["fee"].size),
    }


def _of_trades(trades: Table) -> Inputs:
    is_closed = ~trades["open"].astype(bool)
    closed = {name: column[is_closed] for name, column in trades.items()}
    pnl, r_multiples = closed["pnl"], closed["r_multiple"]
    r_multiples = r_multiples[np.isfinite(r_multiples)]
    sums = {"pnl": "pnl", "trade_returns": "return", "bars": "bars", "mae": "mae", "mfe": "mfe"}
    return {
        "n_trade_rows": int(is_closed.size),
        "n_wins": int(np.count_nonzero(pnl > 0.0)),
        "n_losses": int(np.count_nonzero(pnl < 0.0)),
        "sum_wins": float(np.maximum(pnl, 0.0).sum()),
        "sum_lost": float(np.minimum(pnl, 0.0).sum()),
        "std_pnl": float(pnl.std(ddof=1)) if pnl.size > 1 else None,
        "sum_r_multiples": float(r_multiples.sum()),
        "n_r_multiples": int(r_multiples.size),
        **{f"sum_{name}": float(closed[column].sum()) for name, column in sums.items()},
    }
