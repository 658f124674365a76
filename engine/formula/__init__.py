"""The formula language: strategies as expressions, checked, planned and evaluated on arrays."""

from engine.formula.checking import Word, check_formula, formula_words
from engine.formula.definition import (
    DIRECTIONS,
    ParameterSpec,
    StrategyDefinition,
    formula_definition,
    parameter_spec,
    resolve_params,
)
from engine.formula.evaluation import evaluate, evaluate_with_rows, plan_rows
from engine.formula.planning import FIELDS, IndicatorRow, Place, Plan, plan_strategy

__all__ = [
    "DIRECTIONS",
    "FIELDS",
    "IndicatorRow",
    "ParameterSpec",
    "Place",
    "Plan",
    "StrategyDefinition",
    "Word",
    "check_formula",
    "evaluate",
    "evaluate_with_rows",
    "formula_definition",
    "formula_words",
    "parameter_spec",
    "plan_rows",
    "plan_strategy",
    "resolve_params",
]
