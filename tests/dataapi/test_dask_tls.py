"""A sweep on an encrypted dask cluster, started by the commands that the manual gives."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.settings import load_settings
from config.sweep import SweepConfig
from dataapi.executors import ExecutorError, make_executor
from dataapi.services.bundled_runs import service
from dataapi.services.job_context import Services
from dataapi.services.sweeps import Sweeps
from dataapi.services.working import Lanes
from dataapi.store import open_store
from tests.apps import config, save_waves
from tests.dataapi.certificates import make_certificates
from tests.ports import free_port

pytest.importorskip("distributed", reason="the extra `dask` is not installed")
pytestmark = [pytest.mark.cluster, pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[2]
SWEEP = {"run": config(), "axes": {"fast": "2..9", "slow": "10..40:5"}}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def store(tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'hindcast.db'}")
    save_waves(store)
    yield store
    store.close()


@pytest.fixture
def address(store, files, tmp_path):
    """A scheduler and a worker on TLS, as a person would start them."""
    address = f"tls://127.0.0.1:{free_port()}"
    tls = ["--tls-ca-file", files["ca"], "--tls-cert", files["cert"], "--tls-key", files["key"]]
    commands = [
        ["scheduler", "--host", address, "--no-dashboard", "--no-show", *tls],
        ["worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard", *tls],
    ]
    with (tmp_path / "dask.log").open("ab") as log:
        processes = [
            subprocess.Popen(
                [sys.executable, "-m", "dask", *command],
                env={**os.environ, "PYTHONPATH": str(ROOT), "HINDCAST_STORE_URL": store.url},
                cwd=tmp_path,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
            for command in commands
        ]
    yield address
    for process in reversed(processes):
        process.kill()
        process.wait()


def swept(store, executor, **terms):
    """Return the points of the sweep, computed by an executor, and forget the sweep."""
    settings = load_settings({})
    worker = settings.worker.model_copy(update={"executor": executor, **terms})
    services = Services(
        runs=service(store, settings), settings=settings.model_copy(update={"worker": worker})
    )
    sweeps = Sweeps(services.runs)
    sweep_id = sweeps.submit(SweepConfig.model_validate(SWEEP)).document["id"]
    Lanes(services).work_off()
    job = store.jobs.find("sweep", sweep_id)
    assert (job.state, job.error) == ("done", None)
    points = sweeps.points(sweep_id)
    sweeps.delete(sweep_id)
    return points


def test_a_sweep_on_an_encrypted_cluster_is_the_same_to_the_last_bit(
    store, address, files, monkeypatch
):
    monkeypatch.setattr("dataapi.executors.cluster.CONNECT_TIMEOUT_S", 120.0)
    terms = {f"dask_{name}": str(files[name]) for name in ("ca", "cert", "key")}

    assert repr(swept(store, "dask", dask_address=address, **terms)) == repr(swept(store, "local"))


def test_who_has_no_certificate_of_the_authority_is_refused(address, tmp_path, monkeypatch):
    monkeypatch.setattr("dataapi.executors.cluster.CONNECT_TIMEOUT_S", 10.0)
    strangers = make_certificates(tmp_path)
    terms = {f"dask_{name}": str(strangers[name]) for name in ("ca", "cert", "key")}
    settings = load_settings({}).worker.model_copy(update={"dask_address": address, **terms})

    with pytest.raises(ExecutorError, match="No dask scheduler answers at tls://"):
        make_executor("dask", settings)
