"""A run of the event loop: market and signals in, ledger out (F1-F18)."""

from __future__ import annotations

import math
from typing import get_args

import numpy as np

from config.run import Fill, Path, RunConfig
from engine.detail import detail_of
from engine.errors import InvalidBarsError, InvalidParameterError, ReconciliationError
from engine.event_books import EventBooks
from engine.flows import flow_bars, planned_flows
from engine.kernels.broker import run_bars
from engine.kernels.broker_records import (
    BOOK,
    ENTRY,
    FILL,
    ORDER,
    STATE,
    WORKING,
    Curves,
    Flags,
    Tape,
    address_of,
)
from engine.kernels.event_requests import MOST_REQUESTS
from engine.live_rules import live_tables, with_own_rows
from engine.target_books import TargetBooks
from engine.trades import PairedTrades, fields
from engine.types import (
    BoolArray,
    Decider,
    Decisions,
    Events,
    FloatArray,
    IntArray,
    Ledger,
    Market,
    SideSignals,
    Signals,
    SizeKind,
    Targets,
)

STATUSES = ("done", "bankrupt", "stopped")
FILL_COLUMNS = (
    "i_time",
    "symbol",
    "side",
    "quantity",
    "price",
    "fee",
    "order_id",
    "reason",
    "ambiguous",
    "phase",
    "raw",
)
RECON_TOLERANCE = 1e-9
_NO_FIELD = np.empty((0, 0))


def simulate(
    market: Market,
    decisions: Decisions,
    config: RunConfig,
    *,
    path: str | None = None,
    is_result: bool = True,
) -> Ledger:
    """Trade what a strategy wants on the market under the config's rules.

    Parameters
    ----------
    market : Market
        Bars on the union clock; the run starts at `market.first`.
    decisions : Decisions
        On the same clock, with the size already resolved.
    config : RunConfig
        Of it count cash, lot, execution, costs, margin, risk and flows. Options that the broker
        does not have must have been refused before.
    path : {"pessimistic", "optimistic", "ohlc"}, optional
        Instead of `config.execution.path`.
    is_result : bool
        False leaves out what only a result needs, a third of the time: trades are empty and the
        books are not reconciled.

    Returns
    -------
    Ledger
        One equity value a bar from `market.first` on, and everything that led to it. Equal
        inputs give equal bytes.

    Raises
    ------
    ReconciliationError
        If the books do not balance to 1e-9 of the largest equity of the run (F16).
    InvalidParameterError
        If the tick is larger than a price.
    InvalidBarsError
        If equity outgrows float64.
    InvalidStrategyError
        If an event strategy raises, loops too long or orders more than there is room for.
    """
    _refuse_coarse_tick(market, config)
    if isinstance(decisions, Signals):
        decisions = with_own_rows(decisions)
    tape = Tape(
        market.time,
        market.open,
        market.high,
        market.low,
        market.close,
        market.volume,
        market.has_bar,
        market.has_action,
        market.split,
        market.dividend,
    )
    flags = _flags(decisions)
    notable = _notable_bars(market, decisions, config)
    n_times = market.time.size
    curves = Curves(*np.empty((len(Curves._fields), n_times - market.first)))
    books = _Books(market, decisions, config, path)
    reached = market.first
    while reached < n_times:
        books.prepare(reached)
        reached = run_bars(
            tape, flags, notable, books.state, curves, market.first, reached, books.rows_a_bar
        )
        books.check()

    account = books.state["account"]
    fills = books.fills[: account["n_fills"]]
    trades = PairedTrades(tape, fills if is_result else fills[:0], market.first)
    totals = {
        "interest": float(account["interest"]),
        "borrow": float(account["borrow"]),
        "dividends": float(account["dividends"]),
        "contributions": float(account["contributions"]),
        "fees": float(account["fees"]),
    }
    return Ledger(
        time=market.time[market.first :],
        equity=curves.equity,
        cash=curves.cash,
        market_value=curves.market_value,
        # Without shorts they are the same, and the kernel writes only one.
        gross_value=curves.gross_value if account["has_shorts"] else curves.market_value,
        orders=fields(books.orders[: account["n_orders"]], ORDER.names or ()),
        fills=fields(fills, FILL_COLUMNS),
        trade_table=trades.table,
        totals=totals,
        ambiguous_fills=int(account["ambiguous"]),
        stale_bars=int(account["stale"]),
        conflicts=int(account["conflicts"]),
        status=STATUSES[account["status"]],
        recon_error=(
            _recon_error(config.cash, curves.equity, trades.pnl, totals) if is_result else 0.0
        ),
        decisions=decisions,
        flow=books.flow,
        n_closed=trades.n_closed,
    )


