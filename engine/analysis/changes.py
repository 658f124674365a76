"""A configuration with some of its values changed, and what counts as its costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from config.run import RunConfig

COSTS = (
    "costs.rate_bps",
    "costs.maker_bps",
    "costs.taker_bps",
    "costs.per_unit",
    "costs.fixed",
    "costs.minimum",
    "costs.maximum_rate_bps",
    "execution.slippage_bps",
    "execution.spread_bps",
    "execution.slippage_ticks",
    "execution.volume_impact",
    "execution.impact",
)
"""What trading costs; interest and borrow fees are the price of holding, not of trading."""

NO_COSTS = {
    name: None
    if name in ("costs.maker_bps", "costs.taker_bps", "costs.maximum_rate_bps")
    or name.endswith("impact")
    else 0.0
    for name in COSTS
}


def changed(config: RunConfig, values: Mapping[str, Any]) -> RunConfig:
    """Return the configuration with values at dotted names replaced.

    Raises
    ------
    pydantic.ValidationError
        If a value is not allowed there.
    """
    document = config.model_dump()
    for name, value in values.items():
        *path, key = name.split(".")
        part = document
        for step in path:
            part = part[step]
        part[key] = value
    return RunConfig.model_validate(document)


def value_at(config: RunConfig, name: str) -> Any:
    """Return the value at a dotted name."""
    part: Any = config
    for step in name.split("."):
        part = getattr(part, step)
    return part


def with_costs(config: RunConfig, factor: float) -> RunConfig | None:
    """Return the configuration with all trading costs × `factor`, None beyond what is allowed."""
    given = {name: value_at(config, name) for name in COSTS}
    try:
        return changed(
            config, {name: value * factor for name, value in given.items() if value is not None}
        )
    except ValidationError:
        return None


def traded_at(config: RunConfig, bps: float) -> RunConfig:
    """Return the configuration with one cost only: `bps` of each fill's value."""
    return changed(config, {**NO_COSTS, "costs.rate_bps": bps})
