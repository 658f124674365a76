"""How far a job is, in words."""

import pytest

from dashboard import jobs


def test_a_running_job_says_percent_count_rate_and_time_left():
    job = {"progress": 0.62, "rate": 2720.4, "eta_s": 41.2, "note": "block 12 of 40"}

    found = jobs.words(job, "running", n_done=181_933, n_total=293_440, unit="run")

    assert found == {
        "share": 0.62,
        "percent": "62\u202f%",
        "count": "181,933 of 293,440 runs",
        "rate": "2,720 a second",
        "left": "41 s left",
        "note": "block 12 of 40",
    }


def test_without_a_job_the_share_is_counted():
    found = jobs.words(None, "queued", n_done=1, n_total=4, unit="window")

    assert (found["share"], found["note"], found["rate"]) == (0.25, "waiting for a worker", "")
    assert jobs.words(None, "running", n_done=0, n_total=0, unit="run")["share"] == 0.0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (0.4, "under 1 s"),
        (1.2, "1 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (200.0, "3 min 20 s"),
        (1230.0, "20 min"),
        (7500.0, "2 h 5 min"),
        (7200.0, "2 h"),
        (864_000.0, "10 days"),
    ],
)
def test_durations(seconds, text):
    assert jobs.duration(seconds) == text


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (2720.4, "2,720 a second"),
        (1.25, "1.2 a second"),
        (0.4, "24 a minute"),
        (0.05, "3.0 a minute"),
        (0.0, ""),
    ],
)
def test_rates(rate, text):
    assert jobs.rate_text(rate) == text


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [(31e6, "31 MB"), (1.44e9, "1.4 GB"), (2500, "2.5 kB"), (12, "12 bytes"), (None, "–")],
)
def test_memory(n_bytes, text):
    assert jobs.memory(n_bytes) == text


def test_a_line_of_the_queue():
    job = {"id": 3, "kind": "sweep", "subject": "7t", "state": "running", "progress": 0.5}

    found = jobs.queue_item({**job, "rate": 10.0, "eta_s": 9.0}, {"7t": "Cross, fast × slow"})

    assert (found["title"], found["href"]) == ("Cross, fast × slow", "/sweeps/7t")
    assert (found["percent"], found["state"], found["can_cancel"]) == (
        "50\u202f%",
        "9 s left",
        True,
    )


def test_jobs_that_wait_that_stop_and_that_nobody_knows():
    analysis = {"id": 4, "kind": "analysis", "subject": "kG", "state": "queued", "progress": 0.0}
    stopping = {**analysis, "kind": "sweep", "state": "running", "cancel_requested": True}
    other = {**analysis, "kind": "tidy_up", "subject": ""}

    assert jobs.queue_item(analysis, {})["state"] == "waiting for a worker"
    assert not jobs.queue_item(analysis, {})["can_cancel"]
    assert jobs.queue_item(stopping, {})["state"] == "stopping"
    assert not jobs.queue_item(stopping, {})["can_cancel"]
    assert (jobs.queue_item(other, {})["title"], jobs.queue_item(other, {})["href"]) == (
        "Tidy up",
        "",
    )
