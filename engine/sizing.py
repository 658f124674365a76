"""The configured size of entries, in place of a formula's own (F7)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from config.run import RunConfig
from engine.types import Market, Signals, SizeKind

SIZE_KINDS = {
    "fraction": SizeKind.FRACTION,
    "units": SizeKind.UNITS,
    "cash": SizeKind.CASH,
    "risk": SizeKind.RISK,
}


def apply_sizing(signals: Signals, config: RunConfig, market: Market) -> Signals:
    """Return the signals with the configured size in place of the formula's (F7)."""
    if config.sizing is None:
        return signals
    shape = (len(market.symbols), market.time.size)
    kind = SIZE_KINDS[config.sizing.kind]
    return replace(signals, size_kind=kind, size=np.broadcast_to(config.sizing.value, shape))
