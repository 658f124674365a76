"""`prune`: what the disk can be freed of; with --yes it is."""

from __future__ import annotations

import argparse
import re
import sys
import time
from typing import Any

from config.settings import Settings
from dataapi.cli.commands import add_command
from dataapi.cli.printing import Document, print_json

DAYS = {"d": 1, "w": 7}
DAY_MS = 86_400_000
# Without a terminal progress is a line a while.
LINE_EVERY_S = 2.0
KINDS = {
    "runs": "Runs that nobody kept",
    "jobs": "Jobs that are over",
    "versions": "Old versions in the history of series",
    "kernels": "Compiled kernels of other versions",
    "interrupted": "Interrupted backups and restores",
    "room": "Free room in the store's file",
}


def add_commands(subparsers: Any) -> None:
    """Add `prune` to the command line."""
    prune = add_command(subparsers, "prune", _prune, "what the disk can be freed of")
    prune.add_argument("--yes", action="store_true", help="remove it")
    prune.add_argument(
        "--older-than",
        type=_days,
        default=30,
        metavar="AGE",
        help="only what has been over for so long, 30d or 6w (30d)",
    )
    prune.add_argument(
        "--vacuum",
        action="store_true",
        help="write a large SQLite file of an earlier version anew; nobody writes meanwhile",
    )


def _days(text: str) -> int:
    match = re.fullmatch(r"(\d{1,5})([dw])", text)
    days = int(match[1]) * DAYS[match[2]] if match else 0
    # The status shows the last day, and a worker may be silent for an hour.
    if days < 1:
        raise argparse.ArgumentTypeError(f"expected 1d or more, as 30d or 6w, was {text!r}")
    return days


def _prune(arguments: argparse.Namespace, settings: Settings) -> int:
    from dataapi.cli.opening import opened_store
    from dataapi.services.pruning import Pruning

    before_ms = time.time_ns() // 1_000_000 - arguments.older_than * DAY_MS
    with opened_store(settings) as store:
        pruning = Pruning(store, settings, before_ms=before_ms, is_rewriting=arguments.vacuum)
        found = pruning.carry_out(_Progress()) if arguments.yes else pruning.find()
    document = {"is_done": arguments.yes, "older_than_days": arguments.older_than, **found}
    if arguments.json:
        print_json(document)
    else:
        _print(document)
    return 0


class _Progress:
    """Says on standard error how far long work is."""

    def __init__(self) -> None:
        self._said_s = time.monotonic()

    def __call__(self, kind: str, done: int, total: int) -> None:
        if time.monotonic() - self._said_s < LINE_EVERY_S:
            return
        self._said_s = time.monotonic()
        share = f"{min(done / total, 1.0):.0%}" if total else f"{done:,}"
        print(f"{KINDS[kind]}: {share}", file=sys.stderr, flush=True)


def _print(document: Document) -> None:
    for item in document["items"]:
        number = "–" if item["number"] is None else f"{item['number']:,}"
        print(f"{KINDS[item['kind']]:<38}{number:>10}{size_text(item['bytes']):>12}")
    size = size_text(document["bytes"])
    if document["is_done"]:
        print(f"{size} went; the store takes {size_text(document['store_bytes'])} now.")
    elif any(item["number"] or item["bytes"] for item in document["items"]):
        print(f"{size} can go. Nothing was removed: --yes does it.")
    else:
        print("Nothing can go.")
    for note in document["notes"]:
        print(note)


def size_text(n_bytes: int) -> str:
    """Return a number of bytes as people say it: 3.2 MB."""
    for unit, length in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= length:
            return f"{n_bytes / length:,.1f} {unit}"
    return f"{n_bytes} B"
