"""Workers that are killed and frozen at random instants, and what is left of their jobs.

The workers are real processes of the command `worker`, forked from a server that has imported the
engine already: a killed one is replaced within a few hundredths of a second. Their jobs write one
row when they are done, into a table without a unique key: a job done twice shows.
"""

from __future__ import annotations

import faulthandler
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

import peewee

from dataapi.services import working
from dataapi.store import JobQuery, Store
from dataapi.store.database import Connections, execute
from dataapi.store.jobs import add_job
from tests.processes import end_with_tests, forkserver

N_BLOCKS = 12
N_WORKERS = 4
N_UNFINISHED = 20
LEASE_S = 0.4
BLOCK_S = 0.05
RESULT_S = 0.03
JUDGING_S = 0.2
PAUSE_S = 0.5
FREEZE_S = 5.0 * LEASE_S
# On a machine that does nothing else a worker ends within a second.
STOP_S = 60.0
PATIENCE_S = 120.0
SETTINGS = {
    "HINDCAST_WORKER_LEASE_S": str(LEASE_S),
    "HINDCAST_WORKER_POLL_S": "0.02",
    "HINDCAST_WORKER_SLICE_S": "0.3",
    # A job is to be lost only when the queue loses it: three deaths in a row happen here.
    "HINDCAST_WORKER_MAX_ATTEMPTS": "100",
}
MOMENT = random.Random()  # noqa: S311 - how long things take in a worker; not seeded
RESULT = peewee.Table("chaos_result", ("subject", "content"))


def expected(kind: str, subject: str) -> str:
    """Return what a job of the test leaves: each of its blocks once."""
    n_blocks = N_BLOCKS if kind == "long" else 1
    return " ".join(f"{subject}:{i_block}" for i_block in range(n_blocks))


def carry_out_long(context) -> bool:
    """Do a job in blocks; each is noted where it was computed."""
    finished = context.blocks()
    for i_block in range(N_BLOCKS):
        context.report(i_block, N_BLOCKS, "blocks", f"block {i_block}")
        if i_block in finished:
            continue
        time.sleep(MOMENT.uniform(0.0, BLOCK_S))
        context.check()
        _note("block")
        finished[i_block] = f"{context.job.subject}:{i_block}".encode()
        context.put_block(i_block, finished[i_block])
    time.sleep(MOMENT.uniform(0.0, JUDGING_S))
    content = b" ".join(finished[i_block] for i_block in sorted(finished)).decode()
    return context.finish(lambda database: _store(database, context.job.subject, content))


def carry_out_short(context) -> bool:
    """Do a job at once, as an analysis is done."""
    time.sleep(MOMENT.uniform(0.0, JUDGING_S))
    subject = context.job.subject
    return context.finish(lambda database: _store(database, subject, f"{subject}:0"))


def _store(database: peewee.Database, subject: str, content: str) -> None:
    """Write the result, and take one's time: some workers die between the row and the commit."""
    RESULT.insert(subject=subject, content=content).execute(database)
    time.sleep(MOMENT.uniform(0.0, RESULT_S))
    _note("result")


def _note(word: str) -> None:
    with Path(os.environ["CHAOS_NOTES"]).open("a") as notes:
        notes.write(f"{word}\n")


