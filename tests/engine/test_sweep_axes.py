"""The combinations of a sweep: axes, constraints, drawing at random, and everything refused."""

import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from config.sweep import MAX_POINTS, SweepConfig
from engine.errors import InvalidParameterError, UnknownStrategyError
from engine.sweeps.axes import canonical_sweep, resolve_points


def config(axes, strategy="sma_cross", params=None, **rest):
    what = strategy if isinstance(strategy, dict) else {"name": strategy, "params": params or {}}
    return SweepConfig.model_validate(
        {"run": {"symbols": ["A"], "strategy": what}, "axes": axes, **rest}
    )


def points(axes, strategy="sma_cross", **rest):
    return resolve_points(config(axes, strategy, **rest))


def axis(text, strategy="sma_cross", name="fast"):
    return points({name: text}, strategy).axes[name].tolist()


def pairs(found):
    return list(zip(*(column.tolist() for column in found.columns.values()), strict=True))


WIDE = {"formula": {"enter_long": "close > a * b"}, "params": {"a": 1, "b": 1.0}}


# What an axis says


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("2..5", [2, 3, 4, 5]),
        ("10..25:5", [10, 15, 20, 25]),
        (" 10 .. 25 : 5 ", [10, 15, 20, 25]),
        ("7", [7]),
        ("5..5", [5]),
        ("30,10,20", [30, 10, 20]),
        ([3, 1.0], [3, 1]),
        ({"from": 4, "to": 8, "step": 2}, [4, 6, 8]),
        ({"from": 4, "to": 8, "count": 3}, [4, 6, 8]),
        # Factors of 10 between the ends 1 and 100: 1, 10, 100.
        ("1..100:log3", [1, 10, 100]),
        ({"from": 1, "to": 100, "count": 3, "scale": "log"}, [1, 10, 100]),
    ],
)
def test_an_axis_of_whole_numbers_in_each_form(text, values):
    found = points({"fast": text}).axes["fast"]

    assert found.tolist() == values
    assert found.dtype == np.int64


def test_steps_are_the_numbers_that_a_person_would_type():
    # Added up in binary, the third would be 1.2000000000000002 and another combination than 1.2.
    assert axis("1..1.5:0.1", "bollinger_reversion", "width") == [1.0, 1.1, 1.2, 1.3, 1.4, 1.5]


def test_a_range_without_a_step_takes_the_parameters_own():
    assert axis("1.8..2", "bollinger_reversion", "width") == [1.8, 1.9, 2.0]
    assert axis("1..3", WIDE, "b") == [1.0, 2.0, 3.0]


@given(st.integers(-3000, 3000), st.integers(1, 500), st.integers(1, 60), st.integers(0, 6))
def test_a_stepped_axis_has_every_decimal_exactly(first, step, n_steps, decimals):
    def text(number):
        return f"{number / 10**decimals:.{decimals}f}"

    found = axis(f"{text(first)}..{text(first + n_steps * step)}:{text(step)}", WIDE, "b")

    assert found == [float(text(first + k * step)) for k in range(n_steps + 1)]


def test_log_values_have_equal_ratios_and_exact_ends():
    values = np.array(axis("0.001..1000:log7", WIDE, "b"))

    assert values[0] == 0.001
    assert values[-1] == 1000.0
    np.testing.assert_allclose(values[1:] / values[:-1], 10.0, rtol=1e-11)


def test_log_values_of_whole_numbers_are_distinct_and_the_rest_is_said():
    found = points({"fast": "1..10:log20"})

    assert found.axes["fast"].tolist() == list(range(1, 11))
    assert found.notes == (
        "The axis fast has 10 values: 20 were asked for, as distinct whole numbers.",
    )


def test_one_value_is_allowed_and_said():
    found = points({"fast": "5", "slow": "10,20"})

    assert pairs(found) == [(5, 10), (5, 20)]
    assert found.notes == ("The axis fast has one value, 5: it does not vary.",)


def test_a_step_that_passes_the_end_by_is_said():
    found = points({"fast": "2..10:3"})

    assert found.axes["fast"].tolist() == [2, 5, 8]
    assert found.notes == ("The axis fast ends at 8: steps of 3 pass 10 by.",)


def test_choices_are_an_axis():
    found = points({"direction": "long_only,long_short", "fast": [2, 3]})

    assert found.params(2) == {"direction": "long_short", "fast": 2}


# The product


