"""Statistics of trades, fills and exposure (M8, M9, M10)."""

from __future__ import annotations

import math

import numpy as np

from engine.clock import DAY_MS, DAYS_PER_YEAR
from engine.metrics.ratios import TINY, Metrics, ratio
from engine.types import BoolArray, FloatArray, IntArray, Table

_TRADE_STATISTICS = (
    "win_rate",
    "profit_factor",
    "expectancy",
    "average_trade",
    "average_win",
    "average_loss",
    "payoff_ratio",
    "best_trade",
    "worst_trade",
    "average_bars_held",
    "average_mae",
    "average_mfe",
    "average_r_multiple",
    "sqn",
    "kelly",
)


def trade_metrics(trades: Table) -> Metrics:
    """Return the statistics of closed trades (M8, M10); open ones are counted only.

    Parameters
    ----------
    trades : table
        Columns pnl (net money), return, bars, mae, mfe (fractions), open, exit_time, and
        r_multiple (NaN without a stop).
    """
    is_closed = ~trades["open"].astype(bool)
    counts: Metrics = {
        "trades": int(is_closed.sum()),
        "open_trades": int(is_closed.size - is_closed.sum()),
    }
    in_order = np.argsort(trades["exit_time"][is_closed], kind="stable")
    pnl = trades["pnl"][is_closed][in_order]
    counts |= {
        "max_consecutive_wins": longest_row(pnl > 0.0),
        "max_consecutive_losses": longest_row(pnl < 0.0),
    }
    if counts["trades"] == 0:
        return counts | dict.fromkeys(_TRADE_STATISTICS)
    closed = {name: trades[name][is_closed] for name in ("return", "bars", "mae", "mfe")}
    r_multiples = trades["r_multiple"][is_closed]
    r_multiples = r_multiples[np.isfinite(r_multiples)]
    return (
        counts
        | _money_metrics(pnl)
        | {
            "average_trade": float(closed["return"].mean()),
            "best_trade": float(closed["return"].max()),
            "worst_trade": float(closed["return"].min()),
            "average_bars_held": float(closed["bars"].mean()),
            "average_mae": float(closed["mae"].mean()),
            "average_mfe": float(closed["mfe"].mean()),
            "average_r_multiple": float(r_multiples.mean()) if r_multiples.size else None,
        }
    )


def _money_metrics(pnl: FloatArray) -> Metrics:
    """Return what follows from the net money of each closed trade; at least one."""
    wins, losses = pnl[pnl > 0.0], pnl[pnl < 0.0]
    win_rate = wins.size / pnl.size
    win = float(wins.mean()) if wins.size else None
    loss = float(losses.mean()) if losses.size else None
    payoff = None if win is None or loss is None else ratio(win, -loss, 1.0)
    std = float(pnl.std(ddof=1)) if pnl.size > 1 else 0.0
    return {
        "win_rate": win_rate,
        "profit_factor": ratio(float(wins.sum()), abs(float(losses.sum())), 1.0),
        "expectancy": float(pnl.mean()),
        "average_win": win,
        "average_loss": loss,
        "payoff_ratio": payoff,
        "kelly": None if payoff is None else win_rate - (1.0 - win_rate) / payoff,
        "sqn": ratio(float(pnl.mean()), std, math.sqrt(pnl.size)),
    }


def longest_row(is_one: BoolArray) -> int:
    """Return the length of the longest run of true values.

    Examples
    --------
    >>> longest_row(np.array([True, False, True, True]))
    2
    """
    breaks = np.flatnonzero(np.concatenate(([True], ~is_one, [True])))
    return int(np.diff(breaks).max()) - 1


def exposure_metrics(exposure: FloatArray) -> Metrics:
    """Return how long and how much of the account was in the market (M9).

    Parameters
    ----------
    exposure : ndarray of float64, shape (n_bars,)
        Σ|q|·close / equity at each close; at least one bar.
    """
    return {
        "exposure_time": float(np.mean(exposure != 0.0)),
        "gross_exposure": float(exposure.mean()),
    }


def turnover_metrics(time: IntArray, equity: FloatArray, fills: Table) -> Metrics:
    """Return money traded a year, both ways counted half, as a share of mean equity; and fees.

    Turnover is 0 without fills and None when no time passed or the mean equity is not positive.
    """
    fees = float(fills["fee"].sum())
    if fills["fee"].size == 0:
        return {"turnover": 0.0, "fees": 0.0}
    years = float(time[-1] - time[0]) / (DAYS_PER_YEAR * DAY_MS)
    traded = float(fills["quantity"] @ fills["price"]) / 2.0
    mean_equity = float(equity.mean())
    turnover = None if years <= 0.0 or mean_equity < TINY else traded / mean_equity / years
    return {"turnover": turnover, "fees": fees}
