"""Confidence intervals: the draws, the block length, the metrics of a draw, and their coverage."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InvalidParameterError
from engine.metrics import Conventions, curve_metrics
from engine.significance import BOOTSTRAPPED, bootstrap, bootstrap_intervals, optimal_block_length
from engine.significance.bootstrap import resampled
from tests.engine import naive_significance as naive
from tests.engine.accounts import days

YEAR = {"periods_per_year": 252.0, "years": 2.0}


def normal_returns(n=500, seed=0, mean=0.0005, std=0.01):
    return np.random.default_rng(seed).normal(mean, std, n)


def moving(series, phi):
    """Return an AR(1) series of the given shocks."""
    out = np.array(series)
    for t in range(1, out.size):
        out[t] += phi * out[t - 1]
    return out


def drawn_places(n=1000, samples=200, mean_block=10.0, seed=1):
    """Return which element each drawn one is: resample the series 0, 1, 2, …"""
    tiles = resampled(np.arange(float(n)), samples=samples, mean_block=mean_block, seed=seed)
    return np.concatenate(list(tiles))


def test_blocks_go_on_with_the_next_return_and_wrap_around():
    places = drawn_places()

    goes_on = (places[:, :-1] + 1) % 1000 == places[:, 1:]

    # A block ends with the probability 1/10 at each of 199,800 steps (and by chance goes on into
    # the next one): 0.9 with a standard error of 0.0007.
    assert goes_on.mean() == pytest.approx(0.9, abs=0.004)
    assert ((places[:, :-1] == 999) & (places[:, 1:] == 0)).any()


def test_every_return_is_drawn_equally_often():
    counts = np.bincount(drawn_places().astype(int).ravel(), minlength=1000)

    # 200 expected of each; blocks of 10 make the deviation about √(200 · 19) = 62.
    assert counts.min() > 0
    assert counts.mean() == 200.0
    assert counts.max() < 200 + 5 * 62


def test_blocks_of_one_are_independent_draws():
    goes_on = np.diff(drawn_places(mean_block=1.0), axis=1) == 1.0

    assert goes_on.mean() < 0.002


def test_the_same_seed_gives_the_same_bits_whatever_the_size_of_a_tile(monkeypatch):
    returns = normal_returns()
    whole = bootstrap_intervals(returns, seed=7, samples=300, **YEAR)

    monkeypatch.setattr(bootstrap, "_CELLS", 7 * returns.size)

    assert bootstrap_intervals(returns, seed=7, samples=300, **YEAR) == whole
    other = bootstrap_intervals(returns, seed=8, samples=300, **YEAR)
    assert other["intervals"]["sharpe"] != whole["intervals"]["sharpe"]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([0.0, 0.0001]), st.integers(30, 300))
def test_a_drawn_series_is_measured_as_a_run_is(seed, rate, n):
    returns = normal_returns(n, seed)
    (row,) = next(resampled(returns, samples=1, mean_block=5.0, seed=seed))
    value = 100.0 * np.cumprod(np.concatenate(([1.0], 1.0 + row)))
    rules = Conventions(periods_per_year=252.0, risk_free_rate=(1 + rate) ** 252 - 1)

    found = bootstrap_intervals(
        returns,
        periods_per_year=252.0,
        years=n / 365.25,
        risk_free_per_period=rules.risk_free_per_period,
        seed=seed,
        samples=1,
        mean_block=5.0,
    )["intervals"]

    expected = curve_metrics(days(n + 1), value, base=100.0, rules=rules)
    for name in BOOTSTRAPPED:
        if expected[name] is None:
            assert found[name] is None
        else:
            assert found[name] == pytest.approx([expected[name]] * 2, rel=1e-9)


def test_intervals_of_independent_returns_are_as_wide_as_theory_says():
    # Lo (2002): the standard error of a Sharpe ratio a period is √((1 + s²/2) / n).
    returns = normal_returns(2000)
    s = returns.mean() / returns.std(ddof=1)

    found = bootstrap_intervals(returns, samples=4000, mean_block=1.0, **YEAR)["intervals"]

    low, high = found["sharpe"]
    width = 2 * 1.96 * math.sqrt((1 + s * s / 2) / 2000 * 252)
    assert high - low == pytest.approx(width, rel=0.06)
    assert low < s * math.sqrt(252) < high


@pytest.mark.parametrize("phi", [0.0, 0.3])
def test_intervals_hold_the_true_sharpe_ratio_about_as_often_as_they_say(phi):
    # True Sharpe ratio a period: mean 0.05/(1 − φ) over the deviation 1/√(1 − φ²). 150 series of
    # 400 returns; 95 % nominal, some less for percentile intervals of dependent returns.
    true = 0.05 / (1 - phi) * math.sqrt(1 - phi * phi) * math.sqrt(252)
    n_held = 0
    for seed in range(150):
        shocks = np.random.default_rng(seed).normal(0.05, 1.0, 450)
        returns = moving(shocks, phi)[50:] * 0.01
        low, high = bootstrap_intervals(returns, seed=seed, samples=400, **YEAR)["intervals"][
            "sharpe"
        ]
        n_held += low <= true <= high

    assert 0.86 <= n_held / 150 <= 1.0


def test_dependent_returns_have_wider_intervals_than_independent_draws_would_give():
    returns = moving(normal_returns(1000), 0.5)

    def width(**options):
        low, high = bootstrap_intervals(returns, **options, **YEAR)["intervals"]["sharpe"]
        return high - low

    # The variance of a mean grows by (1 + φ) / (1 − φ) = 3: √3 in the width.
    assert width() > 1.3 * width(mean_block=1.0)


def test_the_length_of_a_block_is_that_of_returns_or_of_their_squares():
    calm, wild = normal_returns(500, 1, 0.0, 0.005), normal_returns(500, 2, 0.0, 0.03)
    returns = np.concatenate((calm, wild))

    found = bootstrap_intervals(returns, samples=10, **YEAR)["mean_block"]

    assert found == optimal_block_length(returns**2)
    assert found > optimal_block_length(returns)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(20, 150), st.sampled_from([0.0, 0.4, -0.4, 0.8]))
def test_block_length_equals_its_naive_twin(seed, n, phi):
    series = moving(np.random.default_rng(seed).normal(0.0, 1.0, n), phi)

    expected = naive.block_length(series.tolist())

    assert optimal_block_length(series) == pytest.approx(expected, rel=1e-9)


def test_block_length_does_not_depend_on_scale_or_level():
    series = moving(normal_returns(300), 0.4)

    assert optimal_block_length(series * 4.0) == pytest.approx(optimal_block_length(series))
    assert optimal_block_length(series + 1.0) == pytest.approx(optimal_block_length(series))
    assert optimal_block_length(np.full(50, 0.1)) == 1.0


def test_returns_that_do_not_vary_have_no_ratios():
    found = bootstrap_intervals(np.full(40, 0.01), samples=50, **YEAR)["intervals"]

    assert found["total_return"] == pytest.approx([1.01**40 - 1] * 2)
    assert found["max_drawdown"] == [0.0, 0.0]
    for name in ("sharpe", "sortino", "calmar"):
        assert found[name] is None


def test_a_ruin_among_the_returns_is_a_total_loss():
    returns = normal_returns(100)
    returns[-1] = -1.0

    found = bootstrap_intervals(returns, samples=200, **YEAR)["intervals"]

    assert found["total_return"][0] == -1.0
    assert found["cagr"][0] == -1.0
    assert found["max_drawdown"][0] == -1.0


@pytest.mark.parametrize("n", [0, 1, 29])
def test_too_few_returns_have_no_interval(n):
    found = bootstrap_intervals(normal_returns(n), **YEAR)

    assert found["intervals"] == dict.fromkeys(BOOTSTRAPPED)
    assert found["mean_block"] is None
    assert (found["samples"], found["level"], found["seed"]) == (2000, 0.95, 0)


def test_without_time_there_is_no_annual_growth():
    found = bootstrap_intervals(normal_returns(50), periods_per_year=252.0, years=0.0, samples=20)

    assert found["intervals"]["cagr"] is None
    assert found["intervals"]["calmar"] is None
    assert found["intervals"]["total_return"] is not None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": 0}, "samples ≥ 1, was 0"),
        ({"level": 1.0}, "0 < level < 1, was 1.0"),
        ({"mean_block": 0.5}, "mean_block ≥ 1, was 0.5"),
        ({"mean_block": math.nan}, "mean_block ≥ 1, was nan"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(InvalidParameterError, match=message):
        bootstrap_intervals(normal_returns(50), **options, **YEAR)


def test_returns_are_left_alone():
    returns = normal_returns(60)
    before = returns.copy()

    bootstrap_intervals(returns, samples=20, **YEAR)

    np.testing.assert_array_equal(returns, before)
