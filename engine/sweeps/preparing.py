"""A sweep that is ready to run: its bars, its points, and the blocks in which they are measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from time import perf_counter

import numpy as np

from config.run import RunConfig
from engine.resolve import plan_run
from engine.sweeps.axes import Points
from engine.sweeps.eligibility import why_not_transitions
from engine.sweeps.events import EventPoints, with_params
from engine.sweeps.measuring import (
    COLUMNS,
    N_TIME_BLOCKS,
    Totals,
    Yardstick,
    empty_totals,
    point_metrics,
    yardstick,
)
from engine.sweeps.transitions import TransitionPoints, families, sweep_tape
from engine.types import Bars, FloatArray, IntArray, Table

TRANSITIONS, EVENTS = "transitions", "events"
POINT_S = {TRANSITIONS: 3e-6, EVENTS: 0.8e-3}
BAR_S = {TRANSITIONS: 1.5e-9, EVENTS: 30e-9}
"""About how long a point takes, and a bar of it: what makes a block of about a second. Constants,
so that a sweep that goes on in another process has the same blocks."""

MAX_BLOCK = 100_000
BAR_BYTES = {TRANSITIONS: 256, EVENTS: 400}
"""Of a bar, while points are measured."""

TRIED_POINTS = {TRANSITIONS: 200, EVENTS: 1}
"""Run to estimate how long all take: a few groups of the one, a run of the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepBlock:
    """The measured points from `begin` on, before `end`.

    Attributes
    ----------
    columns : dict of name to ndarray, shape (end - begin,)
        The metrics of `COLUMNS`; NaN where one is not defined.
    sums, squares : ndarray of float64, shape (end - begin, 16)
        Σ r and Σ r² of each time block, `PreparedSweep.n_returns` returns long; what follows
        ruin counts as 0.
    """

    begin: int
    end: int
    columns: Table
    sums: FloatArray
    squares: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepEstimate:
    """What a sweep will take; `engine` and `reason` as `PreparedSweep` has them."""

    seconds: float
    memory_bytes: int
    engine: str
    reason: str


class PreparedSweep:
    """A sweep that is ready to run, block by block, in any order.

    Parameters
    ----------
    points : Points
    measured_by : Yardstick
    by_events : EventPoints
        The event engine, which can do every point.
    by_transitions : sequence of TransitionPoints
        What does them faster, if anything does.
    reason : str
        Why nothing does; empty otherwise.

    Attributes
    ----------
    engine : {"transitions", "events"}
        What measures the points.
    reason : str
        In words, why the event engine; empty otherwise.
    blocks : tuple of (begin, end)
        Ranges of points, about a second of work each; the same for equal sweeps everywhere.
    block_edges_ms : ndarray of int64, shape (17,)
        The stamps of the bars between which the time blocks lie, UTC ms.
    n_returns : ndarray of int64, shape (16,)
        How many returns each time block has.
    """

    def __init__(
        self,
        points: Points,
        measured_by: Yardstick,
        by_events: EventPoints,
        by_transitions: Sequence[TransitionPoints],
        reason: str,
    ) -> None:
        self.points = points
        self.n_points = points.n_points
        self.engine = TRANSITIONS if by_transitions else EVENTS
        self.reason = reason
        self.measured_by = measured_by
        self.block_edges_ms: IntArray = measured_by.edges_ms
        self.n_returns: IntArray = measured_by.n_returns
        self.blocks = _blocks(self.n_points, _point_s(self.engine, measured_by.time.size))
        self._by_events = by_events
        self._by_transitions = by_transitions

    def evaluate(
        self,
        i_block: int,
        *,
        threads: int = 1,
        is_cancelled: Callable[[], bool] | None = None,
    ) -> SweepBlock:
        """Measure the points of one block.

        Parameters
        ----------
        i_block : int
            Of `blocks`.
        threads : int
            How many run at once; the result is the same to the last bit.
        is_cancelled : callable, optional
            Asked several times a second.

        Raises
        ------
        SweepCancelledError
            Soon after `is_cancelled` says so.
        EngineError
            If a point is refused.
        """
        begin, end = self.blocks[i_block]
        totals = empty_totals(end - begin)
        asks = is_cancelled or _never
        left = list(range(begin, end)) if not self._by_transitions else []
        for walker in self._by_transitions:
            left += walker.measure(begin, end, totals, threads, asks)
        self._by_events.measure(left, totals, [i - begin for i in left], threads, asks)
        return SweepBlock(
            begin=begin,
            end=end,
            columns=point_metrics(totals, self.measured_by),
            sums=totals.sums,
            squares=totals.squares,
        )


