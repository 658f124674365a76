"""Sweeps: asked for, watched while they fill, answered from the store for ever after."""

from __future__ import annotations

import numpy as np

from config.sweep import SweepConfig
from dataapi import wire
from dataapi.services.documents import Document
from dataapi.services.ledger import judged, ledger_of
from dataapi.services.runs import Runs
from dataapi.services.studies import HIDDEN, Studies, asked_part
from dataapi.services.sweep_inputs import SweepInputs, gather_sweep
from dataapi.services.sweep_points import Filling, Measured, point_table
from dataapi.store import (
    JobInfo,
    NewTrials,
    NotStoredError,
    StoredStudy,
    data_of,
    family_of,
    trial_hashes,
)
from engine.sweeps.axes import Points, resolve_points
from engine.sweeps.preparing import estimate_sweep, prepare_sweep
from engine.types import Table

MAX_POINTS_SHOWN = 2_000
"""A larger sweep's document leaves its points to a request of their own."""

RESULTS = ("best", "top", "plateau", "edges", "pareto", "pbo", "pbo_logits", "pbo_trials", "timing")
"""What a sweep's document has only when it is done."""


class Sweeps(Studies[SweepConfig]):
    """Everything that can be asked about sweeps."""

    def __init__(self, runs: Runs) -> None:
        super().__init__(runs, "sweep")
        self._filling = Filling()

    def estimate(self, config: SweepConfig) -> Document:
        """Return what a sweep will take, and how many trials were made before it."""
        inputs = self.gather(config)
        found = estimate_sweep(inputs.run.bars, inputs.config.run, inputs.points)
        return {
            "seconds": found.seconds,
            "memory_bytes": found.memory_bytes,
            "engine": found.engine,
            "reason": found.reason,
            **self.before(inputs),
        }

    def gather(self, config: SweepConfig) -> SweepInputs[SweepConfig]:
        """Return what a sweep of this configuration is made from."""
        return gather_sweep(self.runs, config)

    def _asked(self, inputs: SweepInputs[SweepConfig]) -> Document:
        prepared = prepare_sweep(inputs.run.bars, inputs.config.run, inputs.points)
        rules, timeframe = prepared.measured_by.rules, inputs.config.run.timeframe
        return {
            **asked_part(inputs, prepared.engine, prepared.reason),
            "periods_per_year": rules.periods_per_year,
            "time_blocks": {
                "edges": [wire.iso_stamp(ms, timeframe) for ms in prepared.block_edges_ms],
                "n_returns": prepared.n_returns,
            },
            HIDDEN: {
                "blocks": [begin for begin, _ in prepared.blocks],
                "rate": rules.risk_free_per_period,
            },
        }

    def _document(self, stored: StoredStudy) -> Document:
        stored, job = self.settled(stored)
        return {
            **self.head(stored, job),
            "n_done": self._n_done(stored, job),
            **(stored.result or dict.fromkeys(RESULTS)),
            **self._best(stored),
            "points": self._few_points(stored),
            "links": {"points": f"/api/v1/sweeps/{stored.id}/points"},
        }

    def _n_done(self, stored: StoredStudy, job: JobInfo | None) -> int:
        """Return how many points are measured; a job's progress is told a moment later."""
        if stored.result is not None:
            return stored.n_points
        if job is None:
            return 0
        edges = [*stored.document[HIDDEN]["blocks"], stored.n_points]
        return sum(edges[i + 1] - edges[i] for i in self.store.jobs.finished_blocks(job.id))

    def _few_points(self, stored: StoredStudy) -> Document | None:
        """Return the points of a small sweep that is done; None where they have to be asked for."""
        if stored.result is None or stored.n_points > MAX_POINTS_SHOWN:
            return None
        return wire.json_columns(self.studies.table(stored.id, "points"))

    def _best(self, stored: StoredStudy) -> Document:
        """Return what is said of the best point as of now: its run, and its odds."""
        entry = ledger_of(self.store, stored.document["config"]["run"])
        found: Document = {"trials": entry.n_trials, "dsr": None}
        if stored.result is None or stored.result["best"] is None:
            return found
        best = dict(stored.result["best"])
        run_id = best.pop("run_id")
        try:
            document = self.runs.document(run_id)
        except NotStoredError:
            return {**found, "best": {**best, "run_url": None}}
        judgement = judged(self.store, document, self.runs.table(run_id, "equity"))
        return {
            **found,
            "best": {**best, "run_url": f"{self.runs.public_url.rstrip('/')}/runs/{run_id}"},
            "dsr": judgement["dsr"],
            "expected_best_sharpe": judgement["expected_best_sharpe"],
        }

    def points(self, sweep_id: str, *, is_final: bool = False) -> Table:
        """Return the points as columns: parameters and metrics, NaN where not measured yet.

        Parameters
        ----------
        is_final : bool
            Whether only the whole result is wanted.

        Raises
        ------
        NotStoredError
            If there is no such sweep.
        Conflict
            If the whole result is wanted, and there is none.
        """
        stored = self.studies.get(sweep_id)
        if stored.result is not None:
            return self.studies.table(sweep_id, "points")
        if is_final:
            hint = "Ask for its points without `final` to see those measured so far."
            raise self.unfinished(stored, hint)
        measured = self._filling.measured(self.store, stored)
        return point_table(points_of(stored), measured.columns)

    def count_tried(self, stored: StoredStudy) -> None:
        """Put the points that an unfinished sweep has measured into the ledger."""
        measured = self._filling.measured(self.store, stored)
        if measured.n_done:
            self.store.trials.put(measured_trials(stored, points_of(stored), measured))


def points_of(stored: StoredStudy) -> Points:
    """Return the points of a stored sweep."""
    return resolve_points(SweepConfig.model_validate(stored.document["config"]))


def measured_trials(stored: StoredStudy, points: Points, measured: Measured) -> NewTrials:
    """Return the measured points of a sweep as trials of the ledger."""
    document = stored.document
    run = document["config"]["run"]
    n_returns = np.array(document["time_blocks"]["n_returns"], dtype=np.float64)
    sharpe = measured.sharpe_of(slice(None), n_returns, document[HIDDEN]["rate"])
    is_done = measured.is_done
    params = {**run["strategy"]["params"], **points.columns}
    return NewTrials(
        family=family_of(run),
        data=data_of(run),
        source_kind="sweep",
        source_id=stored.id,
        hashes=trial_hashes(run, params, points.n_points)[is_done],
        sharpe=sharpe[is_done],
    )
