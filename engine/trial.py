"""A strategy and a broker that can be run again on any market: what the checks experiment on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from config.run import RunConfig
from engine.planned import PlannedStrategy
from engine.simulation import simulate
from engine.types import Decisions, Events, FloatArray, Ledger, Market, SideSignals, Targets

Rows = dict[str, npt.NDArray[Any]]
"""Conditions and numbers of shape (n_symbols, n_times) by name."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One resolved run without its bars; `is_result` False when only its course counts."""

    strategy: PlannedStrategy
    config: RunConfig
    is_result: bool = True

    def evaluate(self, market: Market) -> tuple[Decisions, dict[str, FloatArray]]:
        """Return what the strategy wants, in the configured size, and its indicators by text."""
        return self.strategy.decide(market, self.config)

    def ledger(self, market: Market, decisions: Decisions, *, path: str | None = None) -> Ledger:
        """Return what the broker and the portfolio make of it."""
        return simulate(market, decisions, self.config, path=path, is_result=self.is_result)


def decision_rows(decisions: Decisions) -> Rows:
    """Return every array of the decisions under the name of its field.

    An event strategy has none: its orders are made as the broker goes.
    """
    if isinstance(decisions, Events):
        return {}
    if isinstance(decisions, Targets):
        weights = decisions.weights
        return {"weights": weights, "long": weights > 0.0, "short": weights < 0.0}
    rows: Rows = {"size": decisions.size}
    for name, side in (("long", decisions.long), ("short", decisions.short)):
        rows |= {f"enter_{name}": side.enter, f"exit_{name}": side.exit}
        rows |= {f"{field}_{name}": row for field, row in _prices(side).items()}
    if decisions.live is not None:
        rows |= {f"live {name}": row for name, row in decisions.live.rows.items()}
    return rows


def _prices(side: SideSignals) -> dict[str, FloatArray]:
    found = {"limit": side.limit, "trigger": side.trigger, "trail": side.trail}
    for field, pair in (("stop", side.stop), ("target", side.target)):
        if pair is not None:
            found |= {field: pair[0], f"{field} per entry_price": pair[1]}
    return {field: row for field, row in found.items() if row is not None}
