"""What each metric is called, how it is printed, and what it means: the hover text of a number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dashboard import formatting

Number = float | int | None
Better = Literal["higher", "lower", "neither"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric on a page; its values are fractions, its text may be a percentage."""

    label: str
    text: Callable[[Number], str]
    better: Better
    definition: str


def _ratio(value: Number) -> str:
    return formatting.decimal(value, 2)


def _days(value: Number) -> str:
    return f"{formatting.integer(value)} d" if value is not None else formatting.MISSING


def _small_percent(value: Number) -> str:
    return formatting.percent(value, 2)


def _one_decimal(value: Number) -> str:
    return formatting.decimal(value, 1)


_SIGNED = formatting.signed_percent
_PERCENT = formatting.percent

METRICS: dict[str, Metric] = {
    "final_equity": Metric(
        "Final equity",
        formatting.money,
        "higher",
        "Cash plus the market value of open positions at the last close, net of all costs.",
    ),
    "total_return": Metric(
        "Total return",
        _SIGNED,
        "higher",
        "Final equity / starting cash − 1. An account below zero counts as zero.",
    ),
    "cagr": Metric(
        "CAGR",
        _SIGNED,
        "higher",
        "(final equity / cash)^(365.25 days / elapsed days) − 1, on bar stamps.",
    ),
    "volatility": Metric(
        "Volatility",
        _PERCENT,
        "lower",
        "Standard deviation of returns (n − 1) times the root of the periods per year.",
    ),
    "sharpe": Metric(
        "Sharpe",
        _ratio,
        "higher",
        "Mean excess return / its standard deviation (n − 1), times the root of the periods per "
        "year.",
    ),
    "sortino": Metric(
        "Sortino",
        _ratio,
        "higher",
        "Mean excess return / the root of the mean squared negative excess return over all "
        "periods, times the root of the periods per year.",
    ),
    "calmar": Metric("Calmar", _ratio, "higher", "CAGR / |maximum drawdown|."),
    "omega": Metric(
        "Omega", _ratio, "higher", "Sum of positive excess returns / |sum of negative ones|."
    ),
    "max_drawdown": Metric(
        "Max drawdown",
        _PERCENT,
        "higher",
        "Deepest fall from the running peak of equity, on the finest bars; the first peak is the "
        "starting cash.",
    ),
    "max_drawdown_days": Metric(
        "Max drawdown lasts",
        _days,
        "lower",
        "Days from the last bar of the peak before the deepest drawdown to the first recovery, "
        "or to the end.",
    ),
    "longest_drawdown_days": Metric(
        "Longest drawdown",
        _days,
        "lower",
        "Days of the longest time below a peak, which need not be the deepest.",
    ),
    "ulcer_index": Metric("Ulcer index", _PERCENT, "lower", "Root of the mean squared drawdown."),
    "var_95": Metric(
        "VaR 95",
        _small_percent,
        "higher",
        "5 % quantile of returns, linear interpolation: one period in twenty is worse.",
    ),
    "cvar_95": Metric(
        "CVaR 95", _small_percent, "higher", "Mean of the returns at or below VaR 95."
    ),
    "tail_ratio": Metric(
        "Tail ratio", _ratio, "higher", "|95 % quantile of returns| / |5 % quantile|."
    ),
    "skew": Metric("Skew", _ratio, "higher", "Third standardised moment of returns (biased)."),
    "kurtosis": Metric(
        "Excess kurtosis",
        _ratio,
        "lower",
        "Fourth standardised moment of returns − 3 (biased): above zero, tails are fat.",
    ),
    "beta": Metric(
        "Beta",
        _ratio,
        "neither",
        "Covariance of excess returns with the benchmark's / variance of the benchmark's.",
    ),
    "alpha": Metric(
        "Alpha",
        _SIGNED,
        "higher",
        "Periods per year × (mean excess return − beta × the benchmark's mean excess return).",
    ),
    "tracking_error": Metric(
        "Tracking error",
        _PERCENT,
        "neither",
        "Standard deviation of return − benchmark's return, times the root of the periods per "
        "year.",
    ),
    "information_ratio": Metric(
        "Information ratio",
        _ratio,
        "higher",
        "Mean of return − benchmark's return, over its standard deviation, a year.",
    ),
    "exposure_time": Metric(
        "Time in the market",
        _PERCENT,
        "neither",
        "Bars with a position at the close / all bars.",
    ),
    "gross_exposure": Metric(
        "Exposure",
        _PERCENT,
        "neither",
        "Mean over all bars of the market value of positions, long and short added, / equity.",
    ),
    "turnover": Metric(
        "Turnover a year",
        lambda value: formatting.decimal(value, 1, unit="×"),
        "lower",
        "Value of all fills / 2 / mean equity / years.",
    ),
    "trades": Metric(
        "Trades", formatting.integer, "neither", "Closed pairs of an entry fill and an exit fill."
    ),
    "open_trades": Metric(
        "Still open",
        formatting.integer,
        "neither",
        "Positions held at the end; marked, listed, and left out of the trade statistics.",
    ),
    "win_rate": Metric(
        "Win rate", _PERCENT, "higher", "Closed trades with a net P&L above zero / closed trades."
    ),
    "profit_factor": Metric(
        "Profit factor", _ratio, "higher", "Sum of winning P&L / |sum of losing P&L|, in money."
    ),
    "payoff_ratio": Metric("Payoff ratio", _ratio, "higher", "Mean win / |mean loss|, in money."),
    "expectancy": Metric(
        "Expectancy", formatting.money, "higher", "Mean net P&L of a closed trade."
    ),
    "average_trade": Metric(
        "Average trade",
        lambda value: formatting.signed_percent(value, 2),
        "higher",
        "Mean return of a closed trade: net P&L / (entry price × quantity).",
    ),
    "best_trade": Metric("Best trade", _SIGNED, "higher", "Largest return of a closed trade."),
    "worst_trade": Metric("Worst trade", _SIGNED, "higher", "Smallest return of a closed trade."),
    "average_bars_held": Metric(
        "Bars held", _one_decimal, "neither", "Mean of exit bar − entry bar of closed trades."
    ),
    "sqn": Metric(
        "SQN", _ratio, "higher", "Root of the number of trades × mean P&L / its deviation (n − 1)."
    ),
    "kelly": Metric(
        "Kelly",
        _PERCENT,
        "higher",
        "Win rate − (1 − win rate) / payoff ratio; a fraction, not advice.",
    ),
    "fees": Metric("Fees paid", formatting.money, "lower", "Commissions of all fills."),
    "net_pnl": Metric(
        "Net P&L",
        formatting.money,
        "higher",
        "Final equity − cash − contributions: what was made and not paid in.",
    ),
    "contributions": Metric(
        "Contributions",
        formatting.money,
        "neither",
        "Money paid in during the run, withdrawals negative; the starting cash is not one.",
    ),
    "money_weighted_return": Metric(
        "Money-weighted return",
        _SIGNED,
        "higher",
        "The yearly rate at which cash and contributions grow to the final equity (internal rate "
        "of return).",
    ),
    "psr": Metric(
        "Probabilistic Sharpe",
        _PERCENT,
        "higher",
        "Probability that the true Sharpe is above zero, given length, skew and fat tails of the "
        "returns.",
    ),
    "dsr": Metric(
        "Deflated Sharpe",
        _PERCENT,
        "higher",
        "Probability that the true Sharpe beats the best one expects by luck of as many tries, as "
        "it was when the run was made: counting the run alone it is the probabilistic Sharpe. What "
        "the trial ledger counts by now is told beside the run.",
    ),
    "dsr_trials": Metric(
        "Trials",
        formatting.integer,
        "neither",
        "How many tries the deflated Sharpe of the run's own record counts: the run alone. The "
        "trial ledger counts all.",
    ),
    "min_track_record_length": Metric(
        "Track record needed",
        formatting.integer,
        "lower",
        "Return periods needed to be 95 % sure of a Sharpe above zero.",
    ),
    "periods_per_year": Metric(
        "Periods a year",
        formatting.integer,
        "neither",
        "Return periods in a year: from the market's calendar when it is known, else from the "
        "spacing of the bars.",
    ),
}
"""By the names of the run document; only what a page shows is here."""


_UNITS: dict[str, Callable[[Number], str]] = {
    "fraction": formatting.percent,
    "money": formatting.money,
    "days": _days,
    "count": formatting.integer,
    "bars": _one_decimal,
}


def metric(name: str, passport: Mapping[str, Any]) -> Metric:
    """Return a metric of this table, or what its passport (title, unit, formula) makes of it."""
    if name in METRICS:
        return METRICS[name]
    text = _UNITS.get(str(passport.get("unit")), _ratio)
    return Metric(str(passport["title"]), text, "neither", str(passport["formula"]))


def is_better(name: str, value: Number, reference: Number) -> bool | None:
    """Return whether `value` beats `reference`; None when equal, missing or a matter of taste."""
    better = METRICS[name].better
    if better == "neither" or value is None or reference is None or value == reference:
        return None
    return (value > reference) == (better == "higher")
