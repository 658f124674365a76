"""A run without its best trades: how much of the result hangs on a few of them."""

from __future__ import annotations

import math

import numpy as np

from engine.analysis.outcome import HEADLINES, Outcome
from engine.metrics import Metrics, curve_metrics
from engine.metrics.series import unit_curve
from engine.types import FloatArray, IntArray

COUNTS = (1, 3)
SHARES = (0.05, 0.10)


def numbers_left_out(n_closed: int) -> list[tuple[str, int]]:
    """Return (id, how many) of each experiment, without repeated or empty numbers.

    A share of the trades is rounded up to whole ones.
    """
    asked = [(f"trades_{count}", count) for count in COUNTS]
    asked += [(f"trades_{100 * share:g}pct", _part(n_closed, share)) for share in SHARES]
    found: dict[int, str] = {}
    for name, count in asked:
        if 0 < count <= n_closed:
            found.setdefault(count, name)
    return [(name, count) for count, name in found.items()]


def _part(n_closed: int, share: float) -> int:
    return math.ceil(n_closed * share - 1e-9)


def best_trades(outcome: Outcome, count: int) -> IntArray:
    """Return the rows of the `count` closed trades that made the most money, best first."""
    pnl = np.where(outcome.trades["open"], -np.inf, outcome.trades["pnl"])
    return np.argsort(-pnl, kind="stable")[:count]


def headline_without(outcome: Outcome, rows: IntArray) -> Metrics:
    """Return the headline numbers of the curve without some closed trades.

    From a trade's entry to its exit its marked gain or loss is taken out of the equity, and from
    the exit on its net pnl (both fees included). Every other trade stays as it was made, with the
    size that it had. A curve that falls to zero by this stays there.
    """
    equity = outcome.ledger.equity.copy()
    for row in rows:
        equity -= _contribution(outcome, int(row))
    cash = outcome.plan.config.cash
    curve = unit_curve(equity, outcome.equity.get("flow"), cash)
    found = curve_metrics(outcome.ledger.time, curve, base=cash, rules=outcome.rules)
    found["final_equity"] = float(equity[-1])
    found["trades"] = int(outcome.metrics["trades"] or 0) - rows.size
    return {name: found[name] for name in HEADLINES}


def _contribution(outcome: Outcome, row: int) -> FloatArray:
    """Return what one closed trade has added to the equity at each bar of the run."""
    trade = {name: values[row] for name, values in outcome.ledger.trades.items()}
    market, first = outcome.market, outcome.market.first
    s, begin, end = int(trade["symbol"]), int(trade["entry_i"]), int(trade["exit_i"])
    added = np.zeros(outcome.ledger.time.size)
    added[end:] = trade["pnl"]
    if end > begin:
        span = slice(first + begin, first + end)
        # A trade's row is in the shares of its exit, earlier closes are brought there.
        later = market.split[s, first + begin + 1 : first + end + 1]
        shares = np.cumprod(later[::-1])[::-1]
        close = _known(market.close[s], span) / shares
        added[begin:end] = trade["side"] * trade["quantity"] * (close - trade["entry_price"])
    return added


def _known(close: FloatArray, span: slice) -> FloatArray:
    """Return closes of a span in which the first is known, gaps filled by the one before."""
    values = close[span]
    at = np.where(np.isnan(values), 0, np.arange(values.size))
    filled: FloatArray = values[np.maximum.accumulate(at)]
    return filled


def labels(name: str, count: int, n_closed: int) -> tuple[str, str]:
    """Return label and detail of an experiment."""
    label = "Best trade dropped" if count == 1 else f"Best {count} dropped"
    if name.endswith("pct"):
        share = name.removeprefix("trades_").removesuffix("pct")
        label = f"Best {share} % dropped"
    noun = "trade" if n_closed == 1 else "trades"
    detail = (
        f"{count} of {n_closed} closed {noun} taken out of the equity curve, from entry on; all "
        "others keep their size."
    )
    return label, detail
