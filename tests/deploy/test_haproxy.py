"""The balancer's template is valid, keeps inner things inside, and survives a dying server."""

import http.client
import json
import socket
import subprocess
import sys
import time

import httpx
import pytest

from config.settings import ROOT
from tests.deploy.balancers import LIMITS, check, configuration, get, running, url
from tests.ports import free_port, wait_for

TOOL = ROOT / "ansible" / "roles" / "hindcast" / "files" / "balancer"


@pytest.mark.parametrize("service", [False, True])
def test_the_template_is_valid_without_a_warning(tmp_path, service):
    ports = {"public": 1, "inner": 2, "operations": 3, "socket": tmp_path / "admin.sock"}
    server = {"name": "a", "address": "127.0.0.1:9"}
    file = tmp_path / "haproxy.cfg"
    file.write_text(configuration(ports, service=service, apis=[server], dashboards=[server]))

    check(file)


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
    with running(file, ports["public"]):
        yield ports, posts
    dying.kill()
    dying.communicate()


def test_a_get_whose_server_dies_is_answered_by_another(dying_pair):
    port = dying_pair[0]["public"]

    assert [get(port, "/work")[0]["server"] for _ in range(4)] == ["well"] * 4


def test_a_post_to_the_api_is_never_repeated(dying_pair):
    port, posts = dying_pair[0]["public"], dying_pair[1]
    answers = []
    for _ in range(4):
        answers.append(httpx.post(url(port, "/api/v1/runs"), content=b"{}"))
        time.sleep(0.1)

    failed = [answer for answer in answers if answer.status_code != 200]
    assert [answer.status_code for answer in failed] in ([502], [503])
    assert failed[0].json()["request_id"] == failed[0].headers["X-Request-Id"]
    assert posts.read_text() == "posted\n"


def tool(place, *arguments):
    """Ask the tool by which a deploy has a balancer let go of a server."""
    return subprocess.run(
        [sys.executable, TOOL, *arguments, "--socket", place], capture_output=True, text=True
    )


def servers(port):
    return {get(port, "/")[0]["server"] for _ in range(12)}


def test_a_drained_server_gets_nothing_until_it_is_ready_again(balancer):
    port, place = balancer["public"], balancer["socket"]
    assert servers(port) == {"page-1", "page-2"}

    drained = tool(place, "drain", "page-1", "--timeout", "10")

    assert drained.returncode == 0, drained.stderr
    assert servers(port) == {"page-2"}
    assert tool(place, "ready", "page-1", "--timeout", "10").returncode == 0
    assert servers(port) == {"page-1", "page-2"}


def test_a_server_that_does_not_come_up_is_said(dying_pair):
    ports, _ = dying_pair
    assert [get(ports["public"], "/work")[0]["server"] for _ in range(4)] == ["well"] * 4
    time.sleep(3.0)

    done = tool(ports["socket"], "ready", "sick", "--timeout", "2")

    assert done.returncode == 1
    assert "dashboards/sick is DOWN" in done.stderr


def test_a_balancer_that_is_about_to_leave_has_every_connection_closed(balancer):
    def closings():
        with httpx.Client() as visitor:
            return [
                visitor.get(url(balancer["public"])).headers.get("Connection") for _ in range(2)
            ]

    assert closings() == [None, None]
    with socket.socket(socket.AF_UNIX) as admin:
        admin.connect(str(balancer["socket"]))
        admin.sendall(b"experimental-mode on; set var proc.leaving bool(true)\n")
        assert admin.recv(1000).strip() == b""

    assert closings() == ["close", "close"]


def test_what_a_balancer_does_not_know_gets_nothing_from_it(balancer, tmp_path):
    unknown = tool(balancer["socket"], "drain", "elsewhere")
    no_balancer = tool(tmp_path / "none.sock", "drain", "page-1")

    assert (unknown.returncode, no_balancer.returncode) == (0, 0)
    assert "has none of elsewhere" in unknown.stdout
    assert "no balancer runs here" in no_balancer.stdout
