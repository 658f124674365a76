"""The table says what was counted, and a goal is met only when it is."""

import json

import pytest

from tests.lab.accounting import Account
from tests.lab.report import FaultRow, Report, fault_line


def counted(**differing):
    figures = {
        "times": 2,
        "requests": 1234,
        "failed": 0,
        "failed_reads": 0,
        "failed_submissions": 0,
        "doubled": 0,
        "lost": 0,
        "silences_s": [0.25, 1.0],
        "recoveries_s": [3.0, 5.0],
        "slowest_s": 0.75,
    }
    return Account(**{**figures, **differing})


@pytest.mark.parametrize(
    ("goal", "figures", "is_met"),
    [
        ((0, None), {}, True),
        ((0, None), {"failed": 1, "failed_reads": 1}, False),
        # Twice, two each: four may fail, but nothing that only reads.
        ((2, None), {"failed": 4, "failed_submissions": 4}, True),
        ((2, None), {"failed": 5, "failed_submissions": 5}, False),
        ((2, None), {"failed": 1, "failed_reads": 1}, False),
        ((None, 2.0), {"failed": 9, "failed_reads": 9, "silences_s": [1.8, 1.9, 7.0]}, True),
        ((None, 2.0), {"silences_s": [2.1, 2.2, 2.3]}, False),
        ((None, None), {"failed": 9, "failed_reads": 9}, None),
        ((None, None), {"doubled": 1}, False),
        ((0, None), {"lost": 1}, False),
    ],
)
def test_goals(goal, figures, is_met):
    assert FaultRow("a fault", counted(**figures), *goal).is_met is is_met


def test_a_line_has_every_figure():
    line = fault_line(FaultRow("deploy", counted(), 0, None))

    assert line == (
        "| deploy | 2 | 1,234 | 0 | 0 | 0 | 0 | 0.6 s | 1.0 s | 4.0 s | 5.0 s | 0.8 s "
        "| 0 failed | yes |"
    )


def test_the_report_is_written_to_read_and_to_compare(tmp_path):
    report = Report("lab", facts={"second run changed": "0"}, exposures={"hindcast-worker": 1.2})
    failed = counted(failed=1, failed_submissions=1, errors={"post new: status 502": 1})
    report.faults.append(FaultRow("SIGKILL of an API", failed, 2, None))

    report.write(tmp_path)

    text = (tmp_path / "lab-report-lab.md").read_text()
    assert "| second run changed | 0 |" in text
    assert "| hindcast-worker | 1.2 |" in text
    assert "- SIGKILL of an API: post new: status 502 (1)" in text
    document = json.loads((tmp_path / "lab-report-lab.json").read_text())
    assert document["faults"][0]["account"]["requests"] == 1234
    assert document["faults"][0]["is_met"] is True