def test_the_last_axis_is_fastest():
    found = points({"fast": "1..2", "slow": "10..30:10"})

    assert pairs(found) == [(1, 10), (1, 20), (1, 30), (2, 10), (2, 20), (2, 30)]
    assert found.names == ("fast", "slow")
    assert found.shape == (2, 3)
    assert found.index.tolist() == [0, 1, 2, 3, 4, 5]
    assert type(found.params(0)["fast"]) is int


def test_constraints_leave_combinations_out_and_keep_their_places():
    # Of the rows (fast, slow) = (2,2) (2,3) (2,4) (3,2) (3,3) (3,4) the places 1, 2 and 5 remain.
    found = points({"fast": "2..3", "slow": "2..4"}, constraints=["fast < slow"])

    assert pairs(found) == [(2, 3), (2, 4), (3, 4)]
    assert found.index.tolist() == [1, 2, 5]
    assert found.n_product == 6


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("slow >= 2*fast", [(1, 2), (1, 3), (1, 4), (2, 4)]),
        ("2 < fast + 1 < slow", [(2, 4)]),
        ("not (fast == 1 or slow != 4)", [(2, 4)]),
        ("slow % 2 == 0 and fast == -1 + 2", [(1, 2), (1, 4)]),
        # A division by zero is not a number: no comparison with it is met, != neither.
        ("1 / (slow - 3) != 7", [(1, 2), (1, 4), (2, 2), (2, 4)]),
        ("fast / (slow - slow) != 7 or slow == 2", [(1, 2), (2, 2)]),
        # A parameter that is not an axis has its value of the run: signal is 9.
        ("slow * 2 + 1 >= signal", [(1, 4), (2, 4)]),
    ],
)
def test_what_constraints_mean(text, left):
    found = points({"fast": "1..2", "slow": "2..4"}, "macd_cross", constraints=[text])

    assert pairs(found) == left


def test_infinity_is_not_a_number_that_passes():
    # 1/0 = inf > 5 would be true; a formula makes it a missing value, and so does a constraint.
    with pytest.raises(InvalidParameterError, match="leave none of the 1 combinations"):
        points({"fast": "3"}, constraints=["1 / (fast - 3) > 5"])


def test_a_constraint_thins_a_product_beyond_the_limit_out():
    # Of 2,000 · 2,000 combinations a ≤ 10 leaves 10 · 2,000.
    found = points({"a": "1..2000", "b": "1..2000"}, WIDE, constraints=["a <= 10"])

    assert found.n_product == 4_000_000
    assert found.n_points == 20_000


# At random


