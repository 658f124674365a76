"""Blocks on a dask cluster: each on one thread of some worker, in whatever order they come.

A dask worker is an installation of this program with settings that lead to the same store: it
loads the bars itself and keeps what it has prepared (`dataapi.executors.remote`), so that a task is
a few words and its result a block. Not more is given out than the cluster can begin: a cancel or a
dead scheduler costs the blocks in flight and nothing else. A block whose worker is killed goes to
another one.
"""

from __future__ import annotations

import queue
import time
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from config.settings import WorkerSettings
from dataapi.executors import remote
from dataapi.executors.blocks import (
    BlockTask,
    ExecutionCancelledError,
    ExecutorError,
    IsCancelled,
)
from engine.version import ENGINE_VERSION

CONNECT_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 2.0
# How often a cancel and the scheduler's death are looked for while no block comes.
LOOK_S = 0.2
# How often the scheduler is asked how many threads there are, and how long for an answer.
ASK_S = 1.0
# A worker that has finished a block finds the next one there; more would be lost with a cancel.
BLOCKS_A_THREAD = 2
# So long may the cluster be without a worker: one that is killed is started again by its nanny.
PATIENCE_S = 30.0
RESULT_TIMEOUT_S = 30.0


class DaskExecutor:
    """A connection to a dask scheduler.

    Raises
    ------
    ExecutorError
        If dask is not installed, the settings are incomplete, or no scheduler answers.
    """

    def __init__(self, settings: WorkerSettings) -> None:
        self._address = settings.dask_address
        if not self._address:
            raise ExecutorError(
                "The dask executor needs the scheduler's address: set worker.dask_address, for "
                "example tls://scheduler.internal:8786."
            )
        self._dask = _distributed()
        self._in_flight: dict[Any, int] = {}
        self._finished: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._seen_s, self._asked_s, self._threads = time.monotonic(), -ASK_S, 0
        self._client = self._connect(settings)

    def _connect(self, settings: WorkerSettings) -> Any:
        try:
            return self._dask.Client(
                self._address,
                security=_security(self._dask, settings),
                timeout=CONNECT_TIMEOUT_S,
                set_as_default=False,
                name="hindcast",
            )
        except (OSError, ImportError) as error:
            raise ExecutorError(f"No dask scheduler answers at {self._address}: {error}") from error

    def map_blocks(
        self, task: BlockTask, blocks: Iterable[int], *, is_cancelled: IsCancelled
    ) -> Iterator[tuple[int, bytes]]:
        """Yield each block with its bytes as it comes from the cluster."""
        waiting = iter(blocks)
        described = (task.prepare, task.subject, task.key, ENGINE_VERSION)
        name = f"hindcast-{task.key[:12]}-{uuid.uuid4().hex[:8]}"
        is_all_out = False
        while self._in_flight or not is_all_out:
            n_wanted = BLOCKS_A_THREAD * self._n_threads()
            while not is_all_out and len(self._in_flight) < n_wanted:
                i_block = next(waiting, None)
                is_all_out = i_block is None
                if i_block is not None:
                    self._send(f"{name}-{i_block}", described, i_block)
            future = self._next_finished(is_cancelled)
            if future is not None:
                i_block = self._in_flight.pop(future)
                yield i_block, self._result(future, i_block)

    def _send(self, key: str, described: tuple[str, str, str, str], i_block: int) -> None:
        future = self._client.submit(remote.compute_block, *described, i_block, key=key, pure=False)
        self._in_flight[future] = i_block
        future.add_done_callback(self._finished.put)

    def _n_threads(self) -> int:
        """Return how many threads the cluster has; at least 1, for a while, when it has none."""
        self._refuse_dead_scheduler()
        now = time.monotonic()
        if now - self._asked_s > ASK_S:
            self._asked_s = now
            self._threads = self._asked_threads()
        if self._threads:
            self._seen_s = now
        elif now - self._seen_s > PATIENCE_S:
            raise ExecutorError(
                f"The dask scheduler at {self._address} has had no worker for {PATIENCE_S:.0f} s."
            )
        return max(self._threads, 1)

    def _asked_threads(self) -> int:
        """Return how many threads the scheduler says there are; 0 when it does not answer."""
        try:
            about = self._client.sync(
                self._client.scheduler.identity, n_workers=0, callback_timeout=ASK_S
            )
        except (OSError, TimeoutError):
            return 0
        return int(about["total_threads"])

    def _next_finished(self, is_cancelled: IsCancelled) -> Any:
        """Return a finished future, or None when the cluster is to be looked at again."""
        if is_cancelled():
            raise ExecutionCancelledError
        try:
            return self._finished.get(timeout=LOOK_S)
        except queue.Empty:
            return None

    def _result(self, future: Any, i_block: int) -> bytes:
        self._refuse_dead_scheduler()
        try:
            data: bytes = future.result(timeout=RESULT_TIMEOUT_S)
        except self._dask.KilledWorker as error:
            raise ExecutorError(
                f"Block {i_block} was given up: every dask worker that had it died."
            ) from error
        except ImportError as error:
            raise ExecutorError(
                f"The dask workers cannot import what they need ({error}): install this release "
                "there."
            ) from error
        except (OSError, self._dask.CancelledError) as error:
            raise ExecutorError(
                f"Block {i_block} was lost on the way from the dask cluster: {error}"
            ) from error
        return data

    def _refuse_dead_scheduler(self) -> None:
        if self._client.status != "running":
            raise ExecutorError(f"The dask scheduler at {self._address} is gone.")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give up the blocks in flight and leave the cluster."""
        if self._client.status == "running" and self._in_flight:
            self._client.cancel(list(self._in_flight), asynchronous=False)
        self._in_flight.clear()
        self._client.close(timeout=CLOSE_TIMEOUT_S)


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise ExecutorError(
            "The dask executor needs the extra `dask`: pip install 'hindcast[dask]'."
        ) from None
    return distributed


def _security(dask: Any, settings: WorkerSettings) -> Any:
    """Return the certificates for an encrypted connection, None for a plain one."""
    files = {
        "worker.dask_ca": settings.dask_ca,
        "worker.dask_cert": settings.dask_cert,
        "worker.dask_key": settings.dask_key,
    }
    is_encrypted = settings.dask_address.startswith("tls://")
    if not is_encrypted and not any(files.values()):
        return None
    missing = [name for name, path in files.items() if not path]
    if missing or not is_encrypted:
        what = f"{', '.join(missing)} set" if missing else "an address that starts with tls://"
        raise ExecutorError(f"An encrypted connection to dask needs {what}.")
    for name, path in files.items():
        if not Path(path).is_file():
            raise ExecutorError(f"Cannot read {name}: no file {path}.")
    return dask.Security(
        tls_ca_file=settings.dask_ca,
        tls_client_cert=settings.dask_cert,
        tls_client_key=settings.dask_key,
        require_encryption=True,
    )
