"""What other libraries print for the same returns and trades, by their formulas, and why.

Libraries: empyrical (empyrical-reloaded 0.7), quantstats 0.0.86, backtesting.py 0.6. Each formula
here is held against the library itself to 1e-12 in `tests/oracles`. They are given the run's
returns, periods a year and risk-free rate wherever they take one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from engine.metrics.trading import longest_row
from engine.types import FloatArray

SAME = "The same convention."
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the libraries are given.

    Parameters
    ----------
    returns : ndarray of float64, shape (n_returns,)
        The run's return series (M1).
    own, benchmark : ndarray of float64, shape (n_common,)
        Returns of the account and of its benchmark on the dates both have; empty without one.
    pnl, trade_returns : ndarray of float64, shape (n_trades,)
        Net money and return of each closed trade, in the order of their exits.
    periods_per_year, risk_free_rate, years : float
        P, the annual rate, and the years of 365.25 days from the first bar to the last.
    """

    returns: FloatArray
    own: FloatArray
    benchmark: FloatArray
    pnl: FloatArray
    trade_returns: FloatArray
    periods_per_year: float
    risk_free_rate: float
    years: float

    @property
    def excess(self) -> FloatArray:
        """Return the returns less the risk-free rate of a period."""
        return self.returns - self.rate

    @property
    def rate(self) -> float:
        """Return the risk-free rate of a period."""
        return float((1.0 + self.risk_free_rate) ** (1.0 / self.periods_per_year) - 1.0)


@dataclass(frozen=True, slots=True)
class Other:
    """What a library prints in place of a metric, and why that differs."""

    library: str
    formula: Callable[[Measured], Any]
    why: str


def others(name: str, measured: Measured) -> list[dict[str, Any]]:
    """Return what the libraries print for a metric, ready for JSON.

    Returns
    -------
    list of dict
        library, value (None where it is no finite number), why; empty for a metric that none has.
    """
    found = []
    for other in OTHERS.get(name, ()):
        with np.errstate(all="ignore"):
            value = float(other.formula(measured))
        found.append(
            {
                "library": other.library,
                "value": value if math.isfinite(value) else None,
                "why": other.why,
            }
        )
    return found


# Formulas ------------------------------------------------------------------------------------


def _mean(values: FloatArray) -> Any:
    return values.mean() if values.size else np.float64(np.nan)


def _std(values: FloatArray) -> Any:
    return values.std(ddof=1) if values.size > 1 else np.float64(np.nan)


def _total(m: Measured) -> Any:
    return np.prod(1.0 + m.returns) - 1.0


def _counted_growth(m: Measured) -> Any:
    """Return the annual growth with n / P for the years."""
    return np.prod(1.0 + m.returns) ** (m.periods_per_year / np.float64(m.returns.size)) - 1.0


def _calendar_growth(m: Measured) -> Any:
    return (1.0 + _total(m)) ** (1.0 / np.float64(m.years)) - 1.0


def _volatility(m: Measured) -> Any:
    return _std(m.returns) * math.sqrt(m.periods_per_year)


def _sharpe(m: Measured) -> Any:
    return _mean(m.excess) / _std(m.excess) * math.sqrt(m.periods_per_year)


def _downside(m: Measured) -> Any:
    losses = np.minimum(m.excess, 0.0)
    return np.sqrt(_mean(losses**2)) * math.sqrt(m.periods_per_year)


def _sortino(m: Measured) -> Any:
    return _mean(m.excess) * m.periods_per_year / _downside(m)


def _omega(m: Measured) -> Any:
    return np.maximum(m.excess, 0.0).sum() / np.maximum(-m.excess, 0.0).sum()


def _drawdowns(m: Measured) -> FloatArray:
    curve = np.cumprod(1.0 + m.returns)
    result: FloatArray = curve / np.maximum(np.maximum.accumulate(curve), 1.0) - 1.0
    return result


