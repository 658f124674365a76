"""The schema: brought up to date in one locked step, by whoever comes first.

During a deploy, and after it was rolled back, the code of the version before runs on the new
schema. So a migration only adds: tables, indexes, columns that may be null or have a default. What
takes something away comes a version later, when no code needs it any more, and has `contract` in
its name: older code refuses a store where such a migration is applied, and runs on with any other.
"""

from __future__ import annotations

from pathlib import Path

from playhouse.migrations import Runner

from dataapi.store.database import Connections, execute
from dataapi.store.errors import StoreUnavailableError

MIGRATIONS = Path(__file__).with_name("migrations")
# Larger pages hold a blob in fewer pieces; can be set only before the first table exists.
PAGE_SIZE = 16_384
CONTRACT = "contract"
"""In the names of migrations that take something away."""


def migrate(connections: Connections) -> list[str]:
    """Apply what is missing and return the names of what was applied.

    Safe when several processes start at once: one works, the others wait and find nothing to do.
    """
    with connections.exclusive() as database:
        if connections.is_sqlite:
            # The mode is kept in the file. Changing it meets "database is locked" at once when
            # another process does the same, however long the timeout: so inside the lock.
            execute(database, f"PRAGMA page_size = {PAGE_SIZE}")
            # After that one: it writes the file's head. So free room is given back in small steps.
            execute(database, "PRAGMA auto_vacuum = incremental")
            execute(database, "PRAGMA journal_mode = wal")
        applied: list[str] = Runner(database, str(MIGRATIONS)).up()
        return applied


def pending(connections: Connections) -> list[str]:
    """Return the migrations that were not applied yet.

    Raises
    ------
    StoreUnavailableError
        If a newer version took something away that this one may need.
    """
    with connections.session() as database:
        status = Runner(database, str(MIGRATIONS)).status()
    unknown = [m.name for m in status if m.path is None and CONTRACT in m.name]
    if unknown:
        raise StoreUnavailableError(
            f"The store has the migration {unknown[-1]}, which this version does not know: "
            "start the newer version again."
        )
    return [migration.name for migration in status if migration.applied is None]
