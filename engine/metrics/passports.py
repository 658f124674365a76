"""Passports: where each number of a run comes from, and what other libraries print instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.clock import DAY_MS, DAYS_PER_YEAR
from engine.metrics.catalogue import CATALOGUE, Metric
from engine.metrics.inputs import Inputs, measure_inputs
from engine.metrics.libraries import Measured, others
from engine.metrics.record import Record
from engine.metrics.series import common_returns, return_series, unit_curve


def passports(record: Record, metrics: Mapping[str, float | int | None]) -> list[dict[str, Any]]:
    """Return the passport of every metric of a run, ready for JSON.

    Parameters
    ----------
    record : Record
        The whole run.
    metrics : mapping of str to float, int or None
        Its metrics as stored; one that an older run has not is left out.

    Returns
    -------
    list of dict
        name, title, rule, unit, formula, convention, undefined (when it is null), inputs (the
        quantities and metrics of the formula with their values), value, and others: library,
        value, why.
    """
    inputs = measure_inputs(record) | dict(metrics)
    measured = measured_of(record)
    return [_passport(metric, inputs, measured) for metric in CATALOGUE if metric.name in metrics]


def _passport(metric: Metric, inputs: Inputs, measured: Measured) -> dict[str, Any]:
    return {
        "name": metric.name,
        "title": metric.title,
        "rule": metric.rule,
        "unit": metric.unit,
        "formula": metric.formula,
        "convention": metric.convention,
        "undefined": metric.undefined,
        "inputs": {name: inputs.get(name) for name in metric.inputs},
        "value": inputs[metric.name],
        "others": others(metric.name, measured),
    }


def measured_of(record: Record) -> Measured:
    """Return what other libraries are given of a run."""
    time, rules, trades = record.equity["time"], record.rules, record.trades
    curve = unit_curve(record.equity["equity"], record.equity.get("flow"), record.base)
    both = common_returns(time, curve, record.benchmark, record.base, rules)
    own, benchmark = (np.zeros(0), np.zeros(0)) if both is None else both
    closed = np.flatnonzero(~trades["open"].astype(bool))
    closed = closed[np.argsort(trades["exit_time"][closed], kind="stable")]
    return Measured(
        returns=return_series(time, curve, record.base, rules),
        own=own,
        benchmark=benchmark,
        pnl=trades["pnl"][closed],
        trade_returns=trades["return"][closed],
        periods_per_year=rules.periods_per_year,
        risk_free_rate=rules.risk_free_rate,
        years=float(time[-1] - time[0]) / (DAYS_PER_YEAR * DAY_MS),
    )
