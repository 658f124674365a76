"""Configurations of the balancer for tests, and what is asked through it."""

import subprocess
from contextlib import contextmanager

import httpx

from dataapi.cli.up import HAPROXY_DIR, render_haproxy
from tests.components import require_program
from tests.ports import wait_for

LIMITS = {
    "page_requests_10s": 300,
    "submissions_10s": 20,
    "max_body_bytes": 1000,
    "server_connections": 32,
}


def configuration(
    ports, *, certificate=None, edge=None, service=False, apis=(), dashboards=(), **more
):
    public = {"bind": f"127.0.0.1:{ports['public']}", "certificate": certificate}
    return render_haproxy(
        public={**public, **(edge or {})},
        inner=f"127.0.0.1:{ports['inner']}",
        operations=f"127.0.0.1:{ports['operations']}",
        admin_socket=ports["socket"],
        dashboards=dashboards,
        apis=apis,
        errors_dir=HAPROXY_DIR / "errors",
        service=service,
        limits=LIMITS,
        **more,
    )


@contextmanager
def running(file, port):
    """Run HAProxy on a configuration that serves pages on a port."""
    process = subprocess.Popen(
        [require_program("haproxy", "haproxy"), "-db", "-f", str(file)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for(url(port), process)
        yield
    finally:
        process.kill()
        process.communicate()


def check(file):
    program = require_program("haproxy", "haproxy")
    checked = subprocess.run([program, "-c", "-f", str(file)], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    assert "WARNING" not in checked.stderr


def url(port, path="/"):
    return f"http://127.0.0.1:{port}{path}"


def get(port, path, headers=None):
    answer = httpx.get(url(port, path), headers=headers, timeout=10)
    answer.raise_for_status()
    return answer.json(), answer.headers
