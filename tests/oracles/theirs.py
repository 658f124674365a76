"""What empyrical, quantstats, backtesting.py and arch print, as JSON.

Runs in the environment of `requirements-oracles.lock`, where nothing of ours is. Reads a JSON
document of cases from stdin, {name: {time, returns, common, benchmark, pnl, trade_returns,
periods_per_year, risk_free_rate}}, and prints {name: {metric: {library: [value, …]}}}.
"""

import json
import sys

import empyrical
import numpy as np
import pandas as pd
import quantstats.stats as qs
from arch.bootstrap import optimal_block_length
from backtesting._stats import compute_stats


def main() -> None:
    cases = json.load(sys.stdin)
    json.dump({name: everything(case) for name, case in cases.items()}, sys.stdout)


def everything(case):
    printed = {}
    for library, numbers in (
        ("empyrical", of_empyrical(case)),
        ("quantstats", of_quantstats(case)),
        ("backtesting.py", of_backtesting(case)),
        ("arch", of_arch(case)),
    ):
        for metric, values in numbers.items():
            values = values if isinstance(values, list) else [values]
            printed.setdefault(metric, {})[library] = [float(value) for value in values]
    return printed


def series(case, name):
    dates = pd.to_datetime(np.array(case["time"][1:]), unit="ms")
    return pd.Series(case[name], index=dates, dtype=float)


def of_empyrical(case):
    r, own, b = (series(case, name) for name in ("returns", "common", "benchmark"))
    periods = case["periods_per_year"]
    rate = (1.0 + case["risk_free_rate"]) ** (1.0 / periods) - 1.0
    annual = {"annualization": periods}
    return {
        "total_return": empyrical.cum_returns_final(r),
        "cagr": empyrical.annual_return(r, **annual),
        "volatility": empyrical.annual_volatility(r, **annual),
        "downside_deviation": empyrical.downside_risk(r, rate, **annual),
        "sharpe": empyrical.sharpe_ratio(r, rate, **annual),
        "sortino": empyrical.sortino_ratio(r, rate, **annual),
        "calmar": empyrical.calmar_ratio(r, **annual),
        "omega": empyrical.omega_ratio(r, rate),
        "max_drawdown": empyrical.max_drawdown(r),
        "var_95": empyrical.value_at_risk(r),
        "cvar_95": empyrical.conditional_value_at_risk(r),
        "tail_ratio": empyrical.tail_ratio(r),
        "beta": empyrical.beta(own, b, rate),
        "alpha": empyrical.alpha(own, b, rate, **annual),
        "information_ratio": empyrical.excess_sharpe(own, b),
    }


def of_quantstats(case):
    r, own, b = (series(case, name) for name in ("returns", "common", "benchmark"))
    periods, rf = case["periods_per_year"], case["risk_free_rate"]
    greeks = qs.greeks(own, b, periods)
    return {
        "total_return": qs.comp(r),
        "cagr": qs.cagr(r, periods=periods),
        "volatility": qs.volatility(r, periods),
        "sharpe": qs.sharpe(r, rf, periods),
        "sortino": qs.sortino(r, rf, periods),
        "calmar": qs.calmar(r, periods=periods),
        "omega": qs.omega(r, rf, periods=periods),
        "gain_to_pain": qs.gain_to_pain_ratio(r),
        "max_drawdown": qs.max_drawdown(r),
        "ulcer_index": qs.ulcer_index(r),
        "recovery_factor": qs.recovery_factor(r, rf),
        "best_period": qs.best(r),
        "worst_period": qs.worst(r),
        "positive_periods": qs.win_rate(r),
        "var_95": qs.value_at_risk(r),
        "cvar_95": qs.conditional_value_at_risk(r),
        "tail_ratio": qs.tail_ratio(r),
        "skew": qs.skew(r),
        "kurtosis": qs.kurtosis(r),
        "beta": greeks["beta"],
        "alpha": greeks["alpha"],
        "information_ratio": qs.information_ratio(own, b),
        "exposure_time": qs.exposure(r),
        "win_rate": qs.win_rate(r),
        "profit_factor": qs.profit_factor(r),
        "average_win": qs.avg_win(r),
        "average_loss": qs.avg_loss(r),
        "payoff_ratio": qs.payoff_ratio(r),
        "max_consecutive_wins": qs.consecutive_wins(r),
        "max_consecutive_losses": qs.consecutive_losses(r),
        "kelly": qs.kelly_criterion(r),
        "psr": qs.probabilistic_sharpe_ratio(r, rf, periods),
    }


def of_backtesting(case):
    """It prints percents, and takes an equity curve with prices of the same bars."""
    index = pd.to_datetime(np.array(case["time"]), unit="ms")
    equity = 1000.0 * np.cumprod(np.concatenate(([1.0], 1.0 + np.array(case["returns"]))))
    prices = pd.DataFrame({"Close": np.linspace(10.0, 20.0, equity.size)}, index=index)
    n = len(case["pnl"])
    trades = pd.DataFrame(
        {
            "EntryBar": np.zeros(n, dtype=int),
            "ExitBar": np.ones(n, dtype=int),
            "PnL": np.array(case["pnl"], dtype=float),
            "ReturnPct": np.array(case["trade_returns"], dtype=float),
            "Duration": pd.to_timedelta(np.ones(n), unit="D"),
        }
    )
    stats = compute_stats(trades, equity, prices, None, case["risk_free_rate"])
    return {
        "total_return": stats["Return [%]"] / 100.0,
        "cagr": stats["CAGR [%]"] / 100.0,
        "volatility": stats["Volatility (Ann.) [%]"] / 100.0,
        "sharpe": stats["Sharpe Ratio"],
        "sortino": stats["Sortino Ratio"],
        "calmar": stats["Calmar Ratio"],
        "max_drawdown": stats["Max. Drawdown [%]"] / 100.0,
        "win_rate": stats["Win Rate [%]"] / 100.0,
        "profit_factor": stats["Profit Factor"],
        "average_trade": [stats["Expectancy [%]"] / 100.0, stats["Avg. Trade [%]"] / 100.0],
        "best_trade": stats["Best Trade [%]"] / 100.0,
        "worst_trade": stats["Worst Trade [%]"] / 100.0,
        "sqn": stats["SQN"],
        "kelly": stats["Kelly Criterion"],
    }


def of_arch(case):
    r = np.array(case["returns"])
    return {
        "block_length": optimal_block_length(r)["stationary"].item(),
        "block_length_of_squares": optimal_block_length(r**2)["stationary"].item(),
    }


if __name__ == "__main__":
    main()
