"""The accounts that trade out-of-sample bars: each begins flat and ends flat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from config.run import RunConfig
from engine.analysis.outcome import Outcome, outcome_of
from engine.analysis.words import iso
from engine.errors import InvalidBarsError, InvalidParameterError
from engine.metrics import Conventions
from engine.resolve import RunPlan
from engine.sweeps.events import with_params
from engine.sweeps.measuring import COLUMNS, yardstick
from engine.types import Bars, BoolArray, IntArray
from engine.walkforward.splits import Span, Split

LEAST_CASH = 0.01
"""What an account needs to begin a window; with less it is ruined and stays as it is."""

LONG_UNITS = ("d", "w", "mo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The bars of the whole run, of which spans are cut.

    time : ndarray of int64, shape (n_bars,)
        UTC ms.
    has_bar : ndarray of bool, shape (n_symbols, n_bars)
    rules : Conventions
        How the whole run's statistics are dated and annualised.
    """

    symbols: tuple[str, ...]
    time: IntArray
    has_bar: BoolArray
    rules: Conventions
    cash: float
    timeframe: str

    def told(self, span: Span) -> dict[str, Any]:
        """Return the first and the last bar of a span, as documents say them, and how many."""
        stamps = [iso(int(self.time[i])) for i in (span.begin, span.end - 1)]
        if self.timeframe.endswith(LONG_UNITS):
            stamps = [stamp[:10] for stamp in stamps]
        return {"first": stamps[0], "last": stamps[1], "bars": span.n_bars}


def clock_of(plan: RunPlan, bars: Mapping[str, Bars]) -> Clock:
    """Return the clock of a run.

    Raises
    ------
    InvalidParameterError
        If the run has contributions.
    InvalidBarsError
        If bars cannot be traded on, or none lies between start and end.
    """
    config = plan.config
    if config.flows is not None:
        raise InvalidParameterError(
            "Contributions have no place here: every window is measured as an account of its own. "
            "Leave `flows` out.",
            field="run.flows",
        )
    market = plan.market(bars)
    measured_by = yardstick(market, config)
    return Clock(
        symbols=market.symbols,
        time=measured_by.time,
        has_bar=market.has_bar[:, market.first :],
        rules=measured_by.rules,
        cash=config.cash,
        timeframe=config.timeframe,
    )


def refuse_empty(clock: Clock, splits: tuple[Split, ...]) -> None:
    """Raise InvalidBarsError when a traded symbol has no bar in some span."""
    n_before: IntArray = np.zeros((len(clock.symbols), clock.time.size + 1), np.int64)
    np.cumsum(clock.has_bar, axis=1, out=n_before[:, 1:])
    for split in splits:
        for span in (*split.train, *split.test):
            n_bars = n_before[:, span.end] - n_before[:, span.begin]
            if not n_bars.all():
                told = clock.told(span)
                raise InvalidBarsError(
                    f"{clock.symbols[int(np.argmin(n_bars))]} has no bar from {told['first']} to "
                    f"{told['last']}: start the run later, or leave the symbol out."
                )


def over_span(config: RunConfig, clock: Clock, span: Span) -> RunConfig:
    """Return the run over a span only, annualised as the whole: bars before feed indicators."""
    return config.model_copy(
        update={
            "periods_per_year": clock.rules.periods_per_year,
            "start": iso(int(clock.time[span.begin])),
            "end": iso(int(clock.time[span.end - 1])),
        }
    )


@dataclass(frozen=True, slots=True)
class Trader:
    """Runs spans with given parameters, on the event engine.

    Every position is closed at the last close of the span, with slippage and fees (F15): what
    follows begins flat, and the change from one window to the next has its price.
    """

    bars: Mapping[str, Bars]
    config: RunConfig
    clock: Clock

    def trade(self, params: Mapping[str, Any], span: Span, cash: float | None = None) -> Outcome:
        """Return the run over a span that begins with `cash`, by default the configured one."""
        config = over_span(with_params(self.config, params), self.clock, span)
        execution = config.execution.model_copy(update={"finalize": True})
        updates: dict[str, Any] = {"execution": execution, "benchmark": None}
        if cash is not None:
            updates["cash"] = cash
        return outcome_of(self.bars, config.model_copy(update=updates))


def headline(outcome: Outcome) -> dict[str, float | int | None]:
    """Return the metrics that sweeps have, of a run."""
    return {name: outcome.metrics[name] for name in COLUMNS}