def _max_drawdown(m: Measured) -> Any:
    return _drawdowns(m).min(initial=0.0)


def _counted_calmar(m: Measured) -> Any:
    return _counted_growth(m) / -_max_drawdown(m)


def _sample_ulcer(m: Measured) -> Any:
    return np.sqrt(np.sum(_drawdowns(m) ** 2) / np.float64(m.returns.size - 1))


def _summed_recovery(m: Measured) -> Any:
    return np.abs(m.returns.sum() - m.risk_free_rate) / -_max_drawdown(m)


def _daily_gain_to_pain(m: Measured) -> Any:
    return m.returns.sum() / np.maximum(-m.returns, 0.0).sum()


def _geometric_mean(returns: FloatArray) -> Any:
    if returns.size == 0:
        return np.float64(np.nan)
    return np.expm1(np.mean(np.log1p(returns))) if (returns > -1.0).all() else np.float64(0.0)


def _compounded_growth(m: Measured) -> Any:
    return (1.0 + _geometric_mean(m.returns)) ** m.periods_per_year - 1.0


def _compounded_volatility(m: Measured) -> Any:
    growth = (1.0 + _geometric_mean(m.returns)) ** 2
    periods = m.periods_per_year
    return np.sqrt((_std(m.returns) ** 2 + growth) ** periods - growth**periods)


def _compounded_sharpe(m: Measured) -> Any:
    return (_compounded_growth(m) - m.risk_free_rate) / _compounded_volatility(m)


def _compounded_sortino(m: Measured) -> Any:
    downside = np.sqrt(_mean(np.minimum(m.returns, 0.0) ** 2) * m.periods_per_year)
    return (_compounded_growth(m) - m.risk_free_rate) / downside


def _compounded_calmar(m: Measured) -> Any:
    return _compounded_growth(m) / -_max_drawdown(m)


def _quantile(m: Measured, share: float) -> Any:
    return np.quantile(m.returns, share) if m.returns.size else np.float64(np.nan)


def _tail_ratio(m: Measured) -> Any:
    return np.abs(_quantile(m, 0.95)) / np.abs(_quantile(m, 0.05))


def _normal_var(m: Measured) -> Any:
    return _mean(m.returns) + _std(m.returns) * _NORMAL.inv_cdf(1.0 - 0.95)


def _normal_shortfall(m: Measured) -> Any:
    share = 1.0 - 0.95
    return _mean(m.returns) - _std(m.returns) * _NORMAL.pdf(_NORMAL.inv_cdf(share)) / share


def _counted_shortfall(m: Measured) -> Any:
    n = int((m.returns.size - 1) * 0.05) + 1
    return _mean(np.sort(m.returns)[:n])


def _sample_skew(m: Measured) -> Any:
    n, centred = np.float64(m.returns.size), m.returns - _mean(m.returns)
    skew = _mean(centred**3) / _mean(centred**2) ** 1.5
    return skew * np.sqrt(n * (n - 1.0)) / (n - 2.0)


def _sample_kurtosis(m: Measured) -> Any:
    n, centred = np.float64(m.returns.size), m.returns - _mean(m.returns)
    excess = _mean(centred**4) / _mean(centred**2) ** 2 - 3.0
    return (n - 1.0) / ((n - 2.0) * (n - 3.0)) * ((n + 1.0) * excess + 6.0)


def _sample_psr(m: Measured) -> Any:
    sharpe = _mean(m.excess) / _std(m.excess)
    raw = _sample_kurtosis(m) + 3.0
    spread = 1.0 - _sample_skew(m) * sharpe + (raw - 1.0) / 4.0 * sharpe**2
    z = sharpe * np.sqrt((m.returns.size - 1) / spread)
    return _NORMAL.cdf(float(z)) if np.isfinite(z) else np.float64(np.nan)


def _wins(m: Measured) -> FloatArray:
    return m.returns[m.returns > 0.0]


def _losses(m: Measured) -> FloatArray:
    return m.returns[m.returns < 0.0]


