"""The playbooks run for real, against hosts that are all this machine and are not changed."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from config.settings import ROOT
from tests.components import require_environment

ANSIBLE = ROOT / "ansible"
PLAYBOOKS = sorted(ANSIBLE.glob("[a-z]*.yml"))
INVENTORIES = sorted(path.parent for path in ANSIBLE.glob("inventories/*/hosts.yml"))
TIMEOUT_S = 240

# One host for everything, and the least that has to be said about it.
ONE = {name: ["h1"] for name in ("balancers", "dashboards", "apis", "workers")}
NAMED = {"hindcast_public_name": "hindcast.example.org"}


def tool(
    name: str, *arguments: str | Path, folder: Path = ANSIBLE
) -> subprocess.CompletedProcess[str]:
    """Run one of Ansible's programs without the user's own settings."""
    python = Path(require_environment(".venv-ansible"))
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ANSIBLE_", "PYTHON"))}
    path = f"{python.parent}:{os.environ['PATH']}"
    return subprocess.run(
        [python.parent / name, *arguments],
        cwd=folder,
        env={**kept, "PATH": path, "LC_ALL": "C.UTF-8", "ANSIBLE_NOCOLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
    )


def play(
    playbook: Path | str, inventory: Path, *options: str, **variables: Any
) -> subprocess.CompletedProcess[str]:
    """Run a playbook with every host being this machine."""
    python = require_environment(".venv-ansible")
    given = {"ansible_connection": "local", "ansible_python_interpreter": python, **variables}
    extra = ("--extra-vars", json.dumps(given))
    return tool("ansible-playbook", playbook, "-i", inventory, *extra, *options)


def templates(role: str, **settings: bool) -> Environment:
    """Return the templates of a role, read as the playbooks read them; what lacks a value fails."""
    environment = Environment(
        loader=FileSystemLoader(ANSIBLE / "roles" / role / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - units, scripts and statements of ours, not pages
        **settings,
    )
    environment.filters["quote"] = shlex.quote
    return environment


def inventory(folder: Path, groups: dict[str, Sequence[str]], **variables: Any) -> Path:
    """Write an inventory: hosts by group, and variables of all of them. YAML reads JSON."""
    names = sorted({host for hosts in groups.values() for host in hosts})
    addresses = {name: {"ansible_host": f"192.0.2.{i}"} for i, name in enumerate(names, start=1)}
    tree: dict[str, Any] = {"all": {"hosts": addresses, "vars": variables}}
    tree |= {g: {"hosts": {host: {} for host in hosts}} for g, hosts in groups.items()}
    file = folder / "hosts.yml"
    file.write_text(json.dumps(tree))
    return file


def release(folder: Path, **facts: Any) -> dict[str, str]:
    """Write what playbooks read of release 1.2.3, and return the variables that name it."""
    place = folder / "hindcast-1.2.3"
    place.mkdir()
    said = {
        "version": "1.2.3",
        "commit": "0123abcd",
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "machine": f"{platform.system().lower()}-{platform.machine()}",
        "tested": {"commit": "0123abcd"},
        **facts,
    }
    files = {"release.json": json.dumps(said), "requirements.lock": ""}
    for name, text in files.items():
        (place / name).write_text(text)
    sums = (f"{hashlib.sha256(t.encode()).hexdigest()}  {n}\n" for n, t in files.items())
    (place / "SHA256SUMS").write_text("".join(sums))
    place.with_name(f"{place.name}.tar").touch()
    return {"version": "1.2.3", "release_dir": str(place)}
