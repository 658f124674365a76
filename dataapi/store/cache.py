"""Decoded bars kept in memory, by fingerprint, within a number of bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict

from dataapi.store.chunks import COLUMNS
from engine.types import Bars, Table


class BarsCache:
    """Least recently used columns leave first; safe for threads.

    The key is the fingerprint of the bars, so an entry can never be out of date. `hits` and
    `misses` count what was asked of it.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._n_bytes = 0
        self.hits = 0
        self.misses = 0
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, Table] = OrderedDict()

    def get(self, key: str) -> Table | None:
        """Return the columns kept under `key`, or None."""
        with self._lock:
            found = self._entries.get(key)
            if found is None:
                self.misses += 1
            else:
                self.hits += 1
                self._entries.move_to_end(key)
            return found

    @property
    def held_bytes(self) -> int:
        """Return how much is kept."""
        return self._n_bytes

    def put(self, key: str, bars: Bars) -> None:
        """Keep the columns of `bars`, read-only, unless they alone are larger than the cache."""
        columns = {name: getattr(bars, name) for name in COLUMNS}
        for column in columns.values():
            column.flags.writeable = False
        size = _size(columns)
        if size > self._max_bytes:
            return
        with self._lock:
            if key in self._entries:
                return
            self._entries[key] = columns
            self._n_bytes += size
            while self._n_bytes > self._max_bytes:
                self._n_bytes -= _size(self._entries.popitem(last=False)[1])


def _size(columns: Table) -> int:
    return sum(column.nbytes for column in columns.values())
