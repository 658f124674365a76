"""One symbol's own bars as the columns that formulas read (F13), in any bar's shares (F14)."""

from __future__ import annotations

import numpy as np

from engine.clock import DAY_MS, HOUR_MS, utc_offset_ms
from engine.formula.nodes import PRICES
from engine.types import Bars, FloatArray, IntArray, Market


class OwnBars:
    """The bars of one symbol without the union clock's gaps.

    Parameters
    ----------
    time : ndarray of int64, shape (n,)
    columns : dict of open, high, low, close, volume to float64 arrays, shape (n,)
    splits : ndarray of float64, shape (n,)
        The ratio that acts at each bar, 1.0 for none.
    zone : str
        IANA zone in which hours are told.
    first : int
        The index of the run's first own bar.
    """

    def __init__(
        self,
        time: IntArray,
        columns: dict[str, FloatArray],
        splits: FloatArray,
        zone: str,
        first: int,
    ) -> None:
        self.n = time.size
        self.time = time
        self.columns = columns
        self.zone = zone
        self.first = first
        self.split_bars: IntArray = np.flatnonzero(splits != 1.0)
        self._splits = splits

    def raw(self, name: str) -> FloatArray:
        """Return a column as stored."""
        if name not in self.columns:
            self.columns[name] = self._calendar_column(name)
        return self.columns[name]

    def growth(self) -> FloatArray:
        """Return how many shares one share of the first bar has become at each bar."""
        return np.asarray(np.cumprod(self._splits), np.float64)

    def rescaled(self, name: str, factor: FloatArray) -> FloatArray:
        """Return a column's leading bars with prices × factor and share counts ÷ factor."""
        column = self.raw(name)[: factor.size]
        if name in PRICES:
            return column * factor
        return column / factor if name == "volume" else column

    def _calendar_column(self, name: str) -> FloatArray:
        if name == "bar_index":
            return np.arange(-self.first, self.n - self.first, dtype=np.float64)
        local = _local_time(self.time, self.zone)
        if name == "hour":
            return (local % DAY_MS // HOUR_MS).astype(np.float64)
        days = local // DAY_MS
        if name == "weekday":
            # 1970-01-01 was a Thursday, weekday 3.
            return ((days + 3) % 7).astype(np.float64)
        months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        part = months % 12 + 1 if name == "month" else months // 12 + 1970
        return part.astype(np.float64)


def own_bars(market: Market, i_symbol: int) -> OwnBars:
    """Return a symbol's own bars; the arrays are views where it has a bar at every instant."""
    has_bar = market.has_bar[i_symbol]
    where = slice(None) if has_bar.all() else np.flatnonzero(has_bar)
    return OwnBars(
        market.time[where],
        {
            "open": market.open[i_symbol][where],
            "high": market.high[i_symbol][where],
            "low": market.low[i_symbol][where],
            "close": market.close[i_symbol][where],
            "volume": market.volume[i_symbol][where],
        },
        market.split[i_symbol][where],
        market.zones[i_symbol],
        int(np.count_nonzero(has_bar[: market.first])),
    )


def bars_of(bars: Bars) -> OwnBars:
    """Return the bars of one symbol alone; a split acts at the first bar from its date on."""
    splits = np.ones(bars.time.size)
    for ex_time, ratio in bars.splits or ():
        i_bar = int(np.searchsorted(bars.time, ex_time))
        if i_bar < splits.size:
            splits[i_bar] *= ratio
    # Copies: a stored series is read-only, for which the kernels would be compiled anew.
    columns = {name: np.array(getattr(bars, name), np.float64) for name in (*PRICES, "volume")}
    return OwnBars(np.asarray(bars.time), columns, splits, bars.tz, 0)


def _local_time(time: IntArray, zone: str) -> IntArray:
    """Return wall-clock milliseconds; bars of a day or longer keep their UTC date."""
    if not (time % DAY_MS).any():
        return time
    return time + utc_offset_ms(time, zone)
