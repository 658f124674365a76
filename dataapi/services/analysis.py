"""The analysis of a run: how far it is, and how a worker or a command computes it."""

from __future__ import annotations

import json
import time

from dataapi import wire
from dataapi.problems import Conflict
from dataapi.services import documents
from dataapi.services.comparison import first_difference
from dataapi.services.documents import Document
from dataapi.services.job_context import JobContext
from dataapi.services.runs import Runs
from dataapi.store import NewAnalysis, StoredAnalysis
from engine.analysis import Known, analyse, outcome_of
from engine.version import ENGINE_VERSION

PARTS = ("robustness", "confidence", "monte_carlo", "diagnosis")


def analysis(runs: Runs, run_id: str) -> Document:
    """Return a run's analysis, or how far it is; its parts are None until it is done.

    Raises
    ------
    NotStoredError
        If there is no such run.
    """
    runs.store.runs.get(run_id)
    return _document(runs.store.analyses.get(run_id))


def analysis_now(runs: Runs, run_id: str) -> Document:
    """Return a run's analysis, computed here and appended when no worker has done it yet."""
    found = analysis(runs, run_id)
    if found["status"] == "done":
        return found
    runs.store.analyses.put(run_id, computed(runs, run_id))
    return analysis(runs, run_id)


def carry_out(context: JobContext) -> bool:
    """Do a worker's job: compute the analysis and append it; return whether it was still ours."""
    runs = context.services.runs
    return runs.store.analyses.finish(context.job, computed(runs, context.job.subject))


def computed(runs: Runs, run_id: str) -> NewAnalysis:
    """Return a run's analysis, computed.

    Raises
    ------
    NotStoredError
        If there is no such run.
    Conflict
        If its bars are no longer stored as they were, or another engine trades differently.
    """
    started = time.perf_counter()
    document = runs.document(run_id)
    inputs = runs.gather(documents.config_of(document))
    if inputs.fingerprint != document["fingerprint"]:
        raise Conflict("The bars of this run have changed since it was made.")
    base = outcome_of(inputs.bars, inputs.config)
    if first_difference(runs.table(run_id, "fills"), base.fills, "fills") is not None:
        raise Conflict(
            f"This run was made by engine {document['engine_version']}, and this one trades "
            "differently: run it again to have it analysed."
        )
    found = json.loads(wire.json_bytes(analyse(base, inputs.bars, _known(runs, document))))
    return NewAnalysis(
        engine_version=ENGINE_VERSION,
        elapsed_ms=round((time.perf_counter() - started) * 1e3, 3),
        document=found,
    )


def _known(runs: Runs, document: Document) -> Known:
    return Known(
        metrics=document["metrics"],
        checks=document["checks"],
        benchmark=runs.table(document["id"], "equity").get("benchmark"),
        is_adjusted=any(item["adjusted"] for item in document["data"]),
        is_synthetic=any(item["synthetic"] for item in document["data"]),
    )


def _document(stored: StoredAnalysis) -> Document:
    parts = stored.document or {}
    return {
        "status": stored.state,
        "error": stored.error,
        "elapsed_ms": stored.elapsed_ms,
        "engine_version": stored.engine_version,
        **{name: parts.get(name) for name in PARTS},
    }
