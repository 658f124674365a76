"""The ledger as tables: the columns of the exported CSV files, with names and UTC times."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.metrics.drawdowns import drawdown_series
from engine.metrics.series import unit_curve
from engine.types import (
    IntArray,
    Ledger,
    OrderStatus,
    OrderType,
    Reason,
    Table,
)

NO_TIME = int(np.iinfo(np.int64).min)
"""Stands for "no time", as numpy's NaT does: `column.astype("datetime64[ms]")` shows it as such."""

Names = npt.NDArray[np.str_]


def equity_table(ledger: Ledger, cash: float) -> Table:
    """Return time, equity, cash, exposure and drawdown at each close; with flows, these too.

    Contributed money is no gain, so with flows the drawdown is that of a unit of the account.
    """
    is_alive = ledger.equity > 0.0
    exposure = np.zeros(ledger.time.size)
    np.divide(ledger.gross_value, ledger.equity, out=exposure, where=is_alive)
    table: Table = {
        "time": ledger.time,
        "equity": ledger.equity,
        "cash": ledger.cash,
        "exposure": exposure,
        "drawdown": drawdown_series(unit_curve(ledger.equity, ledger.flow, cash), cash),
    }
    return table if ledger.flow is None else table | {"flow": ledger.flow}


def order_table(ledger: Ledger, symbols: Names) -> Table:
    """Return one row an order in order of their numbers; prices that it has not are NaN."""
    orders = ledger.orders
    return {
        "order_id": orders["order_id"],
        "time": ledger.time[orders["i_time"]],
        "symbol": symbols[orders["symbol"]],
        "side": _trading_side(orders["side"]),
        "type": _names(OrderType)[orders["type"]],
        "quantity": orders["quantity"],
        "limit": orders["limit"],
        "stop": orders["stop"],
        "time_in_force": _time_in_force(orders["expire_bars"]),
        "status": _names(OrderStatus)[orders["status"]],
        "reason": _names(Reason)[orders["reason"]],
        "filled_quantity": orders["filled_quantity"],
        "filled_price": orders["filled_price"],
    }


def fill_table(ledger: Ledger, symbols: Names) -> Table:
    """Return one row a fill, in the order in which they happened."""
    fills = ledger.fills
    return {
        "time": ledger.time[fills["i_time"]],
        "symbol": symbols[fills["symbol"]],
        "side": _trading_side(fills["side"]),
        "quantity": fills["quantity"],
        "price": fills["price"],
        "fee": fills["fee"],
        "order_id": fills["order_id"],
        "reason": _names(Reason)[fills["reason"]],
        "ambiguous": fills["ambiguous"].astype(bool),
    }


def trade_table(ledger: Ledger, symbols: Names) -> Table:
    """Return one row a pair of entry and exit fill; an open row has `NO_TIME` as its exit."""
    trades = ledger.trades
    is_open = trades["open"].astype(bool)
    exit_time = np.where(is_open, NO_TIME, ledger.time[trades["exit_i"]])
    exit_reason = np.where(is_open, "", _names(Reason)[trades["exit_reason"]])
    return {
        "symbol": symbols[trades["symbol"]],
        "side": np.where(trades["side"] > 0, "long", "short"),
        "quantity": trades["quantity"],
        "entry_time": ledger.time[trades["entry_i"]],
        "entry_price": trades["entry_price"],
        "exit_time": exit_time,
        "exit_price": trades["exit_price"],
        "fees": trades["fees"],
        "pnl": trades["pnl"],
        "return": trades["return"],
        "bars": trades["bars"],
        "mae": trades["mae"],
        "mfe": trades["mfe"],
        "exit_reason": exit_reason,
        "ambiguous": trades["ambiguous"].astype(bool),
        "open": is_open,
        "r_multiple": trades["r_multiple"],
        "order_id": trades["order_id"],
    }


def _trading_side(side: IntArray) -> Names:
    return np.where(side > 0, "buy", "sell")


def _time_in_force(expire_bars: IntArray) -> npt.NDArray[Any]:
    return np.where(expire_bars == 0, "gtc", np.where(expire_bars == 1, "day", "gtd"))


def _names(kind: type[IntEnum]) -> Names:
    return np.array([member.name.lower() for member in kind])
