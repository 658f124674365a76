"""Decisions that come one bar late: how much a result owes to acting at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from engine.types import (
    BoolArray,
    Decisions,
    FloatArray,
    Market,
    SideSignals,
    Signals,
    SizeKind,
    Targets,
)

_T = TypeVar("_T", bound=np.generic)


def can_delay(decisions: Decisions) -> bool:
    """Return whether decisions are all made ahead of trading, so that they can be moved.

    What reads the open position, or a Python file orders, is decided while the broker runs.
    """
    return isinstance(decisions, Targets) or (
        isinstance(decisions, Signals) and decisions.live is None
    )


def delayed(decisions: Decisions, market: Market) -> Decisions:
    """Return the same decisions, each at its symbol's next own bar, weights at the next bar.

    Prices and quantities are expressed in the shares of the later bar (F14).
    """
    if isinstance(decisions, Targets):
        is_kept = decisions.at + 1 < decisions.n_times
        return replace(decisions, at=decisions.at[is_kept] + 1, rows=decisions.rows[is_kept])
    if not isinstance(decisions, Signals):
        raise TypeError(f"Expected signals, was {type(decisions).__name__}.")
    size = decisions.size
    if any(size.strides):
        size = _one_later(size, market, np.nan)
    if decisions.size_kind == SizeKind.UNITS and (market.split != 1.0).any():
        size = np.ascontiguousarray(size * market.split)
    return replace(
        decisions,
        long=_delayed_side(decisions.long, market),
        short=_delayed_side(decisions.short, market),
        size=size,
    )


def _delayed_side(side: SideSignals, market: Market) -> SideSignals:
    def conditions(rows: BoolArray) -> BoolArray:
        return _one_later(rows, market, False)

    def prices(rows: FloatArray | None) -> FloatArray | None:
        return None if rows is None else _one_later(rows, market, np.nan) / market.split

    def level(pair: tuple[FloatArray, FloatArray] | None) -> tuple[FloatArray, FloatArray] | None:
        if pair is None:
            return None
        return _one_later(pair[0], market, np.nan) / market.split, _one_later(
            pair[1], market, np.nan
        )

    trail = side.trail
    if trail is not None:
        trail = _one_later(trail, market, np.nan)
        if not side.is_trail_fraction:
            trail = trail / market.split
    return replace(
        side,
        enter=conditions(side.enter),
        exit=conditions(side.exit),
        limit=prices(side.limit),
        trigger=prices(side.trigger),
        stop=level(side.stop),
        target=level(side.target),
        trail=trail,
    )


def _one_later(rows: npt.NDArray[_T], market: Market, nothing: float | bool) -> npt.NDArray[_T]:
    """Return rows of shape (n_symbols, n_times) moved by one own bar of each symbol."""
    moved = np.full(rows.shape, nothing, dtype=rows.dtype)
    for s, has_bar in enumerate(market.has_bar):
        own = np.flatnonzero(has_bar)
        moved[s, own[1:]] = rows[s, own[:-1]]
    return moved
