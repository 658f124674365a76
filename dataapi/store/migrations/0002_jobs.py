"""The queue of jobs, and what workers add to finished runs."""

from typing import Any

import peewee

from dataapi.store.database import execute


def up(migrator: Any, db: Any) -> None:
    """Make the tables, and ask for the analysis of every run that is stored already."""

    class Table(peewee.Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Run(Table):
        id = peewee.TextField(primary_key=True)

        class Meta:
            table_name = "run"

    class Job(Table):
        kind = peewee.TextField()
        run = peewee.ForeignKeyField(Run, null=True, on_delete="CASCADE", index=False)
        state = peewee.TextField()
        attempts = peewee.IntegerField()
        token = peewee.IntegerField()
        due_ms = peewee.BigIntegerField()
        created_ms = peewee.BigIntegerField()
        updated_ms = peewee.BigIntegerField()
        worker = peewee.TextField()
        error = peewee.TextField(null=True)

        class Meta:
            table_name = "job"
            indexes = ((("run", "kind"), True), (("state", "due_ms"), False))

    class Analysis(Table):
        run = peewee.ForeignKeyField(Run, primary_key=True, on_delete="CASCADE")
        engine_version = peewee.TextField()
        elapsed_ms = peewee.DoubleField()
        created_ms = peewee.BigIntegerField()
        document = peewee.TextField()

        class Meta:
            table_name = "analysis"

    db.create_tables([Job, Analysis])
    execute(
        db,
        "INSERT INTO job "
        "(kind, run_id, state, attempts, token, due_ms, created_ms, updated_ms, worker) "
        "SELECT 'analysis', id, 'queued', 0, 0, 0, created_ms, created_ms, '' FROM run",
    )
