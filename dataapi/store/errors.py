"""Everything the store refuses or cannot do, as named errors.

StoreError
├── StoreUnavailableError     the database cannot be reached, or is locked for too long
│   └── StoreBusyError        all connections are in use: try again in a moment
├── CorruptDataError          stored bytes that do not match their checksum
├── NotStoredError            no such series or run
├── AdjustmentConflictError   adjusted bars for a series of raw ones, or the other way round
├── NoRoomError               the disk has no room for what was asked
├── SeriesInUseError          a series that runs refer to is not deleted by accident
└── InvalidQueryError         an unknown sort key, or a cursor that belongs to another list
"""

from __future__ import annotations


class StoreError(Exception):
    """Base of everything the store raises; the message says what, where and how to mend it."""


class StoreUnavailableError(StoreError):
    """The database cannot be reached, or is locked for too long."""


class StoreBusyError(StoreUnavailableError):
    """All connections are in use."""


class CorruptDataError(StoreError):
    """Stored bytes that do not match their checksum."""


class NotStoredError(StoreError):
    """No such series or run."""


class AdjustmentConflictError(StoreError):
    """Adjusted bars for a series of raw ones, or the other way round."""

    @classmethod
    def between(cls, is_stored_adjusted: bool) -> AdjustmentConflictError:
        """Return the error for a series that is stored as adjusted, or as raw."""
        stored, given = ("adjusted", "raw") if is_stored_adjusted else ("raw", "adjusted")
        return cls(
            f"The series is stored as {stored} prices, the file was given as {given} ones: they "
            "do not mix. Delete the series first, or import under another symbol."
        )


class SeriesInUseError(StoreError):
    """A series that runs refer to; `run_ids` names them."""

    def __init__(self, message: str, *, run_ids: tuple[str, ...]) -> None:
        super().__init__(message)
        self.run_ids = run_ids


class NoRoomError(StoreError):
    """The disk has no room for what was asked; nothing was done."""


class InvalidQueryError(StoreError):
    """An unknown sort key, or a cursor that belongs to another list."""
