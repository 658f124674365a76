"""What the disk can be freed of, and freeing it.

Rows that nobody refers to, on whatever database; the room that removed rows left in SQLite's file;
and on this host compiled kernels of other versions, and what killed backups left.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from config.kernels import remove_kernels, stale_kernels
from config.settings import Settings
from dataapi.services.documents import Document
from dataapi.store import Store
from dataapi.store.backups import interrupted, put_aside

UNASKED_BYTES = 200_000_000
"""Up to here a file of before is written anew unasked: for two seconds nobody can write."""

REWRITTEN_BYTES_S = 100_000_000
"""So much of a file is written anew in a second, on an ordinary disk."""

Report = Callable[[str, int, int], None]
"""Told the kind, how much of it is done, and how much there is: rows, files, or bytes of room."""


class Pruning:
    """What can go of a store and of this host; `find` says it, `carry_out` does it.

    Parameters
    ----------
    store : Store
    settings : Settings
    before_ms : int
        What was over before this instant can go; UTC milliseconds.
    is_rewriting : bool
        Whether a large file of an earlier version may be written anew.
    """

    def __init__(
        self, store: Store, settings: Settings, *, before_ms: int, is_rewriting: bool = False
    ) -> None:
        self.store = store
        self.settings = settings
        self.before_ms = before_ms
        self.is_rewriting = is_rewriting

    def find(self) -> Document:
        """Return what can go, by kind; changes nothing.

        Returns
        -------
        dict
            `items` of kind, number (None for room) and bytes, what they take together in `bytes`,
            the `store_bytes` of the database, and `notes` for people.
        """
        rows = [
            _item(found.kind, found.number, found.n_bytes)
            for found in self.store.pruning.find(self.before_ms)
        ]
        files = [
            _item(kind, len(paths), sum(map(_size, paths))) for kind, paths in self._files().items()
        ]
        room = _item("room", None, self.store.room.free_bytes() if self._gives_back() else 0)
        items = [*rows, *files, room]
        return {
            "items": items,
            "bytes": sum(item["bytes"] for item in items),
            "store_bytes": self.store.size_bytes(),
            "notes": list(self._notes()),
        }

    def carry_out(self, report: Report) -> Document:
        """Remove what `find` finds; return the same as `find`, of what went.

        Each step stands alone: killed at any point, what was done is done, and the next one goes
        on. `bytes` are those that the disk has more, and Postgres' files do not shrink.
        """
        found = self.find()
        by_kind = {item["kind"]: item for item in found["items"]}
        for kind in ("runs", "jobs", "versions"):
            number = 0
            for step in self.store.pruning.remove(kind, self.before_ms):
                number += step
                report(kind, number, by_kind[kind]["number"])
            by_kind[kind]["number"] = number
        freed = self._remove_files(by_kind, report)
        if self._gives_back():
            self._give_back(report)
        size = self.store.size_bytes()
        given_back = found["store_bytes"] - size
        by_kind["room"]["bytes"] = max(given_back, 0) if self.store.room.is_ours else 0
        return {**found, "bytes": freed + by_kind["room"]["bytes"], "store_bytes": size}

    def _remove_files(self, by_kind: dict[str, Document], report: Report) -> int:
        """Remove files and directories; return how many bytes went."""
        freed = 0
        for kind, paths in self._files().items():
            removed = []
            for path in paths:
                size = _size(path)
                if _remove(path):
                    removed.append(size)
                    report(kind, len(removed), len(paths))
            by_kind[kind].update(number=len(removed), bytes=sum(removed))
            freed += sum(removed)
        return freed

    def _give_back(self, report: Report) -> None:
        room = self.store.room
        total, given = room.free_bytes(), 0
        if not room.is_in_steps:
            report("room", room.rewrite(), total)
            return
        for step in room.give_back():
            given += step
            report("room", given, total)

    def _gives_back(self) -> bool:
        """Return whether the store's file is given back its free room, in steps or anew."""
        room = self.store.room
        if not room.is_ours:
            return False
        return room.is_in_steps or self.is_rewriting or room.held_bytes() <= UNASKED_BYTES

    def _files(self) -> dict[str, list[Path]]:
        before_s = self.before_ms / 1e3
        url, backups = self.settings.database_url, self.settings.data_dir / "backups"
        return {
            "kernels": stale_kernels(self.settings.cache_dir, before_s),
            "interrupted": interrupted(url, backups, before_s),
        }

    def _notes(self) -> Iterator[str]:
        room = self.store.room
        if not room.is_ours:
            yield (
                "Postgres keeps the room of removed rows for new ones; its files do not shrink, "
                "and the backups do."
            )
        elif not self._gives_back() and room.free_bytes():
            held = room.held_bytes()
            yield (
                f"{room.free_bytes() / 1e6:,.0f} MB of the store's file are free for new rows. "
                "--vacuum gives them to the disk, by writing the file anew once: that needs "
                f"{2 * held / 1e6:,.0f} MB free, and for about {held / REWRITTEN_BYTES_S:,.0f} s "
                "nobody can write."
            )
        aside = put_aside(self.settings.database_url)
        if aside:
            size = sum(map(_size, aside))
            yield (
                f"Restores put {size / 1e6:,.1f} MB aside: {aside[0].parent}/*.before-*; delete "
                "them by hand when nobody needs them."
            )


def _item(kind: str, number: int | None, n_bytes: int) -> Document:
    return {"kind": kind, "number": number, "bytes": n_bytes}


def _remove(path: Path) -> bool:
    """Remove a file or a directory of kernels; return whether it was still there and unused."""
    if path.is_dir():
        return remove_kernels(path)
    is_there = path.exists()
    path.unlink(missing_ok=True)
    return is_there


def _size(path: Path) -> int:
    """Return the bytes of a file, or of everything in a directory."""
    files = [path]
    if path.is_dir():
        files = [Path(folder) / name for folder, _, names in os.walk(path) for name in names]
    total = 0
    for file in files:
        # Somebody else may be removing the same.
        with suppress(FileNotFoundError):
            total += file.lstat().st_size
    return total
