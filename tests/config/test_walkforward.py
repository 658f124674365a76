"""How out-of-sample bars are asked for, and what is refused."""

import pytest
from pydantic import ValidationError

from config.sweep import WalkForwardConfig

SWEEP = {
    "run": {"symbols": ["A"], "strategy": {"name": "sma_cross"}},
    "axes": {"fast": "2..10"},
}


def asked(**fields):
    return WalkForwardConfig.model_validate({**SWEEP, **fields})


def test_windows_are_counted_in_bars_and_roll_unless_anchored():
    config = asked(in_sample=504, out_of_sample=126)

    assert (config.method, config.anchored) == ("walk_forward", False)
    assert (config.in_sample, config.out_of_sample) == (504, 126)


def test_k_fold_tests_one_part_at_a_time_and_the_combinations_two():
    assert asked(method="kfold").n_test_folds == 1
    assert asked(method="kfold", n_test_folds=1) == asked(method="kfold")
    assert asked(method="cpcv").n_test_folds == 2


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "Expected `in_sample`"),
        ({"in_sample": 504}, "Expected `out_of_sample`"),
        ({"in_sample": 1, "out_of_sample": 5}, "greater than or equal to 2"),
        ({"in_sample": 5, "out_of_sample": 0}, "greater than or equal to 1"),
        ({"method": "kfold", "in_sample": 504}, "`in_sample` belongs to walk_forward"),
        ({"method": "cpcv", "out_of_sample": 9}, "`out_of_sample` belongs to walk_forward"),
        ({"method": "kfold", "n_test_folds": 2}, "Expected n_test_folds ≤ 1"),
        ({"method": "cpcv", "n_folds": 4, "n_test_folds": 4}, "Expected n_test_folds ≤ 3"),
        ({"method": "kfold", "purge": -1}, "greater than or equal to 0"),
        ({"method": "rolling"}, "'walk_forward', 'kfold' or 'cpcv'"),
    ],
)
def test_what_does_not_fit_is_refused(fields, message):
    with pytest.raises(ValidationError, match=message):
        asked(**fields)
