"""Prices after slippage (F6), fees (F8) and quantities (F7)."""

from __future__ import annotations

import math

from config.run import Costs, RunConfig
from tests.engine.reference.records import Bar


def price_after_costs(
    config: RunConfig,
    side: int,
    raw: float,
    quantity: float,
    *,
    limit: float | None,
    bar: Bar | None,
) -> float:
    """F6: slippage, half the spread, the impact; the ticks against you; the clip; the limit."""
    execution = config.execution
    # With ticks the last bit may decide, so the terms are added in the order of the rule.
    factor = 1.0 + side * (execution.slippage_bps + execution.spread_bps / 2.0) * 1e-4
    if bar is not None and bar.volume > 0.0:
        share = quantity / bar.volume
        impact = (execution.volume_impact or 0.0) * (share * share)
        factor += side * (impact + (execution.impact or 0.0) * math.sqrt(share))
    price = raw * factor
    if execution.tick is not None:
        ticks = price / execution.tick
        whole = math.ceil(ticks - 1e-9) if side > 0 else math.floor(ticks + 1e-9)
        price = (whole + side * execution.slippage_ticks) * execution.tick
    price = max(price, 0.0)
    if execution.clip and bar is not None:
        price = min(max(price, bar.low), bar.high)
    if limit is not None:
        price = min(price, limit) if side > 0 else max(price, limit)
    return price


def has_impact(config: RunConfig) -> bool:
    """F6: whether a price depends on the quantity of its fill."""
    return bool(config.execution.volume_impact or config.execution.impact)


def rate_of(costs: Costs, is_maker: bool) -> float:
    """F8: maker rate for limits, taker rate otherwise, when given."""
    given = costs.maker_bps if is_maker else costs.taker_bps
    return (costs.rate_bps if given is None else given) / 1e4


def fee_of(costs: Costs, quantity: float, price: float, is_maker: bool) -> float:
    """F8: max(minimum, fixed + per_unit·|q| + rate·|q|·p), capped by maximum_rate·|q|·p."""
    rate = rate_of(costs, is_maker)
    fee = max(costs.minimum, costs.fixed + costs.per_unit * quantity + rate * quantity * price)
    if costs.maximum_rate_bps is not None:
        fee = min(fee, costs.maximum_rate_bps / 1e4 * quantity * price)
    return fee


def quantity_for(
    costs: Costs, money: float, price: float, is_maker: bool, share: float = 1.0
) -> float:
    """F7: the real x with share·x·p + fee(x, p) = money.

    The fee is min(max(minimum, line), cap) and each of the three gives a growing function of x,
    so the solution is the larger of the cap's and the smaller one of the other two.
    """
    value = share * price
    line = (money - costs.fixed) / (value + costs.per_unit + rate_of(costs, is_maker) * price)
    x = min((money - costs.minimum) / value, line)
    if costs.maximum_rate_bps is not None:
        x = max(x, money / (value + costs.maximum_rate_bps / 1e4 * price))
    return x


def whole_lots(x: float, lot: float) -> float:
    """F7: floor(x/lot + 1e-9)·lot; a lot of 0 does not round."""
    if lot == 0.0 or x == math.inf:
        return max(x, 0.0)
    return max(math.floor(x / lot + 1e-9) * lot, 0.0)


def kelly_fraction(results: list[float], value: float) -> float:
    """F7: value × (W − (1 − W)/payoff) of the positions closed so far, in [0, 1]; 0.1 early on."""
    if len(results) < 20:
        return 0.1
    wins = [result for result in results if result > 0.0]
    losses = [-result for result in results if result < 0.0]
    share = len(wins) / len(results)
    if not wins:
        return 0.0
    if losses:
        payoff = (sum(wins) / len(wins)) / (sum(losses) / len(losses))
        share -= (1.0 - share) / payoff
    return min(max(value * share, 0.0), 1.0)
