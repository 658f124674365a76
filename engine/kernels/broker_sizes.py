"""Prices, fees and quantities of fills (F6-F10, F18).

The fill of an entry that is being sized is the `DEAL` of the state: with an impact its price
depends on the quantity that is looked for.
"""

from __future__ import annotations

import math

import numpy as np

from engine.kernels.broker_constants import (
    BUY,
    CASH,
    CASH_SIZE,
    INSIDE,
    NOT_DUE,
    RISK,
    RISK_SIZE,
    UNITS,
    WAITS,
)
from engine.kernels.broker_memory import book_at, involved_at, step

NAN = math.nan
LEAST_WORTH = 1e-300
"""Of an opening: below it float64 runs out of digits, and returns would divide by zero."""
OF_SIZE, OF_RISK, OF_LIMITS, OF_COVER = (np.int64(bound) for bound in range(4))
"""What bounds an opening: its order's notional or risk (F7), the limits (F18), the cover (F10)."""


@step
def fill_price(rules, book, side, raw, limit, quantity):
    """Return what each unit of a fill pays or gets (F6); `limit` NaN: none."""
    extra = impact_of(rules, book.volume, quantity) if rules.has_impact else 0.0
    if side == BUY:
        price = raw * (rules.buy_factor + extra)
        if rules.tick > 0.0:
            price = (np.ceil(price / rules.tick - 1e-9) + rules.slippage_ticks) * rules.tick
        if price > limit:
            price = limit
    else:
        price = raw * (rules.sell_factor - extra)
        if rules.tick > 0.0:
            price = (np.floor(price / rules.tick + 1e-9) - rules.slippage_ticks) * rules.tick
        if price < 0.0:
            price = 0.0
        if price < limit:
            price = limit
    if rules.is_clipped:
        price = min(max(price, book.low), book.high)
    return price


@step
def impact_of(rules, volume, quantity):
    """Return the extra fraction that a fill moves its price by; none is known without a volume."""
    if not volume > 0.0:
        return 0.0
    share = quantity / volume
    return rules.volume_impact * (share * share) + rules.impact * math.sqrt(share)


@step
def fee_of(rules, quantity, price, is_maker):
    """Return the fee of one fill (F8)."""
    if quantity <= 0.0:
        return 0.0
    rate = rules.maker_rate if is_maker else rules.taker_rate
    value = quantity * price
    fee = max(rules.minimum, rules.fixed + rules.per_unit * quantity + rate * value)
    return min(fee, rules.maximum_rate * value)


@step
def affordable(rules, notional, share, price, is_maker):
    """Return x > 0 with share·x·price + fee(x, price) = notional, or 0 when there is none (F7).

    The fee is min(max(minimum, straight line), cap), so the left side is the min of a max of
    rising straight lines, and x the max of the min of their roots.
    """
    rate = rules.maker_rate if is_maker else rules.taker_rate
    unit = share * price
    by_minimum = (notional - rules.minimum) / unit
    by_rate = (notional - rules.fixed) / (unit + rules.per_unit + rate * price)
    x = min(by_minimum, by_rate)
    if rules.maximum_rate < math.inf:
        x = max(x, notional / (unit + rules.maximum_rate * price))
    return max(x, 0.0)


@step
def floor_to_lot(quantity, lot):
    """Return the largest whole number of lots within `quantity`; lot 0 rounds nothing."""
    if lot <= 0.0:
        return quantity
    return np.floor(quantity / lot + 1e-9) * lot


@step
def within_volume(book, quantity):
    """Return how much of `quantity` the bar's volume still lets fill (F9)."""
    if quantity <= book.room * (1.0 + 1e-9):
        return quantity
    return floor_to_lot(book.room, book.lot)


@step
def take_volume(book, wanted, filled):
    """Take a fill off the bar's room; one that was cut uses it up (F9)."""
    if wanted <= book.room * (1.0 + 1e-9):
        book.room -= filled
        if book.room <= 1e-9 * filled:
            book.room = 0.0
    else:
        book.room = 0.0


