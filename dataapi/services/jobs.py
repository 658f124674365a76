"""Jobs as people and programs see them: how far, how fast, and stopped when asked."""

from __future__ import annotations

from dataclasses import asdict

from dataapi import wire
from dataapi.problems import Conflict
from dataapi.services.documents import Document
from dataapi.store import JobInfo, JobQuery, Store

OVER = ("done", "failed")


def page(store: Store, query: JobQuery) -> Document:
    """Return a page of jobs, the newest first, and the cursor of the next page."""
    found = store.jobs.list(query)
    cursor = None if found.next_before is None else str(found.next_before)
    return {"items": [job_document(job) for job in found.items], "next_cursor": cursor}


def job(store: Store, job_id: int) -> Document:
    """Return how far a job is.

    Raises
    ------
    NotStoredError
        If there is no such job.
    """
    return job_document(store.jobs.get(job_id))


def cancel(store: Store, job_id: int) -> Document:
    """Cancel a job and return how far it is: a running one stops within a second or two.

    Raises
    ------
    NotStoredError
        If there is no such job.
    Conflict
        If it is over: there is nothing left to stop.
    """
    found = store.jobs.cancel(job_id)
    if found.state in OVER:
        raise Conflict(f"Job {job_id} is {found.state} already; there is nothing to cancel.")
    return job_document(found)


def job_document(info: JobInfo) -> Document:
    """Return a job as JSON; `rate` is in units a second, `eta_s` in seconds."""
    document: Document = asdict(info)
    document["created"] = wire.iso_instant(document.pop("created_ms"))
    document["updated"] = wire.iso_instant(document.pop("updated_ms"))
    document["cancel_requested"] = document.pop("is_cancelled")
    return document
