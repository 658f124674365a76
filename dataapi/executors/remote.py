"""What runs on a dask worker: work prepared once in each process, and its blocks.

Nothing is imported here that would load numba before its cache has a place.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from config.kernels import prepare_kernels
from config.settings import load_settings
from dataapi.executors.blocks import BlockWork, ExecutorError

if TYPE_CHECKING:
    from dataapi.services.runs import Runs

SAME_STORE = "Give the dask workers the same store (HINDCAST_STORE_URL, or the data directory)."
# Works kept in a process, with their bars: one is at hand, another may take turns with it.
N_KEPT = 2

_kept: OrderedDict[str, BlockWork] = OrderedDict()
_preparing = threading.Lock()


def compute_block(prepare: str, subject: str, key: str, engine_version: str, i_block: int) -> bytes:
    """Return a block of the work that is described, as it is stored.

    Raises
    ------
    ExecutorError
        If this installation or its store is not the one that is meant.
    """
    work = _prepared(prepare, subject, key, engine_version)
    return work.block(i_block, threads=1, is_cancelled=lambda: False)


def _prepared(prepare: str, subject: str, key: str, engine_version: str) -> BlockWork:
    """Return the work, prepared by the first who asks for it in this process."""
    with _preparing:
        if key not in _kept:
            runs = _runs()
            _refuse_other_engine(engine_version)
            module, _, function = prepare.partition(":")
            _kept[key] = _with_reason(getattr(import_module(module), function), runs, subject)
            while len(_kept) > N_KEPT:
                _kept.popitem(last=False)
        _kept.move_to_end(key)
        return _kept[key]


@cache
def _runs() -> Runs:
    """Return the services over the store of this process's own settings."""
    settings = load_settings()
    prepare_kernels(settings.cache_dir)
    from dataapi.services.bundled_runs import service
    from dataapi.store import open_store

    store = open_store(
        settings.database_url,
        max_connections=settings.store.max_connections,
        cache_bytes=settings.dataapi.cache_bytes,
        migrate=False,
    )
    if store.pending_migrations():
        raise ExecutorError(f"{_place()} finds no store at its settings' address. {SAME_STORE}")
    return service(store, settings)


def _refuse_other_engine(wanted: str) -> None:
    from engine.version import ENGINE_VERSION

    if wanted != ENGINE_VERSION:
        raise ExecutorError(
            f"{_place()} has engine {ENGINE_VERSION}, and the job is one of {wanted}: install the "
            "same release there."
        )


def _with_reason(prepare: object, runs: Runs, subject: str) -> BlockWork:
    from dataapi.store import NotStoredError

    try:
        work: BlockWork = prepare(runs, subject)  # type: ignore[operator]
    except NotStoredError as error:
        raise ExecutorError(f"{_place()} does not find it: {error} {SAME_STORE}") from error
    return work


def _place() -> str:
    return f"The dask worker on {os.uname().nodename}"