@step
def equity_and_gross(state):
    """Return cash + Σ q·mark and Σ |q|·mark, summed in the order of the names."""
    equity = state.account.cash
    gross = 0.0
    for k in range(state.n_involved):
        book = book_at(state, involved_at(state, k))
        value = book.quantity * book.mark
        equity += value
        gross += abs(value)
    return equity, gross


@step
def available(state):
    """Return what openings may still use (F10)."""
    equity, gross = equity_and_gross(state)
    return equity - state.rules.initial * gross


@step
def trail_from(side, anchor, trail, is_fraction):
    """Return the trailing level that belongs to an extreme or an entry price."""
    return anchor * (1.0 - side * trail) if is_fraction else anchor - side * trail


@step
def first_stop(order, price):
    """Return the stop as it stands at the fill: the trail's first level when there is no other."""
    stop = order.stop_a + order.stop_b * price
    if not math.isnan(stop):
        return stop
    return trail_from(order.side, price, order.trail, order.is_trail_fraction)


@step
def size_opening(state, s, order, phase):
    """Return (quantity, rest, why none) of the opening part of the state's deal (F7, F9-F11, F18).

    The deal is begun; its closing part has left the book, but is not yet paid. The rest is what
    the volume cap leaves of the order, NaN when it leaves nothing and no quantity is fixed.
    """
    deal, book = state.deal, book_at(state, s)
    deal.worth, deal.gross = equity_and_gross(state)
    deal.price = fill_price(state.rules, book, deal.side, deal.raw, deal.limit, deal.closing)
    deal.equity = equity_after(state, deal.price)
    deal.freed = state.account.freed if phase == INSIDE else 0.0
    if state.rules.has_impact:
        deal.most = floor_to_lot(book.room, book.lot)
    if not deal.price > 0.0:
        return 0.0, 0.0, CASH

    wanted = wanted_quantity(state, s, order)
    if math.isnan(wanted):
        return 0.0, 0.0, RISK
    part = within_volume(book, wanted)
    if wanted > 0.0 and not part > 0.0:
        book.room = 0.0
        return 0.0, NAN, WAITS
    allowed = shrunk_quantity(state, s, order, part)
    quantity = covered_quantity(state, s, order, allowed)
    if not quantity > 0.0:
        return 0.0, 0.0, RISK if part > 0.0 and not allowed > 0.0 else CASH
    if not deal_price(state, s, deal.closing + quantity) * quantity > LEAST_WORTH:
        return 0.0, 0.0, CASH
    take_volume(book, wanted, quantity)
    return quantity, wanted - part if quantity == part else 0.0, NOT_DUE


@step
def deal_price(state, s, quantity):
    """Return the price of the state's deal when `quantity` fills."""
    deal = state.deal
    if not state.rules.has_impact:
        return deal.price
    return fill_price(state.rules, book_at(state, s), deal.side, deal.raw, deal.limit, quantity)


@step
def equity_after(state, price):
    """Return the equity once the deal's closing part is paid at `price` (F11)."""
    deal = state.deal
    if deal.closing == 0.0:
        return deal.worth
    fee = fee_of(state.rules, deal.closing, price, deal.is_maker)
    return deal.worth - (deal.side * deal.closing * price + fee)


@step
def terms(state, s, opening):
    """Return the price at which an opening is sized, and the equity it is judged by.

    A sale is sized before its own impact: otherwise a larger one would need less.
    """
    rules, deal = state.rules, state.deal
    if not rules.has_impact:
        return deal.price, deal.equity
    price = deal_price(state, s, deal.closing + min(opening, deal.most))
    equity = equity_after(state, price)
    return price if deal.side == BUY else deal_price(state, s, 0.0), equity


@step
def budget(state, s, order, bound, equity):
    """Return the money that a bound grants to an opening."""
    rules, deal, book = state.rules, state.deal, book_at(state, s)
    if bound == OF_COVER:
        return equity - rules.initial * deal.gross - deal.freed
    if bound == OF_LIMITS:
        room = math.inf
        if rules.max_weight < math.inf:
            room = rules.max_weight * equity - abs(book.quantity) * book.mark
        if rules.max_gross < math.inf:
            room = min(room, rules.max_gross * equity - deal.gross)
        return room
    return order.size if order.size_kind == CASH_SIZE else order.size * equity


