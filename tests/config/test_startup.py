"""Settings that cannot work stop a start with one line that says what, where and how to mend it."""

import os
import socket
import subprocess
import sys

import pytest

from config.settings import ROOT, SettingsError, load_settings
from config.startup import EX_CONFIG, faults, introduction, require_free, without_password
from tests.ports import free_port


def settings_of(tmp_path, **environ):
    own = {f"HINDCAST_{name}": str(value) for name, value in environ.items()}
    return load_settings({"HINDCAST_STORE_DATA_DIR": str(tmp_path / "data"), **own})


@pytest.mark.parametrize("part", ["dashboard", "dataapi", "worker"])
def test_the_defaults_are_sound(tmp_path, part):
    assert list(faults(settings_of(tmp_path), part)) == []


@pytest.mark.parametrize(
    ("part", "environ", "words"),
    [
        ("dataapi", {"SERVER_PUBLIC_URL": "hindcast.example.org"}, ["public_url", "https://"]),
        ("dataapi", {"SERVER_PUBLIC_URL": "https://a.example/?x=1"}, ["public_url"]),
        ("dashboard", {"SERVER_PUBLIC_URL": "https://a.example:port"}, ["public_url"]),
        ("dashboard", {"DASHBOARD_API_URL": "127.0.0.1:8060"}, ["dashboard.api_url"]),
        (
            "dashboard",
            {"SERVER_DRAIN_TIMEOUT_S": 4, "DASHBOARD_API_TIMEOUT_S": 9},
            ["drain_timeout_s: 4 s", "api_timeout_s = 9 s", "at least as long"],
        ),
        ("dataapi", {"STORE_URL": "mysql://u:secret@h/d"}, ["store.url", "'mysql'"]),
        ("worker", {"STORE_URL": "db.internal"}, ["store.url", "postgresql://user@host/name"]),
        (
            "dataapi",
            {"STORE_URL": "postgresql://u@h/d", "STORE_MAX_CONNECTIONS": 8},
            ["store.max_connections: 8", "at least 10"],
        ),
        ("worker", {"WORKER_EXECUTOR": "dask"}, ["worker.dask_address", "tls://"]),
        (
            "worker",
            {"WORKER_DASK_ADDRESS": "tls://s:8786", "WORKER_DASK_CA": "/nowhere/ca.pem"},
            ["dask_ca: cannot read /nowhere/ca.pem", "dask_cert: tls:// needs", "dask_key"],
        ),
    ],
)
def test_a_fault_says_which_setting_and_how_to_mend_it(tmp_path, part, environ, words):
    said = " ".join(faults(settings_of(tmp_path, **environ), part))

    for word in words:
        assert word in said
    assert "secret" not in said
    assert "\n" not in said


@pytest.mark.parametrize("key", ["DATA_DIR", "CACHE_DIR"])
def test_a_directory_that_cannot_be_written_is_named(tmp_path, key):
    (tmp_path / "file").write_text("in the way")
    settings = settings_of(tmp_path, **{f"STORE_{key}": tmp_path / "file" / "below"})

    (fault,) = faults(settings, "dataapi")

    assert f"store.{key.lower()}: cannot write in {tmp_path / 'file' / 'below'}" in fault
    assert f"user {os.getuid()} may write" in fault


def test_a_key_that_everybody_can_read_is_refused(tmp_path):
    files = {name: tmp_path / f"{name}.pem" for name in ("ca", "cert", "key")}
    for path in files.values():
        path.write_text("PEM")
        path.chmod(0o640)
    environ = {f"WORKER_DASK_{name.upper()}": path for name, path in files.items()}
    settings = settings_of(tmp_path, WORKER_DASK_ADDRESS="tls://s:8786", **environ)
    assert list(faults(settings, "worker")) == []

    files["key"].chmod(0o644)
    (fault,) = faults(settings, "worker")
    assert "chmod o= " in fault


def test_an_address_in_use_is_named_with_its_setting():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=r"in use.*dataapi\.port"):
            require_free("127.0.0.1", port, setting="dataapi.port")
    require_free("127.0.0.1", free_port(), setting="dataapi.port")


