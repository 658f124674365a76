"""Windows and folds: by hand, by their properties, and the figures of the book."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InvalidParameterError
from engine.walkforward.splits import combinatorial_splits, paths, windows


def bars_of(spans):
    return [i for span in spans for i in range(span.begin, span.end)]


def test_rolling_windows_by_hand():
    found = windows(23, 10, 5)

    assert [tuple(split.train[0]) for split in found] == [(0, 10), (5, 15), (10, 20)]
    assert [tuple(split.test[0]) for split in found] == [(10, 15), (15, 20), (20, 23)]
    assert [split.is_short for split in found] == [False, False, True]


def test_anchored_windows_grow_from_the_first_bar():
    found = windows(20, 10, 5, anchored=True)

    assert [tuple(split.train[0]) for split in found] == [(0, 10), (0, 15)]
    assert [split.is_short for split in found] == [False, False]


@given(st.integers(3, 200), st.integers(2, 60), st.integers(1, 60), st.booleans())
def test_every_bar_behind_the_first_window_is_traded_once(n_bars, in_sample, out, anchored):
    if in_sample + out > n_bars:
        with pytest.raises(InvalidParameterError, match="The first window needs"):
            windows(n_bars, in_sample, out, anchored)
        return

    found = windows(n_bars, in_sample, out, anchored)

    assert bars_of(split.test[0] for split in found) == list(range(in_sample, n_bars))
    for split in found:
        assert split.train[0].end == split.test[0].begin
        assert split.train[0].n_bars == in_sample + (split.i * out if anchored else 0)


@pytest.mark.parametrize(
    ("n_bars", "windows_of", "field", "message"),
    [
        (100, (80, 21), "in_sample", "80 \\+ 21 bars and the run has 100"),
        (100, (1, 21), "in_sample", "in_sample ≥ 2, was 1"),
        (100, (50, 0), "out_of_sample", "out_of_sample ≥ 1, was 0"),
        (5000, (1000, 3), "out_of_sample", "1,334 windows.*take out_of_sample ≥ 4"),
    ],
)
def test_windows_that_do_not_fit_are_refused(n_bars, windows_of, field, message):
    with pytest.raises(InvalidParameterError, match=message) as caught:
        windows(n_bars, *windows_of)

    assert caught.value.field == field


# Folds -----------------------------------------------------------------------------------------


def test_purge_and_embargo_by_hand():
    # 20 bars in five folds of four; the second is tested. Purge 1: bar 3 goes before it, bar 8
    # behind it; embargo 2: bars 9 and 10 as well.
    split = combinatorial_splits(20, 5, 1, purge=1, embargo=2)[1]

    assert bars_of(split.test) == [4, 5, 6, 7]
    assert bars_of(split.train) == [0, 1, 2, *range(11, 20)]


def test_nothing_is_purged_at_the_ends_of_the_run():
    first, *_, last = combinatorial_splits(20, 5, 1, purge=1, embargo=2)

    assert bars_of(first.train) == list(range(7, 20))
    assert bars_of(last.train) == list(range(15))


def test_test_folds_side_by_side_are_purged_around_both_and_stay_two():
    split = combinatorial_splits(12, 4, 2, purge=1)[3]

    assert split.folds == (1, 2)
    assert [tuple(span) for span in split.test] == [(3, 6), (6, 9)]
    assert bars_of(split.train) == [0, 1, 10, 11]


def test_a_fold_that_purging_leaves_too_short_is_left_out():
    # Between the test folds 1 and 3 the second keeps one bar of three: not a return.
    split = combinatorial_splits(12, 4, 2, purge=1)[1]

    assert split.folds == (0, 2)
    assert bars_of(split.train) == [10, 11]


def test_folds_are_as_equal_as_possible():
    sizes = [split.test[0].n_bars for split in combinatorial_splits(23, 5, 1)]

    assert (sum(sizes), min(sizes), max(sizes)) == (23, 4, 5)


@settings(max_examples=80)
@given(
    st.integers(2, 8), st.integers(1, 7), st.integers(0, 4), st.integers(0, 4), st.integers(0, 60)
)
def test_what_chooses_is_never_near_what_is_traded(n_folds, n_test, purge, embargo, extra):
    n_test = min(n_test, n_folds - 1)
    n_bars = n_folds * (2 * purge + embargo + 2) + extra

    found = combinatorial_splits(n_bars, n_folds, n_test, purge=purge, embargo=embargo)

    assert len(found) == math.comb(n_folds, n_test)
    for split in found:
        test, train = set(bars_of(split.test)), set(bars_of(split.train))
        near = {i + d for i in test for d in range(-purge, purge + embargo + 1)}
        # All that is far enough chooses: every training span is long enough by construction.
        assert train == set(range(n_bars)) - near


@pytest.mark.parametrize(("n_folds", "n_test"), [(6, 2), (5, 1), (8, 3), (4, 3), (10, 2)])
def test_paths_use_every_tested_fold_once(n_folds, n_test):
    found = paths(n_folds, n_test)
    splits = combinatorial_splits(40, n_folds, n_test)

    # φ = C(N, k) · k / N; the book's figure 12.1: N = 6, k = 2 make 15 splits and 5 paths.
    n_paths = math.comb(n_folds, n_test) * n_test // n_folds
    assert found.shape == (n_paths, n_folds)
    used = {(int(split), fold) for path in found for fold, split in enumerate(path)}
    assert len(used) == n_paths * n_folds
    assert used == {(split.i, fold) for split in splits for fold in split.folds}
    assert (paths(6, 2).shape[0], len(combinatorial_splits(40, 6, 2))) == (5, 15)


def test_k_fold_has_one_path():
    np.testing.assert_array_equal(paths(5, 1), [[0, 1, 2, 3, 4]])


@pytest.mark.parametrize(
    ("arguments", "options", "field", "message"),
    [
        ((40, 4, 4), {}, "n_test_folds", "was 4 of 4"),
        ((40, 4, 0), {}, "n_test_folds", "was 0 of 4"),
        ((40, 4, 1), {"purge": -1}, "purge", "purge ≥ 0, was -1"),
        ((7, 4, 1), {}, "n_folds", "more than the run's 7"),
        ((40, 20, 3), {}, "n_folds", "1,140 ways"),
        ((12, 3, 2), {"purge": 2}, "purge", "nothing is left to choose by beside .* 1, 3 of 3"),
    ],
)
def test_folds_that_do_not_fit_are_refused(arguments, options, field, message):
    with pytest.raises(InvalidParameterError, match=message) as caught:
        combinatorial_splits(*arguments, **options)

    assert caught.value.field == field
