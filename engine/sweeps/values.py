"""The constants of a swept plan at every point, and which points share a row of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from typing import NamedTuple

import numpy as np

from engine.formula.functions import FUNCTIONS, MAX_WINDOW
from engine.formula.nodes import Node
from engine.formula.swept import Column, Swept, column
from engine.sweeps.conditions import Conditions
from engine.types import BoolArray, FloatArray, IntArray

Shape = tuple[object, ...]
"""What a row is apart from its constants: rows of one shape and equal constants are equal."""


DENSE = 4
"""Whole numbers within so many times their count are told apart by a table of them."""


class Distinct(NamedTuple):
    """The different combinations among n points: one point of each, and each point's number."""

    points: IntArray
    number: IntArray


class Values:
    """What the constants of a plan's nodes are at each of n points.

    Parameters
    ----------
    conditions : Conditions
    params : dict of name to ndarray of float64, shape (n,)
        The swept parameters.
    n : int
    """

    def __init__(self, conditions: Conditions, params: dict[str, FloatArray], n: int) -> None:
        self.nodes, self.n = conditions.plan.program.nodes, n
        self._conditions = conditions
        self._reaches = conditions.reaches
        self._params = params
        self._valid: dict[int, IntArray] = {}
        self._distinct: dict[tuple[float, ...], Distinct] = {}
        self._columns: dict[int, Column] = {}

    def of(self, which: IntArray) -> Values:
        """Return the values at some of the points."""
        params = {name: values[which] for name, values in self._params.items()}
        return Values(self._conditions, params, which.size)

    def column(self, number: float) -> Column:
        """Return a constant's values."""
        if not isinstance(number, Swept):
            return number
        # By identity: the plan holds its constants, and their texts take long to write.
        key = id(number)
        if key not in self._columns:
            self._columns[key] = column(number, self._params, self.n)
        return self._columns[key]

    def whole_column(self, number: float) -> FloatArray:
        """Return a constant's values, as many as there are points."""
        found = self.column(number)
        return found if isinstance(found, np.ndarray) else np.full(self.n, float(found))

    def distinct(self, numbers: Sequence[float]) -> Distinct:
        """Return the different combinations of these constants among the points."""
        key = tuple(id(x) if isinstance(x, Swept) else x for x in numbers)
        if key not in self._distinct:
            columns = [c for c in map(self.column, numbers) if isinstance(c, np.ndarray)]
            self._distinct[key] = distinct_of(columns, self.n)
        return self._distinct[key]

    def numbers_below(self, index: int) -> tuple[float, ...]:
        """Return the constants of a node and of those it reads, in a fixed order."""
        node = self.nodes[index]
        below = (self.numbers_below(i) for i in node.args)
        return (*node.numbers, *(number for numbers in below for number in numbers))

    def shape(self, index: int) -> Shape:
        """Return what a node is apart from its constants."""
        node = self.nodes[index]
        return (node.op, node.name, len(node.numbers), *(self.shape(i) for i in node.args))

    def at(self, index: int, point: int) -> Node:
        """Return a node with its constants at one point."""
        return replace(self.nodes[index], numbers=self.numbers_at(index, point))

    def numbers_at(self, index: int, point: int) -> tuple[float, ...]:
        """Return the constants of a node at one point."""
        return tuple(self._number(x, point) for x in self.nodes[index].numbers)

    def _number(self, number: float, point: int) -> float:
        values = self.column(number)
        return float(values[point]) if isinstance(values, np.ndarray) else float(values)

    def first_valid(self, index: int) -> IntArray:
        """Return from which bar on a node is valid at each point, shape (n,) or (1,): at all."""
        if index not in self._valid:
            node = self.nodes[index]
            below = [self.first_valid(i) for i in node.args]
            start = reduce(np.maximum, below) if below else np.zeros(1, np.int64)
            self._valid[index] = start + np.asarray(self.column(self._reaches[index]), np.int64)
        return self._valid[index]

    def is_planned(self) -> BoolArray:
        """Return at which points every constant is what a plan accepts in its place."""
        fine = np.ones(self.n, np.bool_)
        for node in self.nodes:
            columns = [self.column(number) for number in node.numbers]
            for values in columns:
                fine &= np.isfinite(values)
            if node.op == "offset":
                fine &= _is_whole(columns[0], 0, MAX_WINDOW)
            elif node.op == "function":
                arguments = [a for a in FUNCTIONS[node.name].arguments if a.kind != "series"]
                for argument, values in zip(arguments, columns, strict=True):
                    is_window = argument.kind == "window"
                    within = _is_whole if is_window else _is_within
                    fine &= within(values, argument.min, argument.max)
        return fine


def distinct_of(columns: Sequence[FloatArray], n: int) -> Distinct:
    """Return the different combinations in columns of n values; one when there is no column."""
    if not columns:
        return Distinct(np.zeros(1, np.int64), np.zeros(n, np.int64))
    found = _numbered(columns[0])
    for values in columns[1:]:
        own = _numbered(values)
        found = _numbered(found.number * own.points.size + own.number)
    return found


def _numbered(values: FloatArray | IntArray) -> Distinct:
    """Return the different values, in ascending order."""
    least = values.min()
    if values.max() - least <= DENSE * values.size:
        code = (values - least).astype(np.int64)
        if values.dtype.kind == "i" or (code == values - least).all():
            return _counted(code)
    _, points, number = np.unique(values, return_index=True, return_inverse=True)
    return Distinct(points, number)


def _counted(code: IntArray) -> Distinct:
    """Return the different ones of small whole numbers: a table takes a tenth of sorting them."""
    first = np.full(int(code.max()) + 1, -1)
    # Of several at one place the last is kept, so the first of them comes last.
    first[code[::-1]] = np.arange(code.size - 1, -1, -1)
    is_there = first >= 0
    return Distinct(first[is_there], (np.cumsum(is_there) - 1)[code])


def _is_within(values: Column, least: float, most: float) -> BoolArray:
    found: BoolArray = (np.asarray(values) >= least) & (np.asarray(values) <= most)
    return found


def _is_whole(values: Column, least: float, most: float) -> BoolArray:
    found: BoolArray = _is_within(values, least, most) & (np.floor(values) == values)
    return found
