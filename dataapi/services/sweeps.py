"""Sweeps: asked for, watched while they fill, answered from the store for ever after."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

import numpy as np

from config.sweep import SweepConfig
from dataapi import wire
from dataapi.problems import Conflict
from dataapi.services.documents import Document
from dataapi.services.ledger import judged, ledger_of
from dataapi.services.runs import Runs
from dataapi.services.sweep_inputs import SweepInputs, gather_sweep
from dataapi.services.sweep_points import Filling, Measured, point_table
from dataapi.store import (
    JobInfo,
    NewStudy,
    NewTrials,
    NotStoredError,
    StoredStudy,
    StudyItem,
    data_of,
    family_of,
    trial_hashes,
)
from engine.sweeps.axes import Points, resolve_points
from engine.sweeps.preparing import estimate_sweep, prepare_sweep
from engine.types import Table
from engine.version import ENGINE_VERSION

Executor = Literal["local", "dask"]
KIND = "sweep"
HIDDEN = "hidden"
"""Of a stored document: what its job needs and nobody else."""

RESULTS = ("best", "top", "plateau", "edges", "pareto", "pbo", "pbo_trials", "timing")
"""What a sweep's document has only when it is done."""


@dataclass(frozen=True, slots=True)
class SubmittedStudy:
    """The answer to a request: its document, and whether it was not there before."""

    document: Document
    is_new: bool


