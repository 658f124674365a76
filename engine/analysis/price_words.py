"""A fill in words: why at that price of the market, and what was paid on top (F3-F6, F8)."""

from __future__ import annotations

import math

from config.run import Execution
from engine.analysis.levels import Row
from engine.analysis.story import CHILDREN, Trade
from engine.analysis.words import money, percent, price
from engine.events import FORCED
from engine.types import FillPhase, OrderType, Reason

AGREES = 1e-9
"""Relative: what is said adds up to the price of the fill."""


def why_this_price(trade: Trade, order: Row, fill: Row) -> tuple[str, str]:
    """Return the rule that set the price before slippage, and why it was that one."""
    raw = price(fill["raw"])
    reason = Reason(fill["reason"])
    if reason in CHILDREN:
        return _why_child(trade, fill, reason)
    if reason == Reason.SPLIT:
        return "F14", "The fraction of a share is sold at the open, without costs."
    if fill["phase"] == FillPhase.CLOSE:
        return ("F15" if reason in FORCED else "F1"), f"It fills at the close of the bar, {raw}."
    is_market = order["type"] == OrderType.MARKET
    if fill["phase"] == FillPhase.OPEN:
        if is_market:
            return "F3", f"A market order fills at the open of the bar, {raw}."
        if order["type"] == OrderType.LIMIT:
            return "F3", f"The bar opens at {raw}, at the limit or better, and fills there."
        return "F3", f"The bar opens at {raw}, at or beyond the stop price, and fills there."
    bar = trade.bar(int(fill["i_time"]))
    is_up = (order["side"] > 0) == (order["type"] == OrderType.STOP)
    reached = f"The {'high' if is_up else 'low'} of {price(bar['high' if is_up else 'low'])}"
    if order["type"] == OrderType.STOP_LIMIT:
        return "F3", f"The stop price was reached and then the limit: it fills at {raw}."
    what = "limit" if order["type"] == OrderType.LIMIT else "stop price"
    return "F3", f"{reached} reaches the {what} of {raw}, and it fills there."


def _why_child(trade: Trade, fill: Row, reason: Reason) -> tuple[str, str]:
    name = {Reason.STOP: "stop", Reason.TRAIL: "trailing stop", Reason.TARGET: "target"}[reason]
    is_target = reason == Reason.TARGET
    level = float((trade.exit_levels.target if is_target else trade.exit_levels.tighter)[-1])
    bar, raw = trade.bar(int(fill["i_time"])), price(fill["raw"])
    if fill["phase"] == FillPhase.OPEN:
        return "F4", f"The bar opens at {raw}, at or beyond the {name} of {price(level)}."
    is_up = (trade.side > 0) == is_target
    side = "high" if is_up else "low"
    text = f"The {side} of {price(bar[side])} reaches the {name} of {price(level)}."
    if not math.isclose(fill["raw"], level, rel_tol=1e-9):
        text = f"The entry at {raw} was already beyond the {name} of {price(level)}."
    if trade.is_left_by_another:
        text += (
            f" It belongs to a later entry, of order {fill['order_id']}; what leaves first is what "
            "came first."
        )
    if fill["ambiguous"]:
        rule = trade.story.config.execution.path
        text += (
            f" The bar does not show what came first inside it; the {rule} rule decides, and "
            "another one would have filled differently."
        )
    if fill["ambiguous"]:
        return "F4", text
    return ("F5" if reason == Reason.TRAIL else "F3"), text


def arithmetic(fill: Row, execution: Execution, limit: float, volume: float) -> str:
    """Return how the price of a fill came about, `101.20 + 5 bps slippage = 101.2506`.

    Parameters
    ----------
    fill : row of Ledger.fills
        With `raw`, the price before slippage.
    limit : float
        The worst price that the order allows, NaN without one.
    volume : float
        Of the bar.
    """
    raw, paid, side = float(fill["raw"]), float(fill["price"]), int(fill["side"])
    if raw == paid:
        return f"{price(paid)}, without slippage"
    sign = "+" if side > 0 else "−"
    terms, extra = _terms(float(fill["quantity"]), execution, volume)
    moved, notes = raw * (1.0 + side * extra), []
    if execution.tick:
        rounded = _rounded(moved, execution.tick, side)
        if not _is_close(rounded, moved):
            notes.append(
                f"rounded {'up' if side > 0 else 'down'} to the tick of {execution.tick:g}"
            )
        moved = rounded + side * execution.slippage_ticks * execution.tick
        if execution.slippage_ticks:
            notes.append(f"{sign} {execution.slippage_ticks:g} ticks")
    if not _is_close(moved, paid) and _is_close(limit, paid):
        moved = limit
        notes.append(f"but not {'above' if side > 0 else 'below'} the limit")
    if not _is_close(moved, paid) and execution.clip:
        moved = paid
        notes.append("held within the range of the bar")
    if not _is_close(moved, paid):
        return f"{price(raw)} {sign} {price(abs(paid - raw))} slippage = {price(paid)}"
    words = f" {sign} ".join([price(raw), *terms])
    return ", ".join([words, *notes]) + f" = {price(paid)}"


def _terms(quantity: float, execution: Execution, volume: float) -> tuple[list[str], float]:
    """Return what is added to the raw price, in words, and their sum as a fraction."""
    terms = []
    extra = 1e-4 * (execution.slippage_bps + execution.spread_bps / 2.0)
    if execution.slippage_bps:
        terms.append(f"{execution.slippage_bps:g} bps slippage")
    if execution.spread_bps:
        terms.append(f"half of {execution.spread_bps:g} bps spread")
    share = quantity / volume if volume > 0.0 else 0.0
    impact = (execution.volume_impact or 0.0) * share**2
    impact += (execution.impact or 0.0) * math.sqrt(share)
    if impact:
        of_volume = f"{percent(share)} of the bar's volume"
        terms.append(f"{1e4 * impact:.3g} bps impact of {of_volume}")
    return terms, extra + impact


def limit_of(fill: Row, order: Row, target: float) -> float:
    """Return the worst price that a fill's order allows: its limit, or the child's target."""
    if fill["reason"] == Reason.TARGET:
        return target
    is_limit = order["type"] in (OrderType.LIMIT, OrderType.STOP_LIMIT)
    return float(order["limit"]) if is_limit else math.nan


def fee_words(fill: Row) -> str:
    """Return what a fill cost in fees."""
    if fill["fee"] == 0.0:
        return "no fee"
    value = fill["quantity"] * fill["price"]
    bps = f" ({1e4 * fill['fee'] / value:.3g} bps)" if value > 0.0 else ""
    return f"a fee of {money(fill['fee'])}{bps}"


def _rounded(value: float, tick: float, side: int) -> float:
    if side > 0:
        return math.ceil(value / tick - 1e-9) * tick
    return math.floor(value / tick + 1e-9) * tick


def _is_close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=AGREES)
