"""Robustness: the same run with one thing changed at a time.

A result that is real survives dearer trading, a bar of delay, another start, parameters one step
away and the loss of its best trades. Every variant is a run of its own, made by the same code as
the run itself; only "without the best trades" is arithmetic on the equity curve.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from config.run import RunConfig
from engine.analysis.break_even import break_even
from engine.analysis.changes import changed, traded_at, with_costs
from engine.analysis.delay import can_delay, delayed
from engine.analysis.outcome import Outcome, outcome_of
from engine.analysis.without_trades import (
    best_trades,
    headline_without,
    labels,
    numbers_left_out,
)
from engine.errors import InvalidFormulaError, InvalidParameterError
from engine.formula.definition import ParameterSpec
from engine.metrics import Metrics
from engine.types import Bars

COST_FACTORS = (0.0, 1.0, 2.0, 4.0)
LATER_STARTS = (1, 5, 21, 63, 252)
MAX_SHARE_CUT = 0.25
"""Of the run's bars that a later start may take away: else it is another run."""

UNDECLARED_STEP = 0.1
"""Of a parameter's value where its declaration names no step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """The run with one thing changed."""

    id: str
    group: str
    label: str
    detail: str
    metrics: Metrics


def robustness(base: Outcome, bars: Mapping[str, Bars]) -> dict[str, Any]:
    """Return the run's headline numbers under every variant, and its break-even cost.

    Parameters
    ----------
    base : Outcome
        The run as it is.
    bars : mapping of symbol to Bars
        What it was made from.

    Returns
    -------
    dict
        base, variants (id, group, label, detail, metrics), break_even_bps, break_even_detail,
        paid_bps (what the run itself paid a side).
    """
    config = base.plan.config
    variants = [
        *_costs(base, bars),
        *_delay(base, bars),
        *_starts(base, bars),
        *_parameters(base, bars),
        *_without_trades(base),
    ]
    found = break_even(
        lambda bps: _total_return(outcome_of(bars, traded_at(config, bps))),
        paid_bps(base),
        base.fills["fee"].size,
    )
    return {
        "base": base.headline,
        "variants": [
            {
                "id": variant.id,
                "group": variant.group,
                "label": variant.label,
                "detail": variant.detail,
                "metrics": variant.metrics,
            }
            for variant in variants
        ],
        "break_even_bps": found.bps,
        "break_even_detail": found.detail,
        "paid_bps": paid_bps(base),
    }


def paid_bps(outcome: Outcome) -> float:
    """Return commission and slippage of a run in basis points of the value traded."""
    fills = outcome.ledger.fills
    value = float(fills["quantity"] @ fills["price"])
    slippage = float(fills["quantity"] @ (fills["side"] * (fills["price"] - fills["raw"])))
    return 1e4 * (float(fills["fee"].sum()) + slippage) / value if value > 0.0 else 0.0


def _total_return(outcome: Outcome) -> float:
    return float(outcome.metrics["total_return"] or 0.0)


def _costs(base: Outcome, bars: Mapping[str, Bars]) -> Iterator[Variant]:
    for factor in COST_FACTORS:
        config = with_costs(base.plan.config, factor)
        if config is None:
            continue
        outcome = base if factor == 1.0 else outcome_of(bars, config)
        yield Variant(
            id=f"costs_{factor:g}",
            group="costs",
            label="No costs" if factor == 0.0 else f"Costs × {factor:g}",
            detail=f"Commission, slippage and spread × {factor:g}: {paid_bps(outcome):.1f} bps of "
            "the value traded.",
            metrics=outcome.headline,
        )


def _delay(base: Outcome, bars: Mapping[str, Bars]) -> Iterator[Variant]:
    if can_delay(base.decisions):
        yield Variant(
            id="delay_1",
            group="delay",
            label="One bar late",
            detail="Every signal acts one bar of its symbol later than it came.",
            metrics=outcome_of(bars, base.plan.config, change=delayed).headline,
        )


def _starts(base: Outcome, bars: Mapping[str, Bars]) -> Iterator[Variant]:
    market = base.market
    n_bars = base.ledger.time.size
    for n_later in LATER_STARTS:
        i_start = market.first + n_later
        if n_later > MAX_SHARE_CUT * n_bars or not market.has_bar[:, i_start:].any(axis=1).all():
            continue
        start = datetime.fromtimestamp(int(market.time[i_start]) / 1e3, UTC).isoformat()
        noun = "bar" if n_later == 1 else "bars"
        yield Variant(
            id=f"start_{n_later}",
            group="start",
            label=f"Start {n_later} {noun} later",
            detail=f"The run begins on {start[:10]}; earlier bars only feed indicators.",
            metrics=outcome_of(bars, changed(base.plan.config, {"start": start})).headline,
        )


def _parameters(base: Outcome, bars: Mapping[str, Bars]) -> Iterator[Variant]:
    config = base.plan.config
    for name, spec in base.plan.definition.params.items():
        value = base.plan.strategy.params[name]
        if not isinstance(value, int | float):
            continue
        for sign, word in ((-1, "down"), (1, "up")):
            other = neighbour(spec, float(value), sign)
            outcome = None if other is None else _tried(bars, config, name, other)
            if other is None or outcome is None:
                continue
            yield Variant(
                id=f"parameters_{name}_{word}",
                group="parameters",
                label=f"{name} {other:g}",
                detail=f"{name} {other:g} in place of {value:g}, one step {word}.",
                metrics=outcome.headline,
            )


def neighbour(spec: ParameterSpec, value: float, sign: int) -> float | int | None:
    """Return the value one step away, None where the declaration does not allow it.

    A declaration without a step makes it a tenth of the value, of whole numbers one at least.
    """
    step = spec.step
    if step is None:
        step = UNDECLARED_STEP * abs(value) or UNDECLARED_STEP
        if spec.kind == "int":
            step = max(1.0, float(np.round(step)))
    # Twelve digits: 2.0 + 0.1 shall read 2.1.
    other = float(f"{value + sign * step:.12g}")
    if spec.min is not None and other < spec.min:
        return None
    if spec.max is not None and other > spec.max:
        return None
    return int(other) if spec.kind == "int" else other


def _tried(
    bars: Mapping[str, Bars], config: RunConfig, name: str, value: float | int
) -> Outcome | None:
    """Return the run with another parameter, None when the strategy refuses the value."""
    try:
        return outcome_of(bars, changed(config, {f"strategy.params.{name}": value}))
    except (InvalidParameterError, InvalidFormulaError):
        return None


def _without_trades(base: Outcome) -> Iterator[Variant]:
    n_closed = int(base.metrics["trades"] or 0)
    for name, count in numbers_left_out(n_closed):
        label, detail = labels(name, count, n_closed)
        metrics = headline_without(base, best_trades(base, count))
        yield Variant(id=name, group="trades", label=label, detail=detail, metrics=metrics)
