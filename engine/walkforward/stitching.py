"""All windows together: one account through the out-of-sample bars, or the paths of folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from engine.analysis.outcome import Outcome
from engine.backtesting import benchmark_values
from engine.metrics import Metrics, compute_metrics, curve_metrics
from engine.metrics.drawdowns import drawdown_series
from engine.metrics.ratios import growth_rate
from engine.resolve import plan_run
from engine.significance.monte_carlo import fan_places, quantiles
from engine.sweeps.axes import Points
from engine.types import FloatArray, IntArray, Table
from engine.walkforward.accounts import LEAST_CASH, Clock, Trader, over_span
from engine.walkforward.splits import Span, Split, paths

Document = dict[str, Any]

PATH_METRICS = ("sharpe", "total_return", "cagr", "volatility", "max_drawdown", "calmar")


def stitched_windows(
    trader: Trader, windows: Sequence[Split], documents: Sequence[Document], points: Points
) -> dict[str, Any]:
    """Return one account that trades every out-of-sample window with what was chosen for it.

    Parameters
    ----------
    trader : Trader
    windows, documents : sequences of equal length
        The documents of the windows' results.
    points : Points
        The axes that the parameters were chosen from.

    Returns
    -------
    dict
        stitched: metrics (M1-M11, of the whole account), status ("done" or "bankrupt"),
        closed_at_seams (positions closed because their window ended), fees_at_seams (money, their
        slippage is in their prices);
        efficiency and efficiency_detail, by `efficiency`; stability, by `stability`;
        equity: columns time, equity, drawdown, exposure, window, and benchmark if there is one;
        trades: the columns of a run's.

    Notes
    -----
    The account begins with the cash and every window with what the last one left, so lots and
    fixed fees are those of the account as it then was. At a window's last close its position is
    closed with slippage and fees, and the next window begins flat: its first order can be made at
    its first close. With nothing to choose by, and after ruin, it stays as it is.
    """
    clock = trader.clock
    cash, runs, parts = clock.cash, [], []
    for split, document in zip(windows, documents, strict=True):
        (span,) = split.test
        if document["params"] is None or cash < LEAST_CASH:
            parts.append(_resting(clock, span, cash, split.i))
            continue
        run = trader.trade(document["params"], span, cash)
        cash = float(run.ledger.equity[-1])
        runs.append(run)
        parts.append(_traded(run, split.i))
    equity = _joined(parts)
    equity["drawdown"] = drawdown_series(equity["equity"], clock.cash)
    whole = Span(windows[0].test[0].begin, windows[-1].test[0].end)
    benchmark = _benchmark(trader, whole)
    trades = _joined([run.trades for run in runs]) if runs else _no_rows(TRADE_COLUMNS)
    fills = _joined([run.fills for run in runs]) if runs else _no_rows(FILL_COLUMNS)
    metrics = compute_metrics(
        equity, trades, fills, base=clock.cash, rules=clock.rules, benchmark=benchmark
    )
    at_seam = fills["reason"] == "end"
    return {
        "stitched": {
            "metrics": metrics,
            "status": "done" if cash >= LEAST_CASH else "bankrupt",
            "closed_at_seams": int(np.count_nonzero(at_seam)),
            "fees_at_seams": float(fills["fee"][at_seam].sum()),
        },
        **efficiency(clock, windows, documents, metrics["cagr"]),
        "stability": stability(documents, points),
        "equity": equity if benchmark is None else equity | {"benchmark": benchmark},
        "trades": trades,
    }


TRADE_COLUMNS = ("pnl", "return", "bars", "mae", "mfe", "r_multiple", "entry_time", "exit_time")
FILL_COLUMNS = ("quantity", "price", "fee")


def _no_rows(numbers: Sequence[str]) -> Table:
    empty: Table = {name: np.zeros(0) for name in numbers}
    return empty | {"open": np.zeros(0, np.bool_), "reason": np.zeros(0, np.str_)}


def _joined(tables: Sequence[Table]) -> Table:
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}


def _traded(run: Outcome, window: int) -> Table:
    rows = {name: run.equity[name] for name in ("time", "equity", "exposure")}
    return rows | {"window": np.full(rows["time"].size, window, np.int64)}


def _resting(clock: Clock, span: Span, cash: float, window: int) -> Table:
    return {
        "time": clock.time[slice(*span)],
        "equity": np.full(span.n_bars, cash),
        "exposure": np.zeros(span.n_bars),
        "window": np.full(span.n_bars, window, np.int64),
    }


def _benchmark(trader: Trader, span: Span) -> FloatArray | None:
    """Return the benchmark's value over a span, begun with the cash."""
    plan = plan_run(over_span(trader.config, trader.clock, span))
    return benchmark_values(plan, plan.market(trader.bars), trader.bars)


