"""The form as a configuration, as an address, and back.

What is varied is a run: the one the form was opened from, or a draft that the address carries.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from dashboard import sweep_axis as axes
from dashboard import urlstate
from dashboard.sweep_axis import Axis

Config = dict[str, Any]
Document = Mapping[str, Any]
Specs = dict[str, dict[str, Any]]

MODES = (("sweep", "Sweep"), ("walkforward", "Walk-forward"))
OBJECTIVES = (
    "sharpe",
    "total_return",
    "final_equity",
    "max_drawdown",
    "cagr",
    "calmar",
    "volatility",
)
IN_SAMPLE, OUT_OF_SAMPLE = 504, 126
"""Two years and half a year of daily bars."""

METHODS = (("walk_forward", "Walk-forward"), ("kfold", "K-fold"), ("cpcv", "Combinatorial"))
METHOD_WORDS = {
    "walk_forward": "In each window the best combination of the in-sample bars is traded in the "
    "out-of-sample bars that follow; those parts together make one curve that never saw its own "
    "choice.",
    "kfold": "The bars are cut into folds; each is traded once with the combination that was best "
    "in all the others, also in later ones: it says how steady the choice is, not what a trader "
    "could have earned.",
    "cpcv": "Every choice of so many test folds is traded with the combination that was best in "
    "the others, and put together to many histories: a spread of results in place of one curve.",
}
N_FOLDS, N_TEST_FOLDS = 6, 2


class Form(NamedTuple):
    """What the controls show; `axes` has every parameter that can vary."""

    axes: dict[str, Axis]
    params: dict[str, Any]
    constraints: str
    objective: str
    random: int | None
    seed: int
    mode: str
    in_sample: int
    out_of_sample: int
    is_anchored: bool
    method: str
    n_folds: int
    n_test_folds: int
    purge: int
    embargo: int


# Parameters


def specs_of(run: Mapping[str, Any], strategies: Mapping[str, Document]) -> Specs:
    """Return the parameters that can vary: those of the strategy, or of a formula's own values."""
    strategy = run["strategy"]
    known = strategies.get(strategy.get("name") or "", {}).get("params")
    if known:
        return {name: dict(spec) for name, spec in known.items() if spec["kind"] != "weights"}
    return {
        name: {
            "kind": "int" if isinstance(value, int) else "float",
            "default": value,
            "min": None,
            "max": None,
        }
        for name, value in strategy.get("params", {}).items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def params_of(run: Mapping[str, Any], specs: Specs) -> dict[str, Any]:
    """Return the value of each parameter in the run, its default where it has none."""
    own = run["strategy"].get("params") or {}
    return {name: own.get(name, spec["default"]) for name, spec in specs.items()}


def first_form(wanted: urlstate.View, params: dict[str, Any], specs: Specs) -> Form:
    """Return the form that an address asks for; what it leaves open is suggested.

    Without axes the first two numbers vary. `fast < slow` is asked for where both exist.
    """
    given = {name: text for name, text in wanted["axes"].items() if name in specs}
    found = dict.fromkeys(specs, axes.FIXED)
    params = dict(params)
    for name, text in given.items():
        if is_single(text):
            # An axis of one value is a fixed parameter.
            params[name] = _value(specs[name], text)
        else:
            found[name] = axes.read(text)
    if not given:
        numbers = [name for name, spec in specs.items() if spec["kind"] in ("int", "float")]
        for name in numbers[:2]:
            found[name] = axes.suggestion(specs[name], params[name])
    constraints = wanted["where"]
    if constraints == "-":
        constraints = ""
    elif constraints is None:
        constraints = "fast < slow" if {"fast", "slow"} <= set(specs) else ""
    return Form(
        axes=found,
        params=params,
        constraints=constraints,
        objective=wanted["objective"],
        random=wanted["random"],
        seed=wanted["seed"],
        mode=wanted["mode"],
        in_sample=wanted["in"] or IN_SAMPLE,
        out_of_sample=wanted["out"] or OUT_OF_SAMPLE,
        is_anchored=wanted["anchored"],
        method=wanted["method"],
        n_folds=wanted["folds"] or N_FOLDS,
        n_test_folds=wanted["tested"] or N_TEST_FOLDS,
        purge=wanted["purge"],
        embargo=wanted["embargo"],
    )


def is_single(text: str) -> bool:
    """Return whether an axis' text is one value."""
    return ".." not in text and "," not in text


def _value(spec: Mapping[str, Any], text: str) -> Any:
    if spec["kind"] not in ("int", "float"):
        return text
    try:
        value = float(text)
    except ValueError:
        return spec["default"]
    return int(value) if value.is_integer() and spec["kind"] == "int" else value


def wanted_of(config: Mapping[str, Any]) -> urlstate.View:
    """Return what an address would have to say to fill the form as this configuration was."""
    view = urlstate.SWEEP_FORM.parse("")
    view |= {
        "axes": {name: _axis_words(given) for name, given in config["axes"].items()},
        "where": ";".join(config.get("constraints") or []),
        "objective": config.get("objective") or "sharpe",
        "random": config.get("random"),
        "seed": config.get("seed") or 0,
    }
    if config.get("in_sample"):
        view |= {
            "mode": "walkforward",
            "in": config["in_sample"],
            "out": config["out_of_sample"],
            "anchored": bool(config.get("anchored")),
        }
    elif config.get("method") in ("kfold", "cpcv"):
        view |= {
            "mode": "walkforward",
            "method": config["method"],
            "folds": config["n_folds"],
            "tested": config["n_test_folds"] if config["method"] == "cpcv" else None,
            "purge": config["purge"],
            "embargo": config["embargo"],
        }
    return view


def _axis_words(given: Any) -> str:
    """Return an axis of a configuration as text."""
    if isinstance(given, str):
        return given
    if isinstance(given, Mapping):
        is_log = given.get("scale") == "log"
        low, high = float(given["from"]), float(given["to"])
        count, step = given.get("count"), given.get("step")
        if count and not is_log and count > 1:
            step = (high - low) / (count - 1)
        kind: axes.Kind = "log" if is_log else "range"
        return axes.write(Axis(kind, low, high, (count if is_log else step) or ""))
    return axes.axis_text(list(given))


def to_config(form: Form, run: Mapping[str, Any]) -> Config:
    """Return the SweepConfig or WalkForwardConfig that the form asks for."""
    fixed = {
        name: value
        for name, value in form.params.items()
        if form.axes[name].kind == "fixed" and value not in ("", None)
    }
    own = run["strategy"].get("params") or {}
    strategy = {**run["strategy"], "params": {**own, **fixed}}
    config: Config = {
        "run": {**run, "strategy": strategy},
        "axes": {
            name: axes.write(given) for name, given in form.axes.items() if given.kind != "fixed"
        },
        "constraints": [part.strip() for part in form.constraints.split(";") if part.strip()],
        "objective": form.objective,
        "random": form.random,
        "seed": form.seed,
    }
    if form.mode == "walkforward":
        config |= _method_part(form)
    return config


def _method_part(form: Form) -> Config:
    """Return how out-of-sample bars are chosen."""
    if form.method == "walk_forward":
        return {
            "in_sample": form.in_sample,
            "out_of_sample": form.out_of_sample,
            "anchored": form.is_anchored,
        }
    tested = {"n_test_folds": form.n_test_folds} if form.method == "cpcv" else {}
    return {
        "method": form.method,
        "n_folds": form.n_folds,
        **tested,
        "purge": form.purge,
        "embargo": form.embargo,
    }


def query_of(form: Form, origin: Mapping[str, str], specs: Specs, own: Mapping[str, Any]) -> str:
    """Return the address' query: where the run is from, and all that the form says.

    Parameters
    ----------
    form : Form
    origin : mapping
        One of `from`, `sweep`, `walkforward`, `draft`, as the page was opened.
    specs : dict
        Parameters that can vary.
    own : mapping
        Their values in the run the form was opened from: one that was changed is written as a
        list of one.
    """
    texts = {}
    for name in specs:
        text = axes.write(form.axes[name])
        value = form.params[name]
        if not text and value not in ("", None) and value != own[name]:
            text = axes.number(value) if isinstance(value, float) else str(value)
        if text:
            texts[name] = text
    view = {
        **urlstate.SWEEP_FORM.parse(""),
        **origin,
        "axes": texts,
        "where": form.constraints.strip() or "-",
        "objective": form.objective,
        "random": form.random,
        "seed": form.seed,
        "mode": form.mode,
        **(_method_query(form) if form.mode == "walkforward" else {}),
    }
    return urlstate.SWEEP_FORM.format(view)


def _method_query(form: Form) -> urlstate.View:
    if form.method == "walk_forward":
        return {"in": form.in_sample, "out": form.out_of_sample, "anchored": form.is_anchored}
    return {
        "method": form.method,
        "folds": form.n_folds,
        "tested": form.n_test_folds if form.method == "cpcv" else None,
        "purge": form.purge,
        "embargo": form.embargo,
    }
