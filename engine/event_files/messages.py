"""What the compiler complains of, in plain words."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from typing import Any

from numba import types
from numba.core.errors import NumbaError

from engine.errors import InvalidStrategyError
from engine.event_files.reading import EventDefinition, located
from engine.event_files.rewriting import file_name

_TYPES = (
    (r"Literal\[int\]\(([^)]*)\)", r"the whole number \1"),
    (r"Literal\[str\]\(([^)]*)\)", r"the text '\1'"),
    (r"\bu?int(?:8|16|32|64)\b", "a whole number"),
    (r"\bfloat(?:32|64)\b", "a number"),
    (r"\bunicode_type\b", "a text"),
    (r"\bbool(?:ean)?\b", "a truth value"),
    (r"\bnone\b", "None"),
    (r"\bTuple\(", "a tuple ("),
    (r"\bNamed(?:Uni)?Tuple\(.*?\b(Bar|Position|Indicators|Params)\b\)?", r"`\1`"),
    (r"\b(Bar|Position|Indicators|Params)\([^)]*\)", r"`\1`"),
)


def explained(error: NumbaError, definition: EventDefinition) -> InvalidStrategyError:
    """Return a compiler's error as one sentence with the line of the file it means."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    line = _line(text, definition.name)
    message = _sentence(text)
    if line is None and (unknown := re.search(r"`(\w+)`", message)):
        line = _first_use(definition.code, unknown[1])
    if line is not None:
        message += f": `{definition.code.splitlines()[line - 1].strip()}`"
    return located(message, definition.name, line)


def _line(text: str, name: str) -> int | None:
    place = re.escape(file_name(name))
    found = re.findall(rf'File "[^"]*{place}", line (\d+)|{place} \((\d+)\)|{place}:(\d+)', text)
    numbers = [int(number) for match in found for number in match if number]
    return numbers[0] if numbers else None


def _first_use(code: str, name: str) -> int | None:
    uses = [n.lineno for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Name) and n.id == name]
    return min(uses, default=None)


def _sentence(text: str) -> str:
    patterns = (
        (r"NameError: (?:global )?name '(\w+)' is not defined", "`{}` is not defined"),
        (
            r"Untyped global name '(\w+)'",
            "`{}` cannot be used here: of the file's names, functions may use numbers, arrays and "
            "other functions",
        ),
        (
            r"Unknown attribute '(\w+)' of type (.*)",
            "there is no `{}` in {}",
        ),
        (r"got an unexpected keyword argument '(\w+)'", "there is no argument `{}` to give"),
        (r"missing a required argument: '(\w+)'", "the argument `{}` is missing"),
        (
            r"Cannot unify (.+) and (.+) for '(\w+?)(?:\.\d+)*'",
            "`{2}` is once {0} and once {1}: let it be of one kind everywhere (0.0 is a number, "
            "0 a whole number)",
        ),
        (
            r"Can't unify return type from the following types: (.+)",
            "the function returns values of different kinds: {}",
        ),
        (
            r"No implementation of function Function\(<(?:built-in )?function (\w+).*?>>> "
            r"\w+\((.*?)\)\n",
            "`{}` cannot be computed of {}",
        ),
        (r"Use of unsupported \w+ \((.*?)\)", "`{}` is not supported in compiled code"),
        (r"(?:UnsupportedError|UnsupportedBytecodeError|unsupported)[^\n]*?:? ?([^\n]+)", "{}"),
    )
    for pattern, words in patterns:
        match = re.search(pattern, text, re.DOTALL if "No implementation" in pattern else 0)
        if match:
            return words.format(*(_in_words(group) for group in match.groups()))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    chosen = [line for line in lines if not line.startswith("Failed in nopython mode")]
    return "this cannot be compiled: " + _in_words((chosen or lines)[0])


def _in_words(text: str) -> str:
    for pattern, words in _TYPES:
        text = re.sub(pattern, words, text)
    return text.strip()


def state_problem(returned: Any, state: Sequence[int | float]) -> str | None:
    """Return what is wrong with what `on_bar` returns, None when nothing is."""
    expected = f"a tuple of {len(state)} like STATE"
    if isinstance(returned, types.Optional) or returned == types.none:
        return f"on_bar must return the state on every path, {expected}"
    if not hasattr(returned, "types"):
        return f"expected on_bar to return {expected}, was {_in_words(str(returned))}"
    kinds: list[Any] = [*returned.types]
    if len(kinds) != len(state):
        return f"expected on_bar to return {expected}, was a tuple of {len(kinds)}"
    for k, (kind, value) in enumerate(zip(kinds, state, strict=True)):
        is_whole = isinstance(kind, types.Integer | types.Boolean)
        if isinstance(value, int) and not is_whole:
            return (
                f"item {k} of the state is a whole number in STATE ({value}), but on_bar returns "
                f"{_in_words(str(kind))}: write {value}.0 in STATE, or return int(…)"
            )
        if not is_whole and not isinstance(kind, types.Float):
            return f"item {k} of the state is no number but {_in_words(str(kind))}"
    return None
