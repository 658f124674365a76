"""A balancer, and servers behind it that answer with what they saw."""

import subprocess
import sys

import pytest

from tests.deploy.balancers import configuration, running
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


@pytest.fixture
def balancer(tmp_path, echo):
    ports = {name: free_port() for name in ("public", "inner", "operations")}
    ports["socket"] = tmp_path / "admin.sock"
    file = tmp_path / "haproxy.cfg"
    file.write_text(
        configuration(
            ports,
            dashboards=[echo("page-1"), echo("page-2")],
            apis=[echo("api-1")],
        )
    )
    with running(file, ports["public"]):
        yield ports
