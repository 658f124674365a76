"""Metrics M1–M12 again in plain Python, written from the definitions, for comparison."""

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


def recovery_days(time, depths):
    """M5: days from the lowest bar of the deepest fall to the first bar back at its peak."""
    deepest = min(depths)
    if deepest == 0.0:
        return None
    lowest = depths.index(deepest)
    for i in range(lowest, len(depths)):
        if depths[i] == 0.0:
            return (time[i] - time[lowest]) / DAY_MS
    return None


def without_flows(value, flow, base):
    """M1: base · Π(1 + r) at each bar, r = (E_t − flow_t) / E_(t−1) − 1."""
    worth, before, curve = base, base, []
    for i, (now, paid) in enumerate(zip(value, flow, strict=True)):
        r = (now - (paid if i else 0.0)) / before - 1.0 if before > 0.0 else 0.0
        worth *= max(1.0 + r, 0.0)
        before = now
        curve.append(worth)
    return curve


def months(time, value, base, zone="UTC"):
    """The return of each calendar month, the first from the base; until the ruin."""
    ends = {}
    for stamp, worth in zip(time, value, strict=True):
        date = datetime.fromtimestamp(stamp / 1000, UTC).astimezone(ZoneInfo(zone))
        ends[date.year, date.month] = max(worth, 0.0)
    return returns([base, *(ends[key] for key in sorted(ends))])


def significance(r, rate):
    """M11 of one trial, the normal distribution by its integral."""
    found = {"psr": None, "dsr": None, "dsr_trials": 1, "min_track_record_length": None}
    n = len(r)
    if n < 2 or std(r) < 1e-15:
        return found
    s = (mean(r) - rate) / std(r)
    middle = mean(r)
    moments = [mean([(one - middle) ** power for one in r]) for power in (2, 3, 4)]
    skewness, raw = moments[1] / moments[0] ** 1.5, moments[2] / moments[0] ** 2
    spread = 1 - skewness * s + (raw - 1) / 4 * s * s
    if spread <= 0:
        return found
    found["psr"] = found["dsr"] = (1 + math.erf(s * math.sqrt((n - 1) / spread / 2))) / 2
    if s > 0:
        found["min_track_record_length"] = 1 + spread * (1.6448536269514722 / s) ** 2
    return found


def curve(time, value, base, *, rf, p, zone="UTC", intraday=False, seven_day=False):
    r = returns(periods(time, value, base, zone, intraday, seven_day))
    rate = (1 + rf) ** (1 / p) - 1
    x = [one - rate for one in r]
    depths, falls = drawdowns(time, value, base)
    deepest = min(falls, default=(0.0, 0.0), key=lambda fall: fall[0])
    monthly = months(time, value, base, zone if intraday else "UTC")
    total = max(value[-1], 0.0) / base - 1
    found = significance(r, rate) | {
        "best_month": max(monthly),
        "worst_month": min(monthly),
        "positive_months": sum(one > 0 for one in monthly) / len(monthly),
        "gain_to_pain": divide(math.fsum(monthly), -math.fsum(m for m in monthly if m < 0)),
        "max_drawdown_recovery_days": recovery_days(time, depths),
        "average_drawdown": mean([depth for depth, _ in falls]) if falls else 0.0,
        "recovery_factor": divide(total, -deepest[0]),
        "final_equity": value[-1],
        "total_return": total,
        "cagr": growth(base, value[-1], time[-1] - time[0]),
        "max_drawdown": deepest[0],
        "max_drawdown_days": deepest[1],
        "longest_drawdown_days": max((days for _, days in falls), default=0.0),
        "ulcer_index": math.sqrt(mean([d * d for d in depths])),
        "periods_per_year": p,
    }
    calmar = divide(found["cagr"], -deepest[0])
    found["calmar"] = calmar
    for name in ("volatility", "downside_deviation", "sharpe", "sortino", "omega"):
        found[name] = None
    if len(r) >= 2:
        found["volatility"] = std(r) * math.sqrt(p)
        down = math.sqrt(mean([min(one, 0.0) ** 2 for one in x]))
        found["downside_deviation"] = down * math.sqrt(p)
        for name, risk in (("sharpe", std(x)), ("sortino", down)):
            share = divide(mean(x), risk)
            found[name] = None if share is None else share * math.sqrt(p)
        found["omega"] = divide(
            math.fsum(one for one in x if one > 0), -math.fsum(one for one in x if one < 0)
        )
    for name in ("var_95", "cvar_95", "tail_ratio", "skew", "kurtosis"):
        found[name] = None
    for name in ("best_period", "worst_period", "positive_periods", "autocorrelation"):
        found[name] = None
    if len(r) > 1 and std(r) >= 1e-15:
        centred = [one - mean(r) for one in r]
        pairs = math.fsum(a * b for a, b in itertools.pairwise(centred))
        found["autocorrelation"] = pairs / math.fsum(c * c for c in centred)
    if r:
        found["best_period"], found["worst_period"] = max(r), min(r)
        found["positive_periods"] = sum(one > 0 for one in r) / len(r)
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
        names = ("beta", "correlation", "alpha", "tracking_error", "information_ratio")
        return dict.fromkeys(names)
    covariance = math.fsum((i - mean(x)) * (j - mean(b)) for i, j in zip(x, b, strict=True))
    variance = math.fsum((j - mean(b)) ** 2 for j in b)
    beta = covariance / variance if math.sqrt(variance / (n - 1)) >= 1e-15 else None
    difference = [i - j for i, j in zip(own, theirs, strict=False)]
    information = divide(mean(difference), std(difference))
    correlation = None
    if beta is not None and std(x) >= 1e-15:
        correlation = covariance / math.sqrt(variance) / std(x) / math.sqrt(n - 1)
    return {
        "beta": beta,
        "correlation": correlation,
        "alpha": None if beta is None else p * (mean(x) - beta * mean(b)),
        "tracking_error": std(difference) * math.sqrt(p),
        "information_ratio": None if information is None else information * math.sqrt(p),
    }


def trades(rows):
    """M8 and M10 from rows of dicts; r_multiple None without a stop."""
    closed = [row for row in rows if not row["open"]]
    names = ["win_rate", "profit_factor", "expectancy", "average_trade", "payoff_ratio"]
    names += ["best_trade", "worst_trade", "average_bars_held", "average_mae", "average_mfe"]
    names += ["average_r_multiple", "sqn", "kelly", "average_win", "average_loss"]
    found = {"trades": len(closed), "open_trades": len(rows) - len(closed)}
    closed.sort(key=lambda row: row["exit_time"])
    for name, sign in (("max_consecutive_wins", 1), ("max_consecutive_losses", -1)):
        in_a_row = found[name] = 0
        for row in closed:
            in_a_row = in_a_row + 1 if row["pnl"] * sign > 0 else 0
            found[name] = max(found[name], in_a_row)
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
        "average_win": mean(wins) if wins else None,
        "average_loss": -mean(losses) if losses else None,
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
