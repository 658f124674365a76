"""Strategies, functions and formulas as the form and the editor need them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.formula import FIELDS, StrategyDefinition, check_formula, plan_strategy
from engine.formula.definition import formula_definition
from engine.indicators import FUNCTIONS
from engine.strategies import builtin, builtin_names

Document = dict[str, Any]


def strategies() -> list[Document]:
    """Return every built-in strategy with its parameters and formula."""
    return [strategy(name) for name in builtin_names()]


def strategy(name: str) -> Document:
    """Return one strategy.

    Raises
    ------
    UnknownStrategyError
        With the nearest name.
    """
    definition = builtin(name)
    return {
        "name": definition.name,
        "title": definition.title,
        "description": definition.description,
        "source": definition.source,
        "params": parameters(definition),
        "formula": dict(definition.formula),
        "lookback_default": plan_strategy(definition, {}).lookback,
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


def functions() -> Document:
    """Return what a formula may consist of: functions with their arguments, and fields."""
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
        "fields": list(FIELDS),
    }


def check(formula: Mapping[str, str | int | float], params: Mapping[str, Any]) -> Document:
    """Return whether a formula is valid, its problems, and its lookback when it is."""
    problems = check_formula(formula, params)
    lookback = None
    if not problems:
        lookback = plan_strategy(formula_definition(formula, params), {}).lookback
    return {"valid": not problems, "problems": problems, "lookback": lookback}
