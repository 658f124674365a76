"""What the rules of the diagnosis look at: a finished run in plain numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.analysis.changes import COSTS, value_at
from engine.analysis.outcome import Outcome
from engine.clock import DAY_MS, DAYS_PER_YEAR
from engine.metrics.drawdowns import duration_days, find_drawdowns
from engine.metrics.series import calendar_returns, common_returns, return_series, unit_curve
from engine.types import FloatArray, OrderStatus

NumberOrNone = float | int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a run before its analysis.

    Parameters
    ----------
    metrics, checks : mapping
        Of the run document.
    benchmark : ndarray of float64, shape (n_bars,), or None
        As in the equity table.
    is_adjusted, is_synthetic : bool
        Whether any of its series is.
    """

    metrics: Mapping[str, NumberOrNone]
    checks: Mapping[str, Any]
    benchmark: FloatArray | None = None
    is_adjusted: bool = False
    is_synthetic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A run in plain numbers; None where a number is not defined, so that its rule is silent.

    Shares are fractions. Those of the profit, the money that closed and open trades made, are None
    when there is none. `timing_percentile` is the share of random entries that end below the run,
    `order_percentile` that of other orders of its trades that fall deeper, `usual_drawdown` the
    median fall of these.
    """

    metrics: Mapping[str, NumberOrNone]
    status: str
    fill_rule: str
    is_free: bool
    is_adjusted: bool
    is_synthetic: bool
    look_ahead: str
    warm_up: str
    n_symbols: int
    n_delisted: int
    n_fills: int
    n_returns: int
    years: float
    best_trades_share: NumberOrNone
    best_year_share: NumberOrNone
    best_symbol_share: NumberOrNone
    open_share: NumberOrNone
    edge_trade_share: NumberOrNone
    correlation: NumberOrNone
    ambiguous_share: NumberOrNone
    band_width: NumberOrNone
    stale_share: float
    rejected_share: NumberOrNone
    largest_volume_share: NumberOrNone
    most_exposure: float
    underwater_share: float
    is_underwater: bool
    recon_error: float
    variants: Mapping[str, Mapping[str, NumberOrNone]]
    break_even_bps: NumberOrNone
    paid_bps: float
    sharpe_interval: tuple[float, float] | None
    timing_percentile: NumberOrNone
    order_percentile: NumberOrNone
    usual_drawdown: NumberOrNone

    def metric(self, name: str) -> float | None:
        """Return a metric, None when the run has none of that name."""
        value = self.metrics.get(name)
        return None if value is None else float(value)


def gather_evidence(
    base: Outcome,
    known: Known,
    robustness: Mapping[str, Any],
    confidence: Mapping[str, Any] | None,
    monte_carlo: Mapping[str, Any] | None,
    paid_bps: float,
) -> Evidence:
    """Return a run in plain numbers.

    Parameters
    ----------
    base : Outcome
    known : Known
    robustness, confidence, monte_carlo : mapping
        Of the run's analysis.
    paid_bps : float
        What the run paid a fill.
    """
    config, ledger, market = base.plan.config, base.ledger, base.market
    sharpe = ((confidence or {}).get("intervals") or {}).get("sharpe")
    underwater_share, is_underwater = _underwater(base)
    n_symbol_bars = ledger.time.size * len(market.symbols)
    return Evidence(
        metrics=known.metrics,
        status=ledger.status,
        fill_rule=config.execution.fill,
        is_free=not any(value_at(config, name) for name in COSTS if "maximum" not in name),
        is_adjusted=known.is_adjusted,
        is_synthetic=known.is_synthetic,
        look_ahead=_status(known.checks, "look_ahead"),
        warm_up=_status(known.checks, "warm_up"),
        n_symbols=len(market.symbols),
        n_delisted=int(market.delisted.sum()),
        n_fills=int(base.fills["fee"].size),
        n_returns=int(returns_of_run(base).size),
        years=float(ledger.time[-1] - ledger.time[0]) / (DAYS_PER_YEAR * DAY_MS),
        best_trades_share=best_trades_share(base.trades["pnl"], count=3),
        best_year_share=best_year_share(base),
        best_symbol_share=best_symbol_share(base.trades["symbol"], base.trades["pnl"]),
        open_share=share_of_profit(base.trades["pnl"], base.trades["open"].astype(bool)),
        edge_trade_share=edge_trade_share(base.trades["entry_time"], base.trades["pnl"]),
        correlation=_correlation(base, known.benchmark),
        ambiguous_share=_ratio(ledger.ambiguous_fills, base.fills["fee"].size),
        band_width=_band_width(known.checks),
        stale_share=ledger.stale_bars / n_symbol_bars,
        rejected_share=_ratio(
            int((ledger.orders["status"] == OrderStatus.REJECTED).sum()),
            ledger.orders["status"].size,
        ),
        largest_volume_share=_largest_volume_share(base),
        most_exposure=float(base.equity["exposure"].max()),
        underwater_share=underwater_share,
        is_underwater=is_underwater,
        recon_error=ledger.recon_error,
        variants={item["id"]: item["metrics"] for item in robustness["variants"]},
        break_even_bps=robustness["break_even_bps"],
        paid_bps=paid_bps,
        sharpe_interval=None if sharpe is None else (sharpe[0], sharpe[1]),
        timing_percentile=_simulated(monte_carlo, "random_entries", "final_equity", "percentile"),
        order_percentile=_simulated(monte_carlo, "trade_shuffle", "max_drawdown", "percentile"),
        usual_drawdown=_simulated(monte_carlo, "trade_shuffle", "max_drawdown", "p50"),
    )


def returns_of_run(base: Outcome) -> FloatArray:
    """Return the returns that the risk statistics of a run are made of (M1)."""
    cash = base.plan.config.cash
    curve = unit_curve(base.ledger.equity, base.equity.get("flow"), cash)
    return return_series(base.ledger.time, curve, cash, base.rules)


def share_of_profit(pnl: FloatArray, part: np.ndarray[Any, Any]) -> float | None:
    """Return what a part of the trades made, as a share of the profit of all; None without one."""
    profit = float(pnl.sum())
    return float(pnl[part].sum()) / profit if profit > 0.0 else None


def best_trades_share(pnl: FloatArray, *, count: int) -> float | None:
    """Return the share of the profit that the best trades made; None for hardly more trades."""
    if pnl.size < 2 * count:
        return None
    return share_of_profit(pnl, np.argsort(-pnl, kind="stable")[:count])


def best_symbol_share(symbol: np.ndarray[Any, Any], pnl: FloatArray) -> float | None:
    """Return the largest share of the profit that one of several symbols made."""
    names = np.unique(symbol)
    if names.size < 2:
        return None
    shares = [share_of_profit(pnl, symbol == name) for name in names]
    return max((share for share in shares if share is not None), default=None)


def edge_trade_share(entry_time: np.ndarray[Any, Any], pnl: FloatArray) -> float | None:
    """Return the larger share of the profit that the first or the last trade made."""
    if pnl.size < 4:
        return None
    order = np.argsort(entry_time, kind="stable")
    shares = [share_of_profit(pnl, order[[place]]) for place in (0, -1)]
    return max((share for share in shares if share is not None), default=None)


def best_year_share(base: Outcome) -> float | None:
    """Return the share of the whole growth that the best calendar year made, of three at least.

    Growth is the logarithm of equity, which adds up over the years whatever was reinvested.
    """
    cash = base.plan.config.cash
    curve = unit_curve(base.ledger.equity, base.equity.get("flow"), cash)
    _, returns = calendar_returns(base.ledger.time, curve, cash, "datetime64[Y]", base.rules)
    if returns.size < 3 or not (np.isfinite(returns) & (returns > -1.0)).all():
        return None
    growth = np.log1p(returns)
    total = float(growth.sum())
    return float(growth.max()) / total if total > 0.0 else None


def _correlation(base: Outcome, benchmark: FloatArray | None) -> float | None:
    curve = unit_curve(base.ledger.equity, base.equity.get("flow"), base.plan.config.cash)
    both = common_returns(base.ledger.time, curve, benchmark, base.plan.config.cash, base.rules)
    if both is None or both[0].size < 3 or min(one.std() for one in both) < 1e-15:
        return None
    return float(np.corrcoef(*both)[0, 1])


def _band_width(checks: Mapping[str, Any]) -> float | None:
    """Return how far final equity depends on the path rules, as a share of its mean."""
    values = [value for value in (checks.get("band") or {}).values() if value is not None]
    mean = float(np.mean(values)) if values else 0.0
    return (max(values) - min(values)) / mean if mean > 0.0 else None


def _largest_volume_share(base: Outcome) -> float | None:
    """Return the largest share of a bar's volume that the run's fills of a symbol took in it."""
    fills, volume = base.ledger.fills, base.market.volume[:, base.market.first :]
    if fills["quantity"].size == 0:
        return None
    taken = np.zeros(volume.shape)
    np.add.at(taken, (fills["symbol"], fills["i_time"]), fills["quantity"])
    traded = (taken > 0.0) & (volume > 0.0)
    return float((taken[traded] / volume[traded]).max()) if traded.any() else None


def _underwater(base: Outcome) -> tuple[float, bool]:
    """Return the longest time below a peak, as a share of the run, and whether it goes on."""
    time = base.ledger.time
    falls = find_drawdowns(base.equity["drawdown"])
    whole = float(time[-1] - time[0]) / DAY_MS
    if not falls or whole <= 0.0:
        return 0.0, False
    longest = max(falls, key=lambda fall: duration_days(time, fall))
    return duration_days(time, longest) / whole, longest.i_recovered is None


def _simulated(
    monte_carlo: Mapping[str, Any] | None, method: str, name: str, which: str
) -> float | None:
    """Return a number of a Monte-Carlo method, None where it could not answer."""
    for found in (monte_carlo or {}).get("methods", ()):
        if found["id"] == method and found["reason"] is None:
            return float(found[name][which])
    return None


def _status(checks: Mapping[str, Any], name: str) -> str:
    return str((checks.get(name) or {}).get("status", "not_run"))


def _ratio(count: int, of: int) -> float | None:
    return count / of if of else None
