"""The points of a sweep as walks from one transition to the next: one symbol, one formula."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from config.run import RunConfig
from engine.errors import SweepCancelledError
from engine.formula.series import Sources, View, own_bars
from engine.kernels.broker_records import RULES
from engine.kernels.sweep_broker import Entries
from engine.kernels.sweep_curve import POINT
from engine.kernels.sweep_tape import BLOCK, SweepTape, add_returns, bound_blocks, summarise
from engine.kernels.sweep_walk import walk_points
from engine.resolve import WARM_UP_FACTOR, RunPlan
from engine.simulation import rules_of
from engine.sizing import SIZE_KINDS
from engine.sweeps.conditions import Conditions, Operand, swept_conditions
from engine.sweeps.measuring import Totals, Yardstick
from engine.sweeps.rows import Rows, local_places, most_rows
from engine.sweeps.values import Values
from engine.types import Bars, FloatArray, IntArray, Market, SizeKind

GROUP = 32
"""Points that a thread takes at once, and between which a cancel is noticed."""

TILE_BYTES = 512 * 1024
"""Of rows in one tile: with the words and the points' records they stay in the second cache."""

LEAST_TILE, MOST_TILE = 4, 32
"""Words of a tile: 256 to 2,048 bars."""


class Tables(NamedTuple):
    """What `walk_points` is told of every point."""

    places: IntArray
    numbers: FloatArray
    firsts: IntArray
    rows: FloatArray


