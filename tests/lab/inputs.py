"""Bad input of an operator, and what has to become of it: refused or stopped, and still serving.

Each function does one mistake on a site that is well, checks what must hold, leaves the site well,
and returns in words what happened.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.lab import network
from tests.lab.accounting import Record
from tests.lab.controller import Played
from tests.lab.faults import require_played
from tests.lab.hosts import Host
from tests.lab.site import Site, release_options

# What is there stays, what is written goes to a disk with little room.
FULL = "/run/lab-full"
FILL = (
    f"mkdir -p {FULL} && mount -t tmpfs -o size=64m full {FULL} && cd {FULL} && mkdir up work && "
    "mount -t overlay full -o upperdir=up,workdir=work,lowerdir=/opt/hindcast/releases "
    "/opt/hindcast/releases"
)
# The words of a failed assertion or module in ansible's output.
SAID = re.compile(r'^\s*"?msg"?: (?:[>|]-?\s+)?(.+)$', re.MULTILINE)


def wrong_inventory(site: Site) -> str:
    """Misspell a group: refused before any host is changed."""
    played = played_with(site, "hosts.yml", lambda text: text.replace("\napis:", "\napi:", 1))
    return refused_untouched(site, played, "api")


def missing_secret(site: Site) -> str:
    """Leave the database's password empty: refused before any host is changed."""
    site.write_vault(site.certificate(), hindcast_postgres_password="")
    played = site.controller.play("site.yml", *release_options(site.releases[0]))
    site.write_vault(site.certificate())
    return refused_untouched(site, played, "hindcast_postgres_password")


def expired_certificate(site: Site) -> str:
    """Give a certificate that ran out yesterday: refused, and the good one goes on serving."""
    site.write_vault(site.certificate(has_expired=True))
    played = site.controller.play("site.yml", *release_options(site.releases[0]))
    site.write_vault(site.certificate())
    return refused_untouched(site, played, "certificate")


def unreachable_host(site: Site) -> str:
    """Pull the cable of the second dashboard host while a deploy goes on, then deploy again."""
    lost = site.hosts[site.topology.dashboards[-1]]
    with site.load() as visited:
        cable = threading.Timer(3.0, network.cut, [lost.name])
        cable.start()
        stopped = site.deploy(other_release(site))
        cable.join()
        network.mend(lost.name)
        again = site.deploy(other_release(site))
        require_played(again)
        site.wait_until_well()
    require(stopped.status != 0, "A deploy that lost a host said that it was well.")
    return f"{said(stopped)}; deployed again afterwards; {failed(visited.records)}"


def full_disk(site: Site, release: Path) -> str:
    """Deploy to a host without room for it: refused there, and the old release goes on serving."""
    host = site.hosts[site.topology.apis[0]]
    before = site.versions()
    host.ssh(FILL)
    with site.load() as visited:
        stopped = site.deploy(release)
    host.ssh(f"umount /opt/hindcast/releases {FULL}")
    site.wait_until_well()
    require(stopped.status != 0, "A deploy to a full disk said that it was well.")
    require("space" in stopped.output, f"Nothing says that the disk is full: {said(stopped)}")
    require_none_failed(visited.records)
    require(site.versions() == before, f"The site runs {site.versions()}, before it was {before}.")
    return f"{said(stopped)}; {failed(visited.records)}"


def sick_release(site: Site, sick: Path) -> str:
    """Deploy a release that is never ready: the rollout stops, the old one serves everywhere."""
    before = site.versions()
    with site.load() as visited:
        stopped = site.deploy(sick)
        time.sleep(2.0)
    require(stopped.status != 0, "A release that is never ready was deployed.")
    require_none_failed(visited.records)
    site.wait_until_well()
    require(site.versions() == before, f"The site runs {site.versions()}, before it was {before}.")
    return f"{said(stopped)}; {failed(visited.records)}"


