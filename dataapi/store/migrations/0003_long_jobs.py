"""Long jobs: what a job is about, how far it is, its cancel request and its finished blocks."""

from typing import Any

import peewee

from dataapi.store.database import execute


def up(migrator: Any, db: Any) -> None:
    """Widen the queue; an analysis is about its run."""
    is_postgres = isinstance(db, peewee.PostgresqlDatabase)
    number, no = ("DOUBLE PRECISION", "FALSE") if is_postgres else ("REAL", "0")
    truth = "BOOLEAN" if is_postgres else "INTEGER"
    for column in (
        "subject TEXT NOT NULL DEFAULT ''",
        "executor TEXT NOT NULL DEFAULT ''",
        f"progress {number} NOT NULL DEFAULT 0",
        "unit TEXT NOT NULL DEFAULT ''",
        f"rate {number}",
        f"eta_s {number}",
        "note TEXT NOT NULL DEFAULT ''",
        f"is_cancelled {truth} NOT NULL DEFAULT {no}",
    ):
        execute(db, f"ALTER TABLE job ADD COLUMN {column}")
    execute(db, "UPDATE job SET subject = run_id WHERE run_id IS NOT NULL")
    execute(db, "UPDATE job SET progress = 1 WHERE state = 'done'")
    execute(db, 'CREATE UNIQUE INDEX "job_subject_kind" ON job (subject, kind)')

    class Table(peewee.Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Job(Table):
        class Meta:
            table_name = "job"

    class JobBlock(Table):
        job = peewee.ForeignKeyField(Job, on_delete="CASCADE", index=False)
        i_block = peewee.IntegerField()
        crc32 = peewee.BigIntegerField()
        data = peewee.BlobField()

        class Meta:
            table_name = "job_block"
            primary_key = peewee.CompositeKey("job", "i_block")

    db.create_tables([JobBlock])
