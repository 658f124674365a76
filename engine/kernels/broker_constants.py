"""The values of `engine.types`' enums as plain integers, which kernels compile in."""

from __future__ import annotations

from engine.types import FillPhase, OrderStatus, OrderType, Reason, Side, SizeKind

BUY, SELL = int(Side.BUY), int(Side.SELL)
OPEN, INSIDE, CLOSE = int(FillPhase.OPEN), int(FillPhase.INSIDE), int(FillPhase.CLOSE)

MARKET_ORDER, LIMIT_ORDER = int(OrderType.MARKET), int(OrderType.LIMIT)
STOP_ORDER, STOP_LIMIT_ORDER = int(OrderType.STOP), int(OrderType.STOP_LIMIT)

WORKING, FILLED, PARTIAL = (
    int(OrderStatus.WORKING),
    int(OrderStatus.FILLED),
    int(OrderStatus.PARTIAL),
)
CANCELLED, EXPIRED_STATUS = int(OrderStatus.CANCELLED), int(OrderStatus.EXPIRED)
REJECTED = int(OrderStatus.REJECTED)

SIGNAL, STOP, TARGET, TRAIL = (
    int(Reason.SIGNAL),
    int(Reason.STOP),
    int(Reason.TARGET),
    int(Reason.TRAIL),
)
LIMIT, FLIP, MARGIN, BANKRUPT = (
    int(Reason.LIMIT),
    int(Reason.FLIP),
    int(Reason.MARGIN),
    int(Reason.BANKRUPT),
)
RISK, DELISTED, SPLIT, END = (
    int(Reason.RISK),
    int(Reason.DELISTED),
    int(Reason.SPLIT),
    int(Reason.END),
)
EXPIRED, CASH = int(Reason.EXPIRED), int(Reason.CASH)
NOT_DUE = -1

FRACTION, UNITS = int(SizeKind.FRACTION), int(SizeKind.UNITS)
CASH_SIZE, RISK_SIZE = int(SizeKind.CASH), int(SizeKind.RISK)

# RunConfig's choices, in the order of their literals.
NEXT_OPEN, THIS_CLOSE, NEXT_CLOSE = 0, 1, 2
PESSIMISTIC, OPTIMISTIC, OHLC = 0, 1, 2

# How a run stands.
DONE, STATUS_BANKRUPT, STATUS_STOPPED = 0, 1, 2
