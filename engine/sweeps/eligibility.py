"""What the walk over transitions can do; everything else is for the event engine."""

from __future__ import annotations

from config.run import RunConfig
from engine.formula.planning import PRICE_FIELDS, SIDES
from engine.resolve import RunPlan
from engine.sweeps.conditions import Conditions
from engine.types import Market

WORKING = tuple(f"{field}_{side}" for field in PRICE_FIELDS[:2] for side in SIDES)


def why_not_transitions(run: RunPlan, market: Market) -> str:
    """Return why a sweep of this run has to be measured by the event engine, "" when it has not."""
    definition, config = run.definition, run.config
    if definition.kind != "formula":
        return f"{definition.title} is no formula strategy"
    if len(market.symbols) > 1:
        return "several symbols share the cash"
    if run.strategy.symbols:
        return "the formula reads another symbol"
    for name in (*WORKING, "pyramiding"):
        if name in definition.formula:
            return f"the formula has `{name}`"
    return _why_not_config(config) or _why_not_market(market)


def _why_not_config(config: RunConfig) -> str:
    execution, costs, risk = config.execution, config.costs, config.risk
    if execution.fill != "next_open":
        return f"orders fill at {execution.fill}"
    for name in ("participation", "impact", "volume_impact", "detail_timeframe"):
        if getattr(execution, name):
            return f"`execution.{name}` is set"
    for name in ("borrow_rate", "cash_rate", "margin_rate"):
        if getattr(costs, name):
            return f"`costs.{name}` accrues every day"
    for name in ("max_gross", "max_weight", "max_drawdown_stop"):
        if getattr(risk, name) is not None:
            return f"`risk.{name}` is set"
    if config.sizing is not None and config.sizing.kind in ("volatility", "kelly"):
        return f"sizes by {config.sizing.kind} follow from prices or from earlier trades"
    return "there are contributions" if config.flows is not None else ""


def _why_not_market(market: Market) -> str:
    return "the symbol is delisted" if market.delisted.any() else ""


def why_not_actions(conditions: Conditions, market: Market, config: RunConfig) -> str:
    """Return why a plan cannot be walked over a symbol's splits and dividends, "" when it can.

    A long position without levels lives through them in one place; everything else has prices or
    borrowed money that change as well.
    """
    if not market.has_action.any():
        return ""
    has_splits = bool((market.split != 1.0).any())
    if conditions.outputs[2] or config.margin.initial < 1.0 or (conditions.levels >= 0).any():
        return "the symbol has splits or dividends, beside shorts, stops or targets"
    if has_splits and not conditions.plan.program.is_free_of_scale:
        return "the symbol has splits, and the formula is not free of the price's scale"
    if has_splits and conditions.size >= 0:
        return "the symbol has splits, beside a size in the formula"
    return "the symbol has reverse splits" if (market.split < 1.0).any() else ""
