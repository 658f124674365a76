"""The configured size of entries, in place of a formula's own (F7)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from config.run import RunConfig
from engine.kernels.indicators import stddev
from engine.targets.history import bars_a_year, comparable_closes
from engine.types import FloatArray, Market, SideSignals, Signals, SizeKind

SIZE_KINDS = {
    "fraction": SizeKind.FRACTION,
    "units": SizeKind.UNITS,
    "cash": SizeKind.CASH,
    "risk": SizeKind.RISK,
}
"""Those that any order may have; `volatility` and `kelly` become fractions."""

VOLATILITY_BARS = 20
"""Own-bar returns that measure a symbol's volatility."""


def sizing_lookback(config: RunConfig) -> int:
    """Return how many earlier bars the configured size reads."""
    is_volatility = config.sizing is not None and config.sizing.kind == "volatility"
    return VOLATILITY_BARS if is_volatility else 0


def apply_sizing(signals: Signals, config: RunConfig, market: Market) -> Signals:
    """Return the signals with the configured size in place of the formula's (F7)."""
    if config.sizing is None:
        return signals
    kind, value = config.sizing.kind, config.sizing.value
    if kind == "volatility":
        return _sized_by_volatility(signals, value, config, market)
    shape = (len(market.symbols), market.time.size)
    size_kind = SizeKind.KELLY if kind == "kelly" else SIZE_KINDS[kind]
    return replace(signals, size_kind=size_kind, size=np.broadcast_to(value, shape))


def _sized_by_volatility(
    signals: Signals, target: float, config: RunConfig, market: Market
) -> Signals:
    """Return the signals sized by fractions; no entry is made before its volatility is known."""
    deviations = recent_deviations(market) * np.sqrt(bars_a_year(market, config))
    is_known = np.isfinite(deviations)
    share = np.ones(deviations.shape)
    np.divide(target, deviations, out=share, where=is_known & (deviations > 0.0))

    def entering(side: SideSignals) -> SideSignals:
        return replace(side, enter=side.enter & is_known)

    return replace(
        signals,
        long=entering(signals.long),
        short=entering(signals.short),
        size_kind=SizeKind.FRACTION,
        size=np.minimum(share, 1.0) / len(market.symbols),
    )


def recent_deviations(market: Market) -> FloatArray:
    """Return the sample standard deviation of the last `VOLATILITY_BARS` own-bar returns.

    Returns
    -------
    ndarray of float64, shape (n_symbols, n_times)
        In the shares of one bar (splits only). NaN without a bar, or with fewer returns.
    """
    closes = comparable_closes(market)
    found = np.full(closes.shape, np.nan)
    for s, has_bar in enumerate(market.has_bar):
        own = np.flatnonzero(has_bar)
        returns = closes[s, own[1:]] / closes[s, own[:-1]] - 1.0
        deviations = np.full(returns.size, np.nan)
        stddev(returns, VOLATILITY_BARS, deviations)
        found[s, own[1:]] = deviations
    found *= np.sqrt(VOLATILITY_BARS / (VOLATILITY_BARS - 1.0))
    return found