def _refuse_coarse_tick(market: Market, config: RunConfig) -> None:
    """Raise when rounding to ticks against the trader would make a price of nothing."""
    tick = config.execution.tick
    if tick is not None and tick > (lowest := float(np.nanmin(market.low))):
        raise InvalidParameterError(
            f"Expected a tick below every price, was {tick:g} with a low of {lowest:g}.",
            field="execution.tick",
        )


def _recon_error(
    cash: float, equity: FloatArray, pnl: FloatArray, totals: dict[str, float]
) -> float:
    """Return |what the trades and totals explain - what equity shows| / cash (F16).

    The books are judged by the largest equity where the account has grown beyond the cash: a
    float64 of 1e8 times the cash is itself uncertain by 1e-8 of the cash.
    """
    explained = math.fsum(pnl)
    explained += sum(value for name, value in totals.items() if name != "fees")
    # What is not finite once never is again.
    if not math.isfinite(equity[-1]):
        raise InvalidBarsError(
            "Equity grew beyond what a float64 can hold: look for prices, splits or dividends that "
            "move by impossible amounts."
        )
    scale = max(cash, float(equity.max()), -float(equity[-1]))
    difference = abs(explained - (float(equity[-1]) - cash))
    if not difference <= RECON_TOLERANCE * scale:
        raise ReconciliationError(
            f"The books do not balance: trades and carry explain {explained:.6f}, equity moved by "
            f"{equity[-1] - cash:.6f} ({difference / cash:.1e} of the cash)."
        )
    return difference / cash


def _flags(decisions: Decisions) -> Flags:
    """Return the conditions of a formula strategy; of another kind there are none."""
    if not isinstance(decisions, Signals):
        return Flags(*np.zeros((len(Flags._fields), 0, 0), np.bool_))
    long, short = decisions.long, decisions.short
    return Flags(long.enter, long.exit, short.enter, short.exit)


def _notable_bars(market: Market, decisions: Decisions, config: RunConfig) -> IntArray:
    """Return the bars on which more can happen than a new mark, ascending.

    Vector instructions find them at once. Several symbols with signals seldom rest on one bar,
    and an event strategy is asked on every one, so they have none.
    """
    is_lone = len(market.symbols) == 1
    is_notable: BoolArray
    if isinstance(decisions, Targets):
        is_notable = np.asarray(market.has_action.any(axis=0))
        is_notable[decisions.at] = True
    elif isinstance(decisions, Signals) and is_lone:
        is_notable = decisions.long.enter[0] | decisions.long.exit[0]
        is_notable |= decisions.short.enter[0]
        is_notable |= decisions.short.exit[0]
        is_notable |= market.has_action[0]
    else:
        return np.empty(0, dtype=np.int64)
    if is_lone:
        is_notable |= ~market.has_bar[0]
    if config.flows is not None:
        is_notable[flow_bars(market.time, market.first, config.flows.every)] = True
    return np.flatnonzero(is_notable).astype(np.int64, copy=False)