def _period_win_rate(m: Measured) -> Any:
    return _wins(m).size / np.float64(np.count_nonzero(m.returns))


def _period_profit_factor(m: Measured) -> Any:
    return _wins(m).sum() / -_losses(m).sum()


def _period_payoff(m: Measured) -> Any:
    return _mean(_wins(m)) / -_mean(_losses(m))


def _period_kelly(m: Measured) -> Any:
    share = _period_win_rate(m)
    return share - (1.0 - share) / _period_payoff(m)


def _moving_share(m: Measured) -> Any:
    share = np.count_nonzero(m.returns) / np.float64(m.returns.size)
    return np.ceil(share * 100.0) / 100.0


def _beta(m: Measured) -> Any:
    centred = m.benchmark - _mean(m.benchmark)
    return (centred @ m.own) / (centred @ centred)


def _compounded_alpha(m: Measured) -> Any:
    leftover = (m.own - m.rate) - _beta(m) * (m.benchmark - m.rate)
    return (1.0 + _mean(leftover)) ** m.periods_per_year - 1.0


def _raw_alpha(m: Measured) -> Any:
    return (_mean(m.own) - _beta(m) * _mean(m.benchmark)) * m.periods_per_year


def _period_information(m: Measured) -> Any:
    difference = m.own - m.benchmark
    return _mean(difference) / _std(difference)


def _trade_win_rate(m: Measured) -> Any:
    return _mean((m.pnl > 0.0).astype(np.float64))


def _trade_payoff(m: Measured) -> Any:
    return _mean(m.pnl[m.pnl > 0.0]) / -_mean(m.pnl[m.pnl < 0.0])


def _trade_kelly(m: Measured) -> Any:
    share = _trade_win_rate(m)
    return share - (1.0 - share) / _trade_payoff(m)


def _unweighted_profit_factor(m: Measured) -> Any:
    returns = m.trade_returns
    return np.maximum(returns, 0.0).sum() / np.maximum(-returns, 0.0).sum()


def _sqn(m: Measured) -> Any:
    return math.sqrt(m.pnl.size) * _mean(m.pnl) / _std(m.pnl)


# Who prints what -----------------------------------------------------------------------------

E, Q, B = "empyrical", "quantstats", "backtesting.py"
_COUNTED = "Counts periods: n / P years, not calendar time, so holidays matter."
_COMPOUNDED = (
    "The compounded mean return of a year over a compounded volatility, not mean over deviation."
)
_OF_SERIES = "The same on the return series: falls inside a day are not in it."
_OF_PERIODS = "Under this name it measures periods, not trades."