def efficiency(
    clock: Clock,
    windows: Sequence[Split],
    documents: Sequence[Document],
    out_of_sample: float | int | None,
) -> dict[str, Any]:
    """Return how much of the in-sample growth is left out of sample, both a year.

    Parameters
    ----------
    clock : Clock
    windows, documents : sequences of equal length
    out_of_sample : float or None
        The cagr of the stitched account.

    Returns
    -------
    dict
        efficiency: out_of_sample / in_sample, None where the latter is not positive; and
        efficiency_detail: out_of_sample, in_sample (both a year, compounded), reason.

    Notes
    -----
    The in-sample growth is that of the chosen combinations, one window after the other:
    (Π (1 + total_return))^(1 / Σ years) − 1. Windows of any length weigh by their time, so a short
    last window with a wild annual rate does not count for much. A window without a choice stayed
    in cash.

    References
    ----------
    .. [1] Pardo (2008), The Evaluation and Optimization of Trading Strategies, 2nd ed., chapter
       11: walk-forward efficiency, the annualised profit after optimization over that of it.
    """
    growth, elapsed_ms = 1.0, 0
    for split, document in zip(windows, documents, strict=True):
        metrics = document["in_sample_metrics"]
        growth *= 1.0 + (metrics["total_return"] if metrics else 0.0)
        (span,) = split.train
        elapsed_ms += int(clock.time[span.end - 1] - clock.time[span.begin])
    in_sample = growth_rate(1.0, growth, elapsed_ms)
    reason, value = None, None
    if in_sample is None or out_of_sample is None:
        reason = "No time passed in the windows, or the account outgrew all numbers."
    elif in_sample <= 0.0:
        reason = "The best combinations did not even grow in sample: there is nothing to keep."
    else:
        value = out_of_sample / in_sample
    detail = {"out_of_sample": out_of_sample, "in_sample": in_sample, "reason": reason}
    return {"efficiency": value, "efficiency_detail": detail}


def stability(documents: Sequence[Document], points: Points) -> dict[str, Any]:
    """Return how steady the choice was, and how many windows made money.

    Returns
    -------
    dict
        profitable: share of the windows with a positive out-of-sample return; and params: by name
        values (of each window), distinct (how many different ones), changed (share of the steps
        from window to window with another value) and moved (mean distance of a step in places on
        the axis, over the length of the axis: 0 never moves, 1 jumps from end to end; None for
        texts). None where nothing can be said.
    """
    returns = [
        (document["out_of_sample_metrics"] or {"total_return": 0.0})["total_return"]
        for document in documents
    ]
    chosen = [document["params"] for document in documents if document["params"] is not None]
    return {
        "profitable": float(np.mean([value > 0.0 for value in returns])),
        "params": {
            name: _steadiness([one[name] for one in chosen], points.axes[name].tolist())
            for name in points.names
        },
    }


