"""The sweep workload in vectorbt: run by the interpreter of the peers' environment, not by ours.

Usage: p3_vectorbt_sweep.py FILE.npz N_COLUMNS, which prints {"seconds": [...], "final_equity": []}.
The file holds time, open, close, and fast and slow with one value a point. Points are taken
N_COLUMNS at a time, as many as memory allows: vectorbt keeps every array of every point.
"""

import json
import sys
import time

import numpy as np
import pandas as pd

REPEATS = 3
CASH, SLIPPAGE, FEE = 100_000.0, 5e-4, 1e-3


def main(path: str, n_columns: int) -> None:
    """Sweep a small piece to compile everything, then the whole a few times."""
    with np.load(path) as file:
        data = dict(file)
    index = pd.to_datetime(data["time"], unit="ms")
    opens, closes = (pd.Series(data[name], index=index) for name in ("open", "close"))
    points = data["fast"], data["slow"]
    sweep(opens[:1000], closes[:1000], *(values[:3] for values in points), n_columns)
    seconds = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        found = sweep(opens, closes, *points, n_columns)
        seconds.append(time.perf_counter() - started)
        if sum(seconds) > 60.0:
            break
    json.dump({"seconds": seconds, "final_equity": found[:, 0].tolist()}, sys.stdout)


def sweep(opens, closes, fast, slow, n_columns):
    """Return final equity, Sharpe, max drawdown and closed trades, a row a point."""
    blocks = range(0, fast.size, n_columns)
    return np.concatenate(
        [block(opens, closes, fast[i : i + n_columns], slow[i : i + n_columns]) for i in blocks]
    )


def block(opens, closes, fast, slow):
    """Sweep the points of one block."""
    import vectorbt as vbt  # not there where tests collect this file

    quick, late = (vbt.MA.run(closes, window=windows.tolist()) for windows in (fast, slow))
    entries = quick.ma_crossed_above(late).vbt.signals.fshift(1)
    exits = quick.ma_crossed_below(late).vbt.signals.fshift(1)
    portfolio = vbt.Portfolio.from_signals(
        closes,
        entries,
        exits,
        price=opens,
        init_cash=CASH,
        slippage=SLIPPAGE,
        fees=FEE,
        freq=opens.index[1] - opens.index[0],
    )
    return np.column_stack(
        [
            portfolio.final_value(),
            portfolio.sharpe_ratio(),
            portfolio.max_drawdown(),
            portfolio.trades.closed.count(),
        ]
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
