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

Method = Literal["walk_forward", "kfold", "cpcv"]
"""How out-of-sample bars are chosen: the next ones, each part once, or every choice of parts."""

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
    """A sweep in some part of the past, its best combination traded in bars it has not seen.

    `walk_forward` sweeps each window of `in_sample` bars of the run and trades the best of it in
    the `out_of_sample` bars that follow; `anchored` starts every in-sample window at the first bar
    instead of moving it along. `kfold` and `cpcv` cut the run into `n_folds` parts: one, or every
    choice of `n_test_folds` of them, is traded with what was best in the others, of which `purge`
    bars beside a test part, and `embargo` more behind it, are left out.
    """

    method: Method = "walk_forward"
    in_sample: Annotated[int, Field(ge=2)] | None = None
    out_of_sample: Annotated[int, Field(ge=1)] | None = None
    anchored: bool = False
    n_folds: Annotated[int, Field(ge=2, le=100)] = 6
    n_test_folds: Annotated[int, Field(ge=1)] = 2
    purge: Annotated[int, Field(ge=0)] = 0
    embargo: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="before")
    @classmethod
    def _one_test_fold(cls, given: Any) -> Any:
        """Give k-fold its one test part, whether it was said or not."""
        if isinstance(given, dict) and given.get("method") == "kfold":
            return {"n_test_folds": 1, **given}
        return given

    @model_validator(mode="after")
    def _fits_its_method(self) -> Self:
        windows = ("in_sample", "out_of_sample")
        if self.method == "walk_forward":
            for name in windows:
                if getattr(self, name) is None:
                    raise ValueError(f"Expected `{name}`, the bars of such a window, was null.")
            return self
        for name in windows:
            if getattr(self, name) is not None:
                raise ValueError(
                    f"`{name}` belongs to walk_forward, {self.method} cuts the run into `n_folds`."
                )
        most = 1 if self.method == "kfold" else self.n_folds - 1
        if self.n_test_folds > most:
            raise ValueError(
                f"Expected n_test_folds ≤ {most} with {self.n_folds} folds and {self.method}, "
                f"was {self.n_test_folds}."
            )
        return self