def work(url: str, directory: Path) -> None:
    """Be a worker: the command, with two kinds of job that only this test knows."""
    end_with_tests()
    os.environ.update(SETTINGS, HINDCAST_STORE_URL=url, CHAOS_NOTES=str(directory / "notes"))
    log = os.open(directory / "workers.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, sys.stdout.fileno())
    os.dup2(log, sys.stderr.fileno())
    MOMENT.seed()
    faulthandler.register(signal.SIGUSR1)
    working.LONG["long"] = carry_out_long
    working.SHORT["short"] = carry_out_short
    from dataapi.cli import main

    sys.exit(main(["worker"]))


@dataclass
class Chaos:
    """A store, its workers, and blows dealt to them.

    `blows` are counted by kind; the seed decides them, and their moments as far as a busy machine
    lets it.
    """

    store: Store
    directory: Path
    seed: int
    blows: Counter[str] = field(default_factory=Counter)
    asked: dict[int, tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)  # noqa: S311
        self._processes = forkserver()
        self._connections = Connections(self.store.url, max_connections=4)
        self._workers: list[BaseProcess] = []
        self._thawing: list[threading.Timer] = []
        with self._connections.transaction() as database:
            execute(database, "CREATE TABLE chaos_result (subject TEXT, content TEXT)")

    @contextmanager
    def workers(self):
        """Have workers at work inside, and none after."""
        self._workers = [self._start() for _ in range(N_WORKERS)]
        try:
            yield self
        finally:
            for worker in self._workers:
                worker.kill()
                worker.join()
            self._connections.close()

    def _start(self) -> BaseProcess:
        worker = self._processes.Process(target=work, args=(self.store.url, self.directory))
        worker.start()
        return worker

    def deal(self, n_blows: int) -> None:
        """Deal so many blows to the workers while they work off a queue that is kept filled."""
        while self.blows.total() < n_blows:
            self._fill()
            time.sleep(self.random.uniform(0.0, PAUSE_S))
            i_worker = self.random.randrange(N_WORKERS)
            kind = self.random.choices(("kill", "freeze", "stop", "cancel"), (8, 8, 2, 2))[0]
            self._deal_one(kind, i_worker)
            self.blows[kind] += 1
        for timer in self._thawing:
            timer.join()

    def _deal_one(self, kind: str, i_worker: int) -> None:
        worker = self._workers[i_worker]
        if kind == "cancel":
            self.store.jobs.cancel(self.random.choice(list(self.asked)))
        elif kind == "freeze":
            self._freeze(i_worker, self.random.uniform(0.0, FREEZE_S))
        else:
            if kind == "stop":
                worker.terminate()
                worker.join(STOP_S)
                assert worker.exitcode is not None, self._stacks(worker)
            else:
                worker.kill()
                worker.join()
            self._workers[i_worker] = self._start()

    def end_after_freeze(self, i_worker: int) -> int:
        """Freeze a worker that is at work, tell it to end, wake it; return its exit code."""
        worker = self._workers[i_worker]
        _wait_until(lambda: "job taken" in self._log(), "No worker has taken a job.")
        _send(worker, signal.SIGSTOP)
        time.sleep(0.2)
        worker.terminate()
        time.sleep(0.2)
        _send(worker, signal.SIGCONT)
        worker.join(STOP_S)
        assert worker.exitcode is not None, self._stacks(worker)
        return worker.exitcode

    def _log(self) -> str:
        path = self.directory / "workers.log"
        return path.read_text(errors="replace") if path.is_file() else ""

    def _stacks(self, worker: BaseProcess) -> str:
        """Return where a worker is that does not end."""
        _send(worker, signal.SIGUSR1)
        time.sleep(1.0)
        return f"A worker that is told to end did not end:\n{self._log()[-3000:]}"

    def _freeze(self, i_worker: int, freeze_s: float) -> None:
        """Freeze a worker for a while: it wakes to find its job taken by another.

        A thread lets it go: it may hold the lock that this one waits for.
        """
        worker = self._workers[i_worker]
        _send(worker, signal.SIGSTOP)
        timer = threading.Timer(freeze_s, _send, (worker, signal.SIGCONT))
        self._thawing.append(timer)
        timer.start()

    def _fill(self) -> None:
        """Keep some jobs unfinished, long ones and short ones."""
        page = self.store.jobs.list(JobQuery(limit=200)).items
        for _ in range(N_UNFINISHED - sum(job.state in ("queued", "running") for job in page)):
            kind = self.random.choice(("long", "short"))
            self._ask(kind, f"{kind}{len(self.asked)}")

    def _ask(self, kind: str, subject: str) -> None:
        with self._connections.transaction() as database:
            self.asked[add_job(database, kind, subject=subject)] = (kind, subject)

    def settle(self) -> None:
        """Ask again for what was cancelled, and wait until nothing is left to do."""
        self._wait_for(lambda states: not states & {"queued", "running"})
        for job_id, (kind, subject) in list(self.asked.items()):
            if self.store.jobs.get(job_id).state == "cancelled":
                assert subject not in self.results(), f"{subject} was cancelled and has a result."
                self._ask(kind, subject)
        self._wait_for(lambda states: states == {"done"})

    def _wait_for(self, condition: Callable[[set[str]], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition({self.store.jobs.get(job_id).state for job_id in self.asked}):
            assert time.monotonic() < deadline, self.account()
            for i_worker, worker in enumerate(self._workers):
                assert worker.exitcode is None, f"Worker {i_worker} ended: {worker.exitcode}."
            time.sleep(0.1)

    def results(self) -> dict[str, list[str]]:
        """Return the rows that each job has left."""
        found: dict[str, list[str]] = {}
        with self._connections.session() as database:
            for subject, content in (
                RESULT.select(RESULT.subject, RESULT.content).tuples().execute(database)
            ):
                found.setdefault(subject, []).append(content)
        return found

    def n_blocks_left(self) -> int:
        """Return how many blocks are left in the store."""
        with self._connections.session() as database:
            return int(execute(database, "SELECT COUNT(*) FROM job_block").fetchone()[0])

    def account(self) -> str:
        """Return what was done to whom, in a line, with the seed to do it again."""
        notes = self.directory / "notes"
        did = Counter(notes.read_text().split() if notes.is_file() else ())
        states = Counter(self.store.jobs.get(job_id).state for job_id in self.asked)
        needed = N_BLOCKS * sum(kind == "long" for kind, _ in self.asked.values())
        return (
            f"seed {self.seed}: {len(self.asked)} jobs {dict(states)}, blows {dict(self.blows)}, "
            f"{did['block']} blocks computed where {needed} were needed"
        )


def _wait_until(condition: Callable[[], bool], failure: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, failure
        time.sleep(0.02)


def _send(worker: BaseProcess, number: signal.Signals) -> None:
    if worker.pid is not None and worker.is_alive():
        with suppress(ProcessLookupError):
            os.kill(worker.pid, number)
