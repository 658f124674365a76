"""The cost at which a run ends where it began."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

LARGEST_BPS = 4_096.0
TOLERANCE_BPS = 0.05


class BreakEven(NamedTuple):
    """Basis points of each fill's value, None when no cost does it; and that in words."""

    bps: float | None
    detail: str


def break_even(total_return: Callable[[float], float], paid_bps: float, n_fills: int) -> BreakEven:
    """Search for the cost a fill, commission and slippage together, that leaves no profit.

    Parameters
    ----------
    total_return : callable
        Cost in basis points of each fill's value to the total return of the run.
    paid_bps : float
        What the run itself paid, for the words.
    n_fills : int
        Of the run; without any there is nothing to search.

    Notes
    -----
    More cost need not make a run worse at every step, since sizes are whole and another cost can
    lead to other trades; what is found is a cost with profit just below and none just above it.
    """
    if n_fills == 0:
        return BreakEven(None, "It never trades, so costs do not matter.")
    if total_return(0.0) <= 0.0:
        return BreakEven(None, "Never: it makes no profit even when trading costs nothing.")
    low, high = 0.0, 1.0
    while total_return(high) > 0.0:
        low, high = high, 2.0 * high
        if high > LARGEST_BPS:
            return BreakEven(
                None, f"Always above: it makes a profit even at {LARGEST_BPS:,.0f} bps a fill."
            )
    while high - low > TOLERANCE_BPS:
        middle = (low + high) / 2.0
        if total_return(middle) > 0.0:
            low = middle
        else:
            high = middle
    found = (low + high) / 2.0
    return BreakEven(
        found,
        f"At about {found:.1f} bps of each fill's value, commission and slippage together, nothing "
        f"is left of the profit; this run paid {paid_bps:.1f} bps.",
    )
