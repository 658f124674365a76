"""The fills of a point, by the broker's own prices, fees and sizes (F3-F8, F10-F12).

One position at a time, market entries at the next open, no cap on volume: what is left of
`broker_fills` when everything else is refused before. Money is moved by the same operations in
the same order, so that cash and quantities are those of the event engine to the last bit.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from engine.kernels.broker_constants import (
    BANKRUPT,
    BUY,
    CASH_SIZE,
    MARGIN,
    NOT_DUE,
    OPTIMISTIC,
    PESSIMISTIC,
    RISK_SIZE,
    SELL,
    STOP,
    TARGET,
    TRAIL,
    UNITS,
)
from engine.kernels.broker_memory import step
from engine.kernels.broker_sizes import (
    LEAST_WORTH,
    affordable,
    fee_of,
    fill_price,
    floor_to_lot,
    trail_from,
)
from engine.kernels.sweep_curve import NEGLIGIBLE, meet, note_return
from engine.kernels.sweep_words import ALONE, glance
from engine.types import BoolArray, IntArray

NAN = math.nan
STOP_A, STOP_B, TARGET_A, TARGET_B, TRAIL_BY = range(5)
NONE = np.int64(-1)
"""Stands for an operand that the strategy has not."""


class Entries(NamedTuple):
    """What a point's entries are made of; operands are read at the signal bar.

    size : operand of the size, in the unit of `size_kind`
    levels : (2, 5) operands of stop_a, stop_b, target_a, target_b, trail of longs and of shorts
    are_fractions : (2,) whether a trail is a fraction of the price
    """

    size: int
    size_kind: int
    lot: float
    levels: IntArray
    are_fractions: BoolArray


class Range(NamedTuple):
    """A bar, as far as prices of fills read it."""

    low: float
    high: float
    volume: float


@glance
def operand(operands, k, t):
    """Return an operand's value at bar t, NaN for one that the strategy has not."""
    if k == NONE:
        return NAN
    place = operands.places[k]
    return operands.numbers[k] if place == ALONE else operands.rows[place + t]


@step
def price_of(tape, rules, side, raw, limit, t):
    """Return what each unit of a fill in bar t pays or gets (F6)."""
    return fill_price(rules, Range(tape.low[t], tape.high[t], NAN), side, raw, limit, 0.0)


@step
def enter(point, tape, rules, entries, operands, side, signal):
    """Fill a market entry at the open after its signal bar; against a position it flips (F11)."""
    t = signal + 1
    held = abs(point.quantity)
    raw = tape.open[t]
    price = price_of(tape, rules, side, raw, NAN, t)
    cash = point.cash
    if held > 0.0:
        cash -= side * held * price + fee_of(rules, held, price, False)
    levels = entries.levels[0 if side == BUY else 1]
    stop = level_at(operands, levels[STOP_A], levels[STOP_B], signal, price)
    trail = operand(operands, levels[TRAIL_BY], signal)
    is_fraction = entries.are_fractions[0 if side == BUY else 1]
    first_trail = trail_from(side, price, trail, is_fraction)
    risk = abs(price - (first_trail if math.isnan(stop) else stop))
    size = operand(operands, entries.size, signal)
    opening = opening_quantity(rules, entries, cash, price, size, risk)
    quantity = held + opening
    if quantity > 0.0:
        point.cash -= side * quantity * price + fee_of(rules, quantity, price, False)
    point.n_trades += held > 0.0
    point.quantity = side * opening
    point.has_levels = False
    if opening > 0.0:
        point.stop = stop
        point.target = level_at(operands, levels[TARGET_A], levels[TARGET_B], signal, price)
        point.trail = trail
        point.is_fraction = is_fraction
        point.trail_level = first_trail
        point.extreme = NAN
        point.has_levels = not (
            math.isnan(point.stop) and math.isnan(point.target) and math.isnan(trail)
        )
        point.checked = t
        point.is_watched = point.cash < -NEGLIGIBLE * quantity * price or side == SELL
        if point.has_levels:
            reason = due_at(point, raw)
            if reason != NOT_DUE:
                leave(point, tape, rules, reason, raw, t)


@glance
def level_at(operands, a, b, t, price):
    """Return a + b · price as read at bar t; NaN without either."""
    if a == NONE and b == NONE:
        return NAN
    fixed = 0.0 if a == NONE else operand(operands, a, t)
    factor = 0.0 if b == NONE else operand(operands, b, t)
    return fixed + factor * price


@step
def opening_quantity(rules, entries, equity, price, size, risk):
    """Return how much an entry opens, 0 when it is refused (F7, F10)."""
    if not price > 0.0:
        return 0.0
    quantity = wanted_quantity(rules, entries, equity, price, size, risk)
    if not equity > 1e-12 * equity:
        return 0.0
    cost = rules.initial * quantity * price + fee_of(rules, quantity, price, False)
    if not cost <= equity * (1.0 + 1e-12):
        if rules.is_rejecting:
            return 0.0
        fitting = affordable(rules, equity, rules.initial, price, False)
        quantity = min(quantity, floor_to_lot(fitting, entries.lot))
        # What a fee leaves of a full account may be rounding too.
        if not quantity * price > 1e-12 * equity:
            return 0.0
    return quantity if quantity > 0.0 and price * quantity > LEAST_WORTH else 0.0


