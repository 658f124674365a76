"""`backup` and `restore`: the store as one verified file, and back."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from config.settings import Settings
from dataapi.cli import UsageError
from dataapi.cli.commands import add_command


def add_commands(subparsers: Any) -> None:
    """Add `backup` and `restore` to the command line."""
    backup = add_command(subparsers, "backup", _backup, "the store as one verified file")
    backup.add_argument("--output", type=Path, metavar="DIR", help="where to (data_dir/backups)")
    backup.add_argument("--keep", type=_count, metavar="N", help="the newest N stay there")
    restore = add_command(subparsers, "restore", _restore, "a backup in place of the store")
    restore.add_argument("file", nargs="?", type=Path, metavar="FILE")
    restore.add_argument("--newest", type=Path, metavar="DIR", help="the newest backup in a folder")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number of at least 1, was {text!r}")
    return int(text)


def _backup(arguments: argparse.Namespace, settings: Settings) -> int:
    from dataapi.store.backups import back_up

    folder = arguments.output or settings.data_dir / "backups"
    made = back_up(settings.database_url, folder, keep=arguments.keep)
    if arguments.json:
        facts = {"path": str(made.path), "bytes": made.size_bytes}
        print(json.dumps({**facts, "schema": made.schema, "runs": made.n_runs}))
        return 0
    runs = "" if made.n_runs is None else f", {made.n_runs:,} runs"
    print(f"{made.path}: {made.size_bytes / 1e6:,.1f} MB{runs}, read back and whole.")
    return 0


def _restore(arguments: argparse.Namespace, settings: Settings) -> int:
    from dataapi.store.backups import newest, restore

    if (arguments.file is None) == (arguments.newest is None):
        raise UsageError("Say which backup: a FILE, or --newest DIR.")
    url = settings.database_url
    backup = arguments.file or newest(url, arguments.newest)
    aside = restore(url, backup)
    if arguments.json:
        print(
            json.dumps({"restored": str(backup), "before": None if aside is None else str(aside)})
        )
        return 0
    print(f"Restored from {backup}.")
    if aside is not None:
        print(f"The store that was there is now {aside}; delete it when it is not needed.")
    return 0
