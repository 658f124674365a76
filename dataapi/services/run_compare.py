"""Several runs side by side: what differs, their curves from a common start, their correlation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dataapi import wire
from dataapi.problems import Unprocessable
from dataapi.services.curves import thinned
from dataapi.services.documents import Document, params_text
from dataapi.services.run_diff import config_differences, run_diff
from dataapi.services.runs import Runs
from engine.types import FloatArray, IntArray

FEWEST, MOST = 2, 20
POINTS = 1000
FEWEST_RETURNS = 3
"""Below it a correlation is one of chance."""

Curve = tuple[IntArray, FloatArray]


def run_compare(runs: Runs, ids: Sequence[str]) -> Document:
    """Return several runs side by side.

    Returns
    -------
    dict
        runs, config (the settings that differ: key, values), curves (time, and per run equity
        rebased to 1 at the common start and its drawdown since), correlation of returns, and
        diff when they are two.

    Raises
    ------
    Unprocessable
        If they are fewer than two, more than twenty, or one is named twice.
    NotStoredError
        If one does not exist.
    """
    if not FEWEST <= len(ids) <= MOST or len(set(ids)) != len(ids):
        message = f"Expected {FEWEST} to {MOST} different runs, were {len(ids)}."
        if len(set(ids)) != len(ids):
            message = "Expected each run once, one is named twice."
        raise Unprocessable(message, errors=[{"field": "ids", "message": message}])
    found = [runs.document(run_id) for run_id in ids]
    curves = [_curve(runs, run_id) for run_id in ids]
    differences = config_differences([document["config"] for document in found])
    return {
        "runs": [
            _item(runs, document, curve) for document, curve in zip(found, curves, strict=True)
        ],
        "config": [{"key": key, "values": values} for key, values in differences],
        "curves": _curves(curves),
        "correlation": correlations(curves),
        "diff": run_diff(runs, ids[0], ids[1]) if len(ids) == FEWEST else None,
    }


def _curve(runs: Runs, run_id: str) -> Curve:
    table = runs.table(run_id, "equity")
    return table["time"], np.maximum(table["equity"], 0.0)


def _item(runs: Runs, document: Document, curve: Curve) -> Document:
    timeframe = document["config"]["timeframe"]
    first, last = (wire.iso_stamp(at, timeframe) for at in (curve[0][0], curve[0][-1]))
    return {
        "id": document["id"],
        "url": document["url"],
        "name": runs.store.runs.about(document["id"]).name,
        "title": document["strategy"]["title"],
        "params_text": params_text(document["strategy"]["params"]),
        "symbols": document["config"]["symbols"],
        "first": first,
        "last": last,
        "metrics": document["metrics"],
    }


def _curves(curves: Sequence[Curve]) -> dict[str, Any]:
    """Return the curves on one clock from the first instant that all have reached."""
    start = max(int(time[0]) for time, _ in curves)
    clock = np.unique(np.concatenate([time[time >= start] for time, _ in curves]))
    columns: dict[str, Any] = {"time": clock}
    for number, curve in enumerate(curves):
        columns[f"equity {number}"] = rebased(curve, clock)
    shown = thinned(columns, POINTS, [name for name in columns if name != "time"])
    # Drawdowns of the whole curves, at the instants shown.
    kept = np.searchsorted(clock, shown["time"])
    falls = [_drawdown(columns[f"equity {number}"])[kept] for number in range(len(curves))]
    equity = [shown[f"equity {number}"] for number in range(len(curves))]
    named = {"time": shown["time"]} | {f"e{i}": row for i, row in enumerate(equity)}
    named |= {f"d{i}": row for i, row in enumerate(falls)}
    lists = wire.json_columns(named)
    numbers = range(len(curves))
    return {
        "time": lists["time"],
        "equity": [lists[f"e{i}"] for i in numbers],
        "drawdown": [lists[f"d{i}"] for i in numbers],
    }


def rebased(curve: Curve, clock: IntArray) -> FloatArray:
    """Return an equity curve on another clock, 1 at its first instant; NaN after its last bar.

    Between two of its bars the value is that of the earlier one.
    """
    time, value = curve
    at = np.searchsorted(time, clock, side="right") - 1
    known = np.where((at >= 0) & (clock <= time[-1]), value[at], np.nan)
    base = known[0] if known.size else np.nan
    return known / base if base > 0.0 else np.full(clock.size, np.nan)


def _drawdown(value: FloatArray) -> FloatArray:
    fall: FloatArray = value / np.fmax.accumulate(value) - 1.0
    return fall


def correlations(curves: Sequence[Curve]) -> list[list[float | None]]:
    """Return the correlation of the runs' returns, pair by pair, on the stamps that both have."""
    return [[_correlation(one, other) for other in curves] for one in curves]


def _correlation(one: Curve, other: Curve) -> float | None:
    _, left, right = np.intersect1d(one[0], other[0], assume_unique=True, return_indices=True)
    returns = [_returns(curve[1][at]) for curve, at in ((one, left), (other, right))]
    is_known = np.isfinite(returns[0]) & np.isfinite(returns[1])
    x, y = (values[is_known] for values in returns)
    if x.size < FEWEST_RETURNS or x.std() < 1e-15 or y.std() < 1e-15:
        return None
    return float(np.clip(np.corrcoef(x, y)[0, 1], -1.0, 1.0))


def _returns(value: FloatArray) -> FloatArray:
    before = np.where(value[:-1] > 0.0, value[:-1], np.nan)
    returns: FloatArray = value[1:] / before - 1.0
    return returns
