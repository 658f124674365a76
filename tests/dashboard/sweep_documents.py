"""Documents of a sweep as the API gives them, made by hand from formulas.

The Sharpe of a point is 1 - |fast - 10| / 20 - |slow - 60| / 200: one hill whose top is at
fast 10, slow 60, on every value of `k` lower by 0.1 a step.
"""

import itertools
import math
from typing import Any

import numpy as np

SWEEP_ID = "7tQmB2xKd4Zr"
RUN_CONFIG: dict[str, Any] = {
    "symbols": ["AAPL", "MSFT"],
    "timeframe": "1d",
    "start": "2005-03-01",
    "end": "2013-03-01",
    "cash": 100_000.0,
    "strategy": {
        "name": "sma_cross",
        "params": {"fast": 12, "slow": 50, "direction": "long_only"},
    },
}


def hill(fast: float, slow: float, k: float = 0.0) -> float:
    return 1.0 - abs(fast - 10.0) / 20.0 - abs(slow - 60.0) / 200.0 - 0.1 * k


def columns(axes: dict[str, list[Any]], n_done: int | None = None) -> dict[str, Any]:
    """Return the columns of all combinations with fast < slow; those from `n_done` on are empty."""
    names = list(axes)
    rows = [
        row
        for row in itertools.product(*axes.values())
        if dict(zip(names, row, strict=True)).get("fast", 0)
        < dict(zip(names, row, strict=True)).get("slow", math.inf)
    ]
    found: dict[str, Any] = {name: [row[i] for row in rows] for i, name in enumerate(names)}
    base = [dict(zip(names, row, strict=True)) for row in rows]
    sharpe = np.array([hill(b.get("fast", 10), b.get("slow", 60), b.get("k", 0)) for b in base])
    if n_done is not None:
        sharpe[n_done:] = np.nan
    found["sharpe"] = sharpe
    found["cagr"] = 0.12 * sharpe - 0.01
    found["total_return"] = 1.5 * sharpe - 0.1
    found["final_equity"] = 100_000.0 * (1.0 + found["total_return"])
    found["max_drawdown"] = -0.45 + 0.2 * sharpe
    found["calmar"] = found["cagr"] / -found["max_drawdown"]
    found["volatility"] = 0.2 - 0.05 * sharpe
    speed = np.array([b.get("fast", 10) for b in base], dtype=np.float64)
    found["trades"] = np.where(np.isfinite(sharpe), np.round(900.0 / speed), np.nan)
    return found


AXES: dict[str, list[Any]] = {
    "fast": list(range(4, 41, 2)),
    "slow": list(range(30, 205, 5)),
    "k": [0, 1, 2, 3],
}


def point(axes: dict[str, list[Any]], table: dict[str, Any], index: int) -> dict[str, Any]:
    names = (
        "sharpe",
        "cagr",
        "total_return",
        "final_equity",
        "max_drawdown",
        "calmar",
        "volatility",
        "trades",
    )
    return {
        "index": index,
        "params": {name: table[name][index] for name in axes},
        "metrics": {name: float(table[name][index]) for name in names},
    }


def sweep(
    status: str = "done", axes: dict[str, list[Any]] | None = None, **changes: Any
) -> dict[str, Any]:
    """Return the document of a sweep; its best point is the top of the hill."""
    axes = axes or AXES
    table = columns(axes)
    n_points = len(table["sharpe"])
    best = int(np.argmax(table["sharpe"]))
    n_done = n_points if status == "done" else changes.pop("n_done", 0)
    document = {
        "id": SWEEP_ID,
        "key": "0" * 64,
        "url": f"/sweeps/{SWEEP_ID}",
        "status": status,
        "created": "2026-11-25T12:00:00Z",
        "config": {
            "run": RUN_CONFIG,
            "axes": {name: ",".join(str(v) for v in values) for name, values in axes.items()},
            "constraints": ["fast < slow"],
            "objective": "sharpe",
            "random": None,
            "seed": 0,
        },
        "engine": "transitions",
        "engine_reason": "",
        "engine_version": "0.1.0+abcdef01",
        "data": [],
        "objective": "sharpe",
        "axes": axes,
        "n_points": n_points,
        "n_done": n_done,
        "job": {
            "id": 3,
            "state": status,
            "progress": n_done / n_points,
            "rate": 2720.0,
            "eta_s": 41.0,
            "note": "block 12 of 40",
            "error": None,
        },
        "best": point(axes, table, best) if n_done else None,
        "plateau": None,
        "edges": [],
        "pbo": None,
        "dsr": None,
        "trials": None,
        "timing": {"elapsed_s": 1.7},
    }
    if status == "done":
        document |= {"pbo": 0.51, "dsr": 0.89, "trials": 4606}
    return {**document, **changes}
