"""What an executor computes: the blocks of a task, each to bytes, the same wherever it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

IsCancelled = Callable[[], bool]


class ExecutorError(Exception):
    """The executor cannot be reached or has failed: the job is tried again a little later."""


class ExecutionCancelledError(Exception):
    """The caller's `is_cancelled` said so, and the blocks in flight are given up."""


class BlockWork(Protocol):
    """A task prepared in one process: bars loaded, and whatever all of its blocks share."""

    def block(self, i_block: int, *, threads: int, is_cancelled: IsCancelled) -> bytes:
        """Return a block as it is stored; the same bytes however many threads there are."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockTask:
    """Work in blocks, here and described so that another process can prepare the same.

    Parameters
    ----------
    prepare : str
        `module:function` of ours; `function(runs, subject)` returns the `BlockWork`. It is called
        once in each process, and refuses when bars or engine there are not those of `key`.
    subject : str
        Id of what the job is about, to be found in the store.
    key : str
        Names configuration, bars and engine: two equal keys are the same work.
    work : BlockWork
        The same, prepared in this process.
    """

    prepare: str
    subject: str
    key: str
    work: BlockWork


class Executor(Protocol):
    """Computes blocks; used in a `with` statement, at whose end nothing of it runs any more."""

    def map_blocks(
        self, task: BlockTask, blocks: Iterable[int], *, is_cancelled: IsCancelled
    ) -> Iterator[tuple[int, bytes]]:
        """Yield each block with its bytes as it is finished, in whatever order.

        Raises
        ------
        ExecutorError
            If the executor fails: what was yielded is good, the rest is to be asked for again.
        ExecutionCancelledError
            Within a second of `is_cancelled`.
        Exception
            Whatever a block itself raises.
        """
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...
