"""What a host says of its certificates and backups, by the script that it runs."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from config.settings import ROOT
from tests.lab.certificates import Authority

SCRIPT = ROOT / "ansible" / "roles" / "monitoring" / "files" / "host-metrics"
UNIT = "hindcast-backup.service"


@dataclass
class SmallHost:
    """Folders as a host has them; `result` is what systemd says of the last backup."""

    folder: Path
    result: str = "success"

    def __post_init__(self) -> None:
        self.pki = self.folder / "pki"
        self.backups = self.folder / "backups"
        self.changes = self.folder / "changes"
        for place in (self.pki, self.backups, self.changes):
            place.mkdir(parents=True)
        self.authority = Authority(self.folder / "authority")
        self.authority.create()
        self.output = self.folder / "figures" / "hindcast.prom"
        self.output.parent.mkdir()

    def certificate(self, name: str, *, has_expired: bool = False) -> Path:
        """Sign a certificate of 30 days, or one that ended a day ago, and give it to the host."""
        signed = self.authority.sign(name, ["DNS:host"], has_expired=has_expired)
        return signed.rename(self.pki / signed.name)

    def ask(self, *options: str | Path) -> str:
        """Run the script with the options, and return the file that it writes."""
        shim = self.folder / "bin" / "systemctl"
        shim.parent.mkdir(exist_ok=True)
        shim.write_text(f"#!/bin/sh\n[ $4 = {UNIT} ] && echo {self.result}\n")
        shim.chmod(0o755)
        path = f"{shim.parent}:{os.environ['PATH']}"
        given = ["--output", self.output, "--certificates", self.pki, *options]
        command = [sys.executable, SCRIPT, *map(str, given)]
        subprocess.run(command, env={**os.environ, "PATH": path}, check=True)
        assert [file.name for file in self.output.parent.iterdir()] == [self.output.name]
        return self.output.read_text()

    def ask_all(self) -> str:
        """Run the script with everything that one host or another is asked for."""
        self.certificate("host")
        kinds = ("--backups", self.backups, "--kinds", "copy", "dump", "base", "--unit", UNIT)
        return self.ask(*kinds, "--changes", self.changes)


def values(text: str) -> dict[tuple[str, ...], float]:
    """Return the samples of an exposition by metric and values of the labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
