"""Strategies, functions and formulas as the form and the editor need them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataapi.services.strategy_files import StrategyFiles
from engine.errors import InvalidFormulaError, InvalidStrategyError
from engine.event_files import EventDefinition, problem_of
from engine.formula import FIELDS, StrategyDefinition, check_formula, plan_strategy
from engine.formula.definition import formula_definition, resolve_params
from engine.formula.nodes import COLUMNS, POSITION
from engine.formula.planning import plan_expressions
from engine.indicators import FUNCTIONS
from engine.strategies import builtin, builtin_names
from engine.targets import RULES

Document = dict[str, Any]


def strategies(files: StrategyFiles) -> Document:
    """Return every strategy, built-in or in a file: `items`; and what is wrong with `problems`."""
    items = [strategy(name, files) for name in builtin_names()]
    problems = []
    for file in files.all():
        problem = file.problem or (file.definition and problem_of(file.definition))
        if problem or file.definition is None:
            problems.append({"file": f"{file.name}.py", "message": problem})
        else:
            items.append(_event_strategy(file.definition))
    return {"items": items, "problems": problems}


def strategy(name: str, files: StrategyFiles) -> Document:
    """Return one strategy.

    Raises
    ------
    UnknownStrategyError
        With the nearest name.
    """
    file = None if name in builtin_names() else files.get(name)
    if file is not None:
        if file.definition is None:
            raise InvalidStrategyError(str(file.problem))
        return {**_event_strategy(file.definition), "code": file.definition.code}
    definition = builtin(name)
    return {
        **_described(definition),
        "formula": dict(definition.formula),
        "lookback_default": default_lookback(definition),
    }


def _described(definition: StrategyDefinition) -> Document:
    return {
        "name": definition.name,
        "kind": definition.kind,
        "title": definition.title,
        "description": definition.description,
        "source": definition.source,
        "params": parameters(definition),
    }


def _event_strategy(definition: EventDefinition) -> Document:
    values = resolve_params(definition, {})
    try:
        lookback = plan_expressions(definition.indicators, values).lookback
    except InvalidFormulaError:
        lookback = 0  # said when it is compiled
    return {
        **_described(definition),
        "formula": {},
        "lookback_default": lookback,
        "file": f"{definition.name}.py",
        "indicators": dict(definition.indicators),
    }


def parameters(definition: StrategyDefinition) -> Document:
    """Return the parameters of a strategy by name: kind, default, range, step, choices."""
    return {
        name: {
            "kind": spec.kind,
            "default": spec.default,
            "min": spec.min,
            "max": spec.max,
            "step": spec.step,
            "choices": list(spec.choices),
            "description": spec.description,
        }
        for name, spec in definition.params.items()
    }


def default_lookback(definition: StrategyDefinition) -> int:
    """Return how many earlier bars a strategy reads with its default parameters."""
    if definition.kind == "target":
        return RULES[definition.name].lookback(resolve_params(definition, {}))
    return plan_strategy(definition, {}).lookback


def functions() -> Document:
    """Return what a formula may consist of: functions with their arguments, names, and fields."""
    return {
        "items": [
            {
                "name": function.name,
                "signature": function.signature,
                "arguments": [
                    {"name": argument.name, "kind": argument.kind}
                    for argument in function.arguments
                ],
                "description": function.description,
                "source": function.source,
                "lookback": function.lookback,
            }
            for function in FUNCTIONS.values()
        ],
        "names": [*COLUMNS, *POSITION],
        "fields": list(FIELDS),
    }


def check(formula: Mapping[str, str | int | float], params: Mapping[str, Any]) -> Document:
    """Return whether a formula is valid, its problems, and its lookback when it is."""
    problems = check_formula(formula, params)
    lookback = None
    if not problems:
        lookback = plan_strategy(formula_definition(formula, params), {}).lookback
    return {"valid": not problems, "problems": problems, "lookback": lookback}
