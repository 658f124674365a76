"""The event-driven backtesting engine: bars and a configuration in, an honest run out."""

from engine.types import Bars, RunResult

__all__ = ["Bars", "RunResult"]
