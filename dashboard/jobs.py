"""How far a job is, in words: for sweeps, walk-forwards and the queue alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dashboard import formatting as fmt

Document = Mapping[str, Any]

OVER = frozenset({"done", "failed", "cancelled"})
STATE_WORDS = {
    "queued": "waiting for a worker",
    "running": "running",
    "done": "done",
    "failed": "failed",
    "cancelled": "cancelled",
}
STATE_LEVELS = {
    "queued": "neutral",
    "running": "info",
    "done": "pass",
    "failed": "fail",
    "cancelled": "neutral",
}


def words(
    job: Document | None, status: str, *, n_done: int, n_total: int, unit: str
) -> dict[str, Any]:
    """Return the texts of a progress bar.

    Parameters
    ----------
    job : mapping or None
        `progress` (0 … 1), `rate` (units a second), `eta_s`, `note`; any may be missing.
    status : str
        Of what the job makes.
    n_done, n_total : int
        Units that are done, and all of them.
    unit : str
        What is counted, for example "run" or "window".

    Returns
    -------
    dict
        `share` (0 … 1), and `percent`, `count`, `rate`, `left`, `note`: "" where not known.
    """
    found = job or {}
    share = found.get("progress")
    if fmt.is_missing(share):
        share = n_done / n_total if n_total else 0.0
    share = 1.0 if status == "done" else min(max(float(share or 0.0), 0.0), 1.0)
    is_running = status == "running"
    rate, left = found.get("rate"), found.get("eta_s")
    return {
        "share": round(share, 4),
        "percent": fmt.percent(share, 0),
        "count": f"{fmt.integer(n_done)} of {fmt.integer(n_total)} {unit}s",
        "rate": rate_text(rate) if is_running else "",
        "left": f"{duration(left)} left" if is_running and not fmt.is_missing(left) else "",
        "note": str(found.get("note") or "") if is_running else STATE_WORDS[status],
    }


def rate_text(rate: float | None) -> str:
    """Return a speed: "2,720 a second", "12 a minute", "" when it is not known."""
    if rate is None or fmt.is_missing(rate) or rate <= 0.0:
        return ""
    if rate >= 1.0:
        return f"{fmt.decimal(rate, 0 if rate >= 10.0 else 1)} a second"
    return f"{fmt.decimal(rate * 60.0, 0 if rate >= 1 / 6 else 1)} a minute"


def duration(seconds: float | None) -> str:
    """Return how long something takes: "under 1 s", "41 s", "3 min 20 s", "2 h 5 min"."""
    if seconds is None or fmt.is_missing(seconds):
        return fmt.MISSING
    if seconds < 1.0:
        return "under 1 s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if minutes < 10 and rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours / 24:.0f} days"


def memory(n_bytes: float | None) -> str:
    """Return an amount of memory: "310 MB", "1.4 GB"."""
    if n_bytes is None or fmt.is_missing(n_bytes):
        return fmt.MISSING
    for limit, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if n_bytes >= limit:
            size = n_bytes / limit
            return f"{size:.0f} {unit}" if size >= 10 else f"{size:.1f} {unit}"
    return f"{n_bytes:.0f} bytes"


KINDS = {
    "sweep": ("Sweep", "/sweeps/"),
    "walkforward": ("Walk-forward", "/walkforwards/"),
    "analysis": ("Analysis of a run", "/runs/"),
}


def queue_item(job: Document, names: Mapping[str, str]) -> dict[str, Any]:
    """Return a line of the queue; `names` is what the subjects of jobs are called."""
    kind = str(job["kind"])
    title, path = KINDS.get(kind, (kind.replace("_", " ").capitalize(), ""))
    subject = str(job.get("subject") or "")
    share = min(max(float(job.get("progress") or 0.0), 0.0), 1.0)
    left = job.get("eta_s")
    is_running = job["state"] == "running"
    if job.get("cancel_requested"):
        state = "stopping"
    elif not is_running:
        state = STATE_WORDS[str(job["state"])]
    else:
        state = "" if fmt.is_missing(left) else f"{duration(left)} left"
    return {
        "job": job["id"],
        "subject": subject,
        "title": names.get(subject, title),
        "kind": title,
        "href": f"{path}{subject}" if path and subject else "",
        "share": round(share, 4),
        "percent": fmt.percent(share, 0),
        "state": state,
        "rate": rate_text(job.get("rate")) if is_running else "",
        "can_cancel": kind != "analysis" and not job.get("cancel_requested"),
    }
