"""The trial ledger put to use: how many trials a result is the best of, and what is left of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from dataapi.services.documents import Document, stored_conventions
from dataapi.store import LedgerEntry, Store, data_of, family_of
from engine.metrics.ratios import sharpe_per_period
from engine.metrics.series import return_series, unit_curve
from engine.significance import deflated_sharpe_ratio, expected_maximum_sharpe
from engine.types import Table


@dataclass(frozen=True, slots=True)
class Track:
    """A run's record as M11 judges it: a period, not a year; kurtosis is raw."""

    sharpe: float
    n_returns: int
    skew: float
    kurtosis: float


def ledger_of(store: Store, config: dict[str, Any]) -> LedgerEntry:
    """Return what the ledger says about a resolved RunConfig's family on its data."""
    return store.trials.get(family_of(config), data_of(config))


def judged(store: Store, document: Document, equity: Table) -> Document:
    """Return how many trials a run is one of, and its deflated Sharpe ratio at that count (M11).

    Returns
    -------
    dict
        `trials`; `trial_sharpe_std` a period; `expected_best_sharpe`, the annual Sharpe ratio
        that so many trials without skill would have shown at best; `dsr`, None where undefined.
    """
    entry = ledger_of(store, document["config"])
    n_trials = max(entry.n_trials, 1)
    expected = expected_maximum_sharpe(n_trials, entry.variance)
    periods = document["metrics"].get("periods_per_year")
    track = _track(document, equity)
    dsr = None
    if track is not None:
        dsr = deflated_sharpe_ratio(
            track.sharpe,
            track.n_returns,
            n_trials=n_trials,
            trial_variance=entry.variance,
            skew=track.skew,
            kurtosis=track.kurtosis,
        )
    return {
        "trials": n_trials,
        "trial_sharpe_std": math.sqrt(entry.variance),
        "expected_best_sharpe": expected * math.sqrt(periods) if periods else None,
        "dsr": dsr,
    }


def trials_page(store: Store) -> Document:
    """Return the whole ledger: data, strategy family, how many distinct trials, their spread."""
    items = [
        {
            "data": entry.data,
            "family": entry.family,
            "trials": entry.n_trials,
            "trial_sharpe_std": math.sqrt(entry.variance),
        }
        for entry in store.trials.list()
    ]
    return {"items": items}


def _track(document: Document, equity: Table) -> Track | None:
    """Return a run's record; None where it has no Sharpe ratio."""
    metrics = document["metrics"]
    if metrics.get("sharpe") is None or metrics.get("kurtosis") is None:
        return None
    base, rules = document["config"]["cash"], stored_conventions(document)
    curve = unit_curve(equity["equity"], equity.get("flow"), base)
    returns = return_series(equity["time"], curve, base, rules)
    sharpe = sharpe_per_period(returns, rules.risk_free_per_period)
    if sharpe is None:
        return None
    return Track(sharpe, returns.size, metrics["skew"], metrics["kurtosis"] + 3.0)