class _Books:
    """The arrays behind the broker's `STATE`, with room for all that can be open at once."""

    def __init__(
        self, market: Market, decisions: Decisions, config: RunConfig, path: str | None
    ) -> None:
        n_symbols, n_times = market.has_bar.shape
        self._events: EventBooks | None = None
        self._targets: TargetBooks | None = None
        n_requests = n_expected = 0
        if isinstance(decisions, Events):
            self._events = EventBooks(market, decisions)
            n_requests = MOST_REQUESTS
            n_entries, n_orders = decisions.handler.max_entries, decisions.handler.max_orders
        elif isinstance(decisions, Targets):
            self._targets = TargetBooks(market, decisions)
            n_entries, n_orders = 1, 0
            # Most weights are bought and sold again.
            n_expected = 2 * int(np.count_nonzero(decisions.rows > 0.0))
        else:
            n_entries = _most_entries(decisions)
            n_orders = 2 * n_entries  # entries of both sides
        # An exit, a forced exit, and one to spare; see `STATE`.
        n_working = n_orders + 3
        n_inside = n_entries + 2 * n_working
        self.rows_a_bar = n_symbols * (n_inside + n_entries + 2 + n_requests)
        n_rows = self.rows_a_bar + 256 + max(n_times // 16, n_expected)
        self.orders = np.empty(n_rows, ORDER)
        self.fills = np.empty(n_rows, FILL)
        self._decisions = decisions  # kept alive: the state knows only addresses
        self._books = _empty_books(market, config)
        self._detail = detail_of(market, config)
        state = np.zeros(1, STATE)[0]
        state["books"] = address_of(self._books)
        self._involved = np.arange(n_symbols, dtype=np.int64)
        state["involved"] = address_of(self._involved)
        state["n_involved"] = n_symbols
        self._memory = _point_at_memory(
            state,
            entries=n_symbols * (n_entries + 1) * ENTRY.itemsize,
            working=n_symbols * n_working * WORKING.itemsize,
            saved_entries=(n_entries + 1) * ENTRY.itemsize,
            saved_working=n_working * WORKING.itemsize,
            saved_orders=n_working * ORDER.itemsize,
            tried=2 * n_inside * FILL.itemsize,
        )
        if self._detail is not None:
            state["spans"] = address_of(self._detail.spans)
            state["details"] = address_of(self._detail.bars)
        state["rules"] = rules_of(decisions, config, path)
        for name in ("cash", "equity", "peak"):
            state["account"][name] = config.cash
        if isinstance(decisions, Signals):
            _write_signals(state, decisions)
            program, self._read = live_tables(decisions, market)
            self._program = program
            for name, table in program.items():
                state[name] = address_of(table)
            state["n_steps"], state["n_writes"] = program["steps"].size, program["writes"].size
        state["n_symbols"] = n_symbols
        state["n_times"] = state["until"] = n_times
        state["most_entries"] = n_entries + 1
        state["most_working"] = n_working
        state["most_tried"] = n_inside
        self.state = state
        self._point_at_logs()
        if self._events is not None:
            self._events.write(state["events"])
        if self._targets is not None:
            self._targets.write(state)
        self.flow: FloatArray | None = None
        if config.flows is not None:
            self.flow = planned_flows(market.time, market.first, config.flows)
            state["flows"] = address_of(self.flow)

    def prepare(self, reached: int) -> None:
        """Make room in the logs for another bar, and set where to stop."""
        account = self.state["account"]
        if max(account["n_orders"], account["n_fills"]) > self.orders.size - self.rows_a_bar:
            self._grow()
        if self._targets is not None:
            self._targets.prepare(self.state)
        if self._events is not None:
            self.state["until"] = self._events.next_stop(reached)

    def check(self) -> None:
        """Raise what an event strategy failed of, if it did."""
        if self._events is not None:
            self._events.check(self.state["events"])

    def _grow(self) -> None:
        """Double the room of the logs."""
        self.orders = _grown(self.orders, self.state["account"]["n_orders"])
        self.fills = _grown(self.fills, self.state["account"]["n_fills"])
        self._point_at_logs()

    def _point_at_logs(self) -> None:
        self.state["orders"] = address_of(self.orders)
        self.state["fills"] = address_of(self.fills)
        self.state["most_orders"] = self.orders.size
        self.state["most_fills"] = self.fills.size


def _point_at_memory(state: np.void, **sizes: int) -> np.ndarray:
    """Return zeroed memory in which each of the named arrays has its place, so many bytes.

    One block: the checks make hundreds of these books, and an array each took as long as a run.
    """
    memory = np.zeros(sum(sizes.values()), np.uint8)
    place = address_of(memory)
    for name, size in sizes.items():
        state[name] = place
        place += size
    return memory


def _grown(log: np.ndarray, n_rows: int) -> np.ndarray:
    """Return the log with twice the room. Its rows are copied as bytes: fields took five times."""
    more = np.empty(2 * log.size, log.dtype)
    n_bytes = n_rows * log.itemsize
    more.view(np.uint8)[:n_bytes] = log.view(np.uint8)[:n_bytes]
    return more


def _empty_books(market: Market, config: RunConfig) -> np.ndarray:
    """Return the books of all symbols before their first bar."""
    books = np.zeros(len(market.symbols), BOOK)
    books["room"] = np.inf
    books["lot"] = market.lot if config.lot is None else config.lot
    books["last_bar"] = -1
    for s in np.flatnonzero(market.delisted):
        books["last_bar"][s] = np.flatnonzero(market.has_bar[s])[-1]
    return books


def _write_signals(state: np.void, signals: Signals) -> None:
    """Write where the prices and sizes of a formula strategy stand."""
    for name, side in (("long", signals.long), ("short", signals.short)):
        state[name] = _side_addresses(side)
    is_constant = not any(signals.size.strides)
    state["size"] = address_of(signals.size[:1, :1] if is_constant else signals.size)
    state["size_step"] = 0 if is_constant else 1


def _side_addresses(side: SideSignals) -> tuple[int, ...]:
    """Return one side's fields in the order of `SIDE`."""
    addresses = [0 if rows is None else address_of(rows) for rows in _fields(side)]
    return (*addresses, int(side.is_trail_fraction))


def _fields(side: SideSignals) -> tuple[FloatArray | None, ...]:
    """Return the prices that one side's formula may have."""
    stop_a, stop_b = side.stop or (None, None)
    target_a, target_b = side.target or (None, None)
    return (side.limit, side.trigger, stop_a, stop_b, target_a, target_b, side.trail)


def _most_entries(signals: Signals) -> int:
    """Return how many entries of a direction can be open at once."""
    if signals.pyramiding == 1:
        return 1
    counts = [np.count_nonzero(side.enter, axis=1) for side in (signals.long, signals.short)]
    return max(1, min(signals.pyramiding, int(np.max(counts))))


def _decider(decisions: Decisions) -> Decider:
    """Return the kind of strategy that has such decisions."""
    if isinstance(decisions, Signals):
        return Decider.SIGNALS
    return Decider.TARGETS if isinstance(decisions, Targets) else Decider.EVENTS


def rules_of(
    decisions: Decisions | None, config: RunConfig, path: str | None = None
) -> tuple[float, ...]:
    """Return the config in the order of `RULES`, fractions instead of basis points.

    Without decisions those that follow from them are of no meaning.
    """
    execution, costs, margin, risk = config.execution, config.costs, config.margin, config.risk
    cost = (execution.slippage_bps + execution.spread_bps / 2.0) * 1e-4
    tick = execution.tick or 0.0
    taker_bps = costs.rate_bps if costs.taker_bps is None else costs.taker_bps
    maker_bps = costs.rate_bps if costs.maker_bps is None else costs.maker_bps
    has_impact = bool(execution.volume_impact or execution.impact)
    signals = decisions if isinstance(decisions, Signals) else None
    # A day order lives for its symbol's next bar, an immediate one not beyond its first fill.
    expire_bars = 1
    if execution.time_in_force == "gtc":
        expire_bars = 0 if signals is None else signals.expire_bars
    # Those of an event strategy are known only when it orders; target weights have none.
    prices = () if signals is None else _fields(signals.long) + _fields(signals.short)
    is_by_events = isinstance(decisions, Events)
    has_levels = is_by_events or any(rows is not None for rows in prices)
    has_volume = has_impact or execution.participation is not None
    # Under `this_close` only a rest waits for a later one (F9).
    has_closes = execution.fill == "next_close" or (execution.fill == "this_close" and has_volume)
    return (
        get_args(Fill).index(execution.fill),
        get_args(Path).index(path or execution.path),
        1.0 + cost,
        1.0 - cost,
        tick,
        execution.limit_ticks_through * tick,
        execution.clip,
        execution.slippage_ticks,
        execution.volume_impact or 0.0,
        execution.impact or 0.0,
        has_impact,
        math.inf if execution.participation is None else execution.participation,
        has_volume,
        taker_bps * 1e-4,
        maker_bps * 1e-4,
        costs.per_unit,
        costs.fixed,
        costs.minimum,
        math.inf if costs.maximum_rate_bps is None else costs.maximum_rate_bps * 1e-4,
        costs.borrow_rate,
        costs.cash_rate,
        costs.margin_rate,
        bool(costs.borrow_rate or costs.cash_rate or costs.margin_rate),
        margin.initial,
        margin.maintenance,
        math.inf if risk.max_gross is None else risk.max_gross,
        math.inf if risk.max_weight is None else risk.max_weight,
        math.inf if risk.max_drawdown_stop is None else risk.max_drawdown_stop,
        execution.cash_policy == "reject",
        execution.finalize,
        expire_bars,
        execution.time_in_force == "ioc",
        1 if signals is None else signals.pyramiding,
        SizeKind.FRACTION if signals is None else signals.size_kind,
        has_levels,
        has_levels or execution.clip,
        is_by_events or has_closes,
        Decider.SIGNALS if decisions is None else _decider(decisions),
    )
