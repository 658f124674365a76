"""A run's configuration, complete and checked: defaults filled in, what is not there refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from config.run import RunConfig, Sizing
from engine.clock import DAY_MS
from engine.errors import InvalidFormulaError, InvalidParameterError
from engine.event_files import EventDefinition, file_strategy, plan_events
from engine.formula import StrategyDefinition, plan_strategy
from engine.formula.definition import ParameterValue, formula_definition, resolve_params
from engine.formula.periods import most_bars
from engine.market import build_market
from engine.planned import PlannedFormula, PlannedStrategy
from engine.sizing import SIZE_KINDS, sizing_lookback
from engine.strategies import builtin
from engine.targets import plan_targets
from engine.types import Bars, Market

WARM_UP_FACTOR = 4
"""Bars before the start that feed indicators, in multiples of the longest lookback."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """Everything about a run that is known before its bars are.

    `start_ms` and `end_ms` are the first and last instant of the run (UTC ms, None: open), and
    `warm_up_bars` of each symbol's own bars before the start feed indicators.
    """

    config: RunConfig
    definition: StrategyDefinition
    strategy: PlannedStrategy
    start_ms: int | None
    end_ms: int | None
    warm_up_bars: int

    @property
    def traded(self) -> StrategyDefinition:
        """The definition without a size that the configured one replaces."""
        return without_size(self.definition, self.config)

    @property
    def read_symbols(self) -> tuple[str, ...]:
        """Return the symbols that the strategy reads and the run does not trade."""
        return tuple(sorted(set(self.strategy.symbols) - set(self.config.symbols)))

    def market(self, bars: Mapping[str, Bars], *, warm_up_bars: int | None = None) -> Market:
        """Return the traded symbols' bars on one clock, with those that are only read beside.

        `warm_up_bars` replaces the run's own number of bars before the start.

        Raises
        ------
        InvalidBarsError
            If bars cannot be traded on, or none lies between start and end.
        InvalidFormulaError
            If the strategy reads a symbol of which there are no bars.
        """
        self.refuse_unread(bars)

        def build(symbols: Iterable[str]) -> Market:
            return build_market(
                {symbol: bars[symbol] for symbol in symbols},
                start_ms=self.start_ms,
                end_ms=self.end_ms,
                warm_up_bars=self.warm_up_bars if warm_up_bars is None else warm_up_bars,
            )

        market = build(self.config.symbols)
        return replace(market, read=build(self.read_symbols)) if self.read_symbols else market

    def refuse_unread(self, known: Iterable[str]) -> None:
        """Raise InvalidFormulaError for the first symbol read that is not among the known ones."""
        names = sorted(known)
        for symbol in self.read_symbols:
            if symbol in names:
                continue
            field, position = self.strategy.symbols[symbol]
            close = get_close_matches(symbol, names, 1, 0.5)
            hint = f"; did you mean {close[0]}?" if close else "."
            raise InvalidFormulaError(
                f"{field}: There are no {self.config.timeframe} bars of {symbol}{hint}",
                field=field,
                position=position,
                suggestion=f'"{close[0]}"' if close else None,
            )


def plan_run(config: Mapping[str, Any] | RunConfig) -> RunPlan:
    """Return the resolved configuration of a run with its strategy, ready to be fed with bars.

    Raises
    ------
    InvalidParameterError, InvalidFormulaError, InvalidStrategyError, UnknownStrategyError
        With the dotted field of RunConfig that is to be mended.
    """
    resolved, definition, params = resolve(config)
    strategy = _planned(resolved, definition, params)
    return RunPlan(
        config=resolved,
        definition=definition,
        strategy=strategy,
        start_ms=start_ms(resolved.start),
        end_ms=end_ms(resolved.end),
        warm_up_bars=WARM_UP_FACTOR * max(strategy.lookback, sizing_lookback(resolved)),
    )


def _planned(
    config: RunConfig, definition: StrategyDefinition, params: Mapping[str, ParameterValue]
) -> PlannedStrategy:
    if isinstance(definition, EventDefinition):
        if config.sizing is not None and config.sizing.kind not in SIZE_KINDS:
            raise InvalidParameterError(
                f"Sizing by {config.sizing.kind} is for formulas; the orders of a Python file may "
                f"be sized by {', '.join(SIZE_KINDS)}.",
                field="sizing.kind",
            )
        return plan_events(definition, params, timeframe=config.timeframe)
    if definition.kind == "target":
        return plan_targets(definition.name, params, config)
    traded = without_size(definition, config)
    return PlannedFormula(plan_strategy(traded, params, timeframe=config.timeframe))


def without_size(definition: StrategyDefinition, config: RunConfig) -> StrategyDefinition:
    """Return a definition without the size that a configured one replaces.

    The configured size wins, so a formula's own neither delays nor blocks an entry.
    """
    if config.sizing is None or "size" not in definition.formula:
        return definition
    formula = {name: text for name, text in definition.formula.items() if name != "size"}
    return replace(definition, formula=formula)


def resolve(
    config: Mapping[str, Any] | RunConfig,
) -> tuple[RunConfig, StrategyDefinition, dict[str, ParameterValue]]:
    """Return the complete configuration, the strategy's definition and all its parameters.

    The parameters are filled from the strategy's defaults, and `sizing` becomes a fraction 1/n
    for n symbols when neither the configuration nor the formula gives a size (F7). The orders of
    a Python file name their sizes themselves.

    Raises
    ------
    InvalidParameterError
        If a key is unknown, a value out of range, or an option is not available; `field` is the
        dotted name of the first one.
    UnknownStrategyError
        If there is no built-in strategy of that name.
    """
    given = config if isinstance(config, RunConfig) else validated_run(config)
    refuse_coarse_detail(given)
    definition, params = _strategy(given)
    sizing = given.sizing
    if sizing is None and definition.kind == "formula" and "size" not in definition.formula:
        sizing = Sizing(kind="fraction", value=1.0 / len(given.symbols))
    code = definition.code_hash if isinstance(definition, EventDefinition) else None
    strategy = given.strategy.model_copy(update={"params": params, "code": code})
    resolved = given.model_copy(update={"strategy": strategy, "sizing": sizing})
    return resolved, definition, params


def _strategy(config: RunConfig) -> tuple[StrategyDefinition, dict[str, ParameterValue]]:
    wanted = config.strategy
    if wanted.formula is not None:
        definition = formula_definition(
            wanted.formula, wanted.params, name=wanted.name or "formula"
        )
    else:
        definition = file_strategy(str(wanted.name), wanted.code) or builtin(str(wanted.name))
    return definition, resolve_params(definition, wanted.params)


def refuse_coarse_detail(config: RunConfig) -> None:
    """Raise InvalidParameterError for finer bars that are not finer than the run's own (F4)."""
    detail = config.execution.detail_timeframe
    if detail is not None and not most_bars(config.timeframe, detail) > 1:
        raise InvalidParameterError(
            f"Expected a timeframe finer than the run's {config.timeframe}, was {detail}.",
            field="execution.detail_timeframe",
        )


