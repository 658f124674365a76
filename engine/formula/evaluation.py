"""From a plan and a market to signals: whole arrays, one symbol after the other.

Formulas run on a symbol's own bars and are scattered to the union clock (F13). At bar i all past
values are in bar i's shares (F14): once with prices in the first bar's shares when every result
is a power of the price unit, otherwise once per stretch between splits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from engine.formula import arithmetic
from engine.formula.functions import FUNCTIONS
from engine.formula.fusion import FUSED_FROM_BARS, fuse
from engine.formula.nodes import CROSSES, Node
from engine.formula.planning import SIDES, Plan, Program, needed_nodes
from engine.formula.series import OwnBars, own_bars
from engine.types import BoolArray, FloatArray, IntArray, Market, SideSignals, Signals, SizeKind

Row = npt.NDArray[Any]
Value = Row | float
Columns = Callable[[str], FloatArray]

_ROW = "row "
"""Begins the name of an indicator among the outputs: no field has a space in it."""


def evaluate(plan: Plan, market: Market) -> Signals:
    """Return what a strategy wants at each close of a market.

    Entries and exits are False before the run's first bar and before the plan's lookback, counted
    in the symbol's own bars. An entry is False where a field of its side reads a NaN. Without a
    size in the formula, it is the fraction 1 / n_symbols.

    Notes
    -----
    Nothing at an instant depends on anything later.
    """
    return _evaluate(plan, plan.program, market).signals()


def evaluate_with_rows(plan: Plan, market: Market) -> tuple[Signals, dict[str, FloatArray]]:
    """Return the signals, and the indicators that they are made from as `plan_rows` does.

    The checks compare both and run often, so each node is computed once for the two.
    """
    program = plan.program
    rows = {_ROW + n.text: i for i, n in enumerate(program.nodes) if n.op == "function"}
    both = Program(program.nodes, {**program.outputs, **rows}, program.guards)
    table = _evaluate(plan, both, market)
    return table.signals(), {name.removeprefix(_ROW): table.row(name) for name in rows}


def plan_rows(plan: Plan, market: Market) -> dict[str, FloatArray]:
    """Return a plan's indicators for the chart, by label.

    Returns
    -------
    dict of str to ndarray of float64, shape (n_symbols, n_times)
        In the shares of each bar; NaN before the first valid index and where a symbol has no bar.
        `Plan.rows` says which lie among the prices.
    """
    return evaluate_with_rows(plan, market)[1]


def _evaluate(plan: Plan, program: Program, market: Market) -> _Table:
    table = _Table(plan, market)
    for i_symbol in range(len(market.symbols)):
        bars = own_bars(market, i_symbol)
        rows = run(program, bars)
        for name in rows:
            if name.startswith(("enter", "exit")):
                rows[name][: max(plan.lookback, bars.first)] = False
        table.write(i_symbol, rows)
    return table


def run(program: Program, bars: OwnBars) -> dict[str, Row]:
    """Return a program's outputs on one symbol's own bars, each in its own bar's shares."""
    with np.errstate(all="ignore"):
        if bars.split_bars.size == 0:
            return _outputs(program, bars.raw, bars.n)
        growth = bars.growth()
        if program.is_free_of_scale:
            return _run_once(program, bars, growth)
        return _run_between_splits(program, bars, growth)


def _run_once(program: Program, bars: OwnBars, growth: FloatArray) -> dict[str, Row]:
    """Evaluate in the first bar's shares, in which later splits change nothing earlier."""
    rows = _outputs(program, lambda name: bars.rescaled(name, growth), bars.n)
    for name, index in program.outputs.items():
        scale = program.nodes[index].scale
        if scale:
            rows[name] = rows[name] / growth**scale
    return rows


def _run_between_splits(program: Program, bars: OwnBars, growth: FloatArray) -> dict[str, Row]:
    """Evaluate every stretch between splits with all bars before it in the stretch's shares."""
    edges = [0, *bars.split_bars.tolist(), bars.n]
    rows: dict[str, Row] = {}
    for start, stop in pairwise(edges):
        if start == stop:
            continue
        factor = growth[:stop] / growth[start]
        part = _outputs(program, lambda name, f=factor: bars.rescaled(name, f), stop)  # type: ignore[misc]
        for name, row in part.items():
            rows.setdefault(name, np.empty(bars.n, row.dtype))[start:stop] = row[start:]
    return rows


