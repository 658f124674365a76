"""Strategies that are ready to decide on any market, whatever they are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from config.run import RunConfig
from engine.formula import IndicatorRow, Place, Plan, evaluate_with_rows
from engine.formula.definition import ParameterValue
from engine.sizing import apply_sizing
from engine.types import Decisions, FloatArray, Market


class PlannedStrategy(Protocol):
    """A strategy with its parameters' values, not yet bound to bars."""

    @property
    def params(self) -> Mapping[str, ParameterValue]:
        """Return every parameter with its value."""

    @property
    def lookback(self) -> int:
        """Return from which of a symbol's own bars on orders can be made for it, at the latest."""

    @property
    def soonest(self) -> int:
        """Return before which of a symbol's own bars no order can be made for it."""

    @property
    def symbols(self) -> Mapping[str, Place]:
        """Return the symbols that it reads, whether traded or not, and where it names them."""

    @property
    def rows(self) -> Sequence[IndicatorRow]:
        """Return the indicators it reads, by their text."""

    @property
    def counts_bars(self) -> bool:
        """Return whether it is another strategy when the run begins elsewhere."""

    def decide(self, market: Market, config: RunConfig) -> tuple[Decisions, dict[str, FloatArray]]:
        """Return what it wants at each close, and its indicators by their text."""


@dataclass(frozen=True, slots=True)
class PlannedFormula:
    """A formula strategy: its plan is evaluated on whole arrays."""

    plan: Plan

    @property
    def params(self) -> Mapping[str, ParameterValue]:
        """Return every parameter with its value."""
        return self.plan.params

    @property
    def lookback(self) -> int:
        """Return from which of a symbol's own bars on orders can be made for it, at the latest."""
        return self.plan.lookback

    @property
    def soonest(self) -> int:
        """Return before which of a symbol's own bars no order can be made for it."""
        return self.plan.soonest

    @property
    def symbols(self) -> Mapping[str, Place]:
        """Return the other symbols that the formula names."""
        return self.plan.symbols

    @property
    def rows(self) -> Sequence[IndicatorRow]:
        """Return the indicators of the formula, in its order."""
        return self.plan.rows

    @property
    def counts_bars(self) -> bool:
        """Return whether the formula reads `bar_index`."""
        nodes = self.plan.program.nodes
        return any(node.op == "column" and node.name == "bar_index" for node in nodes)

    def decide(self, market: Market, config: RunConfig) -> tuple[Decisions, dict[str, FloatArray]]:
        """Return the signals, in the configured size, and the indicators by their text."""
        signals, rows = evaluate_with_rows(self.plan, market)
        return apply_sizing(signals, config, market), rows
