"""The operator's desk: a copy of the playbooks, the secrets, and `ansible-playbook` itself.

It works as the manual says an operator works: from an unpacked release, with an inventory and an
encrypted vault beside it, over ssh. Nothing here knows what a role does.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from config.settings import ROOT
from tests.lab import network
from tests.lab.hosts import Host
from tests.lab.topology import Topology

ENVIRONMENT = ROOT / ".venv-ansible"
PARTS = ("ansible", "haproxy")
RECAP = re.compile(r"^(\S+)\s+: ((?:\w+=\d+\s*)+)$", re.MULTILINE)
PLAY_TIMEOUT_S = 1800.0


@dataclass(frozen=True)
class Played:
    """What became of one playbook.

    Attributes
    ----------
    command : str
        The playbook and its options.
    status : int
        Exit code of ansible-playbook.
    output : str
        Everything it said.
    started_s, ended_s : float
        On the monotonic clock, which the visitors' records share.
    """

    command: str
    status: int
    output: str
    started_s: float
    ended_s: float

    @property
    def recap(self) -> dict[str, dict[str, int]]:
        """Return ok, changed, unreachable, failed and so on of each host."""
        return read_recap(self.output)

    def total(self, what: str) -> int:
        """Return a number of the recap over all hosts."""
        return sum(counts[what] for counts in self.recap.values())


def read_recap(output: str) -> dict[str, dict[str, int]]:
    """Return the numbers at the end of a playbook's output, by host."""
    _, _, recap = output.rpartition("PLAY RECAP")
    return {
        host: {name: int(n) for name, n in (word.split("=") for word in counts.split())}
        for host, counts in RECAP.findall(recap)
    }


class Controller:
    """Runs the playbooks of a release, or of the checkout, against the hosts of a lab."""

    def __init__(self, directory: Path, topology: Topology, hosts: dict[str, Host]) -> None:
        self.directory = directory
        self.topology = topology
        self.hosts = hosts
        self.inventory = directory / "ansible" / "inventories" / topology.inventory
        self.vault_password = directory / "vault-password"
        self.log = directory / "ansible.log"

    def take(self, source: Path = ROOT) -> None:
        """Copy the playbooks, and what they read, of `source`; secrets stay as they are."""
        for part in PARTS:
            if (source / part).is_dir():
                shutil.copytree(source / part, self.directory / part, dirs_exist_ok=True)

    def encrypt(self, variables: str, password: str) -> None:
        """Put secret variables (YAML) into the inventory's vault."""
        file = self.inventory / "group_vars" / "all" / "vault.yml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(variables)
        self.vault_password.touch(mode=0o600)
        self.vault_password.write_text(password)
        vault = (ENVIRONMENT / "bin" / "ansible-vault", "encrypt", file)
        options = ("--vault-password-file", self.vault_password)
        subprocess.run([*vault, *options], check=True, capture_output=True, env=_environment())

    def play(self, playbook: str, *options: str, timeout_s: float = PLAY_TIMEOUT_S) -> Played:
        """Run a playbook to its end, well or not."""
        started = time.monotonic()
        done = subprocess.run(
            self.command(playbook, *options),
            cwd=self.directory / "ansible",
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout_s,
        )
        played = Played(
            " ".join((playbook, *options)), done.returncode, done.stdout, started, time.monotonic()
        )
        with self.log.open("a") as log:
            log.write(f"\n$ {played.command}\n{played.output}")
        return played

    def command(self, playbook: str, *options: str) -> list[str]:
        """Return the command of a playbook, run where the hosts are reached."""
        any_host = next(iter(self.hosts.values()))
        arguments = [
            *(str(ENVIRONMENT / "bin" / "ansible-playbook"), playbook),
            *("-i", str(self.inventory), "--private-key", str(any_host.key)),
            *("--ssh-common-args", f"-F none -o UserKnownHostsFile={any_host.known_hosts}"),
        ]
        if self.vault_password.exists():
            arguments += ["--vault-password-file", str(self.vault_password)]
        return network.inside([*arguments, *options])


def _environment() -> dict[str, str]:
    """Return an environment without the user's own ansible settings and without Python paths."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ANSIBLE_", "PYTHON"))
    }
    path = f"{ENVIRONMENT / 'bin'}:{os.environ['PATH']}"
    return {**kept, "PATH": path, "LC_ALL": "C.UTF-8", "ANSIBLE_NOCOLOR": "1"}