def test_the_first_line_of_a_log_tells_what_starts_without_passwords(tmp_path):
    settings = settings_of(tmp_path, STORE_URL="postgresql://hindcast:s3cret@db/hindcast")
    line = introduction(settings, "dataapi")

    assert line.startswith("starting part=dataapi version=")
    assert "store.url=postgresql://hindcast:***@db/hindcast" in line
    assert "s3cret" not in line
    assert "dataapi.threads" not in line


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("postgresql://u:p@h:5432/d", "postgresql://u:***@h:5432/d"),
        ("postgresql://u:p@ss@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u@h:5432/d", "postgresql://u@h:5432/d"),
        ("/var/lib/hindcast", "/var/lib/hindcast"),
        ("http://127.0.0.1:8060", "http://127.0.0.1:8060"),
    ],
)
def test_only_passwords_are_hidden(given, shown):
    assert without_password(given) == shown


def start(command, **environ):
    return subprocess.run(
        [sys.executable, "-P", "-m", *command],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("command", [["dashboard"], ["dataapi"], ["dataapi.cli", "worker"]])
@pytest.mark.parametrize(
    ("environ", "word"),
    [
        ({"HINDCAST_SERVER_PUBLIC_URL": "nonsense"}, "server.public_url"),
        ({"HINDCAST_SERVER_LOG_LEVEL": "LOUD"}, "server.log_level"),
    ],
)
def test_every_process_refuses_with_one_line_and_ex_config(tmp_path, command, environ, word):
    refused = start(command, HINDCAST_STORE_DATA_DIR=str(tmp_path), **environ)

    assert refused.returncode == EX_CONFIG
    assert word in refused.stderr
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize("part", ["dashboard", "dataapi"])
def test_a_port_in_use_is_not_a_wrong_setting(tmp_path, part):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        own = {f"HINDCAST_{part.upper()}_PORT": port, "HINDCAST_STORE_DATA_DIR": str(tmp_path)}
        refused = start([part], **own)

    assert refused.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{port}" in refused.stderr
    assert f"{part}.port" in refused.stderr


def test_the_doctor_finds_the_same(tmp_path):
    found = start(
        ["dataapi.cli", "doctor"],
        HINDCAST_STORE_DATA_DIR=str(tmp_path),
        HINDCAST_WORKER_EXECUTOR="dask",
    )

    assert found.returncode == 1
    assert "Setting worker.dask_address" in found.stdout


def test_credentials_win_over_the_file_and_the_environment_over_them(tmp_path):
    file, credentials = tmp_path / "own.toml", tmp_path / "credentials"
    credentials.mkdir()
    secret = credentials / "settings.toml"
    file.write_text('[store]\nurl = "postgresql://h/file"\n[dataapi]\nport = 7001\n')
    secret.write_text('[store]\nurl = "postgresql://u:p@h/secret"\n[worker]\nthreads = 3\n')
    secret.chmod(0o440)
    environ = {"HINDCAST_CONFIG": str(file), "CREDENTIALS_DIRECTORY": str(credentials)}

    settings = load_settings(environ)
    forced = load_settings({**environ, "HINDCAST_WORKER_THREADS": "4"})

    assert settings.store.url == "postgresql://u:p@h/secret"
    assert (settings.dataapi.port, settings.worker.threads) == (7001, 3)
    assert forced.worker.threads == 4


def test_credentials_of_another_kind_are_not_ours(tmp_path):
    (tmp_path / "certificate.pem").write_text("PEM")

    assert load_settings({"CREDENTIALS_DIRECTORY": str(tmp_path)}) == load_settings({})


@pytest.mark.parametrize("where", ["file", "credentials"])
def test_a_secret_that_everybody_can_read_is_refused(tmp_path, where):
    file = tmp_path / "settings.toml"
    file.write_text('[store]\nurl = "postgresql://u:p@h/d"\n')
    environ = {
        "file": {"HINDCAST_CONFIG": str(file)},
        "credentials": {"CREDENTIALS_DIRECTORY": str(tmp_path)},
    }[where]
    file.chmod(0o640)
    assert load_settings(environ).store.url == "postgresql://u:p@h/d"

    file.chmod(0o644)
    with pytest.raises(SettingsError, match=f"chmod o= {file}"):
        load_settings(environ)


def test_a_file_without_secrets_may_be_read_by_everybody(tmp_path):
    file = tmp_path / "own.toml"
    file.write_text('[store]\nurl = "postgresql://hindcast@h:5432/d"\n')
    file.chmod(0o644)

    assert load_settings({"HINDCAST_CONFIG": str(file)}).store.url.endswith("/d")
