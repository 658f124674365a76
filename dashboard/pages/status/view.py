"""What the status page says, decided from the API's document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from dashboard import formatting as fmt

Document = Mapping[str, Any]

PARTS = {
    "dashboard": ("Pages", "answers browsers"),
    "dataapi": ("Data", "keeps data, computes runs"),
    "worker": ("Worker", "does what waits: analyses, sweeps, walk-forwards"),
}
KINDS = {"analysis": "Analyses of runs", "sweep": "Sweeps", "walkforward": "Walk-forwards"}
STORES = {"sqlite": "one file (SQLite)", "postgres": "Postgres"}
LOW_DISK = 0.1
WORTH_PRUNING = 0.1
LONG_WAIT_S = 300.0


class Verdict(NamedTuple):
    """One sentence about the whole; `level` is pass, doubt or fail."""

    level: str
    text: str


class Process(NamedTuple):
    """A line of the list of processes."""

    name: str
    part: str
    purpose: str
    version: str
    since: str
    state: str
    level: str


class Waiting(NamedTuple):
    """A kind of job: how many run and wait, and how long the oldest has waited."""

    name: str
    running: str
    waiting: str
    oldest: str
    level: str


def verdict(status: Document) -> Verdict:
    """Return what is most important, the gravest first."""
    present = [p for p in status["processes"] if p["is_present"]]
    parts = {p["part"] for p in present}
    waiting = sum(q["waiting"] + q["abandoned"] for q in status["queue"])
    oldest_s = max((q["oldest_s"] for q in status["queue"]), default=0.0)
    if _free(status) < LOW_DISK:
        return Verdict("fail", f"Only {fmt.percent(_free(status), 0)} of the disk is free.")
    if "worker" not in parts and waiting:
        return Verdict("fail", f"No worker is there, and {waiting} jobs wait for one.")
    if "worker" not in parts:
        return Verdict("doubt", "No worker is there: runs get no analysis, sweeps do not start.")
    missing = [p for p in status["processes"] if not p["is_present"]]
    if missing:
        names = ", ".join(p["name"] for p in missing)
        return Verdict("doubt", f"Not heard of for a minute: {names}.")
    versions = {p["version"] for p in present}
    if len(versions) > 1:
        return Verdict(
            "doubt", f"{len(versions)} versions run side by side: a deploy is under way."
        )
    if oldest_s > LONG_WAIT_S:
        return Verdict("doubt", f"The oldest job has waited {duration(oldest_s)} for a worker.")
    return Verdict("pass", "Everything is there and nothing waits for long.")


def processes(status: Document, now: datetime) -> list[Process]:
    """Return the list of processes."""
    versions = [p["version"] for p in status["processes"]]
    usual = max(set(versions), key=versions.count) if versions else ""
    return [_process(process, usual, now) for process in status["processes"]]


def _process(process: Document, usual: str, now: datetime) -> Process:
    part, purpose = PARTS.get(process["part"], (process["part"], ""))
    is_here = process["is_present"]
    state = "there" if is_here else f"last seen {_since(process['seen'], now)} ago"
    level = "pass" if is_here and process["version"] == usual else "doubt"
    return Process(
        name=process["name"],
        part=part,
        purpose=purpose,
        version=process["version"],
        since=_since(process["started"], now),
        state=state,
        level=level,
    )


def _since(moment: str, now: datetime) -> str:
    # The clock of another host may be a little ahead.
    return duration(max((now - fmt.instant(moment)).total_seconds(), 0.0))


def queue(status: Document) -> list[Waiting]:
    """Return the lines of the queue."""
    return [_waiting(kind) for kind in status["queue"]]


def _waiting(figure: Document) -> Waiting:
    waiting = figure["waiting"] + figure["abandoned"]
    return Waiting(
        name=KINDS.get(str(figure["kind"]), str(figure["kind"])),
        running=fmt.integer(figure["running"]),
        waiting=fmt.integer(waiting),
        oldest=duration(figure["oldest_s"]) if waiting else "–",
        level="doubt" if figure["abandoned"] or figure["oldest_s"] > LONG_WAIT_S else "pass",
    )


def tiles(status: Document) -> list[tuple[str, str, str]]:
    """Return the (label, value, line below) of each tile."""
    store, disk, cache = status["store"], status["disk"], status["cache"]
    asked = cache["hits"] + cache["misses"]
    share = cache["hits"] / asked if asked else None
    present = sum(1 for p in status["processes"] if p["is_present"])
    waiting = sum(q["waiting"] + q["abandoned"] for q in status["queue"])
    running = sum(q["running"] for q in status["queue"])
    return [
        ("Version", status["version"], f"engine {status['engine_version']}"),
        ("Processes", fmt.integer(present), "heard of within a minute"),
        ("Jobs", fmt.integer(running), f"running, {fmt.integer(waiting)} waiting"),
        ("Runs", fmt.integer(store["runs"]), f"on {fmt.integer(store['series'])} series"),
        ("Store", size(store["size"]), _below_store(store)),
        ("Disk free", size(disk["free"]), f"of {size(disk['total'])}"),
        (
            "Prices in memory",
            size(cache["bars"]),
            "not asked for yet"
            if share is None
            else f"{fmt.percent(share, 0)} of reads from there",
        ),
    ]


def _below_store(store: Document) -> str:
    """Return what kind of store it is, and what of it `prune` gives back when that is worth it."""
    # A server of the version before does not say it.
    free = store.get("free", 0)
    if free < WORTH_PRUNING * store["size"]:
        return STORES[store["kind"]]
    return f"{STORES[store['kind']]}, {size(free)} of it free: prune"


def used_disk(status: Document) -> float:
    """Return the share of the disk that is used."""
    return 1.0 - _free(status)


def _free(status: Document) -> float:
    return float(status["disk"]["free"]) / max(float(status["disk"]["total"]), 1.0)


def size(n_bytes: float) -> str:
    """Return a number of bytes as people say it: "3.2 MB"."""
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 1000.0:
            return f"{fmt.decimal(n_bytes, 0 if unit in ('B', 'kB') else 1)} {unit}"
        n_bytes /= 1000.0
    return f"{fmt.decimal(n_bytes, 1)} TB"


def duration(seconds: float) -> str:
    """Return a length of time in its largest unit: "40 s", "12 min", "3 h"."""
    for unit, length in (("d", 86_400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2.0 * length:
            return f"{fmt.integer(seconds / length)} {unit}"
    return f"{fmt.integer(seconds)} s"


def hour_texts(times: Sequence[str]) -> list[str]:
    """Return the hours as "14:00", UTC."""
    return [f"{fmt.instant(time):%H:00}" for time in times]
