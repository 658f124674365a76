"""What is measured is what happened: queue, work, jobs, pool, and whose request a job was."""

from __future__ import annotations

import logging
import time

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from config.logs import request_id
from config.run import RunConfig
from config.settings import load_settings
from dataapi.app import create_app
from dataapi.meters import StoreCollector
from dataapi.services.bundled import import_bundled
from dataapi.services.bundled_runs import service
from dataapi.services.job_context import Services
from dataapi.services.presence import Presence
from dataapi.services.working import Worker
from dataapi.store import ProcessInfo, open_store
from dataapi.store.database import Connections
from tests.dataapi.counting import Count, queue, worker_of


def sample(registry, name, **labels):
    return registry.get_sample_value(name, labels)


@pytest.fixture(autouse=True)
def outside_of_a_request():
    """Applications asked in this process by earlier tests leave their request's id behind."""
    before = request_id.set("-")
    yield
    request_id.reset(before)


@pytest.fixture
def registry(each_store):
    registry = CollectorRegistry()
    registry.register(StoreCollector(each_store, ("analysis", "sweep", "count")))
    return registry


def test_an_empty_queue_is_a_zero_and_not_a_gap(registry):
    for state in ("waiting", "running", "abandoned"):
        assert sample(registry, "hindcast_jobs", kind="sweep", state=state) == 0.0
    assert sample(registry, "hindcast_oldest_job_seconds", kind="sweep") == 0.0
    assert sample(registry, "hindcast_store_up") == 1.0


def test_the_queue_is_counted_by_kind_and_state(each_store, registry):
    for subject in ("a", "b", "c", "d"):
        queue(each_store, subject)
    each_store.jobs.take("alive", lease_s=60.0)
    each_store.jobs.take("dead", lease_s=0.001)
    time.sleep(0.3)

    states = {
        state: sample(registry, "hindcast_jobs", kind="count", state=state)
        for state in ("waiting", "running", "abandoned")
    }
    assert states == {"waiting": 2.0, "running": 1.0, "abandoned": 1.0}
    # Queued before the pause of 0.3 s.
    assert 0.3 <= sample(registry, "hindcast_oldest_job_seconds", kind="count") < 30.0
    assert sample(registry, "hindcast_oldest_job_seconds", kind="sweep") == 0.0


def test_a_job_that_is_tried_again_later_does_not_wait_yet(each_store, registry):
    queue(each_store, "a")
    job = each_store.jobs.take("w", lease_s=60.0)
    each_store.jobs.fail(job, "Once more.", is_final=False)

    assert sample(registry, "hindcast_jobs", kind="count", state="waiting") == 1.0
    assert sample(registry, "hindcast_oldest_job_seconds", kind="count") == 0.0


def test_a_store_that_is_gone_is_said_and_nothing_else_of_it(tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'hindcast.db'}")
    registry = CollectorRegistry()
    registry.register(StoreCollector(store, ("sweep",)))
    store.close()
    (tmp_path / "hindcast.db").write_bytes(b"no database" * 1000)

    assert sample(registry, "hindcast_store_up") == 0.0
    assert sample(registry, "hindcast_jobs", kind="sweep", state="waiting") is None


def test_the_pool_is_told_on_postgres_only(each_store, registry):
    connections = Connections(each_store.url, max_connections=3)
    with connections.session():
        used = connections.pool()
    idle = connections.pool()
    is_sqlite = connections.is_sqlite
    connections.close()

    if is_sqlite:
        assert (used, idle) == ({}, {})
        assert sample(registry, "hindcast_store_connections", state="used") is None
    else:
        assert used == {"used": 1, "idle": 0, "limit": 3}
        assert idle == {"used": 0, "idle": 1, "limit": 3}
        assert sample(registry, "hindcast_store_connections", state="limit") >= 1


def test_work_is_counted_in_bars_and_runs(store):
    import_bundled(store)
    runs = service(store, load_settings({}))
    config = RunConfig.model_validate(
        {"symbols": ["AAPL"], "strategy": {"name": "sma_cross", "params": {"fast": 5, "slow": 20}}}
    )
    n_bars = len(runs.table(runs.submit(config).id, "equity")["time"])
    runs.submit(config)
    registry = CollectorRegistry()
    runs.meters.register(registry)

    assert sample(registry, "hindcast_runs_computed_total") == 1.0
    assert sample(registry, "hindcast_engine_combinations_total", work="run") == 1.0
    assert sample(registry, "hindcast_engine_bars_total", work="run") == n_bars
    assert sample(registry, "hindcast_engine_seconds_total", work="run") > 0.0
    assert (store.series.cache.hits, store.series.cache.misses) == (0, 1)
    assert store.series.cache.held_bytes > n_bars * 8


