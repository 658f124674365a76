"""A strategy as data: its parameters and the formulas of its fields."""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any, Literal

from engine.errors import InvalidParameterError
from engine.formula.builder import NONE, PERCENT, SIZES
from engine.formula.functions import FUNCTIONS
from engine.formula.nodes import COLUMNS, POSITION

ParameterKind = Literal["int", "float", "choice", "text", "weights"]
ParameterValue = int | float | str | dict[str, float]
DIRECTIONS = ("long_only", "short_only", "long_short")

_KEYS = {"default", "min", "max", "step", "choices", "kind", "description"}
_RESERVED = frozenset({*COLUMNS, *POSITION, *FUNCTIONS, *SIZES, PERCENT, NONE, *keyword.kwlist})
_NAME = re.compile(r"[a-z][a-z0-9_]{0,47}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterSpec:
    """What values a parameter takes; `min` and `max` belong to the range."""

    kind: ParameterKind
    default: ParameterValue
    min: float | None = None
    max: float | None = None
    step: float | None = None
    choices: tuple[str, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyDefinition:
    """A strategy as it is stored: its parameters, and a formula's one expression per field.

    `kind` says what it is made of: "formula", "target" or "event". `summary` says in one sentence
    what a target strategy does, with its parameters in braces.
    """

    name: str
    title: str
    kind: str = "formula"
    description: str = ""
    source: str = ""
    summary: str = ""
    params: Mapping[str, ParameterSpec] = field(default_factory=dict)
    formula: Mapping[str, str] = field(default_factory=dict)


def formula_definition(
    formula: Mapping[str, str | int | float],
    params: Mapping[str, Any] | None = None,
    *,
    name: str = "formula",
    title: str = "Formula",
    description: str = "",
    source: str = "",
) -> StrategyDefinition:
    """Return the definition of a formula given in place of a strategy's name.

    Parameters
    ----------
    formula : mapping of field to expression
        Numbers are allowed in place of an expression.
    params : mapping of name to a number, to one of `DIRECTIONS`, or to a table
        A table has default, and optionally min, max, step, choices, kind and description.

    Raises
    ------
    InvalidParameterError
        If a parameter's declaration makes no sense.
    """
    specs = {key: parameter_spec(key, value) for key, value in (params or {}).items()}
    texts = {
        key: value if isinstance(value, str) else repr(value) for key, value in formula.items()
    }
    return StrategyDefinition(
        name=name, title=title, description=description, source=source, params=specs, formula=texts
    )


def parameter_spec(name: str, value: object) -> ParameterSpec:
    """Return the declaration of a parameter, given as a table or as its default alone.

    Raises
    ------
    InvalidParameterError
        If the default is missing, of no known kind or outside its own range, or a key is unknown.
    """
    table: dict[str, Any] = dict(value) if isinstance(value, Mapping) else {"default": value}
    unknown = sorted(set(table) - _KEYS)
    if unknown or "default" not in table:
        problem = f"has the unknown key {unknown[0]!r}" if unknown else "has no default"
        raise InvalidParameterError(f"The parameter {name} {problem}.", field=_dotted(name))
    if not _NAME.fullmatch(name):
        raise _refused(name, "named by a letter, then lower-case letters, digits and _", name)
    if name in _RESERVED:
        raise _refused(name, "a name that formulas do not have already", name)
    choices = table.get("choices", DIRECTIONS if name == "direction" else ())
    if not isinstance(choices, list | tuple) or not all(isinstance(c, str) for c in choices):
        raise _refused(name, "declared with choices that are texts", choices)
    default = table["default"]
    spec = ParameterSpec(
        kind=_kind(name, table.get("kind"), default, choices),
        default=default,
        min=_bound(name, table, "min"),
        max=_bound(name, table, "max"),
        step=_bound(name, table, "step"),
        choices=tuple(choices),
        description=str(table.get("description", "")),
    )
    return replace(spec, default=checked_value(name, spec, default))


def _kind(name: str, kind: object, default: object, choices: Sequence[str]) -> ParameterKind:
    """Return the declared kind, else that of the default; a text's choices are proposals."""
    if kind == "text":
        return "text"
    if kind == "weights":
        return "weights"
    if choices:
        return "choice"
    if kind == "float" or (kind is None and isinstance(default, float)):
        return "float"
    if kind in ("int", None):
        return "int"
    raise _refused(name, "of the kind int, float, text or weights, or to have choices", kind)


def _bound(name: str, table: Mapping[str, Any], key: str) -> float | None:
    value = table.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < math.inf:
        raise _refused(name, f"declared with a number as {key}", value)
    return float(value)


def resolve_params(
    definition: StrategyDefinition, params: Mapping[str, Any]
) -> dict[str, ParameterValue]:
    """Return every parameter of a strategy: the given values, else the defaults.

    Raises
    ------
    InvalidParameterError
        If a name is unknown, or a value is of the wrong kind or out of range; the message names
        the valid ones.
    """
    for name in params:
        if name not in definition.params:
            raise InvalidParameterError(_unknown(name, definition), field=_dotted(name))
    return {
        name: checked_value(name, spec, params.get(name, spec.default))
        for name, spec in definition.params.items()
    }


def _unknown(name: str, definition: StrategyDefinition) -> str:
    valid = ", ".join(definition.params) or "none"
    close = get_close_matches(name, definition.params, 1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    return f"{definition.title} has no parameter {name!r}{hint}; its parameters: {valid}."


def checked_value(name: str, spec: ParameterSpec, value: object) -> ParameterValue:
    """Return the value in its spec's kind; raise InvalidParameterError for any other."""
    if spec.kind == "choice":
        if value not in spec.choices:
            raise _refused(name, f"one of {', '.join(spec.choices)}", value)
        return str(value)
    if spec.kind == "text":
        if not isinstance(value, str):
            raise _refused(name, "a text", value)
        return value
    if spec.kind == "weights":
        return _weights(name, value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refused(name, "a number", value)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise _refused(name, "a finite number", value)
    if spec.kind == "int" and not number.is_integer():
        raise _refused(name, "a whole number", value)
    if (spec.min is not None and number < spec.min) or (spec.max is not None and number > spec.max):
        raise _refused(name, _range_text(spec), value)
    return int(number) if spec.kind == "int" else number


def _weights(name: str, value: object) -> dict[str, float]:
    """Return weights by symbol, given as a mapping or as a text such as AAPL:0.6,MSFT:0.4."""
    pairs: list[tuple[object, object]] = []
    if isinstance(value, Mapping):
        pairs = list(value.items())
    elif isinstance(value, str):
        parts = [part.rpartition(":") for part in value.split(",") if part.strip()]
        pairs = [(symbol.strip(), weight) for symbol, _, weight in parts]
    else:
        raise _refused(name, "weights such as AAPL:0.6,MSFT:0.4", value)
    weights = {}
    for symbol, weight in pairs:
        try:
            number = float(str(weight))
        except ValueError:
            number = math.nan
        if not symbol or not isinstance(symbol, str) or not abs(number) < math.inf:
            raise _refused(name, "weights such as AAPL:0.6,MSFT:0.4", value)
        if symbol in weights:
            raise _refused(name, f"one weight for each symbol, {symbol} once", value)
        weights[symbol] = number
    return dict(sorted(weights.items()))


def _range_text(spec: ParameterSpec) -> str:
    if spec.max is None:
        return f"at least {spec.min:g}"
    if spec.min is None:
        return f"at most {spec.max:g}"
    return f"a value from {spec.min:g} to {spec.max:g}"


def _refused(name: str, expected: str, value: object) -> InvalidParameterError:
    return InvalidParameterError(
        f"Expected `{name}` to be {expected}, was {value!r}.", field=_dotted(name)
    )


def _dotted(name: str) -> str:
    return f"strategy.params.{name}"
