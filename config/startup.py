"""What is wrong with a process's settings and its machine, found before anything starts.

Each fault is one sentence that says what, where and how to mend it. A process that finds one ends
with `EX_CONFIG`, by which systemd is told not to start it again: nothing would be different.
"""

from __future__ import annotations

import errno
import os
import platform
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from config.settings import DEFAULTS, Settings, read_toml
from config.version import VERSION

EX_CONFIG = 78
"""Of sysexits.h: something was found in an unconfigured or misconfigured state."""

Part = Literal["dashboard", "dataapi", "worker"]
STORE_SCHEMES = ("sqlite", "postgresql", "postgres")
# A thread may hold a connection while it needs another for a moment.
SPARE_CONNECTIONS = 2


class ConfigurationError(Exception):
    """Settings that cannot work; the message is one line."""


def require_sound(settings: Settings, part: Part) -> None:
    """Refuse to start on settings that cannot work.

    Raises
    ------
    ConfigurationError
        With all faults in one line.
    """
    found = list(faults(settings, part))
    if found:
        raise ConfigurationError("Cannot start: " + " ".join(found))


def faults(settings: Settings, part: Part) -> Iterator[str]:
    """Yield what would keep a part of the product from working."""
    yield from _public_url(settings)
    if part == "dashboard":
        yield from _dashboard(settings)
        return
    yield from _store_url(settings)
    yield from _directory("store.data_dir", settings.data_dir)
    yield from cache_faults(settings)
    if part == "worker":
        yield from _dask(settings)
    else:
        yield from _connections(settings)


def _public_url(settings: Settings) -> Iterator[str]:
    url = settings.server.public_url
    if url and not _is_http(url):
        yield (
            f"Setting server.public_url: expected an address such as https://hindcast.example.org, "
            f"without a query, was {url!r}."
        )


def _dashboard(settings: Settings) -> Iterator[str]:
    url, mine = settings.dashboard.api_url, settings.dashboard
    if not _is_http(url):
        yield (
            "Setting dashboard.api_url: expected an address such as http://127.0.0.1:8060, "
            f"was {url!r}."
        )
    if settings.server.drain_timeout_s < mine.api_timeout_s:
        yield (
            f"Setting server.drain_timeout_s: {settings.server.drain_timeout_s:g} s would end "
            f"pages that still wait for the data API, which may take dashboard.api_timeout_s = "
            f"{mine.api_timeout_s:g} s: make it at least as long."
        )


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        is_whole = parts.port is None or parts.port > 0
    except ValueError:
        return False
    is_plain = not (parts.query or parts.fragment or any(c.isspace() for c in url))
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and is_plain and is_whole


def _store_url(settings: Settings) -> Iterator[str]:
    scheme, separator, rest = settings.database_url.partition("://")
    if not separator or scheme not in STORE_SCHEMES or not rest:
        yield (
            'Setting store.url: expected postgresql://user@host/name, or "" for SQLite in '
            f"data_dir, was one that starts with {scheme[:20]!r}."
        )


def _connections(settings: Settings) -> Iterator[str]:
    needed = settings.dataapi.threads + SPARE_CONNECTIONS
    if settings.store.url.startswith("postgres") and settings.store.max_connections < needed:
        yield (
            f"Setting store.max_connections: {settings.store.max_connections} is too few for "
            f"dataapi.threads = {settings.dataapi.threads}: at least {needed}."
        )


def cache_faults(settings: Settings) -> Iterator[str]:
    """Yield why compiled kernels cannot be kept."""
    yield from _directory("store.cache_dir", settings.cache_dir)


def _directory(name: str, place: Path) -> Iterator[str]:
    """Make a directory and a file in it: permission bits do not tell of full or read-only disks."""
    try:
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"\0")
    except OSError as error:
        who = f"user {os.getuid()}"
        mend = (
            "free some space"
            if error.errno in {errno.ENOSPC, errno.EDQUOT}
            else f"make it a directory that {who} may write, or set another"
        )
        yield f"Setting {name}: cannot write in {place} ({error.strerror}): {mend}."


def _dask(settings: Settings) -> Iterator[str]:
    worker = settings.worker
    address = worker.dask_address
    if worker.executor == "dask" and not address:
        yield (
            'Setting worker.dask_address: executor = "dask" needs the scheduler\'s address, for '
            "example tls://scheduler.internal:8786."
        )
    if not address.startswith("tls://"):
        return
    for key in ("dask_ca", "dask_cert", "dask_key"):
        path = getattr(worker, key)
        if not path:
            yield f"Setting worker.{key}: tls:// needs this file in PEM form."
        elif not os.access(path, os.R_OK):
            yield f"Setting worker.{key}: cannot read {path}."
    if worker.dask_key and Path(worker.dask_key).is_file():
        yield from _readable_by_all("worker.dask_key", Path(worker.dask_key))


def _readable_by_all(name: str, path: Path) -> Iterator[str]:
    if path.stat().st_mode & stat.S_IROTH:
        yield f"Setting {name}: everybody can read {path}: chmod o= {path}."


def require_free(host: str, port: int, *, setting: str) -> None:
    """Refuse an address that somebody else listens on, before the slow part of a start.

    Raises
    ------
    OSError
        That names the address and what to do.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise OSError(
                error.errno,
                f"Cannot listen on {host}:{port}: {error.strerror}. End what uses it, or change "
                f"the setting {setting}.",
            ) from None


def introduction(settings: Settings, part: Part) -> str:
    """Return the first line of a log: what starts, and which settings are not the defaults."""
    return (
        f"starting part={part} version={VERSION} python={platform.python_version()} "
        f"pid={os.getpid()} settings={' '.join(changed(settings)) or 'defaults'}"
    )


def changed(settings: Settings) -> Iterator[str]:
    """Yield the settings that are not the defaults, without passwords."""
    defaults = read_toml(DEFAULTS)
    for section, keys in settings.model_dump().items():
        for key, value in keys.items():
            if value != defaults[section][key]:
                yield f"{section}.{key}={without_password(str(value))}"


def without_password(url: str) -> str:
    """Return an address with its password hidden; any other text as it is."""
    head, separator, tail = url.partition("://")
    user, at, host = tail.rpartition("@")
    name, colon, _ = user.partition(":")
    return f"{head}{separator}{name}:***{at}{host}" if separator and colon else url
