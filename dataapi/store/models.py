"""The tables. Models are bound to no database: every query names the one it runs on.

Times are int64 UTC milliseconds. A change here needs a migration; a test compares the two.
"""

# ruff: noqa: D106 - a Meta class is configuration, it has nothing to say

from __future__ import annotations

import peewee
from peewee import (
    AutoField,
    BigIntegerField,
    BlobField,
    BooleanField,
    CompositeKey,
    DoubleField,
    ForeignKeyField,
    IntegerField,
    TextField,
)


class _Table(peewee.Model):
    class Meta:
        legacy_table_names = False


class Series(_Table):
    """One symbol in one timeframe; `rev` counts the changes of its bars or actions."""

    id = AutoField()
    symbol = TextField()
    timeframe = TextField()
    first_ms = BigIntegerField()
    last_ms = BigIntegerField()
    n_bars = BigIntegerField()
    fingerprint = TextField()
    rev = IntegerField()
    is_adjusted = BooleanField()
    is_synthetic = BooleanField()
    is_delisted = BooleanField()
    lot = DoubleField()
    calendar = TextField(null=True)
    tz = TextField()
    source = TextField()
    updated_ms = BigIntegerField()

    class Meta:
        table_name = "series"
        indexes = ((("symbol", "timeframe"), True),)


class Chunk(_Table):
    """Up to 16,384 bars of a series, one compressed blob a column."""

    series = ForeignKeyField(Series, on_delete="CASCADE", index=False)
    first_ms = BigIntegerField()
    n_bars = IntegerField()
    codec = TextField()
    crc32 = BigIntegerField()
    time = BlobField()
    open = BlobField()
    high = BlobField()
    low = BlobField()
    close = BlobField()
    volume = BlobField()

    class Meta:
        table_name = "chunk"
        primary_key = CompositeKey("series", "first_ms")


class Action(_Table):
    """A split (new shares for one old) or a dividend (cash per raw share) on its ex-date."""

    series = ForeignKeyField(Series, on_delete="CASCADE", index=False)
    time_ms = BigIntegerField()
    kind = TextField()
    value = DoubleField()

    class Meta:
        table_name = "action"
        primary_key = CompositeKey("series", "time_ms", "kind")


class SeriesVersion(_Table):
    """What a series was after each change: which data a fingerprint stood for, and since when."""

    series = ForeignKeyField(Series, on_delete="CASCADE", index=False)
    rev = IntegerField()
    fingerprint = TextField()
    first_ms = BigIntegerField()
    last_ms = BigIntegerField()
    n_bars = BigIntegerField()
    source = TextField()
    created_ms = BigIntegerField()

    class Meta:
        table_name = "series_version"
        primary_key = CompositeKey("series", "rev")


class Run(_Table):
    """The immutable content of a run; the metrics that lists filter and sort by are columns."""

    id = TextField(primary_key=True)
    key = TextField(unique=True)
    strategy = TextField(index=True)
    timeframe = TextField()
    status = TextField()
    engine_version = TextField()
    symbols = TextField()
    params_text = TextField()
    first_ms = BigIntegerField()
    last_ms = BigIntegerField()
    created_ms = BigIntegerField()
    final_equity = DoubleField(null=True, index=True)
    total_return = DoubleField(null=True, index=True)
    cagr = DoubleField(null=True, index=True)
    volatility = DoubleField(null=True, index=True)
    sharpe = DoubleField(null=True, index=True)
    sortino = DoubleField(null=True, index=True)
    calmar = DoubleField(null=True, index=True)
    max_drawdown = DoubleField(null=True, index=True)
    trades = IntegerField(null=True, index=True)
    win_rate = DoubleField(null=True, index=True)
    profit_factor = DoubleField(null=True, index=True)
    exposure_time = DoubleField(null=True, index=True)
    turnover = DoubleField(null=True, index=True)
    summary = TextField()
    document = TextField()

    class Meta:
        table_name = "run"


class RunSymbol(_Table):
    """A symbol that a run used; `position` keeps the order of the configuration."""

    run = ForeignKeyField(Run, on_delete="CASCADE", index=False)
    position = IntegerField()
    symbol = TextField()
    timeframe = TextField()
    fingerprint = TextField()

    class Meta:
        table_name = "run_symbol"
        primary_key = CompositeKey("run", "position")
        indexes = ((("symbol", "timeframe"), False),)


class RunBlob(_Table):
    """A table of a run (equity, orders, …) as one compressed column frame."""

    run = ForeignKeyField(Run, on_delete="CASCADE", index=False)
    kind = TextField()
    crc32 = BigIntegerField()
    data = BlobField()

    class Meta:
        table_name = "run_blob"
        primary_key = CompositeKey("run", "kind")


