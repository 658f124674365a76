"""A long job done in this process and watched: a progress bar, and an end to it by Ctrl-C."""

from __future__ import annotations

import logging
import sys
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, TextIO

from config.settings import Settings

if TYPE_CHECKING:
    from dataapi.services.runs import Runs
    from dataapi.store import JobInfo

BAR_WIDTH = 30
LOOK_S = 0.25
# Without a terminal a line a while in place of a bar that moves.
LINE_EVERY_S = 5.0
# A job stops within a second of being cancelled; a worker elsewhere may take a beat longer.
STOP_S = 10.0


def do_job(runs: Runs, settings: Settings, job_id: int, *, threads: int | None) -> JobInfo:
    """Do a job here, or watch it where another worker has it; return it when it is over.

    Ctrl-C cancels it: it stops within a second, and its finished blocks are kept.

    Parameters
    ----------
    runs : Runs
    settings : Settings
    job_id : int
    threads : int or None
        How many it may use; None as many as the settings say.
    """
    from dataapi.services.job_context import Services
    from dataapi.services.working import LONG, Worker
    from dataapi.store import ACTIVE

    # What went wrong is told in one line at the end.
    logging.getLogger("dataapi").addHandler(logging.NullHandler())
    # Nobody waits for this worker but the one who started it: it gives way to no other job.
    terms = {"slice_s": 86_400.0, "max_attempts": 1}
    terms |= {} if threads is None else {"threads": threads}
    own = settings.model_copy(update={"worker": settings.worker.model_copy(update=terms)})
    worker = Worker(Services(runs=runs, settings=own), LONG)
    jobs = runs.store.jobs

    def work() -> None:
        while jobs.get(job_id).state in ACTIVE:
            if not worker.work_once(job_id):
                worker.rest()

    bar = ProgressBar(sys.stderr)
    with ThreadPoolExecutor(1, thread_name_prefix="job") as pool:
        working = pool.submit(work)
        try:
            while not _is_over(working, LOOK_S):
                bar.show(jobs.get(job_id))
        except KeyboardInterrupt:
            bar.say("Stopping …")
            jobs.cancel(job_id)
            _is_over(working, STOP_S)
        finally:
            bar.clear()
    working.result()
    return jobs.get(job_id)


def _is_over(working: Future[None], patience_s: float) -> bool:
    return bool(wait([working], timeout=patience_s).done)


class ProgressBar:
    """How far a job is, on one line of a terminal; elsewhere a line every few seconds."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._since_line_s = LINE_EVERY_S
        self._last = ""

    def show(self, job: JobInfo) -> None:
        """Show how far a job is."""
        if self._is_terminal:
            self._write(bar_text(job))
            return
        text = progress_text(job)
        self._since_line_s += LOOK_S
        if self._since_line_s >= LINE_EVERY_S and text != self._last:
            self._since_line_s = 0.0
            self._last = text
            print(text, file=self._stream, flush=True)

    def say(self, text: str) -> None:
        """Show a text in place of the bar."""
        if self._is_terminal:
            self._write(text)
        else:
            print(text, file=self._stream, flush=True)

    def clear(self) -> None:
        """Take the bar away."""
        if self._is_terminal:
            self._write("")

    def _write(self, text: str) -> None:
        padding = " " * (len(self._last) - len(text))
        self._stream.write(f"\r{text}{padding}" if text else f"\r{padding}\r")
        self._stream.flush()
        self._last = text


def bar_text(job: JobInfo) -> str:
    """Return the bar and the figures behind it."""
    n_full = round(BAR_WIDTH * job.progress)
    return f"[{'#' * n_full}{'-' * (BAR_WIDTH - n_full)}] {progress_text(job)}"


def progress_text(job: JobInfo) -> str:
    """Return percent, rate and time left."""
    if job.state == "queued":
        return "waiting for a worker"
    if job.progress == 1.0:
        return job.note or "done"
    parts = [f"{job.progress:4.0%}"]
    if job.rate is not None:
        number = f"{job.rate:,.0f}" if job.rate >= 10 else f"{job.rate:.2g}"
        parts.append(f"{number} {job.unit}/s")
    if job.eta_s is not None:
        parts.append(f"{_duration(job.eta_s)} left")
    return "  ".join(parts)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d} min" if minutes else f"{rest} s"
