"""Seeded random target weights on the markets and configs of `random_markets`."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from config.run import RunConfig
from engine.types import Market, Targets
from tests.engine.comparison import first_difference
from tests.engine.random_markets import cut_market, random_config, random_market


@dataclass(frozen=True)
class TargetCase:
    """One random simulation of target weights; `seed` makes it again."""

    seed: int
    market: Market
    targets: Targets
    config: RunConfig


def random_target_case(seed: int) -> TargetCase:
    """Return the case of a seed: always the same."""
    rng = random.Random(f"targets {seed}")  # noqa: S311
    grid = rng.choice([1.0, 0.5, 0.25, 0.0625])
    market = random_market(rng, grid)
    config = random_config(rng, market, grid)
    # The volume cap and impact are refused with target weights.
    refused = {"participation": None, "impact": None, "volume_impact": None}
    execution = config.execution.model_copy(update=refused)
    config = config.model_copy(update={"execution": execution})
    return TargetCase(seed, market, random_targets(rng, market), config)


def random_targets(rng: random.Random, market: Market) -> Targets:
    """Weights long, short or both, at some bars or all, with a band now and then."""
    n_symbols, n_times = market.has_bar.shape
    density = rng.choice([0.05, 0.2, 0.5, 1.0])
    at = np.flatnonzero([rng.random() < density for _ in range(n_times)])
    long = [0.0, 0.2, 0.25, 0.5, 0.5, 0.9, 1.0, 1.5]
    choices = rng.choice([long, long, [0.0, -0.3, -0.5, -1.0], [*long, -0.3, -0.5, -1.0]])
    leave_alone = rng.choice([0.0, 0.0, 0.3])
    is_fixed = rng.random() < 0.3
    rows = np.full((at.size, n_symbols), np.nan)
    for k in range(at.size):
        for s in range(n_symbols):
            if rng.random() >= leave_alone:
                weight = rng.choice(choices)
                rows[k, s] = weight / n_symbols if rng.random() < 0.5 else weight
    if is_fixed and at.size:
        rows[:] = rows[0]
    if n_times > 60:
        rows *= 0.15  # all in for long, an account outgrows the reconciliation of F16
    band = rng.choice([0.0, 0.01, 0.05]) if rng.random() < 0.3 else None
    return Targets(at=at, rows=rows, n_times=n_times, band=band)


def cut(case: TargetCase, times: slice | None = None, rows: list[int] | None = None) -> TargetCase:
    """The case on some of its instants or symbols."""
    market = cut_market(case.market, times, rows)
    weights = case.targets.weights
    weights = weights if rows is None else weights[rows]
    weights = weights if times is None else weights[:, times]
    at = np.flatnonzero(~np.isnan(weights).all(axis=0))
    targets = Targets(
        at=at, rows=weights[:, at].T.copy(), n_times=market.time.size, band=case.targets.band
    )
    return replace(case, market=market, targets=targets)


def explain(case: TargetCase, simulate: Callable, twin: Callable) -> str | None:
    """Return the first difference on a case with a smaller one that differs too, or None."""

    def difference(one: TargetCase) -> str | None:
        expected = twin(one.market, one.targets, one.config)
        got = simulate(one.market, one.targets, one.config)
        return first_difference(got, expected, one.config.cash)

    found = difference(case)
    if found is None:
        return None
    small, is_smaller = case, True
    while is_smaller:
        is_smaller = False
        for other in _smaller(small):
            if difference(other) is not None:
                small, is_smaller = other, True
                break
    return f"seed {case.seed}: {found}\nsmallest case: {difference(small)}\n{describe(small)}"


def _smaller(case: TargetCase) -> Iterator[TargetCase]:
    n_symbols, n_times = case.market.has_bar.shape
    for end in sorted({n_times // 2, n_times - 1}):
        if end > case.market.first:
            yield cut(case, slice(0, end))
    for begin in sorted({n_times // 2, 1}, reverse=True):
        if case.market.first == 0 and begin < n_times:
            yield cut(case, slice(begin, n_times))
    for row in range(n_symbols):
        if n_symbols > 1:
            yield cut(case, rows=[other for other in range(n_symbols) if other != row])
    config = case.config
    for part in ("execution", "costs", "margin", "risk"):
        record = getattr(config, part)
        for name, field in type(record).model_fields.items():
            plain = {"slippage_bps": 0.0, "rate_bps": 0.0}.get(name, field.default)
            if getattr(record, name) != plain:
                changed = record.model_copy(update={name: plain})
                yield replace(case, config=config.model_copy(update={part: changed}))
    if config.flows is not None:
        yield replace(case, config=config.model_copy(update={"flows": None}))
    for k, s in zip(*np.nonzero(~np.isnan(case.targets.rows)), strict=True):
        rows = case.targets.rows.copy()
        rows[k, s] = np.nan
        yield replace(case, targets=replace(case.targets, rows=rows))


def describe(case: TargetCase) -> str:
    """A case as text: everything that is needed to follow it by hand."""
    market, config = case.market, case.config.model_dump()
    defaults = type(case.config)(symbols=["A"], strategy=case.config.strategy).model_dump()
    lines = [f"first {market.first}, band {case.targets.band}"]
    for part in ("execution", "costs", "margin", "risk"):
        changed = {k: v for k, v in config[part].items() if v != defaults[part][k]}
        lines.append(f"{part}: {changed}")
    lines.append(f"cash {config['cash']}, lot {config['lot']}, flows {config['flows']}")
    weights = case.targets.weights
    for s, symbol in enumerate(market.symbols):
        lines.append(f"{symbol}: lot {market.lot[s]}, delisted {market.delisted[s]}")
        for i in range(market.time.size):
            words = [f"  {i}:", "no bar"]
            if market.has_bar[s, i]:
                prices = (getattr(market, n)[s, i] for n in ("open", "high", "low", "close"))
                words = [f"  {i}:", *(f"{price:g}" for price in prices)]
                words += [f"split {market.split[s, i]:g}", f"dividend {market.dividend[s, i]:g}"]
            if not np.isnan(weights[s, i]):
                words.append(f"WEIGHT {weights[s, i]:g}")
            lines.append(" ".join(words))
    return "\n".join(lines)
