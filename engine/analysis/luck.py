"""Monte-Carlo of a run: other orders, other draws and other moments of what it did."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.analysis.evidence import returns_of_run
from engine.analysis.outcome import Outcome
from engine.analysis.robustness import paid_bps
from engine.metrics.series import period_values, unit_curve
from engine.significance.monte_carlo import RUIN, bootstrap_accounts, trade_shuffle
from engine.significance.random_entries import Holdings, about_random_entries, random_entries
from engine.types import FloatArray, IntArray, Market, Reason, Targets

AT_CLOSE = (Reason.BANKRUPT, Reason.DELISTED, Reason.END)
"""Exits at the last close: as long as those at the next open."""


def monte_carlo(base: Outcome) -> dict[str, Any]:
    """Return how a run's accounts spread when order, draw or moments are left to chance.

    Returns
    -------
    dict
        cash, seed, ruin (the share of the cash whose loss counts as ruin), and methods: the
        documents of trade_shuffle, block_bootstrap and random_entries; of one that cannot answer,
        `reason` says why.
    """
    config = base.plan.config
    is_closed = ~base.trades["open"]
    curve = unit_curve(base.ledger.equity, base.equity.get("flow"), config.cash)
    periods = period_values(base.ledger.time, curve, config.cash, base.rules)
    returns = returns_of_run(base)
    return {
        "cash": config.cash,
        "seed": config.seed,
        "ruin": RUIN,
        "methods": [
            trade_shuffle(base.trades["pnl"][is_closed], config.cash, seed=config.seed),
            bootstrap_accounts(
                returns,
                base.ledger.time[periods.last][: returns.size + 1],
                config.cash,
                seed=config.seed,
            ),
            _random_entries(base, curve),
        ],
    }


def _random_entries(base: Outcome, curve: FloatArray) -> dict[str, Any]:
    config = base.plan.config
    if isinstance(base.decisions, Targets) and len(base.market.symbols) > 1:
        # Moved one by one, weights that share the account would no longer add up to it.
        return about_random_entries() | {
            "reason": "The strategy divides its account among symbols: none can be moved alone."
        }
    return random_entries(
        holdings_of(base),
        cash=config.cash,
        final_equity=max(float(curve[-1]), 0.0),
        max_drawdown=float(base.equity["drawdown"].min()),
        seed=config.seed,
    )


def holdings_of(base: Outcome) -> Holdings:
    """Return what a run held, in shares of its equity, with comparable prices."""
    market, trades, ledger = base.market, base.ledger.trades, base.ledger
    own = [np.flatnonzero(row) for row in market.has_bar[:, market.first :]]
    symbol = trades["symbol"].astype(np.int64)
    is_open = trades["open"].astype(bool)
    leave = trades["exit_i"] + np.isin(trades["exit_reason"], AT_CLOSE)
    before = np.concatenate(([base.plan.config.cash], ledger.equity))[trades["entry_i"]]
    value = trades["quantity"] * trades["entry_price"]
    opens, closes = comparable_prices(market)
    weight = np.zeros(value.size)
    np.divide(trades["side"] * value, before, out=weight, where=before > 0.0)
    return Holdings(
        time=ledger.time,
        open=opens,
        close=closes,
        own=own,
        symbol=symbol,
        enter=_own_places(own, symbol, trades["entry_i"]),
        leave=np.where(
            is_open,
            np.array([bars.size for bars in own])[symbol],
            _own_places(own, symbol, leave),
        ),
        weight=weight,
        cost=paid_bps(base) * 1e-4,
    )


def _own_places(own: list[IntArray], symbol: IntArray, at: IntArray) -> IntArray:
    """Return which own bar of its symbol each instant is."""
    found = np.zeros(at.size, np.int64)
    for s, bars in enumerate(own):
        is_own = symbol == s
        found[is_own] = np.searchsorted(bars, at[is_own])
    return found


def comparable_prices(market: Market) -> tuple[FloatArray, FloatArray]:
    """Return opens and closes of the run with splits and reinvested dividends taken out.

    Without a bar both are the last close, and 1 before the first one.
    """
    run = slice(market.first, None)
    has_action, close = market.has_action[:, run], market.close[:, run]
    shares = np.ones(close.shape)
    shares[has_action] = (market.split[:, run] * (1.0 + market.dividend[:, run] / close))[
        has_action
    ]
    grown = np.cumprod(shares, axis=1)
    closes = close * grown
    at = np.where(np.isnan(closes), 0, np.arange(closes.shape[1]))
    np.maximum.accumulate(at, axis=1, out=at)
    closes = np.nan_to_num(np.take_along_axis(closes, at, axis=1), nan=1.0)
    opens = market.open[:, run] * grown
    return np.where(np.isnan(opens), closes, opens), closes
