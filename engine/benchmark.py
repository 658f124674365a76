"""What simply holding would have made (M7)."""

from __future__ import annotations

import numpy as np

from engine.types import FloatArray, Market


def buy_and_hold(market: Market, cash: float) -> FloatArray:
    """Return the value of an account split evenly over all symbols and left alone (M7).

    Parameters
    ----------
    market : Market
        The run's bars; only those from `market.first` on count.
    cash : float
        Value of the account at the first bar.

    Returns
    -------
    ndarray of float64, shape (n_times - first,)
        cash · mean over symbols of A_t / A_0, without costs: A is the close with dividends
        reinvested at the close of their ex-date and shares multiplied by splits. A symbol's share
        waits as cash until its own first bar.
    """
    ratios = [_growth(market, i) for i in range(len(market.symbols))]
    mean: FloatArray = cash * np.mean(ratios, axis=0)
    return mean


def hold(market: Market, symbol: str, cash: float) -> FloatArray:
    """Return the same for one symbol of the market."""
    result: FloatArray = cash * _growth(market, market.symbols.index(symbol))
    return result


def _growth(market: Market, i_symbol: int) -> FloatArray:
    """Return A_t / A_0 at every instant of the run, 1 before the symbol's first bar in it."""
    has_bar = market.has_bar[i_symbol, market.first :]
    if has_bar.all() and not market.has_action[i_symbol, market.first :].any():
        close = market.close[i_symbol, market.first :]
        ratio: FloatArray = close / close[0]
        return ratio
    own = np.flatnonzero(has_bar) + market.first
    growth = np.ones(has_bar.size)
    if own.size == 0:
        return growth
    close = market.close[i_symbol, own]
    shares = market.split[i_symbol, own] * (1.0 + market.dividend[i_symbol, own] / close)
    shares[0] = 1.0
    at_bars = np.cumprod(shares) * close / close[0]
    n_so_far = np.cumsum(has_bar)
    has_started = n_so_far > 0
    growth[has_started] = at_bars[n_so_far[has_started] - 1]
    return growth
