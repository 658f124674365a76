"""Metrics M1–M10 again in plain Python, written from the definitions, for comparison."""

import itertools
import math
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

DAY_MS = 86_400_000


def periods(time, value, base, zone, intraday, seven_day):
    """M1: the values between which returns are taken."""
    if intraday:
        by_date = {}
        for stamp, worth in zip(time, value, strict=True):
            date = datetime.fromtimestamp(stamp / 1000, UTC).astimezone(ZoneInfo(zone)).date()
            while not seven_day and date.weekday() >= 5:
                date += timedelta(days=1)
            by_date[date] = worth
        values = [by_date[date] for date in sorted(by_date)]
    else:
        values = list(value)
    values = [max(worth, 0.0) for worth in values]
    values[0] = base
    return values


def returns(values):
    found = []
    for before, after in itertools.pairwise(values):
        if before == 0.0:
            break
        found.append(after / before - 1.0)
    return found


def mean(xs):
    return math.fsum(xs) / len(xs)


def std(xs):
    middle = mean(xs)
    return math.sqrt(math.fsum((x - middle) ** 2 for x in xs) / (len(xs) - 1))


def quantile(xs, q):
    ordered = sorted(xs)
    place = q * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def divide(a, b):
    return None if b is None or a is None or b < 1e-15 else a / b


def growth(base, last, elapsed_ms):
    if elapsed_ms == 0:
        return None
    try:
        return -1.0 if last <= 0 else (last / base) ** (365.25 * DAY_MS / elapsed_ms) - 1.0
    except OverflowError:
        return None


def drawdowns(time, value, base):
    """M5: depths at each bar, and (depth, days) of each fall."""
    peak, peak_i = base, 0
    depths, falls, current = [], [], None
    for i, worth in enumerate(value):
        worth = max(worth, 0.0)
        if worth >= peak:
            if current is not None:
                falls.append((current, (time[i] - time[peak_i]) / DAY_MS))
                current = None
            peak, peak_i = worth, i
        depth = worth / peak - 1.0
        depths.append(depth)
        if depth < 0:
            current = depth if current is None else min(current, depth)
    if current is not None:
        falls.append((current, (time[-1] - time[peak_i]) / DAY_MS))
    return depths, falls


def curve(time, value, base, *, rf, p, zone="UTC", intraday=False, seven_day=False):
    r = returns(periods(time, value, base, zone, intraday, seven_day))
    rate = (1 + rf) ** (1 / p) - 1
    x = [one - rate for one in r]
    depths, falls = drawdowns(time, value, base)
    deepest = min(falls, default=(0.0, 0.0), key=lambda fall: fall[0])
    found = {
        "final_equity": value[-1],
        "total_return": max(value[-1], 0.0) / base - 1,
        "cagr": growth(base, value[-1], time[-1] - time[0]),
        "max_drawdown": deepest[0],
        "max_drawdown_days": deepest[1],
        "longest_drawdown_days": max((days for _, days in falls), default=0.0),
        "ulcer_index": math.sqrt(mean([d * d for d in depths])),
        "periods_per_year": p,
    }
    calmar = divide(found["cagr"], -deepest[0])
    found["calmar"] = calmar
    for name in ("volatility", "sharpe", "sortino", "omega"):
        found[name] = None
    if len(r) >= 2:
        found["volatility"] = std(r) * math.sqrt(p)
        down = math.sqrt(mean([min(one, 0.0) ** 2 for one in x]))
        for name, risk in (("sharpe", std(x)), ("sortino", down)):
            share = divide(mean(x), risk)
            found[name] = None if share is None else share * math.sqrt(p)
        found["omega"] = divide(
            math.fsum(one for one in x if one > 0), -math.fsum(one for one in x if one < 0)
        )
    for name in ("var_95", "cvar_95", "tail_ratio", "skew", "kurtosis"):
        found[name] = None
    if r:
        low = quantile(r, 0.05)
        found["var_95"] = low
        found["cvar_95"] = mean([one for one in r if one <= low])
        found["tail_ratio"] = divide(abs(quantile(r, 0.95)), abs(low))
        middle = mean(r)
        spread = mean([(one - middle) ** 2 for one in r])
        if math.sqrt(spread) >= 1e-15:
            found["skew"] = mean([(one - middle) ** 3 for one in r]) / spread**1.5
            found["kurtosis"] = mean([(one - middle) ** 4 for one in r]) / spread**2 - 3
    return found


