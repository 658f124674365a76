"""The value of every node of a program, and where a missing one was read."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from engine.formula import arithmetic
from engine.formula.functions import FUNCTIONS
from engine.formula.fusion import FUSED_FROM_BARS, fuse
from engine.formula.nodes import CROSSES, OWN, Context, Node
from engine.formula.program import Program, needed_nodes
from engine.formula.series import Sources, View
from engine.types import BoolArray, FloatArray, IntArray

Row = npt.NDArray[Any]
Value = Row | float


def first_valid(program: Program, sources: Sources) -> list[int]:
    """Return from which bar of its context on each node is valid."""
    valid: list[int] = []
    for node in program.nodes:
        if node.op == "join":
            (index,) = node.args
            inner = program.nodes[index].context
            valid.append(int(sources.places[inner].searchsorted(valid[index])))
        elif node.args:
            reach = node.lookback - max(program.nodes[i].lookback for i in node.args)
            valid.append(max(valid[i] for i in node.args) + reach)
        else:
            valid.append(0)
    return valid


class Computation:
    """One pass over a program on the bars of a view.

    Parameters
    ----------
    program : Program
    view : View
        The columns that it reads.
    valid : list of int
        What `first_valid` returned.
    kernel_rows : dict, optional
        Outputs of kernels by kernel, nodes and numbers, which computations of equal nodes share.
    """

    def __init__(
        self,
        program: Program,
        view: View,
        valid: list[int],
        kernel_rows: dict[tuple[object, ...], list[FloatArray]] | None = None,
    ) -> None:
        self._program = program
        self._nodes = program.nodes
        self._view = view
        self._valid = valid
        self._kernel_rows = {} if kernel_rows is None else kernel_rows
        self._values: list[Value] = [0.0] * len(program.nodes)

    def outputs(self) -> dict[str, Row]:
        """Evaluate every node once; apply the guards where their condition is true."""
        self._compute()
        rows: dict[str, Row] = {}
        for name, index in self._program.outputs.items():
            value = self._values[index]
            # A copy: the array may be a column, or another field's.
            rows[name] = np.full(self._view.n, value) if isinstance(value, float) else value.copy()
            if self._nodes[index].context != OWN:
                rows[name] = self._projected(rows[name], self._nodes[index].context)
        for name, guard in self._program.guards.items():
            where = np.flatnonzero(rows[name])
            rows[name][where[self._missing(guard, where)]] = False
        for name, nodes in self._program.known.items():
            rows[name] = ~self._missing(nodes, np.arange(self._view.n))
        return rows

    def _compute(self) -> None:
        """Compute the nodes that the outputs need; the others stay 0.0."""
        nodes, values = self._nodes, self._values
        wanted = frozenset(self._program.outputs.values())
        needed = needed_nodes(nodes, wanted)
        trees = fuse(nodes, needed, wanted) if self._view.n >= FUSED_FROM_BARS else {}
        for i in needed_nodes(nodes, wanted, trees) if trees else needed:
            values[i] = trees[i].compute(values) if i in trees else self._value(nodes[i])

    def _value(self, node: Node) -> Value:
        values = self._values
        if node.op == "constant":
            return node.constant
        if node.op == "column":
            return self._view.column(node.context, node.name)
        if node.op == "position":
            # These arrays are of a strategy without a position, which has none of these.
            return math.nan
        if node.op == "join":
            (index,) = node.args
            inner = self._nodes[index].context
            return _placed(values[index], self._view.places(inner))
        n = self._view.size(node.context)
        if node.op == "offset":
            return _shifted(_as_array(values[node.args[0]], n), int(node.numbers[0]))
        if node.op == "function":
            function = FUNCTIONS[node.name]
            key = (function.kernel, node.args, node.numbers, node.context)
            if key not in self._kernel_rows:
                self._kernel_rows[key] = self._run_kernel(node, n)
            return self._kernel_rows[key][function.output]
        return arithmetic.apply(node.op, [values[j] for j in node.args], n)

    def _projected(self, row: Row, context: Context) -> Row:
        """Return a row of another context at the own bars."""
        if context.timeframe:
            row = _placed(row, self._view.places(context))
        return _placed(row, self._view.places(Context(context.symbol))) if context.symbol else row

    def _run_kernel(self, node: Node, n: int) -> list[FloatArray]:
        """Return all outputs of an indicator's kernel.

        A NaN in an input makes the outputs NaN there, and the function starts anew after it.
        """
        function = FUNCTIONS[node.name]
        kernel = cast(Callable[..., None], function.kernel)  # the others are operations
        inputs = [_as_array(self._values[j], n) for j in node.args]
        constants = [
            int(number) if argument.kind == "window" else number
            for argument, number in zip(
                [a for a in function.arguments if a.kind != "series"], node.numbers, strict=True
            )
        ]
        first = max(self._valid[j] for j in node.args)
        computed = [
            x for x, j in zip(inputs, node.args, strict=True) if self._nodes[j].op != "column"
        ]
        stretches = list(_stretches(computed, first, n))
        whole = stretches == [(0, n)]
        rows = [np.empty(n) if whole else np.full(n, np.nan) for _ in range(function.outputs)]
        for start, stop in stretches:
            kernel(*(x[start:stop] for x in inputs), *constants, *(row[start:stop] for row in rows))
        return rows

    # Missing values

    def _missing(self, roots: tuple[int, ...], where: IntArray) -> BoolArray:
        """Return at which of the bars `where` one of these nodes reads a NaN."""
        missing = np.zeros(where.size, np.bool_)
        if where.size:
            for root in roots:
                missing |= self._reads_nan(root, where)
        return missing

    def _reads_nan(self, index: int, where: IntArray) -> BoolArray:
        """Return at which of the bars `where` (ascending) a node, or what it reads, is NaN.

        A NaN passes through arithmetic and functions and shows in the value; through a condition
        it does not, so there the operands are asked.
        """
        node, value = self._nodes[index], self._values[index]
        missing = np.zeros(where.size, np.bool_)
        if node.op in ("constant", "column"):
            return missing
        if node.op == "position":
            return ~missing
        if not node.is_condition and not isinstance(value, float):
            missing = np.isnan(value[where])
        if not node.reads_conditions:
            return missing
        if node.op == "function":
            return missing | self._window_reads_nan(index, where)
        if node.op == "join":
            return missing | self._joined_nan(node, where)
        steps = [int(node.numbers[0])] if node.op == "offset" else [0]
        for step in [0, 1] if node.op in CROSSES else steps:
            # Before bar 0 there is nothing to read: the lookback keeps orders away from there.
            earlier = np.maximum(where - step, 0)
            for argument in node.args:
                missing |= self._reads_nan(argument, earlier)
        return missing

    def _joined_nan(self, node: Node, where: IntArray) -> BoolArray:
        """Return where nothing of another context was complete, or what was reads a NaN."""
        (index,) = node.args
        places = self._view.places(self._nodes[index].context)[where]
        missing = places < 0
        missing[~missing] = self._reads_nan(index, places[~missing])
        return missing

    def _window_reads_nan(self, index: int, where: IntArray) -> BoolArray:
        """Return whether a function's arguments read a NaN in its window, up to each bar."""
        node = self._nodes[index]
        everywhere = np.arange(where[-1] + 1)
        window = node.lookback - max(self._nodes[j].lookback for j in node.args) + 1
        missing = np.zeros(everywhere.size, np.bool_)
        for argument in node.args:
            missing |= self._reads_nan(argument, everywhere)
        # Whole own history before the arguments' first valid index is not read.
        missing[: max(self._valid[j] for j in node.args)] = False
        count = np.concatenate(([0], np.cumsum(missing)))
        return count[where + 1] > count[np.maximum(where + 1 - window, 0)]


