"""The rows of numbers that the points of a sweep compare: one for each distinct indicator.

Rows are computed whole, by the very kernels and operations of a single run, so that a signal is
the same to the last bit. Only as many as fit the room exist at once: points that share rows are
measured together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, cast

import numpy as np

from engine.formula.computing import Computation
from engine.formula.functions import FUNCTIONS
from engine.formula.nodes import Node
from engine.formula.program import Program, needed_nodes
from engine.formula.series import View
from engine.kernels.indicators import sma
from engine.kernels.sweep_rows import has_nan, write_averages
from engine.kernels.sweep_words import ALONE
from engine.sweeps.conditions import Operand
from engine.sweeps.values import Shape, Values, distinct_of
from engine.types import BoolArray, FloatArray, IntArray

ROOM_A_BAR = 128
ROOM = 32 << 20
"""Bytes for rows: so many a bar, and these besides. Twenty rows of a million bars."""

SHARED_BELOW_BARS = 65_536
"""Up to here what composed rows have in common is kept; beyond, the room would not hold it."""


class Row(NamedTuple):
    """A distinct row: a node of the plan, with its constants at one of the points."""

    node: int
    point: int


class Rows:
    """Which rows the points of a sweep read.

    Attributes
    ----------
    slots : ndarray of int64, shape (n_points, n_operands)
        The row of each operand, -1 for one that is a number.
    shifts : ndarray of int64, shape (n_points, n_operands)
        How many bars ago each is read.
    """

    def __init__(self, operands: Sequence[Operand], values: Values, view: View) -> None:
        self._values, self._view = values, view
        self._rows: list[Row] = []
        n = values.n
        self.slots = np.full((n, len(operands)), -1, np.int64)
        self.shifts = np.zeros((n, len(operands)), np.int64)
        alike: dict[Shape, list[int]] = {}
        for k, operand in enumerate(operands):
            if operand.number is None:
                alike.setdefault(values.shape(operand.node), []).append(k)
                for shift in operand.shifts:
                    self.shifts[:, k] += np.asarray(values.column(shift), np.int64)
        for places in alike.values():
            self._number(places, [operands[k].node for k in places])
        # A cross reads one bar more.
        self.lead = int(self.shifts.max(initial=0)) + 1
        self._knows: dict[int, bool] = {}
        self._columns: dict[str, FloatArray] = {}

    def _number(self, places: list[int], indices: list[int]) -> None:
        """Give each distinct row of operands of one shape its number."""
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
        self._rows += [Row(indices[p // n], p % n) for p in points.tolist()]

    def groups(self, which: IntArray, n_rows: int) -> Iterator[IntArray]:
        """Yield places in `which` of points that together read at most `n_rows` rows.

        Beyond the room points are taken in squares of their rows: eight fast and eight slow
        averages make sixty-four points, in their own order sixteen rows make but fifteen.
        """
        used = self.slots[which][:, self.slots[0] >= 0]
        if len(self._rows) <= n_rows or np.unique(used).size <= n_rows:
            yield np.arange(which.size)
            return
        side = max(n_rows // max(used.shape[1], 1), 1)
        order = np.lexsort((*used.T[::-1], *(used // side).T[::-1]))
        seen: set[int] = set()
        begin = 0
        for at, row in enumerate(used[order].tolist()):
            if len(seen.union(row)) > n_rows and at > begin:
                yield order[begin:at]
                begin, seen = at, set()
            seen.update(row)
        yield order[begin:]

    def fill(self, slots: IntArray, places: IntArray, room: FloatArray) -> BoolArray:
        """Write rows at their places of the room; return which are free of NaN once valid."""
        n = self._view.n
        known = np.ones(slots.size, np.bool_)
        averages: dict[str, list[tuple[int, int]]] = {}
        shared: dict[int, dict[tuple[object, ...], list[FloatArray]]] = {}
        together: dict[tuple[object, ...], list[int]] = {}
        for at, slot in enumerate(slots.tolist()):
            index, point = self._rows[slot]
            node = self._values.nodes[index]
            if node.op == "column":
                room[places[at] : places[at] + n] = self._column(node.name)
                continue
            names = tuple(self._values.nodes[i].name for i in node.args)
            if node.op != "function" or any(
                self._values.nodes[i].op != "column" for i in node.args
            ):
                out = room[places[at] : places[at] + n]
                known[at] = self._compose(index, point, out, shared.setdefault(index, {}))
                continue
            kernel, numbers = FUNCTIONS[node.name].kernel, self._values.numbers_at(index, point)
            if kernel is sma:
                averages.setdefault(names[0], []).append((int(numbers[0]), at))
            else:
                together.setdefault((kernel, names, numbers), []).append(at)
        for name, wanted in averages.items():
            windows, ats = np.array(wanted, dtype=np.int64).T
            write_averages(self._column(name), windows, places[ats], room)
        for ats_alike in together.values():
            self._run_kernel(slots, ats_alike, places, room, known)
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
    return (ROOM_A_BAR * n_bars + ROOM) // (8 * (n_bars + 64))


def local_places(
    slots: IntArray, shifts: IntArray, chosen: IntArray, stride: int, begin: int
) -> IntArray:
    """Return where each operand's bar 0 of the run stands in the room, `ALONE` for a number."""
    local = np.searchsorted(chosen, slots)
    return np.where(slots < 0, ALONE, local * stride + begin - shifts)
