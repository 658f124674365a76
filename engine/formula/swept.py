"""Numbers that vary over a sweep, which remember what they are made of while a formula is planned.

A plan is made once for all points of a sweep: with one point's values, each a `Swept`. What is
computed of them stays one, so the plan's nodes say how their constants follow from the parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from engine.formula import arithmetic
from engine.types import FloatArray

Column = FloatArray | float
"""A number for each point, or one for all."""


class Swept(float):
    """A number that varies: a parameter, or an operation on numbers of which one does.

    Two are equal parts of a formula when they are written alike, whatever their values.
    """

    op: str
    operands: tuple[float, ...]

    def __new__(cls, value: float, op: str, operands: Sequence[float] = ()) -> Swept:
        """Return the number of one point, made by an operation or of a parameter (`op`) itself."""
        number = super().__new__(cls, value)
        number.op, number.operands = op, tuple(operands)
        return number

    def __repr__(self) -> str:
        return f"{self.op}({', '.join(map(repr, self.operands))})"


def folded(op: str, values: list[float]) -> float:
    """Return an operation's value on constants, one that varies when an operand does."""
    value = arithmetic.fold(op, values)
    if any(isinstance(operand, Swept) for operand in values):
        return Swept(value, op, values)
    return value


def column(number: float, params: Mapping[str, FloatArray], n: int) -> Column:
    """Return a constant's value at each of n points, computed as a single plan would."""
    if not isinstance(number, Swept):
        return number
    if not number.operands:
        return params[number.op]
    operands = [column(operand, params, n) for operand in number.operands]
    with np.errstate(all="ignore"):
        found: FloatArray = arithmetic.apply(number.op, operands, n).astype(np.float64, copy=False)
    return found