def _steadiness(values: list[Any], axis: list[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"values": values, "distinct": len(set(values))}
    steps = list(pairwise(values))
    changed = float(np.mean([a != b for a, b in steps])) if steps else None
    moved = None
    if steps and len(axis) > 1 and not isinstance(axis[0], str):
        place = {value: k for k, value in enumerate(sorted(axis))}
        moved = float(np.mean([abs(place[a] - place[b]) for a, b in steps])) / (len(axis) - 1)
    return found | {"changed": changed, "moved": moved}


def stitched_paths(
    clock: Clock,
    splits: Sequence[Split],
    documents: Sequence[Document],
    curves: Sequence[FloatArray],
) -> dict[str, Any]:
    """Return the paths that the tested folds can be put together to, and their spread.

    Parameters
    ----------
    clock : Clock
    splits, documents, curves : sequences of equal length
        The curves are equity at the test closes, each span begun with the cash.

    Returns
    -------
    dict
        paths: i, splits (of each fold the split that it is from) and metrics of each;
        distribution: by name of a metric p05, p25, p50, p75, p95, mean, and undefined (how many
        paths have no such number); probability_of_loss: share of the paths that lose;
        in_sample_sharpe and out_of_sample_sharpe: means over the splits;
        equity: time, the quantiles over the paths, and every path, at up to 120 places.

    Notes
    -----
    In a path every fold was traded once, with parameters chosen in other folds, and the growth of
    the folds is multiplied: every fold is an account of its own that begins and ends flat.
    """
    n_folds = 1 + max(fold for split in splits for fold in split.folds)
    wanted = paths(n_folds, len(splits[0].folds))
    pieces = _growth_of_folds(clock, splits, curves)
    grown = [_path(pieces, path) for path in wanted]
    metrics = [_path_metrics(clock, curve) for curve in grown]
    places = fan_places(clock.time.size)
    value = clock.cash * np.array(grown)[:, places]
    return {
        "paths": [
            {"i": i, "splits": path.tolist(), "metrics": one}
            for i, (path, one) in enumerate(zip(wanted, metrics, strict=True))
        ],
        "distribution": {name: _spread([one[name] for one in metrics]) for name in PATH_METRICS},
        "probability_of_loss": float(np.mean([curve[-1] < 1.0 for curve in grown])),
        "in_sample_sharpe": _mean_sharpe(documents, "in_sample_metrics"),
        "out_of_sample_sharpe": _mean_sharpe(documents, "out_of_sample_metrics"),
        "equity": {
            "time": clock.time[places],
            **quantiles(value),
            **{f"path_{i}": row for i, row in enumerate(value)},
        },
    }


def _growth_of_folds(
    clock: Clock, splits: Sequence[Split], curves: Sequence[FloatArray]
) -> Mapping[tuple[int, int], FloatArray]:
    """Return equity / cash of each (split, fold)."""
    found = {}
    for split, curve in zip(splits, curves, strict=True):
        ends = np.cumsum([span.n_bars for span in split.test])
        for fold, part in zip(split.folds, np.split(curve, ends[:-1]), strict=True):
            found[split.i, fold] = np.maximum(part, 0.0) / clock.cash
    return found


def _path(pieces: Mapping[tuple[int, int], FloatArray], path: IntArray) -> FloatArray:
    """Return the growth of one path at every bar of the run."""
    grown, parts = 1.0, []
    for fold, split in enumerate(path.tolist()):
        parts.append(grown * pieces[split, fold])
        grown = float(parts[-1][-1])
    return np.concatenate(parts)


def _path_metrics(clock: Clock, grown: FloatArray) -> Metrics:
    found = curve_metrics(clock.time, clock.cash * grown, base=clock.cash, rules=clock.rules)
    return {name: found[name] for name in PATH_METRICS}


def _spread(values: Sequence[float | int | None]) -> dict[str, float | int | None]:
    known = np.array([value for value in values if value is not None], dtype=np.float64)
    n_undefined = len(values) - known.size
    if known.size == 0:
        names = ("p05", "p25", "p50", "p75", "p95", "mean")
        return {**dict.fromkeys(names), "undefined": n_undefined}
    return {
        **{name: float(value) for name, value in quantiles(known).items()},
        "mean": float(known.mean()),
        "undefined": n_undefined,
    }


def _mean_sharpe(documents: Sequence[Document], which: str) -> float | None:
    found = [document[which]["sharpe"] for document in documents if document[which]]
    known = [value for value in found if value is not None]
    return float(np.mean(known)) if known else None
