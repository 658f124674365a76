"""A swept plan as the sweep's kernels run it: operands, and steps on words of conditions."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock

import numpy as np

from engine.formula.builder import reach
from engine.formula.definition import ParameterValue, StrategyDefinition
from engine.formula.functions import FUNCTIONS
from engine.formula.nodes import CROSSES, OWN, Node
from engine.formula.planning import SIDES, Plan, plan_swept
from engine.formula.swept import Swept
from engine.kernels import sweep_words as words
from engine.kernels.sweep_broker import NONE
from engine.types import IntArray

REMEMBERED = 64
LEVELS = ("stop_{}.a", "stop_{}.b", "target_{}.a", "target_{}.b", "trail_{}")
_SWAPPED = {"<": ">", "<=": ">="}
_STEPS = {
    ">": words.GREATER, ">=": words.GREATER_EQUAL, "==": words.EQUAL, "!=": words.EQUAL,
    "cross": words.CROSS, "not": words.NOT, "and": words.AND, "or": words.OR,
}  # fmt: skip
_JOINED = ("and", "or")


@dataclass(frozen=True, slots=True)
class Operand:
    """A number that a comparison or an entry reads: a constant, or a node some bars ago."""

    number: float | None = None
    node: int = -1
    shifts: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What the kernels need of a plan, whatever the values of its swept parameters.

    code : ndarray of int64, shape (n_steps, 4)
        Operation, its operands (places in `operands`, or words), and the word that it writes.
    outputs : ndarray of int64, shape (4,)
        The words of enter and exit of longs, then of shorts; word 0 is empty.
    levels : ndarray of int64, shape (2, 5)
        Operands of `LEVELS` of longs and of shorts, `NONE` without.
    n_compared : int
        How many of the operands, the first ones, only comparisons read.
    size : int
        Operand of the size, `NONE` when the formula has none.
    reaches : tuple of float
        Of each node of the plan, how much later than what it reads it is valid.
    """

    plan: Plan
    operands: tuple[Operand, ...]
    n_compared: int
    code: IntArray
    outputs: IntArray
    levels: IntArray
    size: int
    reaches: tuple[float, ...]


@dataclass(frozen=True)
class _Key:
    """What the plan of a sweep depends on: not on the swept values, of which `params` has one."""

    formula: tuple[tuple[str, str], ...]
    fixed: tuple[tuple[str, ParameterValue], ...]
    swept: tuple[str, ...]
    timeframe: str
    definition: StrategyDefinition = field(compare=False)
    params: Mapping[str, ParameterValue] = field(compare=False)


class _Remembered:
    """The conditions of the last sweeps: planning takes as long as a thousand points of a year."""

    def __init__(self) -> None:
        self._found: OrderedDict[_Key, Conditions | None] = OrderedDict()
        self._lock = Lock()

    def get(self, key: _Key) -> Conditions | None:
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
                return self._found[key]
        plan = plan_swept(key.definition, key.params, key.swept, key.timeframe)
        conditions = None if plan is None else _Compiler(plan).conditions()
        with self._lock:
            self._found[key] = conditions
            if len(self._found) > REMEMBERED:
                self._found.popitem(last=False)
        return conditions


_remembered = _Remembered()


def swept_conditions(
    definition: StrategyDefinition,
    params: Mapping[str, ParameterValue],
    swept: tuple[str, ...],
    timeframe: str,
) -> Conditions | None:
    """Return the conditions of a formula whose numbers `swept` vary.

    None when a value of theirs decides more than constants, or something is read that only the
    event engine knows.
    """
    fixed = tuple((name, value) for name, value in params.items() if name not in swept)
    formula = tuple(definition.formula.items())
    return _remembered.get(_Key(formula, fixed, swept, timeframe, definition, params))


class _Unknown(Exception):  # noqa: N818
    """Something in the plan that the kernels do not have."""