def half_migration(site: Site, half: Path) -> str:
    """Deploy a release whose migration fails half-way: nothing of it stays, the old one serves."""
    before = site.versions()
    with site.load() as visited:
        stopped = site.deploy(half)
    require(stopped.status != 0, "A release whose migration fails was deployed.")
    require_none_failed(visited.records)
    site.wait_until_well()
    require(site.versions() == before, f"The site runs {site.versions()}, before it was {before}.")
    tables = site.query("SELECT count(*) FROM pg_tables WHERE tablename = 'half_done'")
    require(tables == "0", "Half of a migration has stayed in the database.")
    return f"{said(stopped)}; no table of it stayed; {failed(visited.records)}"


def clock_skew(site: Site) -> str:
    """Set the clock of one host's API and worker an hour ahead: no job is stolen or done twice."""
    host = site.hosts[site.topology.apis[0]]
    units = [unit for where, unit in site.units("hindcast-*@*") if where is host]
    with site.load() as visited:
        set_clock(site, host, units, "+3600s")
        time.sleep(20.0)
        set_clock(site, host, units, None)
    attempts = site.query("SELECT coalesce(max(attempts), 0) FROM job")
    require_none_failed(visited.records)
    return f"an hour ahead for 20 s: {failed(visited.records)}, most attempts of a job {attempts}"


def set_clock(site: Site, host: Host, units: list[str], offset: str | None) -> None:
    """Start processes of a host with another clock, or the right one again, one after the other."""
    for unit in units:
        folder = f"/run/systemd/system/{unit}.d"
        if offset is None:
            host.ssh(f"rm -rf {folder}")
        else:
            library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
            lines = (
                "[Service]",
                f"Environment=LD_PRELOAD={library} FAKETIME={offset}",
                "Environment=FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_NO_CACHE=1",
            )
            written = "\\n".join(lines)
            host.ssh(f"mkdir -p {folder} && printf '{written}\\n' > {folder}/clock.conf")
        host.ssh(f"systemctl daemon-reload && systemctl restart {unit}")
        site.wait_until_well()


def other_release(site: Site) -> Path:
    """Return the release of the two that is not running everywhere."""
    running = site.versions()
    first, second = site.releases
    return second if running == {first.name.removeprefix("hindcast-")} else first


def played_with(site: Site, name: str, change: Callable[[str], str]) -> Played:
    """Run site.yml with one file of the inventory changed, and change it back."""
    file = site.controller.inventory / name
    good = file.read_text()
    file.write_text(change(good))
    try:
        return site.controller.play("site.yml", *release_options(site.releases[0]))
    finally:
        file.write_text(good)


def refused_untouched(site: Site, played: Played, named: str) -> str:
    """Check that a playbook refused, named what is wrong, and changed no host."""
    require(played.status != 0, f"{played.command} was not refused.")
    changed = {host for host, counts in played.recap.items() if counts["changed"]}
    require(not changed, f"{played.command} was refused after it had changed {changed}.")
    words = said(played)
    require(named in words, f"What was refused does not name {named}: {words}")
    require(site.what_is_wrong() == "", "The site is not well after what was refused.")
    return f"{words}; no host changed"


def said(played: Played) -> str:
    """Return the last thing a failed playbook said about it, on one line."""
    found = SAID.findall(played.output)
    words = found[-1].strip().strip("'\"") if found else played.output.strip()[-300:]
    return " ".join(words.split()).replace("|", "/")[:300]


def failed(records: list[Record]) -> str:
    """Return how many requests failed, in words."""
    bad = sum(1 for record in records if record.error)
    return f"{bad} of {len(records):,} requests failed"


def require_none_failed(records: list[Record]) -> None:
    """Refuse a load in which a request failed."""
    errors = {f"{record.kind}: {record.error}" for record in records if record.error}
    require(not errors, f"{failed(records)}: {errors}")


def require(holds: bool, otherwise: str) -> None:
    """Refuse what does not hold."""
    if not holds:
        raise AssertionError(otherwise)
