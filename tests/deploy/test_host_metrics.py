"""What a host says of its certificates and backups is true, and its exporter passes it on."""

import os
import socket
import ssl
import subprocess
import threading
import time

import httpx
import pytest

from tests.components import require_program
from tests.deploy.balancers import url
from tests.deploy.figures import UNIT, SmallHost, values
from tests.ports import free_port, wait_for

DAY_S = 86400
END = "hindcast_certificate_end_timestamp_seconds"
MADE = "hindcast_backup_timestamp_seconds"
# Between the making of a file and the question, on a machine that does much else.
SLACK_S = 60


@pytest.fixture
def host(tmp_path):
    return SmallHost(tmp_path / "host")


def put(file, age_s):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    made = time.time() - age_s
    os.utime(file, (made, made))
    return pytest.approx(made, abs=1)


def test_each_certificate_says_when_it_ends(host):
    host.certificate("host")
    host.certificate("public", has_expired=True)

    said = values(host.ask())

    now = time.time()
    assert said == {
        (END, "host"): pytest.approx(now + 30 * DAY_S, abs=SLACK_S),
        (END, "public"): pytest.approx(now - DAY_S, abs=SLACK_S),
    }


def test_the_certificate_that_is_served_may_be_another(host):
    """The file is renewed, and the listener still shows the one from before."""
    before = host.certificate("public", has_expired=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(before)
    host.certificate("public")
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with listener, context.wrap_socket(listener.accept()[0], server_side=True) as visitor:
            visitor.recv(1)

    threading.Thread(target=serve, daemon=True).start()

    said = values(host.ask("--served", f"127.0.0.1:{listener.getsockname()[1]}"))

    now = time.time()
    assert said[(END, "served")] == pytest.approx(now - DAY_S, abs=SLACK_S)
    assert said[(END, "public")] == pytest.approx(now + 30 * DAY_S, abs=SLACK_S)


def test_a_listener_that_does_not_answer_is_left_out(host):
    host.certificate("public")

    assert set(values(host.ask("--served", f"127.0.0.1:{free_port()}"))) == {(END, "public")}


def test_the_newest_whole_backup_of_each_kind_counts(host):
    asked = ("--backups", host.backups, "--kinds", "dump", "base", "copy")
    put(host.backups / "hindcast-1.dump", 900)
    dump = put(host.backups / "hindcast-2.dump", 300)
    put(host.backups / "hindcast-3.dump.part", 10)
    base = put(host.backups / "bases" / "1Z" / "base.tar.gz", 600)
    put(host.backups / "bases" / "2Z.part" / "base.tar.gz", 10)

    said = values(host.ask(*asked))

    assert said == {(MADE, "dump"): dump, (MADE, "base"): base, (MADE, "copy"): 0.0}


@pytest.mark.parametrize(("result", "value"), [("success", 0.0), ("exit-code", 1.0), ("", 0.0)])
def test_a_backup_that_failed_is_said(host, result, value):
    host.result = result

    assert values(host.ask("--unit", UNIT)) == {("hindcast_backup_failed",): value}


def test_the_oldest_change_that_waits_for_the_archive_counts(host):
    asked = ("--changes", host.changes)
    waiting = "hindcast_changes_waiting_seconds"
    put(host.changes / "000000010000000000000001.done", 5000)
    assert values(host.ask(*asked)) == {(waiting,): 0.0}

    put(host.changes / "000000010000000000000002.ready", 700)
    put(host.changes / "000000010000000000000003.ready", 100)

    assert values(host.ask(*asked))[(waiting,)] == pytest.approx(700, abs=SLACK_S)


def test_the_exporter_passes_it_on(host):
    program = require_program("prometheus-node-exporter", "prometheus-node-exporter")
    text = host.ask_all()
    port = free_port()
    only = ["--collector.disable-defaults", "--collector.textfile"]
    place = f"--collector.textfile.directory={host.output.parent}"
    listen = f"--web.listen-address=127.0.0.1:{port}"
    process = subprocess.Popen(
        [program, *only, place, listen],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for(url(port), process)
        passed_on = httpx.get(url(port, "/metrics")).text
    finally:
        process.kill()
        process.communicate()

    said = values(passed_on)
    assert values(text).items() <= said.items()
    # By this name the alert finds it.
    (file,) = (labels for name, *labels in said if name == "node_textfile_mtime_seconds")
    assert file[0].endswith("hindcast.prom")
