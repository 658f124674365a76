"""The records that pass between the engine's parts, and the arrays they are made of.

Shapes: `n_symbols` symbols in code-point order of their names, `n_times` instants of the union
clock. Times are int64 UTC milliseconds of a bar's open; prices are raw float64.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
Table = dict[str, npt.NDArray[Any]]
"""Equally long arrays by column name."""


class Side(IntEnum):
    """Direction of an order or fill."""

    BUY = 1
    SELL = -1


class FillPhase(IntEnum):
    """Where in its bar a fill happened (F2)."""

    OPEN = 0
    INSIDE = 1
    CLOSE = 2


class OrderType(IntEnum):
    """Kind of an order; children (stop, target, trail) belong to their entry and have no row."""

    MARKET = 0
    LIMIT = 1
    STOP = 2
    STOP_LIMIT = 3


class OrderStatus(IntEnum):
    """Last state of an order."""

    WORKING = 0
    FILLED = 1
    PARTIAL = 2
    CANCELLED = 3
    EXPIRED = 4
    REJECTED = 5


class Reason(IntEnum):
    """Why a fill happened or an order ended; the lower-case names are those of the CSV files."""

    SIGNAL = 0
    STOP = 1
    TARGET = 2
    TRAIL = 3
    LIMIT = 4
    REBALANCE = 5
    FLIP = 6
    MARGIN = 7
    BANKRUPT = 8
    RISK = 9
    DELISTED = 10
    SPLIT = 11
    END = 12
    EXPIRED = 13
    CASH = 14
    CONFLICT = 15
    INVALID = 16


class Decider(IntEnum):
    """What makes a run's orders at each close; `Decisions` has its form."""

    SIGNALS = 0
    TARGETS = 1
    EVENTS = 2


class SizeKind(IntEnum):
    """How the size of an entry is meant (F7)."""

    FRACTION = 0
    UNITS = 1
    CASH = 2
    RISK = 3
    KELLY = 4


class LiveOp(IntEnum):
    """An operation of `LiveRules`; arithmetic comes first, then what is true or false."""

    ROW = 0
    NUMBER = 1
    ENTRY_PRICE = 2
    BARS_IN_TRADE = 3
    OPEN_PROFIT = 4
    SAME = 5
    ADD = 6
    SUBTRACT = 7
    MULTIPLY = 8
    DIVIDE = 9
    MODULO = 10
    POWER = 11
    NEGATIVE = 12
    ABS = 13
    MIN = 14
    MAX = 15
    SQRT = 16
    LOG = 17
    EXP = 18
    SIGN = 19
    LESS = 20
    LESS_EQUAL = 21
    GREATER = 22
    GREATER_EQUAL = 23
    EQUAL = 24
    NOT_EQUAL = 25
    AND = 26
    OR = 27
    NOT = 28
    KNOWN = 29


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars of one symbol.

    Parameters
    ----------
    time : ndarray of int64, shape (n_bars,)
        UTC milliseconds of each bar's open, strictly increasing.
    open, high, low, close, volume : ndarray of float64, shape (n_bars,)
        Raw prices in quote currency and shares traded.
    splits : sequence of (ex_time_ms, ratio)
        2.0 means two new shares for one.
    dividends : sequence of (ex_time_ms, cash per raw share)
    lot : float
        Smallest quantity step; 0 for fractional.
    delisted : bool
        Whether the series ended because the symbol stopped trading (F15).
    calendar : str or None
        Exchange code ("XNYS"), "24/7", "fx", or None when unknown.
    tz : str
        IANA zone of the exchange.
    detail : Bars or None
        Finer bars of the same symbol, which may replace the path rule (F4).
    """

    time: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    splits: tuple[tuple[int, float], ...] | None = None
    dividends: tuple[tuple[int, float], ...] | None = None
    lot: float = 1.0
    delisted: bool = False
    calendar: str | None = None
    tz: str = "UTC"
    detail: Bars | None = None


@dataclass(frozen=True, kw_only=True)
class Market:
    """Bars of all symbols on one union clock (F13), warm-up bars included.

    Price arrays have shape (n_symbols, n_times) and are NaN where `has_bar` is False. `split` is
    the ratio that acts at a bar (1.0: none), `dividend` the cash per raw share (0.0: none); an
    action without a bar on its date stands at the symbol's next bar (F14). The run itself starts
    at index `first`: earlier bars feed indicators only. `read` holds symbols that formulas read
    and nobody trades, on a clock of their own. `detail` holds each symbol's finer bars, if any.
    """

    symbols: tuple[str, ...]
    time: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    has_bar: BoolArray
    split: FloatArray
    dividend: FloatArray
    lot: FloatArray
    delisted: BoolArray
    calendars: tuple[str | None, ...]
    zones: tuple[str, ...]
    first: int
    read: Market | None = None
    detail: tuple[Bars | None, ...] = ()

    @cached_property
    def has_action(self) -> BoolArray:
        """Return where a symbol's bar brings a split or dividend."""
        has_action: BoolArray = (self.split != 1.0) | (self.dividend != 0.0)
        return has_action & self.has_bar


