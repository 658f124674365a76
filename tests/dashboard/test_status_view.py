"""What the status page says: the gravest thing first, in words."""

from datetime import UTC, datetime, timedelta

import pytest

from dashboard.figures.status import hours_figure
from dashboard.pages.status import view

NOW = datetime(2026, 5, 6, 12, 0, tzinfo=UTC)


def process(name="h:8051", part="dashboard", version="1.2.0", *, is_present=True):
    return {
        "name": name,
        "part": part,
        "version": version,
        "started": "2026-05-06T09:00:00Z",
        "seen": "2026-05-06T11:56:00Z",
        "is_present": is_present,
    }


def figure(kind="sweep", waiting=0, running=0, abandoned=0, oldest_s=0.0):
    return {
        "kind": kind,
        "waiting": waiting,
        "running": running,
        "abandoned": abandoned,
        "oldest_s": oldest_s,
    }


def status(**changes):
    return {
        "version": "1.2.0",
        "engine_version": "1.2.0+0123abcd",
        "processes": [
            process(),
            process("h:8061", "dataapi"),
            process("h:8071", "worker"),
        ],
        "queue": [figure("analysis"), figure("sweep")],
        "store": {"kind": "sqlite", "size": 3_200_000, "series": 4, "runs": 1234},
        "disk": {"free": 40e9, "total": 100e9},
        "cache": {"bars": 500_000, "limit": 1e9, "hits": 3, "misses": 1},
        **changes,
    }


@pytest.mark.parametrize(
    ("changes", "level", "words"),
    [
        ({}, "pass", "Everything is there"),
        ({"disk": {"free": 5e9, "total": 100e9}}, "fail", "Only 5\u202f% of the disk"),
        (
            {"processes": [process()], "queue": [figure(waiting=2, oldest_s=5.0)]},
            "fail",
            "No worker is there, and 2 jobs wait",
        ),
        ({"processes": [process()]}, "doubt", "No worker is there: runs get no analysis"),
        (
            {"processes": [process("h:8071", "worker"), process("g:8061", is_present=False)]},
            "doubt",
            "Not heard of for a minute: g:8061",
        ),
        (
            {"processes": [process("h:8071", "worker"), process(version="1.3.0")]},
            "doubt",
            "2 versions run side by side",
        ),
        ({"queue": [figure(waiting=1, oldest_s=720.0)]}, "doubt", "has waited 12 min"),
    ],
)
def test_the_gravest_thing_is_said_first(changes, level, words):
    said = view.verdict(status(**changes))

    assert said.level == level
    assert words in said.text


def test_a_process_says_what_it_is_for_and_since_when():
    gone = process("g:8061", "dataapi", is_present=False)
    here, absent = view.processes(status(processes=[process(), gone]), NOW)

    assert (here.part, here.since, here.state, here.level) == ("Pages", "3 h", "there", "pass")
    assert (absent.state, absent.level) == ("last seen 4 min ago", "doubt")


def test_a_process_that_has_just_started_says_for_how_many_seconds():
    started = (NOW - timedelta(seconds=40)).isoformat()
    (line,) = view.processes(status(processes=[{**process(), "started": started}]), NOW)

    assert line.since == "40 s"


def test_a_process_of_another_version_stands_out():
    lines = view.processes(
        status(processes=[process(), process("a"), process("b", version="2")]), NOW
    )

    assert [line.level for line in lines] == ["pass", "pass", "doubt"]


def test_the_queue_counts_what_a_dead_worker_left_as_waiting():
    left = figure("sweep", waiting=1, running=2, abandoned=1, oldest_s=40.0)
    (line,) = view.queue(status(queue=[left]))

    assert line == view.Waiting("Sweeps", "2", "2", "40 s", "doubt")


def test_the_tiles_are_words_and_figures():
    tiles = {label: (value, below) for label, value, below in view.tiles(status())}

    assert tiles["Store"] == ("3.2 MB", "one file (SQLite)")
    assert tiles["Disk free"] == ("40.0 GB", "of 100.0 GB")
    assert tiles["Runs"] == ("1,234", "on 4 series")
    # 3 of 4 reads.
    assert tiles["Prices in memory"] == ("500 kB", "75\u202f% of reads from there")


@pytest.mark.parametrize(
    ("free", "below"),
    [
        ({}, "one file (SQLite)"),
        ({"free": 300_000}, "one file (SQLite)"),
        ({"free": 1_600_000}, "one file (SQLite), 1.6 MB of it free: prune"),
    ],
)
def test_room_in_the_store_is_said_when_it_is_a_tenth(free, below):
    store = {"kind": "sqlite", "size": 3_200_000, "series": 4, "runs": 1234, **free}
    tiles = {label: line for label, _, line in view.tiles(status(store=store))}

    assert tiles["Store"] == below


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0, "0 s"), (90.0, "90 s"), (150.0, "2 min"), (7200.0, "2 h")]
)
def test_durations(seconds, text):
    assert view.duration(seconds) == text


def test_the_running_hour_is_pale():
    hours = [f"2026-05-06T{hour:02}:00:00Z" for hour in range(3)]
    figure = hours_figure(view.hour_texts(hours), [0, 5, 2], "runs", "dark")
    colours = figure["data"][0]["marker"]["color"]

    assert figure["data"][0]["hovertext"][1] == "01:00 UTC: 5 runs"
    assert colours[0] == colours[1] != colours[2]