def _placed(value: Value, places: IntArray) -> Row:
    """Return the values at these places; NaN, or false, where there is none yet (−1)."""
    row = np.full(int(places.max(initial=-1)) + 1, value) if isinstance(value, float) else value
    out = np.empty(places.size, row.dtype)
    first = int(places.searchsorted(0))
    out[first:] = row[places[first:]]
    out[:first] = False if row.dtype == np.bool_ else np.nan
    return out


def _shifted(value: Row, k: int) -> Row:
    """Return the values k bars ago; NaN, or false, before there are any."""
    out = np.empty_like(value)
    out[k:] = value[: max(value.size - k, 0)]
    out[:k] = False if value.dtype == np.bool_ else np.nan
    return out


def _stretches(inputs: list[FloatArray], first: int, n: int) -> Iterator[tuple[int, int]]:
    """Yield the ranges from `first` on in which no input is NaN."""
    if first >= n:
        return
    known = np.ones(n - first, np.bool_)
    for x in inputs:
        known &= x[first:] == x[first:]
    if known.all():
        yield first, n
        return
    edges = np.flatnonzero(np.diff(np.concatenate(([False], known, [False])).astype(np.int8)))
    for start, stop in edges.reshape(-1, 2).tolist():
        yield first + start, first + stop


def _as_array(value: Value, n: int) -> FloatArray:
    return np.full(n, value) if isinstance(value, float) else value
