"""A worker answers on its own port: alive, ready, measured; and ends as one that ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from config.settings import ROOT, load_settings
from config.version import VERSION
from dataapi.store import open_store
from dataapi.worker_server import WorkerServer
from tests.ports import free_port, wait_for


def fetch(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.status, answer.read().decode()


def test_a_worker_says_how_it_is_and_leaves(tmp_path):
    url = f"sqlite:///{tmp_path / 'hindcast.db'}"
    store, port = open_store(url), free_port()
    worker = subprocess.Popen(
        [sys.executable, "-P", "-m", "dataapi.cli", "worker"],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "HINDCAST_STORE_DATA_DIR": str(tmp_path),
            "HINDCAST_WORKER_PORT": str(port),
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    base = f"http://127.0.0.1:{port}"
    wait_for(f"{base}/healthz", worker, timeout_s=60.0)

    ready = json.loads(fetch(f"{base}/readyz")[1])
    families = {f.name for f in text_string_to_metric_families(fetch(f"{base}/metrics")[1])}
    (listed,) = store.processes.list()
    worker.send_signal(signal.SIGTERM)
    _, log = worker.communicate(timeout=30)

    assert ready == {"status": "ready", "version": VERSION}
    assert {"hindcast_build_info", "hindcast_job_seconds", "process_cpu_seconds"} <= families
    assert (listed.part, listed.name.rpartition(":")[2]) == ("worker", str(port))
    assert worker.returncode == 0
    assert f"starting part=worker version={VERSION}" in log
    assert store.processes.list() == []
    store.close()


def test_an_older_or_damaged_store_is_not_ready(tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'hindcast.db'}", migrate=False)
    port = free_port()
    settings = load_settings({"HINDCAST_WORKER_PORT": str(port)}).worker
    server = WorkerServer(settings, store, CollectorRegistry())
    with pytest.raises(urllib.error.HTTPError) as not_ready:
        fetch(f"http://127.0.0.1:{port}/readyz")
    server.is_ending = True
    with pytest.raises(urllib.error.HTTPError) as ending:
        fetch(f"http://127.0.0.1:{port}/healthz")
    store.close()

    assert not_ready.value.code == 503
    assert "migrations" in json.load(not_ready.value)["detail"]
    assert ending.value.code == 404
    for error in (not_ready.value, ending.value):
        error.close()
