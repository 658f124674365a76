"""The product on the lab's hosts: established, looked at, visited."""

from __future__ import annotations

import csv
import io
import json
import re
import secrets
import shlex
import signal
import string
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.settings import ROOT
from tests.lab import network
from tests.lab.accounting import Record, read_records
from tests.lab.certificates import Authority
from tests.lab.controller import Controller, Played
from tests.lab.hosts import Host
from tests.lab.load import KINDS, Kind, Plan, configuration, write_plan
from tests.lab.releases import version_of
from tests.lab.topology import Topology

PUBLIC_NAME = "hindcast.lab"
RELEASE_PATH = re.compile(r"/opt/hindcast/releases/([^/]+)/venv/bin/")
UNITS = "'hindcast-*@*' haproxy.service keepalived.service 'postgresql@*'"
PRICES = ROOT / "dataapi" / "bundled" / "AAPL_1d.csv.gz"
OPERATIONS_PORT = 8040
# Requests of one address within ten seconds, below the balancer's limit.
MOST_ASKED = 250
WELL_TIMEOUT_S = 240.0
LOAD_LIMIT_S = 3600.0
# Long enough that visitors have come, and that a late consequence is seen.
BEFORE_S, AFTER_S = 3.0, 4.0


@dataclass
class Visited:
    """A load that is going on; `records` when it has ended."""

    started_s: float
    records: list[Record] = field(default_factory=list)


class Site:
    """The operator's and the visitors' view of one lab."""

    def __init__(self, topology: Topology, hosts: dict[str, Host], place: Path) -> None:
        self.topology = topology
        self.hosts = hosts
        self.place = place
        self.controller = Controller(place / "desk", topology, hosts)
        self.authority = Authority(place / "authority")
        self.releases: list[Path] = []
        self.n_loads = 0

    @property
    def url(self) -> str:
        """Return where visitors arrive."""
        return f"https://{self.topology.public}"

    def prepare(self, release: Path) -> None:
        """Lay the release's playbooks, a certificate and the secrets on the operator's desk."""
        self.controller.directory.mkdir()
        self.controller.take(release)
        self.authority.create()
        self.write_vault(self.certificate())

    def certificate(self, *, has_expired: bool = False) -> Path:
        """Return a file with a certificate for the site's name and its key."""
        names = (f"DNS:{PUBLIC_NAME}", f"IP:{self.topology.public}")
        return self.authority.sign(PUBLIC_NAME, names, has_expired=has_expired)

    def write_vault(self, certificate: Path, **others: str) -> None:
        """Write the inventory's secrets, encrypted; passwords stay as they were."""
        known = self.place / "passwords.json"
        if not known.exists():
            names = ("password", "owner_password", "backup_password")
            known.touch(mode=0o600)
            known.write_text(json.dumps({f"hindcast_postgres_{n}": word() for n in names}))
        pem = {"haproxy_certificate": certificate.read_text()}
        # YAML reads JSON.
        variables = {**json.loads(known.read_text()), **pem, **others}
        self.controller.encrypt(json.dumps(variables, indent=1), word())

    def establish(self, release: Path, *options: str) -> Played:
        """Run site.yml with a release."""
        return self.controller.play("site.yml", *release_options(release), *options)

    def deploy(self, release: Path) -> Played:
        """Run deploy.yml with a release, as delivery does but for its missing tests."""
        return self.controller.play("deploy.yml", *release_options(release))

    def rollback(self) -> Played:
        """Run rollback.yml."""
        return self.controller.play("rollback.yml")

    def ask(self, path: str, *options: str) -> Any:
        """Return the JSON document at a path of the site, asked once."""
        asked = ["curl", "--silent", "--show-error", "--fail-with-body", "--max-time", "30"]
        trusted = ["--cacert", str(self.authority.certificate)]
        done = subprocess.run(
            network.inside([*asked, *trusted, *options, f"{self.url}{path}"]),
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise AssertionError(f"{path}: {done.stderr.strip()} {done.stdout[:500]}")
        return json.loads(done.stdout)

    def statuses(self, paths: list[str]) -> dict[str, int]:
        """Return the status by path of many paths, from so many addresses that no limit is met."""
        found: dict[str, int] = {}
        parts = [paths[i : i + MOST_ASKED] for i in range(0, len(paths), MOST_ASKED)]
        for part, source in zip(parts, network.VISITORS, strict=False):
            asked = "".join(f'url = "{self.url}{path}"\noutput = "/dev/null"\n' for path in part)
            options = ["--silent", "--cacert", str(self.authority.certificate), "--config", "-"]
            options += ["--write-out", "%{http_code}\\n", "--interface", source]
            done = subprocess.run(
                network.inside(["curl", *options]), input=asked, capture_output=True, text=True
            )
            found |= dict(zip(part, map(int, done.stdout.split()), strict=True))
        return found

    def run_ids(self, limit: int = 200) -> list[str]:
        """Return the ids of the newest runs."""
        return [item["id"] for item in self.ask(f"/api/v1/runs?limit={limit}")["items"]]

    def make_runs(self, count: int) -> None:
        """Import prices and submit some runs, for visitors to look at."""
        if not self.ask("/api/v1/series")["items"]:
            self.ask("/api/v1/imports", "-F", f"file=@{PRICES}", "-F", "symbol=AAPL")
        for number in range(count):
            self.ask("/api/v1/runs", "--json", json.dumps(configuration(number)))

    def units(self, pattern: str) -> list[tuple[Host, str]]:
        """Return the running units whose name matches, each with its host."""
        command = f"systemctl list-units --plain --no-legend --state=running '{pattern}'"
        found = []
        for host in self.hosts.values():
            listed = host.ssh(command).stdout.splitlines()
            found += [(host, line.split()[0]) for line in listed]
        return found

    def versions(self) -> set[str]:
        """Return the releases from which processes of the product run at the moment."""
        command = "pgrep -a -u hindcast"
        lines = [
            line
            for host in self.hosts.values()
            for line in host.ssh(command, check=False).stdout.splitlines()
        ]
        return {found[1] for line in lines if (found := RELEASE_PATH.search(line))}

    def query(self, statement: str) -> str:
        """Return what a query of the store answers, as the database's own administrator."""
        host = self.hosts[self.topology.database]
        command = ["runuser", "-u", "postgres", "--", "psql", "-XAtq", "-d", "hindcast", "-c"]
        return host.ssh(shlex.join([*command, statement])).stdout.strip()

    def what_is_wrong(self) -> str:
        """Return the first thing that is not well; nothing when everything is."""
        with ThreadPoolExecutor(len(self.hosts)) as pool:
            found = [wrong for wrong in pool.map(what_is_wrong_on, self.hosts.values()) if wrong]
        if found:
            return found[0]
        try:
            self.ask("/api/v1/runs?limit=1")
        except AssertionError as error:
            return str(error)
        return ""

    def wait_until_well(self, timeout_s: float = WELL_TIMEOUT_S) -> None:
        """Wait until every process runs and every balancer has all of its servers."""
        deadline = time.monotonic() + timeout_s
        while wrong := self.what_is_wrong():
            if time.monotonic() > deadline:
                raise AssertionError(f"Not well after {timeout_s:.0f} s: {wrong}")
            time.sleep(0.1)

    @contextmanager
    def load(self, kinds: Sequence[Kind] = KINDS) -> Iterator[Visited]:
        """Let visitors in before the block begins, and out after it has ended."""
        self.n_loads += 1
        files = [self.place / f"load-{self.n_loads}.{end}" for end in ("json", "jsonl", "log")]
        write_plan(self._plan(kinds), files[0])
        command = [sys.executable, "-P", "-m", "tests.lab.load", *map(str, files[:2])]
        with files[2].open("w") as log:
            process = subprocess.Popen(network.inside(command), cwd=ROOT, stderr=log)
        visited = Visited(time.monotonic())
        try:
            time.sleep(BEFORE_S)
            yield visited
            time.sleep(AFTER_S)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)
        if process.returncode != 0:
            raise AssertionError(f"The visitors ended early:\n{files[2].read_text()}")
        visited.records = read_records(files[1])

    def _plan(self, kinds: Sequence[Kind]) -> Plan:
        return Plan(
            url=self.url,
            authority=str(self.authority.certificate),
            runs=self.run_ids(limit=20),
            sources=list(network.VISITORS),
            limit_s=LOAD_LIMIT_S,
            mark=self.n_loads,
            kinds=list(kinds),
        )


