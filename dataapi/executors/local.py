"""Blocks one after another in this process, each on all of its threads."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

from dataapi.executors.blocks import BlockTask, ExecutionCancelledError, IsCancelled


class LocalExecutor:
    """The threads of this process; a block at a time, so that a stop costs one block at most."""

    def __init__(self, threads: int) -> None:
        self._threads = threads

    def map_blocks(
        self, task: BlockTask, blocks: Iterable[int], *, is_cancelled: IsCancelled
    ) -> Iterator[tuple[int, bytes]]:
        """Yield each block with its bytes, in the order asked for."""
        for i_block in blocks:
            if is_cancelled():
                raise ExecutionCancelledError
            yield (
                i_block,
                task.work.block(i_block, threads=self._threads, is_cancelled=is_cancelled),
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Nothing to close."""


def core_count() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0))
