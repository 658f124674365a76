"""How the cost of an answer grows: with the runs that are stored, and with visitors at once."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import httpx

from dataapi.store import open_store
from dataapi.store.run_list import RunQuery
from tests.bench.curves import Curve, Point, curve, point
from tests.bench.measure import Scale
from tests.bench.servers import import_bundled_data, running

RUNS = (10, 100, 1_000, 10_000, 100_000)
VISITORS = (1, 2, 5, 10, 20, 50, 100, 200)
PATIENCE_S = 120
FIRST_PAGE = RunQuery(sort="-sharpe", limit=50)

# The lists read `run`, `run_entry` and `run_symbol`: each stored run copied under other names.
COPIES = """
CREATE TEMP TABLE copy AS
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {n})
    SELECT i, (SELECT id FROM run ORDER BY created_ms LIMIT 1) AS original,
           'copy' || printf('%08d', {first} + i) AS id, abs(random()) / 9.3e18 AS luck FROM n;
INSERT INTO run SELECT {run} FROM copy JOIN run ON run.id = copy.original;
INSERT INTO run_symbol SELECT {symbol} FROM copy JOIN run_symbol t ON t.run_id = copy.original;
INSERT INTO run_entry SELECT {entry} FROM copy JOIN run_entry t ON t.run_id = copy.original;
DROP TABLE copy;
"""
REPLACED = {
    "run": {"id": "copy.id", "key": "copy.id", "sharpe": "copy.luck", "cagr": "copy.luck"},
    "symbol": {"run_id": "copy.id"},
    "entry": {"id": "NULL", "run_id": "copy.id", "created_ms": "t.created_ms + copy.i"},
}


def curves(scale: Scale) -> Iterator[Curve]:
    """Yield the curves, each as soon as it is measured."""
    is_tiny = scale == "tiny"
    with tempfile.TemporaryDirectory() as folder:
        import_bundled_data(folder)
        yield curve(
            "visitors",
            "as many visitors at once open a finished run's page, each once",
            _over_visitors(folder, VISITORS[:1] if is_tiny else VISITORS),
        )
        yield curve(
            "runs stored",
            "the first page of the list of runs, by Sharpe ratio",
            _over_runs(folder, RUNS[:2] if is_tiny else RUNS),
        )


def _over_runs(folder: str, counts: Iterable[int]) -> Iterator[Point]:
    path = Path(folder) / "hindcast.db"
    for n in counts:
        _fill(path, n)
        with closing(open_store(f"sqlite:///{path}")) as store:
            yield point(n, lambda store=store: store.runs.list(FIRST_PAGE))


def _fill(path: Path, n: int) -> None:
    """Copy the oldest run until there are n."""
    with closing(sqlite3.connect(path)) as database, database:
        stored = database.execute("SELECT count(*) FROM run").fetchone()[0]
        if n > stored:
            columns = {
                part: _columns(database, table, REPLACED[part])
                for part, table in (
                    ("run", "run"),
                    ("symbol", "run_symbol"),
                    ("entry", "run_entry"),
                )
            }
            database.executescript(COPIES.format(n=n - stored, first=stored, **columns))


def _columns(database: sqlite3.Connection, table: str, replaced: dict[str, str]) -> str:
    """Return a table's columns for SELECT, some of them replaced."""
    name = "run" if table == "run" else "t"
    found = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
    return ", ".join(replaced.get(column, f"{name}.{column}") for column in found)


def _over_visitors(folder: str, counts: Iterable[int]) -> Iterator[Point]:
    with ExitStack() as stack:
        api = stack.enter_context(running("dataapi", folder))
        pages = stack.enter_context(running("dashboard", folder, HINDCAST_DASHBOARD_API_URL=api))
        config = {"symbols": ["AAPL"], "strategy": {"name": "sma_cross"}}
        run = httpx.post(f"{api}/api/v1/runs", json=config, timeout=60).raise_for_status().json()
        for n in counts:
            pool = stack.enter_context(ThreadPoolExecutor(n))
            visit = _visitor(pages + run["url"])
            yield point(n, lambda n=n, pool=pool, visit=visit: list(pool.map(visit, range(n))))


def _visitor(url: str) -> Callable[[int], None]:
    def visit(_: int) -> None:
        httpx.get(url, timeout=PATIENCE_S).raise_for_status()

    return visit
