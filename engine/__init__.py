"""The event-driven backtesting engine: bars and a configuration in, an honest run out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.types import Bars, RunResult

if TYPE_CHECKING:
    from engine.backtesting import backtest
    from engine.indicators import indicator
    from engine.sweeps.sweeping import sweep

__all__ = ["Bars", "RunResult", "backtest", "indicator", "sweep"]


def __getattr__(name: str) -> Any:
    # Loaded when first asked for: `import engine` alone must not wait for the compiled kernels.
    if name == "backtest":
        from engine.backtesting import backtest

        return backtest
    if name == "indicator":
        from engine.indicators import indicator

        return indicator
    if name == "sweep":
        from engine.sweeps.sweeping import sweep

        return sweep
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
