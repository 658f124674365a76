"""The lab's report: Markdown to read, JSON to compare."""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from config.settings import ROOT
from tests.bench.report import machine
from tests.lab.accounting import Account

FAULT_HEAD = (
    "| fault | times | requests | failed | of them submissions | doubled | lost | longest silence, "
    "median | worst | well again after, median | worst | slowest good answer | goal | met |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True)
class FaultRow:
    """One fault's figures beside its goal."""

    name: str
    account: Account
    most_failed: int | None
    most_silent_s: float | None

    @property
    def is_met(self) -> bool | None:
        """Return whether the goal is met; None where there is none.

        Nothing may ever be done twice or lost, goal or not.
        """
        found = self.account
        if found.doubled or found.lost:
            return False
        if self.most_failed is not None:
            return found.failed_reads == 0 and found.failed <= self.most_failed * found.times
        if self.most_silent_s is not None:
            return found.median_silence_s < self.most_silent_s
        return None

    @property
    def goal(self) -> str:
        """Return the goal in words."""
        if self.most_failed == 0:
            return "0 failed"
        if self.most_failed is not None:
            return f"≤ {self.most_failed} failed each time, none that only reads"
        if self.most_silent_s is not None:
            return f"median silence < {self.most_silent_s:g} s"
        return "none doubled or lost"


@dataclass
class Report:
    """Everything that one run of the lab measured.

    Attributes
    ----------
    facts : dict
        Single figures by what they are, such as the time from bare hosts to serving.
    faults : list of FaultRow
        The table under load.
    inputs : dict
        Bad input by name: what happened, in words.
    exposures : dict
        `systemd-analyze security` by unit.
    """

    topology: str
    facts: dict[str, str] = field(default_factory=dict)
    faults: list[FaultRow] = field(default_factory=list)
    inputs: dict[str, str] = field(default_factory=dict)
    exposures: dict[str, float] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=machine)

    def write(self, folder: Path) -> None:
        """Write `<folder>/lab-report-<topology>.md` and `.json`."""
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"lab-report-{self.topology}.md"
        file.write_text(self.markdown())
        document = {
            **asdict(self),
            "faults": [{**asdict(row), "is_met": row.is_met} for row in self.faults],
            "commit": commit(),
            "written": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        file.with_suffix(".json").write_text(json.dumps(document, indent=1) + "\n")

    def markdown(self) -> str:
        """Return the report to read."""
        found = self.machine
        memory = f"{found['memory_bytes'] / 2**30:.0f} GiB"
        lines = [
            f"# Laboratory: {self.topology}",
            "",
            f"Commit {commit()}, {found['processor']}, {found['cores']} cores, {memory}; all "
            "hosts, the visitors and the operator on this one machine, whose load was "
            f"{found['load']:.1f} when it began.",
        ]
        lines += _table("| what | measured |\n|---|---|", self.facts.items())
        if self.faults:
            lines += ["", FAULT_HEAD, *map(fault_line, self.faults)]
            lines += _errors(self.faults)
        lines += _table("| bad input | what happened |\n|---|---|", self.inputs.items())
        exposures = ((unit, f"{value:.1f}") for unit, value in self.exposures.items())
        lines += _table("| unit | exposure (`systemd-analyze security`) |\n|---|---|", exposures)
        return "\n".join(lines) + "\n"


def fault_line(row: FaultRow) -> str:
    """Return a fault as a line of the table."""
    found = row.account
    median_recovery_s = statistics.median(found.recoveries_s)
    cells = (
        row.name,
        found.times,
        f"{found.requests:,}",
        found.failed,
        found.failed_submissions,
        found.doubled,
        found.lost,
        f"{found.median_silence_s:.1f} s",
        f"{found.worst_silence_s:.1f} s",
        f"{median_recovery_s:.1f} s",
        f"{max(found.recoveries_s):.1f} s",
        f"{found.slowest_s:.1f} s",
        row.goal,
        {True: "yes", False: "**no**", None: ""}[row.is_met],
    )
    return f"| {' | '.join(map(str, cells))} |"


def _table(head: str, rows: Any) -> list[str]:
    """Return a table, nothing without rows."""
    lines = [f"| {name} | {value} |" for name, value in rows]
    return ["", head, *lines] if lines else []


def _errors(rows: list[FaultRow]) -> list[str]:
    """Return what the failed requests met, a line a fault."""
    lines = []
    for row in rows:
        if row.account.errors:
            met = ", ".join(f"{error} ({n})" for error, n in row.account.errors.items())
            lines.append(f"- {row.name}: {met}")
    return ["", "What the failed requests met:", "", *lines] if lines else []


def commit() -> str:
    """Return the commit that is checked out, in short."""
    done = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True
    )
    return done.stdout.strip() or "unknown"
