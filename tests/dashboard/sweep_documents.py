"""Documents of a sweep and a walk-forward as the API gives them, made by hand from formulas.

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
        "timing": {"elapsed_s": 1.7, "takings": 1},
    }
    if status == "done":
        document |= {"pbo": 0.51, "dsr": 0.89, "trials": 4606}
    return {**document, **changes}


FORWARD_ID = "5pQmB2xKd4Zr"


def walkforward(status: str = "done", n_done: int = 6) -> dict[str, Any]:
    """Return the document of six windows of two years and half a year each."""
    windows = []
    for i in range(6):
        first = 2005 + i // 2
        half = ("01-01", "07-01")[i % 2]
        end = f"{first + 2}-{half}"
        out = f"{first + 2}-12-31" if i % 2 else f"{first + 2}-06-30"
        window: dict[str, Any] = {
            "i": i,
            "in_sample": {"first": f"{first}-{half}", "last": end},
            "out_of_sample": {"first": end, "last": out},
            "params": None,
            "in_sample_metrics": None,
            "out_of_sample_metrics": None,
        }
        if i < n_done:
            sharpe = (0.4, 0.9, -0.3, 1.1, 0.2, 0.6)[i]
            window |= {
                "params": {"fast": (8, 8, 10, 12, 10, 10)[i], "slow": (60, 60, 55, 55, 55, 80)[i]},
                "in_sample_metrics": {"sharpe": 1.4 - 0.1 * i, "total_return": 0.3},
                "out_of_sample_metrics": {
                    "sharpe": sharpe,
                    "total_return": sharpe / 10.0,
                    "max_drawdown": -0.1 + 0.05 * sharpe,
                },
            }
        windows.append(window)
    is_done = status == "done"
    return {
        "id": FORWARD_ID,
        "key": "1" * 64,
        "url": f"/walkforwards/{FORWARD_ID}",
        "status": status,
        "created": "2026-11-25T12:00:00Z",
        "config": {
            "run": RUN_CONFIG,
            "axes": {"fast": "4..40:2", "slow": "30..200:5"},
            "constraints": ["fast < slow"],
            "objective": "sharpe",
            "random": None,
            "seed": 0,
            "in_sample": 504,
            "out_of_sample": 126,
            "anchored": False,
        },
        "axes": {"fast": AXES["fast"], "slow": AXES["slow"]},
        "data": [],
        "method": "walk_forward",
        "n_windows": len(windows),
        "n_done": len(windows) if is_done else n_done,
        "windows": windows,
        "efficiency_detail": {"out_of_sample": 0.05, "in_sample": 0.12, "reason": None},
        "stitched": {
            "metrics": {
                "sharpe": 0.48,
                "cagr": 0.052,
                "max_drawdown": -0.143,
                "volatility": 0.121,
                "trades": 41,
            }
        }
        if is_done
        else None,
        "efficiency": 0.42 if is_done else None,
        "job": {
            "id": 4,
            "state": status,
            "progress": n_done / 6,
            "rate": 0.4,
            "eta_s": 7.0,
            "note": "window 3",
            "error": None,
        },
        "timing": {"elapsed_s": 12.0, "takings": 1},
    }


def forward_equity() -> dict[str, Any]:
    """Return a joined curve of 600 days in six windows, against a straight benchmark."""
    n_days = 600
    time = 1_167_609_600_000.0 + 86_400_000.0 * np.arange(n_days)
    equity = 100_000.0 * (1.0 + 0.2 * np.sin(np.arange(n_days) / 90.0) + 0.0003 * np.arange(n_days))
    return {
        "time": time,
        "equity": equity,
        "drawdown": equity / np.maximum.accumulate(equity) - 1.0,
        "benchmark": 100_000.0 * (1.0 + 0.0004 * np.arange(n_days)),
        "window": np.arange(n_days) // 100,
    }


QUANTILES = ("p05", "p25", "p50", "p75", "p95")


def folds() -> dict[str, Any]:
    """Return the document of a cross-validation: four folds, two tested at a time."""
    document = walkforward()
    numbers = {"sharpe": 0.5}
    windows = [
        {
            "i": i,
            "train": [],
            "test": [],
            "folds": list(chosen),
            "params": {"fast": 10, "slow": 60},
            "in_sample_metrics": numbers,
            "out_of_sample_metrics": numbers,
        }
        for i, chosen in enumerate(itertools.combinations(range(4), 2))
    ]
    values = (-0.2, 0.1, 0.4, 0.7, 1.0)
    return {
        **document,
        "method": "cpcv",
        "config": {
            **document["config"],
            "method": "cpcv",
            "n_folds": 4,
            "n_test_folds": 2,
            "purge": 10,
            "embargo": 0,
        },
        "windows": windows,
        "paths": [{"i": i} for i in range(3)],
        "distribution": {"sharpe": dict(zip(QUANTILES, values, strict=True))},
        "probability_of_loss": 1 / 3,
        "in_sample_sharpe": 0.9,
        "out_of_sample_sharpe": 0.4,
    }
