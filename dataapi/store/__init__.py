"""The store: series, runs and jobs in SQLite or Postgres. Only this package imports peewee.

>>> store = open_store("sqlite:////tmp/hindcast.db")        # doctest: +SKIP
>>> store.series.bars("AAPL", "1d")                         # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Mapping

from dataapi.store import activity, schema
from dataapi.store.activity import HOUR_MS
from dataapi.store.analyses import AnalysisStore, NewAnalysis, StoredAnalysis
from dataapi.store.database import Connections
from dataapi.store.errors import (
    AdjustmentConflictError,
    CorruptDataError,
    InvalidQueryError,
    NoRoomError,
    NotStoredError,
    SeriesInUseError,
    StoreBusyError,
    StoreError,
    StoreUnavailableError,
)
from dataapi.store.fingerprints import fingerprint, portfolio_fingerprint
from dataapi.store.job_list import ACTIVE, JobInfo, JobPage, JobQuery, QueueFigure
from dataapi.store.jobs import Hold, InTransaction, JobStore, Progress, TakenJob
from dataapi.store.processes import ProcessInfo, ProcessStore
from dataapi.store.pruning import Leftover, PruneStore
from dataapi.store.room import RoomStore
from dataapi.store.run_list import RunQuery
from dataapi.store.runs import NewRun, RunAbout, RunListItem, RunPage, RunStore, StoredRun
from dataapi.store.series import SeriesInfo, SeriesStore, SeriesVersionInfo
from dataapi.store.studies import (
    NewStudy,
    StoredStudy,
    StudyItem,
    StudyPage,
    StudyResult,
    StudyStore,
)
from dataapi.store.trials import (
    LedgerEntry,
    NewTrials,
    TrialStore,
    data_of,
    family_of,
    run_trials,
    trial_hashes,
)

__all__ = [
    "ACTIVE",
    "HOUR_MS",
    "AdjustmentConflictError",
    "AnalysisStore",
    "CorruptDataError",
    "Hold",
    "InTransaction",
    "InvalidQueryError",
    "JobInfo",
    "JobPage",
    "JobQuery",
    "JobStore",
    "LedgerEntry",
    "Leftover",
    "NewAnalysis",
    "NewRun",
    "NewStudy",
    "NewTrials",
    "NoRoomError",
    "NotStoredError",
    "ProcessInfo",
    "ProcessStore",
    "Progress",
    "PruneStore",
    "QueueFigure",
    "RoomStore",
    "RunAbout",
    "RunListItem",
    "RunPage",
    "RunQuery",
    "RunStore",
    "SeriesInUseError",
    "SeriesInfo",
    "SeriesStore",
    "SeriesVersionInfo",
    "Store",
    "StoreBusyError",
    "StoreError",
    "StoreUnavailableError",
    "StoredAnalysis",
    "StoredRun",
    "StoredStudy",
    "StudyItem",
    "StudyPage",
    "StudyResult",
    "StudyStore",
    "TakenJob",
    "TrialStore",
    "data_of",
    "family_of",
    "fingerprint",
    "open_store",
    "portfolio_fingerprint",
    "run_trials",
    "trial_hashes",
]


class Store:
    """Everything that lasts; safe for threads, one per process.

    Attributes
    ----------
    series : SeriesStore
    runs : RunStore
    analyses : AnalysisStore
    jobs : JobStore
    sweeps, walkforwards : StudyStore
    trials : TrialStore
    processes : ProcessStore
    pruning : PruneStore
    room : RoomStore
    """

    def __init__(self, connections: Connections, *, cache_bytes: int) -> None:
        self._connections = connections
        self.series = SeriesStore(connections, cache_bytes=cache_bytes)
        self.runs = RunStore(connections)
        self.analyses = AnalysisStore(connections)
        self.jobs = JobStore(connections)
        self.sweeps = StudyStore(connections, "sweep")
        self.walkforwards = StudyStore(connections, "walkforward")
        self.trials = TrialStore(connections)
        self.processes = ProcessStore(connections)
        self.pruning = PruneStore(connections)
        self.room = RoomStore(connections)

    @property
    def url(self) -> str:
        """Return the address that the store was opened with."""
        return self._connections.url

    def migrate(self) -> list[str]:
        """Bring the schema up to date; return the names of the migrations applied."""
        return schema.migrate(self._connections)

    def pending_migrations(self) -> list[str]:
        """Return the migrations not applied yet: empty when the store is ready.

        Raises
        ------
        StoreUnavailableError
            If the database cannot be reached, or was written by a newer version.
        """
        return schema.pending(self._connections)

    def size_bytes(self) -> int:
        """Return how much the database takes on disk."""
        return self._connections.size_bytes()

    def activity(self, since_ms: int) -> Mapping[str, Mapping[int, int]]:
        """Return how many runs were made and jobs done, by the hour since 1970."""
        with self._connections.session() as database:
            return activity.by_hour(database, since_ms)

    def pool(self) -> dict[str, int]:
        """Return the pool's connections by state: used, idle, limit; empty on SQLite."""
        return self._connections.pool()

    def close(self) -> None:
        """Close this thread's connection and the pool's."""
        self._connections.close()


def open_store(
    database_url: str,
    *,
    max_connections: int = 12,
    cache_bytes: int = 268_435_456,
    migrate: bool = True,
) -> Store:
    """Open a store, made when it does not exist.

    Parameters
    ----------
    database_url : str
        `sqlite:////absolute/path.db` or `postgresql://user@host/name`.
    max_connections : int
        Of this process to Postgres: at least its threads + 2.
    cache_bytes : int
        Decoded bars kept in memory.
    migrate : bool
        Whether the schema is brought up to date (one locked step).

    Raises
    ------
    StoreUnavailableError
        If the database cannot be reached, or was written by a newer version.
    """
    store = Store(
        Connections(database_url, max_connections=max_connections), cache_bytes=cache_bytes
    )
    if migrate and store.pending_migrations():
        store.migrate()
    return store
