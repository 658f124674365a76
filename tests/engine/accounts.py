"""Accounts by hand for the metrics: clocks, conventions and empty or short tables."""

import numpy as np

from engine.clock import DAY_MS
from engine.metrics import Conventions

FIRST_MS = 1_104_537_600_000  # 2005-01-01T00:00Z, a Saturday
HOUR_MS = 3_600_000
DAILY = Conventions(periods_per_year=252.0)


def days(n, start=FIRST_MS):
    return start + DAY_MS * np.arange(n, dtype=np.int64)


def no_trades():
    floats = ("pnl", "return", "mae", "mfe", "r_multiple")
    return (
        {name: np.zeros(0) for name in floats}
        | {"bars": np.zeros(0, np.int64), "open": np.zeros(0, np.bool_)}
        | {"entry_time": np.zeros(0, np.int64), "exit_time": np.zeros(0, np.int64)}
    )


def no_fills():
    return {name: np.zeros(0) for name in ("quantity", "price", "fee")}


def closed_trades(pnl, **columns):
    n = len(pnl)
    table = no_trades() | {name: np.zeros(n) for name in ("return", "mae", "mfe", "bars")}
    table |= {"r_multiple": np.full(n, np.nan), "open": np.zeros(n, np.bool_)}
    table |= {"entry_time": np.arange(n), "exit_time": np.arange(n)}
    return table | {"pnl": np.array(pnl, dtype=float)} | columns
