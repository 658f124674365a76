"""Finer bars inside the bars of a run, in place of the path rule (F4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from config.run import RunConfig
from engine.clock import timeframe_of
from engine.errors import InvalidParameterError
from engine.formula.periods import local_time, most_bars
from engine.kernels.broker_records import FINE, SPAN
from engine.types import Bars, BoolArray, FloatArray, IntArray, Market

TOLERANCE = 1e-6
"""Relative difference up to which a bar and its finer bars say the same price."""


@dataclass(frozen=True, slots=True)
class Detail:
    """The finer bars of all symbols, and which of them lie inside each bar.

    Attributes
    ----------
    spans : structured array of `broker_records.SPAN`, shape (n_symbols, n_times)
        Where a bar's finer bars begin in `bars`, and how many they are; 0 where the rule decides.
    bars : structured array of `broker_records.FINE`
    n_without, n_contradicting : int
        Bars of the run that have no finer bars, and that say other prices than theirs.
    """

    spans: np.ndarray
    bars: np.ndarray
    n_without: int
    n_contradicting: int


def detail_of(market: Market, config: RunConfig) -> Detail | None:
    """Return the finer bars that replace the path rule, None when the run asks for none.

    A bar whose finer bars do not have its open, high, low and close (to 1e-6) keeps the rule: a
    level that only one of them reaches has no answer.

    Raises
    ------
    InvalidParameterError
        If no symbol has finer bars.
    """
    timeframe = config.execution.detail_timeframe
    if timeframe is None:
        return None
    if all(fine is None for fine in market.detail):
        raise InvalidParameterError(
            f"Expected {timeframe} bars of at least one traded symbol, there are none.",
            field="execution.detail_timeframe",
        )
    spans = np.zeros(market.has_bar.shape, SPAN)
    tables: list[np.ndarray] = []
    n_without = n_contradicting = offset = 0
    for s, fine in enumerate(market.detail):
        own = np.flatnonzero(market.has_bar[s])
        counted = own >= market.first
        if fine is None:
            n_without += int(counted.sum())
            continue
        begin, end = _inside(market.time[own], fine, config.timeframe, market.zones[s])
        has_fine = begin < end
        agrees = has_fine.copy()
        agrees[has_fine] = _agree(market, s, own[has_fine], fine, begin[has_fine], end[has_fine])
        n_without += int((counted & ~has_fine).sum())
        n_contradicting += int((counted & has_fine & ~agrees).sum())
        spans["begin"][s, own] = begin + offset
        spans["count"][s, own] = np.where(agrees, end - begin, 0)
        tables.append(_table(fine))
        offset += fine.time.size
    bars = np.concatenate(tables) if tables else np.empty(0, FINE)
    return Detail(spans, bars, n_without, n_contradicting)


def with_detail(
    bars: Mapping[str, Bars],
    config: Mapping[str, Any] | RunConfig,
    detail: Mapping[str, Bars],
) -> tuple[dict[str, Bars], RunConfig | dict[str, Any]]:
    """Return the bars with their finer ones, and the configuration that asks for them.

    Raises
    ------
    InvalidParameterError
        If there are finer bars of a symbol that has none in the run.
    """
    unknown = sorted(set(detail) - set(bars))
    if unknown:
        raise InvalidParameterError(
            f"There are finer bars of {unknown[0]}, but no bars of it in the run.", field="detail"
        )
    attached = {
        symbol: replace(one, detail=detail.get(symbol, one.detail)) for symbol, one in bars.items()
    }
    document = (
        config.model_dump(exclude_unset=True) if isinstance(config, RunConfig) else dict(config)
    )
    execution = dict(document.get("execution") or {})
    execution.setdefault("detail_timeframe", timeframe_of([one.time for one in detail.values()]))
    return attached, {**document, "execution": execution}


def _inside(time: IntArray, fine: Bars, timeframe: str, zone: str) -> tuple[IntArray, IntArray]:
    """Return the first finer bar inside each bar, and the first behind it.

    Bars of a day or longer hold the finer bars of their dates on the exchange's clock.
    """
    is_of_dates = timeframe == "1d" or most_bars(timeframe, "1d") > 0
    stamps = local_time(fine.time, zone) if is_of_dates else fine.time
    ends = time + most_bars(timeframe, "1s") * 1000
    ends[:-1] = np.minimum(ends[:-1], time[1:])
    return stamps.searchsorted(time), stamps.searchsorted(ends)


def _agree(
    market: Market, s: int, own: IntArray, fine: Bars, begin: IntArray, end: IntArray
) -> BoolArray:
    """Return which bars have the prices that their finer bars add up to."""
    # Every other interval that reduceat makes is a bar's; the last one may end at the array's end.
    edges = np.stack([begin, end], axis=1).ravel()
    high = np.maximum.reduceat(np.append(fine.high, 0.0), edges)[::2]
    low = np.minimum.reduceat(np.append(fine.low, np.inf), edges)[::2]
    found = {"open": fine.open[begin], "high": high, "low": low, "close": fine.close[end - 1]}
    agrees = np.ones(own.size, dtype=np.bool_)
    for name, values in found.items():
        coarse: FloatArray = getattr(market, name)[s, own]
        agrees &= np.abs(values - coarse) <= TOLERANCE * coarse
    return agrees


def _table(fine: Bars) -> np.ndarray:
    """Return finer bars as rows."""
    table = np.empty(fine.time.size, FINE)
    for name in FINE.names or ():
        table[name] = getattr(fine, name)
    return table
