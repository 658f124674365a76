"""Processes that start quickly: forked from a server that has imported what they need."""

from __future__ import annotations

import ctypes
import multiprocessing
import signal
from multiprocessing.context import ForkServerContext

PRELOADED = ("dataapi.cli.worker", "dataapi.services.working", "distributed")


PR_SET_PDEATHSIG = 1


def end_with_tests() -> None:
    """Have this process killed when the server that it was forked from ends, as it does with us."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def forkserver() -> ForkServerContext:
    """Return the context whose processes have the engine and dask imported already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    return context