def start_ms(text: str | None) -> int | None:
    """Return the first instant of a run that starts at an ISO date or instant, UTC ms."""
    return None if text is None else _instant_ms(text)


def end_ms(text: str | None) -> int | None:
    """Return the last instant of a run; a date alone means that whole day.

    Examples
    --------
    >>> end_ms("1970-01-01"), end_ms("1970-01-01T00:00:01+00:00")
    (86399999, 1000)
    """
    if text is None:
        return None
    is_date = len(text) == len("2005-03-01")
    return _instant_ms(text) + (DAY_MS - 1 if is_date else 0)


def _instant_ms(text: str) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def validated_run(config: Mapping[str, Any]) -> RunConfig:
    """Return a configuration given as a mapping.

    Raises
    ------
    InvalidParameterError
        With the dotted name of the first field at fault.
    """
    try:
        return RunConfig.model_validate(dict(config))
    except ValidationError as error:
        problems = error.errors(include_url=False)
        # Of a value that may be of several kinds, the kind that it fits best says what is wrong.
        field = _dotted(problems[0])
        same = [problem for problem in problems if _dotted(problem) == field]
        problem = max(same, key=lambda one: len(one["loc"]))
        raise InvalidParameterError(_sentence(problem), field=_dotted(problem)) from None


def _sentence(problem: ErrorDetails) -> str:
    """Return what pydantic found, as one sentence that names the field."""
    name = _dotted(problem)
    if problem["type"] == "extra_forbidden":
        *place, wrong = (str(part) for part in problem["loc"])
        known = list(_model_at(place).model_fields)
        close = get_close_matches(wrong, known, 1)
        hint = f"Did you mean `{close[0]}`?" if close else f"Known here: {', '.join(known)}."
        return f"Unknown option `{name}`. {hint}"
    if problem["type"] == "missing":
        return f"`{name}` is missing."
    if problem["type"] == "value_error":
        return problem["msg"].removeprefix("Value error, ")
    return f"`{name}`: {problem['msg']}, was {problem['input']!r}."


def _dotted(problem: ErrorDetails) -> str:
    """Return the name of the field at fault, without pydantic's marks of union members."""
    path = [str(part) for part in problem["loc"]]
    model: type[BaseModel] | None = RunConfig
    for depth, part in enumerate(path):
        if model is None:
            # Inside a plain value: only a mapping's keys are names that a user gave.
            n_named = depth + 1 if path[depth - 1] in {"params", "formula"} else depth
            return ".".join(path[:n_named])
        field = model.model_fields.get(part)
        model = None if field is None else _submodel(field.annotation)
    return ".".join(path) or "config"


def _model_at(path: Sequence[str]) -> type[BaseModel]:
    model: type[BaseModel] = RunConfig
    for part in path:
        model = _submodel(model.model_fields[part].annotation) or model
    return model


def _submodel(annotation: Any) -> type[BaseModel] | None:
    """Return the model that a field holds, also where it may be None instead."""
    for option in (annotation, *get_args(annotation)):
        if isinstance(option, type) and issubclass(option, BaseModel):
            return option
    return None
