"""One parameter of the form: fixed, or an axis by range, by ratio, or as a list; and its text."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

Kind = Literal["fixed", "range", "log", "list"]
KINDS: tuple[tuple[Kind, str], ...] = (
    ("fixed", "Fixed"),
    ("range", "Range"),
    ("log", "Log"),
    ("list", "List"),
)
MORE = 25
"""Values of a range that is suggested, at most."""

_NUMBER = r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*"
_RANGE = re.compile(rf"{_NUMBER}\.\.{_NUMBER}(?::\s*(log)?{_NUMBER})?")


class Axis(NamedTuple):
    """What the controls of one parameter show; a number that is left empty is "".

    `step` is the number of values when the kind is "log"; `items` is the list as typed.
    """

    kind: Kind
    low: float | str = ""
    high: float | str = ""
    step: float | str = ""
    items: str = ""


FIXED = Axis("fixed")


def read(text: str) -> Axis:
    """Return the controls that an axis' text fills; what is no range is a list."""
    match = _RANGE.fullmatch(text)
    if match is None:
        return Axis("list", items=text.strip()) if text.strip() else FIXED
    low, high, log, step = match.groups()
    kind: Kind = "log" if log else "range"
    return Axis(kind, float(low), float(high), float(step) if step else "")


def write(axis: Axis) -> str:
    """Return the text of an axis as the API reads it; "" for a fixed parameter.

    What is missing stays missing, so that the API says what it misses.
    """
    if axis.kind == "fixed":
        return ""
    if axis.kind == "list":
        return axis.items.strip()
    ends = f"{number(axis.low)}..{number(axis.high)}"
    step = number(axis.step)
    if axis.kind == "log":
        return f"{ends}:log{step or 20}"
    return f"{ends}:{step}" if step else ends


def number(value: float | str | None) -> str:
    """Return a number as one types it: 2.0 is "2"."""
    if value in ("", None) or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    return f"{float(value):.12g}"


def count(axis: Axis) -> int | None:
    """Return how many values an axis has, as far as the form can tell; None where it cannot."""
    if axis.kind == "fixed":
        return 1
    if axis.kind == "list":
        return len([part for part in axis.items.split(",") if part.strip()]) or None
    try:
        low, high = float(axis.low), float(axis.high)
        step = float(axis.step) if axis.step != "" else 20.0 if axis.kind == "log" else 1.0
    except (TypeError, ValueError):
        return None
    if axis.kind == "log":
        return int(step) if step >= 1 and high > low > 0 else None
    if step <= 0 or high < low:
        return None
    return math.floor((high - low) / step + 1e-9) + 1


def suggestion(spec: Mapping[str, Any], value: Any) -> Axis:
    """Return a range about a parameter's value: from under half of it to more than double.

    Parameters
    ----------
    spec : mapping
        `kind`, `min`, `max`, `step`, `choices`.
    value : Any
        The run's own.
    """
    if spec["kind"] not in ("int", "float"):
        choices = [str(choice) for choice in spec.get("choices") or [value]]
        return Axis("list", items=",".join(choices))
    own = float(value)
    low, high = sorted((own * 0.4, own * 2.5)) if own else (0.0, 1.0)
    if spec.get("min") is not None:
        low = max(low, float(spec["min"]))
    if spec.get("max") is not None:
        high = min(high, float(spec["max"]))
    if high <= low:
        low, high = min(low, own), max(high, own)
    least = 1.0 if spec["kind"] == "int" else float(spec.get("step") or 0.0)
    step = _round_step((high - low) / (MORE - 1), least)
    low = _snapped(low, step)
    if spec.get("min") is not None and low < float(spec["min"]):
        low += step
    n_steps = max(1, math.floor((high - low) / step + 1e-9))
    return Axis("range", _plain(low), _plain(low + n_steps * step), _plain(step))


def _round_step(raw: float, least: float) -> float:
    """Return the smallest of 1, 2, 5 times a power of ten that is at least `raw` and `least`."""
    wanted = max(raw, least, 1e-9)
    power = 10.0 ** math.floor(math.log10(wanted))
    step = next(m * power for m in (1.0, 2.0, 5.0, 10.0) if m * power >= wanted * (1 - 1e-9))
    return max(1.0, round(step)) if least >= 1.0 else step


def _snapped(value: float, step: float) -> float:
    return math.ceil(value / step - 1e-9) * step


def _plain(value: float) -> float:
    return float(f"{value:.10g}")


def equal_step(values: Sequence[Any]) -> float | None:
    """Return the step of an axis, None when its values are not equally far apart."""
    if len(values) < 2 or not all(is_number(value) for value in values):
        return None
    step = (values[-1] - values[0]) / (len(values) - 1)
    if step == 0 or any(
        abs(value - values[0] - i * step) > 1e-9 * max(abs(values[0]), abs(values[-1]), 1e-12)
        for i, value in enumerate(values)
    ):
        return None
    is_whole = all(isinstance(value, int) for value in values)
    return round(step) if is_whole else float(f"{step:.10g}")


def axis_text(values: Sequence[Any]) -> str:
    """Return an axis as one would type it: "2..60:1", "10..200:5", "10,20,50"."""
    step = equal_step(values)
    if step is None or len(values) < 3:
        return ",".join(_typed(value) for value in values)
    return range_text(values[0], values[-1], step)


def range_text(first: float, last: float, step: float) -> str:
    """Return a range as one would type it; without a step a parameter's own would be taken."""
    return f"{_typed(first)}..{_typed(last)}:{_typed(step)}"


def _typed(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def is_number(value: object) -> bool:
    """Return whether a parameter's value is a number; True and False are choices."""
    return isinstance(value, int | float) and not isinstance(value, bool)
