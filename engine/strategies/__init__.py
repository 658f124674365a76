"""The built-in strategies, shipped as TOML files beside this module.

Most are formulas; those of the kind "target" are functions of `engine.targets.rules`.
"""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from functools import cache
from importlib import resources
from typing import Any

from engine.errors import InvalidFormulaError, UnknownStrategyError
from engine.formula.definition import (
    StrategyDefinition,
    formula_definition,
    parameter_spec,
)
from engine.targets.planned import RULES

_NAMES = (
    "buy_and_hold",
    "sma_cross",
    "ema_cross",
    "macd_cross",
    "rsi_reversion",
    "bollinger_reversion",
    "donchian_breakout",
    "keltner_breakout",
    "time_series_momentum",
    "momentum_rotation",
    "dual_momentum",
    "pairs",
    "volatility_target",
    "fixed_weights",
    "dollar_cost_average",
)
_KEYS = {"name", "title", "description", "source", "params", "formula"}


def builtin_names() -> tuple[str, ...]:
    """Return the names of the built-in strategies, simplest first."""
    return _NAMES


@cache
def builtin(name: str) -> StrategyDefinition:
    """Return a built-in strategy.

    Raises
    ------
    UnknownStrategyError
        If there is none of that name; the message has the nearest one and all of them.
    """
    if name not in _NAMES:
        close = get_close_matches(name, _NAMES, 1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise UnknownStrategyError(
            f"Unknown strategy {name!r}.{hint} The built-in ones are {', '.join(_NAMES)}."
        )
    text = resources.files(__name__).joinpath(f"{name}.toml").read_text("utf-8")
    if name in RULES:
        table = tomllib.loads(text)
        params = {key: parameter_spec(key, value) for key, value in table.pop("params").items()}
        return StrategyDefinition(**table, params=params)
    return read_strategy(text)


def read_strategy(text: str, *, name: str = "formula") -> StrategyDefinition:
    """Return the strategy of a TOML text: name, title, description, source, [params], [formula].

    Parameters
    ----------
    text : str
    name : str
        Taken when the text has none.

    Raises
    ------
    InvalidFormulaError
        If the text is not TOML, has unknown keys or no [formula].
    InvalidParameterError
        If the declaration of a parameter makes no sense.
    """
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidFormulaError(f"This is not a strategy file in TOML: {error}.") from None
    unknown = sorted(set(table) - _KEYS)
    if unknown:
        raise InvalidFormulaError(
            f"Unknown key {unknown[0]!r} in the strategy file; its keys are "
            f"{', '.join(sorted(_KEYS))}."
        )
    formula, params = _table(table, "formula"), _table(table, "params")
    if not formula:
        raise InvalidFormulaError("The strategy file has no [formula].")
    for field, expression in formula.items():
        if isinstance(expression, bool) or not isinstance(expression, str | int | float):
            raise InvalidFormulaError(
                f"Expected the formula of {field} as text, was {expression!r}.", field=field
            )
    name = str(table.get("name", name))
    return formula_definition(
        formula,
        params,
        name=name,
        title=str(table.get("title", name.replace("_", " ").capitalize())),
        description=str(table.get("description", "")),
        source=str(table.get("source", "")),
    )


def _table(table: dict[str, Any], key: str) -> dict[str, Any]:
    value = table.get(key, {})
    if not isinstance(value, dict):
        raise InvalidFormulaError(f"Expected [{key}] to be a table, was {value!r}.")
    return value
