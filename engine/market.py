"""The data handler: bars of several symbols on one clock, and never a bar beyond now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from engine.errors import InvalidBarsError
from engine.types import Bars, FloatArray, IntArray, Market
from engine.validation import check_bars

_T = TypeVar("_T", bound=np.generic)

COLUMNS = ("open", "high", "low", "close", "volume")


def build_market(
    bars: Mapping[str, Bars],
    *,
    start_ms: int | None = None,
    end_ms: int | None = None,
    warm_up_bars: int = 0,
) -> Market:
    """Return the bars of all symbols on the union of their clocks (F13).

    Parameters
    ----------
    bars : mapping of symbol to Bars
        In any order: the market lists symbols in code-point order.
    start_ms, end_ms : int or None
        First and last instant of the run, both included, UTC milliseconds.
    warm_up_bars : int
        How many of its own bars before `start_ms` each symbol keeps, for indicators only.

    Returns
    -------
    Market
        Arrays of shape (n_symbols, n_times), C-contiguous and writable: of any other layout the
        kernels would be compiled anew. Those of a lone symbol are views where they can be.

    Raises
    ------
    InvalidBarsError
        If bars cannot be traded on, or a symbol has no bar between the two instants.
    """
    if not bars:
        raise InvalidBarsError("Expected the bars of at least one symbol, there are none.")
    symbols = tuple(sorted(bars))
    spans = [_span(name, bars[name], start_ms, end_ms, warm_up_bars) for name in symbols]
    own_times = [bars[name].time[span] for name, span in zip(symbols, spans, strict=True)]
    clock = np.require(_union(own_times), np.int64, ("C", "W"))
    places = [None if own.size == clock.size else clock.searchsorted(own) for own in own_times]
    kept = [(bars[name], span, at) for name, span, at in zip(symbols, spans, places, strict=True)]

    has_bar = np.zeros((len(symbols), clock.size), dtype=np.bool_)
    split = np.ones(has_bar.shape)
    dividend = np.zeros(has_bar.shape)
    for i_symbol, (series, span, at) in enumerate(kept):
        has_bar[i_symbol, slice(None) if at is None else at] = True
        for i_bar, ratio in _actions(series, series.splits, span):
            split[i_symbol, i_bar if at is None else at[i_bar]] *= ratio
        for i_bar, cash in _actions(series, series.dividends, span):
            dividend[i_symbol, i_bar if at is None else at[i_bar]] += cash
    prices: dict[str, Any] = {
        name: _place([(getattr(b, name)[span], at) for b, span, at in kept], clock.size)
        for name in COLUMNS
    }
    return Market(
        symbols=symbols,
        time=clock,
        **prices,
        has_bar=has_bar,
        split=split,
        dividend=dividend,
        lot=np.array([b.lot for b, _, _ in kept]),
        # A series that goes on after the run's end has not been delisted in the run.
        delisted=np.array([b.delisted and span.stop == b.time.size for b, span, _ in kept]),
        calendars=tuple(b.calendar for b, _, _ in kept),
        zones=tuple(b.tz for b, _, _ in kept),
        detail=tuple(b.detail for b, _, _ in kept),
        first=0 if start_ms is None else int(clock.searchsorted(start_ms)),
    )


def truncate(market: Market, n_times: int) -> Market:
    """Return the market as it was known after its first `n_times` instants."""
    is_over = ~market.has_bar[:, n_times:].any(axis=1)
    return replace(
        market,
        time=market.time[:n_times],
        open=_cut(market.open, n_times),
        high=_cut(market.high, n_times),
        low=_cut(market.low, n_times),
        close=_cut(market.close, n_times),
        volume=_cut(market.volume, n_times),
        has_bar=_cut(market.has_bar, n_times),
        split=_cut(market.split, n_times),
        dividend=_cut(market.dividend, n_times),
        delisted=market.delisted & is_over,
        read=market.read and truncate(market.read, known_bars(market, n_times)),
    )


def known_bars(market: Market, n_times: int) -> int:
    """Return how many instants of the clock of `market.read` are over after `n_times` of its own.

    Bars of one stamp are taken to close together.
    """
    if market.read is None or n_times == 0:
        return 0
    return int(market.read.time.searchsorted(market.time[n_times - 1], "right"))


def _cut(rows: npt.NDArray[_T], n_times: int) -> npt.NDArray[_T]:
    return np.ascontiguousarray(rows[:, :n_times])


def _span(
    symbol: str, bars: Bars, start_ms: int | None, end_ms: int | None, warm_up_bars: int
) -> slice:
    """Return which of its bars a symbol keeps."""
    check_bars(symbol, bars)
    begin = 0 if start_ms is None else int(bars.time.searchsorted(start_ms))
    stop = bars.time.size if end_ms is None else int(bars.time.searchsorted(end_ms, "right"))
    if begin >= stop:
        raise InvalidBarsError(
            f"{symbol}: no bars between {_stamp(start_ms, 'the first')} and "
            f"{_stamp(end_ms, 'the last')}; stored: {_stamp(int(bars.time[0]), '')} to "
            f"{_stamp(int(bars.time[-1]), '')}."
        )
    return slice(max(0, begin - warm_up_bars), stop)


def _stamp(time_ms: int | None, otherwise: str) -> str:
    return otherwise if time_ms is None else f"{np.datetime64(time_ms, 'ms')}Z"


def _union(own_times: list[IntArray]) -> IntArray:
    first = own_times[0]
    if all(np.array_equal(first, other) for other in own_times[1:]):
        return first
    return np.unique(np.concatenate(own_times))


def _actions(
    bars: Bars, actions: tuple[tuple[int, float], ...] | None, span: slice
) -> list[tuple[int, float]]:
    """Return (index within `span`, value) of each action, at its date's bar or the next one."""
    placed = [(int(bars.time.searchsorted(at)), value) for at, value in actions or ()]
    return [(i - span.start, value) for i, value in placed if span.start <= i < span.stop]


def _place(
    columns: list[tuple[FloatArray, npt.NDArray[np.intp] | None]], n_times: int
) -> FloatArray:
    """Return the columns as rows on the union clock, NaN where a symbol has no bar."""
    if len(columns) == 1:
        return np.require(columns[0][0], np.float64, ("C", "W")).reshape(1, n_times)
    rows = np.full((len(columns), n_times), np.nan)
    for row, (column, at) in zip(rows, columns, strict=True):
        row[slice(None) if at is None else at] = column
    return rows
