"""The momentum rotation of P6 as a vectorised pandas script: what it is measured against.

Frames of (days, symbols) throughout and no loop: prices in, the equity at each close out.
"""

from __future__ import annotations

import pandas as pd


def choose(closes: pd.DataFrame, *, lookback: int, top: int) -> pd.DataFrame:
    """Return the weights wanted at the first close of each month, once there is a rise to know."""
    rise = closes.pct_change(lookback, fill_method=None)
    ranks = rise.rank(axis=1, ascending=False, method="first")
    month = closes.index.to_period("M")
    is_first = ~month.duplicated() & rise.notna().any(axis=1)
    return (ranks <= top)[is_first] / top


def choose_sparsely(closes: pd.DataFrame, *, lookback: int, top: int) -> pd.DataFrame:
    """Return the same, but rank only the days on which weights are wanted."""
    month = closes.index.to_period("M")
    is_first = ~month.duplicated()
    rise = closes[is_first] / closes.shift(lookback)[is_first] - 1.0
    rise = rise[rise.notna().any(axis=1)]
    return (rise.rank(axis=1, ascending=False, method="first") <= top) / top


def equity(
    opens: pd.DataFrame, closes: pd.DataFrame, weights: pd.DataFrame, *, cash: float, fee: float
) -> pd.Series:
    """Return the equity at each close when weights are bought at the next open and then drift."""
    wanted = weights.reindex(closes.index).shift()
    is_fill = wanted.notna().any(axis=1)
    held = wanted.ffill().fillna(0.0)
    paid = opens.where(is_fill, axis=0).ffill()
    # What one of equity at the fill is worth at each close, and at the open of the next fill.
    idle = 1.0 - held.sum(axis=1)
    worth = (held * (closes / paid)).sum(axis=1) + idle
    drifted = (held.shift() * (opens / paid.shift()))[is_fill]
    grown = (drifted.sum(axis=1) + idle.shift()[is_fill]).fillna(1.0)
    turnover = (wanted[is_fill] - drifted.div(grown, axis=0).fillna(0.0)).abs().sum(axis=1)
    kept = (grown * (1.0 - fee * turnover)).cumprod()
    return cash * worth * kept.reindex(closes.index).ffill().fillna(1.0)
