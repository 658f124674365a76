"""Servers behind the balancer: they answer with what they saw."""

import subprocess
import sys

import pytest

from tests.ports import free_port, wait_for

# Answers everything with what it saw, so that tests can see what arrived.
ECHO_SERVER = """
import json, sys
from waitress import serve

def app(environ, start_response):
    headers = {k[5:].lower().replace("_", "-"): v for k, v in environ.items() if k[:5] == "HTTP_"}
    body = json.dumps({"server": sys.argv[2], "headers": headers}).encode()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [body]

serve(app, host="127.0.0.1", port=int(sys.argv[1]), threads=4, clear_untrusted_proxy_headers=False)
"""


@pytest.fixture
def echo():
    processes = []

    def start(name):
        port = free_port()
        process = subprocess.Popen(
            [sys.executable, "-c", ECHO_SERVER, str(port), name], stderr=subprocess.PIPE, text=True
        )
        processes.append(process)
        wait_for(f"http://127.0.0.1:{port}/", process)
        return {"name": name, "address": f"127.0.0.1:{port}"}

    yield start
    for process in processes:
        process.kill()
        process.communicate()