def _outputs(program: Program, columns: Columns, n: int) -> dict[str, Row]:
    """Evaluate every node once; apply the guards where their condition is true."""
    values = _values(program, columns, n)
    rows: dict[str, Row] = {}
    for name, index in program.outputs.items():
        value = values[index]
        # A copy: the array may be a column, or another field's.
        rows[name] = np.full(n, value) if isinstance(value, float) else value.copy()
    for name, guard in program.guards.items():
        where = np.flatnonzero(rows[name])
        rows[name][where[_missing(program.nodes, values, guard, where)]] = False
    return rows


def _values(program: Program, columns: Columns, n: int) -> list[Value]:
    """Return the value of every node that the outputs need; 0.0 in place of the others."""
    nodes, wanted = program.nodes, frozenset(program.outputs.values())
    values: list[Value] = [0.0] * len(nodes)
    kernel_rows: dict[tuple[object, ...], list[FloatArray]] = {}
    needed = needed_nodes(nodes, wanted)
    trees = fuse(nodes, needed, wanted) if n >= FUSED_FROM_BARS else {}
    for i in needed_nodes(nodes, wanted, trees) if trees else needed:
        node = nodes[i]
        if i in trees:
            values[i] = trees[i].compute(values)
        elif node.op == "constant":
            values[i] = node.constant
        elif node.op == "column":
            values[i] = columns(node.name)
        elif node.op == "offset":
            values[i] = _shifted(_as_array(values[node.args[0]], n), int(node.numbers[0]))
        elif node.op == "function":
            function = FUNCTIONS[node.name]
            key = (function.kernel, node.args, node.numbers)
            if key not in kernel_rows:
                kernel_rows[key] = _kernel_rows(node, nodes, values, n)
            values[i] = kernel_rows[key][function.output]
        else:
            values[i] = arithmetic.apply(node.op, [values[j] for j in node.args], n)
    return values


def _shifted(value: Row, k: int) -> Row:
    """Return the values k bars ago; NaN, or false, before there are any."""
    out = np.empty_like(value)
    out[k:] = value[: max(value.size - k, 0)]
    out[:k] = False if value.dtype == np.bool_ else np.nan
    return out


def _kernel_rows(
    node: Node, nodes: tuple[Node, ...], values: list[Value], n: int
) -> list[FloatArray]:
    """Return all outputs of an indicator's kernel.

    A NaN in an input makes the outputs NaN there, and the function starts anew after it.
    """
    function = FUNCTIONS[node.name]
    kernel = cast(Callable[..., None], function.kernel)  # the others are operations
    inputs = [_as_array(values[j], n) for j in node.args]
    constants = [
        int(number) if argument.kind == "window" else number
        for argument, number in zip(
            [a for a in function.arguments if a.kind != "series"], node.numbers, strict=True
        )
    ]
    first = max(nodes[j].lookback for j in node.args)
    stretches = list(_stretches([x for x, j in zip(inputs, node.args, strict=True)
                                 if nodes[j].op != "column"], first, n))  # fmt: skip
    whole = stretches == [(0, n)]
    rows = [np.empty(n) if whole else np.full(n, np.nan) for _ in range(function.outputs)]
    for start, stop in stretches:
        kernel(*(x[start:stop] for x in inputs), *constants, *(row[start:stop] for row in rows))
    return rows


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


def _missing(
    nodes: tuple[Node, ...], values: list[Value], roots: tuple[int, ...], where: IntArray
) -> BoolArray:
    """Return at which of the bars `where` one of these nodes reads a NaN."""
    missing = np.zeros(where.size, np.bool_)
    if where.size:
        for root in roots:
            missing |= _reads_nan(nodes, values, root, where)
    return missing


