"""How much of a result may be luck: M11, M12 and confidence intervals.

Pure functions of few numbers or of a return series, so that runs, sweeps and walk-forwards judge
alike. A number that is not defined is None, never NaN or infinite.
"""

from engine.significance.bootstrap import BOOTSTRAPPED, bootstrap_intervals, optimal_block_length
from engine.significance.monte_carlo import bootstrap_accounts, trade_shuffle
from engine.significance.overfitting import cscv_logits, probability_of_backtest_overfitting
from engine.significance.sharpe import (
    deflated_sharpe_ratio,
    expected_maximum_sharpe,
    minimum_track_record_length,
    probabilistic_sharpe_ratio,
)

__all__ = [
    "BOOTSTRAPPED",
    "bootstrap_accounts",
    "bootstrap_intervals",
    "cscv_logits",
    "deflated_sharpe_ratio",
    "expected_maximum_sharpe",
    "minimum_track_record_length",
    "optimal_block_length",
    "probabilistic_sharpe_ratio",
    "probability_of_backtest_overfitting",
    "trade_shuffle",
]