def test_random_combinations_are_different_and_reproducible():
    axes = {"fast": "1..100", "slow": "101..200"}

    one, same, other = (points(axes, random=500, seed=seed) for seed in (1, 1, 2))

    assert one.n_points == np.unique(one.index).size == 500
    assert np.all(np.diff(one.index) > 0)
    assert one.index.tolist() == same.index.tolist() != other.index.tolist()
    assert one.columns["fast"].tolist() == [1 + i // 100 for i in one.index.tolist()]


def test_every_combination_is_as_likely_as_any_other():
    counts = np.zeros(10)
    for seed in range(4000):
        counts[points({"fast": "1..10"}, random=3, seed=seed).index] += 1

    # Each place is drawn with p = 0.3: 1,200 times, give or take 29 (one standard deviation).
    assert np.all(np.abs(counts - 1200) < 5 * math.sqrt(4000 * 0.3 * 0.7))


def test_random_of_more_than_there_are_is_all_of_them():
    found = points({"fast": "1..3", "slow": "2..3"}, random=100, constraints=["fast < slow"])

    assert pairs(found) == [(1, 2), (1, 3), (2, 3)]


def test_random_from_a_product_that_could_never_be_built():
    # A million by a million by a million: 1e18 combinations.
    wide = {"formula": {"enter_long": "close > a + b + c"}, "params": {"a": 1, "b": 1, "c": 1}}
    axes = dict.fromkeys(("a", "b", "c"), "1..1000000")

    found = points(axes, wide, random=1000, constraints=["a < b", "b < c"])

    assert found.n_product == 10**18
    assert found.n_points == np.unique(found.index).size == 1000
    a, b, c = found.columns.values()
    assert np.all((a < b) & (b < c))
    # position = (a − 1)·10¹² + (b − 1)·10⁶ + (c − 1)
    assert found.index.tolist() == ((a - 1) * 10**12 + (b - 1) * 10**6 + c - 1).tolist()


def test_random_refuses_constraints_that_hardly_anything_meets():
    wide = {"formula": {"enter_long": "close > a + b"}, "params": {"a": 1, "b": 1}}
    axes = {"a": "1..1000000", "b": "1..1000000"}

    with pytest.raises(InvalidParameterError, match="1,000 could not be drawn") as caught:
        points(axes, wide, random=1000, constraints=["a + b < 4"])

    assert caught.value.field == "constraints"


# Refused before any work


@pytest.mark.parametrize(
    ("axes", "field", "words"),
    [
        ({"fast": ""}, "axes.fast", "is empty"),
        ({"fast": []}, "axes.fast", "is empty"),
        ({"fast": "1,,2"}, "axes.fast", "has an empty value"),
        ({"fast": "nan"}, "axes.fast", "was nan"),
        ({"fast": "2..nan"}, "axes.fast", "as a range"),
        ({"fast": "2..1e999"}, "axes.fast", "beyond every float64"),
        ({"fast": "60..2"}, "axes.fast", "is reversed: expected from ≤ to, was 60..2"),
        ({"fast": "2..60:0"}, "axes.fast", "A step of 0 .* never reaches 60 from 2"),
        ({"fast": "2..60:-1"}, "axes.fast", "A step of -1 .* never reaches 60 from 2"),
        ({"fast": "2..60:100"}, "axes.fast", "A step of 100 .* never reaches 60 from 2"),
        ({"fast": "2..60:1e-300"}, "axes.fast", "lost beside 60"),
        ({"fast": {"from": 2, "to": 6, "count": 1}}, "axes.fast", "never reaches 6 from 2"),
        ({"fast": "2..60:log0"}, "axes.fast", "a number of values"),
        ({"fast": "2..60:log1.5"}, "axes.fast", "a number of values"),
        ({"fast": "2..60..3"}, "axes.fast", "as a range"),
        ({"fast": "ten"}, "axes.fast", "Expected numbers .* was 'ten'"),
        ({"fast": "2.5"}, "axes.fast", "a whole number, was 2.5"),
        ({"fast": "1..3:0.5"}, "axes.fast", "a whole number, was 1.5"),
        ({"fast": "0..3"}, "axes.fast", "from 1 to 500, was 0"),
        ({"fast": [10, 501]}, "axes.fast", "from 1 to 500, was 501"),
        ({"fast": "10,10"}, "axes.fast", "has 10 more than once"),
        ({"fast": [10, 10.0]}, "axes.fast", "has 10 more than once"),
        ({"fsat": "2..5"}, "axes.fsat", "has no parameter 'fsat' to vary. Did you mean fast"),
        ({"direction": "up,down"}, "axes.direction", "one of long_only"),
        ({"direction": {"from": 1, "to": 2}}, "axes.direction", "A range needs numbers"),
    ],
)
def test_an_axis_that_is_none_is_refused_by_its_name(axes, field, words):
    with pytest.raises(InvalidParameterError, match=words) as caught:
        points(axes)

    assert caught.value.field == field


def test_a_log_axis_starts_above_zero():
    with pytest.raises(InvalidParameterError, match="needs values above 0"):
        points({"b": "0..10:log5"}, WIDE)


def test_weights_are_no_axis():
    with pytest.raises(InvalidParameterError, match="Weights cannot be an axis"):
        points({"weights": "1,2"}, "fixed_weights")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fast < slwo", "at 7: there is no parameter `slwo` .* did you mean slow"),
        ("fast", "at 0: expected a comparison"),
        ("fast < (slow < 3)", "expected a number"),
        ("fast <", "not an expression"),
        ("fast < len(slow)", "at 7: a constraint compares"),
        ("fast.real < 3", "dot"),
        ("fast < direction", "no parameter `direction` that is a number"),
        ("fast[1] < slow", "a constraint compares"),
        ("fast < 'a'", "a constraint compares"),
        ("fast ** 2 < slow", "a constraint compares"),
        (f"fast < {'9' * 400}", "a constraint compares"),
        ("", "empty"),
    ],
)
def test_a_constraint_that_is_none_is_refused_by_its_place(text, words):
    with pytest.raises(InvalidParameterError, match=words) as caught:
        points({"fast": "1..2", "slow": "2..3"}, constraints=["fast < slow", text])

    assert caught.value.field == "constraints[1]"


def test_constraints_that_nothing_meets_are_refused():
    with pytest.raises(InvalidParameterError, match="leave none of the 4 combinations"):
        points({"fast": "1..2", "slow": "2..3"}, constraints=["fast > slow + 1"])


