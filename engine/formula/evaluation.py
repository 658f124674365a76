"""From a plan and a market to signals: whole arrays, one symbol after the other.

Formulas run on a symbol's own bars and are scattered to the union clock (F13). At bar i all past
values are in bar i's shares (F14): once with prices in the first bar's shares when every result
is a power of the price unit, otherwise once per stretch between splits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from engine.formula.computing import Computation, Row, first_valid
from engine.formula.live import LivePlan
from engine.formula.nodes import OWN
from engine.formula.planning import SIDES, Expressions, Plan
from engine.formula.program import Program
from engine.formula.series import OwnBars, Sources, own_bars
from engine.types import (
    BoolArray,
    FloatArray,
    IntArray,
    LiveRules,
    Market,
    SideSignals,
    Signals,
    SizeKind,
)

_ROW = "row "
"""Begins the name of an indicator among the outputs: no field has a space in it."""


class Evaluated(NamedTuple):
    """A program's outputs on one symbol's own bars, and from which of them on all are valid."""

    rows: dict[str, Row]
    first: int


def evaluate(plan: Plan, market: Market) -> Signals:
    """Return what a strategy wants at each close of a market.

    Entries and exits are False before the run's first bar and before all that the formula reads
    is valid, counted in the symbol's own bars. An entry is False where a field of its side reads a
    NaN. Without a size in the formula, it is the fraction 1 / n_symbols.

    Notes
    -----
    Nothing at an instant depends on anything later.
    """
    return _evaluate(plan, plan.whole_program, market).signals()


def evaluate_with_rows(plan: Plan, market: Market) -> tuple[Signals, dict[str, FloatArray]]:
    """Return the signals, and the indicators that they are made from as `plan_rows` does.

    The checks compare both and run often, so each node is computed once for the two.
    """
    program = plan.whole_program
    rows = {_ROW + n.label: i for i, n in enumerate(program.nodes) if n.op == "function"}
    both = replace(program, outputs={**program.outputs, **rows})
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


def evaluate_expressions(
    expressions: Expressions, market: Market
) -> tuple[dict[str, FloatArray], IntArray]:
    """Return each expression's values by name, and from when on all of them are valid.

    Returns
    -------
    rows : dict of str to ndarray of float64, shape (n_symbols, n_times)
        In the shares of each bar; NaN before the first valid index and where there is no bar.
    first : ndarray of int64, shape (n_symbols,)
        An instant of the clock for each symbol; their number when there is none.
    """
    program = expressions.program
    rows = {name: np.full(market.has_bar.shape, np.nan) for name in program.outputs}
    first = np.empty(len(market.symbols), np.int64)
    of_symbol = cache(_finder(market))
    for i_symbol, has_bar in enumerate(market.has_bar):
        n_before = 0
        if program.outputs:
            sources = Sources(own_bars(market, i_symbol), program.contexts, of_symbol)
            found, n_before = run(program, sources)
            for name, values in found.items():
                rows[name][i_symbol, has_bar] = values
        own = np.flatnonzero(has_bar)
        first[i_symbol] = own[n_before] if n_before < own.size else market.time.size
    return rows, first


def _evaluate(plan: Plan, program: Program, market: Market) -> _Table:
    table = _Table(plan, market)
    contexts = program.contexts
    of_symbol = cache(_finder(market))
    for i_symbol in range(len(market.symbols)):
        bars = own_bars(market, i_symbol)
        rows, first = run(program, Sources(bars, contexts, of_symbol))
        for name in rows:
            if name.startswith(("enter", "exit")):
                rows[name][: max(first, bars.first)] = False
        table.write(i_symbol, rows)
    return table


def _finder(market: Market) -> Callable[[str], OwnBars]:
    """Return a function to the bars of a symbol, whether the run trades it or only reads it."""

    def of_symbol(symbol: str) -> OwnBars:
        holder = market if symbol in market.symbols else market.read
        if holder is None or symbol not in holder.symbols:
            raise ValueError(f"Expected a market with bars of {symbol}, which the formula reads.")
        return own_bars(holder, holder.symbols.index(symbol))

    return of_symbol


def run(program: Program, sources: Sources) -> Evaluated:
    """Return a program's outputs on one symbol's own bars, each in its own bar's shares."""
    valid = first_valid(program, sources)
    own = [valid[i] for i in program.outputs.values() if program.nodes[i].context == OWN]
    with np.errstate(all="ignore"):
        if not sources.has_splits:
            rows = Computation(program, sources.raw(), valid).outputs()
        elif program.is_free_of_scale:
            rows = _run_once(program, sources, valid)
        else:
            rows = _run_between_splits(program, sources, valid)
    return Evaluated(rows, max(own))


def _run_once(program: Program, sources: Sources, valid: list[int]) -> dict[str, Row]:
    """Evaluate in the first bars' shares, in which later splits change nothing earlier."""
    rows = Computation(program, sources.in_first_shares(), valid).outputs()
    for name, index in program.outputs.items():
        scale = program.nodes[index].own_scale
        if scale:
            rows[name] = rows[name] / sources.own.growth**scale
    return rows


def _run_between_splits(program: Program, sources: Sources, valid: list[int]) -> dict[str, Row]:
    """Evaluate every stretch between splits with all bars before it in the stretch's shares."""
    rows: dict[str, Row] = {}
    for start, stop in pairwise(sources.stretches()):
        part = Computation(program, sources.in_shares_of(start, stop), valid).outputs()
        for name, row in part.items():
            rows.setdefault(name, np.empty(sources.own.n, row.dtype))[start:stop] = row[start:]
    return rows


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
            live=plan.live and self._live(plan.live),
        )

    def _live(self, live: LivePlan) -> LiveRules:
        rows = {name: self._rows[name].astype(np.float64) for name in (*live.rows, *live.known)}
        return LiveRules(
            code=np.array([step[:3] for step in live.steps], dtype=np.int64),
            numbers=np.array([step.number for step in live.steps]),
            rows=rows,
            outputs=live.outputs,
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
