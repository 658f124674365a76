"""What the API keeps of its own answers: whole bodies, bounded by bytes.

A finished run and a fingerprinted series never change, so their answers are kept as they went
over the wire, under a key that names the content and the representation. Flask-Caching holds the
cache; its backend is ours because the others count items, and an answer may be 300 bytes or 3 MB.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from datetime import timedelta
from typing import Any, NamedTuple

from flask import Flask
from flask_caching import Cache
from flask_caching.backends.base import BaseCache

# A run deleted at one process is forgotten by the others after this time. What they answer until
# then is still right: the same id would be computed to the same content again.
KEEP_S = 60
ANSWER_OVERHEAD_BYTES = 512


class CachedAnswer(NamedTuple):
    """A body as it goes over the wire."""

    body: bytes
    mimetype: str
    etag: str


class BoundedCache(BaseCache):
    """The most recently used answers, up to a number of bytes, each for a limited time."""

    def __init__(self, max_bytes: int, default_timeout: int) -> None:
        super().__init__(default_timeout=default_timeout)
        self.max_bytes = max_bytes
        self.held_bytes = 0
        self._entries: OrderedDict[str, tuple[float, CachedAnswer]] = OrderedDict()
        self._lock = threading.Lock()

    @classmethod
    def factory(
        cls, app: Flask, config: dict[str, Any], args: list[Any], kwargs: dict[str, Any]
    ) -> BoundedCache:
        """Build the backend from the application's configuration, as Flask-Caching asks."""
        return cls(config["CACHE_MAX_BYTES"], config["CACHE_DEFAULT_TIMEOUT"])

    def get(self, key: str) -> CachedAnswer | None:
        """Return the answer under `key`, None when absent or too old."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            expires, answer = entry
            if expires <= time.monotonic():
                self._drop(key)
                return None
            self._entries.move_to_end(key)
            return answer

    def set(self, key: str, value: CachedAnswer, timeout: int | timedelta | None = None) -> bool:
        """Keep the answer; the least recently used ones go when it gets too full."""
        size = _size(value)
        if size > self.max_bytes:
            return False
        keep = self.default_timeout if timeout is None else timeout
        keep_s = keep.total_seconds() if isinstance(keep, timedelta) else keep
        expires = time.monotonic() + keep_s
        with self._lock:
            self._drop(key)
            self._entries[key] = (expires, value)
            self.held_bytes += size
            while self.held_bytes > self.max_bytes:
                self._drop(next(iter(self._entries)))
        return True

    def delete(self, key: str) -> bool:
        """Forget one answer."""
        with self._lock:
            return self._drop(key)

    def delete_prefix(self, prefix: str) -> None:
        """Forget every answer whose key starts with `prefix`."""
        with self._lock:
            for key in [key for key in self._entries if key.startswith(prefix)]:
                self._drop(key)

    def clear(self) -> bool:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self.held_bytes = 0
        return True

    def _drop(self, key: str) -> bool:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.held_bytes -= _size(entry[1])
        return entry is not None


def install_cache(app: Flask, max_bytes: int) -> None:
    """Give the application a cache of finished answers; `answer_cache` reaches it."""
    config = {
        "CACHE_TYPE": "dataapi.caching.BoundedCache",
        "CACHE_MAX_BYTES": max_bytes,
        "CACHE_DEFAULT_TIMEOUT": KEEP_S,
    }
    app.extensions["answer_cache"] = Cache(app, with_jinja2_ext=False, config=config)


def answer_cache(app: Flask) -> BoundedCache:
    """Return the application's cache of finished answers."""
    backend: BoundedCache = app.extensions["answer_cache"].cache
    return backend


def _size(answer: CachedAnswer) -> int:
    return len(answer.body) + ANSWER_OVERHEAD_BYTES
