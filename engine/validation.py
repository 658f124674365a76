"""What bars must be before anything is computed from them."""

from __future__ import annotations

import numpy as np

from engine.errors import InvalidBarsError
from engine.kernels.bars import are_usable
from engine.types import Bars, BoolArray, FloatArray

PRICES = ("open", "high", "low", "close")
COLUMNS = ("time", *PRICES, "volume")
SMALLEST, LARGEST = 1e-15, 1e15
"""Of a price, a lot, a dividend. Beyond them products and quotients of money and shares leave the
range in which a float64 has all its digits."""
LARGEST_RATIO = 1e6
"""Of a split, either way: no market has seen a larger one, and a typing error is likely."""


def check_bars(symbol: str, bars: Bars) -> None:
    """Refuse bars that cannot be traded on.

    Parameters
    ----------
    symbol : str
        Named in the message.
    bars : Bars
        At least one bar; times strictly increasing; prices from 1e-15 to 1e15, high and low the
        extremes of their bar; volume finite and >= 0; splits from 1e-6 to 1e6. NaN is refused
        everywhere.

    Raises
    ------
    InvalidBarsError
        Says which column, which bar and what was expected.
    """
    _check_shapes(symbol, bars)
    time, open_, high, low, close, volume = (
        np.require(getattr(bars, name), None, ("C", "W")) for name in COLUMNS
    )
    if not are_usable(time, open_, high, low, close, volume, SMALLEST, LARGEST):
        _refuse_bars(symbol, bars)
    if not (bars.lot == 0.0 or SMALLEST <= bars.lot <= LARGEST):
        raise InvalidBarsError(
            f"{symbol}: expected a lot of 0 or from 1e-15 to 1e15, was {bars.lot}."
        )
    _check_actions(symbol, "split ratio", bars.splits, 1.0 / LARGEST_RATIO, LARGEST_RATIO)
    _check_actions(symbol, "dividend", bars.dividends, SMALLEST, LARGEST)
    if bars.detail is not None:
        check_bars(f"{symbol} (finer bars)", bars.detail)


def _check_shapes(symbol: str, bars: Bars) -> None:
    if bars.time.ndim != 1 or bars.time.dtype != np.int64:
        raise InvalidBarsError(
            f"{symbol}: expected `time` as a one-dimensional int64 array of UTC milliseconds, "
            f"was {bars.time.dtype} of shape {bars.time.shape}."
        )
    if bars.time.size == 0:
        raise InvalidBarsError(f"{symbol}: expected at least one bar, there is none.")
    for name in (*PRICES, "volume"):
        column: FloatArray = getattr(bars, name)
        if column.shape != bars.time.shape or column.dtype != np.float64:
            raise InvalidBarsError(
                f"{symbol}: expected `{name}` as float64 of shape {bars.time.shape}, "
                f"was {column.dtype} of shape {column.shape}."
            )


def _refuse_bars(symbol: str, bars: Bars) -> None:
    """Raise for the first thing that is wrong with bars, column by column."""
    _refuse_first(
        symbol, bars, "time", bars.time[1:] <= bars.time[:-1], "increasing times", offset=1
    )
    for name in PRICES:
        column = getattr(bars, name)
        usable = (column >= SMALLEST) & (column <= LARGEST)
        _refuse_first(symbol, bars, name, ~usable, "a price from 1e-15 to 1e15")
    top = np.maximum(bars.open, bars.close)
    bottom = np.minimum(bars.open, bars.close)
    _refuse_first(symbol, bars, "high", bars.high < top, "a high ≥ open and close")
    _refuse_first(symbol, bars, "low", bars.low > bottom, "a low ≤ open and close")
    usable = np.isfinite(bars.volume) & (bars.volume >= 0.0)
    _refuse_first(symbol, bars, "volume", ~usable, "a volume ≥ 0")


def _refuse_first(
    symbol: str, bars: Bars, column: str, is_bad: BoolArray, expected: str, offset: int = 0
) -> None:
    """Raise for the first bar where `is_bad`, which starts at bar `offset`."""
    if not is_bad.any():
        return
    i_bar = int(is_bad.argmax()) + offset
    stamp = np.datetime64(int(bars.time[i_bar]), "ms")
    value = getattr(bars, column)[i_bar]
    more = int(is_bad.sum()) - 1
    tail = f" ({more} more bars like it)" if more else ""
    raise InvalidBarsError(
        f"{symbol}: expected {expected} at bar {i_bar} ({stamp}Z), `{column}` was {value}{tail}."
    )


def _check_actions(
    symbol: str,
    what: str,
    actions: tuple[tuple[int, float], ...] | None,
    least: float,
    most: float,
) -> None:
    for ex_time_ms, value in actions or ():
        if not least <= value <= most:
            stamp = np.datetime64(int(ex_time_ms), "ms")
            raise InvalidBarsError(
                f"{symbol}: expected a {what} from {least:g} to {most:g} at {stamp}Z, was {value}."
            )
