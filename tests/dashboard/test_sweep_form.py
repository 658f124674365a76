"""The form of a sweep: axes as text and back, the configuration, the address, the estimate."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.sweep import SweepConfig, WalkForwardConfig
from dashboard import sweep_axis as axes
from dashboard import urlstate
from dashboard.client import ApiRejected, ApiUnavailable
from dashboard.pages.new_run import packing
from dashboard.pages.sweep_form import estimate as estimates
from dashboard.pages.sweep_form import form as forms
from dashboard.pages.sweep_form.callbacks import form_of
from dashboard.sweep_axis import Axis
from tests.dashboard.sweep_documents import RUN_CONFIG
from tests.dashboard.test_app import text_of


def spec(kind: str, default: Any, low: Any = None, high: Any = None, **more: Any) -> dict:
    return {"kind": kind, "default": default, "min": low, "max": high, "step": None, **more}


STRATEGY = {
    "name": "sma_cross",
    "params": {
        "fast": spec("int", 10, 2, 200),
        "slow": spec("int", 30, 3, 500),
        "stop": spec("float", 0.05, 0.0, 0.5),
        "direction": spec("choice", "long_only", choices=["long_only", "short_only"]),
        "weights": spec("weights", {}),
    },
}
SPECS = forms.specs_of(RUN_CONFIG, {"sma_cross": STRATEGY})
OWN = forms.params_of(RUN_CONFIG, SPECS)


def opened(search: str = "") -> forms.Form:
    return forms.first_form(urlstate.SWEEP_FORM.parse(search), OWN, SPECS)


@pytest.mark.parametrize(
    ("text", "axis", "n_values"),
    [
        ("2..60", Axis("range", 2.0, 60.0), 59),
        ("10..200:5", Axis("range", 10.0, 200.0, 5.0), 39),
        ("0.01..0.05:0.01", Axis("range", 0.01, 0.05, 0.01), 5),
        ("1..1000:log20", Axis("log", 1.0, 1000.0, 20.0), 20),
        ("5,10,20", Axis("list", items="5,10,20"), 3),
        ("60..2", Axis("range", 60.0, 2.0), None),
        ("0..10:log5", Axis("log", 0.0, 10.0, 5.0), None),
    ],
)
def test_an_axis_as_text_fills_the_controls_and_is_written_again(text, axis, n_values):
    assert axes.read(text) == axis
    assert axes.write(axis) == text
    assert axes.count(axis) == n_values


def test_what_is_not_filled_in_stays_missing():
    assert axes.write(Axis("range", "", 60.0)) == "..60"
    assert axes.write(Axis("log", 1.0, 9.0)) == "1..9:log20"
    assert axes.write(axes.FIXED) == ""
    assert axes.count(Axis("range", "", 60.0)) is None


@given(
    st.sampled_from(["int", "float"]),
    st.floats(0.001, 1e4),
    st.none() | st.floats(0.0001, 0.001),
)
def test_a_suggestion_is_a_range_of_few_values_within_the_bounds(kind, value, low):
    value = max(1, round(value)) if kind == "int" else value
    low = None if kind == "int" else low

    found = axes.suggestion(spec(kind, value, low), value)

    n_values = axes.count(found)
    assert n_values is not None
    assert 1 < n_values <= axes.MORE + 1
    assert found.low <= value <= found.high
    assert low is None or found.low >= low * (1 - 1e-9)
    if kind == "int":
        assert float(found.low).is_integer()
        assert float(found.step).is_integer()


def test_values_at_equal_steps_are_a_range_and_others_a_list():
    assert axes.axis_text([2, 4, 6, 8]) == "2..8:2"
    assert axes.axis_text([0.01, 0.02, 0.03]) == "0.01..0.03:0.01"
    assert axes.axis_text([1, 2, 4]) == "1,2,4"
    assert axes.axis_text(["long_only", "short_only"]) == "long_only,short_only"
    assert axes.axis_text([7]) == "7"


def test_weights_cannot_vary_and_two_numbers_do_at_first():
    form = opened()

    assert list(form.axes) == ["fast", "slow", "stop", "direction"]
    assert [given.kind for given in form.axes.values()] == ["range", "range", "fixed", "fixed"]
    assert form.constraints == "fast < slow"
    # The run's own values, not the defaults.
    assert form.params["fast"] == 12


def test_a_formula_varies_its_numbers():
    run = {**RUN_CONFIG, "strategy": {"formula": {}, "params": {"n": 5, "x": 0.5, "side": "a"}}}

    assert {name: s["kind"] for name, s in forms.specs_of(run, {}).items()} == {
        "n": "int",
        "x": "float",
    }


def test_the_configuration_is_a_sweep_that_the_api_takes():
    form = opened("?axes=fast:2..60;direction:long_only,short_only;stop:0.1&random=50&seed=7")

    config = forms.to_config(form, {**RUN_CONFIG, "symbols": ["AAPL"]})

    assert config["axes"] == {"fast": "2..60", "direction": "long_only,short_only"}
    # An axis of one value is a fixed parameter.
    assert config["run"]["strategy"]["params"]["stop"] == 0.1
    assert (config["random"], config["seed"]) == (50, 7)
    SweepConfig.model_validate(config)


def test_a_walk_forward_has_its_windows():
    form = opened("?mode=walkforward&in=300&out=50&anchored=1")

    config = WalkForwardConfig.model_validate(forms.to_config(form, RUN_CONFIG))

    assert (config.in_sample, config.out_of_sample, config.anchored) == (300, 50, True)


@pytest.mark.parametrize(("method", "n_tested"), [("kfold", 1), ("cpcv", 3)])
def test_a_cross_validation_has_its_folds(method, n_tested):
    form = opened(f"?mode=walkforward&method={method}&folds=8&tested=3&purge=10&embargo=4")

    config = WalkForwardConfig.model_validate(forms.to_config(form, RUN_CONFIG))

    assert (config.method, config.n_folds, config.n_test_folds) == (method, 8, n_tested)
    assert (config.purge, config.embargo, config.in_sample) == (10, 4, None)
    again = forms.wanted_of(config.model_dump(mode="json"))
    assert opened(urlstate.SWEEP_FORM.format(again)).n_folds == 8
    assert (again["mode"], again["method"], again["purge"], again["embargo"]) == (
        "walkforward",
        method,
        10,
        4,
    )


def test_no_condition_is_another_thing_than_none_said():
    assert opened("?where=-").constraints == ""
    assert "where=-" in forms.query_of(opened("?where=-"), {}, SPECS, OWN)


numbers = st.integers(1, 500).map(float)
axis_forms = st.one_of(
    st.just(axes.FIXED),
    st.builds(Axis, st.just("range"), numbers, numbers, st.just("") | numbers, st.just("")),
    st.builds(Axis, st.just("log"), numbers, numbers, numbers, st.just("")),
    st.lists(st.integers(1, 99), min_size=2, max_size=4).map(
        lambda items: Axis("list", items=",".join(map(str, items)))
    ),
)


@given(
    st.fixed_dictionaries({"fast": axis_forms, "slow": axis_forms, "stop": axis_forms}),
    st.sampled_from(["sweep", "walk_forward", "kfold", "cpcv"]),
    st.none() | st.integers(1, 10**6),
    st.sampled_from(["", "fast < slow", "fast < slow; slow - fast >= 10"]),
)
def test_a_form_survives_its_address(given_axes, method, random, where):
    varying = any(given.kind != "fixed" for given in given_axes.values())
    form = opened()._replace(
        axes={**given_axes, "direction": axes.FIXED},
        constraints=where,
        random=random,
    )
    # Only what belongs to its method is written.
    if method == "walk_forward":
        form = form._replace(mode="walkforward", in_sample=300, out_of_sample=60, is_anchored=True)
    elif method != "sweep":
        form = form._replace(mode="walkforward", method=method, n_folds=9, purge=3, embargo=1)
    if method == "cpcv":
        form = form._replace(n_test_folds=4)

    again = opened(forms.query_of(form, {"from": "kGcsUbthq5Rk"}, SPECS, OWN))

    # Without an axis the form begins with the suggested ones.
    assert again == form if varying else again.axes["fast"].kind == "range"


@given(st.text(max_size=150))
def test_any_query_is_some_form(search):
    form = opened(search)

    assert opened(forms.query_of(form, {}, SPECS, OWN)).constraints == form.constraints


def test_a_clone_begins_as_the_original_was_asked_for():
    config = {
        "axes": {
            "fast": [2, 4, 6],
            "slow": {"from": 10, "to": 200, "step": 5},
            "stop": {"from": 0.01, "to": 0.1, "count": 4, "scale": "log"},
        },
        "constraints": ["fast < slow"],
        "objective": "calmar",
        "random": None,
        "seed": 0,
        "in_sample": 252,
        "out_of_sample": 63,
        "anchored": True,
    }

    wanted = forms.wanted_of(config)

    assert wanted["axes"] == {"fast": "2..6:2", "slow": "10..200:5", "stop": "0.01..0.1:log4"}
    assert (wanted["mode"], wanted["in"], wanted["anchored"]) == ("walkforward", 252, True)


def test_a_draft_is_carried_in_the_address_and_rubbish_is_none():
    text = packing.pack(RUN_CONFIG)

    found = packing.unpack(text)

    assert found is not None
    assert found["strategy"]["params"] == RUN_CONFIG["strategy"]["params"]
    assert len(text) < 400
    assert packing.unpack("") is None
    assert packing.unpack("rubbish") is None
    assert packing.unpack(text[:-9]) is None


@given(st.text(max_size=60))
def test_no_text_is_dangerous_as_a_draft(text):
    assert packing.unpack(text) is None


def test_controls_make_a_form():
    names = ["fast", "direction"]
    columns = [
        ["range", "list"],
        [12, "long_only"],
        [2, None],
        ["60", ""],
        ["", "x"],
        ["", ["long_only", "short_only"]],
    ]

    form = form_of(
        names, columns, ["sweep", None, "sharpe", "", None, 504, "", False, "kfold", "", 2, 5, 0]
    )

    assert form.axes["fast"] == Axis("range", 2.0, 60.0, "", "")
    assert form.axes["direction"].items == "long_only,short_only"
    assert (form.random, form.seed, form.constraints) == (None, 0, "")
    assert (form.method, form.n_folds, form.n_test_folds, form.purge) == ("kfold", 0, 2, 5)


class FakeApi:
    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def estimate_sweep(self, config: Any) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    estimate_walkforward = estimate_sweep


FOUND = {
    "n_points": 2120,
    "seconds": 0.4,
    "threads": 2,
    "wall_seconds": 0.2,
    "memory_bytes": 31e6,
    "engine": "transitions",
    "reason": "",
    "distinct_trials_before": 4606,
}


def test_the_estimate_says_how_many_how_long_and_what_was_tried_before():
    form = opened("?axes=fast:2..60;slow:10..200:5")

    found = estimates.estimate(FakeApi(FOUND), form, RUN_CONFIG)

    words = " ".join(text_of(part) for part in found.panel)
    assert found.can_start
    assert "2,120" in words
    assert "of 59 × 39 = 2,301" in words
    assert "under 1 s" in words
    assert "31 MB" in words
    assert "4,606 trials" in words


@pytest.mark.parametrize(
    ("threads", "wall", "time", "where"),
    [
        (1, 90.0, "1 min 30 s", "about, on one core while it is free"),
        (4, 24.0, "24 s", "about, on 4 cores while they are free"),
        (None, None, "1 min 30 s", "of one core, shared by those of the cluster"),
    ],
)
def test_the_time_is_that_of_the_cores_that_do_it(threads, wall, time, where):
    found = {**FOUND, "seconds": 90.0, "threads": threads, "wall_seconds": wall}

    assert estimates.time_words(found) == (time, where)


def test_a_walk_forward_counts_its_windows():
    form = opened("?mode=walkforward")
    answer = {**FOUND, "n_windows": 11, "engine": "events", "reason": "A stop is in play."}

    found = estimates.estimate(FakeApi(answer), form, RUN_CONFIG)

    words = " ".join(text_of(part) for part in found.panel)
    assert "23,320 runs in all" in words
    assert "A stop is in play." in words


def test_a_refusal_is_said_at_its_control():
    problem = {
        "status": 422,
        "detail": "Not valid.",
        "errors": [
            {"field": "axes.fast", "message": "Reversed."},
            {"field": "constraints.0", "message": "Unknown name."},
            {"field": "random", "message": "Too many."},
        ],
    }

    found = estimates.estimate(FakeApi(ApiRejected(problem)), opened(), RUN_CONFIG)

    assert found.errors == {"fast": "Reversed."}
    assert found.where == "Unknown name."
    assert "Too many." in text_of(found.panel[0])
    assert not found.can_start


def test_nothing_that_varies_and_an_api_that_is_down():
    form = opened()
    fixed = form._replace(axes=dict.fromkeys(form.axes, axes.FIXED))

    assert "Nothing varies" in text_of(
        estimates.estimate(FakeApi(FOUND), fixed, RUN_CONFIG).panel[0]
    )
    down = estimates.estimate(FakeApi(ApiUnavailable("No answer.")), form, RUN_CONFIG)
    assert "No answer." in text_of(down.panel[0])
    assert not down.can_start
