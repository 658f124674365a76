"""Breakout with added units.

Buys when the close is above the highest close of the bars before, adds a unit each time the price
has gone half an average range further, and leaves everything two ranges below the last purchase
or at a new low.
"""

from numba import njit

from engine.orders import buy, close

PARAMS = {
    "entry": {"default": 20, "min": 2, "max": 250, "description": "bars of the high to break"},
    "exit": {"default": 10, "min": 2, "max": 250, "description": "bars of the low that ends it"},
    "stake": {"default": 0.01, "min": 0.001, "max": 0.1, "description": "of equity in each unit"},
    "most": {"default": 4, "min": 1, "max": 10, "description": "units at once"},
}
INDICATORS = {
    "high": "highest(close, entry)[1]",
    "low": "lowest(close, exit)[1]",
    "range": "atr(20)",
}
STATE = (0, 0.0)  # units ordered in this position, close at the last order


@njit
def on_bar(bar, indicators, position, orders, state, params):
    """Order at a close, and return what is to be remembered."""
    units, last = state
    if position.quantity == 0.0:
        units = 0
    elif bar.close < indicators.low:
        close(orders)
        return 0, 0.0
    is_breakout = units == 0 and bar.close > indicators.high
    is_further = 0 < units < params.most and bar.close >= last + 0.5 * indicators.range
    if is_breakout or is_further:
        buy(orders, risk=params.stake, stop=bar.close - 2.0 * indicators.range)
        return units + 1, bar.close
    return units, last