@step
def cost(state, bound, quantity, price):
    """Return what an opening takes of a bound's money."""
    rules, deal = state.rules, state.deal
    if bound == OF_RISK:
        return quantity * deal.unit_risk
    if bound == OF_LIMITS:
        return quantity * price
    share = rules.initial if bound == OF_COVER else 1.0
    return share * quantity * price + fee_of(rules, quantity, price, deal.is_maker)


@step
def largest_within(state, s, order, bound):
    """Return the real x whose cost is what a bound grants, the largest that costs no more.

    Without an impact the price is fixed and x in closed form. With one x lies below that, and
    is halved out to the last bit: the cost rises with x, and the equity falls.
    """
    rules, deal = state.rules, state.deal
    price, equity = terms(state, s, 0.0)
    money = budget(state, s, order, bound, equity)
    if bound == OF_RISK:
        high = money / deal.unit_risk
    elif bound == OF_LIMITS:
        high = money / price
    else:
        share = rules.initial if bound == OF_COVER else 1.0
        high = affordable(rules, money, share, price, deal.is_maker)
    if not rules.has_impact or is_within(state, s, order, bound, high):
        return high
    low = 0.0
    while True:
        middle = 0.5 * (low + high)
        if not low < middle < high:
            return low
        if is_within(state, s, order, bound, middle):
            low = middle
        else:
            high = middle


@step
def is_within(state, s, order, bound, quantity):
    """Return whether an opening costs no more than what a bound grants."""
    price, equity = terms(state, s, quantity)
    return cost(state, bound, quantity, price) <= budget(state, s, order, bound, equity)


@step
def wanted_quantity(state, s, order):
    """Return the opening quantity before any limit of volume, cash or risk (F7).

    It is NaN without a stop. The risk of a unit is judged at the price without an impact.
    """
    if order.size_kind == UNITS:
        return order.size
    bound = OF_SIZE
    if order.size_kind == RISK_SIZE:
        bound = OF_RISK
        price = deal_price(state, s, 0.0)
        state.deal.unit_risk = abs(price - first_stop(order, price))
        if not state.deal.unit_risk > 0.0:
            return NAN
    return floor_to_lot(largest_within(state, s, order, bound), book_at(state, s).lot)


@step
def is_granted(state, s, order, bound, quantity):
    """Return whether a bound grants an opening quantity."""
    price, equity = terms(state, s, quantity)
    money = budget(state, s, order, bound, equity)
    return cost(state, bound, quantity, price) <= money * (1.0 + 1e-12)


@step
def has_room(state, s, order, bound):
    """Return whether a bound grants more than the rounding of a full account, which buys dust."""
    _, equity = terms(state, s, 0.0)
    return budget(state, s, order, bound, equity) > 1e-12 * equity


@step
def shrunk_quantity(state, s, order, quantity):
    """Return what the portfolio limits leave of an opening (F18)."""
    rules = state.rules
    if rules.max_weight == math.inf and rules.max_gross == math.inf:
        return quantity
    if not has_room(state, s, order, OF_LIMITS):
        return 0.0
    if is_granted(state, s, order, OF_LIMITS, quantity):
        return quantity
    x = largest_within(state, s, order, OF_LIMITS)
    return max(0.0, floor_to_lot(x, book_at(state, s).lot))


@step
def covered_quantity(state, s, order, quantity):
    """Return what cash and margin allow of an opening (F7, F10); 0 when it is refused."""
    if not has_room(state, s, order, OF_COVER):
        return 0.0
    if is_granted(state, s, order, OF_COVER, quantity):
        return quantity
    if state.rules.is_rejecting:
        return 0.0
    x = floor_to_lot(largest_within(state, s, order, OF_COVER), book_at(state, s).lot)
    x = min(quantity, x)
    price, equity = terms(state, s, x)
    # What a fee leaves of a full account may be rounding too.
    return x if x * price > 1e-12 * equity else 0.0
