"""The balancer's template is valid, keeps inner things inside, and survives a dying server."""

import http.client
import json
import subprocess
import sys
import time

import httpx
import pytest

from dataapi.cli.up import HAPROXY_DIR, render_haproxy
from tests.components import require_program
from tests.ports import free_port, wait_for

LIMITS = {
    "page_requests_10s": 300,
    "submissions_10s": 20,
    "max_body_bytes": 1000,
    "server_connections": 32,
}


def configuration(ports, *, certificate=None, service=False, apis=(), dashboards=(), **more):
    return render_haproxy(
        public={"bind": f"127.0.0.1:{ports['public']}", "certificate": certificate},
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
    program = require_program("haproxy", "haproxy")
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
    process = subprocess.Popen(
        [program, "-db", "-f", str(file)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(f"http://127.0.0.1:{ports['public']}/", process)
    yield ports
    process.terminate()
    process.communicate()


def url(port, path="/"):
    return f"http://127.0.0.1:{port}{path}"


def get(port, path, headers=None):
    answer = httpx.get(url(port, path), headers=headers, timeout=10)
    answer.raise_for_status()
    return answer.json(), answer.headers


@pytest.mark.parametrize("service", [False, True])
def test_the_template_is_valid_without_a_warning(tmp_path, service):
    program = require_program("haproxy", "haproxy")
    ports = {"public": 1, "inner": 2, "operations": 3, "socket": tmp_path / "admin.sock"}
    server = {"name": "a", "address": "127.0.0.1:9"}
    file = tmp_path / "haproxy.cfg"
    file.write_text(configuration(ports, service=service, apis=[server], dashboards=[server]))

    checked = subprocess.run([program, "-c", "-f", str(file)], capture_output=True, text=True)

    assert checked.returncode == 0, checked.stderr
    assert "WARNING" not in checked.stderr


def check(file):
    program = require_program("haproxy", "haproxy")
    checked = subprocess.run([program, "-c", "-f", str(file)], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    assert "WARNING" not in checked.stderr


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """An authority of the tests' own, and a certificate with key of the host `host-1`."""
    folder = tmp_path_factory.mktemp("authority")
    ca = ["-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca"]
    host = ["-keyout", "host.key", "-out", "host.crt", "-subj", "/CN=host-1"]
    host += ["-CA", "ca.pem", "-CAkey", "ca.key", "-addext", "subjectAltName=DNS:host-1"]
    for names in (ca, host):
        make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names]
        subprocess.run(make, cwd=folder, check=True, capture_output=True)
    both = (folder / "host.crt").read_text() + (folder / "host.key").read_text()
    (folder / "host.pem").write_text(both)
    return folder


def remote(authority, name="host-1", address="127.0.0.1:9"):
    tls = {"ca": authority / "ca.pem", "certificate": authority / "host.pem", "name": "host-1"}
    return {"name": name, "address": address, "tls": tls, "connections": 128}


def edge(authority, ports):
    peers = {
        "local": "lb-1",
        "bind": f"127.0.0.1:{ports['peers']}",
        "certificate": authority / "host.pem",
        "ca": authority / "ca.pem",
        "servers": [{"name": "lb-2", "address": "127.0.0.1:9"}],
    }
    return configuration(
        ports,
        certificate=authority / "host.pem",
        dashboards=[remote(authority), remote(authority, "host-2")],
        apis=[remote(authority)],
        users=[{"name": "ann", "hash": PASSWORD_HASH}],
        peers=peers,
    )


def terminator(authority, ports, servers, name="pages"):
    return {
        "name": name,
        "bind": f"127.0.0.1:{ports[name]}",
        "certificate": authority / "host.pem",
        "client_ca": authority / "ca.pem",
        "servers": servers,
    }


# Of the password "past prices": openssl passwd -6 -salt saltsalt
PASSWORD_HASH = subprocess.run(
    ["openssl", "passwd", "-6", "-salt", "saltsalt", "past prices"],
    capture_output=True,
    text=True,
    check=True,
).stdout.strip()


@pytest.fixture
def ports(tmp_path):
    numbers = {name: free_port() for name in ("public", "inner", "operations", "pages", "peers")}
    return {**numbers, "socket": tmp_path / "admin.sock"}


def test_the_template_of_an_edge_balancer_is_valid(tmp_path, authority, ports):
    file = tmp_path / "haproxy.cfg"
    file.write_text(edge(authority, ports))

    check(file)


def test_the_template_of_a_dashboard_host_is_valid_and_has_no_public_side(
    tmp_path, authority, ports
):
    own = {"name": "dashboard-8051", "address": "127.0.0.1:8051"}
    file = tmp_path / "haproxy.cfg"
    file.write_text(
        render_haproxy(
            inner=f"127.0.0.1:{ports['inner']}",
            operations=f"127.0.0.1:{ports['operations']}",
            admin_socket=ports["socket"],
            apis=[remote(authority)],
            terminators=[terminator(authority, ports, [own])],
            processes=[own],
            errors_dir=HAPROXY_DIR / "errors",
            service=True,
            limits=LIMITS,
        )
    )

    check(file)
    assert "frontend public" not in file.read_text()


def test_pages_and_api_go_to_their_own_servers(balancer):
    assert get(balancer["public"], "/runs/abc")[0]["server"].startswith("page-")
    assert get(balancer["public"], "/api/v1/runs")[0]["server"] == "api-1"
    assert get(balancer["inner"], "/api/v1/runs")[0]["server"] == "api-1"


def test_a_client_cannot_forge_its_address_or_request_id(balancer):
    forged = {"X-Forwarded-For": "6.6.6.6", "X-Request-Id": "forged", "Forwarded": "for=6.6.6.6"}

    seen, headers = get(balancer["public"], "/", forged)

    assert seen["headers"]["x-forwarded-for"] == "127.0.0.1"
    assert seen["headers"]["x-request-id"] == headers["X-Request-Id"] != "forged"
    assert "forwarded" not in seen["headers"]


def test_the_inner_listener_passes_the_request_id_on(balancer):
    seen, _ = get(balancer["inner"], "/api/v1/runs", {"X-Request-Id": "from-the-page"})

    assert seen["headers"]["x-request-id"] == "from-the-page"


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz"])
def test_process_pages_stay_inside(balancer, path):
    assert httpx.get(url(balancer["public"], path)).status_code == 404


def test_operations_port_has_metrics_and_statistics(balancer):
    port = balancer["operations"]

    assert "haproxy_server_status" in httpx.get(url(port, "/metrics")).text
    assert "page-1" in httpx.get(url(port, "/stats")).text


def test_security_headers_are_on_every_answer(balancer):
    _, headers = get(balancer["public"], "/")

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_a_body_over_the_limit_is_refused_before_it_is_read(balancer):
    connection = http.client.HTTPConnection("127.0.0.1", balancer["public"], timeout=10)
    connection.putrequest("POST", "/api/v1/runs")
    connection.putheader("Content-Length", str(100 * 1024 * 1024))
    connection.endheaders()

    answer = connection.getresponse()

    assert answer.status == 413
    problem = json.load(answer)
    assert problem["detail"] == "The body is larger than 1000 bytes."
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    connection.close()


def test_too_many_submissions_are_refused_while_pages_go_on(balancer):
    target = url(balancer["public"], "/api/v1/runs")
    codes = [
        httpx.post(target, content=b"{}").status_code for _ in range(LIMITS["submissions_10s"] + 5)
    ]

    assert codes[: LIMITS["submissions_10s"]] == [200] * LIMITS["submissions_10s"]
    assert codes[-1] == 429
    assert httpx.post(target, content=b"{}").json()["title"] == "Too many requests"
    assert get(balancer["public"], "/")[0]["server"].startswith("page-")


DYING_SERVER = """
import os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        if self.path == "/work":
            os._exit(1)
        self.send_response(200); self.send_header("Content-Length", "0"); self.end_headers()
    def do_POST(self):
        open(sys.argv[2], "a").write("posted\\n")
        os._exit(1)
    def log_message(self, *a): pass
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture
def dying_pair(tmp_path, echo):
    """Two pages behind the balancer: the first dies of any work, the second is well."""
    program = require_program("haproxy", "haproxy")
    ports = {name: free_port() for name in ("public", "inner", "operations")}
    ports["socket"] = tmp_path / "admin.sock"
    posts, port = tmp_path / "posts", free_port()
    dying = subprocess.Popen(
        [sys.executable, "-c", DYING_SERVER, str(port), str(posts)],
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(f"http://127.0.0.1:{port}/", dying)
    sick = {"name": "sick", "address": f"127.0.0.1:{port}"}
    file = tmp_path / "haproxy.cfg"
    file.write_text(
        configuration(ports, dashboards=[sick, echo("well")], apis=[sick, echo("well-api")])
    )
    process = subprocess.Popen(
        [program, "-db", "-f", str(file)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(f"http://127.0.0.1:{ports['public']}/", process)
    yield ports["public"], posts
    for child in (dying, process):
        child.kill()
        child.communicate()


def test_a_get_whose_server_dies_is_answered_by_another(dying_pair):
    port, _ = dying_pair

    assert [get(port, "/work")[0]["server"] for _ in range(4)] == ["well"] * 4


def test_a_post_to_the_api_is_never_repeated(dying_pair):
    port, posts = dying_pair
    answers = []
    for _ in range(4):
        answers.append(httpx.post(url(port, "/api/v1/runs"), content=b"{}"))
        time.sleep(0.1)

    failed = [answer for answer in answers if answer.status_code != 200]
    assert [answer.status_code for answer in failed] in ([502], [503])
    assert failed[0].json()["request_id"] == failed[0].headers["X-Request-Id"]
    assert posts.read_text() == "posted\n"
