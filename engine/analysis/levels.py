"""Where a trade's stop, trail and target stood at each bar of its life (F5)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from engine.types import FillPhase, FloatArray, IntArray, Market

Row = dict[str, Any]
"""One row of a table by column."""


class TrailMove(NamedTuple):
    """A trailing stop that moved at the close of bar `i`, led by a new extreme."""

    i: int
    extreme: float
    before: float
    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """The children of one entry at each own bar from its fill to its exit.

    `i` counts bars from the run's first. `stop`, `trail` and `target` are raw prices in that bar's
    shares as they stood during the bar, NaN where the entry has none.
    """

    is_long: bool
    i: IntArray
    stop: FloatArray
    trail: FloatArray
    target: FloatArray
    moves: tuple[TrailMove, ...]

    @property
    def tighter(self) -> FloatArray:
        """Return the stop that works: the nearer of stop and trail."""
        nearer: FloatArray = (np.fmax if self.is_long else np.fmin)(self.stop, self.trail)
        return nearer


def levels_of(market: Market, order: Row, fill: Row, i_end: int) -> Levels:
    """Return the levels of the entry that `order` made by `fill`, up to bar `i_end`.

    Parameters
    ----------
    order : row of Ledger.orders
        Its stop is stop_a + stop_b · entry price, its target alike, in the shares of its bar.
    fill : row of Ledger.fills
        The entry's first one.
    i_end : int
        Last bar, counted from the run's first.
    """
    s, side, begin = int(order["symbol"]), int(order["side"]), int(fill["i_time"])
    split = market.split[s, market.first :]
    ratio = float(np.prod(split[int(order["i_time"]) + 1 : begin + 1]))
    entry_price, is_trail_fraction = float(fill["price"]), bool(order["is_trail_fraction"])
    stop = order["stop_a"] / ratio + order["stop_b"] * entry_price
    target = order["target_a"] / ratio + order["target_b"] * entry_price
    distance = order["trail"] if is_trail_fraction else order["trail"] / ratio
    trail = _trail_from(side, entry_price, distance, is_trail_fraction)
    extreme = math.nan
    own = begin + np.flatnonzero(market.has_bar[s, market.first + begin : market.first + i_end + 1])
    rows, moves = [], []
    for i in own.tolist():
        if i > begin and split[i] != 1.0:
            stop, target, trail = stop / split[i], target / split[i], trail / split[i]
            extreme /= split[i]
            if not is_trail_fraction:
                distance /= split[i]
        rows.append((stop, trail, target))
        reached = _reached(market, s, side, i, fill)
        if math.isnan(trail) or math.isnan(reached):
            continue
        if not side * (reached - extreme) <= 0.0:
            extreme = reached
        moved = _trail_from(side, extreme, distance, is_trail_fraction)
        if side * (moved - trail) > 0.0:
            moves.append(TrailMove(i, extreme, trail, moved))
            trail = moved
    columns = np.array(rows, dtype=np.float64).reshape(-1, 3).T
    return Levels(
        i=own,
        stop=columns[0],
        trail=columns[1],
        target=columns[2],
        moves=tuple(moves),
        is_long=side > 0,
    )


def _trail_from(side: int, anchor: float, trail: float, is_fraction: bool) -> float:
    return anchor * (1.0 - side * trail) if is_fraction else anchor - side * trail


def _reached(market: Market, s: int, side: int, i: int, fill: Row) -> float:
    """Return how far the bar carries a trail: of the entry's own bar only what came after it."""
    t = market.first + i
    if i == fill["i_time"]:
        if fill["phase"] == FillPhase.CLOSE:
            return math.nan
        if fill["phase"] == FillPhase.INSIDE:
            return float(market.close[s, t])
    return float(market.high[s, t] if side > 0 else market.low[s, t])
