"""The balancers of several hosts: TLS between them, names and passwords, one template for all."""

import ssl
import subprocess
import time

import httpx
import pytest

from dataapi.cli.up import HAPROXY_DIR, render_haproxy
from tests.components import require_program
from tests.deploy.balancers import LIMITS, check, configuration, url
from tests.ports import free_port


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


@pytest.fixture
def hosts(tmp_path, authority, echo):
    """An edge balancer before the balancer of a host, with TLS between them, and one page."""
    program = require_program("haproxy", "haproxy")
    own = echo("page-1")
    places = []
    for _ in range(2):
        names = ("public", "inner", "operations", "pages", "peers")
        ports = {name: free_port() for name in names}
        places.append({**ports, "socket": tmp_path / f"{len(places)}.sock"})
    first, second = places
    texts = [
        configuration(
            first,
            dashboards=[remote(authority, address=f"127.0.0.1:{second['pages']}")],
            users=[{"name": "ann", "hash": PASSWORD_HASH}],
        ),
        render_haproxy(
            operations=f"127.0.0.1:{second['operations']}",
            admin_socket=second["socket"],
            terminators=[terminator(authority, second, [own])],
            processes=[own],
            errors_dir=HAPROXY_DIR / "errors",
            service=False,
            limits=LIMITS,
        ),
    ]
    processes = []
    for i, text in enumerate(texts):
        file = tmp_path / f"{i}.cfg"
        file.write_text(text)
        command = [program, "-db", "-f", str(file)]
        log = subprocess.DEVNULL
        processes.append(subprocess.Popen(command, stdout=log, stderr=log))
    yield first, second
    for process in processes:
        process.terminate()
        process.wait()


def visit(port, word="past prices"):
    deadline = time.monotonic() + 20
    while True:
        try:
            answer = httpx.get(url(port), auth=("ann", word), timeout=10)
        except httpx.ConnectError:
            answer = None
        if answer is not None and answer.status_code != 503:
            return answer
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_page_comes_through_the_balancers_of_two_hosts(hosts):
    edge, host = hosts

    answer = visit(edge["public"])

    seen = answer.json()["headers"]
    assert answer.json()["server"] == "page-1"
    assert seen["x-request-id"] == answer.headers["X-Request-Id"]
    assert seen["x-forwarded-for"] == "127.0.0.1"
    # The password was the balancer's, and is nobody else's business.
    assert "authorization" not in seen
    assert (
        httpx.get(url(host["operations"], "/process/page-1/metrics")).json()["server"] == "page-1"
    )


def test_nobody_without_a_password_gets_in(hosts):
    port = hosts[0]["public"]
    visit(port)

    assert httpx.get(url(port)).status_code == 401
    assert visit(port, "present prices").status_code == 401


def test_nobody_without_a_certificate_reaches_a_host(hosts, authority):
    visit(hosts[0]["public"])
    target = f"https://127.0.0.1:{hosts[1]['pages']}/"
    context = ssl.create_default_context(cafile=str(authority / "ca.pem"))
    context.check_hostname = False

    with pytest.raises(httpx.TransportError):
        httpx.get(target, verify=context)

    context.load_cert_chain(authority / "host.pem")
    assert httpx.get(target, verify=context).json()["server"] == "page-1"
