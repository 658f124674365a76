"""What the form comes to before anything is computed: how many, how long, how much memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from dash import html
from dash.development.base_component import Component

from dashboard import formatting as fmt
from dashboard import jobs
from dashboard import sweep_axis as axes
from dashboard.client import Api, ApiError, ApiRejected, Document, request_id_of
from dashboard.components import icon
from dashboard.pages.sweep_form.form import Form, to_config

ENGINES = {
    "transitions": "Sweep engine: the same trades as single runs, computed from their transitions.",
    "events": "Event engine: each combination is a run of its own.",
}


class Estimate(NamedTuple):
    """What to show beside the form; `can_start` is False while the API would refuse it."""

    panel: list[Component]
    errors: dict[str, str]
    where: str
    can_start: bool


def estimate(api: Api, form: Form, run: Mapping[str, Any]) -> Estimate:
    """Return what the form will take, or what is wrong with it and where."""
    config = to_config(form, run)
    if not config["axes"]:
        text = "Nothing varies yet: make at least one parameter a range, a log range or a list."
        return Estimate(_refusal([text]), {}, "", False)
    try:
        found = (
            api.estimate_walkforward(config)
            if form.mode == "walkforward"
            else api.estimate_sweep(config)
        )
    except ApiRejected as error:
        return refused(error)
    except ApiError as error:
        return Estimate(_failure(error), {}, "", False)
    return Estimate(panel(found, form), {}, "", True)


def refused(error: ApiRejected) -> Estimate:
    """Return the refusal, told apart by where it is shown."""
    errors: dict[str, str] = {}
    where, rest = "", []
    for item in error.problem.get("errors") or []:
        field, message = str(item.get("field") or ""), str(item["message"])
        if field.startswith("axes."):
            errors[field.split(".")[1]] = message
        elif field.startswith("constraints"):
            where = message
        elif field.startswith("run.strategy.params."):
            errors[field.split(".")[3]] = message
        else:
            rest.append(message)
    if not (errors or where or rest):
        rest.append(str(error))
    said = rest or ["The form cannot be computed as it is."]
    return Estimate(_refusal(said), errors, where, False)


def panel(found: Document, form: Form) -> list[Component]:
    """Return the estimate as a list of facts."""
    n_points = found["n_points"]
    facts = [
        ("Combinations", fmt.integer(n_points), product_words(form, n_points)),
        ("Time", *time_words(found)),
        ("Memory", jobs.memory(found["memory_bytes"]), "at most, besides the bars"),
    ]
    n_windows = found.get("n_windows")
    if n_windows:
        runs = f"{fmt.integer(n_windows * n_points)} runs in all"
        label = "Windows" if form.method == "walk_forward" else "Choices of folds"
        facts.insert(1, (label, fmt.integer(n_windows), runs))
    rows: list[Component] = [
        html.Div(
            [
                html.Div(label, className="tile-label"),
                html.Div(value, className="tile-value"),
                html.Div(words, className="tile-below"),
            ],
            className="tile",
        )
        for label, value, words in facts
    ]
    lines = [engine_line(found), ledger_line(found, form)]
    return [
        html.Div(rows, className="estimate-tiles"),
        *(html.P(line, className="estimate-line") for line in lines if line),
    ]


def time_words(found: Document) -> tuple[str, str]:
    """Return how long it takes, and on what."""
    threads = found.get("threads")
    if threads is None:
        return jobs.duration(found["seconds"]), "of one core, shared by those of the cluster"
    where = "one core while it is" if threads == 1 else f"{threads} cores while they are"
    return jobs.duration(found["wall_seconds"]), f"about, on {where} free"


def engine_line(found: Document) -> str:
    """Return which engine will compute it, and why not the fast one."""
    reason = str(found.get("reason") or "")
    words = ENGINES.get(str(found.get("engine")), "")
    return f"{words} {reason}".strip()


def ledger_line(found: Document, form: Form) -> str:
    """Return what the trial ledger says: more trials make the best one less of a proof."""
    before = found.get("distinct_trials_before")
    if before is None:
        return ""
    if before == 0:
        return "The first trials of this strategy on these data."
    noun = "trial" if before == 1 else "trials"
    return (
        f"{fmt.integer(before)} {noun} of this strategy on these data so far; each further one "
        f"makes the best of them easier to have by luck."
    )


def product_words(form: Form, n_points: int) -> str:
    """Return how the number of combinations comes about: "59 × 39 = 2,301 before the rules"."""
    counts = [axes.count(given) for given in form.axes.values() if given.kind != "fixed"]
    if form.random:
        return f"drawn at random, seed {form.seed}"
    if any(n is None for n in counts):
        return ""
    numbers = [n for n in counts if n is not None]
    product = 1
    for n in numbers:
        product *= n
    if len(numbers) == 1:
        return "" if product == n_points else f"of {fmt.integer(product)}"
    words = " × ".join(fmt.integer(n) for n in numbers)
    return words if product == n_points else f"of {words} = {fmt.integer(product)}"


def _refusal(sentences: list[str]) -> list[Component]:
    lines = [html.P(text) for text in sentences]
    return [
        html.Div(
            [icon("doubt"), html.Div(lines, className="grow")],
            className="notice notice-doubt",
            role="status",
        )
    ]


def _failure(error: ApiError) -> list[Component]:
    request = request_id_of(error)
    reference: list[Component] = [html.Code(request)] if request else []
    return [
        html.Div(
            [icon("fail"), html.Span([str(error), " ", *reference], className="grow")],
            className="notice notice-fail",
            role="alert",
        )
    ]
