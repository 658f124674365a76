"""A worker's part of a walk-forward: window after window, then all of them stitched."""

from __future__ import annotations

from collections.abc import Callable

from config.sweep import WalkForwardConfig
from dataapi.executors import BlockTask
from dataapi.services.documents import Document, library_versions
from dataapi.services.job_context import JobContext, JobInterruptedError
from dataapi.services.runs import Runs
from dataapi.services.studies import finite
from dataapi.services.sweep_inputs import gather_asked
from dataapi.services.walkforwards import WalkForwards, finished_windows, window_trials
from dataapi.services.window_blocks import decode_window, encode_window
from dataapi.store import StoredStudy, StudyResult
from engine.types import Table
from engine.walkforward import PreparedWalkForward, WindowResult, prepare_walkforward

TABLES = ("equity", "trades")


class WindowBlocks:
    """The windows of a prepared walk-forward, each a block, for an executor."""

    def __init__(self, prepared: PreparedWalkForward) -> None:
        self._prepared = prepared

    def block(self, i_block: int, *, threads: int, is_cancelled: Callable[[], bool]) -> bytes:
        """Return a finished window as it is kept."""
        return encode_window(
            self._prepared.run_window(i_block, threads=threads, is_cancelled=is_cancelled)
        )


def prepare(runs: Runs, study_id: str) -> WindowBlocks:
    """Return the windows of a stored walk-forward, for the executor of another process.

    Raises
    ------
    Conflict
        If the bars have changed since it was asked for, or it was asked of another engine.
    """
    inputs = gather_asked(runs, runs.store.walkforwards.get(study_id), WalkForwardConfig)
    return WindowBlocks(prepare_walkforward(inputs.run.bars, inputs.config))


def carry_out(context: JobContext) -> bool:
    """Do a walk-forward's job; return whether its result was stored.

    Raises
    ------
    Conflict
        If the bars have changed since it was asked for, or it was asked of another engine.
    JobInterruptedError
        When it is not to be gone on with here; the windows that are done are kept.
    """
    runs = context.services.runs
    stored = runs.store.walkforwards.get(context.job.subject)
    inputs = gather_asked(runs, stored, WalkForwardConfig)
    prepared = prepare_walkforward(inputs.run.bars, inputs.config)
    try:
        results = _results(context, stored, prepared)
    except JobInterruptedError:
        # The combinations were tried, whatever becomes of the other windows.
        WalkForwards(runs).count_tried(stored)
        raise
    found = prepared.stitch(results)
    tables: dict[str, Table] = {name: found.pop(name) for name in TABLES if name in found}
    result = finite({**found, "timing": {**context.timing, **library_versions()}})
    return runs.store.walkforwards.finish(
        context.job,
        StudyResult(
            document=result,
            summary=_summary(result),
            tables=tables,
            trials=window_trials(stored, results),
        ),
    )


def _results(
    context: JobContext, stored: StoredStudy, prepared: PreparedWalkForward
) -> list[WindowResult]:
    """Return every window, those done that were not yet."""
    n_windows = len(prepared.windows)
    finished = finished_windows(context.services.runs.store, context.job.id)
    todo = [i for i in range(n_windows) if i not in finished]
    task = BlockTask(
        prepare=f"{__name__}:{prepare.__name__}",
        subject=stored.id,
        key=stored.key,
        work=WindowBlocks(prepared),
    )
    context.report(len(finished), n_windows, "windows", "choosing in the first window")
    for i, data in context.compute(task, todo):
        context.put_block(i, data)
        finished[i] = decode_window(data)
        context.report(len(finished), n_windows, "windows", f"window {i + 1} of {n_windows} done")
    return list(finished.values())


def _summary(result: Document) -> Document:
    """Return what a row of the list shows."""
    if result["method"] == "walk_forward":
        metrics = result["stitched"]["metrics"]
        shown = {name: metrics[name] for name in ("total_return", "sharpe", "max_drawdown")}
        return {"method": result["method"], "efficiency": result["efficiency"], **shown}
    return {
        "method": result["method"],
        "sharpe": result["distribution"]["sharpe"]["p50"],
        "probability_of_loss": result["probability_of_loss"],
    }