@pytest.mark.parametrize(
    ("pause", "outcome"),
    [
        (lambda i_block, context: None, "done"),
        (lambda i_block, context: 1 / 0, "failed"),
    ],
)
def test_jobs_are_timed_by_how_they_went(each_store, pause, outcome):
    queue(each_store)
    worker = worker_of(each_store, {"count": Count(pause)})
    worker.work_once()
    registry = CollectorRegistry()
    worker._services.meters.register(registry)

    assert sample(registry, "hindcast_job_seconds_count", kind="count", outcome=outcome) == 1.0


def test_a_worker_writes_under_the_id_of_the_request_that_made_the_job(each_store, caplog):
    seen = []
    asked = request_id.set("request-77")
    queue(each_store)
    request_id.reset(asked)
    count = Count(lambda i_block, context: seen.append(request_id.get()))
    with caplog.at_level(logging.INFO):
        worker_of(each_store, {"count": count}).work_once()

    assert set(seen) == {"request-77"}
    assert request_id.get() == "-"
    assert each_store.jobs.queue() == []


def test_a_job_without_a_request_has_none(each_store):
    queue(each_store)

    assert each_store.jobs.take("w", lease_s=1.0).request_id == "-"


def test_a_job_asked_for_again_carries_the_last_request(each_store):
    queue(each_store)
    job = each_store.jobs.take("w", lease_s=60.0)
    each_store.jobs.fail(job, "Broken.", is_final=True)
    asked = request_id.set("again-1")
    queue(each_store)
    request_id.reset(asked)

    assert each_store.jobs.take("w", lease_s=60.0).request_id == "again-1"


def test_processes_are_listed_until_they_leave_or_are_forgotten(each_store):
    now = time.time_ns() // 1_000_000
    for name, seen_ms in (("old:1", now - 2 * 86_400_000), ("b:2", now), ("a:1", now)):
        each_store.processes.see(
            ProcessInfo(name=name, part="worker", version="1", started_ms=seen_ms, seen_ms=seen_ms)
        )
    assert [process.name for process in each_store.processes.list()] == ["a:1", "b:2"]

    each_store.processes.leave("a:1")
    assert [process.name for process in each_store.processes.list()] == ["b:2"]


def test_an_api_passes_on_which_dashboards_asked_it(each_store):
    app = create_app(load_settings({}), each_store)
    presence = app.extensions["hindcast"].presence
    browser = app.test_client()
    for agent in (
        "hindcast-dashboard/0.1.0+lab1 (d1:8051; 1790000000000)",
        "hindcast-dashboard/0.1.0 (d1:8051; 1790000000000) <script>",
        "curl/8.0",
    ):
        browser.get("/healthz", headers={"User-Agent": agent})
    presence.sign()

    listed = {p.name: (p.part, p.version) for p in each_store.processes.list()}
    assert listed.pop("d1:8051") == ("dashboard", "0.1.0+lab1")
    assert [part for part, _ in listed.values()] == ["dataapi"]
    presence.leave()
    assert [p.name for p in each_store.processes.list()] == ["d1:8051"]


def test_no_more_dashboards_are_listed_than_there_can_be(each_store):
    presence = Presence(each_store, "dataapi", 8061)
    for i in range(500):
        presence.note(f"hindcast-dashboard/1 (forged:{i}; 1790000000000)")
    presence.sign()

    assert len(each_store.processes.list()) == 65


def test_the_api_exports_what_it_says(each_store):
    app = create_app(load_settings({}), each_store)
    browser = app.test_client()
    browser.get("/api/v1/series")
    browser.get("/nowhere")
    text = browser.get("/metrics").text
    families = {family.name: family for family in text_string_to_metric_families(text)}
    routes = {s.labels["route"] for s in families["hindcast_request_seconds"].samples}
    (build,) = families["hindcast_build_info"].samples

    assert routes == {"/api/v1/series", "unknown"}
    assert build.labels["part"] == "dataapi"
    assert "process_cpu_seconds" in families


def test_the_context_of_a_worker_has_meters_of_its_own(each_store):
    settings = load_settings({})
    runs = service(each_store, settings)
    first, second = (Services(runs=runs, settings=settings) for _ in range(2))

    assert first.meters is not second.meters
    assert isinstance(Worker(first, {}), Worker)
