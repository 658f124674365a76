"""What a handler gets with a job: whether to go on, where to put blocks, how to say how far it is.

A handler does the job's blocks one by one, except those that are finished already:

    def carry_out(context: JobContext) -> bool:
        task = BlockTask(prepare="package.module:function", subject=..., key=..., work=work)
        finished = context.blocks()
        todo = [i_block for i_block in range(work.n_blocks) if i_block not in finished]
        for i_block, data in context.compute(task, todo):
            context.put_block(i_block, data)
            finished[i_block] = data
            context.report(len(finished), work.n_blocks, "blocks")
        return context.finish(lambda database: insert(database, finished))

It may be stopped at each block: cancelled, lost to another worker, its own worker told to end, or
shorter jobs waiting. `put_block` then raises `JobInterruptedError`, which the worker understands,
and the next worker goes on from the block after it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field

from config.settings import Settings
from dataapi.executors import BlockTask, core_count, make_executor
from dataapi.meters import JobMeters
from dataapi.services.runs import Runs
from dataapi.store import Hold, InTransaction, Progress, TakenJob

# A worker that is told to end waits so long for the end of a block before it gives the block up.
BLOCK_GRACE_S = 1.0
# The rate is that of so many last seconds: a job's blocks take longer and shorter.
RATE_WINDOW_S = 20.0


class JobInterruptedError(Exception):
    """The job is not to be gone on with here; nothing went wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What handlers work with."""

    runs: Runs
    settings: Settings
    meters: JobMeters = field(default_factory=JobMeters)


class Stop:
    """The request that a worker ends: at the next block, and soon within one."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._asked_s = 0.0

    def ask(self) -> None:
        """Ask the worker to end."""
        self._asked_s = time.monotonic()
        self._event.set()

    def wait(self, timeout_s: float) -> None:
        """Wait until asked, at most so long."""
        self._event.wait(timeout_s)

    @property
    def is_asked(self) -> bool:
        """Return whether the worker shall end."""
        return self._event.is_set()

    @property
    def is_overdue(self) -> bool:
        """Return whether it was asked so long ago that a block need not be finished."""
        return self.is_asked and time.monotonic() - self._asked_s > BLOCK_GRACE_S


class JobContext:
    """A job in the hands of a handler; safe for threads.

    Attributes
    ----------
    services : Services
    job : TakenJob
        `subject` is the id of what it is about.
    """

    def __init__(self, services: Services, job: TakenJob, stop: Stop) -> None:
        self.services = services
        self.job = job
        self._jobs = services.runs.store.jobs
        self._lease_s = services.settings.worker.lease_s
        self._stop = stop
        self._hold = Hold.OURS
        self._has_others = False
        self._taken_s = time.monotonic()
        self._progress: Progress | None = None
        self._computing: Generator[tuple[int, bytes], None, None] | None = None
        self._samples: deque[tuple[float, float]] = deque()

    @property
    def timing(self) -> dict[str, float]:
        """Return how long this worker has had the job, and how often a worker took it.

        What earlier workers did of it, `takings` above 1, is not in `elapsed_s`.
        """
        return {"elapsed_s": time.monotonic() - self._taken_s, "takings": self.job.token}

    @property
    def threads(self) -> int:
        """Return how many threads a part that is computed in this process may use."""
        return self.services.settings.worker.threads or core_count()

    def compute(self, task: BlockTask, blocks: Iterable[int]) -> Iterator[tuple[int, bytes]]:
        """Yield blocks of a task as they are finished, in whatever order.

        They are computed by the executor that the job asks for, else by the worker's own.

        Raises
        ------
        JobInterruptedError
            Within a second of the request.
        ExecutorError
            If the executor cannot be reached, or fails; the blocks that came are good.
        Exception
            Whatever a block itself raises.
        """
        self._computing = self._compute(task, blocks)
        return self._computing

    def _compute(
        self, task: BlockTask, blocks: Iterable[int]
    ) -> Generator[tuple[int, bytes], None, None]:
        settings = self.services.settings.worker
        with make_executor(self.job.executor or settings.executor, settings) as executor:
            try:
                yield from executor.map_blocks(task, blocks, is_cancelled=self.is_cancelled)
            except Exception:
                # What a block raises after it was told to stop is how it stopped.
                self.check()
                raise

    def close(self) -> None:
        """Give up what is being computed; for the worker, when the handler is left."""
        if self._computing is not None:
            self._computing.close()

    def is_cancelled(self) -> bool:
        """Return whether to stop at once, within a block; costs nothing, ask as often as you like.

        It says so within a second of the request.
        """
        return self._hold is not Hold.OURS or self._stop.is_overdue

    def check(self) -> None:
        """Stop here when the job is not to be gone on with.

        Raises
        ------
        JobInterruptedError
        """
        if self.is_cancelled():
            raise JobInterruptedError(self.interruption)

    @property
    def interruption(self) -> str:
        """Return why the job stops at the next block, in words; "" when it goes on."""
        if self._hold is not Hold.OURS:
            return "cancelled" if self._hold is Hold.CANCELLED else "lost to another worker"
        if self._stop.is_asked:
            return "given back, since the worker ends"
        return "given back, since others wait" if self._has_others else ""

    def report(self, done: float, total: float, unit: str, note: str = "") -> None:
        """Say how far the job is; costs nothing, the next sign of life carries it.

        Parameters
        ----------
        done, total : float
            In units; the first report says where this worker begins.
        unit : str
            What is counted, in the plural: points.
        note : str
            What is being done: the block, or the date it has come to.
        """
        now = time.monotonic()
        self._samples.append((now, done))
        while now - self._samples[0][0] > RATE_WINDOW_S and len(self._samples) > 2:
            self._samples.popleft()
        first_s, first_done = self._samples[0]
        rate = (
            (done - first_done) / (now - first_s) if done > first_done and now > first_s else None
        )
        self._progress = Progress(
            progress=min(max(done / total, 0.0), 1.0) if total else 1.0,
            unit=unit,
            rate=rate,
            eta_s=(total - done) / rate if rate else None,
            note=note,
        )

    def blocks(self) -> dict[int, bytes]:
        """Return the blocks that were finished before, by this worker or another."""
        return self._jobs.blocks(self.job.id)

    def put_block(self, i_block: int, data: bytes) -> None:
        """Store a finished block; the same block twice is one.

        Raises
        ------
        JobInterruptedError
            If the job is not to be gone on with here. The block is stored, unless the job is lost.
        """
        self._hold = self._jobs.put_block(self.job, i_block, data, lease_s=self._lease_s)
        if self.interruption:
            raise JobInterruptedError(self.interruption)

    def finish(self, store: InTransaction) -> bool:
        """End the job and store its result in one transaction; return whether it was still ours."""
        return self._jobs.finish(self.job, store)

    def beat(self, *, is_renewal: bool, has_others: bool) -> bool:
        """Give a sign of life, when due or when there is progress; return whether it was written.

        For the worker: it calls this beside the handler.
        """
        self._has_others = has_others
        progress, self._progress = self._progress, None
        if progress is None and not is_renewal:
            self._hold = self._jobs.look(self.job)
            return False
        self._hold = self._jobs.renew(self.job, lease_s=self._lease_s, progress=progress)
        return True
