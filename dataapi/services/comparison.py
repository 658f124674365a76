"""Whether two results are the same: tables bit for bit, statistics to 1e-12."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dataapi import wire

TOLERANCE = 1e-12
Difference = dict[str, Any]


def first_difference(
    stored: Mapping[str, Any], again: Mapping[str, Any], table: str
) -> Difference | None:
    """Return the first row at which two tables differ, None when they are the same.

    Numbers are compared by their bits (NaN equals NaN); columns that only one table has do not
    count, so that a later engine may add some.

    Returns
    -------
    dict
        table, row, column, time, stored, again.
    """
    shared = [name for name in stored if name in again]
    lengths = {name: (len(stored[name]), len(again[name])) for name in shared}
    n_rows = min((min(pair) for pair in lengths.values()), default=0)
    places = []
    for name in shared:
        differs = np.flatnonzero(_differs(stored[name][:n_rows], again[name][:n_rows]))
        if differs.size:
            places.append((int(differs[0]), name))
    if places:
        row, name = min(places)
        return _difference(stored, again, table, row, name)
    for name, (n_stored, n_again) in lengths.items():
        if n_stored != n_again:
            return _difference(stored, again, table, n_rows, name)
    return None


def metrics_difference(stored: Mapping[str, Any], again: Mapping[str, Any]) -> Difference | None:
    """Return the first metric that differs by more than 1e-12 of its size."""
    for name, value in stored.items():
        other = again.get(name)
        if not _is_close(value, other):
            return {"table": "metrics", "column": name, "stored": value, "again": other}
    return None


def _differs(one: Any, other: Any) -> np.ndarray[Any, np.dtype[np.bool_]]:
    one, other = np.asarray(one), np.asarray(other)
    if one.dtype.kind == "f" and other.dtype.kind == "f":
        both_nan = np.isnan(one) & np.isnan(other)
        bits = one.astype("<f8").view(np.int64) != other.astype("<f8").view(np.int64)
        different: np.ndarray[Any, np.dtype[np.bool_]] = bits & ~both_nan
        return different
    if one.dtype.kind in "OUS":
        pairs = zip(one.tolist(), other.tolist(), strict=True)
        return np.array([a != b for a, b in pairs], dtype=np.bool_)
    differs: np.ndarray[Any, np.dtype[np.bool_]] = np.asarray(one != other, dtype=np.bool_)
    return differs


def _difference(
    stored: Mapping[str, Any], again: Mapping[str, Any], table: str, row: int, name: str
) -> Difference:
    times = next((t["time"] for t in (stored, again) if "time" in t and len(t["time"]) > row), None)
    return {
        "table": table,
        "row": row,
        "column": name,
        "time": None if times is None else wire.iso_instant(int(times[row])),
        "stored": _value(stored[name], row),
        "again": _value(again[name], row),
    }


def _value(column: Any, row: int) -> Any:
    """Return a cell, None where the table has ended."""
    return np.asarray(column)[row : row + 1].tolist()[0] if row < len(column) else None


def _is_close(one: Any, other: Any) -> bool:
    if isinstance(one, float | int) and isinstance(other, float | int):
        if one == other:
            return True
        return abs(one - other) <= TOLERANCE * max(abs(one), abs(other), 1.0)
    return bool(one == other)
