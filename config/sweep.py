"""SweepConfig and WalkForwardConfig: one run, and which of its parameters are to be varied how.

Unknown keys are refused as in `config.run`. What an axis may hold depends on the strategy, so its
values are judged by `engine.sweeps.axes`.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    field_validator,
    model_validator,
)

from config.run import Name, Part, RunConfig

Objective = Literal[
    "sharpe", "total_return", "final_equity", "max_drawdown", "cagr", "calmar", "volatility"
]
"""What the best combination has most of; of volatility it has least."""

SMALLER_IS_BETTER = frozenset({"volatility"})
"""A drawdown is negative, so the largest one is the best of those as well."""

MAX_POINTS = 1_000_000
"""Most combinations of one sweep."""

Finite = Annotated[float, Field(allow_inf_nan=False)]


class RangeAxis(Part):
    """Values from one end to the other, by a step or a number of them."""

    from_: Finite = Field(alias="from")
    to: Finite
    step: Finite | None = Field(None, description="Default: the parameter's own, else 1.")
    count: Annotated[int, Field(ge=1, le=MAX_POINTS)] | None = None
    scale: Literal["linear", "log"] = "linear"

    @model_validator(mode="after")
    def _step_or_count(self) -> Self:
        if self.step is not None and self.count is not None:
            raise ValueError("Expected `step` or `count`, both were given.")
        if self.scale == "log" and self.count is None:
            raise ValueError("Expected `count` with the scale log: how many values?")
        return self


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return "a text"
    return "a list" if isinstance(value, list | tuple) else "a range"


def _plain(value: Any) -> Any:
    if isinstance(value, str) or (type(value) in (int, float) and math.isfinite(value)):
        return value
    raise ValueError(f"Expected a finite number or a text, was {value!r}.")


AxisValue = Annotated[int | float | str, BeforeValidator(_plain)]

Axis = Annotated[
    Annotated[str, StringConstraints(max_length=10_000), Tag("a text")]
    | Annotated[list[AxisValue], Field(max_length=MAX_POINTS), Tag("a list")]
    | Annotated[RangeAxis, Tag("a range")],
    Discriminator(_kind),
]
"""`2..60`, `10..200:5`, `1..1000:log20` or `10,20,50` as text, a list of values, or a range."""


class SweepConfig(Part):
    """One run, the axes along which its strategy's parameters vary, and what makes one best.

    `constraints` are conditions over parameters, for example `fast < slow`; combinations that do
    not meet them are left out. `random` tries so many combinations, drawn with `seed`, in place
    of all.
    """

    run: RunConfig
    axes: Annotated[dict[Name, Axis], Field(max_length=20)]
    constraints: list[Annotated[str, StringConstraints(max_length=1000)]] = Field(
        default_factory=list, max_length=50
    )
    objective: Objective = "sharpe"
    random: Annotated[int, Field(ge=1, le=MAX_POINTS)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0

    @field_validator("axes")
    @classmethod
    def _some_axis(cls, axes: dict[str, Axis]) -> dict[str, Axis]:
        if not axes:
            raise ValueError('Expected at least one axis, for example "fast": "2..60".')
        return axes


class WalkForwardConfig(SweepConfig):
    """A sweep in each window of the past, its best combination traded in the bars that follow.

    `in_sample` and `out_of_sample` count bars of the run. `anchored` starts every in-sample
    window at the first bar instead of moving it along.
    """

    in_sample: Annotated[int, Field(ge=2)]
    out_of_sample: Annotated[int, Field(ge=1)]
    anchored: bool = False
