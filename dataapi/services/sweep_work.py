"""A worker's part of a sweep: block after block, then what the whole of it says."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from config.sweep import SMALLER_IS_BETTER, SweepConfig
from dataapi.executors import BlockTask
from dataapi.services.documents import Document, library_versions
from dataapi.services.job_context import JobContext, JobInterruptedError
from dataapi.services.runs import Runs
from dataapi.services.studies import finite
from dataapi.services.sweep_inputs import SweepInputs, gather_asked
from dataapi.services.sweep_points import (
    N_TOP,
    Measured,
    encode_block,
    logit_histogram,
    point_document,
    point_table,
    ranking,
)
from dataapi.services.sweeps import Sweeps, measured_trials
from dataapi.store import StoredStudy, StudyResult
from engine.significance import cscv_logits
from engine.significance.grid import edges, neighbourhood, pareto, plateau
from engine.sweeps.events import with_params
from engine.sweeps.preparing import PreparedSweep, prepare_sweep
from engine.sweeps.sampling import drawn
from engine.types import FloatArray

MAX_JUDGED = 10_000
"""Points whose overfitting is judged, at most: some seconds."""

HALF = 8
"""Time blocks of the first half, on which a point is trained; the second one tests it."""


class SweepBlocks:
    """The blocks of a prepared sweep, for an executor."""

    def __init__(self, prepared: PreparedSweep) -> None:
        self._prepared = prepared

    def block(self, i_block: int, *, threads: int, is_cancelled: Callable[[], bool]) -> bytes:
        """Return a measured block as it is kept."""
        return encode_block(
            self._prepared.evaluate(i_block, threads=threads, is_cancelled=is_cancelled)
        )


def prepare(runs: Runs, sweep_id: str) -> SweepBlocks:
    """Return the blocks of a stored sweep, for the executor of another process.

    Raises
    ------
    Conflict
        If the bars have changed since it was asked for, or it was asked of another engine.
    """
    inputs = gather_asked(runs, runs.store.sweeps.get(sweep_id), SweepConfig)
    return SweepBlocks(prepare_sweep(inputs.run.bars, inputs.config.run, inputs.points))


def carry_out(context: JobContext) -> bool:
    """Do a sweep's job; return whether its result was stored, false when the job went elsewhere.

    Raises
    ------
    Conflict
        If the bars have changed since it was asked for, or it was asked of another engine.
    JobInterruptedError
        When it is not to be gone on with here; the blocks that are done are kept.
    """
    runs = context.services.runs
    stored = runs.store.sweeps.get(context.job.subject)
    inputs = gather_asked(runs, stored, SweepConfig)
    prepared = prepare_sweep(inputs.run.bars, inputs.config.run, inputs.points)
    try:
        measured = _measure(context, stored, prepared)
    except JobInterruptedError:
        # Whoever watched has seen these points: they count as tried, whatever becomes of the rest.
        Sweeps(runs).count_tried(stored)
        raise
    return runs.store.sweeps.finish(
        context.job, _result(context, stored, inputs, prepared, measured)
    )


def _measure(context: JobContext, stored: StoredStudy, prepared: PreparedSweep) -> Measured:
    """Return all points, those measured that were not yet."""
    n_points, ranges = prepared.n_points, prepared.blocks
    measured = Measured(n_points)
    finished = context.blocks()
    for i_block, data in finished.items():
        measured.put(*ranges[i_block], data)
    todo = [i_block for i_block in range(len(ranges)) if i_block not in finished]
    task = BlockTask(
        prepare=f"{__name__}:{prepare.__name__}",
        subject=stored.id,
        key=stored.key,
        work=SweepBlocks(prepared),
    )
    context.report(measured.n_done, n_points, "points", "measuring")
    meters, since_s = context.services.runs.meters, time.perf_counter()
    for i_block, data in context.compute(task, todo):
        begin, end = ranges[i_block]
        now_s = time.perf_counter()
        n_bars = (end - begin) * int(prepared.n_returns.sum())
        meters.count("sweep", seconds=now_s - since_s, bars=n_bars, combinations=end - begin)
        since_s = now_s
        context.put_block(i_block, data)
        measured.put(begin, end, data)
        note = f"points {begin + 1:,} to {end:,} measured"
        context.report(measured.n_done, n_points, "points", note)
    context.report(n_points, n_points, "points", "judging the whole")
    return measured


def _result(
    context: JobContext,
    stored: StoredStudy,
    inputs: SweepInputs[SweepConfig],
    prepared: PreparedSweep,
    measured: Measured,
) -> StudyResult:
    points, objective = inputs.points, inputs.config.objective
    values, is_smaller_better = measured.columns[objective], objective in SMALLER_IS_BETTER
    ranked = ranking(values, objective, N_TOP)
    top = [point_document(points, measured.columns, i) for i in ranked]
    best = None
    if top:
        run = context.services.runs.submit(with_params(inputs.config.run, top[0]["params"]))
        best = {**top[0], "run_id": run.id}
    pbo, logits, n_judged = _overfitting(prepared, measured)
    front = pareto(measured.columns["total_return"], measured.columns["max_drawdown"])
    document = {
        "best": best,
        "top": top,
        "plateau": plateau(points, values, smaller_is_better=is_smaller_better),
        "edges": edges(points, ranked[0], _bounds(inputs)) if ranked else [],
        "pareto": front.tolist(),
        "pbo": pbo,
        "pbo_logits": logits,
        "pbo_trials": n_judged,
        "timing": {**context.timing, **library_versions()},
    }
    summary = {"objective": objective, "best": None if best is None else top[0], "pbo": pbo}
    around = neighbourhood(points, values, smaller_is_better=is_smaller_better)
    also = {"neighbourhood_median": around.median, "neighbourhood_worst": around.minimum}
    columns = measured.columns | _halves(prepared, measured) | also
    return StudyResult(
        document=finite(document),
        summary=finite(summary),
        tables={"points": point_table(points, columns)},
        trials=measured_trials(stored, points, measured),
    )


def _bounds(inputs: SweepInputs[SweepConfig]) -> dict[str, tuple[float | None, float | None]]:
    """Return what the strategy allows of each axis."""
    specs = inputs.run.plan.definition.params
    return {name: (specs[name].min, specs[name].max) for name in inputs.points.names}


def _halves(prepared: PreparedSweep, measured: Measured) -> dict[str, FloatArray]:
    """Return each point's annual Sharpe ratio in the first and in the second half of the run."""
    rules = prepared.measured_by.rules
    root, rate = np.sqrt(rules.periods_per_year), rules.risk_free_per_period
    n_returns = prepared.n_returns.astype(np.float64)
    halves = {"train_sharpe": slice(0, HALF), "test_sharpe": slice(HALF, None)}
    return {name: measured.sharpe_of(half, n_returns, rate) * root for name, half in halves.items()}


def _overfitting(
    prepared: PreparedSweep, measured: Measured
) -> tuple[float | None, Document | None, int]:
    """Return the probability of overfitting (M12), its logits, and of how many points it was made.

    Of very many points some, drawn at random, stand for all: neighbours hardly differ, and the
    splits of 100,000 points take longer than the points themselves.
    """
    sums, squares = measured.sums, measured.squares
    if prepared.n_points > MAX_JUDGED:
        chosen = drawn(prepared.n_points, MAX_JUDGED, seed=0)
        sums, squares = sums[chosen], squares[chosen]
    if len(sums) < 2 or not prepared.n_returns.all():
        return None, None, len(sums)
    logits = cscv_logits(prepared.n_returns, sums, squares)
    return float(np.mean(logits <= 0.0)), logit_histogram(logits), len(sums)
