"""Certificates by ACME from a real authority: through the balancer, into it, renewed under load."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest

from tests.deploy.acme import Acme, EdgeBalancer, Place, finished
from tests.ports import free_port

VISITORS = 4
PAUSE_S = 0.04


@pytest.fixture(scope="module")
def acme(tmp_path_factory):
    authority = Acme(tmp_path_factory.mktemp("acme"))
    yield authority
    authority.end()


@pytest.fixture
def balancers(tmp_path, acme, echo):
    """As many balancers as asked for; the authority reaches the first one."""
    started = []

    def start(count):
        places = []
        for number in range(count):
            folder = tmp_path / f"b{number}"
            folder.mkdir()
            redirect = free_port() if number else acme.http_port
            places.append(Place(folder, free_port(), redirect, free_port()))
        page = echo("page-1")
        for place in places:
            others = [other for other in places if other is not place]
            started.append(EdgeBalancer(place, acme, page, *others))
        return started

    yield start
    for balancer in started:
        balancer.end()


@contextmanager
def visitors(balancer):
    """Let visitors in, most with a connection for each request; yields how each of them went."""
    is_over = threading.Event()

    def visit(number):
        seen = []
        # From addresses of their own, below the limit of each.
        way = httpx.HTTPTransport(
            verify=balancer.any_certificate(), local_address=f"127.0.1.{number}"
        )
        headers = {"Connection": "close"} if number > 1 else {}
        with httpx.Client(transport=way, headers=headers, timeout=10) as client:
            while not is_over.wait(PAUSE_S):
                try:
                    status = client.get(balancer.url, extensions=balancer.named).status_code
                    seen.append("good" if status == 200 else str(status))
                except httpx.HTTPError as error:
                    seen.append(repr(error))
        return seen

    seen = []
    with ThreadPoolExecutor(VISITORS) as pool:
        coming = [pool.submit(visit, number) for number in range(1, VISITORS + 1)]
        try:
            yield seen
        finally:
            is_over.set()
            seen += [one for visitor in coming for one in visitor.result()]


def test_a_certificate_comes_through_the_balancer_and_is_served(balancers, acme):
    (balancer,) = balancers(1)
    balancer.wait_until_served()
    first = balancer.pem.read_text()

    balancer.run("acme-obtain")

    obtained = balancer.pem.read_text()
    balancer.wait_until_served()
    assert obtained != first
    assert obtained.count("BEGIN CERTIFICATE") == 2
    assert obtained.endswith("-----END PRIVATE KEY-----\n")
    assert balancer.pem.stat().st_mode & 0o777 == 0o600
    # By the authority's root alone, so with its chain, and under its name.
    with httpx.Client(verify=acme.root()) as client:
        assert client.get(balancer.url, extensions=balancer.named).json()["server"] == "page-1"
    plain = httpx.get(f"http://127.0.0.1:{balancer.place.redirect}/runs?q=1")
    assert (plain.status_code, plain.headers["Location"][-9:]) == (308, "/runs?q=1")
    # Again: nothing is asked for, and nothing is put into effect.
    assert "no action taken" in balancer.run("acme-obtain")
    assert "in effect since" in balancer.run("acme-deploy")
    assert balancer.pem.read_text() == obtained
    # Nothing but the new certificate is left beside it.
    assert sorted(p.name for p in balancer.place.folder.glob("public.pem*")) == ["public.pem"]


def test_another_authority_is_asked_for_another_certificate(balancers, acme):
    (balancer,) = balancers(1)
    balancer.run("acme-obtain")
    obtained = balancer.pem.read_text()
    kept = balancer.place.folder / "letsencrypt" / "renewal" / "hindcast.conf"
    kept.write_text(kept.read_text().replace(acme.url, "https://acme.example.org/dir"))

    balancer.run("acme-obtain")

    assert balancer.pem.read_text() != obtained
    assert f"server = {acme.url}" in kept.read_text()


def test_visitors_notice_nothing_of_a_renewal(balancers):
    (balancer,) = balancers(1)
    balancer.run("acme-obtain")
    balancer.wait_until_served()
    before = balancer.pem.read_text()

    with visitors(balancer) as seen:
        balancer.renew()
        balancer.wait_until_served()

    assert balancer.pem.read_text() != before
    assert len(seen) > 100
    assert set(seen) == {"good"}


def test_what_haproxy_refuses_leaves_the_balancer_as_it_was(balancers):
    (balancer,) = balancers(1)
    balancer.wait_until_served()
    first, good = balancer.pem.read_text(), balancer.file.read_text()
    balancer.file.write_text(good + "nonsense\n")

    balancer.run("acme-obtain")
    refused = balancer.start("acme-deploy")

    assert "nonsense" in refused.communicate()[0]
    assert refused.returncode != 0
    assert balancer.pem.read_text() == first
    balancer.file.write_text(good)
    assert "in effect now" in balancer.run("acme-deploy")
    assert balancer.pem.read_text() != first
    balancer.wait_until_served()


def test_two_balancers_have_certificates_of_their_own(balancers):
    """The authority reaches one of them, as it reaches the one that has their address."""
    both = balancers(2)
    for balancer in both:
        balancer.run("acme-obtain")
    first = [balancer.pem.read_text() for balancer in both]

    # At once: each is asked for challenges of the other.
    for script in [balancer.start("acme-obtain", "--force-renewal") for balancer in both]:
        finished(script)

    texts = [*first, *(balancer.pem.read_text() for balancer in both)]
    assert len(set(texts)) == 4
    for balancer in both:
        balancer.wait_until_served()
