"""The form's callbacks: every change is estimated, and written into the address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dash import (
    ALL,
    MATCH,
    ClientsideFunction,
    Dash,
    Input,
    Output,
    State,
    ctx,
    no_update,
    set_props,
)

from dashboard import ids
from dashboard.client import Api, ApiRejected
from dashboard.components import spread
from dashboard.pages.sweep_form import estimate as estimates
from dashboard.pages.sweep_form import form as forms
from dashboard.pages.sweep_form.layout import count_words
from dashboard.sweep_axis import Axis

PARTS = ("kind", "value", "low", "high", "step", "items")
SCALARS = (
    (ids.FORM_MODE, "value"),
    (ids.FORM_WHERE, "value"),
    (ids.FORM_OBJECTIVE, "value"),
    (ids.FORM_RANDOM, "value"),
    (ids.FORM_SEED, "value"),
    (ids.FORM_IN, "value"),
    (ids.FORM_OUT, "value"),
    (ids.FORM_ANCHORED, "checked"),
    (ids.FORM_METHOD, "value"),
    (ids.FORM_FOLDS, "value"),
    (ids.FORM_TEST_FOLDS, "value"),
    (ids.FORM_PURGE, "value"),
    (ids.FORM_EMBARGO, "value"),
)


def register(app: Dash, api: Api) -> None:
    """Register the page's callbacks."""
    _register_form(app, api)
    _register_start(app, api)
    _register_browser(app)


def form_of(
    names: Sequence[str], columns: Sequence[Sequence[Any]], scalars: Sequence[Any]
) -> forms.Form:
    """Return the form that the controls show.

    Parameters
    ----------
    names : sequence of str
        The parameters, in the order of the controls.
    columns : sequence of sequences
        One for each of `PARTS`, with a value for each parameter.
    scalars : sequence
        As in `SCALARS`.
    """
    found = {
        part: dict(zip(names, values, strict=True))
        for part, values in zip(PARTS, columns, strict=True)
    }
    axes = {}
    for name in names:
        items = found["items"][name]
        text = ",".join(items) if isinstance(items, list) else str(items or "")
        low, high, step = (_number(found[part][name]) for part in ("low", "high", "step"))
        axes[name] = Axis(found["kind"][name] or "fixed", low, high, step, text)
    mode, where, objective, random, seed, inside, outside, is_anchored, *folding = scalars
    method, n_folds, n_test_folds, purge, embargo = folding
    return forms.Form(
        axes=axes,
        params={name: found["value"][name] for name in names},
        constraints=where or "",
        objective=objective,
        random=int(random) if random not in ("", None) else None,
        seed=int(seed or 0),
        mode=mode,
        in_sample=int(inside or 0),
        out_of_sample=int(outside or 0),
        is_anchored=bool(is_anchored),
        method=method,
        n_folds=int(n_folds or 0),
        n_test_folds=int(n_test_folds or 0),
        purge=int(purge or 0),
        embargo=int(embargo or 0),
    )


def _number(value: Any) -> float | str:
    """Return a control's number; a text that is still being typed is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return ""


def _inputs(kind: type[Input] | type[State]) -> list[Any]:
    axes = [kind(ids.form_axis(part, ALL), "value") for part in PARTS]
    return [*axes, *(kind(name, prop) for name, prop in SCALARS)]


def _register_form(app: Dash, api: Api) -> None:
    @app.callback(
        Output(ids.FORM_ESTIMATE, "children"),
        Output(ids.FORM_START, "disabled"),
        Output(ids.FORM_WHERE, "error"),
        Output(ids.FORM_WINDOWS, "hidden"),
        Output(ids.FORM_OBJECTIVE, "label"),
        Output(ids.FORM_QUERY, "data"),
        Output(ids.FORM_WORDS, "data"),
        Input(ids.FORM_CHANGED, "data"),
        *_inputs(State),
        State(ids.form_axis("kind", ALL), "id"),
        State(ids.FORM_RUN, "data"),
        State(ids.FORM_ORIGIN, "data"),
        State(ids.FORM_SPECS, "data"),
        State(ids.FORM_OWN, "data"),
        prevent_initial_call=True,
    )
    def show(_: float, *values: Any) -> tuple[Any, ...]:
        *controls, kind_ids, run, origin, specs, own = values
        names = [item["name"] for item in kind_ids]
        form = form_of(names, controls[: len(PARTS)], controls[len(PARTS) :])
        found = estimates.estimate(api, form, run)
        best = "lowest" if form.objective == "volatility" else "highest"
        return (
            found.panel,
            not found.can_start,
            found.where,
            form.mode != "walkforward",
            f"Best is the {best}",
            forms.query_of(form, origin, specs, own),
            {
                "form-count": {name: count_words(axis) for name, axis in form.axes.items()},
                "form-error": found.errors,
            },
        )

    spread(
        app,
        ids.FORM_WORDS,
        Output(ids.form_axis("count", ALL), "children"),
        Output(ids.form_axis("error", ALL), "children"),
    )


def _register_start(app: Dash, api: Api) -> None:
    @app.callback(
        Output(ids.FORM_GO, "data"),
        Input(ids.FORM_START, "n_clicks"),
        *_inputs(State),
        State(ids.form_axis("kind", ALL), "id"),
        State(ids.FORM_RUN, "data"),
        State(ids.FORM_ORIGIN, "data"),
        running=[(Output(ids.FORM_START, "disabled"), True, False)],
        prevent_initial_call=True,
    )
    def start(clicks: int | None, *values: Any) -> Any:
        if not clicks or ctx.triggered_id != ids.FORM_START:
            return no_update
        *controls, kind_ids, run, origin = values
        names = [item["name"] for item in kind_ids]
        form = form_of(names, controls[: len(PARTS)], controls[len(PARTS) :])
        config = forms.to_config(form, run)
        try:
            made: Mapping[str, Any] = (
                api.start_walkforward(config)
                if form.mode == "walkforward"
                else api.start_sweep(config)
            )
        except ApiRejected as error:
            note = {
                "text": str(error),
                "kind": "error",
                "reference": str(error.problem.get("request_id", "")),
            }
            set_props(ids.TOAST, {"data": note})
            return no_update
        from_run = origin.get("from") if form.mode == "sweep" else None
        return {"href": made["url"] + (f"?from={from_run}" if from_run else "")}


def _register_browser(app: Dash) -> None:
    """Connect what needs no answer from the server."""

    def browser(name: str) -> ClientsideFunction:
        return ClientsideFunction("hindcastSweepForm", name)

    app.clientside_callback(
        browser("kind"),
        Output(ids.form_axis("fixed-box", MATCH), "hidden"),
        Output(ids.form_axis("range-box", MATCH), "hidden"),
        Output(ids.form_axis("items-box", MATCH), "hidden"),
        Output(ids.form_axis("step-label", MATCH), "children"),
        Input(ids.form_axis("kind", MATCH), "value"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        browser("method"),
        Output(ids.FORM_WINDOWS_BOX, "hidden"),
        Output(ids.FORM_FOLDS_BOX, "hidden"),
        Output(ids.FORM_TEST_FOLDS_BOX, "hidden"),
        Output(ids.FORM_METHOD_WORDS, "children"),
        Input(ids.FORM_METHOD, "value"),
        State(ids.FORM_METHOD_WORDS, "data-words"),
        prevent_initial_call=True,
    )
    app.clientside_callback(browser("changed"), *_inputs(Input), prevent_initial_call=True)
    app.clientside_callback(browser("query"), Input(ids.FORM_QUERY, "data"))
    app.clientside_callback(browser("go"), Input(ids.FORM_GO, "data"))
