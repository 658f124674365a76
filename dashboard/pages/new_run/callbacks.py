"""The new-run page's callbacks: the browser gathers the form, the server answers with a draft."""

from __future__ import annotations

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
from flask import request

from dashboard import ids
from dashboard.client import Api, ApiRejected
from dashboard.components import spread
from dashboard.pages.new_run import copying, drafts, formula_text, packing, parts, view
from dashboard.pages.new_run import form as forms

FIELDS = ids.new_field(ALL)
PICKS = ids.new_pick(ALL)
PARAMS = ids.new_param(ALL)
WEIGHTS = ids.new_weight(ALL, ALL)


def register(app: Dash, api: Api) -> None:
    """Register the page's callbacks."""
    _register_browser(app)
    _register_draft(app, api)
    _register_strategy(app, api)
    _register_run(app, api)


def _register_browser(app: Dash) -> None:
    """Connect what needs no answer from the server."""

    def browser(name: str) -> ClientsideFunction:
        return ClientsideFunction(namespace="hindcastForm", function_name=name)

    app.clientside_callback(
        browser("gather"),
        Output(ids.NEW_FORM, "data"),
        Output(ids.NEW_DRAFT, "data"),
        Output(ids.NEW_PREVIOUS, "data"),
        Output(ids.NEW_DESIGN, "data"),
        Input(FIELDS, "value"),
        Input(PICKS, "value"),
        Input(PARAMS, "value"),
        Input(WEIGHTS, "value"),
        Input(ids.NEW_TEXT, "value"),
        State(ids.NEW_DRAFT, "data"),
        prevent_initial_call=True,
    )
    number = ids.new_param_number(MATCH)
    slider = ids.new_param(MATCH)
    app.clientside_callback(
        browser("pair"),
        Output(slider, "value"),
        Output(number, "value"),
        Input(slider, "value"),
        Input(number, "value"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        browser("mode"),
        Output(ids.NEW_TEMPLATE, "hidden"),
        Output(ids.NEW_FORMULA, "hidden"),
        Input(ids.new_pick("mode"), "value"),
    )
    app.clientside_callback(
        browser("colour"),
        Input(ids.NEW_TEXT, "value"),
        Input(ids.NEW_MARK, "data"),
        Input(ids.NEW_SPECS, "data"),
        Input(ids.NEW_ABOUT_TEMPLATE, "children"),
    )
    app.clientside_callback(browser("drawn"), Input(ids.NEW_ELAPSED, "children"))
    # What is chosen by name and the values it stands for: whichever was changed sets the other.
    for name, values, known in (
        (ids.NEW_PRESET, forms.COSTS, ids.NEW_PRESETS),
        (ids.NEW_SPAN, ("start", "end"), ids.NEW_SPANS),
    ):
        fields = [ids.new_field(key) for key in values]
        app.clientside_callback(
            browser("named"),
            Output(name, "value"),
            *(Output(field, "value") for field in fields),
            Input(name, "value"),
            *(Input(field, "value") for field in fields),
            Input(known, "data"),
            prevent_initial_call=True,
        )
    app.clientside_callback(browser("copied"), Input(ids.NEW_COPIED, "data"))
    app.clientside_callback(browser("go"), Input(ids.NEW_GO, "data"))


def _register_draft(app: Dash, api: Api) -> None:
    @app.callback(
        Output(ids.NEW_PREVIEW, "figure"),
        Output(ids.NEW_TILES, "children"),
        Output(ids.NEW_LEGEND, "children"),
        Output(ids.NEW_NOTICE, "children"),
        Output(ids.NEW_ELAPSED, "children"),
        Output(ids.NEW_SUMMARY, "children"),
        Output(ids.NEW_COVERAGE, "children"),
        Output(ids.NEW_MESSAGE, "children"),
        Output(ids.NEW_MARK, "data"),
        Output(ids.NEW_WORDS, "data"),
        Input(ids.NEW_DRAFT, "data"),
        State(ids.NEW_PREVIOUS, "data"),
        State(ids.NEW_BASE, "data"),
        prevent_initial_call=True,
    )
    def show(form: forms.Form, before: forms.Form | None, base: forms.Config) -> tuple[Any, ...]:
        found = drafts.draft(api, form, before, base)
        is_drawn = found.figure is not None
        return (
            found.figure if is_drawn else no_update,
            found.tiles if is_drawn else no_update,
            found.legend if is_drawn else no_update,
            found.notice,
            found.elapsed or "not run",
            found.summary if is_drawn else no_update,
            parts.coverage_bars(found.coverage),
            found.message,
            None if found.mark is None else {"line": found.mark.line, "column": found.mark.column},
            {
                "new-sentence": view.sentences(form),
                "new-field": found.controls,
                "new-param-error": found.params,
            },
        )

    @app.callback(
        Output(ids.NEW_SPANS, "data"),
        Input(ids.new_field("symbols"), "value"),
        prevent_initial_call=True,
    )
    def periods(symbols: list[str] | None) -> view.Spans:
        # Apart from the draft: what reads an answer waits for it, and a period's button must not.
        return view.spans(api.series(), symbols or [])

    spread(
        app,
        ids.NEW_WORDS,
        Output(ids.new_sentence(ALL), "children"),
        Output(FIELDS, "error"),
        Output(ids.new_param_error(ALL), "children"),
    )


def _register_strategy(app: Dash, api: Api) -> None:
    @app.callback(
        Output(ids.NEW_PARAMS, "children"),
        Output(ids.NEW_SPECS, "data"),
        Output(ids.NEW_ABOUT_TEMPLATE, "children"),
        Input(ids.NEW_DESIGN, "data"),
        State(ids.NEW_SPECS, "data"),
        prevent_initial_call=True,
    )
    def controls(design: dict[str, Any], known: dict[str, Any]) -> Any:
        items = {item["name"]: item for item in api.strategies()}
        item = items.get(design["strategy"])
        about = parts.about_template(item) if design["is_other"] else no_update
        specs = item["params"] if item else {}
        if design["mode"] == "formula":
            parsed = formula_text.read(design["text"])
            specs = known if parsed.problems else parsed.params
        has_weights = any(spec["kind"] == "weights" for spec in specs.values())
        if specs == known and not (has_weights and design["has_other_symbols"]):
            return no_update, no_update, about
        same = {name for name, spec in specs.items() if spec == known.get(name)}
        values = {name: design["params"][name] for name in same if name in design["params"]}
        return parts.parameters(specs, values, design["symbols"]), specs, about

    @app.callback(
        Output(ids.NEW_TEXT, "value"),
        Output(ids.NEW_GENERATED, "data"),
        Input(ids.new_pick("mode"), "value"),
        State(ids.NEW_FORM, "data"),
        State(ids.NEW_TEXT, "value"),
        State(ids.NEW_GENERATED, "data"),
        prevent_initial_call=True,
    )
    def write(mode: str, form: forms.Form, text: str, generated: str) -> Any:
        """Begin a formula from the template, unless one was written already."""
        item = next((s for s in api.strategies() if s["name"] == form["strategy"]), None)
        if mode != "formula" or item is None or (text and text != generated):
            return no_update, no_update
        if not item["formula"]:
            # Portfolios and Python files are no formulas: begin with one that is.
            item = next(s for s in api.strategies() if s["formula"])
        specs = {
            name: {**spec, "default": form["params"].get(name) or spec["default"]}
            for name, spec in item["params"].items()
        }
        new = formula_text.write(item["formula"], specs)
        return new, new


def _register_run(app: Dash, api: Api) -> None:
    @app.callback(
        Output(ids.NEW_GO, "data"),
        Input(ids.NEW_RUN, "n_clicks"),
        State(ids.NEW_FORM, "data"),
        State(ids.NEW_BASE, "data"),
        State(ids.NEW_NAME, "value"),
        running=[(Output(ids.NEW_RUN, "disabled"), True, False)],
        prevent_initial_call=True,
    )
    def run(clicks: int | None, form: forms.Form, base: forms.Config, name: str | None) -> Any:
        if not clicks:
            return no_update
        problem = _problem(form)
        if problem:
            set_props(ids.TOAST, {"data": {"text": problem, "kind": "error"}})
            return no_update
        try:
            made = api.run(forms.to_config(form, base), (name or "").strip()[:120] or None)
        except ApiRejected as error:
            found = view.field_errors(error.problem)
            words = [*found.rest, *found.controls.values(), *found.params.values()]
            text = " ".join(words) or str(error)
            reference = str(error.problem.get("request_id", ""))
            note = {"text": text, "kind": "error", "reference": reference}
            set_props(ids.TOAST, {"data": note})
            return no_update
        return {"href": made.url, "is_new": made.is_new}

    @app.callback(
        Output(ids.NEW_GO, "data", allow_duplicate=True),
        Input(ids.NEW_SWEEP, "n_clicks"),
        State(ids.NEW_FORM, "data"),
        State(ids.NEW_BASE, "data"),
        prevent_initial_call=True,
    )
    def sweep(clicks: int | None, form: forms.Form, base: forms.Config) -> Any:
        if not clicks:
            return no_update
        problem = _problem(form)
        if problem:
            set_props(ids.TOAST, {"data": {"text": problem, "kind": "error"}})
            return no_update
        return {"href": f"/sweeps/new?draft={packing.pack(forms.to_config(form, base))}"}

    @app.callback(
        Output(ids.NEW_COPIED, "data"),
        Input(ids.new_copy(ALL), "n_clicks"),
        State(ids.NEW_FORM, "data"),
        State(ids.NEW_BASE, "data"),
        prevent_initial_call=True,
    )
    def copy(clicks: list[int | None], form: forms.Form, base: forms.Config) -> Any:
        if not any(clicks) or not isinstance(ctx.triggered_id, dict):
            return no_update
        config = forms.to_config(form, base)
        kind = ctx.triggered_id["kind"]
        if kind == "cli":
            return {"text": copying.as_command(config), "what": "command"}
        if kind == "json":
            return {"text": copying.as_json(config), "what": "JSON"}
        return {"text": copying.as_python(config, request.host_url.rstrip("/")), "what": "Python"}


def _problem(form: forms.Form) -> str:
    """Return why the form cannot be run, "" when the API should judge."""
    if not form["symbols"]:
        return "Choose at least one symbol."
    if form["mode"] == "formula":
        problem = formula_text.first(formula_text.read(form["text"]).problems)
        if problem is not None:
            return f"Line {problem.line} of the formula: {problem.message}"
    return ""