OTHERS: dict[str, tuple[Other, ...]] = {
    "total_return": (Other(E, _total, SAME), Other(Q, _total, SAME), Other(B, _total, SAME)),
    "cagr": (
        Other(E, _counted_growth, _COUNTED),
        Other(Q, _counted_growth, _COUNTED),
        Other(B, _calendar_growth, SAME),
    ),
    "volatility": (
        Other(E, _volatility, SAME),
        Other(Q, _volatility, SAME),
        Other(B, _compounded_volatility, "The deviation of the compounded return of a year."),
    ),
    "downside_deviation": (Other(E, _downside, SAME),),
    "sharpe": (
        Other(E, _sharpe, SAME),
        Other(Q, _sharpe, SAME),
        Other(B, _compounded_sharpe, _COMPOUNDED),
    ),
    "sortino": (
        Other(E, _sortino, SAME),
        Other(Q, _sortino, SAME),
        Other(
            B,
            _compounded_sortino,
            "The compounded mean return of a year; the downside is below 0, not below the "
            "risk-free rate.",
        ),
    ),
    "calmar": (
        Other(E, _counted_calmar, _COUNTED),
        Other(Q, _counted_calmar, _COUNTED),
        Other(B, _compounded_calmar, _COUNTED),
    ),
    "omega": (Other(E, _omega, SAME), Other(Q, _omega, SAME)),
    "gain_to_pain": (
        Other(Q, _daily_gain_to_pain, "Adds the returns of days; the definition adds months."),
    ),
    "max_drawdown": (
        Other(E, _max_drawdown, _OF_SERIES),
        Other(Q, _max_drawdown, _OF_SERIES),
        Other(B, _max_drawdown, _OF_SERIES),
    ),
    "ulcer_index": (
        Other(Q, _sample_ulcer, "Divides by n − 1, and the first bar is not among them."),
    ),
    "recovery_factor": (
        Other(Q, _summed_recovery, "|Σ r − risk-free rate|: not compounded, and never negative."),
    ),
    "best_period": (Other(Q, lambda m: m.returns.max(initial=-np.inf), SAME),),
    "worst_period": (Other(Q, lambda m: m.returns.min(initial=np.inf), SAME),),
    "positive_periods": (Other(Q, _period_win_rate, "Its win rate leaves out returns of 0."),),
    "var_95": (
        Other(E, lambda m: _quantile(m, 0.05), SAME),
        Other(Q, _normal_var, "The quantile of a normal distribution, not of the returns."),
    ),
    "cvar_95": (
        Other(E, _counted_shortfall, "The same, unless returns tie at the quantile."),
        Other(Q, _normal_shortfall, "That of a normal distribution, not of the returns."),
    ),
    "tail_ratio": (Other(E, _tail_ratio, SAME), Other(Q, _tail_ratio, SAME)),
    "skew": (Other(Q, _sample_skew, "Corrected for the sample's size."),),
    "kurtosis": (Other(Q, _sample_kurtosis, "Corrected for the sample's size."),),
    "beta": (Other(E, _beta, SAME), Other(Q, _beta, SAME)),
    "alpha": (
        Other(E, _compounded_alpha, "Compounded over the year."),
        Other(Q, _raw_alpha, "Without the risk-free rate."),
    ),
    "information_ratio": (
        Other(E, _period_information, "A period, not a year."),
        Other(Q, _period_information, "A period, not a year."),
    ),
    "exposure_time": (
        Other(Q, _moving_share, "The share of returns other than 0, rounded up to a percent."),
    ),
    "win_rate": (
        Other(B, _trade_win_rate, SAME),
        Other(Q, _period_win_rate, _OF_PERIODS),
    ),
    "profit_factor": (
        Other(B, _unweighted_profit_factor, "From the trades' returns, not their money."),
        Other(Q, _period_profit_factor, _OF_PERIODS),
    ),
    "average_trade": (
        Other(B, lambda m: _mean(m.trade_returns), "Called expectancy there."),
        Other(B, lambda m: _geometric_mean(m.trade_returns), "Its average trade is geometric."),
    ),
    "average_win": (Other(Q, lambda m: _mean(_wins(m)), f"{_OF_PERIODS} A fraction."),),
    "average_loss": (Other(Q, lambda m: _mean(_losses(m)), f"{_OF_PERIODS} A fraction."),),
    "payoff_ratio": (Other(Q, _period_payoff, _OF_PERIODS),),
    "best_trade": (Other(B, lambda m: m.trade_returns.max(initial=-np.inf), SAME),),
    "worst_trade": (Other(B, lambda m: m.trade_returns.min(initial=np.inf), SAME),),
    "max_consecutive_wins": (Other(Q, lambda m: longest_row(m.returns > 0.0), _OF_PERIODS),),
    "max_consecutive_losses": (Other(Q, lambda m: longest_row(m.returns < 0.0), _OF_PERIODS),),
    "sqn": (Other(B, _sqn, SAME),),
    "kelly": (Other(B, _trade_kelly, SAME), Other(Q, _period_kelly, _OF_PERIODS)),
    "psr": (Other(Q, _sample_psr, "Skew and kurtosis corrected for the sample's size."),),
}
"""By metric; a metric that is not here has no counterpart of that name."""
