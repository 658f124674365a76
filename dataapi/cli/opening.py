"""The store of a command: opened for it, closed after it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from config.settings import Settings

if TYPE_CHECKING:
    from dataapi.services.runs import Runs
    from dataapi.store import Store

# The store is imported when it is opened: the list of commands must not wait for it.


@contextmanager
def opened_store(settings: Settings) -> Iterator[Store]:
    """Open the settings' store, its schema brought up to date, and close it at the end."""
    from dataapi.store import open_store

    store = open_store(
        settings.database_url,
        max_connections=settings.store.max_connections,
        cache_bytes=settings.dataapi.cache_bytes,
    )
    try:
        yield store
    finally:
        store.close()


@contextmanager
def opened_runs(settings: Settings) -> Iterator[Runs]:
    """Open the store with its runs service; a fresh store gets the bundled prices first."""
    from dataapi.services.bundled import import_bundled
    from dataapi.services.bundled_runs import service

    with opened_store(settings) as store:
        imported = import_bundled(store)
        if imported:
            names = ", ".join(info.symbol for info in imported)
            print(f"A fresh store: imported the bundled prices of {names}.", file=sys.stderr)
        yield service(store, settings)
