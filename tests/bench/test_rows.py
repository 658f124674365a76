"""The bench measures what it says: rows at tiny sizes check their results against the reference."""

import importlib
import json
import math

import pytest

from tests.bench import growth
from tests.bench.curves import Curve, Point
from tests.bench.measure import row, unmeasured
from tests.bench.reference import has_compiler
from tests.bench.report import Report, document, markdown, write

IN_C = ("p1_daily_sweep", "p2_minute_sweep", "p4_event_engine", "p5_sweep_with_exits")
IN_PYTHON = ("p6_rotation", "p13_memory")


@pytest.mark.skipif(not has_compiler(), reason="gcc is not installed")
@pytest.mark.parametrize("module", IN_C)
def test_row_against_c_does_the_same_work(module):
    _check(module)


@pytest.mark.parametrize("module", IN_PYTHON)
def test_row_against_python_does_the_same_work(module):
    _check(module)


def _check(module):
    for found in importlib.import_module(f"tests.bench.{module}").measure("tiny"):
        assert found.note or math.isfinite(found.ratio), found


def test_curves_grow():
    for curve in growth.curves("tiny"):
        assert len(curve.points) > 1
        assert curve.table().count("\n") == len(curve.points) + 3


def test_report_says_what_was_missed_and_what_could_not_be_measured(tmp_path):
    half = row("A", work="w", ours=[1.0, 2.0, 3.0], reference="r", other=[4.0], target=0.1)
    none = unmeasured("B", work="w", reference="r", target=0.1, why="no network")
    report = Report(scale="tiny", rows=[half, none])
    report.curves.append(Curve("bars", "work", (Point(10, 1.0), Point(100, 20.0))))

    text = markdown(report)
    found = document(report)

    assert half.ratio == 0.5
    assert "Missed: A." in text
    assert "no network" in text
    assert "1.30" in text  # log10(20)
    assert found["rows"][0]["is_met"] is False
    assert found["rows"][1]["ratio"] is None
    assert json.dumps(found, allow_nan=False)

    write(report, tmp_path / "out")

    assert (tmp_path / "out" / "bars.png").read_bytes()[:4] == b"\x89PNG"
    assert json.loads((tmp_path / "out" / "report.json").read_text())["rows"] == found["rows"]
    assert (tmp_path / "out" / "report.md").read_text() == text
