"""What of a plan depends on the open position, as a short program that the broker runs at a close.

All that does not depend on it is computed on arrays and read by the program; what remains is a few
operations on numbers, so nothing is compiled for a formula.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from engine.formula.nodes import BARS_IN_TRADE, ENTRY_PRICE, OPEN_PROFIT, Node
from engine.formula.program import Program
from engine.types import LiveOp

KNOWN = "known "
"""Begins the name of a row that says where all is known that a side's entry reads of the bars."""
ROW = "of "
"""Begins the name of a row that the program reads."""

_POSITION = {
    ENTRY_PRICE: LiveOp.ENTRY_PRICE,
    BARS_IN_TRADE: LiveOp.BARS_IN_TRADE,
    OPEN_PROFIT: LiveOp.OPEN_PROFIT,
}
_OPERATIONS = {
    "+": LiveOp.ADD, "-": LiveOp.SUBTRACT, "*": LiveOp.MULTIPLY, "/": LiveOp.DIVIDE,
    "%": LiveOp.MODULO, "**": LiveOp.POWER, "negative": LiveOp.NEGATIVE, "abs": LiveOp.ABS,
    "min": LiveOp.MIN, "max": LiveOp.MAX, "sqrt": LiveOp.SQRT, "log": LiveOp.LOG,
    "exp": LiveOp.EXP, "sign": LiveOp.SIGN, "<": LiveOp.LESS, "<=": LiveOp.LESS_EQUAL,
    ">": LiveOp.GREATER, ">=": LiveOp.GREATER_EQUAL, "==": LiveOp.EQUAL,
    "!=": LiveOp.NOT_EQUAL, "and": LiveOp.AND, "or": LiveOp.OR, "not": LiveOp.NOT,
    "number": LiveOp.SAME,
}  # fmt: skip


class Step(NamedTuple):
    """One operation on the values of earlier steps, on a number, or on a row at the bar."""

    op: LiveOp
    a: int = 0
    b: int = 0
    number: float = 0.0


class LivePlan(NamedTuple):
    """The program of all fields that read the open position.

    Attributes
    ----------
    rows : mapping of name to node index
        What it reads of the bars, in the order in which steps count them.
    known : mapping of name to node indices
        More rows: true where none of these nodes reads a NaN; they come after `rows`.
    outputs : mapping of field to step
    """

    steps: tuple[Step, ...]
    rows: Mapping[str, int]
    known: Mapping[str, tuple[int, ...]]
    outputs: Mapping[str, int]


def live_plan(program: Program) -> LivePlan | None:
    """Return the program of the fields that read the open position; None when none does."""
    if not any(node.reads_position for node in program.nodes):
        return None
    return _Writer(program).plan()


class _Writer:
    """Writes the steps of one program; each node once."""

    def __init__(self, program: Program) -> None:
        self._nodes = program.nodes
        self._program = program
        self._steps: list[Step] = []
        self._step_of: dict[int, int] = {}
        self._rows: dict[str, int] = {}
        self._known: dict[str, tuple[int, ...]] = {}
        self._awaiting: list[int] = []

    def plan(self) -> LivePlan:
        outputs = {}
        for name, index in self._program.outputs.items():
            guard = self._program.guards.get(name, ())
            if self._nodes[index].reads_position or self._is_live(guard):
                outputs[name] = self._guarded(name, index, guard)
        # Rows of `known` are counted after all others, which only now are all there.
        for i in self._awaiting:
            step = self._steps[i]
            self._steps[i] = step._replace(a=step.a + len(self._rows))
        return LivePlan(tuple(self._steps), self._rows, self._known, outputs)

    def _is_live(self, indices: Iterable[int]) -> bool:
        return any(self._nodes[index].reads_position for index in indices)

    def _guarded(self, name: str, index: int, guard: tuple[int, ...]) -> int:
        """Return the step of an output, false where its guards read a NaN."""
        step = self._written(index)
        if not guard:
            return step
        live, bars = self._parts(guard)
        if bars:
            self._awaiting.append(len(self._steps))
            known = self._add(Step(LiveOp.ROW, len(self._known)))
            self._known[KNOWN + name] = bars
            step = self._add(Step(LiveOp.AND, step, known))
        for node in live:
            is_known = self._add(Step(LiveOp.KNOWN, self._written(node)))
            step = self._add(Step(LiveOp.AND, step, is_known))
        return step

    def _parts(self, roots: Iterable[int]) -> tuple[list[int], tuple[int, ...]]:
        """Return the live numbers below these nodes, and the nodes of the bars that they read."""
        live, bars, waiting = [], [], list(roots)
        seen: set[int] = set()
        while waiting:
            index = waiting.pop()
            if index in seen:
                continue
            seen.add(index)
            node = self._nodes[index]
            if node.reads_position:
                waiting.extend(node.args)
                if not node.is_condition:
                    live.append(index)
            elif not node.is_constant:
                bars.append(index)
        return sorted(live), tuple(sorted(bars))

    def _written(self, index: int) -> int:
        """Return the step that computes a node."""
        if index not in self._step_of:
            self._step_of[index] = self._write(index, self._nodes[index])
        return self._step_of[index]

    def _write(self, index: int, node: Node) -> int:
        if node.is_constant:
            return self._add(Step(LiveOp.NUMBER, number=node.constant))
        if not node.reads_position:
            self._rows[f"{ROW}{len(self._rows)} {node.text}"] = index
            return self._add(Step(LiveOp.ROW, len(self._rows) - 1))
        if node.op == "position":
            return self._add(Step(_POSITION[node.name]))
        first, *rest = (self._written(argument) for argument in node.args)
        op = _OPERATIONS[node.op]
        if not rest:
            return self._add(Step(op, first))
        for other in rest:
            first = self._add(Step(op, first, other))
        return first

    def _add(self, step: Step) -> int:
        self._steps.append(step)
        return len(self._steps) - 1
