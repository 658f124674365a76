"""The analyses of runs: computed after the run by a worker, appended once."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import peewee

from dataapi.store.database import Connections
from dataapi.store.job_list import CANCELLED, DONE, FAILED
from dataapi.store.jobs import JobStore, TakenJob, end_job
from dataapi.store.models import Analysis, Job

KIND = "analysis"
"""Of the job that every new run gets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAnalysis:
    """An analysis to be appended; `document` is JSON without NaN."""

    engine_version: str
    elapsed_ms: float
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnalysis:
    """How far the analysis of a run is; the document's parts are there when it is done."""

    state: str
    error: str | None
    engine_version: str | None
    elapsed_ms: float | None
    document: Mapping[str, Any] | None


class AnalysisStore:
    """Analyses by run; reached as `store.analyses`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._jobs = JobStore(connections)

    def get(self, run_id: str) -> StoredAnalysis:
        """Return the analysis of a run, or how far it is. The run must exist."""
        analysis = Analysis.select().where(Analysis.run == run_id).dicts()
        job = Job.select(Job.state, Job.error).where((Job.run == run_id) & (Job.kind == KIND))
        with self._connections.session() as database:
            # The job first: seen undone, its analysis may follow, but not the other way round.
            jobs = list(job.tuples().execute(database))
            rows = list(analysis.execute(database))
        if rows:
            return StoredAnalysis(
                state=DONE,
                error=None,
                engine_version=rows[0]["engine_version"],
                elapsed_ms=rows[0]["elapsed_ms"],
                document=json.loads(rows[0]["document"]),
            )
        state, error = jobs[0] if jobs else (FAILED, "No worker was asked for it.")
        if state == CANCELLED:
            state, error = FAILED, "It was cancelled."
        return StoredAnalysis(
            state=state, error=error, engine_version=None, elapsed_ms=None, document=None
        )

    def finish(self, job: TakenJob, analysis: NewAnalysis) -> bool:
        """Append what a job found; return False when another worker has taken the job since."""
        run_id = str(job.run_id)
        return self._jobs.finish(job, lambda database: _insert(database, run_id, analysis))

    def put(self, run_id: str, analysis: NewAnalysis) -> None:
        """Append an analysis made without a job, unless there is one, and end the job."""
        with self._connections.transaction() as database:
            _insert(database, run_id, analysis)
            end_job(database, KIND, run_id)


def _insert(database: peewee.Database, run_id: str, analysis: NewAnalysis) -> None:
    Analysis.insert(
        run=run_id,
        engine_version=analysis.engine_version,
        elapsed_ms=analysis.elapsed_ms,
        created_ms=time.time_ns() // 1_000_000,
        document=json.dumps(
            analysis.document, ensure_ascii=False, allow_nan=False, separators=(",", ":")
        ),
    ).on_conflict_ignore().execute(database)
