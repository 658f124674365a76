"""A serving process leaves without dropping a request."""

import subprocess
import sys
import textwrap
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.ports import free_port, wait_for

ROOT = Path(__file__).resolve().parents[2]
SLOW_APP = """
import sys, time
from config.logs import configure_logging
from config.serving import serve

def app(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        time.sleep(1.0)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"served"]

configure_logging("INFO")
serve(app, host="127.0.0.1", port=int(sys.argv[1]), threads=4, connection_limit=50,
      drain_delay_s=0.3, drain_timeout_s=5.0, name="test")
"""


@pytest.fixture
def server():
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SLOW_APP), str(port)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(f"http://127.0.0.1:{port}/healthz", process)
    yield process, f"http://127.0.0.1:{port}"
    process.kill()
    process.communicate()


def _get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.status, answer.read()


def test_sigterm_serves_what_is_in_flight_and_tells_the_balancer(server):
    process, url = server
    answers = []
    slow = threading.Thread(target=lambda: answers.append(_get(f"{url}/slow")))
    slow.start()
    time.sleep(0.2)

    process.terminate()
    deadline = time.monotonic() + 5
    status = 200
    while status == 200 and time.monotonic() < deadline:
        try:
            status = _get(f"{url}/healthz")[0]
        except urllib.error.HTTPError as refused:
            status = refused.code
    slow.join()

    assert status == 404
    assert answers == [(200, b"served")]
    assert process.wait(timeout=10) == 0
    assert "stopped name=test in_flight=0" in process.stderr.read()


def test_requests_keep_being_served_while_draining(server):
    process, url = server
    slow = threading.Thread(target=lambda: _get(f"{url}/slow"))
    slow.start()
    time.sleep(0.2)

    process.terminate()
    answer = _get(f"{url}/quick")
    slow.join()

    assert answer == (200, b"served")
