"""What sweeps and walk-forwards have in common: asked for once, and done by a job."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Generic, Literal

from dataapi import wire
from dataapi.problems import Conflict
from dataapi.services.documents import Document
from dataapi.services.ledger import ledger_of
from dataapi.services.runs import Runs
from dataapi.services.sweep_inputs import Config, SweepInputs
from dataapi.store import JobInfo, NewStudy, StoredStudy, StudyItem, StudyStore
from engine.sweeps.axes import Points
from engine.version import ENGINE_VERSION

Executor = Literal["local", "dask"]
Kind = Literal["sweep", "walkforward"]

HIDDEN = "hidden"
"""Of a stored document: what its job needs and nobody else."""


@dataclass(frozen=True, slots=True)
class SubmittedStudy:
    """The answer to a request: its document, and whether it was not there before."""

    document: Document
    is_new: bool


class Studies(ABC, Generic[Config]):
    """What can be asked about studies of either kind.

    Parameters
    ----------
    runs : Runs
    kind : {"sweep", "walkforward"}
        Also the kind of their jobs; the plural is their place in addresses.
    """

    def __init__(self, runs: Runs, kind: Kind) -> None:
        self.runs = runs
        self.store = runs.store
        self.kind = kind
        self.studies: StudyStore = getattr(runs.store, f"{kind}s")

    def document(self, study_id: str) -> Document:
        """Return a study's document.

        Raises
        ------
        NotStoredError
            If there is no such study.
        """
        return self._document(self.studies.get(study_id))

    @abstractmethod
    def gather(self, config: Config) -> SweepInputs[Config]:
        """Return what a study of this configuration is made from.

        Raises
        ------
        ApiProblem, EngineError
            When it cannot be carried out.
        """

    @abstractmethod
    def count_tried(self, stored: StoredStudy) -> None:
        """Put what an unfinished study has tried so far into the ledger."""

    @abstractmethod
    def _asked(self, inputs: SweepInputs[Config]) -> Document:
        """Return the part of a document that is known before any work."""

    @abstractmethod
    def _document(self, stored: StoredStudy) -> Document:
        """Return the document of a stored study."""

    def is_done(self, study_id: str) -> bool:
        """Return whether a study has its result; from then on it never changes."""
        return self.studies.get(study_id).result is not None

    def page(self, *, limit: int, cursor: str | None) -> Document:
        """Return one page of the list."""
        page = self.studies.list(limit=limit, cursor=cursor)
        return {
            "items": [list_item(item, self.url(item.id)) for item in page.items],
            "next_cursor": page.next_cursor,
            "total": page.total,
        }

    def url(self, study_id: str) -> str:
        """Return the address of a study's page."""
        return f"{self.runs.public_url.rstrip('/')}/{self.kind}s/{study_id}"

    def submit(self, config: Config, *, executor: Executor | None = None) -> SubmittedStudy:
        """Return the study of a configuration; when it is new, it is stored and queued.

        Raises
        ------
        ApiProblem, EngineError
            When it cannot be carried out; nothing is stored then.
        """
        inputs = self.gather(config)
        known = self.studies.get_by_key(inputs.key)
        if known is not None and known.result is not None:
            return SubmittedStudy(self._document(known), is_new=False)
        study = NewStudy(
            id=inputs.id,
            key=inputs.key,
            strategy=inputs.run.plan.definition.name,
            timeframe=inputs.config.run.timeframe,
            symbols=tuple(inputs.config.run.symbols),
            axes_text=axes_text(inputs.points),
            n_points=inputs.points.n_points,
            engine_version=ENGINE_VERSION,
            document=finite(self._asked(inputs)),
        )
        stored, is_new = self.studies.insert(study, executor=executor or "")
        return SubmittedStudy(self._document(stored), is_new)

    def delete(self, study_id: str) -> None:
        """Delete a study; what it tried stays in the ledger, also when it was not finished.

        Raises
        ------
        NotStoredError
            If there is no such study.
        """
        stored = self.studies.get(study_id)
        if stored.result is None:
            self.count_tried(stored)
        self.studies.delete(study_id)

    def before(self, inputs: SweepInputs[Config]) -> Document:
        """Return what an estimate says besides its figures."""
        entry = ledger_of(self.store, inputs.config.run.model_dump(mode="json"))
        stored = self.studies.get_by_key(inputs.key)
        return {
            "n_points": inputs.points.n_points,
            "n_product": inputs.points.n_product,
            "distinct_trials_before": entry.n_trials,
            "notes": list(inputs.points.notes),
            "identical": None if stored is None else self.url(stored.id),
            "config": inputs.resolved,
        }

    def job_of(self, stored: StoredStudy) -> JobInfo | None:
        """Return the job of a study."""
        return self.store.jobs.find(self.kind, stored.id)

    def settled(self, stored: StoredStudy) -> tuple[StoredStudy, JobInfo | None]:
        """Return a study with its job, both as of one moment."""
        job = self.job_of(stored)
        if stored.result is None and job is not None and job.state == "done":
            # It was finished between the two readings.
            stored = self.studies.get(stored.id)
        return stored, job

    def head(self, stored: StoredStudy, job: JobInfo | None) -> Document:
        """Return the part of a document that is known from the start, and how far the job is."""
        asked = {name: part for name, part in stored.document.items() if name != HIDDEN}
        return {
            "id": stored.id,
            "key": stored.key,
            "url": self.url(stored.id),
            "status": status_of(stored, job),
            "created": wire.iso_instant(stored.created_ms),
            "engine_version": stored.engine_version,
            **asked,
            "n_points": stored.n_points,
            "job": job_part(job),
        }

    def unfinished(self, stored: StoredStudy, hint: str) -> Conflict:
        """Return the problem that there is no final result."""
        status = status_of(stored, self.job_of(stored))
        return Conflict(f"The {self.kind} {stored.id} is {status}: it has no final result. {hint}")


def asked_part(inputs: SweepInputs[Any], engine: str, reason: str) -> Document:
    """Return what is known of any study before any work."""
    points = inputs.points
    return {
        "config": inputs.resolved,
        "engine": engine,
        "engine_reason": reason,
        "fingerprint": inputs.run.fingerprint,
        "data": inputs.run.data,
        "objective": inputs.config.objective,
        "axes": {name: values.tolist() for name, values in points.axes.items()},
        "n_product": points.n_product,
        "notes": list(points.notes),
    }


def on_threads(found: Document, threads: int | None) -> Document:
    """Return an estimate with how long it takes on so many threads of one machine.

    `wall_seconds` is null where a cluster decides on how many. A block's points are shared among
    the threads, and each of them walks its part alone.
    """
    if threads is None:
        return {**found, "threads": None, "wall_seconds": None}
    n_busy = max(1, min(threads, found["n_points"]))
    return {**found, "threads": threads, "wall_seconds": found["seconds"] / n_busy}


def finite(document: Document) -> Document:
    """Return a document as JSON has it: no NaN, nothing of numpy."""
    plain: Document = json.loads(wire.json_bytes(document))
    return plain


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
