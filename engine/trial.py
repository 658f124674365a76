"""A strategy and a broker that can be run again on any market: what the checks experiment on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from config.run import RunConfig
from engine.formula import Plan, evaluate_with_rows
from engine.resolve import apply_sizing
from engine.simulation import simulate
from engine.types import FloatArray, Ledger, Market, SideSignals, Signals

Rows = dict[str, npt.NDArray[Any]]
"""Conditions and numbers of shape (n_symbols, n_times) by name."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One resolved run without its bars."""

    plan: Plan
    config: RunConfig

    def evaluate(self, market: Market) -> tuple[Signals, dict[str, FloatArray]]:
        """Return what the strategy wants, in the configured size, and its indicators by text."""
        signals, rows = evaluate_with_rows(self.plan, market)
        return apply_sizing(signals, self.config, market), rows

    def ledger(self, market: Market, signals: Signals, *, path: str | None = None) -> Ledger:
        """Return what the broker and the portfolio make of it."""
        return simulate(market, signals, self.config, path=path)


def signal_rows(signals: Signals) -> Rows:
    """Return every array of the signals under the name of its field."""
    rows: Rows = {"size": signals.size}
    for name, side in (("long", signals.long), ("short", signals.short)):
        rows |= {f"enter_{name}": side.enter, f"exit_{name}": side.exit}
        rows |= {f"{field}_{name}": row for field, row in _prices(side).items()}
    return rows


def _prices(side: SideSignals) -> dict[str, FloatArray]:
    found = {"limit": side.limit, "trigger": side.trigger, "trail": side.trail}
    for field, pair in (("stop", side.stop), ("target", side.target)):
        if pair is not None:
            found |= {field: pair[0], f"{field} per entry_price": pair[1]}
    return {field: row for field, row in found.items() if row is not None}
