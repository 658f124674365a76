"""The drill that makes a backup one: the database is destroyed, and every run comes back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.lab.faults import require_played
from tests.lab.site import Site

Documents = dict[str, Any]


@dataclass(frozen=True)
class Drilled:
    """What a drill found.

    Attributes
    ----------
    n_runs : int
        Runs that were there before.
    differing : list of str
        Of these, runs that could not be opened afterwards, or not as they were.
    seconds : float
        How long the restore took.
    """

    n_runs: int
    differing: list[str]
    seconds: float

    def __str__(self) -> str:
        """Say it in words."""
        same = self.n_runs - len(self.differing)
        return f"{same} of {self.n_runs} runs open as they were, in {self.seconds:.0f} s"


def documents(site: Site) -> Documents:
    """Return the document of every run, as visitors get it."""
    return {run: site.ask(f"/api/v1/runs/{run}") for run in site.run_ids()}


def drill(site: Site, destroy: str, *, to_moment: bool = False) -> Drilled:
    """Back up, destroy, restore, and open every run.

    Parameters
    ----------
    destroy : str
        Shell command on the host of the store.
    to_moment : bool
        Whether to go back to the moment before it, instead of to the last change there is: what
        was done by a statement is in the archive of changes as well.
    """
    before = documents(site)
    require_played(site.controller.play("backup.yml"))
    host = site.hosts[site.topology.database]
    moment = host.ssh("date -u '+%F %T+00'; sleep 2").stdout.strip()
    host.ssh(destroy)
    options = ("-e", json.dumps({"until": moment})) if to_moment else ()
    played = site.controller.play("restore.yml", *options)
    require_played(played)
    site.wait_until_well()
    return Drilled(len(before), differing(site, before), played.ended_s - played.started_s)


def differing(site: Site, before: Documents) -> list[str]:
    """Return the runs that are not there any more, or not as they were."""
    found = []
    for run, document in before.items():
        try:
            is_same = site.ask(f"/api/v1/runs/{run}") == document
        except AssertionError:
            is_same = False
        if not is_same:
            found.append(run)
    return found
