"""How documents and columns become text: JSON without NaN, CSV with every digit.

JSON has no NaN and no infinity: both become null. Times are int64 UTC milliseconds in columns and
ISO 8601 in documents and CSV files.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

Columns = Mapping[str, Any]
"""Equally long arrays by name."""

TIME_COLUMNS = frozenset({"time", "entry_time", "exit_time"})
LONG_UNITS = ("d", "w", "mo")
# "No time" in a column of times, as numpy's NaT has it: null in JSON, empty in CSV.
NO_TIME = int(np.iinfo(np.int64).min)


def json_bytes(document: Any) -> bytes:
    """Return the document as compact JSON; numpy values are welcome, NaN and infinity are null."""
    try:
        text = json.dumps(
            document, allow_nan=False, default=_plain, separators=(",", ":"), ensure_ascii=False
        )
    except ValueError:
        text = json.dumps(
            _without_nan(document),
            allow_nan=False,
            default=_plain,
            separators=(",", ":"),
            ensure_ascii=False,
        )
    return text.encode()


def json_columns(columns: Columns) -> dict[str, list[Any]]:
    """Return the columns as lists, NaN and infinity as None."""
    lists = {name: _as_list(np.asarray(values)) for name, values in columns.items()}
    for name in TIME_COLUMNS & lists.keys():
        lists[name] = [None if value == NO_TIME else value for value in lists[name]]
    return lists


def csv_text(columns: Columns) -> str:
    """Return the columns as CSV: ISO 8601 UTC times, shortest exact floats, booleans 0 and 1.

    A missing time or number is an empty cell.
    """
    texts = [_csv_column(name, np.asarray(values)) for name, values in columns.items()]
    lines = [",".join(columns)]
    lines.extend(map(",".join, zip(*texts, strict=True)))
    return "\n".join(lines) + "\n"


def iso_stamp(time_ms: int, timeframe: str) -> str:
    """Return a bar's stamp: a date for bars of a day or longer, else an instant."""
    text = iso_instant(time_ms)
    return text[:10] if timeframe.endswith(LONG_UNITS) else text


def iso_instant(time_ms: int) -> str:
    """Return a stamp as ISO 8601 UTC, always with its clock time."""
    moment = datetime.fromtimestamp(int(time_ms) / 1000.0, tz=UTC)
    timespec = "milliseconds" if time_ms % 1000 else "seconds"
    return moment.isoformat(timespec=timespec).replace("+00:00", "Z")


def _as_list(values: np.ndarray[Any, Any]) -> list[Any]:
    listed: list[Any] = values.tolist()
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        return [value if math.isfinite(value) else None for value in listed]
    return listed


def _csv_column(name: str, values: np.ndarray[Any, Any]) -> list[str]:
    if name in TIME_COLUMNS:
        return ["" if value == NO_TIME else iso_instant(value) for value in values.tolist()]
    if values.dtype.kind == "b":
        return ["1" if value else "0" for value in values.tolist()]
    if values.dtype.kind == "f":
        return [repr(value) if math.isfinite(value) else "" for value in values.tolist()]
    return [_csv_cell(value) for value in values.tolist()]


def _csv_cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\r\n') else text


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return _as_list(value)
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no JSON form.")


def _without_nan(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    if isinstance(value, np.generic):
        return _without_nan(value.item())
    return value