@dataclass(frozen=True, slots=True, kw_only=True)
class SideSignals:
    """What one side (long or short) of a formula strategy wants at each close.

    All arrays have shape (n_symbols, n_times). `enter` is already False where an entry must not
    be made (no bar, inside the warm-up, a NaN read by any field of the side). Prices are in the
    shares of the signal bar; None means that the formula has no such field. A stop or target is
    a + b * entry_price. A trail is a distance, or a fraction when `is_trail_fraction`.
    """

    enter: BoolArray
    exit: BoolArray
    limit: FloatArray | None = None
    trigger: FloatArray | None = None
    stop: tuple[FloatArray, FloatArray] | None = None
    target: tuple[FloatArray, FloatArray] | None = None
    trail: FloatArray | None = None
    is_trail_fraction: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRules:
    """What a formula says of a symbol while it has a position, as a program for the broker.

    code : ndarray of int64, shape (n_steps, 3)
        `LiveOp` and its operands: the numbers of earlier steps, or that of a row.
    numbers : ndarray of float64, shape (n_steps,)
        The value of a NUMBER.
    rows : mapping of name to ndarray of float64, shape (n_symbols, n_times)
        What it reads of the bars, conditions as 0.0 and 1.0.
    outputs : mapping of field to step
        Fields as `enter_long`, `stop_short.a`, `size`: the row of the signals that it replaces.
    """

    code: IntArray
    numbers: FloatArray
    rows: Mapping[str, FloatArray]
    outputs: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """What a formula strategy wants at each close, aligned with a Market's clock.

    `size` has shape (n_symbols, n_times), in the unit of `size_kind`, and is never NaN where a
    side enters. `expire_bars` 0 means good till cancelled. Where `live` is given, the rows of its
    outputs are those of a symbol without a position.
    """

    long: SideSignals
    short: SideSignals
    size_kind: SizeKind
    size: FloatArray
    expire_bars: int = 0
    pyramiding: int = 1
    live: LiveRules | None = None


