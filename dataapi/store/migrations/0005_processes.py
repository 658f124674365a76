"""Which processes there are, and which request made a job: both only add to the schema."""

from typing import Any

import peewee

from dataapi.store.database import execute


def up(migrator: Any, db: Any) -> None:
    """Widen the queue by a column that older code leaves out, and add a table it does not read."""
    execute(db, "ALTER TABLE job ADD COLUMN request_id TEXT")

    class Process(peewee.Model):
        name = peewee.TextField(primary_key=True)
        part = peewee.TextField()
        version = peewee.TextField()
        started_ms = peewee.BigIntegerField()
        seen_ms = peewee.BigIntegerField()

        class Meta:
            database = db
            legacy_table_names = False
            table_name = "process"

    db.create_tables([Process])
