"""What the twin wrote down, as plain lists, and the same as the engine's Ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.types import Ledger, Table
from tests.engine.reference.records import Fill, Order

ORDER_COLUMNS = (
    "order_id i_time symbol side type quantity limit stop expire_bars status reason "
    "filled_quantity filled_price stop_a stop_b target_a target_b trail"
)
FILL_COLUMNS = "i_time symbol side quantity price fee order_id reason ambiguous phase"
TRADE_COLUMNS = (
    "symbol side quantity entry_i entry_price exit_i exit_price fees pnl return bars mae mfe "
    "exit_reason ambiguous open r_multiple order_id"
)


@dataclass
class Outcome:
    """What the twin wrote down."""

    time: list[int] = field(default_factory=list)
    equity: list[float] = field(default_factory=list)
    cash: list[float] = field(default_factory=list)
    flow: list[float] = field(default_factory=list)
    market_value: list[float] = field(default_factory=list)
    gross_value: list[float] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    trades: list[dict] = field(default_factory=list)
    totals: dict[str, float] = field(default_factory=dict)
    ambiguous_fills: int = 0
    stale_bars: int = 0
    conflicts: int = 0
    status: str = "done"
    recon_error: float = 0.0


def ledger_of(out: Outcome) -> Ledger:
    """The same things as arrays."""
    return Ledger(
        time=np.array(out.time, dtype=np.int64),
        equity=np.array(out.equity),
        cash=np.array(out.cash),
        market_value=np.array(out.market_value),
        gross_value=np.array(out.gross_value),
        orders=table([order_row(order) for order in out.orders], ORDER_COLUMNS),
        fills=table([fill_row(fill) for fill in out.fills], FILL_COLUMNS),
        trade_table=lambda: table(out.trades, TRADE_COLUMNS),
        totals=out.totals,
        ambiguous_fills=out.ambiguous_fills,
        stale_bars=out.stale_bars,
        conflicts=out.conflicts,
        status=out.status,
        recon_error=out.recon_error,
        flow=np.array(out.flow),
    )


def table(rows: list[dict[str, Any]], names: str) -> Table:
    """Columns of equally named rows; None is NaN."""
    return {
        name: np.array([np.nan if row[name] is None else row[name] for row in rows])
        for name in names.split()
    }


def order_row(order: Order) -> dict[str, Any]:
    """One row of the order log."""
    _, limit, trigger, levels = order.made
    stop = levels.stop or (None, None)
    target = levels.target or (None, None)
    return {
        "order_id": order.number,
        "i_time": order.i_time,
        "symbol": order.symbol,
        "side": order.side,
        "type": order.type,
        "quantity": order.fixed_quantity,
        "limit": limit,
        "stop": trigger,
        "expire_bars": order.expire_bars,
        "status": order.status,
        "reason": order.reason,
        "filled_quantity": order.filled_quantity,
        "filled_price": order.filled_price,
        "stop_a": stop[0],
        "stop_b": stop[1],
        "target_a": target[0],
        "target_b": target[1],
        "trail": levels.trail,
    }


def fill_row(fill: Fill) -> dict[str, Any]:
    """One row of the fill log."""
    return {
        "i_time": fill.i_time,
        "symbol": fill.symbol,
        "side": fill.side,
        "quantity": fill.quantity,
        "price": fill.price,
        "fee": fill.fee,
        "order_id": fill.order_id,
        "reason": fill.reason,
        "ambiguous": fill.is_ambiguous,
        "phase": fill.phase,
    }
