"""Sweeps, walk-forwards and the ledger of trials, into which the stored runs are entered."""

import json
from typing import Any

import peewee


def up(migrator: Any, db: Any) -> None:
    """Make the tables, and count every run that is stored already."""

    class Table(peewee.Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Study(Table):
        id = peewee.TextField(primary_key=True)
        key = peewee.TextField(unique=True)
        kind = peewee.TextField()
        strategy = peewee.TextField()
        timeframe = peewee.TextField()
        symbols = peewee.TextField()
        axes_text = peewee.TextField()
        n_points = peewee.IntegerField()
        engine_version = peewee.TextField()
        created_ms = peewee.BigIntegerField()
        document = peewee.TextField()
        summary = peewee.TextField()
        result = peewee.TextField(null=True)

        class Meta:
            table_name = "study"
            indexes = ((("kind", "created_ms"), False),)

    class StudyBlob(Table):
        study = peewee.ForeignKeyField(Study, on_delete="CASCADE", index=False)
        kind = peewee.TextField()
        crc32 = peewee.BigIntegerField()
        data = peewee.BlobField()

        class Meta:
            table_name = "study_blob"
            primary_key = peewee.CompositeKey("study", "kind")

    class TrialSet(Table):
        family = peewee.TextField()
        data = peewee.TextField()
        source_kind = peewee.TextField()
        source_id = peewee.TextField()
        n_trials = peewee.IntegerField()
        created_ms = peewee.BigIntegerField()
        trials = peewee.BlobField()

        class Meta:
            table_name = "trial_set"
            indexes = ((("source_kind", "source_id"), True), (("family", "data"), False))

    db.create_tables([Study, StudyBlob, TrialSet])
    _count_runs(db)


def _count_runs(db: Any) -> None:
    from dataapi.store.database import execute
    from dataapi.store.trials import put_trials, run_trials

    # Read in full first: never insert while an open SELECT is read.
    for (document,) in execute(db, "SELECT document FROM run").fetchall():
        put_trials(db, run_trials(json.loads(document)))
