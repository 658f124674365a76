"""Where the blocks of a long job are computed; a handler does not know (`JobContext.compute`)."""

from __future__ import annotations

from config.settings import WorkerSettings
from dataapi.executors.blocks import (
    BlockTask,
    BlockWork,
    ExecutionCancelledError,
    Executor,
    ExecutorError,
)
from dataapi.executors.local import LocalExecutor, core_count

__all__ = [
    "EXECUTORS",
    "BlockTask",
    "BlockWork",
    "ExecutionCancelledError",
    "Executor",
    "ExecutorError",
    "core_count",
    "make_executor",
    "threads_of",
]

EXECUTORS = ("local", "dask")


def make_executor(name: str, settings: WorkerSettings) -> Executor:
    """Return an executor, to be used in a `with` statement.

    Raises
    ------
    ExecutorError
        If there is no such executor, or it cannot be reached.
    """
    if name == "local":
        return LocalExecutor(settings.threads or core_count())
    if name == "dask":
        from dataapi.executors.cluster import DaskExecutor

        return DaskExecutor(settings)
    raise ExecutorError(f"No executor {name!r}; there are {' and '.join(EXECUTORS)}.")


def threads_of(name: str | None, settings: WorkerSettings) -> int | None:
    """Return on how many threads a job's blocks are computed; None where a cluster decides.

    Parameters
    ----------
    name : str or None
        Of the executor; None is the one of the settings.
    settings : WorkerSettings
    """
    if (name or settings.executor) != "local":
        return None
    return settings.threads or core_count()