def prepare_sweep(bars: Mapping[str, Bars], config: RunConfig, points: Points) -> PreparedSweep:
    """Return a sweep that is ready to run.

    Parameters
    ----------
    bars : mapping of symbol to Bars
        Of the traded symbols, and of those that the strategy reads.
    config : RunConfig
        The run at whose parameters the points differ.
    points : Points
        At least one.

    Raises
    ------
    InvalidBarsError
        If bars cannot be traded on, or none lies between start and end.
    InvalidParameterError, InvalidFormulaError, InvalidStrategyError, UnknownStrategyError
        If the configuration is refused.
    """
    run = plan_run(with_params(config, points.params(0)))
    market = run.market(bars)
    measured_by = yardstick(market, run.config)
    by_events = EventPoints(bars, run.config, points, measured_by)
    reason = why_not_transitions(run, market)
    walkers: list[TransitionPoints] = []
    if not reason:
        found = families(run, points.columns, bars, market)
        if isinstance(found, str):
            reason = found
        else:
            tape = sweep_tape(market, run.config, measured_by)
            walkers = [TransitionPoints(one, tape, run.config, measured_by) for one in found]
    return PreparedSweep(points, measured_by, by_events, walkers, reason)


def estimate_sweep(bars: Mapping[str, Bars], config: RunConfig, points: Points) -> SweepEstimate:
    """Return how long a sweep takes on one core, and how much memory.

    Measured: some neighbouring points from the middle are run, so that what points share is shared
    here as well. One point alone would take five to ten times its part of a large sweep.
    """
    sweep = prepare_sweep(bars, config, points)
    n_tried = min(points.n_points, TRIED_POINTS[sweep.engine])
    begin = (points.n_points - n_tried) // 2
    sample = prepare_sweep(bars, config, points.part(begin, begin + n_tried))
    sample.evaluate(0)  # what is made once for all points
    began = perf_counter()
    for i_block in range(len(sample.blocks)):
        sample.evaluate(i_block)
    n_bars = sum(series.time.size for series in bars.values())
    return SweepEstimate(
        seconds=(perf_counter() - began) * points.n_points / n_tried,
        memory_bytes=n_bars * BAR_BYTES[sweep.engine] + points.n_points * _result_bytes(),
        engine=sweep.engine,
        reason=sweep.reason,
    )


def whole_table(sweep: PreparedSweep, threads: int = 1) -> Table:
    """Return the points' parameters and metrics, every block measured, in the points' order."""
    blocks = [sweep.evaluate(i, threads=threads) for i in range(len(sweep.blocks))]
    measured = {name: np.concatenate([b.columns[name] for b in blocks]) for name in COLUMNS}
    return {**sweep.points.columns, **measured}


def _never() -> bool:
    return False


def _point_s(engine: str, n_bars: int) -> float:
    return POINT_S[engine] + BAR_S[engine] * n_bars


def _blocks(n_points: int, point_s: float) -> tuple[tuple[int, int], ...]:
    """Return ranges of equal length, about a second each."""
    n_blocks = max(1, round(n_points * point_s), -(-n_points // MAX_BLOCK))
    edges = [k * n_points // n_blocks for k in range(n_blocks + 1)]
    return tuple((a, b) for a, b in pairwise(edges) if a < b)


def _result_bytes() -> int:
    """Return how much is kept of a point."""
    return 8 * (len(COLUMNS) + 2 * N_TIME_BLOCKS + len(fields(Totals)))
