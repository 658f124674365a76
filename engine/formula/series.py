"""The bars that formulas read: a symbol's own (F13), other symbols', and longer timeframes'.

All in the shares of any bar one asks for (F14).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property

import numpy as np

from engine.clock import DAY_MS, HOUR_MS, utc_offset_ms
from engine.formula.nodes import OWN, PRICES, SERIES, Context
from engine.formula.periods import grouped, is_daily, local_time, period_numbers
from engine.types import Bars, FloatArray, IntArray, Market

SESSION_END_MS = 16 * HOUR_MS
"""Wall-clock time at which exchanges close, nearly enough to tell which of two closes first."""
ALWAYS_OPEN = {"24/7": DAY_MS, "24/5": 22 * HOUR_MS, "fx": 22 * HOUR_MS}
"""When a date ends on markets without sessions: a currency's at 17:00 in New York."""


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
    calendar : str or None
        As in `engine.types.Bars`.
    """

    def __init__(
        self,
        time: IntArray,
        columns: dict[str, FloatArray],
        splits: FloatArray,
        zone: str,
        first: int,
        calendar: str | None = None,
    ) -> None:
        self.n = time.size
        self.time = time
        self.columns = columns
        self.zone = zone
        self.first = first
        self.calendar = calendar
        self.split_bars: IntArray = np.flatnonzero(splits != 1.0)
        self._splits = splits

    def raw(self, name: str) -> FloatArray:
        """Return a column as stored."""
        if name not in self.columns:
            self.columns[name] = _calendar_column(name, self.time, self.zone, self.first)
        return self.columns[name]

    @cached_property
    def growth(self) -> FloatArray:
        """How many shares one share of the first bar has become at each bar."""
        return np.asarray(np.cumprod(self._splits), np.float64)

    def rescaled(self, name: str, factor: FloatArray) -> FloatArray:
        """Return a column's leading bars with prices × factor and share counts ÷ factor."""
        column = self.raw(name)[: factor.size]
        if name in PRICES:
            return column * factor
        return column / factor if name == "volume" else column


class Sources:
    """All bars that a program reads for one symbol, and where each stands at the others' bars.

    Parameters
    ----------
    own : OwnBars
        Of the symbol.
    contexts : iterable of Context
        What is read besides, each after the one that it is joined to.
    of_symbol : callable
        Returns another symbol's bars.
    """

    def __init__(
        self, own: OwnBars, contexts: Iterable[Context], of_symbol: Callable[[str], OwnBars]
    ) -> None:
        self.own = own
        self.symbols = {"": own}
        self.places: dict[Context, IntArray] = {}
        """Which bar of a context was the last completed one at each bar of the one it is joined
        to; −1 before there was any."""
        self.starts: dict[Context, IntArray] = {}
        """Of a longer timeframe: at which of the symbol's bars each period begins."""
        for symbol, timeframe in contexts:
            if symbol not in self.symbols:
                self.symbols[symbol] = of_symbol(symbol)
                self.places[Context(symbol)] = as_of(own, self.symbols[symbol])
            if timeframe:
                bars = self.symbols[symbol]
                number = period_numbers(bars.time, timeframe, bars.zone)
                # Only the next period's first bar proves that a period is over.
                self.places[Context(symbol, timeframe)] = number - 1
                self.starts[Context(symbol, timeframe)] = np.flatnonzero(
                    np.diff(number, prepend=-1)
                )

    @property
    def has_splits(self) -> bool:
        """Whether prices of any of them have to be expressed in other shares."""
        return any(bars.split_bars.size for bars in self.symbols.values())

    def last_bars(self, symbol: str) -> IntArray:
        """Return a symbol's last completed bar at each own bar, −1 before there was any."""
        return self.places[Context(symbol)] if symbol else np.arange(self.own.n)

    def stretches(self) -> list[int]:
        """Return the own bars at which some symbol's shares become others, 0 and n included."""
        edges = {0, self.own.n}
        for symbol, bars in self.symbols.items():
            n_splits = bars.split_bars.searchsorted(self.last_bars(symbol), "right")
            edges.update((np.flatnonzero(np.diff(n_splits)) + 1).tolist())
        return sorted(edges)

    def raw(self) -> View:
        """Return everything as stored: right as long as there are no splits."""
        return View(self, self.own.n, {})

    def in_first_shares(self) -> View:
        """Return everything in the shares of each symbol's first bar."""
        return View(self, self.own.n, {name: bars.growth for name, bars in self.symbols.items()})

    def in_shares_of(self, start: int, stop: int) -> View:
        """Return what is known at the own bars before `stop`, in the shares of bar `start`."""
        factors = {}
        for symbol, bars in self.symbols.items():
            last = int(self.last_bars(symbol)[start])
            factors[symbol] = bars.growth / bars.growth[max(last, 0)]
        return View(self, stop, factors)


