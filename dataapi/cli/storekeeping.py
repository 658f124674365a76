"""`migrate` and `warm`: what a new version needs once, before its processes start."""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from config.settings import Settings
from dataapi.cli.commands import add_command


def add_commands(subparsers: Any) -> None:
    """Add `migrate` and `warm` to the command line."""
    add_command(subparsers, "migrate", _migrate, "bring the store's schema up to date")
    add_command(subparsers, "warm", _warm, "compile the kernels, or load them from their cache")


def _migrate(arguments: argparse.Namespace, settings: Settings) -> int:
    from dataapi.store import open_store

    store = open_store(settings.database_url, max_connections=2, migrate=False)
    try:
        applied = store.migrate()
    finally:
        store.close()
    if arguments.json:
        print(json.dumps({"applied": applied}))
    else:
        print("\n".join(f"Applied {name}." for name in applied) or "The schema is up to date.")
    return 0


def _warm(arguments: argparse.Namespace, settings: Settings) -> int:
    from dataapi.services.warming import warm_kernels

    started = time.monotonic()
    warm_kernels()
    elapsed_s = time.monotonic() - started
    if arguments.json:
        print(json.dumps({"elapsed_s": round(elapsed_s, 3)}))
    else:
        print(f"The kernels are warm after {elapsed_s:.1f} s.")
    return 0
