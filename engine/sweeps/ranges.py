"""One axis of a sweep: how many values it has, said before any is made, and the values.

As text an axis is `2..60`, `10..200:5`, `1..1000:log20` (so many values, evenly spaced in the
logarithm) or `10,20,50`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from config.sweep import MAX_POINTS, Axis, RangeAxis
from engine.errors import InvalidParameterError
from engine.formula.definition import ParameterSpec, checked_value
from engine.types import FloatArray

Values = npt.NDArray[Any]

_NUMBER = r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*"
_RANGE = re.compile(rf"{_NUMBER}\.\.{_NUMBER}(?::\s*(log)?{_NUMBER})?")
_EXAMPLE = "for example 2..60, 10..200:5, 1..1000:log20 or 10,20,50"
# A step that should end at the far end may miss it by rounding only.
_ROUNDING = 1e-9
_MAX_DECIMALS = 22
_DIGITS = 12


@dataclass(frozen=True, slots=True)
class PlannedAxis:
    """An axis that has been checked: `n_values` is at most what `values()` makes."""

    name: str
    n_values: int
    make: Callable[[], Values]
    spec: ParameterSpec
    note: str = ""

    def values(self) -> Values:
        """Return the distinct values in the parameter's kind: int64, float64 or text.

        Raises
        ------
        InvalidParameterError
            If a value is none that the parameter takes, or is repeated.
        """
        return _in_kind(self.name, self.spec, self.make())


def plan_axis(name: str, spec: ParameterSpec, axis: Axis) -> PlannedAxis:
    """Return an axis, its length known and its values not yet made.

    Parameters
    ----------
    name : str
        Of the parameter.
    spec : ParameterSpec
        What values the parameter takes.
    axis : str, list or RangeAxis

    Raises
    ------
    InvalidParameterError
        If the axis is empty, not of these forms, reversed, or its step never reaches its end.
    """
    if spec.kind == "weights":
        raise refused(name, "Weights cannot be an axis; name one number for each symbol instead.")
    if isinstance(axis, str):
        axis = _read(name, spec, axis)
    if isinstance(axis, RangeAxis):
        if spec.kind not in ("int", "float"):
            raise refused(name, f"A range needs numbers, `{name}` takes {_kind_text(spec)}.")
        return _range(name, spec, axis)
    return _list(name, spec, axis)


def refused(name: str, message: str) -> InvalidParameterError:
    """Return the error that refuses an axis."""
    return InvalidParameterError(message, field=f"axes.{name}")


def _read(name: str, spec: ParameterSpec, text: str) -> RangeAxis | list[int | float | str]:
    """Return what the text of an axis says."""
    if not text.strip():
        raise refused(name, f"The axis `{name}` is empty; give its values, {_EXAMPLE}.")
    if ".." in text:
        match = _RANGE.fullmatch(text)
        if match is None:
            raise refused(name, f"Expected the axis `{name}` as a range, {_EXAMPLE}; was {text!r}.")
        first, last, log, more = match.groups()
        return _read_range(name, float(first), float(last), log is not None, more)
    parts = [part.strip() for part in text.split(",")]
    if "" in parts:
        raise refused(name, f"The axis `{name}` has an empty value in {text!r}.")
    return [_number(name, part) if spec.kind in ("int", "float") else part for part in parts]


def _read_range(name: str, first: float, last: float, is_log: bool, more: str | None) -> RangeAxis:
    for end in (first, last, float(more or 0)):
        if not math.isfinite(end):
            raise refused(name, f"The axis `{name}` has a number beyond every float64.")
    if more is None:
        return RangeAxis.model_validate({"from": first, "to": last})
    if not is_log:
        return RangeAxis.model_validate({"from": first, "to": last, "step": float(more)})
    if not more.isdigit() or not 1 <= int(more) <= MAX_POINTS:
        raise refused(
            name, f"Expected log and a number of values in 1 … {MAX_POINTS:,}, was log{more}."
        )
    asked = {"from": first, "to": last, "count": int(more), "scale": "log"}
    return RangeAxis.model_validate(asked)


def _number(name: str, text: str) -> int | float:
    try:
        return int(text) if re.fullmatch(r"[+-]?\d+", text) else float(text)
    except ValueError:
        raise refused(
            name, f"Expected numbers on the axis `{name}`, {_EXAMPLE}; was {text!r}."
        ) from None


def _list(name: str, spec: ParameterSpec, values: Sequence[int | float | str]) -> PlannedAxis:
    if not values:
        raise refused(name, f"The axis `{name}` is empty; give its values, {_EXAMPLE}.")

    def make() -> Values:
        return np.array([_checked(name, spec, value) for value in values])

    return PlannedAxis(name, len(values), make, spec)


def _range(name: str, spec: ParameterSpec, axis: RangeAxis) -> PlannedAxis:
    first, last = axis.from_, axis.to
    if first > last:
        raise refused(
            name, f"The axis `{name}` is reversed: expected from ≤ to, was {first:g}..{last:g}."
        )
    # The ends are judged before the values between them are made.
    _checked(name, spec, first)
    _checked(name, spec, last)
    if axis.count is not None:
        return _counted(name, spec, axis, axis.count)
    default = spec.step if spec.kind == "float" and spec.step is not None else 1.0
    return _stepped(name, spec, first, last, default if axis.step is None else axis.step)


def _stepped(name: str, spec: ParameterSpec, first: float, last: float, step: float) -> PlannedAxis:
    if not step > 0.0:
        raise refused(
            name, f"A step of {step:g} on the axis `{name}` never reaches {last:g} from {first:g}."
        )
    if first == last:
        return PlannedAxis(name, 1, lambda: np.array([first]), spec)
    if step > (last - first) * (1.0 + _ROUNDING):
        raise refused(
            name,
            f"A step of {step:g} on the axis `{name}` never reaches {last:g} from {first:g}; "
            f"for one value write {first:g} alone.",
        )
    if first + step == first or last - step == last:
        raise refused(
            name,
            f"A step of {step:g} on the axis `{name}` is lost beside {max(abs(first), last):g}.",
        )
    n_steps = math.floor((last - first) / step + _ROUNDING)
    end = first + n_steps * step
    note = ""
    if abs(end - last) > _ROUNDING * step:
        note = f"The axis {name} ends at {end:g}: steps of {step:g} pass {last:g} by."
    return PlannedAxis(name, n_steps + 1, lambda: _steps(first, step, n_steps + 1), spec, note)


def _steps(first: float, step: float, n_values: int) -> FloatArray:
    """Return first, first + step, …, each the float64 that its decimal text would be read as.

    Sums of binary steps would give 1.2000000000000002 where a list says 1.2, and one combination
    would count as two.
    """
    exponents = [Decimal(repr(value)).normalize().as_tuple().exponent for value in (first, step)]
    decimals = max(0, *(-int(exponent) for exponent in exponents))
    if decimals <= _MAX_DECIMALS:
        power = 10**decimals
        low, width = int(Decimal(repr(first)) * power), int(Decimal(repr(step)) * power)
        if max(abs(low), abs(low + width * n_values), power) < 2**53:
            # Both are exact, so the division rounds once, as reading the decimal does.
            exact: FloatArray = (low + width * np.arange(n_values, dtype=np.int64)) / power
            return exact
    return first + step * np.arange(n_values, dtype=np.float64)


def _counted(name: str, spec: ParameterSpec, axis: RangeAxis, count: int) -> PlannedAxis:
    first, last = axis.from_, axis.to
    if count == 1 and first != last:
        raise refused(
            name, f"One value on the axis `{name}` never reaches {last:g} from {first:g}."
        )
    if axis.scale == "log" and not first > 0.0:
        raise refused(name, f"A log scale needs values above 0, the axis `{name}` has {first:g}.")
    space = np.geomspace if axis.scale == "log" else np.linspace

    def make() -> Values:
        values = np.asarray(space(first, last, count), dtype=np.float64)
        if spec.kind == "int":
            return np.unique(np.rint(values))
        # Twelve digits are tidy to read and to type again.
        tidy = np.array([float(f"{value:.{_DIGITS}g}") for value in values])
        tidy[0], tidy[-1] = first, last
        return np.unique(tidy)

    n_values = make().size
    note = ""
    if n_values < count:
        kind = "whole numbers" if spec.kind == "int" else "numbers"
        note = f"The axis {name} has {n_values} values: {count} were asked for, as distinct {kind}."
    return PlannedAxis(name, n_values, make, spec, note)


def _in_kind(name: str, spec: ParameterSpec, values: Values) -> Values:
    """Return values as the parameter's kind has them, each allowed and there once."""
    if spec.kind in ("int", "float"):
        judged = [values.min(), values.max()]
        if spec.kind == "int":
            judged += list(values[values != np.floor(values)][:1])
        for value in judged:
            _checked(name, spec, value.item())
        values = values.astype(np.int64 if spec.kind == "int" else np.float64)
        # −0 and 0 are one value.
        values = values + values.dtype.type(0)
    distinct, counts = np.unique(values, return_counts=True)
    if distinct.size < values.size:
        raise refused(name, f"The axis `{name}` has {distinct[counts > 1][0]} more than once.")
    return values


def _checked(name: str, spec: ParameterSpec, value: Any) -> Any:
    try:
        return checked_value(name, spec, value)
    except InvalidParameterError as error:
        raise refused(name, str(error)) from None


def _kind_text(spec: ParameterSpec) -> str:
    return f"one of {', '.join(spec.choices)}" if spec.choices else "a text"