def _reads_nan(
    nodes: tuple[Node, ...], values: list[Value], index: int, where: IntArray
) -> BoolArray:
    """Return at which of the bars `where` (ascending) a node, or what it reads, is NaN.

    A NaN passes through arithmetic and functions and shows in the value; through a condition it
    does not, so there the operands are asked.
    """
    node, value = nodes[index], values[index]
    missing = np.zeros(where.size, np.bool_)
    if node.op in ("constant", "column"):
        return missing
    if not node.is_condition and not isinstance(value, float):
        missing = np.isnan(value[where])
    if not node.reads_conditions:
        return missing
    if node.op == "function":
        return missing | _window_reads_nan(nodes, values, index, where)
    steps = [0, 1] if node.op in CROSSES else [int(node.numbers[0])] if node.op == "offset" else [0]
    for step in steps:
        # Before bar 0 there is nothing to read: the lookback keeps orders away from there.
        earlier = np.maximum(where - step, 0)
        for argument in node.args:
            missing |= _reads_nan(nodes, values, argument, earlier)
    return missing


def _window_reads_nan(
    nodes: tuple[Node, ...], values: list[Value], index: int, where: IntArray
) -> BoolArray:
    """Return whether a function's arguments read a NaN in its window, up to each bar."""
    node = nodes[index]
    everywhere = np.arange(where[-1] + 1)
    window = node.lookback - max(nodes[j].lookback for j in node.args) + 1
    missing = np.zeros(everywhere.size, np.bool_)
    for argument in node.args:
        missing |= _reads_nan(nodes, values, argument, everywhere)
    # Whole own history before the arguments' first valid index is not read.
    missing[: max(nodes[j].lookback for j in node.args)] = False
    count = np.concatenate(([0], np.cumsum(missing)))
    return count[where + 1] > count[np.maximum(where + 1 - window, 0)]


class _Table:
    """The outputs of all symbols on the union clock."""

    def __init__(self, plan: Plan, market: Market) -> None:
        self._plan = plan
        self._shape = (len(market.symbols), market.time.size)
        self._has_bar = market.has_bar
        self._rows: dict[str, Row] = {}

    def write(self, i_symbol: int, rows: Mapping[str, Row]) -> None:
        """Scatter one symbol's rows; without a bar there is no signal and no number."""
        for name, row in rows.items():
            if self._shape[0] == 1 and row.size == self._shape[1]:
                self._rows[name] = row[np.newaxis]
                continue
            if name not in self._rows:
                empty = False if row.dtype == np.bool_ else np.nan
                self._rows[name] = np.full(self._shape, empty, row.dtype)
            self._rows[name][i_symbol, self._has_bar[i_symbol]] = row

    def row(self, name: str) -> FloatArray:
        """Return one output."""
        return self._rows[name]

    def signals(self) -> Signals:
        plan = self._plan
        size = self._rows.get("size")
        return Signals(
            long=self._side(SIDES[0]),
            short=self._side(SIDES[1]),
            size_kind=SizeKind.FRACTION if plan.size_kind is None else plan.size_kind,
            size=np.broadcast_to(1.0 / self._shape[0], self._shape) if size is None else size,
            expire_bars=plan.expire_bars,
            pyramiding=plan.pyramiding,
        )

    def _side(self, side: str) -> SideSignals:
        return SideSignals(
            enter=self._condition(f"enter_{side}"),
            exit=self._condition(f"exit_{side}"),
            limit=self._rows.get(f"limit_{side}"),
            trigger=self._rows.get(f"trigger_{side}"),
            stop=self._linear(f"stop_{side}"),
            target=self._linear(f"target_{side}"),
            trail=self._rows.get(f"trail_{side}"),
            is_trail_fraction=side in self._plan.trail_fractions,
        )

    def _condition(self, name: str) -> BoolArray:
        row = self._rows.get(name)
        return np.zeros(self._shape, np.bool_) if row is None else row

    def _linear(self, name: str) -> tuple[FloatArray, FloatArray] | None:
        if not self._plan.has(name):
            return None
        a, b = (self._rows.get(f"{name}.{part}") for part in "ab")
        return (
            np.zeros(self._shape) if a is None else a,
            np.zeros(self._shape) if b is None else b,
        )
