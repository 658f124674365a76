"""The values of `engine.types`' enums as integers that kernels compile in.

They are int64 scalars rather than Python ints: numba compiles a function again for every literal
int it is called with.
"""

from __future__ import annotations

import numpy as np

from engine.types import Decider, FillPhase, LiveOp, OrderStatus, OrderType, Reason, Side, SizeKind

BUY, SELL = (np.int64(side) for side in (Side.BUY, Side.SELL))
OPEN, INSIDE, CLOSE = (np.int64(phase) for phase in FillPhase)
MARKET_ORDER, LIMIT_ORDER, STOP_ORDER, STOP_LIMIT_ORDER = (np.int64(kind) for kind in OrderType)
WORKING, FILLED, PARTIAL, CANCELLED, EXPIRED_STATUS, REJECTED = (
    np.int64(status) for status in OrderStatus
)
SIGNAL, STOP, TARGET, TRAIL, LIMIT, REBALANCE = (np.int64(reason) for reason in list(Reason)[:6])
FLIP, MARGIN, BANKRUPT, RISK, DELISTED = (np.int64(reason) for reason in list(Reason)[6:11])
SPLIT, END, EXPIRED, CASH = (np.int64(reason) for reason in list(Reason)[11:15])
INVALID = np.int64(Reason.INVALID)
NOT_DUE, WAITS = np.int64(-1), np.int64(-2)
FRACTION, UNITS, CASH_SIZE, RISK_SIZE, KELLY = (np.int64(kind) for kind in SizeKind)

# What makes the orders.
SIGNALS, TARGETS, EVENTS = (np.int64(decider) for decider in Decider)

# RunConfig's choices, in the order of their literals.
NEXT_OPEN, THIS_CLOSE, NEXT_CLOSE = (np.int64(fill) for fill in range(3))
PESSIMISTIC, OPTIMISTIC, OHLC = (np.int64(path) for path in range(3))

# How a run stands.
DONE, STATUS_BANKRUPT, STATUS_STOPPED = (np.int64(status) for status in range(3))

# Operations of the live rules.
(
    LIVE_ROW,
    LIVE_NUMBER,
    LIVE_ENTRY_PRICE,
    LIVE_BARS_IN_TRADE,
    LIVE_OPEN_PROFIT,
) = (np.int64(op) for op in LiveOp if LiveOp.ROW <= op <= LiveOp.OPEN_PROFIT)
(
    LIVE_ADD,
    LIVE_SUBTRACT,
    LIVE_MULTIPLY,
    LIVE_DIVIDE,
    LIVE_MODULO,
    LIVE_POWER,
    LIVE_NEGATIVE,
    LIVE_ABS,
    LIVE_MIN,
    LIVE_MAX,
    LIVE_SQRT,
    LIVE_LOG,
    LIVE_EXP,
    LIVE_SIGN,
) = (np.int64(op) for op in LiveOp if LiveOp.ADD <= op <= LiveOp.SIGN)
(
    LIVE_LESS,
    LIVE_LESS_EQUAL,
    LIVE_GREATER,
    LIVE_GREATER_EQUAL,
    LIVE_EQUAL,
    LIVE_NOT_EQUAL,
    LIVE_AND,
    LIVE_OR,
    LIVE_NOT,
    LIVE_KNOWN,
) = (np.int64(op) for op in LiveOp if LiveOp.LESS <= op <= LiveOp.KNOWN)
