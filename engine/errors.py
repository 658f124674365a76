"""Everything the engine refuses, as named errors.

EngineError
├── InvalidBarsError          bars that cannot be traded on: order, NaN, high below low, …
├── InvalidParameterError     a configuration or strategy parameter out of its range
├── InvalidFormulaError       a formula, with field, position, reason and the nearest valid name
├── InvalidStrategyError      a Python strategy that cannot be compiled, or failed in a run
├── UnknownStrategyError      a strategy name that does not exist
├── SweepCancelledError       a sweep that was told to stop before it was done
└── ReconciliationError       our own fault: the books of a run do not balance (F16)
"""

from __future__ import annotations


class EngineError(ValueError):
    """Base of everything the engine refuses; the message says what, where and how to mend it."""


class InvalidBarsError(EngineError):
    """Bars that cannot be traded on."""


class InvalidParameterError(EngineError):
    """A parameter that is missing, unknown or out of its range; `field` is its dotted name."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class InvalidFormulaError(EngineError):
    """A formula that is refused; `position` is the 0-based column in `field`'s text."""

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        position: int | None = None,
        suggestion: str | None = None,
    ) -> None:
        super().__init__(message)
        self.field = field
        self.position = position
        self.suggestion = suggestion


class InvalidStrategyError(EngineError):
    """A strategy file that cannot be used, or failed in a run; `line` is its 1-based line."""

    def __init__(
        self, message: str, *, line: int | None = None, field: str | None = "strategy"
    ) -> None:
        super().__init__(message)
        self.line = line
        self.field = field


class UnknownStrategyError(EngineError):
    """A strategy name that does not exist."""


class SweepCancelledError(EngineError):
    """A sweep that was told to stop before it was done."""


class ReconciliationError(EngineError):
    """The books of a run do not balance (F16): the run is an error, not a result."""
