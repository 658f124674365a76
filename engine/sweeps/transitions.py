"""The points of a sweep as walks from one transition to the next: one symbol, one formula."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from config.run import RunConfig
from engine.errors import SweepCancelledError
from engine.formula.planning import plan_strategy
from engine.formula.series import Sources, View, own_bars
from engine.kernels.broker_records import RULES
from engine.kernels.sweep_broker import Entries
from engine.kernels.sweep_curve import POINT
from engine.kernels.sweep_tape import BLOCK, SweepTape, add_returns, summarise
from engine.kernels.sweep_walk import Steps, Tables, walk_points
from engine.resolve import WARM_UP_FACTOR, RunPlan
from engine.simulation import rules_of
from engine.sizing import SIZE_KINDS
from engine.sweeps.conditions import Conditions, Operand, swept_conditions
from engine.sweeps.eligibility import why_not_actions
from engine.sweeps.measuring import Totals, Yardstick
from engine.sweeps.rows import Rows, most_rows
from engine.sweeps.values import Values
from engine.types import Bars, FloatArray, IntArray, Market, SizeKind

NO_CONDITIONS = "the formula reads the position or other bars, or needs more of its parameters"

GROUP_BARS = 200_000_000
"""Bars of all points of a group: a quarter of a second, after which a cancel is noticed."""

MOST_GROUP = 4_096

TILE_BYTES = 512 * 1024
"""Of rows in one tile: with the words and the bars they stay in the second cache."""

LEAST_TILE, MOST_TILE = 4, 32
"""Words of a tile: 256 to 2,048 bars."""


def sweep_tape(market: Market, config: RunConfig, measured_by: Yardstick) -> SweepTape:
    """Return what all points of a sweep share of a symbol's bars."""
    run = slice(market.first, None)
    open_, high, low, close = (
        np.ascontiguousarray(rows[0, run])
        for rows in (market.open, market.high, market.low, market.close)
    )
    n, ends = close.size, measured_by.last
    close = np.concatenate([close, np.zeros(-n % BLOCK)])[:n]
    n_blocks = -(-n // BLOCK)
    acting = np.flatnonzero(market.has_action[0, run])
    lot = lot_of(market, config)
    tape = SweepTape(
        open=open_,
        high=high,
        low=low,
        close=close,
        blocks=np.empty((n_blocks, 3)),
        lows=np.empty(n_blocks),
        highs=np.empty(n_blocks),
        ends=ends,
        period=np.empty(n + 1, np.int32),
        sums=np.empty(ends.size),
        squares=np.empty(ends.size),
        edges=measured_by.edges,
        time_block=np.empty(ends.size, np.int8),
        action_bars=acting,
        splits=market.split[0, run][acting],
        dividends=market.dividend[0, run][acting],
        has_whole_shares=lot >= 1.0 and lot == np.floor(lot),
    )
    summarise(high, low, close, tape.blocks, tape.highs, tape.lows)
    add_returns(close, ends, tape.edges, tape.time_block, tape.period, tape.sums, tape.squares)
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
        self._rooms = _Rooms()
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
        n_points = min(MOST_GROUP, max(GROUP_BARS // n_bars, 16), -(-own.size // threads))
        groups = family.rows.groups(own, max(most_rows(n_bars) // threads, 1), n_points)

        def one(group: IntArray) -> list[int]:
            if is_cancelled():
                raise SweepCancelledError
            return self._walk(_together(own[group]), out, _together(rows[group]))

        if threads == 1:
            return [point for group in groups for point in one(group)]
        with ThreadPoolExecutor(threads) as pool:
            done = [pool.submit(one, group) for group in groups]
            return [point for future in done for point in future.result()]

    def _walk(self, members: IntArray | slice, out: Totals, rows: IntArray | slice) -> list[int]:
        """Measure points of the family that fit the room together."""
        family, tape = self._family, self._tape
        slots = family.rows.slots[members]
        chosen = family.rows.chosen(slots)
        n_tiled = int(np.searchsorted(chosen, family.rows.windows.size))
        n_words = TILE_BYTES // (8 * BLOCK * max(chosen.size, 1))
        tile = BLOCK * min(max(n_words, LEAST_TILE), MOST_TILE)
        first, n_bars = family.market.first, family.market.time.size
        lead = _aligned(family.rows.lead, first)
        stride = _whole_lines(lead + n_bars)
        # Averages stand before the whole rows, each with the bar before its tile.
        tiled = np.arange(n_tiled) * (tile + 8) + 8
        begins = n_tiled * (tile + 8) + np.arange(chosen.size - n_tiled) * stride + lead
        room = self._rooms.take(n_tiled * (tile + 8) + begins.size * stride + BLOCK)
        known = family.rows.fill(chosen[n_tiled:], begins, room)
        tables = Tables(
            family.rows.places(members, chosen, np.concatenate([tiled, begins + first])),
            self._numbers[members],
            family.firsts[members],
            room,
        )
        points = np.zeros(len(slots), POINT)
        for name in ("cash", "peak", "before"):
            points[name] = self._measured_by.cash
        points["worst"] = 1.0
        points["n_returns"] = tape.ends.size - 1
        sums, squares = np.zeros((2, len(slots), tape.edges.size - 1))
        conditions = family.conditions
        walk_points(
            tape,
            self._rules[0],
            family.entries,
            Steps(
                conditions.code,
                family.rows.moves,
                conditions.outputs,
                conditions.n_compared,
                self._may_end_by_itself(),
                self._is_plain(),
            ),
            family.rows.averages(chosen[:n_tiled], tiled, tile, first),
            tables,
            points,
            sums,
            squares,
        )
        self._rooms.give(room)
        equity = points["cash"] + points["quantity"] * tape.close[-1]
        out.final_equity[rows] = out.grown[rows] = equity
        out.max_drawdown[rows] = np.maximum(points["worst"], 0.0) - 1.0
        out.n_trades[rows] = points["n_trades"]
        out.n_returns[rows] = points["n_returns"]
        out.sums[rows], out.squares[rows] = sums, squares
        if known.all():
            return []
        is_left = np.isin(slots, chosen[n_tiled:][~known]).any(axis=1)
        left: list[int] = family.which[members][is_left].tolist()
        return left

    def _may_end_by_itself(self) -> bool:
        """Return whether a position may end by a level, a margin call or ruin."""
        conditions = self._family.conditions
        has_shorts = bool(conditions.outputs[2])
        is_levered = float(self._rules["initial"][0]) < 1.0
        return has_shorts or is_levered or bool((conditions.levels >= 0).any())

    def _is_plain(self) -> bool:
        """Return whether positions are all cash, and prices and fees factors of the open."""
        family, rules = self._family, self._rules[0]
        entries, size = family.entries, family.entries.size
        is_whole = (
            family.operands[size].number is not None and (self._numbers[:, size] == 1.0).all()
        )
        has_factors = (
            rules["tick"] == 0.0
            and rules["sell_factor"] > 0.0
            and not (rules["is_clipped"] or rules["is_finalized"])
            and 0.0 <= rules["taker_rate"] < 1.0
            and not (rules["per_unit"] or rules["fixed"] or rules["minimum"])
            and np.isinf(rules["maximum_rate"])
        )
        return bool(
            has_factors
            and is_whole
            and (entries.size_kind, entries.lot) == (SizeKind.FRACTION, 0.0)
            and not self._may_end_by_itself()
            and not self._tape.action_bars.size
        )


def families(
    run: RunPlan,
    params: Mapping[str, Any],
    bars: Mapping[str, Bars],
    market: Market,
) -> list[Family] | str:
    """Return the points of a sweep by plan and warm-up, or why there are no walks over them.

    Parameters
    ----------
    run : RunPlan
        Of any point.
    params : mapping of name to array, each (n,)
        The points' parameters.
    market : Market
        That of the run.
    """
    n = next((column.size for column in params.values()), 1)
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
            return NO_CONDITIONS
        reason = why_not_actions(conditions, market, run.config)
        if reason:
            return reason
        values = Values(conditions, {k: v[alike] for k, v in numbers.items()}, alike.size)
        is_planned = values.is_planned()
        if not is_planned.all():
            refused = int(alike[np.argmin(is_planned)])
            point = {name: column[refused].item() for name, column in params.items()}
            plan_strategy(
                definition, {**run.strategy.params, **point}, timeframe=run.config.timeframe
            )
            return NO_CONDITIONS
        outputs = conditions.plan.program.outputs.values()
        starts = np.zeros(alike.size, np.int64)
        for index in outputs:
            starts = np.maximum(starts, values.first_valid(index))
        found += _by_warm_up(run, conditions, values, alike, starts, bars, market)
    return found


def _by_warm_up(
    run: RunPlan,
    conditions: Conditions,
    values: Values,
    which: IntArray,
    starts: IntArray,
    bars: Mapping[str, Bars],
    market: Market,
) -> list[Family]:
    """Return the families of one plan: recursive indicators depend on where their bars begin."""
    n_before = np.zeros(which.size, np.int64)
    if run.start_ms is not None:
        n_before = WARM_UP_FACTOR * starts
        series = bars[run.config.symbols[0]]
        n_before = np.minimum(n_before, np.searchsorted(series.time, run.start_ms))
    found = []
    for n_warm in [0] if run.start_ms is None else np.unique(n_before).tolist():
        if run.start_ms is not None:
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
                rows=Rows(operands, conditions.n_compared, part, _view(market)),
                firsts=np.maximum(starts[own] - market.first, 0),
            )
        )
    return found


def _alike(columns: list[Any], n: int) -> list[IntArray]:
    """Return the points that are alike in every column of texts."""
    if not columns:
        return [np.arange(n)]
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
    fractions = np.array([side in plan.trail_fractions for side in ("long", "short")])
    return operands, Entries(
        int(size),
        int(SizeKind.FRACTION if kind is None else kind),
        lot_of(market, run.config),
        conditions.levels,
        fractions,
    )


def lot_of(market: Market, config: RunConfig) -> float:
    """Return the smallest quantity of the symbol."""
    return float(market.lot[0] if config.lot is None else config.lot)


def _view(market: Market) -> View:
    """Return the columns that formulas read."""
    sources = Sources(own_bars(market, 0), (), _no_other)
    return sources.in_first_shares() if sources.has_splits else sources.raw()


def _no_other(symbol: str) -> Any:
    raise AssertionError(f"a sweep over transitions reads no other symbol, {symbol}")


def _together(rows: IntArray) -> IntArray | slice:
    """Return a slice for rows that follow one another: it is copied to without looking them up."""
    begin, n = int(rows[0]), rows.size
    return slice(begin, begin + n) if (np.diff(rows) == 1).all() else rows


def _aligned(lead: int, first: int) -> int:
    """Return a lead of at least this, so that the run's bar 0 stands at a whole cache line."""
    return lead + -(lead + first) % 8


def _whole_lines(n: int) -> int:
    """Return n rounded up to whole cache lines."""
    return -(-n // 8) * 8


class _Rooms:
    """Memory for rows that is used again: its pages cost as much as the rows, when it is fresh."""

    def __init__(self) -> None:
        self._free: list[FloatArray] = []

    def take(self, n: int) -> FloatArray:
        """Return room for at least n numbers that begins at a whole cache line."""
        room = self._free.pop() if self._free else np.empty(0)
        if room.size < n:
            room = np.empty(n + 8)
            room = room[-(room.ctypes.data // 8) % 8 :]
        return room

    def give(self, room: FloatArray) -> None:
        """Take room back."""
        self._free.append(room)
