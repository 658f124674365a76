"""A worker: takes jobs one by one and does them, until it is told to stop.

It may be killed at any instant: the job is taken again when its lease runs out, goes on from its
finished blocks, and its result is stored once (`dataapi.store.jobs`).

A process works in lanes, a thread each. Short jobs have one of their own, so that the analysis of
a run never waits for an hour-long sweep. In the lane of long jobs each gives way at the end of a
block when it has worked for `slice_s` and others wait.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from contextvars import copy_context

from config.logs import request_id
from dataapi.executors import ExecutorError
from dataapi.problems import ApiProblem
from dataapi.services import analysis, sweep_work, window_work
from dataapi.services.job_context import JobContext, JobInterruptedError, Services, Stop
from dataapi.store import NotStoredError, StoreError, TakenJob
from engine.errors import EngineError

logger = logging.getLogger(__name__)

Handler = Callable[[JobContext], bool]
"""Does a job and stores its result; returns whether the job was still this worker's."""

SHORT: Mapping[str, Handler] = {"analysis": analysis.carry_out}
LONG: Mapping[str, Handler] = {
    "sweep": sweep_work.carry_out,
    "walkforward": window_work.carry_out,
}
KINDS = (*SHORT, *LONG)
# Errors that come whenever the job is tried.
REFUSALS = (ApiProblem, EngineError, NotStoredError)
# So often within a lease that one missed renewal loses nothing.
RENEWALS_A_LEASE = 3
# How soon a cancel is noticed, and the most often that progress is written.
BEAT_S = 0.5
WAKE_S = 0.5


class Worker:
    """Works through the jobs of some kinds in the queue of a store.

    Parameters
    ----------
    services : Services
        What handlers work with, and the settings of the worker.
    handlers : mapping
        What it can do, by kind of job.
    """

    def __init__(self, services: Services, handlers: Mapping[str, Handler]) -> None:
        self._services = services
        self._settings = services.settings.worker
        self._jobs = services.runs.store.jobs
        self._handlers = handlers
        self._stop = Stop()
        self.name = f"{os.uname().nodename}:{os.getpid()}"

    def stop(self) -> None:
        """Take no further job, and give the one at hand back at the end of its block."""
        self._stop.ask()

    def work(self) -> None:
        """Do whatever becomes due, until told to stop."""
        while not self._stop.is_asked:
            try:
                is_idle = not self.work_once()
            except StoreError as error:
                logger.error("store not available reason=%s", error)
                is_idle = True
            if is_idle:
                self.rest()

    def rest(self) -> None:
        """Wait a moment, until it is worth looking again."""
        self._stop.wait(self._settings.poll_s)

    def work_off(self) -> int:
        """Do what is due now, then end; return how many jobs were taken."""
        n_jobs = 0
        while not self._stop.is_asked and self.work_once():
            n_jobs += 1
        return n_jobs

    def work_once(self, job_id: int | None = None) -> bool:
        """Do one job if one is due, or the given one; return whether there was one."""
        job = self._jobs.take(
            self.name,
            lease_s=self._settings.lease_s,
            kinds=self._handlers,
            job_id=job_id,
            max_attempts=self._settings.max_attempts,
        )
        if job is None:
            return False
        started_s, asked_by = time.monotonic(), request_id.set(job.request_id)
        logger.info("job taken id=%d kind=%s subject=%s", job.id, job.kind, job.subject)
        try:
            outcome = self._carry_out(job)
        finally:
            request_id.reset(asked_by)
        elapsed_s = time.monotonic() - started_s
        self._services.meters.seconds.labels(job.kind, outcome).observe(elapsed_s)
        return True

    def _carry_out(self, job: TakenJob) -> str:
        """Do a job; return how that went: done, given_back, refused or failed."""
        context = JobContext(self._services, job, self._stop)
        try:
            with self._beating(context), closing(context):
                is_finished = self._handlers[job.kind](context)
        except Exception as error:
            if isinstance(error, JobInterruptedError) or context.is_cancelled():
                return self._give_back(context)
            if isinstance(error, REFUSALS):
                self._fail(job, str(error), is_final=True)
                logger.warning("job refused id=%d reason=%s", job.id, error)
                return "refused"
            if isinstance(error, ExecutorError):
                self._fail(job, str(error), is_final=False)
                logger.warning("executor failed id=%d reason=%s", job.id, error)
                return "failed"
            self._fail(job, f"{type(error).__name__}: {error}", is_final=False)
            logger.exception("job failed id=%d", job.id)
            return "failed"
        if not is_finished:
            return self._give_back(context)
        logger.info("job done id=%d", job.id)
        return "done"

    def _give_back(self, context: JobContext) -> str:
        self._jobs.release(context.job)
        reason = context.interruption or "lost to another worker"
        logger.info("job not gone on with id=%d reason=%s", context.job.id, reason)
        return "given_back"

    def _fail(self, job: TakenJob, error: str, *, is_final: bool) -> None:
        limit = self._settings.max_attempts
        self._jobs.fail(job, error, is_final=is_final, max_attempts=limit)

    @contextmanager
    def _beating(self, context: JobContext) -> Iterator[None]:
        """Keep the lease alive, carry progress out and cancel in while the block runs."""
        is_over = threading.Event()
        # In this thread's context, so that its lines carry the request's id too.
        beating = threading.Thread(
            target=copy_context().run,
            args=(self._beat, context, is_over),
            name="heartbeat",
            daemon=True,
        )
        beating.start()
        try:
            yield
        finally:
            is_over.set()
            beating.join()

    def _beat(self, context: JobContext, is_over: threading.Event) -> None:
        renewal_s = self._settings.lease_s / RENEWALS_A_LEASE
        taken_s = renewed_s = time.monotonic()
        while not is_over.wait(min(BEAT_S, renewal_s)):
            now = time.monotonic()
            has_had_its_time = now - taken_s > self._settings.slice_s
            try:
                has_others = has_had_its_time and self._jobs.is_waiting(self._handlers)
                is_due = now - renewed_s >= renewal_s
                if context.beat(is_renewal=is_due, has_others=has_others):
                    renewed_s = now
            except StoreError as error:
                logger.error("no sign of life id=%d reason=%s", context.job.id, error)


class Lanes:
    """The workers of one process, a thread each: one for short jobs, one for long ones."""

    def __init__(self, services: Services) -> None:
        self._workers = [Worker(services, kinds) for kinds in (SHORT, LONG) if kinds]

    def stop(self) -> None:
        """Stop all of them."""
        for worker in self._workers:
            worker.stop()

    def work(self) -> None:
        """Do whatever becomes due, until told to stop; an error in one lane ends all."""
        with ThreadPoolExecutor(len(self._workers), thread_name_prefix="lane") as pool:
            lanes = [pool.submit(worker.work) for worker in self._workers]
            # Not for ever: a frozen process that is told to end hands the signal to any of its
            # threads when it wakes, and the handler runs only when this one does.
            while not wait(lanes, WAKE_S, FIRST_COMPLETED).done:
                pass
            self.stop()
        for lane in lanes:
            lane.result()

    def work_off(self) -> int:
        """Do what is due now, then end; return how many jobs were taken."""
        return sum(worker.work_off() for worker in self._workers)
