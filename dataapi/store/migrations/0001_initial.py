"""Series with their bars and actions, and runs with their entries."""

from typing import Any

import peewee

from dataapi.store.database import execute


def up(migrator: Any, db: Any) -> None:
    """Make the first tables."""

    class Table(peewee.Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Series(Table):
        symbol = peewee.TextField()
        timeframe = peewee.TextField()
        first_ms = peewee.BigIntegerField()
        last_ms = peewee.BigIntegerField()
        n_bars = peewee.BigIntegerField()
        fingerprint = peewee.TextField()
        rev = peewee.IntegerField()
        is_adjusted = peewee.BooleanField()
        is_synthetic = peewee.BooleanField()
        is_delisted = peewee.BooleanField()
        lot = peewee.DoubleField()
        calendar = peewee.TextField(null=True)
        tz = peewee.TextField()
        source = peewee.TextField()
        updated_ms = peewee.BigIntegerField()

        class Meta:
            table_name = "series"
            indexes = ((("symbol", "timeframe"), True),)

    class Chunk(Table):
        series = peewee.ForeignKeyField(Series, on_delete="CASCADE", index=False)
        first_ms = peewee.BigIntegerField()
        n_bars = peewee.IntegerField()
        codec = peewee.TextField()
        crc32 = peewee.BigIntegerField()
        time = peewee.BlobField()
        open = peewee.BlobField()
        high = peewee.BlobField()
        low = peewee.BlobField()
        close = peewee.BlobField()
        volume = peewee.BlobField()

        class Meta:
            table_name = "chunk"
            primary_key = peewee.CompositeKey("series", "first_ms")

    class Action(Table):
        series = peewee.ForeignKeyField(Series, on_delete="CASCADE", index=False)
        time_ms = peewee.BigIntegerField()
        kind = peewee.TextField()
        value = peewee.DoubleField()

        class Meta:
            table_name = "action"
            primary_key = peewee.CompositeKey("series", "time_ms", "kind")

    class SeriesVersion(Table):
        series = peewee.ForeignKeyField(Series, on_delete="CASCADE", index=False)
        rev = peewee.IntegerField()
        fingerprint = peewee.TextField()
        first_ms = peewee.BigIntegerField()
        last_ms = peewee.BigIntegerField()
        n_bars = peewee.BigIntegerField()
        source = peewee.TextField()
        created_ms = peewee.BigIntegerField()

        class Meta:
            table_name = "series_version"
            primary_key = peewee.CompositeKey("series", "rev")

    class Run(Table):
        id = peewee.TextField(primary_key=True)
        key = peewee.TextField(unique=True)
        strategy = peewee.TextField(index=True)
        timeframe = peewee.TextField()
        status = peewee.TextField()
        engine_version = peewee.TextField()
        symbols = peewee.TextField()
        params_text = peewee.TextField()
        first_ms = peewee.BigIntegerField()
        last_ms = peewee.BigIntegerField()
        created_ms = peewee.BigIntegerField()
        final_equity = peewee.DoubleField(null=True, index=True)
        total_return = peewee.DoubleField(null=True, index=True)
        cagr = peewee.DoubleField(null=True, index=True)
        volatility = peewee.DoubleField(null=True, index=True)
        sharpe = peewee.DoubleField(null=True, index=True)
        sortino = peewee.DoubleField(null=True, index=True)
        calmar = peewee.DoubleField(null=True, index=True)
        max_drawdown = peewee.DoubleField(null=True, index=True)
        trades = peewee.IntegerField(null=True, index=True)
        win_rate = peewee.DoubleField(null=True, index=True)
        profit_factor = peewee.DoubleField(null=True, index=True)
        exposure_time = peewee.DoubleField(null=True, index=True)
        turnover = peewee.DoubleField(null=True, index=True)
        summary = peewee.TextField()
        document = peewee.TextField()

        class Meta:
            table_name = "run"

    class RunSymbol(Table):
        run = peewee.ForeignKeyField(Run, on_delete="CASCADE", index=False)
        position = peewee.IntegerField()
        symbol = peewee.TextField()
        timeframe = peewee.TextField()
        fingerprint = peewee.TextField()

        class Meta:
            table_name = "run_symbol"
            primary_key = peewee.CompositeKey("run", "position")
            indexes = ((("symbol", "timeframe"), False),)

    class RunBlob(Table):
        run = peewee.ForeignKeyField(Run, on_delete="CASCADE", index=False)
        kind = peewee.TextField()
        crc32 = peewee.BigIntegerField()
        data = peewee.BlobField()

        class Meta:
            table_name = "run_blob"
            primary_key = peewee.CompositeKey("run", "kind")

    class RunEntry(Table):
        run = peewee.ForeignKeyField(Run, on_delete="CASCADE", index=False)
        owner = peewee.TextField()
        name = peewee.TextField()
        tags = peewee.TextField()
        note = peewee.TextField()
        is_starred = peewee.BooleanField()
        created_ms = peewee.BigIntegerField(index=True)

        class Meta:
            table_name = "run_entry"
            indexes = ((("run", "owner"), True),)

    db.create_tables([Series, Chunk, Action, SeriesVersion, Run, RunSymbol, RunBlob, RunEntry])
    if isinstance(db, peewee.PostgresqlDatabase):
        # The blobs are compressed already: compressing them once more costs time and saves nothing.
        for column in ("time", "open", "high", "low", "close", "volume"):
            execute(db, f"ALTER TABLE chunk ALTER COLUMN {column} SET STORAGE EXTERNAL")
        execute(db, "ALTER TABLE run_blob ALTER COLUMN data SET STORAGE EXTERNAL")
