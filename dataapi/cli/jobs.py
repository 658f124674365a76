"""`jobs`: what waits and what is being worked on, and an end to it."""

from __future__ import annotations

import argparse
from typing import Any

from config.settings import Settings
from dataapi.cli.commands import add_command
from dataapi.cli.printing import Document, print_done, print_json


def add_commands(subparsers: Any) -> None:
    """Add `jobs` to the command line."""
    jobs = add_command(subparsers, "jobs", _list, "list jobs or cancel one")
    jobs.set_defaults(state=None, limit=20)
    commands = jobs.add_subparsers(dest="jobs_command", metavar="COMMAND")
    listed = add_command(commands, "list", _list, "the newest first", is_nested=True)
    listed.add_argument(
        "--state", choices=("queued", "running", "done", "failed", "cancelled"), default=None
    )
    listed.add_argument("--limit", type=int, default=20)
    cancel = add_command(
        commands, "cancel", _cancel, "stop a job; its finished blocks are kept", is_nested=True
    )
    cancel.add_argument("id", metavar="ID", type=int)


def _list(arguments: argparse.Namespace, settings: Settings) -> int:
    from dataapi.cli.opening import opened_store
    from dataapi.services.jobs import page
    from dataapi.store import JobQuery

    with opened_store(settings) as store:
        found = page(store, JobQuery(state=arguments.state, limit=arguments.limit))
    if arguments.json:
        print_json(found)
        return 0
    if not found["items"]:
        print("No jobs.")
    for job in found["items"]:
        what = f"{job['kind']} {job['subject']}"
        print(f"{job['id']:>6}  {what:<26.26} {job['state']:<10}{_how_far(job)}".rstrip())
    return 0


def _cancel(arguments: argparse.Namespace, settings: Settings) -> int:
    from dataapi.cli.opening import opened_store
    from dataapi.services.jobs import cancel

    with opened_store(settings) as store:
        job = cancel(store, arguments.id)
    is_over = job["state"] == "cancelled"
    text = f"Cancelled job {job['id']}." if is_over else f"Job {job['id']} will stop in a moment."
    print_done(arguments, job, text)
    return 0


def _how_far(job: Document) -> str:
    """Return progress, rate and time left, or what went wrong, in a line."""
    if job["error"] is not None:
        return str(job["error"])
    if job["state"] != "running":
        return "" if job["state"] == "done" or not job["progress"] else f"{job['progress']:.0%}"
    parts = [f"{job['progress']:.0%}"]
    if job["rate"] is not None:
        rate = job["rate"]
        parts.append(
            f"{rate:,.0f} {job['unit']}/s" if rate >= 10 else f"{rate:.2g} {job['unit']}/s"
        )
    if job["eta_s"] is not None:
        parts.append(f"{job['eta_s']:,.0f} s left")
    return ", ".join([*parts, *([job["note"]] if job["note"] else [])])