def against(own, theirs, *, rf, p):
    """M7 from two return series of the same dates."""
    rate = (1 + rf) ** (1 / p) - 1
    n = min(len(own), len(theirs))
    x, b = [one - rate for one in own[:n]], [one - rate for one in theirs[:n]]
    if n < 2:
        return dict.fromkeys(("beta", "alpha", "tracking_error", "information_ratio"))
    covariance = math.fsum((i - mean(x)) * (j - mean(b)) for i, j in zip(x, b, strict=True))
    variance = math.fsum((j - mean(b)) ** 2 for j in b)
    beta = covariance / variance if math.sqrt(variance / (n - 1)) >= 1e-15 else None
    difference = [i - j for i, j in zip(own, theirs, strict=False)]
    information = divide(mean(difference), std(difference))
    return {
        "beta": beta,
        "alpha": None if beta is None else p * (mean(x) - beta * mean(b)),
        "tracking_error": std(difference) * math.sqrt(p),
        "information_ratio": None if information is None else information * math.sqrt(p),
    }


def trades(rows):
    """M8 and M10 from rows of dicts; r_multiple None without a stop."""
    closed = [row for row in rows if not row["open"]]
    names = ["win_rate", "profit_factor", "expectancy", "average_trade", "payoff_ratio"]
    names += ["best_trade", "worst_trade", "average_bars_held", "average_mae", "average_mfe"]
    names += ["average_r_multiple", "sqn", "kelly"]
    found = {"trades": len(closed), "open_trades": len(rows) - len(closed)}
    if not closed:
        return found | dict.fromkeys(names)
    pnl = [row["pnl"] for row in closed]
    wins, losses = [p for p in pnl if p > 0], [-p for p in pnl if p < 0]
    share = len(wins) / len(closed)
    payoff = divide(mean(wins), mean(losses)) if wins and losses else None
    r_multiples = [row["r_multiple"] for row in closed if row["r_multiple"] is not None]
    quality = divide(mean(pnl), std(pnl)) if len(pnl) > 1 else None
    return found | {
        "win_rate": share,
        "profit_factor": divide(math.fsum(wins), math.fsum(losses)),
        "expectancy": mean(pnl),
        "average_trade": mean([row["return"] for row in closed]),
        "payoff_ratio": payoff,
        "best_trade": max(row["return"] for row in closed),
        "worst_trade": min(row["return"] for row in closed),
        "average_bars_held": mean([row["bars"] for row in closed]),
        "average_mae": mean([row["mae"] for row in closed]),
        "average_mfe": mean([row["mfe"] for row in closed]),
        "average_r_multiple": mean(r_multiples) if r_multiples else None,
        "sqn": None if quality is None else quality * math.sqrt(len(pnl)),
        "kelly": None if payoff is None else share - (1 - share) / payoff,
    }


def activity(time, value, exposure, fills):
    """M9; fills as (quantity, price, fee)."""
    found = {
        "exposure_time": sum(e != 0 for e in exposure) / len(exposure),
        "gross_exposure": mean(exposure),
        "fees": math.fsum(fee for _, _, fee in fills),
        "turnover": 0.0,
    }
    if fills:
        years = (time[-1] - time[0]) / (365.25 * DAY_MS)
        traded = math.fsum(quantity * price for quantity, price, _ in fills) / 2
        is_defined = years > 0 and mean(value) > 0
        found["turnover"] = traded / mean(value) / years if is_defined else None
    return found
