"""The best combination of some spans of bars: a sweep over each, measured together."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from config.run import RunConfig
from engine.analysis.outcome import Outcome
from engine.metrics.series import return_series
from engine.significance.grid import best_point
from engine.sweeps.axes import Points
from engine.sweeps.measuring import COLUMNS, Totals, Yardstick, point_metrics, yardstick
from engine.sweeps.preparing import PreparedSweep, prepare_sweep
from engine.types import Bars, FloatArray, Table
from engine.walkforward.accounts import Clock, over_span
from engine.walkforward.splits import Span

MOST_KEPT = 25_000_000
"""Numbers of measured spans that are kept for splits to come: 200 MB."""

Progress = Callable[[int, int], None]
"""Told how many points of how many are measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """All points on one span.

    columns : dict of name to ndarray, shape (n_points,)
        `engine.sweeps.measuring.COLUMNS`, NaN where not defined.
    sums, squares : ndarray of float64, shape (n_points,)
        Σ r and Σ r².
    n_returns : int
    measured_by : Yardstick
    """

    columns: Table
    sums: FloatArray
    squares: FloatArray
    n_returns: int
    measured_by: Yardstick


class Chooser:
    """Measures the points on spans, each once, and chooses among them.

    Parameters
    ----------
    bars : mapping of symbol to Bars
    config : RunConfig
        Resolved.
    points : Points
    clock : Clock
    """

    def __init__(
        self, bars: Mapping[str, Bars], config: RunConfig, points: Points, clock: Clock
    ) -> None:
        self._bars, self._config, self._points, self._clock = bars, config, points, clock
        # Cross-validation asks for the same spans again and again.
        self._known: dict[Span, Measured] = {}

    def choose(
        self,
        spans: Sequence[Span],
        objective: str,
        *,
        smaller_is_better: bool,
        threads: int = 1,
        is_cancelled: Callable[[], bool] | None = None,
        on_progress: Progress | None = None,
    ) -> tuple[int | None, Table]:
        """Return the best point's position on these spans together, and all points' metrics.

        The first in product order of equal ones; None where no point has the objective.
        """
        n_points = self._points.n_points
        found = []
        for k, span in enumerate(spans):

            def tell(done: int, before: int = k) -> None:
                if on_progress is not None:
                    on_progress(before * n_points + done, len(spans) * n_points)

            measured = self._known.get(span)
            if measured is None:
                measured = self._measured(span, threads, is_cancelled, tell)
                self._keep(span, measured)
            found.append(measured)
            tell(n_points)
        columns = found[0].columns if len(found) == 1 else together(found, self._clock)
        return best_point(columns[objective], smaller_is_better=smaller_is_better), columns

    def forget(self) -> None:
        """Free what was measured: windows never come back to a span."""
        self._known.clear()

    def _keep(self, span: Span, measured: Measured) -> None:
        """Keep a span's measures in place of the oldest ones, as far as there is room."""
        n_numbers = (len(COLUMNS) + 2) * self._points.n_points
        self._known[span] = measured
        while len(self._known) * n_numbers > MOST_KEPT:
            del self._known[next(iter(self._known))]

    def _measured(
        self,
        span: Span,
        threads: int,
        is_cancelled: Callable[[], bool] | None,
        tell: Callable[[int], None],
    ) -> Measured:
        config = over_span(self._config, self._clock, span)
        sweep: PreparedSweep = prepare_sweep(self._bars, config, self._points)
        blocks = []
        for i in range(len(sweep.blocks)):
            blocks.append(sweep.evaluate(i, threads=threads, is_cancelled=is_cancelled))
            tell(blocks[-1].end)
        return Measured(
            columns={name: np.concatenate([b.columns[name] for b in blocks]) for name in COLUMNS},
            sums=np.concatenate([block.sums.sum(axis=1) for block in blocks]),
            squares=np.concatenate([block.squares.sum(axis=1) for block in blocks]),
            n_returns=int(sweep.n_returns.sum()),
            measured_by=sweep.measured_by,
        )


def together(parts: Sequence[Measured], clock: Clock) -> Table:
    """Return the metrics of points over several spans, as if one followed the other.

    Every span is an account of its own that begins with the cash. Growth is multiplied, returns
    are taken together (M4), years and trades are added up; the drawdown is the deepest of any
    span, since a fall cannot go on where bars are missing between.
    """
    cash = clock.cash
    growth = np.prod([1.0 + part.columns["total_return"] for part in parts], axis=0)
    totals = Totals(
        final_equity=cash * growth,
        grown=cash * growth,
        max_drawdown=np.min([part.columns["max_drawdown"] for part in parts], axis=0),
        n_trades=np.sum([part.columns["trades"] for part in parts], axis=0, dtype=np.int64),
        n_returns=np.full(growth.size, sum(part.n_returns for part in parts), dtype=np.int64),
        sums=np.array([part.sums for part in parts]).T,
        squares=np.array([part.squares for part in parts]).T,
    )
    elapsed = sum(int(part.measured_by.time[-1] - part.measured_by.time[0]) for part in parts)
    measured_by = replace(
        parts[0].measured_by, time=np.array([0, elapsed], dtype=np.int64), rules=clock.rules
    )
    return point_metrics(totals, measured_by)


def measured_run(outcome: Outcome, clock: Clock) -> Measured:
    """Return one run as if it were a sweep of one point."""
    time, equity = outcome.ledger.time, outcome.ledger.equity
    returns = return_series(time, equity, clock.cash, clock.rules)
    return Measured(
        columns={name: np.array([outcome.metrics[name]], dtype=float) for name in COLUMNS},
        sums=np.array([returns.sum()]),
        squares=np.array([returns @ returns]),
        n_returns=returns.size,
        measured_by=yardstick(outcome.market, outcome.plan.config),
    )


def metrics_at(columns: Table, i: int) -> dict[str, float | int | None]:
    """Return the metrics of one point, None where one is not defined."""
    found: dict[str, float | int | None] = {}
    for name in COLUMNS:
        value = columns[name][i].item()
        found[name] = value if math.isfinite(value) else None
    return found