class Sweeps:
    """Everything that can be asked about sweeps."""

    def __init__(self, runs: Runs) -> None:
        self.runs = runs
        self.store = runs.store
        self._filling = Filling()

    def estimate(self, config: SweepConfig) -> Document:
        """Return what a sweep will take, and how many trials were made before it."""
        inputs = gather_sweep(self.runs, config)
        found = estimate_sweep(inputs.run.bars, inputs.config.run, inputs.points.n_points)
        before = ledger_of(self.store, inputs.config.run.model_dump(mode="json"))
        stored = self.store.sweeps.get_by_key(inputs.key)
        return {
            "n_points": inputs.points.n_points,
            "n_product": inputs.points.n_product,
            "seconds": found.seconds,
            "memory_bytes": found.memory_bytes,
            "engine": found.engine,
            "reason": found.reason,
            "distinct_trials_before": before.n_trials,
            "notes": list(inputs.points.notes),
            "identical": None if stored is None else self._url(stored.id),
            "config": inputs.resolved,
        }

    def submit(self, config: SweepConfig, *, executor: Executor | None = None) -> SubmittedStudy:
        """Return the sweep of a configuration; when it is new, it is queued.

        Raises
        ------
        ApiProblem, EngineError
            When it cannot be carried out; nothing is stored then.
        """
        inputs = gather_sweep(self.runs, config)
        stored = self.store.sweeps.get_by_key(inputs.key)
        if stored is not None and stored.result is not None:
            return SubmittedStudy(self._document(stored), is_new=False)
        study = NewStudy(
            id=inputs.id,
            key=inputs.key,
            strategy=inputs.run.plan.definition.name,
            timeframe=inputs.config.run.timeframe,
            symbols=tuple(inputs.config.run.symbols),
            axes_text=axes_text(inputs.points),
            n_points=inputs.points.n_points,
            engine_version=ENGINE_VERSION,
            document=self._asked(inputs),
        )
        stored, is_new = self.store.sweeps.insert(study, executor=executor or "")
        return SubmittedStudy(self._document(stored), is_new)

    def _asked(self, inputs: SweepInputs[SweepConfig]) -> Document:
        """Return the part of the document that is known before any work."""
        prepared = prepare_sweep(inputs.run.bars, inputs.config.run, inputs.points)
        points, rules = inputs.points, prepared.measured_by.rules
        timeframe = inputs.config.run.timeframe
        document = {
            "config": inputs.resolved,
            "engine": prepared.engine,
            "engine_reason": prepared.reason,
            "fingerprint": inputs.run.fingerprint,
            "data": inputs.run.data,
            "objective": inputs.config.objective,
            "axes": {name: values.tolist() for name, values in points.axes.items()},
            "n_product": points.n_product,
            "notes": list(points.notes),
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
        finite: Document = json.loads(wire.json_bytes(document))
        return finite

    def document(self, sweep_id: str) -> Document:
        """Return a sweep's document.

        Raises
        ------
        NotStoredError
            If there is no such sweep.
        """
        return self._document(self.store.sweeps.get(sweep_id))

    def _document(self, stored: StoredStudy) -> Document:
        job = self.store.jobs.find(KIND, stored.id)
        if stored.result is None and job is not None and job.state == "done":
            # It was finished between the two readings.
            stored = self.store.sweeps.get(stored.id)
        asked = {name: part for name, part in stored.document.items() if name != HIDDEN}
        result = stored.result or dict.fromkeys(RESULTS)
        return {
            "id": stored.id,
            "key": stored.key,
            "url": self._url(stored.id),
            "status": status_of(stored, job),
            "created": wire.iso_instant(stored.created_ms),
            "engine_version": stored.engine_version,
            **asked,
            "n_points": stored.n_points,
            "n_done": self._n_done(stored, job),
            "job": job_part(job),
            **result,
            **self._best(stored),
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
        judgement = judged(self.store, document, self.runs.record(run_id, document))
        return {
            **found,
            "best": {**best, "run_url": f"{self.runs.public_url.rstrip('/')}/runs/{run_id}"},
            "dsr": judgement["dsr"],
            "expected_best_sharpe": judgement["expected_best_sharpe"],
        }

    def is_done(self, sweep_id: str) -> bool:
        """Return whether a sweep has its result; from then on it never changes."""
        return self.store.sweeps.get(sweep_id).result is not None

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
        stored = self.store.sweeps.get(sweep_id)
        if stored.result is not None:
            return self.store.sweeps.table(sweep_id, "points")
        if is_final:
            job = self.store.jobs.find(KIND, sweep_id)
            raise Conflict(
                f"The sweep {sweep_id} is {status_of(stored, job)}: it has no final result. "
                "Ask for its points without `final` to see those measured so far."
            )
        measured = self._filling.measured(self.store, stored)
        return point_table(points_of(stored), measured.columns)

    def page(self, *, limit: int, cursor: str | None) -> Document:
        """Return one page of the list."""
        page = self.store.sweeps.list(limit=limit, cursor=cursor)
        return {
            "items": [list_item(item, self._url(item.id)) for item in page.items],
            "next_cursor": page.next_cursor,
            "total": page.total,
        }

    def delete(self, sweep_id: str) -> None:
        """Delete a sweep; what it tried stays in the ledger, also when it was not finished."""
        stored = self.store.sweeps.get(sweep_id)
        if stored.result is None:
            self.count_measured(stored)
        self.store.sweeps.delete(sweep_id)

    def count_measured(self, stored: StoredStudy) -> None:
        """Put the points that an unfinished sweep has measured into the ledger."""
        measured = self._filling.measured(self.store, stored)
        if measured.n_done:
            self.store.trials.put(measured_trials(stored, points_of(stored), measured))

    def _url(self, sweep_id: str) -> str:
        return f"{self.runs.public_url.rstrip('/')}/sweeps/{sweep_id}"


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
        source_kind=KIND,
        source_id=stored.id,
        hashes=trial_hashes(run, params, points.n_points)[is_done],
        sharpe=sharpe[is_done],
    )


def status_of(stored: StoredStudy, job: JobInfo | None) -> str:
    """Return queued, running, done, failed or cancelled."""
    if stored.result is not None:
        return "done"
    if job is None:
        return "failed"
    return "cancelled" if job.is_cancelled else job.state


def job_part(job: JobInfo | None) -> Document | None:
    """Return what a study's document says about its job."""
    if job is None:
        return None
    names = ("id", "state", "progress", "unit", "rate", "eta_s", "note", "error", "executor")
    return {name: getattr(job, name) for name in names}


def axes_text(points: Points) -> str:
    """Return the axes in one line, `fast=2..60 slow=10..200`, for the list."""
    said = []
    for name, values in points.axes.items():
        first, last = values[0], values[-1]
        said.append(f"{name}={first}" if values.size == 1 else f"{name}={first}..{last}")
    return " ".join(said)


def list_item(item: StudyItem, url: str) -> Document:
    """Return a row of the list."""
    is_done = bool(item.summary)
    return {
        "id": item.id,
        "url": url,
        "strategy": item.strategy,
        "symbols": item.symbols,
        "timeframe": item.timeframe,
        "axes_text": item.axes_text,
        "n_points": item.n_points,
        "created": wire.iso_instant(item.created_ms),
        "engine_version": item.engine_version,
        "status": "done" if is_done else (item.state or "failed"),
        "progress": 1.0 if is_done else (item.progress or 0.0),
        **item.summary,
    }
