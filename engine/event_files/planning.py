"""An event strategy with its parameters: ready for any market."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from config.run import RunConfig
from engine.errors import InvalidFormulaError
from engine.event_files.compiling import CompiledStrategy, bits, compile_file
from engine.event_files.reading import EventDefinition, located
from engine.formula.definition import ParameterValue, resolve_params
from engine.formula.evaluation import evaluate_expressions
from engine.formula.planning import Expressions, IndicatorRow, Place, plan_expressions
from engine.sizing import SIZE_KINDS
from engine.types import Events, FloatArray, Market, SizeKind


@dataclass(frozen=True, slots=True)
class PlannedEvents:
    """An event strategy: `decide` prepares its indicators; the orders are made in the broker."""

    strategy: CompiledStrategy
    expressions: Expressions
    params: Mapping[str, ParameterValue]

    @property
    def lookback(self) -> int:
        """Return from which own bar on `on_bar` is called, at the latest."""
        return self.expressions.lookback

    @property
    def soonest(self) -> int:
        """Return before which own bar it is never called."""
        return self.expressions.soonest

    @property
    def symbols(self) -> Mapping[str, Place]:
        """Return the other symbols that the indicators read."""
        return self.expressions.symbols

    @property
    def rows(self) -> Sequence[IndicatorRow]:
        """Return the indicators, in the order of the file."""
        return self.expressions.rows

    @property
    def counts_bars(self) -> bool:
        """Return True: `on_bar` keeps values of its own, so its orders depend on where it began."""
        return True

    def decide(self, market: Market, config: RunConfig) -> tuple[Events, dict[str, FloatArray]]:
        """Return what `on_bar` will be called with, and its indicators by name."""
        rows, valid_from = evaluate_expressions(self.expressions, market)
        n_symbols, n_times = market.has_bar.shape
        indicators = np.empty((n_symbols, n_times, len(rows)))
        for k, row in enumerate(rows.values()):
            indicators[:, :, k] = row
        kind, size = SizeKind.FRACTION, 1.0 / n_symbols
        if config.sizing is not None:
            kind, size = SIZE_KINDS[config.sizing.kind], config.sizing.value
        events = Events(
            handler=self.strategy,
            indicators=indicators,
            first_calls=np.maximum(valid_from, market.first),
            params=bits(self.params.values()),
            size_kind=kind,
            size=size,
            is_size_fixed=config.sizing is not None,
        )
        return events, rows


def plan_events(
    definition: EventDefinition, params: Mapping[str, Any], *, timeframe: str | None = None
) -> PlannedEvents:
    """Return a strategy file ready to run, compiled unless it was before.

    Raises
    ------
    InvalidStrategyError, InvalidParameterError
    """
    values = resolve_params(definition, params)
    try:
        expressions = plan_expressions(definition.indicators, values, timeframe=timeframe)
    except InvalidFormulaError as error:
        raise located(f"the indicator {error.field}: {error}", definition.name, None) from None
    return PlannedEvents(compile_file(definition), expressions, values)
