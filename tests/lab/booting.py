"""What the tests of both topologies share: a site from bare hosts, and the report about it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.command import OUT, TIMES
from tests.lab.controller import Played
from tests.lab.faults import FAULTS, Fault, measure, require_played
from tests.lab.hosts import Host
from tests.lab.laboratory import PLACE, laboratory
from tests.lab.releases import FIRST, SECOND, release
from tests.lab.report import FaultRow, Report
from tests.lab.site import Site
from tests.lab.topology import Topology

# By our own goals, for every process of the product.
MOST_EXPOSED = 1.5
# Stored before anything goes wrong.
RUNS = 8


class Established:
    """A site that was bare hosts a moment ago, its report, and how it came up."""

    def __init__(self, site: Site, report: Report, first: Played) -> None:
        self.site = site
        self.report = report
        self.first = first

    def measure(self, fault: Fault) -> FaultRow:
        """Do a fault as often as was asked for, and write it down whatever comes of it."""
        found = measure(self.site, fault, int(os.environ[TIMES]))
        row = FaultRow(fault.name, found, fault.most_failed, fault.most_silent_s)
        self.report.faults.append(row)
        return row


@contextmanager
def established(topology: Topology) -> Iterator[Established]:
    """Boot bare hosts, bring the product onto them, and write the report at the end."""
    releases = [release(FIRST), release(SECOND)]
    report = Report(topology.inventory)
    with laboratory(topology) as hosts:
        site = Site(topology, hosts, PLACE)
        site.releases = releases
        site.prepare(releases[0])
        first = site.establish(releases[0])
        require_played(first)
        site.wait_until_well()
        site.make_runs(RUNS)
        report.facts["from bare hosts to serving"] = f"{first.ended_s - first.started_s:.0f} s"
        try:
            yield Established(site, report, first)
        finally:
            report.write(Path(os.environ[OUT]))


def faults_for(topology: Topology) -> list[Fault]:
    """Return the faults that make sense there."""
    has_pair = len(topology.balancers) > 1
    has_database = topology.database not in topology.apis
    return [
        fault
        for fault in FAULTS
        if (has_pair or not fault.needs_pair) and (has_database or "database" not in fault.name)
    ]


def exposures(hosts: dict[str, Host]) -> dict[str, float]:
    """Return how exposed each kind of process is, by `systemd-analyze security`."""
    listed = "systemctl list-units --plain --no-legend --state=running 'hindcast-*@*'"
    found: dict[str, float] = {}
    for host in hosts.values():
        units = [line.split()[0] for line in host.ssh(listed).stdout.splitlines()]
        for unit in units:
            command = f"systemd-analyze security --no-pager {unit} | tail -1"
            said = host.ssh(command).stdout
            kind = unit.partition("@")[0]
            found[kind] = max(found.get(kind, 0.0), exposure(said))
    return found


def exposure(said: str) -> float:
    """Return the figure in the last line of `systemd-analyze security`.

    Examples
    --------
    >>> exposure("→ Overall exposure level for hindcast-worker@1.service: 1.2 OK 🙂")
    1.2
    """
    return float(said.partition(".service: ")[2].split()[0])
