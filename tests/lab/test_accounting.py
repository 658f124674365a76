"""Failed, doubled, silent: what is made of the visitors' records, by hand."""

import json
from dataclasses import asdict

import pytest

from tests.lab.accounting import (
    Record,
    Span,
    account,
    found_by_surprise,
    longest_silence,
    read_records,
)


def got(ended_s, *, kind="api", status=200, error="", lasted_s=0.1, run=""):
    return Record(kind, "GET", ended_s - lasted_s, ended_s, status, error, run)


def test_failures_are_counted_by_what_they_were():
    records = [
        got(0.5),
        got(1.0, kind="page", status=503, error="status 503"),
        got(1.5, kind="post new", status=0, error="ReadError"),
        got(2.0, kind="page", status=503, error="status 503"),
        got(9.0, lasted_s=0.5),
    ]

    found = account(records, [Span(0.8, 3.0)], n_lost=1)

    assert (found.times, found.requests, found.failed) == (1, 5, 3)
    assert (found.failed_reads, found.failed_submissions, found.lost) == (2, 1, 1)
    assert found.errors == {"page: status 503": 2, "post new: ReadError": 1}
    assert found.slowest_s == pytest.approx(0.5)
    assert found.recoveries_s == [pytest.approx(2.2)]


@pytest.mark.parametrize(
    ("moments", "longest"),
    [
        # From 10 to 20: gaps 1, 4, 5.
        ([11.0, 15.0], 5.0),
        # Nothing good at all.
        ([], 10.0),
        # What ended outside does not count: gaps 9, 1.
        ([9.9, 19.0, 20.1], 9.0),
        ([10.0, 12.5, 15.0, 17.5, 20.0], 2.5),
    ],
)
def test_silence_is_the_longest_gap_between_good_answers_within_a_span(moments, longest):
    good = [got(moment) for moment in moments]

    assert longest_silence(good, Span(10.0, 20.0)) == pytest.approx(longest)


def test_a_bad_answer_does_not_break_the_silence():
    records = [got(0.0), got(1.0), got(5.0, error="status 502"), got(9.0), got(11.0)]

    assert account(records, [Span(0.5, 10.0)]).worst_silence_s == pytest.approx(8.0)


def test_a_new_run_that_was_there_already_was_done_twice():
    records = [
        got(1.0, kind="post new", status=201),
        got(2.0, kind="post new", status=200),
        got(3.0, kind="post same", status=200),
        got(4.0, kind="post new", status=503, error="status 503"),
    ]

    assert found_by_surprise(records) == 1


@pytest.mark.parametrize(
    "span", [Span(0.2, 3.0), Span(2.0, 9.5)], ids=["begins too late", "ends too early"]
)
def test_a_load_that_does_not_outlast_its_faults_proves_nothing(span):
    with pytest.raises(ValueError, match="has to outlast them"):
        account([got(0.5), got(9.0)], [span])


def test_no_requests_prove_nothing():
    with pytest.raises(ValueError, match="had 0 and 1"):
        account([], [Span(0.0, 1.0)])


def test_records_come_back_from_their_file_in_order(tmp_path):
    file = tmp_path / "records.jsonl"
    late, early = got(9.0, run="abc"), got(1.0)
    file.write_text("".join(json.dumps(asdict(record)) + "\n" for record in (late, early)))

    assert read_records(file) == [early, late]
