"""Conditions over parameters, such as `fast < slow` and `slow >= 2*fast`."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.errors import InvalidFormulaError, InvalidParameterError
from engine.formula.syntax import parse

_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: np.divide,
    ast.Mod: np.mod,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_CONDITIONS = (ast.Compare, ast.BoolOp)
_LARGEST = 1e300


@dataclass(frozen=True, slots=True)
class Constraint:
    """A condition that has been checked; `text` is the one way to write it."""

    tree: ast.expr
    text: str

    def holds(self, columns: Mapping[str, Any], n_rows: int) -> npt.NDArray[np.bool_]:
        """Return at which rows the condition is met; a comparison with a division by zero is not.

        Parameters
        ----------
        columns : mapping of name to an array (n_rows,) or to a number
        n_rows : int
        """
        with np.errstate(all="ignore"):
            value = _evaluate(self.tree, columns)
        return np.broadcast_to(np.asarray(value, dtype=np.bool_), (n_rows,))


def read_constraints(texts: Iterable[str], names: Sequence[str]) -> tuple[Constraint, ...]:
    """Return the constraints of a sweep.

    Parameters
    ----------
    texts : iterable of str
    names : sequence of str
        Of the parameters that are numbers.

    Raises
    ------
    InvalidParameterError
        If one is not a condition over these names and numbers; `field` says which.
    """
    constraints = []
    for position, text in enumerate(texts):
        try:
            tree = parse(text)
            _check(tree, names, is_condition=True)
        except InvalidFormulaError as error:
            message = f"The constraint {text!r} is refused at {error.position}: {error}"
            raise InvalidParameterError(message, field=f"constraints[{position}]") from None
        constraints.append(Constraint(tree, ast.unparse(tree)))
    return tuple(constraints)


def _check(node: ast.expr, names: Sequence[str], *, is_condition: bool) -> None:
    """Refuse whatever is not on the list, by its place."""
    if isinstance(node, ast.Compare):
        parts, part_is_condition = [node.left, *node.comparators], False
        is_known = all(type(op) in _COMPARISONS for op in node.ops)
    elif isinstance(node, ast.BoolOp):
        parts, part_is_condition, is_known = node.values, True, True
    elif isinstance(node, ast.UnaryOp):
        part_is_condition = isinstance(node.op, ast.Not)
        parts, is_known = [node.operand], isinstance(node.op, ast.Not | ast.USub)
    elif isinstance(node, ast.BinOp):
        parts, part_is_condition = [node.left, node.right], False
        is_known = type(node.op) in _ARITHMETIC
    else:
        parts, part_is_condition, is_known = [], False, _is_leaf(node, names)
    if not is_known:
        raise InvalidFormulaError(
            "a constraint compares parameters and numbers (+ − * / %, and, or, not).",
            position=node.col_offset,
        )
    if is_condition != _is_condition(node):
        expected = "a comparison, for example fast < slow" if is_condition else "a number"
        raise InvalidFormulaError(f"expected {expected}.", position=node.col_offset)
    for part in parts:
        _check(part, names, is_condition=part_is_condition)


def _is_condition(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.Not)
    return isinstance(node, _CONDITIONS)


def _is_leaf(node: ast.expr, names: Sequence[str]) -> bool:
    if isinstance(node, ast.Constant):
        return type(node.value) in (int, float) and abs(node.value) < _LARGEST  # type: ignore[arg-type]
    if not isinstance(node, ast.Name):
        return False
    if node.id not in names:
        close = get_close_matches(node.id, names, 1)
        hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(names) or 'none'}."
        raise InvalidFormulaError(
            f"there is no parameter `{node.id}` that is a number; {hint}", position=node.col_offset
        )
    return True


def _evaluate(node: ast.expr, columns: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant():
            return np.float64(float(node.value))  # type: ignore[arg-type]
        case ast.Name():
            return np.asarray(columns[node.id], dtype=np.float64)
        case ast.UnaryOp(op=ast.Not()):
            return ~np.asarray(_evaluate(node.operand, columns))
        case ast.UnaryOp():
            return -_evaluate(node.operand, columns)
        case ast.BinOp():
            left, right = _evaluate(node.left, columns), _evaluate(node.right, columns)
            return _ARITHMETIC[type(node.op)](left, right)
        case ast.BoolOp():
            join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
            return reduce(join, [_evaluate(part, columns) for part in node.values])
        case ast.Compare():
            return _compare(node, columns)
    raise AssertionError(f"{ast.dump(node)} was let through")


def _compare(node: ast.Compare, columns: Mapping[str, Any]) -> Any:
    values = [_evaluate(part, columns) for part in (node.left, *node.comparators)]
    met = np.True_
    for op, left, right in zip(node.ops, values, values[1:], strict=False):
        # As in formulas a division by zero is missing, and no comparison with it is met.
        is_number = np.isfinite(left) & np.isfinite(right)
        met = met & is_number & _COMPARISONS[type(op)](left, right)
    return met
