"""M11 and M12 against the published numbers, naive twins, and what luck must look like."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InvalidParameterError
from engine.metrics.ratios import significance_metrics
from engine.significance import (
    cscv_logits,
    deflated_sharpe_ratio,
    expected_maximum_sharpe,
    minimum_track_record_length,
    probabilistic_sharpe_ratio,
    probability_of_backtest_overfitting,
)
from tests.engine import naive_significance as naive

# M11 -----------------------------------------------------------------------------------------


def test_m11_psr_of_the_hedge_fund_of_the_paper():
    # Bailey & López de Prado (2012): 24 months, Sharpe ratio 0.458 a month, skew −2.448,
    # kurtosis 10.164: PSR(0) is 91.3 %, and 98.2 % if the returns were normal.
    assert probabilistic_sharpe_ratio(0.458, 24, skew=-2.448, kurtosis=10.164) == pytest.approx(
        0.913, abs=5e-4
    )
    assert probabilistic_sharpe_ratio(0.458, 24) == pytest.approx(0.982, abs=5e-4)


@pytest.mark.parametrize(("periods", "years"), [(252, 2.73), (52, 2.83), (12, 3.24)])
def test_m11_track_record_that_tells_a_sharpe_of_two_from_one(periods, years):
    # The same paper: 2.73 years of daily, 2.83 of weekly, 3.24 of monthly normal returns make a
    # Sharpe ratio of 2 a year significantly (95 %) higher than 1.
    root = math.sqrt(periods)

    length = minimum_track_record_length(2 / root, benchmark=1 / root)

    assert length / periods == pytest.approx(years, abs=5e-3)


def test_m11_dsr_of_the_example_of_the_paper():
    # Bailey & López de Prado (2014): five years of 250 days, Sharpe ratio 2.5 a year, skew −3,
    # kurtosis 10; the Sharpe ratios of the trials have the variance 1/2 a year. 100 trials: the
    # best is expected at 0.1132 a day, DSR 0.9004. 46 trials, or 88 with normal returns: 0.9505.
    sharpe, variance = 2.5 / math.sqrt(250), 0.5 / 250
    shape = {"skew": -3.0, "kurtosis": 10.0}

    assert expected_maximum_sharpe(100, variance) == pytest.approx(0.1132, abs=5e-5)
    for trials, moments, expected in ((100, shape, 0.9004), (46, shape, 0.9505), (88, {}, 0.9505)):
        found = deflated_sharpe_ratio(
            sharpe, 1250, n_trials=trials, trial_variance=variance, **moments
        )
        assert found == pytest.approx(expected, abs=5e-5)


def test_m11_one_trial_is_not_deflated():
    record = {"skew": -1.0, "kurtosis": 5.0}

    dsr = deflated_sharpe_ratio(0.1, 500, n_trials=1, trial_variance=0.3, **record)

    assert dsr == probabilistic_sharpe_ratio(0.1, 500, **record)


def test_m11_more_trials_deflate_more():
    found = [
        deflated_sharpe_ratio(0.1, 500, n_trials=n, trial_variance=0.001) for n in (1, 2, 10, 1000)
    ]

    assert found == sorted(found, reverse=True)
    assert found[0] > 0.98 > 0.6 > found[-1]


def test_m11_expected_maximum_is_that_of_random_trials():
    # 50 normal Sharpe ratios at a time, 20,000 times: the mean maximum has a standard error of
    # about 0.5 / √20,000 = 0.0033; the formula is an approximation good to about 1 %.
    draws = np.random.default_rng(3).normal(0.0, 0.5, (20_000, 50)).max(axis=1)

    assert expected_maximum_sharpe(50, 0.25) == pytest.approx(draws.mean(), rel=0.015)


def test_m11_at_the_track_record_length_the_probability_is_the_confidence():
    record = {"skew": -0.5, "kurtosis": 6.0, "benchmark": 0.02}

    length = minimum_track_record_length(0.1, confidence=0.9, **record)

    # √(n − 1) is all that changes: at n = length exactly 90 %, between two whole numbers.
    below = probabilistic_sharpe_ratio(0.1, math.floor(length), **record)
    above = probabilistic_sharpe_ratio(0.1, math.ceil(length), **record)
    assert below < 0.9 <= above


def test_m11_no_record_is_enough_for_what_is_not_better():
    assert minimum_track_record_length(0.0) is None
    assert minimum_track_record_length(-0.1) is None
    assert minimum_track_record_length(0.1, benchmark=0.1) is None


def test_m11_moments_that_no_returns_have_give_none():
    # 1 − 3 · 1 + (1 − 1)/4 < 0: kurtosis is never below skew² + 1.
    assert probabilistic_sharpe_ratio(1.0, 100, skew=3.0, kurtosis=1.0) is None
    assert minimum_track_record_length(1.0, skew=3.0, kurtosis=1.0) is None
    assert probabilistic_sharpe_ratio(1.0, 1) is None


@pytest.mark.parametrize(("trials", "variance", "field"), [(0, 1.0, "n_trials"), (5, -1.0, "tri")])
def test_m11_impossible_trials_are_refused(trials, variance, field):
    with pytest.raises(InvalidParameterError, match=f"Expected {field}"):
        expected_maximum_sharpe(trials, variance)


def test_m11_of_a_run_takes_excess_returns_and_raw_kurtosis():
    # r = 0, 2 %; rate 0: s = 1 / √2, no skew, kurtosis 1: spread 1 and PSR = Φ(s · √1).
    found = significance_metrics(np.array([0.0, 0.02]), 0.0)

    assert found["psr"] == pytest.approx((1 + math.erf(0.5)) / 2)
    assert found["dsr"] == found["psr"]
    assert found["dsr_trials"] == 1
    assert found["min_track_record_length"] == pytest.approx(1 + 2 * 1.6448536269514722**2)
    # At a rate of 1 % nothing is left, so the odds are even and no record is enough.
    even = significance_metrics(np.array([0.0, 0.02]), 0.01)
    assert even["psr"] == 0.5
    assert even["min_track_record_length"] is None


# M12 -----------------------------------------------------------------------------------------


def blocks_of(returns):
    """Returns of shape (n_trials, n_blocks, n_in_block) as counts, sums and sums of squares."""
    returns = np.asarray(returns, dtype=float)
    n = np.full(returns.shape[:2], returns.shape[2])
    return n, returns.sum(axis=2), (returns**2).sum(axis=2)


def test_m12_by_hand_with_two_trials_and_two_blocks():
    # Blocks of the returns +1, +3 (Sharpe 2/√2) or −1, −3. Trial A is good then bad, B the other
    # way round: the better of either half is the worse of the other. Always: PBO = 1.
    up, down = [1.0, 3.0], [-1.0, -3.0]

    assert probability_of_backtest_overfitting(*blocks_of([[up, down], [down, up]])) == 1.0
    # When A is good throughout it is best in both: ω = 2/3, logit ln 2. PBO = 0.
    assert probability_of_backtest_overfitting(*blocks_of([[up, up], [down, down]])) == 0.0
    assert cscv_logits(*blocks_of([[up, up], [down, down]])) == pytest.approx([math.log(2)] * 2)


def test_m12_noise_is_as_often_below_the_median_as_above():
    # One experiment is strongly correlated in itself, so forty of them: the mean of forty
    # shares with deviations of at most about 0.3 has a standard error of 0.05.
    found = [
        probability_of_backtest_overfitting(
            *blocks_of(np.random.default_rng(seed).normal(0.0, 0.01, (50, 8, 30)))
        )
        for seed in range(40)
    ]

    assert np.mean(found) == pytest.approx(0.5, abs=0.12)


def test_m12_skill_is_found_again():
    returns = np.random.default_rng(1).normal(0.0, 0.01, (50, 16, 60))
    returns[7] += 0.004

    assert probability_of_backtest_overfitting(*blocks_of(returns)) < 0.01


def test_m12_what_must_be_paid_back_is_overfitted():
    # Every trial earns nothing over the whole time: what it earns in one half it loses in the
    # other, so the best of one half is among the worst of the other.
    returns = np.random.default_rng(2).normal(0.0, 0.01, (50, 16, 60))
    returns -= returns.mean(axis=(1, 2), keepdims=True)

    assert probability_of_backtest_overfitting(*blocks_of(returns)) > 0.9


def test_m12_every_split_is_counted_once():
    returns = np.random.default_rng(5).normal(0.0, 0.01, (3, 16, 5))

    assert cscv_logits(*blocks_of(returns)).size == math.comb(16, 8)


def test_m12_copies_of_one_trial_share_their_rank():
    # All the same: rank (N + 1) / 2, ω = 1/2, logit 0, which counts as no better than the median.
    one = np.random.default_rng(6).normal(0.001, 0.01, (1, 4, 10))

    logits = cscv_logits(*blocks_of(np.repeat(one, 9, axis=0)))

    assert logits == pytest.approx(np.zeros(6), abs=1e-12)


def test_m12_a_trial_that_never_traded_has_the_sharpe_ratio_zero():
    # Against a steady loser the one that stays out is best in both halves.
    flat, loser = np.zeros((4, 5)), np.random.default_rng(0).normal(-0.05, 0.01, (4, 5))

    assert probability_of_backtest_overfitting(*blocks_of([flat, loser])) == 0.0


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 6), st.sampled_from([2, 4, 6]), st.integers(0, 10_000))
def test_m12_equals_its_naive_twin(n_trials, n_blocks, seed):
    returns = np.random.default_rng(seed).normal(0.0, 0.01, (n_trials, n_blocks, 4))

    found = probability_of_backtest_overfitting(*blocks_of(returns))

    assert found == pytest.approx(naive.overfitting(returns.tolist()), abs=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.5, 4.0]))
def test_m12_does_not_depend_on_leverage_or_the_order_of_trials(seed, factor):
    returns = np.random.default_rng(seed).normal(0.0, 0.01, (7, 8, 6))

    found = probability_of_backtest_overfitting(*blocks_of(returns))

    assert probability_of_backtest_overfitting(*blocks_of(returns * factor)) == found
    assert probability_of_backtest_overfitting(*blocks_of(returns[::-1])) == found


def test_m12_blocks_shared_by_all_trials_may_be_counted_once():
    n, sums, squares = blocks_of(np.random.default_rng(4).normal(0.0, 0.01, (5, 4, 6)))

    assert probability_of_backtest_overfitting(n[0], sums, squares) == (
        probability_of_backtest_overfitting(n, sums, squares)
    )


@pytest.mark.parametrize(
    ("n", "sums", "squares", "message"),
    [
        ([1, 1], [[1.0, 1.0]], [[1.0, 1.0]], "at least 2 trials, was 1"),
        ([1, 1, 1], np.ones((2, 3)), np.ones((2, 3)), "even number of blocks.*was 3"),
        ([1, 1], np.ones((2, 2)), np.ones((2, 4)), "one shape"),
        ([1, 1, 1], np.ones((2, 2)), np.ones((2, 2)), "n_returns of the shape"),
        ([1, 1], np.full((2, 2), np.nan), np.ones((2, 2)), "finite"),
    ],
)
def test_m12_blocks_that_do_not_fit_are_refused(n, sums, squares, message):
    with pytest.raises(InvalidParameterError, match=message):
        probability_of_backtest_overfitting(n, sums, squares)
