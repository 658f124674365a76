"""The formula language: strategies as expressions, checked, planned and evaluated on arrays."""

from engine.formula.definition import (
    DIRECTIONS,
    ParameterSpec,
    StrategyDefinition,
    formula_definition,
    parameter_spec,
    resolve_params,
)
from engine.formula.evaluation import evaluate, plan_rows
from engine.formula.planning import FIELDS, IndicatorRow, Plan, check_formula, plan_strategy

__all__ = [
    "DIRECTIONS",
    "FIELDS",
    "IndicatorRow",
    "ParameterSpec",
    "Plan",
    "StrategyDefinition",
    "check_formula",
    "evaluate",
    "formula_definition",
    "parameter_spec",
    "plan_rows",
    "plan_strategy",
    "resolve_params",
]
