"""The RunConfig: everything a backtest is asked for, and the only place of its defaults.

Unknown keys are refused, so a mistyped option never runs silently with a default.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

Fill = Literal["next_open", "this_close", "next_close"]
Path = Literal["pessimistic", "optimistic", "ohlc"]
SizingKind = Literal["fraction", "units", "cash", "risk", "volatility", "kelly"]
Period = Literal["day", "week", "month", "quarter", "year"]
Parameter = bool | int | float | str | dict[str, float]
"""The last: weights by symbol."""

SYMBOL_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._\-^=]{0,31}$"
Symbol = Annotated[str, StringConstraints(pattern=SYMBOL_PATTERN)]
"""Letters, digits and `._-^=`, at most 32: safe in a path, in a URL and in SQL alike."""

Timeframe = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,3}(s|min|h|d|w|mo)$")]

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,47}$")]

NonNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
Money = Annotated[float, Field(ge=0.0, le=1e15)]
"""An amount; beyond 1e15 a float64 no longer tells cents apart."""

Rate = Annotated[float, Field(ge=0.0, le=100.0)]
"""A fraction a year, at most 10,000 %."""

Step = Annotated[float, Field(ge=1e-15, le=1e15)]
"""The smallest difference between two prices."""

Lot = Literal[0] | Step
"""The smallest quantity; 0 rounds nothing."""


class Part(BaseModel):
    """A frozen part of a configuration that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Strategy(Part):
    """A strategy by name, or a formula in place of a name, with its parameters."""

    name: Name | None = Field(None, description="A built-in or stored strategy.")
    formula: dict[Name, str | int | float] | None = Field(
        None, description="Field name to expression, for example enter_long."
    )
    params: dict[Name, Parameter] = Field(default_factory=dict)
    code: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = Field(
        None, description="The sha256 of a Python file's text; filled in when it is left out."
    )

    @model_validator(mode="after")
    def _has_name_or_formula(self) -> Self:
        if self.name is None and self.formula is None:
            raise ValueError("Expected a strategy `name` or a `formula`, neither was given.")
        return self


class Sizing(Part):
    """How large an entry is (F7); it wins over the formula's own `size`."""

    kind: SizingKind
    value: Positive


class Execution(Part):
    """How orders become fills (F1, F3, F4, F6, F7, F9, F15)."""

    fill: Fill = "next_open"
    path: Path = "pessimistic"
    slippage_bps: NonNegative = Field(5.0, lt=10_000.0)
    spread_bps: NonNegative = Field(0.0, lt=10_000.0)
    slippage_ticks: Annotated[int, Field(ge=0, le=1000)] = 0
    participation: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    impact: NonNegative | None = None
    volume_impact: NonNegative | None = None
    cash_policy: Literal["reduce", "reject"] = "reduce"
    limit_ticks_through: Annotated[int, Field(ge=0, le=1000)] = 0
    tick: Step | None = None
    clip: bool = False
    detail_timeframe: Timeframe | None = None
    time_in_force: Literal["gtc", "day", "ioc"] = "gtc"
    finalize: bool = False

    @model_validator(mode="after")
    def _sells_get_something(self) -> Self:
        cost_bps = self.slippage_bps + self.spread_bps / 2.0
        if cost_bps >= 10_000.0:
            raise ValueError(
                f"Expected slippage_bps + spread_bps / 2 < 10000 (a sell would get nothing), "
                f"was {cost_bps:g}."
            )
        return self

    @model_validator(mode="after")
    def _ticks_need_a_tick(self) -> Self:
        for name in ("limit_ticks_through", "slippage_ticks"):
            if getattr(self, name) and self.tick is None:
                raise ValueError(f"Expected `tick` with {name} = {getattr(self, name)}, was null.")
        return self


class Costs(Part):
    """Fees per fill in basis points (F8), carry as fractions a year (F10)."""

    rate_bps: NonNegative = Field(10.0, lt=10_000.0)
    maker_bps: NonNegative | None = Field(None, lt=10_000.0)
    taker_bps: NonNegative | None = Field(None, lt=10_000.0)
    per_unit: Money = 0.0
    fixed: Money = 0.0
    minimum: Money = 0.0
    maximum_rate_bps: NonNegative | None = Field(None, lt=10_000.0)
    borrow_rate: Rate = 0.0
    cash_rate: Annotated[float, Field(ge=-1.0, le=100.0)] = 0.0
    margin_rate: Rate = 0.0


class Margin(Part):
    """Share of an opening to be covered (F10), share of the gross to stay covered (F12)."""

    initial: Annotated[float, Field(ge=1e-4, le=10.0)] = 1.0
    maintenance: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.25


class Risk(Part):
    """Portfolio limits (F18); null switches a limit off."""

    max_gross: Positive | None = None
    max_weight: Positive | None = None
    max_drawdown_stop: Annotated[float, Field(gt=0.0, lt=1.0)] | None = None


class Flows(Part):
    """A regular contribution (positive) or withdrawal (negative)."""

    amount: Annotated[float, Field(ge=-1e15, le=1e15)]
    every: Period


class RunConfig(Part):
    """One backtest, complete: what, on which bars, under which rules.

    `start` and `end` are ISO 8601 dates or instants (UTC unless an offset is given); both ends
    belong to the run, and an `end` that is a date means that whole day.
    """

    symbols: Annotated[list[Symbol], Field(min_length=1, max_length=1000)]
    timeframe: Timeframe = "1d"
    start: str | None = None
    end: str | None = None
    strategy: Strategy
    cash: Annotated[float, Field(ge=0.01, le=1e15)] = 100_000.0
    sizing: Sizing | None = None
    lot: Lot | None = None
    execution: Execution = Execution()
    costs: Costs = Costs()
    margin: Margin = Margin()
    risk: Risk = Risk()
    flows: Flows | None = None
    benchmark: Symbol | Literal["buy_and_hold"] | None = "buy_and_hold"
    periods_per_year: Annotated[float, Field(gt=0.0, le=1e6)] | None = None
    risk_free_rate: Annotated[float, Field(gt=-1.0, lt=10.0)] = 0.0
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0

    @field_validator("symbols")
    @classmethod
    def _distinct_symbols(cls, symbols: list[str]) -> list[str]:
        if len(set(symbols)) != len(symbols):
            repeated = sorted({s for s in symbols if symbols.count(s) > 1})
            raise ValueError(f"Expected each symbol once, {', '.join(repeated)} is repeated.")
        return symbols

    @field_validator("start", "end")
    @classmethod
    def _iso_instant(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if not re.match(r"^\d{4}-\d{2}-\d{2}", value):
            raise ValueError(f"Expected a date such as 2005-03-01, was {value!r}.")
        try:
            datetime.fromisoformat(value)
        except ValueError as error:
            raise ValueError(f"Expected an ISO 8601 date, was {value!r} ({error}).") from None
        return value

    @model_validator(mode="after")
    def _start_before_end(self) -> Self:
        if self.start is not None and self.end is not None and self.start[:10] > self.end[:10]:
            raise ValueError(f"Expected start ≤ end, was {self.start} > {self.end}.")
        return self


def run_config_schema() -> dict[str, Any]:
    """Return the JSON schema of RunConfig, from which the run form is built."""
    return RunConfig.model_json_schema()
