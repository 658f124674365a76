"""The points of a sweep one by one on the event engine: every strategy, every rule.

What points share is made once: the bars on their clock, for each number of warm-up bars, and the
indicators of equal parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Lock
from typing import Any

import numpy as np

from config.run import RunConfig
from engine.errors import SweepCancelledError
from engine.metrics.drawdowns import drawdown_series
from engine.metrics.series import returns_of, unit_curve
from engine.resolve import RunPlan, plan_run
from engine.sweeps.axes import Points
from engine.sweeps.measuring import Totals, Yardstick
from engine.trial import Trial
from engine.types import Bars, Ledger, Market

IsCancelled = Callable[[], bool]


class EventPoints:
    """Measures points by running each as a backtest of its own."""

    def __init__(
        self,
        bars: Mapping[str, Bars],
        config: RunConfig,
        points: Points,
        measured_by: Yardstick,
    ) -> None:
        self._bars, self._config, self._points = bars, config, points
        self._measured_by = measured_by
        self._markets: dict[int, Market] = {}
        self._lock = Lock()

    def measure(
        self,
        which: list[int],
        out: Totals,
        rows: list[int],
        threads: int,
        is_cancelled: IsCancelled,
    ) -> None:
        """Write what is kept of the points `which` into these rows of `out`.

        Raises
        ------
        SweepCancelledError
            Within one point of `is_cancelled`.
        """

        def one(point: int, row: int) -> None:
            if is_cancelled():
                raise SweepCancelledError
            self._write(self.ledger(point), out, row)

        if threads == 1 or len(which) == 1:
            for point, row in zip(which, rows, strict=True):
                one(point, row)
            return
        with ThreadPoolExecutor(threads) as pool:
            done = [pool.submit(one, point, row) for point, row in zip(which, rows, strict=True)]
            for future in done:
                future.result()

    def ledger(self, i_point: int) -> Ledger:
        """Return the books of one point."""
        run = plan_run(with_params(self._config, self._points.params(i_point)))
        market = self._market(run)
        trial = Trial(run.strategy, run.config)
        decisions, _ = trial.evaluate(market)
        return trial.ledger(market, decisions)

    def _market(self, run: RunPlan) -> Market:
        """Return the bars with as many before the start as the single run would read."""
        n_before = run.warm_up_bars if run.start_ms is not None else 0
        with self._lock:
            if n_before not in self._markets:
                self._markets[n_before] = run.market(self._bars)
            return self._markets[n_before]

    def _write(self, ledger: Ledger, out: Totals, row: int) -> None:
        by = self._measured_by
        curve = unit_curve(ledger.equity, ledger.flow, by.cash)
        ends = np.maximum(curve[by.last], 0.0)
        ends[:1] = by.cash
        returns = np.zeros(by.last.size - 1)
        alive = returns_of(ends)
        returns[: alive.size] = alive
        out.final_equity[row] = ledger.equity[-1]
        out.grown[row] = curve[-1]
        out.max_drawdown[row] = drawdown_series(curve, by.cash).min()
        out.n_trades[row] = ledger.n_closed
        out.n_returns[row] = alive.size
        for k, (begin, stop) in enumerate(pairwise(by.edges)):
            part = returns[begin:stop]
            out.sums[row, k] = part.sum()
            out.squares[row, k] = part @ part


def with_params(config: RunConfig, params: Mapping[str, Any]) -> RunConfig:
    """Return the run of one point: these parameters in place of the configured ones."""
    strategy = config.strategy
    merged = strategy.model_copy(update={"params": {**strategy.params, **params}})
    return config.model_copy(update={"strategy": merged})
