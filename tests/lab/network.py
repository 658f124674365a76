"""The lab's network: a namespace with a bridge, and one more for each host on it.

Interfaces are made inside the namespaces, so nothing of it is ever seen outside.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence

PREFIX = os.environ.get("LAB_NAME", "hindcast-lab")
"""Of everything that is visible outside; another name makes a second lab beside the first."""
BRIDGE = PREFIX
"""Where the operator and the visitors are."""
CONTROLLER = "10.77.0.1"
INTERFACE = "host0"
# One address a visitor, since the balancer counts requests by address.
VISITORS = tuple(f"10.77.0.{last}" for last in range(200, 232))


def namespace_of(host: str) -> str:
    """Return the name of a host's namespace."""
    return f"{PREFIX}-{host}"


def create(hosts: dict[str, str]) -> None:
    """Make the bridge and a namespace a host, which has its address (by name) already."""
    _ip("netns", "add", BRIDGE)
    _in(BRIDGE, "link", "set", "lo", "up")
    _in(BRIDGE, "link", "add", "bridge", "type", "bridge")
    for address in (CONTROLLER, *VISITORS):
        _in(BRIDGE, "address", "add", f"{address}/24", "dev", "bridge")
    _in(BRIDGE, "link", "set", "bridge", "up")
    for host, address in hosts.items():
        _connect(host, address)


def _connect(host: str, address: str) -> None:
    namespace = namespace_of(host)
    _ip("netns", "add", namespace)
    peer = ("peer", "name", INTERFACE, "netns", namespace)
    _in(BRIDGE, "link", "add", host, "type", "veth", *peer)
    _in(BRIDGE, "link", "set", host, "master", "bridge", "up")
    _in(namespace, "address", "add", f"{address}/24", "dev", INTERFACE)
    for link in ("lo", INTERFACE):
        _in(namespace, "link", "set", link, "up")


def cut(host: str) -> None:
    """Pull a host's cable."""
    _in(BRIDGE, "link", "set", host, "down")


def mend(host: str) -> None:
    """Plug a host's cable in again."""
    _in(BRIDGE, "link", "set", host, "up")


def remove() -> None:
    """Take away every namespace of the lab, also one of an earlier start that crashed."""
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True)
    for line in listed.stdout.splitlines():
        name = line.split()[0]
        if name == BRIDGE or name.startswith(f"{PREFIX}-"):
            _ip("netns", "delete", name)


def inside(command: Sequence[str]) -> list[str]:
    """Return the command that runs `command` beside the bridge, where all hosts are reached."""
    return ["ip", "netns", "exec", BRIDGE, *command]


def _in(namespace: str, *arguments: str) -> None:
    _ip("-n", namespace, *arguments)


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise OSError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
