"""The run as a log of events: what was seen, wanted, ordered, filled (F2).

At the close of a bar: market event, signal, order. In the next bar: corporate action, fill. Bars
on which nothing happened have no events; the equity curve shows them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from engine.types import (
    Decisions,
    FillPhase,
    Ledger,
    Market,
    OrderStatus,
    OrderType,
    Reason,
    Side,
    Signals,
    Table,
    Targets,
)

NO_ORDER = -1
NO_SYMBOL = -1
FORCED = {Reason.MARGIN, Reason.BANKRUPT, Reason.RISK, Reason.DELISTED, Reason.END}


class _Stage:
    """The order of events within a bar."""

    ACTION, FILL, FLOW, MARKET, SIGNAL, ORDER, FILL_AT_ONCE = range(7)


class _Event(NamedTuple):
    i_time: int
    stage: int
    symbol: int
    row: int
    kind: str
    order_id: int
    values: dict[str, Any]


def event_table(market: Market, decisions: Decisions, ledger: Ledger) -> Table:
    """Return every event of a run in the order in which it happened.

    Returns
    -------
    Table
        seq, time (UTC ms), kind ("market", "signal", "order", "fill", "action", "flow" or "risk",
        an order that the broker made by itself), symbol (name, empty for a flow), order_id (-1:
        none), values (JSON).
    """
    events = [*_actions(market, ledger), *_signals(market, decisions), *_orders(ledger)]
    events += [*_weights(market, decisions, ledger), *_fills(ledger)]
    seen = sorted({(e.i_time, e.symbol) for e in events if e.kind != "action"})
    events += [
        _market_event(market, i, symbol)
        for i, symbol in seen
        if market.has_bar[symbol, market.first + i]
    ]
    events += _flows(ledger)
    # Fills of one stage keep the order in which the broker made them, across symbols.
    events.sort(key=lambda e: (e.i_time, e.stage, e.row, e.symbol))
    names = (*market.symbols, "")
    return {
        "seq": np.arange(len(events)),
        "time": ledger.time[np.array([e.i_time for e in events], dtype=np.int64)],
        "kind": np.array([e.kind for e in events], dtype=np.str_),
        "symbol": np.array([names[e.symbol] for e in events], dtype=np.str_),
        "order_id": np.array([e.order_id for e in events], dtype=np.int64),
        "values": np.array([json.dumps(_plain(e.values)) for e in events], dtype=np.str_),
    }


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is NaN: an order without a limit has none."""
    return {name: value for name, value in values.items() if value == value}


def _market_event(market: Market, i: int, symbol: int) -> _Event:
    columns = ("open", "high", "low", "close", "volume")
    bar = {name: float(getattr(market, name)[symbol, market.first + i]) for name in columns}
    return _Event(i, _Stage.MARKET, symbol, 0, "market", NO_ORDER, bar)


def _actions(market: Market, ledger: Ledger) -> Iterator[_Event]:
    for name, neutral in (("split", 1.0), ("dividend", 0.0)):
        values = getattr(market, name)[:, market.first :]
        for symbol, i in zip(*np.nonzero(values != neutral), strict=True):
            value = {name: float(values[symbol, i])}
            yield _Event(int(i), _Stage.ACTION, int(symbol), 0, "action", NO_ORDER, value)


def _signals(market: Market, signals: Decisions) -> Iterator[_Event]:
    """Yield the signals of a formula; an event strategy only has orders."""
    if not isinstance(signals, Signals):
        return
    flags = {
        "enter_long": signals.long.enter,
        "exit_long": signals.long.exit,
        "enter_short": signals.short.enter,
        "exit_short": signals.short.exit,
    }
    stacked = np.stack([rows[:, market.first :] for rows in flags.values()])
    # A signal speaks at every bar on which it is true; what became of it, the orders say.
    stacked &= market.has_bar[:, market.first :]
    for symbol, i in zip(*np.nonzero(stacked.any(axis=0)), strict=True):
        values = {
            name: True for name, is_on in zip(flags, stacked[:, symbol, i], strict=True) if is_on
        }
        yield _Event(int(i), _Stage.SIGNAL, int(symbol), 0, "signal", NO_ORDER, values)


def _weights(market: Market, targets: Decisions, ledger: Ledger) -> Iterator[_Event]:
    """Yield the weights that a target strategy asked for, with a band those that it acted on."""
    if not isinstance(targets, Targets):
        return
    is_acted = np.isin(targets.at - market.first, ledger.orders["i_time"])
    for k, at in enumerate(targets.at.tolist()):
        if at < market.first or not (targets.band is None or is_acted[k]):
            continue
        for symbol in np.flatnonzero(~np.isnan(targets.rows[k])).tolist():
            weight = {"weight": float(targets.rows[k, symbol])}
            yield _Event(at - market.first, _Stage.SIGNAL, symbol, 0, "signal", NO_ORDER, weight)


def _flows(ledger: Ledger) -> Iterator[_Event]:
    """Yield what was contributed or withdrawn; it belongs to no symbol."""
    if ledger.flow is not None:
        for i in np.flatnonzero(ledger.flow).tolist():
            amount = {"amount": float(ledger.flow[i])}
            yield _Event(i, _Stage.FLOW, NO_SYMBOL, 0, "flow", NO_ORDER, amount)


def _orders(ledger: Ledger) -> Iterator[_Event]:
    for row, order in enumerate(_records(ledger.orders)):
        reason, status = Reason(order["reason"]), OrderStatus(order["status"])
        is_forced = reason in FORCED and status not in (
            OrderStatus.REJECTED,
            OrderStatus.CANCELLED,
        )
        values = {
            "side": Side(order["side"]).name.lower(),
            "type": OrderType(order["type"]).name.lower(),
            **{name: order[name] for name in ("quantity", "limit", "stop")},
            "status": status.name.lower(),
            "reason": reason.name.lower(),
        }
        kind = "risk" if is_forced else "order"
        yield _Event(order["i_time"], _Stage.ORDER, order["symbol"], row, kind, row, values)


def _fills(ledger: Ledger) -> Iterator[_Event]:
    ordered_at = ledger.orders["i_time"]
    for row, fill in enumerate(_records(ledger.fills)):
        number = fill["order_id"]
        values = {
            "side": Side(fill["side"]).name.lower(),
            **{name: fill[name] for name in ("quantity", "price", "fee")},
            "reason": Reason(fill["reason"]).name.lower(),
            "phase": FillPhase(fill["phase"]).name.lower(),
        }
        is_at_once = fill["phase"] == FillPhase.CLOSE and ordered_at[number] == fill["i_time"]
        stage = _Stage.FILL_AT_ONCE if is_at_once else _Stage.FILL
        yield _Event(fill["i_time"], stage, fill["symbol"], row, "fill", number, values)


def _records(table: Table) -> Iterator[dict[str, Any]]:
    names = list(table)
    for row in zip(*(table[name].tolist() for name in names), strict=True):
        yield dict(zip(names, row, strict=True))