@pytest.mark.parametrize(
    ("axes", "rest", "count"),
    [
        ({"a": "1..1000000", "b": "1..1000000"}, {}, "1,000,000,000,000"),
        ({"a": "1..1000000", "b": "1..1000000"}, {"constraints": ["a < b"]}, "1,000,000,000,000"),
        ({"a": "1..1000001"}, {}, "1,000,001"),
        # a ≤ b of 2,000 by 2,000: 2,000 · 2,001 / 2.
        ({"a": "1..2000", "b": "1..2000"}, {"constraints": ["a <= b"]}, "2,001,000"),
    ],
)
def test_too_many_are_counted_and_not_built(axes, rest, count):
    started = time.perf_counter()
    with pytest.raises(InvalidParameterError, match=f"make {count} combinations") as caught:
        points(axes, WIDE, **rest)

    assert caught.value.field == "axes"
    assert time.perf_counter() - started < 5.0


def test_random_refuses_what_cannot_be_numbered_or_held():
    four = {
        "formula": {"enter_long": "close > a + b + c + d"},
        "params": dict.fromkeys(("a", "b", "c", "d"), 1),
    }
    with pytest.raises(InvalidParameterError, match="more than can be numbered"):
        points(dict.fromkeys(four["params"], "1..1000000"), four, random=5)
    with pytest.raises(InvalidParameterError, match="has 1,000,000,000,001 values"):
        points({"b": "0..1000000000000:1"}, WIDE, random=5)


def test_the_largest_sweep_is_allowed():
    assert points({"a": "1..1000", "b": "1..1000"}, WIDE).n_points == MAX_POINTS


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"objective": "sharp"}, ("objective",)),
        ({"axes": {}}, ("axes",)),
        ({"axes": {"fast": [1, math.nan]}}, ("axes", "fast", "a list", 1)),
        ({"axes": {"fast": [True]}}, ("axes", "fast", "a list", 0)),
        ({"axes": {"fast": {"from": math.nan, "to": 2}}}, ("axes", "fast", "a range", "from")),
        (
            {"axes": {"fast": {"from": 1, "to": 2, "step": 1, "count": 2}}},
            ("axes", "fast", "a range"),
        ),
        ({"axes": {"fast": {"from": 1, "to": 2, "scale": "log"}}}, ("axes", "fast", "a range")),
        ({"random": 0}, ("random",)),
        ({"grid": {}}, ("grid",)),
    ],
)
def test_the_model_refuses_by_field(change, field):
    with pytest.raises(ValidationError) as caught:
        config(**{"axes": {"fast": "1..2"}, **change})

    assert caught.value.errors()[0]["loc"] == field


def test_the_run_of_a_sweep_is_judged_as_any_run():
    with pytest.raises(UnknownStrategyError):
        points({"fast": "1..2"}, "sma_crss")


# One sweep, one way to write it


def test_the_same_combinations_are_the_same_configuration():
    one = config({"slow": "30,20", "fast": "2..4"}, constraints=["fast<slow", "2 < fast"], seed=7)
    other = config(
        {"fast": [2, 3.0, 4], "slow": {"from": 20, "to": 30, "step": 10}},
        params={"fast": 99},
        constraints=["2<fast", "fast  <  slow", "fast < slow"],
    )

    assert canonical_sweep(one) == canonical_sweep(other)
    assert canonical_sweep(one).axes == {"fast": [2, 3, 4], "slow": [20, 30]}
    assert canonical_sweep(canonical_sweep(one)) == canonical_sweep(one)


def test_no_axis_is_lost_on_the_way():
    with pytest.raises(InvalidParameterError, match="has no parameter 'fsat' to vary"):
        canonical_sweep(config({"fsat": "2..5", "slow": "20..30"}))


def test_a_seed_counts_where_chance_does():
    axes = {"fast": "1..100"}
    one, other = (config(axes, random=5, seed=seed) for seed in (1, 2))

    assert canonical_sweep(one) != canonical_sweep(other)


def test_a_part_has_the_same_axes_and_its_own_combinations():
    # fast 2, 3 × slow 10, 20, 30: positions 0..5; from 2 on, before 4: (2, 30) and (3, 10).
    part = points({"fast": "2,3", "slow": "10,20,30"}).part(2, 4)
    assert pairs(part) == [(2, 30), (3, 10)]
    assert part.index.tolist() == [2, 3]
    assert part.shape == (2, 3)
