"""Target strategies with their parameters' values, not yet bound to bars."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from config.run import RunConfig
from engine.errors import InvalidParameterError
from engine.formula import IndicatorRow, Place
from engine.formula.definition import ParameterValue
from engine.targets import rules
from engine.targets.rules import Params
from engine.types import FloatArray, Market, Targets

VOLUME_OPTIONS = ("participation", "impact", "volume_impact")


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetRule:
    """One built-in target strategy: its weights, what it needs, and what it cannot do."""

    decide: Callable[[Market, Params, RunConfig], Targets]
    lookback: Callable[[Params], int] = lambda params: 0
    check: Callable[[Sequence[str], Params], None] = lambda symbols, params: None
    has_memory: bool = False


@dataclass(frozen=True, slots=True)
class PlannedTargets:
    """A target strategy, ready to decide on any market."""

    rule: TargetRule
    params: Mapping[str, ParameterValue]

    @property
    def lookback(self) -> int:
        """Return from which of a symbol's own bars on it can have a weight."""
        return self.rule.lookback(self.params)

    @property
    def soonest(self) -> int:
        """Return before which of a symbol's own bars it cannot have a weight."""
        return self.lookback

    @property
    def symbols(self) -> Mapping[str, Place]:
        """Return the symbols that it reads besides the traded ones: none."""
        return {}

    @property
    def rows(self) -> Sequence[IndicatorRow]:
        """Return its indicators: none that a chart could show."""
        return ()

    @property
    def counts_bars(self) -> bool:
        """Return whether what it holds depends on what it held before."""
        return self.rule.has_memory

    def decide(self, market: Market, config: RunConfig) -> tuple[Targets, dict[str, FloatArray]]:
        """Return its weights, and no indicators."""
        return self.rule.decide(market, self.params, config), {}


def plan_targets(
    name: str, params: Mapping[str, ParameterValue], config: RunConfig
) -> PlannedTargets:
    """Return a built-in target strategy with its parameters.

    Raises
    ------
    InvalidParameterError
        If it cannot trade so many symbols, a parameter makes no sense for them, or the run is
        configured in a way that does not go with weights.
    """
    if config.sizing is not None:
        raise InvalidParameterError(
            f"{name} says itself how much of each symbol it holds: leave `sizing` out or set it "
            "to null.",
            field="sizing",
        )
    for option in VOLUME_OPTIONS:
        if getattr(config.execution, option) is not None:
            raise InvalidParameterError(
                f"`execution.{option}` is not available for strategies with target weights: leave "
                "it out or set it to null.",
                field=f"execution.{option}",
            )
    rule = RULES[name]
    rule.check(config.symbols, params)
    return PlannedTargets(rule, params)


def _needs_top(symbols: Sequence[str], params: Params) -> None:
    if len(symbols) < params["top"]:
        raise InvalidParameterError(
            f"momentum_rotation holds `top` = {params['top']} of several symbols, but there are "
            f"only {len(symbols)}: add symbols or hold fewer.",
            field="strategy.params.top",
        )


def _needs_two_or_more(symbols: Sequence[str], params: Params) -> None:
    if len(symbols) < 2:
        raise InvalidParameterError(
            "dual_momentum chooses among symbols: expected at least 2, was 1.", field="symbols"
        )


def _needs_a_pair(symbols: Sequence[str], params: Params) -> None:
    if len(symbols) != 2:
        raise InvalidParameterError(
            f"pairs trades exactly 2 symbols against each other, there are {len(symbols)}: "
            f"{', '.join(sorted(symbols))}.",
            field="symbols",
        )
    if not params["exit"] < params["entry"]:
        raise InvalidParameterError(
            f"Expected `exit` below `entry`, was {params['exit']:g} with {params['entry']:g}.",
            field="strategy.params.exit",
        )


def _needs_known_weights(symbols: Sequence[str], params: Params) -> None:
    weights = params["weights"]
    unknown, missing = sorted(set(weights) - set(symbols)), sorted(set(symbols) - set(weights))
    if unknown:
        raise InvalidParameterError(
            f"There is a weight for {', '.join(unknown)}, which the run does not trade.",
            field="strategy.params.weights",
        )
    if weights and missing:
        raise InvalidParameterError(
            f"There is no weight for {', '.join(missing)}: give one (0 for none), or leave the "
            "symbol out.",
            field="strategy.params.weights",
        )
    try:
        rules.rebalance_rule(str(params["rebalance"]))
    except ValueError:
        raise InvalidParameterError(
            "Expected `rebalance` to be month, quarter, year, or band:x with x between 0 and 1, "
            f"was {params['rebalance']!r}.",
            field="strategy.params.rebalance",
        ) from None


RULES = {
    "momentum_rotation": TargetRule(
        decide=rules.momentum_rotation,
        lookback=lambda params: int(params["lookback"]),
        check=_needs_top,
    ),
    "dual_momentum": TargetRule(
        decide=rules.dual_momentum,
        lookback=lambda params: int(params["lookback"]),
        check=_needs_two_or_more,
    ),
    "pairs": TargetRule(
        decide=rules.pairs,
        lookback=lambda params: int(params["lookback"]) - 1,
        check=_needs_a_pair,
        has_memory=True,
    ),
    "volatility_target": TargetRule(
        decide=rules.volatility_target, lookback=lambda params: int(params["lookback"])
    ),
    "fixed_weights": TargetRule(decide=rules.fixed_weights, check=_needs_known_weights),
}
