"""Simulated accounts again in plain Python: one account, one bar and one trade at a time."""

from fractions import Fraction


def deepest(curve):
    """The deepest fall of a list of values from the largest one so far."""
    return min(value / max(curve[: i + 1]) - 1 for i, value in enumerate(curve))


def account(opens, closes, trades, cost):
    """Equity at each close of an account of 1 that holds the given trades, exactly.

    opens, closes: a list of prices by symbol. trades: (symbol, enter, leave, weight), in the order
    of their entries; leave == enter is the close of that bar, leave == n_bars stays open.
    """
    cash, equity, cost = Fraction(1), Fraction(1), Fraction(cost)
    held, curve = [], []
    for t in range(len(opens[0])):
        for position in [one for one in held if one["leave"] == t]:
            value = position["units"] * Fraction(opens[position["symbol"]][t])
            cash += value - cost * abs(value)
            held.remove(position)
        for symbol, enter, leave, weight in trades:
            if enter != t:
                continue
            value = Fraction(weight) * equity
            cash -= value + cost * abs(value)
            units = value / Fraction(opens[symbol][t])
            if leave == t:
                value = units * Fraction(closes[symbol][t])
                cash += value - cost * abs(value)
            else:
                held.append({"symbol": symbol, "leave": leave, "units": units})
        equity = cash + sum(p["units"] * Fraction(closes[p["symbol"]][t]) for p in held)
        if equity <= 0:
            curve += [0.0] * (len(opens[0]) - t)
            return curve
        curve.append(float(equity))
    return curve
