"""What the visitors saw, judged: failed requests, submissions done twice, and the worst silence."""

from __future__ import annotations

import itertools
import json
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Record:
    """One request.

    Attributes
    ----------
    kind, method : str
        What was asked.
    started_s, ended_s : float
        On the monotonic clock.
    status : int
        Of the answer, 0 without one.
    error : str
        What was wrong; empty when the answer was what was asked for.
    run : str
        The run that a submission made or found.
    """

    kind: str
    method: str
    started_s: float
    ended_s: float
    status: int
    error: str
    run: str = ""


@dataclass(frozen=True)
class Span:
    """From just before a fault until everything was well again, on the monotonic clock."""

    started_s: float
    ended_s: float

    @property
    def seconds(self) -> float:
        """Return its length."""
        return self.ended_s - self.started_s


@dataclass(frozen=True)
class Account:
    """Figures of one fault, done so many times.

    Attributes
    ----------
    requests, failed : int
        All of the load, and those without the answer that was asked for.
    failed_reads, failed_submissions : int
        Of these, those that only read (pages, callbacks, documents), and POST /runs.
    doubled : int
        Submissions that were done twice.
    lost : int
        Runs that were accepted and could not be opened afterwards.
    errors : dict
        How often each kind of failure was seen.
    silences_s : list of float
        For each time the longest time without any good answer.
    recoveries_s : list of float
        For each time how long until everything was well again.
    slowest_s : float
        The slowest good answer.
    """

    times: int
    requests: int
    failed: int
    failed_reads: int
    failed_submissions: int
    doubled: int
    lost: int
    errors: dict[str, int] = field(default_factory=dict)
    silences_s: list[float] = field(default_factory=list)
    recoveries_s: list[float] = field(default_factory=list)
    slowest_s: float = 0.0

    @property
    def median_silence_s(self) -> float:
        """Return the median over the times, 0 without any."""
        return statistics.median(self.silences_s) if self.silences_s else 0.0

    @property
    def worst_silence_s(self) -> float:
        """Return the worst of the times, 0 without any."""
        return max(self.silences_s, default=0.0)


def read_records(file: Path) -> list[Record]:
    """Return the records in a file, by the time at which they began."""
    records = [Record(**json.loads(line)) for line in file.read_text().splitlines()]
    return sorted(records, key=lambda record: record.started_s)


def account(records: Sequence[Record], spans: Sequence[Span], n_lost: int = 0) -> Account:
    """Judge a load with the faults within it.

    Parameters
    ----------
    records : sequence of Record
        All requests.
    spans : sequence of Span
        One for each time that the fault was done.
    n_lost : int
        Runs that were accepted and could not be opened afterwards.

    Raises
    ------
    ValueError
        If the load did not begin before the first fault and end after the last one: then nothing
        was proven.
    """
    require_outlasting(records, spans)
    failed = [record for record in records if record.error]
    submissions = [record for record in failed if record.kind.startswith("post")]
    good = [record for record in records if not record.error]
    return Account(
        times=len(spans),
        requests=len(records),
        failed=len(failed),
        failed_reads=len(failed) - len(submissions),
        failed_submissions=len(submissions),
        doubled=found_by_surprise(records),
        lost=n_lost,
        errors=dict(Counter(f"{record.kind}: {record.error}" for record in failed)),
        silences_s=[longest_silence(good, span) for span in spans],
        recoveries_s=[span.seconds for span in spans],
        slowest_s=max((r.ended_s - r.started_s for r in good), default=0.0),
    )


def require_outlasting(records: Sequence[Record], spans: Sequence[Span]) -> None:
    """Refuse a load that did not outlast its faults."""
    if not records or not spans:
        raise ValueError(f"Expected requests and faults, had {len(records)} and {len(spans)}.")
    began, ended = min(r.ended_s for r in records), max(r.started_s for r in records)
    if began > spans[0].started_s or ended < spans[-1].ended_s:
        raise ValueError(
            f"The load lasted from {began:.1f} to {ended:.1f} s, the faults from "
            f"{spans[0].started_s:.1f} to {spans[-1].ended_s:.1f} s: it has to outlast them."
        )


def found_by_surprise(records: Iterable[Record]) -> int:
    """Return how many new submissions found their run there already.

    Nobody else asks for that content and no visitor asks twice, so 200 instead of 201 means that
    the request was sent on twice and done twice.
    """
    return sum(1 for r in records if r.kind == "post new" and not r.error and r.status == 200)


def longest_silence(good: Iterable[Record], span: Span) -> float:
    """Return the longest time within a span in which no good answer ended."""
    moments = sorted(r.ended_s for r in good if span.started_s <= r.ended_s <= span.ended_s)
    edges = [span.started_s, *moments, span.ended_s]
    return max(later - earlier for earlier, later in itertools.pairwise(edges))