@step
def wanted_quantity(rules, entries, equity, price, size, risk):
    """Return the quantity that an entry asks for (F7)."""
    kind = entries.size_kind
    if kind == UNITS:
        return size
    if kind == RISK_SIZE:
        return floor_to_lot(size * equity / risk, entries.lot) if risk > 0.0 else 0.0
    notional = size if kind == CASH_SIZE else size * equity
    return floor_to_lot(affordable(rules, notional, 1.0, price, False), entries.lot)


@step
def leave(point, tape, rules, reason, raw, t):
    """Close the position in bar t (F5); a target is a limit order."""
    side = SELL if point.quantity > 0.0 else BUY
    quantity = abs(point.quantity)
    is_limit = reason == TARGET
    limit = point.target if is_limit else NAN
    price = price_of(tape, rules, side, raw, limit, t)
    point.cash -= side * quantity * price + fee_of(rules, quantity, price, is_limit)
    point.quantity = 0.0
    point.has_levels = False
    point.n_trades += 1


@step
def stop_of(point):
    """Return the tighter of stop and trail, and which it is; a tie is the stop (F5)."""
    side = BUY if point.quantity > 0.0 else SELL
    if math.isnan(point.trail_level) or side * (point.trail_level - point.stop) <= 0.0:
        return point.stop, STOP
    return point.trail_level, TRAIL


@step
def due_at(point, price):
    """Return the reason of the level that a price is at or beyond, the stop's first."""
    if not point.has_levels:
        return NOT_DUE
    side = BUY if point.quantity > 0.0 else SELL
    level, reason = stop_of(point)
    if side * (price - level) <= 0.0:
        return reason
    if side * (price - point.target) >= 0.0:
        return TARGET
    return NOT_DUE


@step
def touched(point, tape, rules, t):
    """Return which level bar t reaches, and the raw price there (F3, F4)."""
    reason = due_at(point, tape.open[t])
    if reason != NOT_DUE:
        return reason, tape.open[t]
    level, stop_reason = stop_of(point)
    high, low = tape.high[t], tape.low[t]
    if point.quantity > 0.0:
        has_stop, has_target = low <= level, high >= point.target + rules.through
    else:
        has_stop, has_target = high >= level, low <= point.target - rules.through
    if has_stop and has_target:
        if rules.path == PESSIMISTIC:
            has_target = False
        elif rules.path == OPTIMISTIC:
            has_stop = False
        else:
            is_high_first = high - tape.open[t] < tape.open[t] - low
            has_target = is_high_first == (point.quantity > 0.0)
            has_stop = not has_target
    if has_stop:
        return stop_reason, level
    return (TARGET, point.target) if has_target else (NOT_DUE, NAN)


@step
def may_be_reached(point, tape, rules, block):
    """Return whether a block's extremes reach a level, or where the account is called or ruined."""
    high, low = tape.highs[block], tape.lows[block]
    is_long = point.quantity > 0.0
    if point.has_levels:
        if not math.isnan(point.trail):
            return True
        if is_long and (low <= point.stop or high >= point.target):
            return True
        if not is_long and (high >= point.stop or low <= point.target):
            return True
    if not point.is_watched:
        return False
    value = point.quantity * (low if is_long else high)
    return point.cash + value <= rules.maintenance * abs(value)


@step
def first_reached(point, tape, rules, stop):
    """Return (bar, reason, raw price) of what first ends the position before bar `stop`.

    The reason is `NOT_DUE` when nothing does. Trails move on with every bar that is over.
    """
    for t in range(point.checked, stop):
        if point.has_levels:
            reason, raw = touched(point, tape, rules, t)
            if reason != NOT_DUE:
                return t, reason, raw
            if not math.isnan(point.trail):
                move_trail(point, tape, t)
        if point.is_watched:
            value = point.quantity * tape.close[t]
            equity = point.cash + value
            if equity <= 0.0:
                return t, BANKRUPT, tape.close[t]
            if equity < rules.maintenance * abs(value):
                return t, MARGIN, NAN
    return stop, NOT_DUE, NAN


@step
def move_trail(point, tape, t):
    """Move the trailing level after bar t (F5)."""
    side = BUY if point.quantity > 0.0 else SELL
    extreme = tape.high[t] if side == BUY else tape.low[t]
    if not side * (extreme - point.extreme) <= 0.0:
        point.extreme = extreme
    level = trail_from(side, point.extreme, point.trail, point.is_fraction)
    if side * (level - point.trail_level) > 0.0:
        point.trail_level = level


@step
def ruin(point, tape, sums, squares, t):
    """End a point at the close that leaves nothing: its equity stays what it truly is (F12)."""
    point.is_over = True
    meet(point, min(point.cash, 0.0))
    d = max(tape.period[t], 1)
    if d < tape.ends.size:
        note_return(point, tape, sums, squares, d, 0.0)
        point.n_returns = d
