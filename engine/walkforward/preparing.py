"""A walk-forward or cross-validation that is ready to run, one window at a time.

A window needs nothing of the others, so a job may do them in any process, keep each result and go
on after a crash with those that are missing; `stitch` then puts all results together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from config.sweep import SMALLER_IS_BETTER, WalkForwardConfig
from engine.resolve import plan_run
from engine.sweeps.axes import Points, resolve_points
from engine.sweeps.events import with_params
from engine.sweeps.preparing import estimate_sweep
from engine.types import Bars, FloatArray, IntArray
from engine.walkforward.accounts import (
    Clock,
    Trader,
    clock_of,
    headline,
    over_span,
    refuse_empty,
)
from engine.walkforward.choosing import (
    Chooser,
    Progress,
    measured_run,
    metrics_at,
    together,
)
from engine.walkforward.splits import Split, splits_of
from engine.walkforward.stitching import stitched_paths, stitched_windows


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowResult:
    """What one window came to.

    Attributes
    ----------
    document : dict
        Ready for JSON: i; of a walk-forward in_sample and out_of_sample (first, last, bars) and
        is_short, of folds train and test (lists of them) and folds; params (None when no point has
        the objective: the window stays in cash), in_sample_metrics and out_of_sample_metrics.
    time, equity : ndarray, shape (n_test_bars,)
        UTC ms and equity at the out-of-sample closes, every test span begun with the cash.
    trial_sharpe : ndarray of float64, shape (n_points,), or None
        In-sample Sharpe ratio a period of every combination, in the points' order, NaN where there
        is none: each was a trial (M11). None in a result that was kept without it.
    """

    document: dict[str, Any]
    time: IntArray
    equity: FloatArray
    trial_sharpe: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class WalkForwardEstimate:
    """What all windows will take on one core; `engine` and `reason` are those of the sweeps."""

    n_windows: int
    n_points: int
    seconds: float
    memory_bytes: int
    engine: str
    reason: str


class PreparedWalkForward:
    """A walk-forward or cross-validation that is ready to run.

    Attributes
    ----------
    windows : tuple of Split
    points : Points
    n_points : int
        Combinations tried in every window.
    clock : Clock
        Of the whole run.
    """

    def __init__(
        self,
        bars: Mapping[str, Bars],
        config: WalkForwardConfig,
        points: Points,
        clock: Clock,
        windows: tuple[Split, ...],
    ) -> None:
        self.windows = windows
        self.points = points
        self.n_points = points.n_points
        self.clock = clock
        self._config = config
        self._trader = Trader(bars, config.run, clock)
        self._chooser = Chooser(bars, config.run, points, clock)

    def run_window(
        self,
        i: int,
        *,
        threads: int = 1,
        is_cancelled: Callable[[], bool] | None = None,
        on_progress: Progress | None = None,
    ) -> WindowResult:
        """Choose in one window and trade the choice.

        Parameters
        ----------
        i : int
            Of `windows`.
        threads : int
            How many points are measured at once; the result is the same to the last bit.
        is_cancelled : callable, optional
            Asked several times a second.
        on_progress : callable, optional
            Told how many points of how many are measured.

        Raises
        ------
        SweepCancelledError
            Soon after `is_cancelled` says so.
        EngineError
            If a point is refused.
        """
        split, objective = self.windows[i], self._config.objective
        best, columns = self._chooser.choose(
            split.train,
            objective,
            smaller_is_better=objective in SMALLER_IS_BETTER,
            threads=threads,
            is_cancelled=is_cancelled,
            on_progress=on_progress,
        )
        if not split.folds:
            self._chooser.forget()
        params = None if best is None else self.points.params(best)
        document: dict[str, Any] = {
            "i": i,
            **self.told(split),
            "params": params,
            "in_sample_metrics": None if best is None else metrics_at(columns, best),
        }
        by_period = columns["sharpe"] / math.sqrt(self.clock.rules.periods_per_year)
        return replace(self._traded(document, split), trial_sharpe=by_period)

    def told(self, split: Split) -> dict[str, Any]:
        """Return which bars choose and which are traded, as documents say it."""
        if split.folds:
            return {
                "train": [self.clock.told(span) for span in split.train],
                "test": [self.clock.told(span) for span in split.test],
                "folds": list(split.folds),
            }
        return {
            "in_sample": self.clock.told(split.train[0]),
            "out_of_sample": self.clock.told(split.test[0]),
            "is_short": split.is_short,
        }

    def _traded(self, document: dict[str, Any], split: Split) -> WindowResult:
        """Return the result of a window whose parameters are chosen."""
        time = np.concatenate([self.clock.time[slice(*span)] for span in split.test])
        params = document["params"]
        if params is None:
            equity = np.full(time.size, self.clock.cash)
            return WindowResult(
                document=document | {"out_of_sample_metrics": None}, time=time, equity=equity
            )
        runs = [self._trader.trade(params, span) for span in split.test]
        found = headline(runs[0])
        if len(runs) > 1:
            parts = [measured_run(run, self.clock) for run in runs]
            found = metrics_at(together(parts, self.clock), 0)
        equity = np.concatenate([run.ledger.equity for run in runs])
        return WindowResult(
            document=document | {"out_of_sample_metrics": found}, time=time, equity=equity
        )

    def stitch(self, results: Sequence[WindowResult]) -> dict[str, Any]:
        """Return what all windows come to together.

        Parameters
        ----------
        results : sequence of WindowResult
            Of every window, in any order; those of another process as well.

        Returns
        -------
        dict
            method, windows (the documents in order), and of a walk-forward what
            `stitching.stitched_windows` returns, of folds what `stitching.stitched_paths` does.

        Raises
        ------
        ValueError
            If a window is missing.
        """
        ordered = sorted(results, key=lambda result: int(result.document["i"]))
        if [result.document["i"] for result in ordered] != list(range(len(self.windows))):
            raise ValueError(f"Expected each of the {len(self.windows)} windows once.")
        documents = [result.document for result in ordered]
        found: dict[str, Any] = {"method": self._config.method, "windows": documents}
        if self._config.method == "walk_forward":
            return found | stitched_windows(self._trader, self.windows, documents, self.points)
        curves = [result.equity for result in ordered]
        return found | stitched_paths(self.clock, self.windows, documents, curves)


def prepare_walkforward(bars: Mapping[str, Bars], config: WalkForwardConfig) -> PreparedWalkForward:
    """Return a walk-forward or cross-validation that is ready to run, or refuse it.

    Parameters
    ----------
    bars : mapping of symbol to Bars
        Of the traded symbols, those that the strategy reads, and the benchmark.
    config : WalkForwardConfig

    Raises
    ------
    InvalidParameterError
        If windows or folds do not fit the run's bars, the axes are refused, or the run has
        contributions.
    InvalidBarsError
        If bars cannot be traded on, or a symbol has none in some window.
    EngineError
        If the run itself is refused.
    """
    points = resolve_points(config)
    plan = plan_run(with_params(config.run, points.params(0)))
    clock = clock_of(plan, bars)
    found = splits_of(clock.time.size, config)
    refuse_empty(clock, found)
    return PreparedWalkForward(bars, config, points, clock, found)


def estimate_walkforward(
    bars: Mapping[str, Bars], config: WalkForwardConfig
) -> WalkForwardEstimate:
    """Return how long all windows take on one core, and how much memory.

    Measured: some points are run on the first training span; others are taken to need time in
    proportion to their bars. Spans that splits share count once.
    """
    prepared = prepare_walkforward(bars, config)
    clock = prepared.clock
    first = prepared.windows[0].train[0]
    spans = {span for split in prepared.windows for span in split.train}
    run = over_span(with_params(config.run, prepared.points.params(0)), clock, first)
    one = estimate_sweep(bars, run, prepared.points)
    n_bars = sum(span.n_bars for span in spans)
    return WalkForwardEstimate(
        n_windows=len(prepared.windows),
        n_points=prepared.n_points,
        seconds=one.seconds * n_bars / first.n_bars,
        memory_bytes=one.memory_bytes,
        engine=one.engine,
        reason=one.reason,
    )
