"""Stores for tests.

`store` is an empty one on the database of HINDCAST_TEST_DATABASE_URL (a Postgres server's address;
SQLite when it is not set): the whole suite runs on either. `each_store` runs a test on SQLite and
on Postgres in one go, on a private server when no address is given.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dataapi.store import Store, open_store
from dataapi.store.database import Connections, execute
from engine import Bars
from tests.dataapi.postgres import binaries, fresh_schema, missing_postgres, running_server

DAY_MS = 86_400_000


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Address of a Postgres database in which schemas can be made."""
    given = os.environ.get("HINDCAST_TEST_DATABASE_URL", "")
    if given.startswith("postgres"):
        yield given
        return
    programs = binaries()
    if programs is None:
        missing_postgres()
    else:
        with running_server(programs) as url:
            yield url


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of an empty store, on the database that the suite runs on."""
    if os.environ.get("HINDCAST_TEST_DATABASE_URL", "").startswith("postgres"):
        with fresh_schema(request.getfixturevalue("postgres_url")) as url:
            yield url
    else:
        yield f"sqlite:///{tmp_path / 'hindcast.db'}"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def each_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of an empty store, on SQLite and on Postgres."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'hindcast.db'}"
    else:
        with fresh_schema(request.getfixturevalue("postgres_url")) as url:
            yield url


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """An empty store on the database that the suite runs on."""
    store = open_store(database_url)
    yield store
    store.close()


@pytest.fixture
def each_store(each_database_url: str) -> Iterator[Store]:
    """An empty store, on SQLite and on Postgres."""
    store = open_store(each_database_url)
    yield store
    store.close()


@pytest.fixture
def sql(each_store: Store) -> Iterator[Callable[[str], list[tuple[Any, ...]]]]:
    """Run a statement on `each_store`, on a connection of the test's own; return its rows."""
    connections = Connections(each_store.url, max_connections=4)

    def run(statement: str) -> list[tuple[Any, ...]]:
        with connections.session() as database:
            cursor = execute(database, statement)
            return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

    yield run
    connections.close()


@pytest.fixture
def reopened() -> Iterator[Callable[..., Store]]:
    """Open the store of a store once more, as another process would; closed after the test."""
    stores: list[Store] = []

    def reopen(store: Store, **options: int) -> Store:
        stores.append(open_store(store.url, **options))
        return stores[-1]

    yield reopen
    for store in stores:
        store.close()


@pytest.fixture
def make_bars() -> Callable[..., Bars]:
    """Seeded valid daily bars: n_bars from 2000-01-01 on, weekends included."""

    def make(
        n_bars: int, *, seed: int = 0, first_ms: int = 946_684_800_000, **terms: object
    ) -> Bars:
        random = np.random.default_rng(seed)
        close = np.round(100.0 * np.exp(np.cumsum(random.normal(0.0, 0.01, n_bars))), 2)
        open_ = np.round(close * np.exp(random.normal(0.0, 0.002, n_bars)), 2)
        return Bars(
            first_ms + DAY_MS * np.arange(n_bars, dtype=np.int64),
            open_,
            np.round(np.maximum(open_, close) * 1.01, 2),
            np.round(np.minimum(open_, close) * 0.99, 2),
            close,
            random.integers(1_000, 100_000, n_bars).astype(np.float64),
            **terms,  # type: ignore[arg-type]
        )

    return make
