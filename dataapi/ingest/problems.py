"""What is wrong with a file: as a whole, or row by row."""

from __future__ import annotations

from dataclasses import dataclass

MAX_LISTED = 100


class IngestError(ValueError):
    """A file that cannot be imported at all; the message says why and how to mend it."""


@dataclass(frozen=True, slots=True)
class RowProblem:
    """One bad value: `row` is the line in the file (the header is line 1), `value` as written."""

    row: int
    column: str
    value: str
    reason: str


class Problems:
    """Collects bad rows: every one is counted, the first hundred are listed."""

    def __init__(self) -> None:
        self.bad_rows: set[int] = set()
        self.total = 0
        self._listed: list[RowProblem] = []

    def add(self, row: int, column: str, value: str, reason: str) -> None:
        """Note one bad value."""
        self.total += 1
        self.bad_rows.add(row)
        # Order and time are judged after the values: each kind keeps room for its first ones.
        if len(self._listed) < 3 * MAX_LISTED:
            self._listed.append(RowProblem(row, column, value[:80], reason))

    @property
    def listed(self) -> list[RowProblem]:
        """Return the first problems in the order of the file."""
        return sorted(self._listed, key=lambda problem: problem.row)[:MAX_LISTED]
