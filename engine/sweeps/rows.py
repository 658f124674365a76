"""The rows of numbers that the points of a sweep compare: one for each distinct indicator.

Rows are computed whole, by the very kernels and operations of a single run, so that a signal is
the same to the last bit. Only as many as fit the room exist at once: points that share rows are
measured together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import cast

import numpy as np

from engine.formula.computing import Computation
from engine.formula.functions import FUNCTIONS
from engine.formula.nodes import Node
from engine.formula.program import Program, needed_nodes
from engine.formula.series import View
from engine.kernels.indicators import sma
from engine.kernels.sweep_rows import Averages, has_nan
from engine.kernels.sweep_words import ALONE
from engine.sweeps.conditions import Operand
from engine.sweeps.values import Shape, Values, distinct_of
from engine.types import BoolArray, FloatArray, IntArray

ROOM_A_BAR = 128
ROOM = 32 << 20
"""Bytes for rows: so many a bar, and these besides. Twenty rows of a million bars."""

SHARED_BELOW_BARS = 65_536
"""Up to here what composed rows have in common is kept; beyond, the room would not hold it."""


class Rows:
    """Which rows the points of a sweep read.

    Rows have numbers, averages first: those that only conditions read are computed by the walk
    itself, tile by tile, and need no room.

    Attributes
    ----------
    slots : ndarray of int64, shape (n_points, n_operands)
        The row of each operand, -1 for one that is a number.
    shifts : ndarray of int64, shape (n_points, n_operands)
        How many bars ago each is read.
    moves : ndarray of int64, shape (n_operands,)
        1 for whole rows, 0 for averages that stand in the room tile by tile.
    windows : ndarray of int64, shape (n_averages,)
    series : tuple of str
        The columns that are averaged, and for each average which one in `i_series`.
    """

    def __init__(
        self, operands: Sequence[Operand], compared: int, values: Values, view: View
    ) -> None:
        self._values, self._view = values, view
        n = values.n
        self.slots = np.full((n, len(operands)), -1, np.int64)
        self.shifts = np.zeros((n, len(operands)), np.int64)
        self.moves = np.ones(len(operands), np.int64)
        alike: dict[Shape, list[int]] = {}
        for k, operand in enumerate(operands):
            if operand.number is None:
                shape = values.shape(operand.node)
                is_tiled = k < compared and not operand.shifts and self._is_average(operand.node)
                self.moves[k] = not is_tiled
                alike.setdefault((not is_tiled, *shape), []).append(k)
                for shift in operand.shifts:
                    self.shifts[:, k] += np.asarray(values.column(shift), np.int64)
        # Of each distinct row its node in the plan, and a point whose constants it has.
        self._rows: list[tuple[int, int]] = []
        windows, series = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        names: list[str] = []
        for shape in sorted(alike, key=lambda one: bool(one[0])):
            nodes = [operands[k].node for k in alike[shape]]
            points = self._number(alike[shape], nodes)
            if not shape[0]:
                column = np.concatenate(
                    [values.whole_column(values.nodes[node].numbers[0]) for node in nodes]
                )
                windows.append(column[points].astype(np.int64))
                series.append(np.full(points.size, len(names)))
                names.append(values.nodes[values.nodes[nodes[0]].args[0]].name)
        self.windows, self.i_series = np.concatenate(windows), np.concatenate(series)
        self.series = tuple(names)
        # A cross reads one bar more.
        self.lead = int(self.shifts.max(initial=0)) + 1
        self._columns: dict[str, FloatArray] = {}

    def _is_average(self, index: int) -> bool:
        """Return whether a node is a moving average of a column."""
        node, nodes = self._values.nodes[index], self._values.nodes
        return (
            node.op == "function"
            and FUNCTIONS[node.name].kernel is sma
            and nodes[node.args[0]].op == "column"
        )

    def _number(self, places: list[int], indices: list[int]) -> IntArray:
        """Give each distinct row of operands of one shape its number; return their points.

        A point beyond n is that of the next of the nodes.
        """
        values, n = self._values, self._values.n
        numbers = [values.numbers_below(index) for index in indices]
        if len(indices) == 1:
            points, number = values.distinct(numbers[0])
        else:
            columns = [
                np.concatenate([values.whole_column(number) for number in same])
                for same in zip(*numbers, strict=True)
            ]
            points, number = distinct_of(columns, n * len(indices))
        for which, k in enumerate(places):
            self.slots[:, k] = len(self._rows) + number[which * n : (which + 1) * n]
        nodes = np.array(indices)[points // n]
        self._rows += zip(nodes.tolist(), (points % n).tolist(), strict=True)
        return points

    def groups(self, which: IntArray, n_rows: int, n_points: int) -> Iterator[IntArray]:
        """Yield places in `which` of at most so many points that read at most so many whole rows.

        More than one group are squares of their rows: sixty-four points read eight fast and eight
        slow averages, where in their own order they might read sixty-five.
        """
        is_fitting = len(self._rows) - self.windows.size < n_rows
        if which.size <= n_points and is_fitting:
            yield np.arange(which.size)
            return
        used = self.slots[which][:, self.slots[0] >= 0]
        whole = np.where(used < self.windows.size, -1, used)
        if which.size <= n_points and np.unique(whole).size <= n_rows:
            yield np.arange(which.size)
            return
        side = max(min(n_rows // max(used.shape[1], 1), int(np.sqrt(n_points))), 1)
        order = np.lexsort((*used.T[::-1], *(used // side).T[::-1]))
        seen: set[int] = set()
        begin = 0
        for at, row in enumerate(whole[order].tolist()):
            is_full = at - begin == n_points or len(seen.union(row)) > n_rows
            if is_full and at > begin:
                yield order[begin:at]
                begin, seen = at, set()
            seen.update(row)
        yield order[begin:]

    def chosen(self, slots: IntArray) -> IntArray:
        """Return the numbers of the rows that points read, ascending."""
        is_read = np.zeros(len(self._rows) + 1, np.bool_)
        # A number that is no row has the last place.
        is_read[slots] = True
        return np.flatnonzero(is_read[:-1])

    def places(self, members: IntArray | slice, chosen: IntArray, stands: IntArray) -> IntArray:
        """Return where each operand's bar 0 of the run stands in the room, `ALONE` for a number.

        `chosen` are the numbers of rows in the room, `stands` where the bar 0 of each is.
        """
        standing = np.full(len(self._rows) + 1, ALONE)
        standing[chosen] = stands
        return standing[self.slots[members]] - self.shifts[members]

    def averages(self, slots: IntArray, places: IntArray, tile: int, first: int) -> Averages:
        """Return what the walk is told of averages; `slots` are numbers of rows."""
        columns = [self._column(name) for name in self.series]
        # One series, as nearly always, need not be copied.
        x = columns[0] if len(columns) == 1 else np.array(columns)
        x = x.reshape(-1, self._view.n)
        return Averages(x, first, tile, self.i_series[slots], self.windows[slots], places)

    def fill(self, slots: IntArray, places: IntArray, room: FloatArray) -> BoolArray:
        """Write whole rows at their places of the room; return which are free of NaN once valid."""
        n = self._view.n
        known = np.ones(slots.size, np.bool_)
        shared: dict[int, dict[tuple[object, ...], list[FloatArray]]] = {}
        together: dict[tuple[object, ...], list[int]] = {}
        for at, slot in enumerate(slots.tolist()):
            index, point = self._rows[slot]
            node = self._values.nodes[index]
            out = room[places[at] : places[at] + n]
            below = [self._values.nodes[i] for i in node.args]
            if node.op == "column":
                out[:] = self._column(node.name)
            elif node.op == "function" and all(child.op == "column" for child in below):
                kernel, numbers = FUNCTIONS[node.name].kernel, self._values.numbers_at(index, point)
                names = tuple(child.name for child in below)
                together.setdefault((kernel, names, numbers), []).append(at)
            else:
                known[at] = self._compose(index, point, out, shared.setdefault(index, {}))
        for ats in together.values():
            self._run_kernel(slots, ats, places, room, known)
        return known

    def _column(self, name: str) -> FloatArray:
        if name not in self._columns:
            column = self._view.column(self._values.nodes[0].context, name)
            self._columns[name] = np.require(column, np.float64, ("C", "W"))
        return self._columns[name]

    def _run_kernel(
        self, slots: IntArray, ats: list[int], places: IntArray, room: FloatArray, known: BoolArray
    ) -> None:
        """Run one kernel for all rows that are its outputs."""
        n = self._view.n
        node = self._node(int(slots[ats[0]]))
        function = FUNCTIONS[node.name]
        kernel = cast(Callable[..., None], function.kernel)
        arguments = [a for a in function.arguments if a.kind != "series"]
        constants = [
            int(number) if argument.kind == "window" else number
            for argument, number in zip(arguments, node.numbers, strict=True)
        ]
        outputs: list[FloatArray] = [np.empty(0)] * function.outputs
        for at in ats:
            output = FUNCTIONS[self._node(int(slots[at])).name].output
            outputs[output] = room[places[at] : places[at] + n]
        outputs = [row if row.size == n else np.empty(n) for row in outputs]
        columns = [self._column(self._values.nodes[i].name) for i in node.args]
        kernel(*columns, *constants, *outputs)
        for at in ats:
            known[at] = self._is_known(int(slots[at]), room[places[at] : places[at] + n])

    def _node(self, slot: int) -> Node:
        return self._values.at(*self._rows[slot])

    def _is_known(self, slot: int, row: FloatArray) -> bool:
        index, point = self._rows[slot]
        valid = self._values.first_valid(index)
        return not has_nan(row[int(valid[point % valid.size]) :])

    def _compose(
        self,
        index: int,
        point: int,
        out: FloatArray,
        shared: dict[tuple[object, ...], list[FloatArray]],
    ) -> bool:
        """Compute a row by the plan's own operations; return whether it is free of NaN."""
        values = self._values
        needed = needed_nodes(values.nodes, [index])
        place = {old: new for new, old in enumerate(needed)}
        nodes = tuple(
            node.with_args(tuple(place[i] for i in node.args))
            for node in (values.at(i, point) for i in needed)
        )
        starts = [values.first_valid(i) for i in needed]
        valid = [int(start[point % start.size]) for start in starts]
        keep = shared if self._view.n < SHARED_BELOW_BARS else {}
        program = Program(nodes, {"row": place[index]}, {})
        with np.errstate(all="ignore"):
            out[:] = Computation(program, self._view, valid, keep).outputs()["row"]
        return not has_nan(out[valid[-1] :])


def most_rows(n_bars: int) -> int:
    """Return how many rows of so many bars fit the room."""
    return max((ROOM_A_BAR * n_bars + ROOM) // (8 * (n_bars + 64)), 1)
