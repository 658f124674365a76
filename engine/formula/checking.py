"""What an editor needs while a formula is being typed: every problem, and what each word is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

from engine.errors import EngineError
from engine.formula.builder import PERCENT, SIZES
from engine.formula.definition import formula_definition, resolve_params
from engine.formula.functions import FUNCTIONS
from engine.formula.nodes import COLUMNS, POSITION
from engine.formula.planning import Plan, plan_or_problems
from engine.formula.syntax import MAX_CHARACTERS, Token, scan

WordKind = Literal["name", "function", "parameter", "number", "text", "operator", "unknown"]


class Word(NamedTuple):
    """A piece of a formula's text, `text[start:end]`, and how it is coloured."""

    start: int
    end: int
    kind: WordKind


def check_formula(
    formula: Mapping[str, str | int | float], params: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Return every problem of a formula, for an editor; never raises on bad text.

    Parameters
    ----------
    formula : mapping of field to expression
    params : mapping of name to a default, or to a table as in a strategy file

    Returns
    -------
    list of dict
        field, position (column in the field's text, or None), message, suggestion (text to put
        there instead, or None). Empty when the formula is valid.
    """
    try:
        definition = formula_definition(formula, params)
        values = resolve_params(definition, {})
    except EngineError as error:
        return [{"field": "params", "position": None, "message": str(error), "suggestion": None}]
    planned = plan_or_problems(tuple(definition.formula.items()), tuple(values.items()))
    if isinstance(planned, Plan):
        return []
    return [
        {"field": p.field, "position": p.position, "message": str(p), "suggestion": p.suggestion}
        for p in planned
    ]


def formula_words(text: str, params: Iterable[str] = ()) -> list[Word]:
    """Return what each word of a field's text is; of any text, however wrong or unfinished.

    Parameters
    ----------
    text : str
        Read up to the length that a formula may have.
    params : iterable of str
        The names of the parameters.
    """
    names = frozenset(params)
    return [Word(t.start, t.end, _kind(t, names)) for t in scan(text[:MAX_CHARACTERS])]


def _kind(token: Token, params: frozenset[str]) -> WordKind:
    if token.kind != "name":
        return token.kind
    if token.text in params:
        return "parameter"
    if token.text in FUNCTIONS or token.text in (*SIZES, PERCENT):
        return "function"
    return "name" if token.text in (*COLUMNS, *POSITION) else "unknown"
