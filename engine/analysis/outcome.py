"""One way to run a strategy over bars, kept whole: what variants are compared by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from config.run import RunConfig
from engine.metrics import Conventions, Metrics, compute_metrics, conventions
from engine.resolve import RunPlan, plan_run
from engine.tables import equity_table, fill_table, trade_table
from engine.trial import Trial
from engine.types import Bars, Decisions, Ledger, Market, Table

HEADLINES = ("total_return", "cagr", "sharpe", "max_drawdown", "final_equity", "trades")
"""What is shown of a variant."""

Change = Callable[[Decisions, Market], Decisions]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A run in memory with everything that led to it; the tables are those of a RunResult."""

    plan: RunPlan
    market: Market
    decisions: Decisions
    ledger: Ledger
    equity: Table
    fills: Table
    trades: Table
    rules: Conventions
    metrics: Metrics

    @property
    def headline(self) -> Metrics:
        """Return the few numbers that variants are compared by."""
        return {name: self.metrics[name] for name in HEADLINES}


def outcome_of(
    bars: Mapping[str, Bars], config: RunConfig, *, change: Change | None = None
) -> Outcome:
    """Run a configuration over bars, as `engine.backtest` does, without its checks.

    Parameters
    ----------
    bars : mapping of symbol to Bars
        At least those of the symbols that are traded or read by the strategy.
    change : callable, optional
        Made of the strategy's decisions before they are traded.

    Raises
    ------
    EngineError
        If the configuration is refused, or bars are missing in its period.
    """
    plan = plan_run(config)
    market = plan.market(bars)
    trial = Trial(plan.strategy, plan.config)
    decisions, _ = trial.evaluate(market)
    if change is not None:
        decisions = change(decisions, market)
    ledger = trial.ledger(market, decisions)
    symbols = np.array(market.symbols)
    equity = equity_table(ledger, plan.config.cash)
    fills, trades = fill_table(ledger, symbols), trade_table(ledger, symbols)
    rules = conventions(
        ledger.time,
        calendars=market.calendars,
        zones=market.zones,
        periods_per_year=plan.config.periods_per_year,
        risk_free_rate=plan.config.risk_free_rate,
    )
    return Outcome(
        plan=plan,
        market=market,
        decisions=decisions,
        ledger=ledger,
        equity=equity,
        fills=fills,
        trades=trades,
        rules=rules,
        metrics=compute_metrics(equity, trades, fills, base=plan.config.cash, rules=rules),
    )