class RunEntry(_Table):
    """One person's mutable view of a run: its name, tags, note and star."""

    id = AutoField()
    run = ForeignKeyField(Run, on_delete="CASCADE", index=False)
    owner = TextField()
    name = TextField()
    tags = TextField()
    note = TextField()
    is_starred = BooleanField()
    created_ms = BigIntegerField(index=True)

    class Meta:
        table_name = "run_entry"
        indexes = ((("run", "owner"), True),)


class Job(_Table):
    """Work for a worker: the queue and the truth about it (see `dataapi.store.jobs`).

    `subject` is the id of what it is about, and one job of a kind is about it; the analysis of a
    run goes when the run goes. `due_ms` is when a queued job may be taken, and when the lease of a
    running one ends; `token` counts how often it was taken, so that only the last taker can finish
    it; `attempts` counts takings since the last finished block. `request_id` is that of the request
    which asked for it, under which the logs tell what became of it.
    """

    id = AutoField()
    kind = TextField()
    run = ForeignKeyField(Run, null=True, on_delete="CASCADE", index=False)
    subject = TextField()
    executor = TextField()
    state = TextField()
    attempts = IntegerField()
    token = IntegerField()
    due_ms = BigIntegerField()
    created_ms = BigIntegerField()
    updated_ms = BigIntegerField()
    worker = TextField()
    error = TextField(null=True)
    progress = DoubleField()
    unit = TextField()
    rate = DoubleField(null=True)
    eta_s = DoubleField(null=True)
    note = TextField()
    is_cancelled = BooleanField()
    request_id = TextField(null=True)

    class Meta:
        table_name = "job"
        indexes = (
            (("run", "kind"), True),
            (("subject", "kind"), True),
            (("state", "due_ms"), False),
        )


class JobBlock(_Table):
    """A finished part of a long job, from which the next worker goes on when this one dies."""

    job = ForeignKeyField(Job, on_delete="CASCADE", index=False)
    i_block = IntegerField()
    crc32 = BigIntegerField()
    data = BlobField()

    class Meta:
        table_name = "job_block"
        primary_key = CompositeKey("job", "i_block")


class Analysis(_Table):
    """What a worker found out about a run after it was finished: appended once."""

    run = ForeignKeyField(Run, primary_key=True, on_delete="CASCADE")
    engine_version = TextField()
    elapsed_ms = DoubleField()
    created_ms = BigIntegerField()
    document = TextField()

    class Meta:
        table_name = "analysis"


class Study(_Table):
    """A sweep or a walk-forward (`kind`); `result` is null until its job is done."""

    id = TextField(primary_key=True)
    key = TextField(unique=True)
    kind = TextField()
    strategy = TextField()
    timeframe = TextField()
    symbols = TextField()
    axes_text = TextField()
    n_points = IntegerField()
    engine_version = TextField()
    created_ms = BigIntegerField()
    document = TextField()
    summary = TextField()
    result = TextField(null=True)

    class Meta:
        table_name = "study"
        indexes = ((("kind", "created_ms"), False),)


class StudyBlob(_Table):
    """A table of a finished study (points, equity) as one compressed column frame."""

    study = ForeignKeyField(Study, on_delete="CASCADE", index=False)
    kind = TextField()
    crc32 = BigIntegerField()
    data = BlobField()

    class Meta:
        table_name = "study_blob"
        primary_key = CompositeKey("study", "kind")


class TrialSet(_Table):
    """The trials of one run or study: what was tried stays known when that is deleted.

    `trials` is a frame of hashes and Sharpe ratios a period (see `dataapi.store.trials`).
    """

    id = AutoField()
    family = TextField()
    data = TextField()
    source_kind = TextField()
    source_id = TextField()
    n_trials = IntegerField()
    created_ms = BigIntegerField()
    trials = BlobField()

    class Meta:
        table_name = "trial_set"
        indexes = ((("source_kind", "source_id"), True), (("family", "data"), False))


class Process(_Table):
    """A process of the product and when it was last seen, for people who look."""

    name = TextField(primary_key=True)
    part = TextField()
    version = TextField()
    started_ms = BigIntegerField()
    seen_ms = BigIntegerField()

    class Meta:
        table_name = "process"


ALL = (
    Series,
    Chunk,
    Action,
    SeriesVersion,
    Run,
    RunSymbol,
    RunBlob,
    RunEntry,
    Job,
    JobBlock,
    Analysis,
    Study,
    StudyBlob,
    TrialSet,
    Process,
)
