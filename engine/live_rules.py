"""Signals that read the open position, made ready for the broker (`engine.kernels.broker_formula`).

While a symbol has no position its rows of the signals hold. At closes with one the broker writes
what the rules say over these rows, which therefore are copies: a run changes nothing it is given.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.kernels.broker_records import STEP, WRITE, address_of
from engine.types import FloatArray, LiveOp, Market, SideSignals, Signals


def with_own_rows(signals: Signals) -> Signals:
    """Return the signals with a copy of every row that the live rules write to."""
    if signals.live is None:
        return signals
    fields = set(signals.live.outputs)
    return replace(
        signals,
        long=_side_with_own_rows(signals.long, "long", fields),
        short=_side_with_own_rows(signals.short, "short", fields),
        size=signals.size.copy() if "size" in fields else signals.size,
    )


def _side_with_own_rows(side: SideSignals, name: str, fields: set[str]) -> SideSignals:
    changed = {
        field: getattr(side, field).copy()
        for field in ("enter", "exit", "limit", "trigger", "trail")
        if f"{field}_{name}" in fields
    }
    return replace(
        side,
        stop=_own_pair(side.stop, f"stop_{name}", fields),
        target=_own_pair(side.target, f"target_{name}", fields),
        **changed,
    )


def _own_pair(
    rows: tuple[FloatArray, FloatArray] | None, name: str, fields: set[str]
) -> tuple[FloatArray, FloatArray] | None:
    if rows is None:
        return None
    a, b = rows
    return (
        a.copy() if f"{name}.a" in fields else a,
        b.copy() if f"{name}.b" in fields else b,
    )


def live_tables(signals: Signals, market: Market) -> tuple[dict[str, np.ndarray], list[FloatArray]]:
    """Return the program as the broker reads it, and the rows that have to be kept alive for it.

    Returns
    -------
    dict of str to structured array
        `steps` and `writes`, empty without live rules.
    list of ndarray of float64
    """
    live = signals.live
    if live is None:
        return {"steps": np.zeros(0, STEP), "writes": np.zeros(0, WRITE)}, []
    own_bars = np.ascontiguousarray(np.cumsum(market.has_bar, axis=1), np.float64)
    steps = np.zeros(live.code.shape[0], STEP)
    for name, column in zip(("op", "a", "b"), live.code.T, strict=True):
        steps[name] = column
    steps["value"] = live.numbers
    rows = [*live.rows.values(), own_bars]
    for step in steps:
        if step["op"] == LiveOp.ROW:
            step["a"] = address_of(rows[step["a"]])
        elif step["op"] == LiveOp.BARS_IN_TRADE:
            step["a"] = address_of(own_bars)
    writes = np.zeros(len(live.outputs), WRITE)
    for write, (field, number) in zip(writes, live.outputs.items(), strict=True):
        row = _row_of(signals, field)
        write["step"] = number
        write["address"] = address_of(row)
        write["is_condition"] = row.dtype == np.bool_
    return {"steps": steps, "writes": writes}, rows


def _row_of(signals: Signals, field: str) -> np.ndarray:
    """Return the row that an output such as stop_long.a is written to."""
    if field == "size":
        return signals.size
    name, _, part = field.partition(".")
    kind, _, side = name.partition("_")
    found = getattr(getattr(signals, side), kind)
    row: np.ndarray = found["ab".index(part)] if part else found
    return row