class EventHandler(Protocol):
    """A compiled event strategy, as the broker needs it (`engine.events_file`)."""

    @property
    def address(self) -> int:
        """Return where the function stands that calls `on_bar`."""

    @property
    def initial_state(self) -> npt.NDArray[np.int64]:
        """Return the bits of the values that every symbol begins with, shape (n_values,)."""

    @property
    def max_entries(self) -> int:
        """Return how many entries of a symbol may be open or work at once."""

    @property
    def max_orders(self) -> int:
        """Return how many orders of a symbol may work at once."""

    def failed(self, failure: int, call: np.void, market: Market) -> Exception:
        """Return the error that says why a call failed, where, and how to mend it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """An event strategy on a market: its orders are made while the broker runs.

    `indicators` has shape (n_symbols, n_times, n_indicators); `first_calls` (n_symbols,) is the
    instant from which on `on_bar` is called; `params` are the bits of the parameters' values.
    `size` is that of an order that names none, of every order when `is_size_fixed`.
    """

    handler: EventHandler
    indicators: FloatArray
    first_calls: IntArray
    params: IntArray
    size_kind: SizeKind
    size: float
    is_size_fixed: bool


@dataclass(frozen=True, kw_only=True)
class Targets:
    """What share of equity a target strategy wants in each symbol, at the closes it speaks at.

    Parameters
    ----------
    at : ndarray of int64, shape (n_rebalances,)
        Indices of `Market.time`, ascending.
    rows : ndarray of float64, shape (n_rebalances, n_symbols)
        Weights, negative for shorts; NaN leaves a symbol alone.
    n_times : int
        Length of the market's clock.
    band : float or None
        When given, a row makes orders only if some symbol's weight at that close is further than
        this from its target, or if nothing is held.
    """

    at: IntArray
    rows: FloatArray
    n_times: int
    band: float | None = None

    @cached_property
    def weights(self) -> FloatArray:
        """Return the weights on the market's clock, shape (n_symbols, n_times)."""
        weights = np.full((self.rows.shape[1], self.n_times), np.nan)
        weights[:, self.at] = self.rows.T
        return weights


Decisions = Signals | Targets | Events
"""What a strategy wants, in the form that its kind has."""


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """What the broker and the portfolio wrote down, for the instants from `Market.first` on.

    `i_time` columns count from the run's first instant (0 = Market.first).

    time, equity, cash, market_value, gross_value : shape (n_times - first,)
        market_value = Σ q·close, gross_value = Σ |q|·close, both with stale marks (F13).
    orders : order_id, i_time, symbol (index), side, type, quantity, limit, stop, expire_bars,
        status, reason, filled_quantity, filled_price, stop_a, stop_b, target_a, target_b, trail,
        is_trail_fraction, size and size_kind (as asked for), ended (its last bar, -1: working)
    fills : i_time, symbol, side, quantity, price, fee, order_id, reason, ambiguous, phase, raw (the
        price before slippage)
    trades : symbol, side, quantity, entry_i, entry_price, exit_i (-1 while open), exit_price,
        fees, pnl, return, bars, mae, mfe, exit_reason, ambiguous, open, r_multiple, order_id;
        the excursions need every bar of every trade, so they are computed when first asked for
    decisions : what the strategy wanted as the broker saw it, live rules included
    totals : interest, borrow, dividends, contributions, fees (money, signed as credited)
    flow : contributed (positive) or withdrawn at each close; None when the run has no flows
    n_closed : how many trades have an exit
    """

    time: IntArray
    equity: FloatArray
    cash: FloatArray
    market_value: FloatArray
    gross_value: FloatArray
    orders: Table
    fills: Table
    trade_table: Callable[[], Table]
    totals: Mapping[str, float]
    ambiguous_fills: int
    stale_bars: int
    conflicts: int
    status: str
    recon_error: float
    decisions: Decisions | None = None
    flow: FloatArray | None = None
    n_closed: int = 0

    @cached_property
    def trades(self) -> Table:
        """Return one row per pair of entry fill and exit fill."""
        return self.trade_table()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """A finished backtest.

    Attributes
    ----------
    metrics : dict of str to float, int or None
    equity, orders, fills, trades : dict of equally long arrays
        Keys are the columns of the exported CSV files; times are int64 UTC milliseconds.
    curves : dict of arrays, each as long as `equity`
        `benchmark` (absent without one), `band_low`, `band_high` (the range over intrabar rules).
    benchmark_metrics : dict of str to float, int or None
        The same metrics of the benchmark's curve, where they mean something.
    checks : dict
        look_ahead, warm_up, ambiguous_fills, band, recon_error.
    config : dict
        The resolved RunConfig.
    status : {"done", "bankrupt", "stopped"}
    """

    metrics: dict[str, float | int | None]
    benchmark_metrics: dict[str, float | int | None]
    equity: Table
    curves: Table
    orders: Table
    fills: Table
    trades: Table
    checks: dict[str, Any]
    config: dict[str, Any]
    status: str
