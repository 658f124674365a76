"""What the data API and workers count for Prometheus, and what they read from the store for it.

Every label has few values, known beforehand: routes, kinds of jobs, outcomes. Nothing carries a
symbol, a run or a visitor. `docs/operations-monitoring.md` says what each means.
"""

from __future__ import annotations

import platform
from collections.abc import Collection, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, Info, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from config.version import VERSION
from dataapi.store import Store, StoreError
from engine.version import ENGINE_VERSION

LATENCY_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
JOB_S = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0)


class WorkMeters:
    """What the engine has computed in this process; `work` is run, draft, variant or sweep."""

    def __init__(self) -> None:
        self.runs = Counter(
            "hindcast_runs_computed", "Backtests computed and stored.", registry=None
        )
        self.bars = Counter(
            "hindcast_engine_bars",
            "Bars computed, those of each combination by themselves.",
            ["work"],
            registry=None,
        )
        self.combinations = Counter(
            "hindcast_engine_combinations",
            "Backtests computed, each combination of a sweep as one.",
            ["work"],
            registry=None,
        )
        self.seconds = Counter(
            "hindcast_engine_seconds",
            "Seconds of a clock spent computing, on one or many cores.",
            ["work"],
            registry=None,
        )

    def count(self, work: str, *, seconds: float, bars: int, combinations: int = 1) -> None:
        """Add what was computed in so many seconds; `bars` those of all combinations together."""
        self.bars.labels(work).inc(bars)
        self.combinations.labels(work).inc(combinations)
        self.seconds.labels(work).inc(seconds)

    def register(self, registry: CollectorRegistry) -> None:
        """Show these counters in a registry."""
        for meter in (self.runs, self.bars, self.combinations, self.seconds):
            registry.register(meter)


class JobMeters:
    """How the jobs of this worker went: done, given back, refused or failed, and how long."""

    def __init__(self) -> None:
        self.seconds = Histogram(
            "hindcast_job_seconds",
            "Time that this worker had a job, by how it went.",
            ["kind", "outcome"],
            registry=None,
            buckets=JOB_S,
        )

    def register(self, registry: CollectorRegistry) -> None:
        """Show them in a registry."""
        registry.register(self.seconds)


class RequestMeters:
    """How the API's answers went: by route, by layer."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.latency_s = Histogram(
            "hindcast_request_seconds",
            "Time to answer, by route.",
            ("method", "route", "status"),
            registry=registry,
            buckets=LATENCY_S,
        )
        self.answers = Counter(
            "hindcast_answers",
            "Answers by the layer that had them.",
            ("layer",),
            registry=registry,
        )


class StoreCollector(Collector):
    """Reads queue, pool and cache of the store when it is asked.

    Parameters
    ----------
    store : Store
    kinds : collection of str
        The kinds of jobs, so that an empty queue is a zero and not a gap.
    """

    def __init__(self, store: Store, kinds: Collection[str]) -> None:
        self._store = store
        self._kinds = kinds

    def collect(self) -> Iterator[Metric]:
        """Yield the figures; without a reachable store only that it is not."""
        up = GaugeMetricFamily("hindcast_store_up", "1 when the database answers, else 0.")
        try:
            queue = list(self._queue())
        except StoreError:
            queue = []
        up.add_metric([], 1.0 if queue else 0.0)
        yield up
        yield from queue
        yield from self._pool()
        yield from self._bars()

    def _queue(self) -> Iterator[Metric]:
        jobs = GaugeMetricFamily(
            "hindcast_jobs",
            "Jobs by kind: waiting, running, or abandoned by a worker that died.",
            labels=["kind", "state"],
        )
        oldest = GaugeMetricFamily(
            "hindcast_oldest_job_seconds",
            "How long the job that has waited longest waits for a worker; 0 when none waits.",
            labels=["kind"],
        )
        figures = {figure.kind: figure for figure in self._store.jobs.queue()}
        for kind in self._kinds:
            figure = figures.get(kind)
            for state in ("waiting", "running", "abandoned"):
                jobs.add_metric([kind, state], getattr(figure, state, 0))
            oldest.add_metric([kind], 0.0 if figure is None else figure.oldest_s)
        yield jobs
        yield oldest

    def _pool(self) -> Iterator[Metric]:
        pool = GaugeMetricFamily(
            "hindcast_store_connections",
            "Connections to Postgres by state; `limit` is how many there may be.",
            labels=["state"],
        )
        for state, number in self._store.pool().items():
            pool.add_metric([state], number)
        yield pool

    def _bars(self) -> Iterator[Metric]:
        lookups = CounterMetricFamily(
            "hindcast_bars_cache_lookups",
            "Series asked of the cache of decoded bars.",
            labels=["outcome"],
        )
        bars = self._store.series.cache
        lookups.add_metric(["hit"], bars.hits)
        lookups.add_metric(["miss"], bars.misses)
        yield lookups
        held = GaugeMetricFamily("hindcast_bars_cache_bytes", "Decoded bars kept in memory.")
        held.add_metric([], bars.held_bytes)
        yield held


def new_registry(part: str) -> CollectorRegistry:
    """Return a registry that says what this process is, and what it takes of its machine."""
    registry = CollectorRegistry()
    Info("hindcast_build", "Which part in which version this is.", registry=registry).info(
        {
            "part": part,
            "version": VERSION,
            "engine_version": ENGINE_VERSION,
            "python": platform.python_version(),
        }
    )
    ProcessCollector(registry=registry)
    return registry
