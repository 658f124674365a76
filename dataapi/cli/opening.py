"""The store of a command: opened for it, closed after it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from config.settings import Settings
from dataapi.store import Store, open_store


@contextmanager
def opened_store(settings: Settings) -> Iterator[Store]:
    """Open the settings' store, its schema brought up to date, and close it at the end."""
    store = open_store(
        settings.database_url,
        max_connections=settings.store.max_connections,
        cache_bytes=settings.dataapi.cache_bytes,
    )
    try:
        yield store
    finally:
        store.close()
