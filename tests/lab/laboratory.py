"""One laboratory: its hosts from the first boot to the last trace of them."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab import network
from tests.lab.hosts import Host, end_guests, make_key
from tests.lab.image import ready_image
from tests.lab.topology import Topology

PLACE = Path("/var/tmp") / network.PREFIX  # noqa: S108 - overlays do not work on every /tmp; root only


@contextmanager
def laboratory(topology: Topology, place: Path = PLACE) -> Iterator[dict[str, Host]]:
    """Boot the hosts of a topology; yield them by name, and end them whatever happens.

    One lab at a time on a machine: a second one waits. What a lab that crashed left behind is found
    by its names and ended first.
    """
    with _alone():
        clear(place)
        key, known_hosts = place / "key", place / "known_hosts"
        hosts = {
            name: Host(name, address, place / name, key, known_hosts)
            for name, address in topology.addresses.items()
        }
        try:
            _boot(hosts, topology, place, key)
            yield hosts
        finally:
            clear(place)
            for host in hosts.values():
                host.stop()


def _boot(hosts: dict[str, Host], topology: Topology, place: Path, key: Path) -> None:
    image = ready_image()
    place.mkdir(mode=0o700)
    make_key(key)
    network.create(topology.addresses)
    for host in hosts.values():
        host.prepare()
        host.boot(image)
    for host in hosts.values():
        host.wait()


def clear(place: Path = PLACE) -> None:
    """End all guests of the lab and remove its namespaces and files."""
    end_guests()
    network.remove()
    if place.exists():
        shutil.rmtree(place)


@contextmanager
def _alone() -> Iterator[None]:
    with Path(f"/run/{network.PREFIX}.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        yield
