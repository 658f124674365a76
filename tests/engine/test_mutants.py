"""The list of mutants stays true to the code: each stands where it says, for every rule."""

from pathlib import Path

import pytest

from tests.engine.mutations.mutants import MUTANTS

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: f"{m.rule} {m.text.strip()[:40]}")
def test_mutant_has_one_place_and_tests_that_exist(mutant):
    assert (ROOT / mutant.file).read_text().count(mutant.text) == 1
    assert mutant.text != mutant.fault
    for name in mutant.tests.split():
        assert (ROOT / name).is_file()


def test_every_rule_is_broken_at_least_once():
    rules = {mutant.rule for mutant in MUTANTS}

    assert {f"F{n}" for n in range(1, 19)} | {f"M{n}" for n in range(1, 13)} <= rules
