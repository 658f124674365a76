"""What the broker keeps for target weights, behind the addresses of its state."""

from __future__ import annotations

import math

import numpy as np

from engine.kernels.broker_records import ENTRY, TARGET
from engine.types import Market, Targets

ROOM_FOR_LOTS = 16
"""Open entries of a symbol for which there is room from the start."""


class TargetBooks:
    """The arrays of one run: weights, rebalance orders, and open entries that can grow."""

    def __init__(self, market: Market, targets: Targets) -> None:
        n_symbols = len(market.symbols)
        self._bars = np.ascontiguousarray(targets.at, dtype=np.int64)
        self._weights = np.ascontiguousarray(targets.rows, dtype=np.float64)
        self._orders = np.zeros(n_symbols, TARGET)
        self._entries = np.zeros((n_symbols, ROOM_FOR_LOTS), ENTRY)
        self._band = math.nan if targets.band is None else targets.band

    def write(self, state: np.void) -> None:
        """Write where everything stands into the broker's state."""
        state["targets"] = self._orders.ctypes.data
        state["rebalance_bars"] = self._bars.ctypes.data
        state["n_rebalances"] = self._bars.size
        state["weights"] = self._weights.ctypes.data
        state["band"] = self._band
        self._point_at_entries(state)

    def prepare(self, state: np.void) -> None:
        """Make room for one more open entry of each symbol, and one to spare."""
        if state["account"]["most_held"] + 2 > state["most_entries"]:
            more = np.zeros((self._entries.shape[0], 2 * self._entries.shape[1]), ENTRY)
            more[:, : self._entries.shape[1]] = self._entries
            self._entries = more
            self._point_at_entries(state)

    def _point_at_entries(self, state: np.void) -> None:
        state["entries"] = self._entries.ctypes.data
        state["most_entries"] = self._entries.shape[1]
