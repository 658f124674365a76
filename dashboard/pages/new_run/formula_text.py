"""A formula strategy as the text of the editor, and back.

    fast = 10 [2..200]   slow = 30 [5..400]
    enter_long: cross_above(sma(close, fast), sma(close, slow))
    # a comment

A line is either parameters (`name = value`, with an optional range and step) or one field
(`field: expression`). Reading is total: what cannot be read is a problem with its line.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dashboard import formatting

Parameter = dict[str, Any]

FIELD = re.compile(r"([a-z][a-z0-9_]*)\s*:\s*(.*)")
PARAMETER = re.compile(
    r"([a-z][a-z0-9_]*)\s*=\s*(-?[0-9.]+(?:e-?\d+)?|[a-z_]+)"
    r"(?:\s*\[\s*(-?[0-9.]+)\s*\.\.\s*(-?[0-9.]+)\s*(?::\s*([0-9.]+)\s*)?\])?"
)
# A parameter without a range gets one that a slider can show.
WIDTH = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a text is not a formula: line and column count from 1."""

    line: int
    column: int
    message: str


@dataclass(slots=True)
class FormulaText:
    """What a text says; `places` gives line and column where each field's expression begins."""

    formula: dict[str, str] = field(default_factory=dict)
    params: dict[str, Parameter] = field(default_factory=dict)
    places: dict[str, tuple[int, int]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def read(text: str) -> FormulaText:
    """Return the fields, parameters and problems of `text`."""
    result = FormulaText()
    for number, line in enumerate(text.splitlines(), start=1):
        content = line.split("#", 1)[0].rstrip()
        if not content.strip():
            continue
        start = len(content) - len(content.lstrip())
        match = FIELD.fullmatch(content.strip())
        if match:
            _add_field(result, match, number, start)
        elif re.match(r"\s*[a-z][a-z0-9_]*\s*=(?!=)", content):
            _add_parameters(result, content, number)
        else:
            message = "Expected “field: expression” or “name = value”."
            result.problems.append(Problem(line=number, column=start + 1, message=message))
    if not result.formula and not result.problems:
        result.problems.append(
            Problem(line=1, column=1, message="Expected a field, for example “enter_long: …”.")
        )
    return result


def _add_field(result: FormulaText, match: re.Match[str], number: int, start: int) -> None:
    name, expression = match.groups()
    column = start + match.start(2) + 1
    if name in result.formula:
        first = result.places[name][0]
        message = f"Expected each field once, {name} is in line {first} already."
        result.problems.append(Problem(line=number, column=start + 1, message=message))
        return
    if not expression:
        message = f"Expected an expression after “{name}:”."
        result.problems.append(Problem(line=number, column=column, message=message))
        return
    result.formula[name] = expression
    result.places[name] = (number, column)


def _add_parameters(result: FormulaText, content: str, number: int) -> None:
    position = 0
    for match in PARAMETER.finditer(content):
        if content[position : match.start()].strip(" \t,"):
            break
        position = match.end()
        try:
            result.params[match[1]] = _parameter(match)
        except ValueError as error:
            problem = Problem(line=number, column=match.start() + 1, message=str(error))
            result.problems.append(problem)
    if content[position:].strip(" \t,"):
        message = "Expected “name = value” or “name = value [lowest..highest]”."
        result.problems.append(Problem(line=number, column=position + 1, message=message))


def _parameter(match: re.Match[str]) -> Parameter:
    name, value, low, high, step = match.groups()
    if re.fullmatch(r"[a-z_]+", value):
        choices = ["long_only", "short_only", "long_short"] if name == "direction" else [value]
        if value not in choices:
            raise ValueError(f"Expected {name} to be one of {', '.join(choices)}, was {value}.")
        return {"kind": "choice", "default": value, "choices": choices}
    default = _number(value)
    is_whole = all(isinstance(_number(text), int) for text in (value, low, high, step) if text)
    bounds = _bounds(default) if low is None else (_number(low), _number(high))
    if not bounds[0] <= default <= bounds[1]:
        raise ValueError(f"Expected {name} between {bounds[0]} and {bounds[1]}, was {value}.")
    parameter: Parameter = {
        "kind": "int" if is_whole else "float",
        "default": default,
        "min": bounds[0],
        "max": bounds[1],
    }
    if step:
        parameter["step"] = _number(step)
    return parameter


def _number(text: str) -> int | float:
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"Expected a finite number, was {text}.")
    return value


def _bounds(default: float) -> tuple[float, float]:
    if default == 0:
        return (-1, 1)
    low, high = sorted((default / WIDTH, default * WIDTH))
    if isinstance(default, int):
        return (math.ceil(low) if default > 0 else math.floor(low), round(high))
    return (float(f"{low:.3g}"), float(f"{high:.3g}"))


def write(formula: Mapping[str, Any], params: Mapping[str, Parameter]) -> str:
    """Return the text of a formula, so that `read` gives the same fields and parameters."""
    # Numbers first: a choice such as the direction is read last.
    ordered = sorted(params.items(), key=lambda item: isinstance(item[1]["default"], str))
    heads = [_write_parameter(name, parameter) for name, parameter in ordered]
    width = max((len(name) for name in formula), default=0) + 1
    fields = [f"{f'{name}:':<{width}} {expression}" for name, expression in formula.items()]
    return "\n".join(["   ".join(heads), *fields] if heads else fields)


def _write_parameter(name: str, parameter: Parameter) -> str:
    default = parameter["default"]
    if isinstance(default, str) or parameter.get("min") is None or parameter.get("max") is None:
        return f"{name} = {_plain(default)}"
    low, high, step = (parameter.get(key) for key in ("min", "max", "step"))
    if parameter.get("kind") == "int":
        low, high, step = (None if value is None else int(value) for value in (low, high, step))
    text = f"{name} = {_plain(default)} [{_plain(low)}..{_plain(high)}"
    return f"{text}]" if step in (None, 1) else f"{text}:{_plain(step)}]"


def _plain(value: Any) -> str:
    """Return a value as `read` takes it; a whole float keeps its point, so that it stays one."""
    if isinstance(value, float):
        return repr(value)
    return formatting.plain(value).replace(formatting.MINUS, "-")


def locate(problem: Mapping[str, Any], places: Mapping[str, tuple[int, int]]) -> Problem:
    """Return a problem of the API (field, position in its expression) as a place in the text."""
    line, column = places.get(str(problem.get("field")), (1, 1))
    message = str(problem["message"])
    suggestion = str(problem.get("suggestion") or "")
    if suggestion and not re.search(rf"\b{re.escape(suggestion)}\b", message):
        message = f"{message.rstrip('.')}; did you mean {suggestion}?"
    return Problem(line=line, column=column + int(problem.get("position") or 0), message=message)


def first(problems: Sequence[Problem]) -> Problem | None:
    """Return the topmost problem."""
    return min(problems, key=lambda problem: (problem.line, problem.column), default=None)
