"""Curves for a screen: a part of them, at no more points than can be seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from tsdownsample import MinMaxLTTBDownsampler

Columns = dict[str, np.ndarray[Any, Any]]
IntArray = np.ndarray[Any, np.dtype[np.int64]]
FloatArray = np.ndarray[Any, np.dtype[np.float64]]

SAMPLER = MinMaxLTTBDownsampler()  # type: ignore[no-untyped-call]


def part(columns: Columns, from_ms: int | None, to_ms: int | None) -> Columns:
    """Return the rows whose `time` lies in [from_ms, to_ms]."""
    time = columns["time"]
    begin = 0 if from_ms is None else int(np.searchsorted(time, from_ms, side="left"))
    end = time.size if to_ms is None else int(np.searchsorted(time, to_ms, side="right"))
    return {name: values[begin:end] for name, values in columns.items()}


def thinned(columns: Columns, points: int | None, by: Sequence[str]) -> Columns:
    """Return at most `points` rows that keep the shape of the columns `by`.

    Each of them picks an equal share (MinMaxLTTB: its extremes stay); the first and the last row
    are always kept, and nothing else when there is no such column.
    """
    n_rows = columns["time"].size
    if points is None or n_rows <= points:
        return columns
    shown = [columns[name] for name in by if name in columns]
    share = max((points - 2) // max(len(shown), 1), 0)
    picks = [np.array([0, n_rows - 1], dtype=np.int64)]
    picks += [_picked(np.ascontiguousarray(values), share) for values in shown]
    rows = np.unique(np.concatenate(picks))
    return {name: values[rows] for name, values in columns.items()}


def sparkline(equity: FloatArray, points: int = 60) -> list[float]:
    """Return the equity curve in at most `points` values, first and last included."""
    return [float(value) for value in thinned({"time": equity, "y": equity}, points, ["y"])["y"]]


def _picked(values: FloatArray, n_out: int) -> IntArray:
    # Fewer than four leave no room between the two ends that MinMaxLTTB always takes.
    if n_out < 4:
        return np.empty(0, dtype=np.int64)
    finite = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    rows: IntArray = SAMPLER.downsample(finite, n_out=n_out).astype(np.int64)
    return rows