class View:
    """The columns of all contexts at the first own bars, prices × their symbol's factor."""

    def __init__(self, sources: Sources, n_bars: int, factors: Mapping[str, FloatArray]) -> None:
        self._sources = sources
        self._factors = factors
        self.n = n_bars

    def size(self, context: Context) -> int:
        """Return how many bars of a context there are."""
        if context == OWN:
            return self.n
        n_bars = self._n_bars(context.symbol)
        if not context.timeframe:
            return n_bars
        return int(self._sources.starts[context].searchsorted(n_bars))

    def places(self, context: Context) -> IntArray:
        """Return the context's last completed bar at each bar of the one that it is joined to."""
        outer = OWN if not context.timeframe else Context(context.symbol)
        return self._sources.places[context][: self.size(outer)]

    def column(self, context: Context, name: str) -> FloatArray:
        """Return a column of a context's bars."""
        bars = self._sources.symbols[context.symbol]
        if not context.timeframe:
            return self._column(context.symbol, name)
        starts = self._sources.starts[context][: self.size(context)]
        if name in SERIES:
            return grouped(name, self._column(context.symbol, name), starts)
        first = int(self._sources.starts[context].searchsorted(bars.first, "right")) - 1
        return _calendar_column(name, bars.time[starts], bars.zone, max(first, 0))

    def _column(self, symbol: str, name: str) -> FloatArray:
        bars, n_bars = self._sources.symbols[symbol], self._n_bars(symbol)
        if symbol in self._factors:
            return bars.rescaled(name, self._factors[symbol][:n_bars])
        return bars.raw(name)[:n_bars]

    def _n_bars(self, symbol: str) -> int:
        if not symbol:
            return self.n
        return int(self._sources.last_bars(symbol)[self.n - 1]) + 1 if self.n else 0


def as_of(own: OwnBars, other: OwnBars) -> IntArray:
    """Return the last bar of another symbol that is complete at the close of each own bar.

    Bars of one stamp close together, except bars of a day or longer on markets of which the other
    one is known to close later: there it is the bar before.
    """
    is_later = is_daily(own.time) and is_daily(other.time) and _closes_later(own, other)
    return other.time.searchsorted(own.time, "left" if is_later else "right") - 1


def _closes_later(own: OwnBars, other: OwnBars) -> bool:
    """Return whether another symbol's date ends after the own one's; not where that is unknown."""
    end, other_end = (_day_end(bars, own.time[:1]) for bars in (own, other))
    return end is not None and other_end is not None and other_end > end


def _day_end(bars: OwnBars, day: IntArray) -> int | None:
    """Return when trade on a date ends, in milliseconds since its 00:00 UTC."""
    if bars.calendar in ALWAYS_OPEN:
        return ALWAYS_OPEN[bars.calendar]
    if bars.zone == "UTC":
        return None
    return SESSION_END_MS - int(utc_offset_ms(day, bars.zone).sum())


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
        market.calendars[i_symbol],
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
    return OwnBars(np.asarray(bars.time), columns, splits, bars.tz, 0, bars.calendar)


def _calendar_column(name: str, time: IntArray, zone: str, first: int) -> FloatArray:
    if name == "bar_index":
        return np.arange(-first, time.size - first, dtype=np.float64)
    local = local_time(time, zone)
    if name == "hour":
        return (local % DAY_MS // HOUR_MS).astype(np.float64)
    days = local // DAY_MS
    if name == "weekday":
        # 1970-01-01 was a Thursday, weekday 3.
        return ((days + 3) % 7).astype(np.float64)
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    part = months % 12 + 1 if name == "month" else months // 12 + 1970
    return part.astype(np.float64)
