"""A worker: takes jobs one by one and does them, until it is told to stop.

It may be killed at any instant: the job is taken again when its lease runs out, and its result is
stored once (`dataapi.store.jobs`).
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from dataapi.problems import ApiProblem
from dataapi.services import analysis
from dataapi.services.runs import Runs
from dataapi.store import NotStoredError, StoreError, TakenJob
from engine.errors import EngineError

logger = logging.getLogger(__name__)

Handler = Callable[[Runs, TakenJob], bool]
"""Does a job and stores its result; returns whether the job was still this worker's."""

HANDLERS: Mapping[str, Handler] = {"analysis": analysis.carry_out}
# So often within a lease that one missed renewal loses nothing.
RENEWALS_A_LEASE = 3


class Worker:
    """Works through the queue of a store.

    Parameters
    ----------
    runs : Runs
    lease_s : float
        How long a job stays this worker's without a sign of life.
    poll_s : float
        How long to wait before looking again when nothing is due.
    """

    def __init__(
        self,
        runs: Runs,
        *,
        lease_s: float,
        poll_s: float,
        handlers: Mapping[str, Handler] = HANDLERS,
    ) -> None:
        self._runs = runs
        self._lease_s = lease_s
        self._poll_s = poll_s
        self._handlers = handlers
        self._stopping = threading.Event()
        self.name = f"{os.uname().nodename}:{os.getpid()}"

    def stop(self) -> None:
        """Take no further job; the one at hand is finished."""
        self._stopping.set()

    def work(self) -> None:
        """Do whatever becomes due, until told to stop."""
        while not self._stopping.is_set():
            try:
                is_idle = not self.work_once()
            except StoreError as error:
                logger.error("store not available reason=%s", error)
                is_idle = True
            if is_idle:
                self._stopping.wait(self._poll_s)

    def work_off(self) -> int:
        """Do what is due now, then end; return how many jobs that were."""
        n_jobs = 0
        while not self._stopping.is_set() and self.work_once():
            n_jobs += 1
        return n_jobs

    def work_once(self) -> bool:
        """Do one job if one is due; return whether there was one."""
        job = self._runs.store.jobs.take(self.name, lease_s=self._lease_s)
        if job is None:
            return False
        logger.info("job taken id=%d kind=%s run=%s", job.id, job.kind, job.run_id)
        try:
            with self._renewed(job):
                is_ours = self._handlers[job.kind](self._runs, job)
        except (ApiProblem, EngineError, NotStoredError) as error:
            # It will be refused whenever it is tried.
            self._runs.store.jobs.fail(job, str(error), is_final=True)
            logger.warning("job refused id=%d reason=%s", job.id, error)
        except Exception as error:
            self._runs.store.jobs.fail(job, f"{type(error).__name__}: {error}", is_final=False)
            logger.exception("job failed id=%d", job.id)
        else:
            logger.info("job %s id=%d", "done" if is_ours else "lost to another worker", job.id)
        return True

    @contextmanager
    def _renewed(self, job: TakenJob) -> Iterator[None]:
        """Keep the lease alive while the block runs."""
        is_over = threading.Event()

        def renew() -> None:
            jobs = self._runs.store.jobs
            while not is_over.wait(self._lease_s / RENEWALS_A_LEASE):
                try:
                    is_ours = jobs.renew(job, lease_s=self._lease_s)
                except StoreError as error:
                    logger.error("lease not renewed id=%d reason=%s", job.id, error)
                    continue
                if not is_ours:
                    return

        beating = threading.Thread(target=renew, name="lease", daemon=True)
        beating.start()
        try:
            yield
        finally:
            is_over.set()
            beating.join()
