"""What goes wrong, or is done on purpose, while visitors are there."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.lab import network
from tests.lab.accounting import Account, Span, account
from tests.lab.controller import Played
from tests.lab.hosts import Host
from tests.lab.releases import version_of
from tests.lab.site import Site

# Between two times, so that the consequences of one are not counted for the next.
SETTLE_S = 2.0
# A drained process ends within this.
RESTART_TIMEOUT_S = 60


@dataclass(frozen=True)
class Fault:
    """Something that happens under load.

    Attributes
    ----------
    name : str
        As in the report.
    do : callable
        Does it for the so-manieth time, counted from 0.
    most_failed : int or None
        Requests that may fail each time by our own goals; None where no goal is set.
    most_silent_s : float or None
        Goal for the median of the longest time without a good answer.
    needs_pair : bool
        Whether it makes sense only with a second balancer.
    """

    name: str
    do: Callable[[Site, int], None]
    most_failed: int | None = 0
    most_silent_s: float | None = None
    needs_pair: bool = False


def deploy(site: Site, turn: int) -> None:
    """Deploy the release that is not running, whichever that is."""
    release = site.releases[(turn + 1) % 2]
    require_played(site.deploy(release))
    require_running(site, {version_of(release)})


def roll_back(site: Site, turn: int) -> None:
    """Go back to the release before, which makes the one after it the release before."""
    before = site.versions()
    require_played(site.rollback())
    require_running(site, {version_of(release) for release in site.releases} - before)


def reload_balancer(site: Site, turn: int) -> None:
    """Have a balancer read its configuration again."""
    names = site.topology.balancers
    site.hosts[names[turn % len(names)]].ssh("systemctl reload haproxy")


def end_one(pattern: str, how: str) -> Callable[[Site, int], None]:
    """Return what ends one process of a kind by a signal, each time another one."""

    def do(site: Site, turn: int) -> None:
        units = site.units(pattern)
        host, unit = units[turn % len(units)]
        process = f"systemctl show --property=MainPID --value {unit}"
        host.ssh(
            f"before=$({process}); systemctl kill --kill-whom=main --signal={how} {unit}; "
            f'timeout {RESTART_TIMEOUT_S} sh -c \'while [ "$({process})" = "$0" ]; '
            f"do sleep 0.05; done' $before"
        )

    return do


def stop_balancer(site: Site, turn: int) -> None:
    """Stop HAProxy where the shared address is, as an upgrade does, and start it again."""
    host = holder(site)
    host.ssh("systemctl stop haproxy")
    time.sleep(4.0)
    host.ssh("systemctl start haproxy")


def kill_balancer(site: Site, turn: int) -> None:
    """Kill HAProxy where the shared address is; it starts again by itself."""
    holder(site).ssh("systemctl kill --signal=SIGKILL haproxy; sleep 1")


def cut_balancer(site: Site, turn: int) -> None:
    """Pull the cable of the host that has the shared address, for some seconds."""
    host = holder(site)
    network.cut(host.name)
    time.sleep(8.0)
    network.mend(host.name)


def restart_database(site: Site, turn: int) -> None:
    """Restart Postgres."""
    site.hosts[site.topology.database].ssh("systemctl restart 'postgresql@*-main.service'")


def kill_database(site: Site, turn: int) -> None:
    """Kill Postgres as a power cut does; it starts by itself and recovers from its log."""
    host = site.hosts[site.topology.database]
    host.ssh("systemctl kill --signal=SIGKILL 'postgresql@*-main.service'; sleep 1")


FAULTS = (
    Fault("deploy", deploy),
    Fault("rollback", roll_back),
    Fault("balancer reload", reload_balancer),
    Fault("SIGTERM of a dashboard", end_one("hindcast-dashboard@*", "SIGTERM")),
    Fault("SIGTERM of an API", end_one("hindcast-dataapi@*", "SIGTERM")),
    Fault("SIGTERM of a worker", end_one("hindcast-worker@*", "SIGTERM")),
    Fault("SIGKILL of a dashboard", end_one("hindcast-dashboard@*", "SIGKILL"), most_failed=2),
    Fault("SIGKILL of an API", end_one("hindcast-dataapi@*", "SIGKILL"), most_failed=2),
    Fault("SIGKILL of a worker", end_one("hindcast-worker@*", "SIGKILL")),
    Fault("balancer stops", stop_balancer, needs_pair=True),
    Fault("SIGKILL of a balancer", kill_balancer, None, most_silent_s=2.0, needs_pair=True),
    Fault("balancer's cable is pulled", cut_balancer, None, needs_pair=True),
    Fault("database restarts", restart_database),
    Fault("database is killed", kill_database, None),
)


def measure(site: Site, fault: Fault, times: int) -> Account:
    """Do a fault so many times under one load that begins before and ends after all of them."""
    site.wait_until_well()
    spans = []
    with site.load() as visited:
        for turn in range(times):
            started = time.monotonic()
            fault.do(site, turn)
            site.wait_until_well()
            spans.append(Span(started, time.monotonic()))
            time.sleep(SETTLE_S)
    lost = lost_runs(site, {record.run for record in visited.records if record.run})
    return account(visited.records, spans, n_lost=len(lost))


def lost_runs(site: Site, accepted: set[str]) -> list[str]:
    """Return the runs that were accepted and cannot be opened now."""
    statuses = site.statuses([f"/api/v1/runs/{run}" for run in sorted(accepted)])
    return [path.rpartition("/")[2] for path, status in statuses.items() if status != 200]


def holder(site: Site) -> Host:
    """Return the host that has the shared address."""
    for name in site.topology.balancers:
        if site.topology.public in site.hosts[name].ssh("ip -4 -o address").stdout:
            return site.hosts[name]
    raise AssertionError(f"No balancer has {site.topology.public}.")


def require_running(site: Site, expected: set[str]) -> None:
    """Refuse to go on when other releases run than what was asked for."""
    running = site.versions()
    if running != expected:
        raise AssertionError(f"Expected {expected} to run everywhere, found {running}.")


def require_played(played: Played) -> None:
    """Refuse to go on after a playbook that failed."""
    if played.status != 0:
        raise AssertionError(f"{played.command} failed:\n{played.output[-6000:]}")