class _Compiler:
    """Turns the outputs of one plan into steps; equal parts are computed once."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._nodes = plan.program.nodes
        self._operands: list[Operand] = []
        self._code: list[tuple[int, int, int, int]] = []
        self._words: dict[tuple[int, tuple[str, ...]], int] = {}
        self._places: dict[tuple[str, int, tuple[str, ...]], int] = {}

    def conditions(self) -> Conditions | None:
        outputs = self._plan.program.outputs
        try:
            names = [f"{kind}_{side}" for side in SIDES for kind in ("enter", "exit")]
            entries = [self._condition(outputs[n], ()) if n in outputs else 0 for n in names]
            n_compared = len(self._operands)
            self._places.clear()
            levels = [[self._field(text.format(side)) for text in LEVELS] for side in SIDES]
            size = self._field("size")
        except _Unknown:
            return None
        code, word = self._joined_crosses()
        return Conditions(
            plan=self._plan,
            operands=tuple(self._operands),
            n_compared=n_compared,
            code=code,
            outputs=word[entries],
            levels=np.array(levels, dtype=np.int64),
            size=size,
            reaches=tuple(_reach(node) for node in self._nodes),
        )

    def _joined_crosses(self) -> tuple[IntArray, IntArray]:
        """Return the steps with crosses of one pair made together, and where each word stands.

        A cross writes two words: where its left goes above its right, and where below.
        """
        word = np.arange(2 * len(self._code) + 2)
        crosses: dict[tuple[int, int], int] = {}
        steps: list[tuple[int, int, int, int]] = []
        for op, left, right, out in self._code:
            if op == words.CROSS:
                if (right, left) in crosses:
                    word[out] = crosses[right, left] + 1
                    continue
                crosses[left, right] = out
            is_of_words = op >= words.NOT
            i, j = (int(word[left]), int(word[right])) if is_of_words else (left, right)
            steps.append((op, i, j, out))
        return np.array(steps, dtype=np.int64).reshape(-1, 4), word

    def _field(self, name: str) -> int:
        index = self._plan.program.outputs.get(name)
        return int(NONE) if index is None else self._number(index, ())

    def _condition(self, index: int, shifts: tuple[float, ...]) -> int:
        """Return the word that holds a condition, so many bars ago."""
        key = (index, tuple(map(repr, shifts)))
        if key not in self._words:
            self._words[key] = self._new_condition(self._nodes[index], shifts)
        return self._words[key]

    def _new_condition(self, node: Node, shifts: tuple[float, ...]) -> int:
        if node.op == "offset":
            return self._condition(node.args[0], (*shifts, node.numbers[0]))
        if node.op == "not":
            return self._step("not", self._condition(node.args[0], shifts), 0)
        if node.op in _JOINED:
            first, *others = (self._condition(i, shifts) for i in node.args)
            for other in others:
                first = self._step(node.op, first, other)
            return first
        left, right = (self._number(i, shifts) for i in node.args)
        if node.op in ("cross_above", "cross_below"):
            above = node.op == "cross_above"
            return self._step("cross", *((left, right) if above else (right, left)))
        op = _SWAPPED.get(node.op)
        if op is not None:
            return self._step(op, right, left)
        found = self._step(node.op, left, right)
        return self._step("not", found, 0) if node.op == "!=" else found

    def _step(self, op: str, left: int, right: int) -> int:
        out = 2 * len(self._code) + 1
        self._code.append((int(_STEPS[op]), left, right, out))
        return out

    def _number(self, index: int, shifts: tuple[float, ...]) -> int:
        """Return the operand that a node is, so many bars ago."""
        node = self._nodes[index]
        if node.op == "offset":
            return self._number(node.args[0], (*shifts, node.numbers[0]))
        if node.is_constant:
            return self._operand(Operand(number=node.constant))
        # A NaN below a comparison does not show in the number that it becomes.
        if node.reads_conditions or node.reads_position or node.context != OWN:
            raise _Unknown
        if any(isinstance(exponent, Swept) for exponent in self._exponents(index)):
            raise _Unknown
        return self._operand(Operand(node=index, shifts=shifts))

    def _exponents(self, index: int) -> list[float]:
        """Return the constant exponents below a node: they decide in which unit it is."""
        node = self._nodes[index]
        found = [exponent for i in node.args for exponent in self._exponents(i)]
        if node.op == "**" and self._nodes[node.args[1]].is_constant:
            found.append(self._nodes[node.args[1]].constant)
        return found

    def _operand(self, operand: Operand) -> int:
        key = (repr(operand.number), operand.node, tuple(map(repr, operand.shifts)))
        if key not in self._places:
            self._places[key] = len(self._operands)
            self._operands.append(operand)
        return self._places[key]


def _reach(node: Node) -> float:
    if node.op == "function":
        function = FUNCTIONS[node.name]
        names = [a.name for a in function.arguments if a.kind != "series"]
        return reach(function.lookback, dict(zip(names, node.numbers, strict=True)))
    return node.numbers[0] if node.op == "offset" else float(node.op in CROSSES)
