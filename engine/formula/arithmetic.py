"""Elementwise operations on whole arrays, by the rules of the formula language.

A comparison with NaN is false, `!=` included. A result that is not finite is NaN. Operands are
float64 arrays or plain numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.kernels import arithmetic as kernels
from engine.types import BoolArray, FloatArray

Operand = npt.NDArray[Any] | float

_UFUNCS: dict[str, Callable[..., Any]] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "negative": np.negative, "abs": np.absolute,
    "min": np.minimum, "max": np.maximum, "sqrt": np.sqrt, "sign": np.sign,
}  # fmt: skip
_KERNELS: dict[str, Callable[..., None]] = {
    "/": kernels.divide, "%": kernels.modulo, "**": kernels.power,
    "log": kernels.logarithm, "exp": kernels.exponential,
}  # fmt: skip
_COMPARISONS: dict[str, Callable[..., Any]] = {
    "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal, "==": np.equal,
}  # fmt: skip

NUMERIC = frozenset({*_UFUNCS, *_KERNELS})
"""Operations whose result is a number and whose operands are numbers."""


def apply(op: str, operands: list[Any], n: int) -> FloatArray | BoolArray:
    """Return the operation's value at n bars; an array of its own."""
    if op in _UFUNCS:
        out = np.empty(n)
        _UFUNCS[op](*operands, out=out)
        return _finite(out)
    if op in _KERNELS:
        out = np.empty(n)
        _KERNELS[op](*(_array(operand, n) for operand in operands), out)
        return out
    if op == "number":
        return np.asarray(operands[0], dtype=np.float64)
    return _condition(op, operands, n)


def fold(op: str, values: list[float]) -> float:
    """Return the operation's value on constants; NaN when it is not finite."""
    with np.errstate(all="ignore"):
        return float(apply(op, values, 1)[0])


def _condition(op: str, operands: list[Any], n: int) -> BoolArray:
    out = np.empty(n, np.bool_)
    if op in _COMPARISONS:
        _COMPARISONS[op](*operands, out=out)
    elif op == "!=":
        _COMPARISONS["<"](*operands, out=out)
        out |= _COMPARISONS[">"](*operands)
    elif op == "not":
        np.logical_not(operands[0], out=out)
    elif op in ("and", "or"):
        combine = np.logical_and if op == "and" else np.logical_or
        combine(operands[0], operands[1], out=out)
        for operand in operands[2:]:
            combine(out, operand, out=out)
    else:
        _cross(op, operands, out)
    return out


def _cross(op: str, operands: list[Any], out: BoolArray) -> None:
    """Write whether a has just passed b: on the other side (or level) one bar ago."""
    beyond, before = (">", "<=") if op == "cross_above" else ("<", ">=")
    _COMPARISONS[beyond](*operands, out=out)
    was_before = np.empty_like(out)
    _COMPARISONS[before](*operands, out=was_before)
    out[1:] &= was_before[:-1]
    out[:1] = False


def _finite(out: FloatArray) -> FloatArray:
    """Replace what is not finite by NaN, in place."""
    known = np.isfinite(out)
    if not known.all():
        out[~known] = np.nan
    return out


def _array(operand: Operand, n: int) -> FloatArray:
    return np.full(n, operand) if np.ndim(operand) == 0 else np.asarray(operand, np.float64)
