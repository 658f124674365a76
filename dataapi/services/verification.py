"""Verify a run: compute it again and compare with what is stored."""

from __future__ import annotations

import json
from typing import Any

from dataapi import wire
from dataapi.services import documents
from dataapi.services.comparison import Difference, first_difference, metrics_difference
from dataapi.services.documents import Document
from dataapi.services.runs import Runs
from engine.version import ENGINE_VERSION

COMPARED = ("fills", "equity")


def verify(runs: Runs, run_id: str) -> Document:
    """Return whether a stored run comes out the same when it is computed again, here and now.

    Returns
    -------
    dict
        verdict: same, differs, or other_engine_version; detail in words; first_difference (table,
        row, column, time, stored, again) or None; the engine versions, libraries and processor.

    Raises
    ------
    NotFound
        If there is no such run.
    """
    document = runs.document(run_id)
    tables = {kind: runs.table(run_id, kind) for kind in COMPARED}
    return verdict_on(runs, document, tables)


def verdict_on(runs: Runs, document: Document, tables: dict[str, Any]) -> Document:
    """Return the verdict on a run given as its document and its tables of `COMPARED`."""
    stored_version = document["engine_version"]
    strategy = documents.config_of(document).strategy
    if strategy.code is not None and not runs.files.has_text(strategy):
        detail = (
            f"The strategy file {strategy.name}.py has changed since, or is not in "
            f"{runs.files.directory}; the run's own text is stored with it."
        )
        return _verdict("differs", detail, None, stored_version)
    state = runs.data_state(document)
    if state != "unchanged":
        detail = f"The bars of this run are {state} here, so it cannot come out the same."
        return _verdict("differs", detail, None, stored_version)
    result = runs.compute(documents.config_of(document))
    again = documents.run_tables(result)
    metrics = json.loads(wire.json_bytes(result.metrics))
    differences = [first_difference(tables[kind], again[kind], kind) for kind in COMPARED]
    differences.append(metrics_difference(document["metrics"], metrics))
    found = next((difference for difference in differences if difference is not None), None)
    agreement = _in_words(found)
    if stored_version != ENGINE_VERSION:
        detail = f"Made by engine {stored_version}, this is {ENGINE_VERSION}. {agreement}"
        return _verdict("other_engine_version", detail, found, stored_version)
    return _verdict("same" if found is None else "differs", agreement, found, stored_version)


def _in_words(difference: Difference | None) -> str:
    if difference is None:
        return "Fills and equity are the same bit for bit, statistics to 1e-12."
    if difference["table"] == "metrics":
        place = f"in the metric {difference['column']}"
    else:
        place = f"at bar {difference['time']} in {difference['column']} of {difference['table']}"
    return f"Differs {place}: stored {difference['stored']}, now {difference['again']}."


def _verdict(
    verdict: str, detail: str, difference: Difference | None, stored_version: str
) -> Document:
    return {
        "verdict": verdict,
        "detail": detail,
        "first_difference": difference,
        "engine_version": ENGINE_VERSION,
        "stored_engine_version": stored_version,
        **documents.library_versions(),
    }
