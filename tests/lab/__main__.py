"""`python -m tests.lab [lab|lab-single]`: a lab to work in, until Ctrl-C.

Boots the hosts bare, makes two releases of the commit that is checked out, lays the playbooks of
the checkout on the operator's desk, and prints how to run them and how to look into a host.
"""

from __future__ import annotations

import contextlib
import shlex
import signal
import sys

from tests.lab import network
from tests.lab.command import install_programs
from tests.lab.hosts import ssh_command
from tests.lab.laboratory import PLACE, laboratory
from tests.lab.releases import FIRST, SECOND, release
from tests.lab.site import Site, release_options
from tests.lab.topology import TOPOLOGIES


def main(inventory: str = "lab") -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    install_programs()
    releases = [release(FIRST), release(SECOND)]
    topology = TOPOLOGIES[inventory]
    with laboratory(topology) as hosts:
        site = Site(topology, hosts, PLACE)
        site.prepare(releases[0])
        site.controller.take()
        any_host = next(iter(hosts.values()))
        look = network.inside([*ssh_command(any_host.key, any_host.known_hosts), any_host.address])
        print(f"{', '.join(hosts)} are up. In {site.controller.directory / 'ansible'}:")
        for playbook, which in (("site.yml", releases[0]), ("deploy.yml", releases[1])):
            options = release_options(which)
            print(f"  {shlex.join(site.controller.command(playbook, *options))}")
        print(f"A host:\n  {shlex.join(look)}\nThe playbooks again, after a change of theirs:")
        print(f"  cp -rT ansible {site.controller.directory / 'ansible'}", flush=True)
        signal.pause()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(*sys.argv[1:])
