"""What a strategy in a Python file may call: `from engine.orders import buy, sell, close, cancel`.

See docs/strategies.md, "Strategies in Python".
"""

from engine.kernels.event_requests import (
    BUY,
    NEXT_CLOSE,
    NEXT_OPEN,
    SELL,
    THIS_CLOSE,
    buy,
    cancel,
    close,
    sell,
)

__all__ = [
    "BUY",
    "NEXT_CLOSE",
    "NEXT_OPEN",
    "SELL",
    "THIS_CLOSE",
    "buy",
    "cancel",
    "close",
    "sell",
]