def what_is_wrong_on(host: Host) -> str:
    """Return what of a host is not well: a unit, or a server of its balancer."""
    stats = f"curl -sf 'http://{host.address}:{OPERATIONS_PORT}/stats;csv'"
    looked = host.ssh(
        f"systemctl list-units --plain --no-legend --all {UNITS}; echo; "
        f"systemctl is-active -q haproxy && {stats}; true",
        check=False,
    )
    if looked.returncode != 0:
        return f"{host.name} cannot be reached: {looked.stderr.strip()}"
    units, _, statistics = looked.stdout.partition("\n\n")
    wrong = units_not_running(units) or servers_not_up(statistics)
    return f"{host.name}: {wrong}" if wrong else ""


def units_not_running(listed: str) -> str:
    """Return the first unit in the output of `systemctl list-units` that does not run."""
    for line in listed.splitlines():
        unit, loaded, _, state = line.split()[:4]
        if loaded == "loaded" and state not in {"running", "exited"}:
            return f"{unit} is {state}"
    return ""


def servers_not_up(statistics: str) -> str:
    """Return the first server in HAProxy's statistics (CSV) that takes no requests."""
    for row in csv.DictReader(io.StringIO(statistics.removeprefix("# "))):
        is_server = row["svname"] not in {"FRONTEND", "BACKEND"} and row["type"] == "2"
        if is_server and not row["status"].startswith(("UP", "no check")):
            return f"server {row['pxname']}/{row['svname']} is {row['status']}"
    return ""


def release_options(release: Path) -> tuple[str, ...]:
    """Return the options by which the playbooks take an untested release."""
    named = (f"version={version_of(release)}", f"release_dir={release}", "allow_untested=true")
    return tuple(part for option in named for part in ("-e", option))


def word() -> str:
    """Return a password of letters and digits."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(24))
