"""Trades and positions, read off the fills (F11, M10)."""

from __future__ import annotations

import numpy as np

from engine.kernels.broker_records import TRADE, Tape
from engine.kernels.broker_trades import add_excursions, pair_fills
from engine.types import FloatArray, Ledger, Market, Table


class PairedTrades:
    """One row per pair of entry fill and exit fill, first in, first out.

    Parameters
    ----------
    tape : Tape
        The market's arrays.
    fills : structured array of `broker_records.FILL`
        In the order in which they happened.
    first : int
        Index of the run's first bar on the tape.
    """

    def __init__(self, tape: Tape, fills: np.ndarray, first: int) -> None:
        self._tape, self._fills, self._first = tape, fills, first
        rows = np.empty(2 * fills.size, TRADE)
        pairs = np.empty((2 * fills.size, 2), np.int64)
        n_rows = pair_fills(tape, fills, first, rows, pairs)
        self._rows, self._pairs = rows[:n_rows], pairs[:n_rows]

    @property
    def pnl(self) -> FloatArray:
        """Return what each row won or lost, net of both fees, open rows marked."""
        return self._rows["pnl"]

    @property
    def n_closed(self) -> int:
        """Return how many rows have an exit."""
        return int(self._rows.size - np.count_nonzero(self._rows["open"]))

    def table(self) -> Table:
        """Return the columns of `Ledger.trades`.

        Closed rows come in the order of their exits, then open rows, marked at the last close.
        Quantity and entry price are in the shares of the exit. `pnl` is net of both fees, split
        by quantity; `mae` <= 0 <= `mfe` are fractions of the entry price; `r_multiple` is NaN
        without a stop, `exit_reason` -1 and `exit_i` -1 while open.
        """
        add_excursions(self._tape, self._fills, self._first, self._rows, self._pairs)
        return fields(self._rows, TRADE.names or ())


def fields(rows: np.ndarray, names: tuple[str, ...]) -> Table:
    """Return the fields of a structured array as columns, without a copy."""
    return {name: rows[name] for name in names}


def position_weights(market: Market, ledger: Ledger) -> FloatArray:
    """Return each symbol's share of equity at every close of the run.

    Returns
    -------
    ndarray of float64, shape (n_symbols, n_run_times)
        q·close / equity, negative for shorts, with stale marks (F13); 0 where equity <= 0.
    """
    run = slice(market.first, None)
    fills = ledger.fills
    change = np.zeros((len(market.symbols), ledger.time.size))
    # In the shares of the run's start, so that fills add up across splits.
    scale = np.cumprod(market.split[:, run], axis=1)
    place = (fills["symbol"], fills["i_time"])
    np.add.at(change, place, fills["side"] * fills["quantity"] / scale[place])
    held = np.cumsum(change, axis=1)
    # Sums of fractions leave dust where the position is flat.
    held[np.abs(held) <= 1e-12 * np.cumsum(np.abs(change), axis=1)] = 0.0
    value = held * scale * _last_known(market.close[:, run])
    equity = np.where(ledger.equity > 0.0, ledger.equity, np.inf)
    weights: FloatArray = value / equity
    return weights


def _last_known(rows: FloatArray) -> FloatArray:
    """Return rows with each NaN replaced by the value before it, 0 where there is none."""
    at = np.where(np.isnan(rows), 0, np.arange(rows.shape[1]))
    np.maximum.accumulate(at, axis=1, out=at)
    return np.nan_to_num(np.take_along_axis(rows, at, axis=1))
