"""Accounts that hold given positions at given places: random entries to compare a run with."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit


class Prices(NamedTuple):
    """Opens and closes, shape (n_symbols, n_bars), known everywhere, in the shares of one bar."""

    open: np.ndarray
    close: np.ndarray


class Placed(NamedTuple):
    """Trades of each sample, shape (n_samples, n_trades), by the bar of their entry.

    `leave` is the bar of the exit, `enter` itself for a trade of one bar, and n_bars for one that
    stays open. `weight` is its share of the equity at the close before, negative for shorts.
    """

    enter: np.ndarray
    leave: np.ndarray
    symbol: np.ndarray
    weight: np.ndarray


class Measured(NamedTuple):
    """What each sample comes to: equity at some bars, at the end, deepest fall, lowest equity."""

    value: np.ndarray
    final: np.ndarray
    depth: np.ndarray
    lowest: np.ndarray


@njit(cache=True, nogil=True, error_model="numpy")
def hold_placed(prices, placed, cost, places, out):
    """Trade every sample's trades and write what its account of 1 comes to.

    Entries and exits are at opens, exits first, a trade of one bar leaves at its close; every fill
    costs `cost` of its value. Equity is marked at closes; at 0 or below the account ends with 0.
    `places` are the bars at which equity is written, ascending.
    """
    n_bars = prices.open.shape[1]
    n_samples, n_trades = placed.enter.shape
    held = np.empty(n_trades, np.int64)
    units = np.empty(n_trades)
    for i in range(n_samples):
        cash, equity, peak, depth, lowest = 1.0, 1.0, 1.0, 0.0, 1.0
        n_held, i_next, i_place = 0, 0, 0
        for t in range(n_bars):
            n_kept = 0
            for k in range(n_held):
                j = held[k]
                if placed.leave[i, j] == t:
                    price = prices.open[placed.symbol[i, j], t]
                    cash += units[k] * price - cost * abs(units[k]) * price
                else:
                    held[n_kept], units[n_kept] = j, units[k]
                    n_kept += 1
            n_held = n_kept
            while i_next < n_trades and placed.enter[i, i_next] == t:
                price = prices.open[placed.symbol[i, i_next], t]
                quantity = placed.weight[i, i_next] * equity / price
                cash -= quantity * price + cost * abs(quantity) * price
                if placed.leave[i, i_next] == t:
                    price = prices.close[placed.symbol[i, i_next], t]
                    cash += quantity * price - cost * abs(quantity) * price
                else:
                    held[n_held], units[n_held] = i_next, quantity
                    n_held += 1
                i_next += 1
            equity = cash
            for k in range(n_held):
                equity += units[k] * prices.close[placed.symbol[i, held[k]], t]
            if equity <= 0.0:
                cash, equity, n_held, i_next = 0.0, 0.0, 0, n_trades
            if equity > peak:
                peak = equity
            if equity / peak - 1.0 < depth:
                depth = equity / peak - 1.0
            if equity < lowest:
                lowest = equity
            while i_place < places.size and places[i_place] == t:
                out.value[i, i_place] = equity
                i_place += 1
        out.final[i], out.depth[i], out.lowest[i] = equity, depth, lowest
