"""What an `on_bar` may ask for: `buy`, `sell`, `close`, `cancel`.

A request is a row of a table of float64 that the broker reads when `on_bar` has returned; row 0
holds how many there are. The same functions run compiled and, to find the line of a mistake, as
plain Python. NaN means "none".
"""

from __future__ import annotations

import math

from numba import njit

NEXT_OPEN, THIS_CLOSE, NEXT_CLOSE = range(3)
"""When a market order or a close fills (F1)."""

BUY, SELL = 1, -1
MOST_REQUESTS = 32
"""How many orders one call of `on_bar` may make."""

ENTRY, EXIT, CANCEL = range(3)
(
    KIND,
    SIDE,
    SIZE,
    SIZE_KIND,
    WHEN,
    EXPIRE_BARS,
    LIMIT,
    TRIGGER,
    STOP_A,
    STOP_B,
    TARGET_A,
    TARGET_B,
    TRAIL,
    IS_TRAIL_FRACTION,
    IS_INVALID,
) = range(15)
N_FIELDS = 15
# `engine.types.SizeKind`
FRACTION, UNITS, CASH, RISK = range(4)


@njit
def _new(orders, kind, side):
    """Begin a request and return its row."""
    n = int(orders[0, KIND]) + 1
    if n >= orders.shape[0]:
        raise ValueError("More than 32 orders in one call of on_bar.")
    orders[0, KIND] = n
    row = orders[n]
    row[:] = math.nan
    row[KIND] = kind
    row[SIDE] = side
    row[IS_INVALID] = 0.0
    return row


@njit
def _set(row, field, value):
    """Write a price, a distance or a size, which must be a number above 0."""
    row[field] = value
    if not 0.0 < value < math.inf:
        row[IS_INVALID] = 1.0


@njit
def _set_size(row, kind, value):
    if not math.isnan(row[SIZE_KIND]):
        raise ValueError("Give one size: units, fraction, cash or risk.")
    row[SIZE_KIND] = kind
    _set(row, SIZE, value)


@njit
def _enter(
    orders,
    side,
    units,
    fraction,
    cash,
    risk,
    limit,
    trigger,
    stop,
    target,
    trail,
    stop_fraction,
    target_fraction,
    trail_fraction,
    when,
    expire_bars,
):
    row = _new(orders, ENTRY, side)
    if units is not None:
        _set_size(row, UNITS, units)
    if fraction is not None:
        _set_size(row, FRACTION, fraction)
    if cash is not None:
        _set_size(row, CASH, cash)
    if risk is not None:
        _set_size(row, RISK, risk)
    if limit is not None:
        _set(row, LIMIT, limit)
    if trigger is not None:
        _set(row, TRIGGER, trigger)
    if stop is not None:
        _set(row, STOP_A, stop)
        row[STOP_B] = 0.0
    if stop_fraction is not None:
        row[STOP_A] = 0.0
        _set(row, STOP_B, 1.0 - side * stop_fraction)
        if not stop_fraction > 0.0 or stop is not None:
            row[IS_INVALID] = 1.0
    if target is not None:
        _set(row, TARGET_A, target)
        row[TARGET_B] = 0.0
    if target_fraction is not None:
        row[TARGET_A] = 0.0
        _set(row, TARGET_B, 1.0 + side * target_fraction)
        if not target_fraction > 0.0 or target is not None:
            row[IS_INVALID] = 1.0
    row[IS_TRAIL_FRACTION] = 0.0
    if trail is not None:
        _set(row, TRAIL, trail)
    if trail_fraction is not None:
        row[IS_TRAIL_FRACTION] = 1.0
        _set(row, TRAIL, trail_fraction)
        if not trail_fraction < 1.0 or trail is not None:
            row[IS_INVALID] = 1.0
    if expire_bars is not None:
        row[EXPIRE_BARS] = expire_bars
        if not 1 <= expire_bars <= 1_000_000:
            row[IS_INVALID] = 1.0
    if when is not None:
        row[WHEN] = when


@njit
def buy(
    orders,
    units=None,
    fraction=None,
    cash=None,
    risk=None,
    limit=None,
    trigger=None,
    stop=None,
    target=None,
    trail=None,
    stop_fraction=None,
    target_fraction=None,
    trail_fraction=None,
    when=None,
    expire_bars=None,
):
    """Order a purchase: it closes what is short, then opens a long entry (F11).

    Parameters
    ----------
    units, fraction, cash, risk : float, optional
        One size (F7); without any it is the run's `sizing`, or the fraction 1 / n of n symbols.
    limit, trigger : float, optional
        Prices: a limit order, a stop order, with both a stop-limit. Without: a market order.
    stop, target : float, optional
        Prices at which the entry is closed again.
    trail : float, optional
        Distance, in money a share, of a trailing stop.
    stop_fraction, target_fraction, trail_fraction : float, optional
        The same as shares of the entry price: 0.05 is 5 %.
    when : {NEXT_OPEN, THIS_CLOSE, NEXT_CLOSE}, optional
        When a market order fills; the run's `fill` when left out.
    expire_bars : int, optional
        For how many of the symbol's next bars a limit or stop order works.
    """
    _enter(
        orders,
        BUY,
        units,
        fraction,
        cash,
        risk,
        limit,
        trigger,
        stop,
        target,
        trail,
        stop_fraction,
        target_fraction,
        trail_fraction,
        when,
        expire_bars,
    )


@njit
def sell(
    orders,
    units=None,
    fraction=None,
    cash=None,
    risk=None,
    limit=None,
    trigger=None,
    stop=None,
    target=None,
    trail=None,
    stop_fraction=None,
    target_fraction=None,
    trail_fraction=None,
    when=None,
    expire_bars=None,
):
    """Order a sale: it closes what is long, then opens a short entry; see `buy`."""
    _enter(
        orders,
        SELL,
        units,
        fraction,
        cash,
        risk,
        limit,
        trigger,
        stop,
        target,
        trail,
        stop_fraction,
        target_fraction,
        trail_fraction,
        when,
        expire_bars,
    )


@njit
def close(orders, quantity=None, fraction=None, when=None):
    """Order the position out, or so many units or such a share of it; it never opens anything."""
    row = _new(orders, EXIT, 0.0)
    if quantity is not None:
        _set_size(row, UNITS, quantity)
    if fraction is not None:
        _set_size(row, FRACTION, fraction)
    if when is not None:
        row[WHEN] = when


@njit
def cancel(orders, side=0):
    """Cancel the orders of earlier bars that still work: all, or those of side BUY or SELL."""
    _new(orders, CANCEL, side)