def sweep_tape(market: Market, measured_by: Yardstick) -> SweepTape:
    """Return what all points of a sweep share of a symbol's bars."""
    run = slice(market.first, None)
    open_, high, low, close = (
        np.ascontiguousarray(rows[0, run])
        for rows in (market.open, market.high, market.low, market.close)
    )
    n, ends = close.size, measured_by.last
    n_blocks = -(-n // BLOCK)
    tape = SweepTape(
        open=open_,
        high=high,
        low=low,
        close=close,
        upto=np.empty((n, 3)),
        onwards=np.empty((n, 3)),
        blocks=np.empty((n_blocks, 3)),
        lows=np.empty(n_blocks),
        highs=np.empty(n_blocks),
        ends=ends,
        period=np.empty(n + 1, np.int64),
        sums=np.empty(ends.size),
        squares=np.empty(ends.size),
        edges=measured_by.edges,
    )
    summarise(close, tape.upto, tape.onwards, tape.blocks)
    bound_blocks(high, low, tape.highs, tape.lows)
    add_returns(close, ends, tape.period, tape.sums, tape.squares)
    return tape


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Points of one plan on the same bars: `which` of the sweep's points."""

    which: IntArray
    market: Market
    conditions: Conditions
    operands: tuple[Operand, ...]
    entries: Entries
    values: Values
    rows: Rows
    firsts: IntArray


class TransitionPoints:
    """Measures the points of a family by walking from transition to transition."""

    def __init__(
        self, family: Family, tape: SweepTape, config: RunConfig, measured_by: Yardstick
    ) -> None:
        self._family, self._tape = family, tape
        self._measured_by = measured_by
        self._rules = np.zeros(1, RULES)
        self._rules[0] = rules_of(None, config)
        self._numbers = np.zeros((family.values.n, len(family.operands)))
        for k, operand in enumerate(family.operands):
            if operand.number is not None:
                self._numbers[:, k] = family.values.whole_column(operand.number)

    def measure(
        self, begin: int, end: int, out: Totals, threads: int, is_cancelled: Callable[[], bool]
    ) -> list[int]:
        """Write what is kept of the sweep's points from `begin` on, before `end`, into `out`.

        Returns
        -------
        list of int
            Points that read a NaN after their warm-up: not measured, the event engine knows what
            a missing value forbids.
        """
        family = self._family
        own = np.arange(*np.searchsorted(family.which, (begin, end)))
        if not own.size:
            # The block's points are all of other families.
            return []
        rows = family.which[own] - begin
        n_bars = family.market.time.size
        lead = _aligned(family.rows.lead, family.market.first)
        stride = -(-(lead + n_bars) // 8) * 8
        left: list[int] = []
        for group in family.rows.groups(own, most_rows(n_bars)):
            members = own[group]
            slots = family.rows.slots[members]
            chosen = np.unique(slots[slots >= 0])
            room = _aligned_room(chosen.size * stride + 64)
            places = np.arange(chosen.size) * stride + lead
            known = family.rows.fill(chosen, places, room)
            at = lead + family.market.first
            shifts = family.rows.shifts[members]
            tables = Tables(
                local_places(slots, shifts, chosen, stride, at),
                self._numbers[members],
                family.firsts[members],
                room,
            )
            self._walk(tables, out, rows[group], threads, is_cancelled)
            if not known.all():
                is_left = np.isin(slots, chosen[~known]).any(axis=1)
                left += family.which[members[is_left]].tolist()
        return left

    def _walk(
        self,
        tables: Tables,
        out: Totals,
        rows: IntArray,
        threads: int,
        is_cancelled: Callable[[], bool],
    ) -> None:
        n = rows.size
        points = np.zeros(n, POINT)
        cash = self._measured_by.cash
        for name in ("cash", "peak", "before"):
            points[name] = cash
        points["worst"] = 1.0
        points["n_returns"] = self._tape.ends.size - 1
        sums, squares = np.zeros((2, n, self._tape.edges.size - 1))
        conditions = self._family.conditions
        n_rows = max(np.unique(tables.places).size, 1)
        tile = int(np.clip(TILE_BYTES // (8 * BLOCK * n_rows), LEAST_TILE, MOST_TILE))

        def walk(begin: int) -> None:
            if is_cancelled():
                raise SweepCancelledError
            walk_points(
                begin,
                min(begin + group, n),
                tile,
                self._tape,
                self._rules[0],
                self._family.entries,
                conditions.code,
                conditions.outputs,
                tables,
                points,
                sums,
                squares,
            )

        group = n if self._tape.close.size * n < 4_000_000 and threads == 1 else GROUP
        if threads == 1:
            for begin in range(0, n, group):
                walk(begin)
        else:
            with ThreadPoolExecutor(threads) as pool:
                for done in [pool.submit(walk, begin) for begin in range(0, n, group)]:
                    done.result()
        equity = points["cash"] + points["quantity"] * self._tape.close[-1]
        out.final_equity[rows] = out.grown[rows] = equity
        out.max_drawdown[rows] = np.maximum(points["worst"], 0.0) - 1.0
        out.n_trades[rows] = points["n_trades"]
        out.n_returns[rows] = points["n_returns"]
        out.sums[rows], out.squares[rows] = sums, squares


def families(
    run: RunPlan,
    params: Mapping[str, Any],
    bars: Mapping[str, Bars],
    n: int,
) -> list[Family] | None:
    """Return the points of a sweep by plan and warm-up; None when one has no swept plan.

    Parameters
    ----------
    run : RunPlan
        Of any point.
    params : mapping of name to array, each (n,)
        The points' parameters.
    """
    numbers = {k: v.astype(np.float64) for k, v in params.items() if v.dtype.kind in "if"}
    texts = {name: column for name, column in params.items() if name not in numbers}
    found: list[Family] = []
    for alike in _alike(list(texts.values()), n):
        own = {name: str(column[alike[0]]) for name, column in texts.items()}
        definition = run.traded
        point = {name: column[alike[0]].item() for name, column in params.items()}
        conditions = swept_conditions(
            definition,
            {**run.strategy.params, **point, **own},
            tuple(numbers),
            run.config.timeframe,
        )
        if conditions is None or conditions.plan.live or conditions.plan.program.contexts:
            return None
        values = Values(
            conditions.plan.program.nodes, {k: v[alike] for k, v in numbers.items()}, alike.size
        )
        if not values.is_planned().all():
            return None
        outputs = conditions.plan.program.outputs.values()
        starts = np.zeros(alike.size, np.int64)
        for index in outputs:
            starts = np.maximum(starts, values.first_valid(index))
        found += _by_warm_up(run, conditions, values, alike, starts, bars)
    return found


def _by_warm_up(
    run: RunPlan,
    conditions: Conditions,
    values: Values,
    which: IntArray,
    starts: IntArray,
    bars: Mapping[str, Bars],
) -> list[Family]:
    """Return the families of one plan: recursive indicators depend on where their bars begin."""
    n_before = np.zeros(which.size, np.int64)
    if run.start_ms is not None:
        n_before = WARM_UP_FACTOR * starts
        series = bars[run.config.symbols[0]]
        n_before = np.minimum(n_before, np.searchsorted(series.time, run.start_ms))
    found = []
    for n_warm in np.unique(n_before).tolist():
        market = run.market(bars, warm_up_bars=n_warm)
        own = np.flatnonzero(n_before == n_warm)
        part = values if own.size == which.size else values.of(own)
        operands, entries = _entries(run, conditions, market)
        found.append(
            Family(
                which=which[own],
                market=market,
                conditions=conditions,
                operands=operands,
                entries=entries,
                values=part,
                rows=Rows(operands, part, _view(market)),
                firsts=np.maximum(starts[own] - market.first, 0),
            )
        )
    return found


def _alike(columns: list[Any], n: int) -> list[IntArray]:
    """Return the points that are alike in every column of texts."""
    code = np.zeros(n, np.int64)
    for column in columns:
        own, number = np.unique(column, return_inverse=True)
        code = code * own.size + number
    return [np.flatnonzero(code == one) for one in np.unique(code)]


def _entries(
    run: RunPlan, conditions: Conditions, market: Market
) -> tuple[tuple[Operand, ...], Entries]:
    """Return the operands with that of the size, and what entries are made of."""
    plan, sizing = conditions.plan, run.config.sizing
    operands, size, kind = conditions.operands, conditions.size, plan.size_kind
    if sizing is not None:
        kind = SIZE_KINDS[sizing.kind]
        size = len(operands)
        operands = (*operands, Operand(number=sizing.value))
    lot = market.lot[0] if run.config.lot is None else run.config.lot
    fractions = np.array([side in plan.trail_fractions for side in ("long", "short")])
    return operands, Entries(
        int(size),
        int(SizeKind.FRACTION if kind is None else kind),
        float(lot),
        conditions.levels,
        fractions,
    )


def _view(market: Market) -> View:
    """Return the columns that formulas read."""
    sources = Sources(own_bars(market, 0), (), _no_other)
    return sources.in_first_shares() if sources.has_splits else sources.raw()


def _no_other(symbol: str) -> Any:
    raise AssertionError(f"a sweep over transitions reads no other symbol, {symbol}")


def _aligned(lead: int, first: int) -> int:
    """Return a lead of at least this, so that the run's bar 0 stands at a whole cache line."""
    return lead + -(lead + first) % 8


def _aligned_room(n: int) -> FloatArray:
    """Return n numbers that begin at a whole cache line."""
    room = np.empty(n + 8)
    return room[-(room.ctypes.data // 8) % 8 :][:n]
