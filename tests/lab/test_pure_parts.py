"""The image's name, what the playbooks and systemd said, and what the visitors ask for."""

import itertools
import subprocess
from pathlib import Path

import httpx
import pytest

from config.run import RunConfig
from tests.components import require_program
from tests.lab import hosts, image, inputs, load
from tests.lab.certificates import Authority
from tests.lab.controller import Played, read_recap
from tests.lab.site import servers_not_up, units_not_running

RECAP = """
PLAY RECAP *********************************************************************
a1                         : ok=41   changed=3    unreachable=0    failed=0    skipped=7
b1                         : ok=30   changed=0    unreachable=1    failed=0    skipped=2
"""
STATISTICS = """# pxname,svname,status,type
public,FRONTEND,OPEN,0
apis,dataapi-1,UP 1/2,2
apis,dataapi-2,{state},2
apis,BACKEND,UP,1
"""
UNITS = """hindcast-dashboard@8051.service loaded active running Pages
postgresql@15-main.service loaded active running PostgreSQL
hindcast-worker@1.service loaded activating {state} Jobs
"""


def test_an_image_is_named_by_everything_that_decides_what_is_in_it():
    name = image.name_of(image.recipe())

    assert name == image.name_of(image.recipe(tuple(reversed(image.PACKAGES))))
    assert name != image.name_of(image.recipe((*image.PACKAGES, "nano")))
    assert name != image.name_of({**image.recipe(), "suite": "trixie"})


def test_the_recap_is_read_by_host():
    recap = read_recap("TASK [x : changed=9] ***\n" + RECAP)

    assert recap["a1"] == {"ok": 41, "changed": 3, "unreachable": 0, "failed": 0, "skipped": 7}
    assert recap["b1"]["unreachable"] == 1
    assert set(recap) == {"a1", "b1"}


def test_without_a_recap_there_are_no_hosts():
    assert read_recap("ERROR! the playbook could not be found\n") == {}


@pytest.mark.parametrize(
    ("state", "said"),
    [("UP", ""), ("no check", ""), ("DOWN 1/2", "DOWN 1/2"), ("NOLB", "NOLB"), ("DRAIN", "DRAIN")],
)
def test_a_server_that_takes_no_requests_is_found(state, said):
    expected = f"server apis/dataapi-2 is {said}" if said else ""

    assert servers_not_up(STATISTICS.format(state=state)) == expected


@pytest.mark.parametrize(
    ("state", "said"),
    [("running", ""), ("auto-restart", "hindcast-worker@1.service is auto-restart")],
)
def test_a_unit_that_does_not_run_is_found(state, said):
    assert units_not_running(UNITS.format(state=state)) == said


def test_each_new_submission_is_a_valid_run_of_its_own():
    plan = load.Plan("https://site", "", ["run1"], ["127.0.0.1"], 1.0, mark=3)
    asked = [
        visit.body
        for visitor in (1, 2)
        for visit in itertools.islice(load.visits("post new", plan, visitor), 50)
    ]

    cash = {RunConfig.model_validate(body).cash for body in asked}

    assert len(cash) == 100


def test_the_plan_is_the_same_after_its_file(tmp_path):
    plan = load.Plan("https://site", "ca.pem", ["run1"], ["10.77.0.200"], 60.0, mark=1)

    load.write_plan(plan, tmp_path / "plan.json")

    assert load.read_plan(tmp_path / "plan.json") == plan


@pytest.mark.parametrize(
    ("judge", "status", "text", "wrong"),
    [
        (load.judge_page, 200, "<html></html>\n", ""),
        (load.judge_page, 200, "<html>", "not a whole page"),
        (load.judge_page, 503, "", "status 503"),
        (load.judge_callback, 200, '{"response": {}}', ""),
        (load.judge_callback, 200, '"Run did not load"', "the page says that it did not load"),
        (load.judge_run, 201, '{"id": "abc"}', ""),
        (load.judge_run, 429, "{}", "status 429"),
        (load.judge_json, 200, "{}", "an empty document"),
    ],
)
def test_an_answer_counts_only_when_it_is_what_was_asked_for(judge, status, text, wrong):
    assert judge(httpx.Response(status, text=text)) == wrong


def test_certificates_are_signed_by_the_lab_and_can_have_expired(tmp_path):
    require_program("openssl", "openssl")
    authority = Authority(tmp_path / "authority")
    authority.create()
    names = ["DNS:hindcast.lab", "IP:10.77.0.20"]

    def verified(file):
        command = ["openssl", "verify", "-CAfile", str(authority.certificate), str(file)]
        return subprocess.run(command, capture_output=True, text=True)

    assert verified(authority.sign("good", names)).returncode == 0
    assert (
        "certificate has expired" in verified(authority.sign("old", names, has_expired=True)).stderr
    )


def test_a_guest_is_found_by_its_exact_name(tmp_path):
    process = tmp_path / "42"
    process.mkdir()
    words = ("/usr/bin/systemd-nspawn", "--boot", "--machine=hindcast-lab-b1", "")
    (process / "cmdline").write_text("\0".join(words))

    assert hosts._is_nspawn(process, "hindcast-lab-b1")
    assert hosts._is_nspawn(process, "hindcast-lab-")
    assert not hosts._is_nspawn(process, "hindcast-lab-b")
    assert not hosts._is_nspawn(process, "hindcast-lab2-")
    assert not hosts._is_nspawn(Path("/proc/self"), "hindcast-lab-")


@pytest.mark.parametrize(
    "output",
    [
        "fatal: [p1]: FAILED! =>\n    msg: Nothing was restored\n",
        "fatal: [p1]: FAILED! =>\n    msg: 'Nothing was restored'\n",
        "    msg: non-zero\nfatal: [p1]\n    msg: |-\n        Nothing was restored\n        more\n",
        "fatal: [p1]: FAILED! =>\n    msg: >-\n        Nothing was restored\n",
    ],
    ids=["plain", "quoted", "lines", "folded"],
)
def test_the_last_words_of_a_failed_playbook_are_found(output):
    assert inputs.said(Played("restore.yml", 2, output, 0.0, 1.0)) == "Nothing was restored"
