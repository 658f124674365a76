"""The form as it is first shown, with its first estimate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html
from dash.development.base_component import Component

from config.settings import COMMAND
from dashboard import formatting as fmt
from dashboard import ids, urlstate
from dashboard import sweep_axis as axes
from dashboard.client import Api, Document
from dashboard.components import (
    attributes,
    button,
    card,
    empty_state,
    link_button,
    segmented,
)
from dashboard.metrics import METRICS
from dashboard.pages.new_run import packing
from dashboard.pages.new_run import view as runs
from dashboard.pages.new_run.form import DEFAULTS
from dashboard.pages.sweep_form import estimate as estimates
from dashboard.pages.sweep_form import form as forms
from dashboard.pages.sweep_form.windows import windows_card
from dashboard.sweep_axis import Axis

ORIGINS = ("from", "sweep", "walkforward", "draft")
FIRST_STRATEGY = "sma_cross"


def layout(api: Api, args: Mapping[str, str], search: str) -> Component:
    """Return the form: about the run, sweep, walk-forward or draft that the query names.

    Raises
    ------
    ApiError
        When that is not there, or the catalogue cannot be had.
    """
    wanted = urlstate.SWEEP_FORM.parse(search)
    series = api.series()
    if not series:
        return _no_bars()
    strategies = {item["name"]: item for item in api.strategies()}
    run, wanted = _origin(api, wanted, series, strategies)
    specs = forms.specs_of(run, strategies)
    own = forms.params_of(run, specs)
    form = forms.first_form(wanted, own, specs)
    first = estimates.estimate(api, form, run)
    origin = {name: wanted[name] for name in ORIGINS if wanted[name]}
    return html.Div(
        [
            dcc.Store(id=ids.FORM_RUN, data=run),
            dcc.Store(id=ids.FORM_ORIGIN, data=origin),
            dcc.Store(id=ids.FORM_SPECS, data=specs),
            dcc.Store(id=ids.FORM_OWN, data=own),
            dcc.Store(id=ids.FORM_QUERY),
            dcc.Store(id=ids.FORM_GO),
            dcc.Store(id=ids.FORM_WORDS),
            dcc.Store(id=ids.FORM_CHANGED),
            _head(form, first),
            html.Div(
                [
                    html.Div(
                        [
                            _about(run, strategies, origin),
                            _parameters(form, specs, first),
                            _rules(form, first),
                            windows_card(form),
                        ],
                        className="stack",
                    ),
                    html.Div(
                        html.Div(
                            [
                                card(
                                    "Before it starts",
                                    html.Div(first.panel, id=ids.FORM_ESTIMATE),
                                    hint="an estimate",
                                ),
                                _reminder(),
                            ],
                            className="stack form-sticky",
                        ),
                    ),
                ],
                className="form-body",
            ),
        ],
        className="sweep-form",
    )


def _no_bars() -> Component:
    return html.Div(
        [
            html.Div(html.H1("New sweep", className="page-title"), className="page-head"),
            empty_state(
                f"A sweep needs bars, and none are stored: import some with {COMMAND} import FILE.",
                link_button("All runs", "/"),
                icon_name="sweep",
            ),
        ]
    )


def _origin(
    api: Api,
    wanted: urlstate.View,
    series: list[Document],
    strategies: Mapping[str, Document],
) -> tuple[forms.Config, urlstate.View]:
    """Return the run that varies, and the form that the query asks for.

    A clone begins with the axes of the original; what the query says itself wins.
    """
    config: Mapping[str, Any] | None = None
    if wanted["from"]:
        return dict(api.get_run(wanted["from"])["config"]), wanted
    if wanted["sweep"]:
        config = api.sweep(wanted["sweep"])["config"]
    elif wanted["walkforward"]:
        config = api.walkforward(wanted["walkforward"])["config"]
    if config is not None:
        plain = urlstate.SWEEP_FORM.parse("")
        said = {name: value for name, value in wanted.items() if value != plain[name]}
        return dict(config["run"]), {**forms.wanted_of(config), **said}
    draft = packing.unpack(wanted["draft"]) if wanted["draft"] else None
    if draft is not None:
        return draft, wanted
    return _first_run(series, strategies), {**wanted, "draft": None}


def _first_run(series: list[Document], strategies: Mapping[str, Document]) -> forms.Config:
    """Return the run of a form that was opened without one."""
    names = [item["symbol"] for item in series]
    symbol = "AAPL" if "AAPL" in names else names[0]
    item = next(item for item in series if item["symbol"] == symbol)
    start, end = runs.span(series, [symbol], 0)
    strategy = FIRST_STRATEGY if FIRST_STRATEGY in strategies else next(iter(strategies))
    return {
        **DEFAULTS,
        "symbols": [symbol],
        "timeframe": item["timeframe"],
        "start": start,
        "end": end,
        "strategy": {"name": strategy, "params": {}},
    }


def _head(form: forms.Form, first: estimates.Estimate) -> Component:
    return html.Div(
        [
            html.H1("New sweep", className="page-title"),
            segmented(ids.FORM_MODE, forms.MODES, form.mode, "Sweep or walk-forward"),
            html.Div(
                button(
                    "Start",
                    id=ids.FORM_START,
                    kind="primary",
                    icon_name="play",
                    hint="Ctrl Enter",
                    disabled=not first.can_start,
                    **attributes(data_run="1"),
                ),
                className="page-actions",
            ),
        ],
        className="page-head",
    )


def _about(
    run: forms.Config, strategies: Mapping[str, Document], origin: Mapping[str, str]
) -> Component:
    """Return what is varied, in one card, and the way to change it."""
    strategy = run["strategy"]
    name = strategy.get("name")
    title = (strategies.get(name) or {}).get("title") or name or "Formula"
    first, last = (fmt.date(run[key]) if run.get(key) else "" for key in ("start", "end"))
    period = f"{first} to {last}" if first and last else "all bars"
    costs = runs.costs_sentence({**run["costs"], **run["execution"]})
    symbols = ", ".join(run["symbols"][:8])
    more = f" and {len(run['symbols']) - 8} more" if len(run["symbols"]) > 8 else ""
    facts = [
        f"{symbols}{more}, {fmt.timeframe(run['timeframe'])}, {period}.",
        f"{fmt.money(run['cash'])} cash. {costs}",
    ]
    where = (
        f"/new?from={origin['from']}" if origin.get("from") else f"/new?draft={packing.pack(run)}"
    )
    return card(
        str(title),
        [html.P(fact) for fact in facts],
        number=1,
        hint=html.Code(name) if name else None,
        actions=html.A("Change", href=where, className="button button-small"),
        class_name="form-about",
    )


def _parameters(form: forms.Form, specs: forms.Specs, first: estimates.Estimate) -> Component:
    rows = [
        _parameter(name, spec, form.axes[name], form.params[name], first.errors.get(name, ""))
        for name, spec in specs.items()
    ]
    if not rows:
        rows = [html.P("This strategy has no parameters that can vary.", className="card-empty")]
    return card("Parameters", html.Div(rows, className="form-rows"), number=2)


def _parameter(
    name: str, spec: Mapping[str, Any], given: Axis, value: Any, error: str
) -> Component:
    """Return one parameter: how it varies, and the controls of that."""
    is_number = spec["kind"] in ("int", "float")
    kinds = axes.KINDS if is_number else (("fixed", "Fixed"), ("list", "List"))
    shown = given if given.kind != "fixed" else axes.suggestion(spec, value)
    label = html.Span(name, className="param-name mono", title=spec.get("description") or name)
    return html.Div(
        [
            html.Div(
                [
                    label,
                    dmc.Select(
                        id=ids.form_axis("kind", name),
                        data=[{"value": key, "label": text} for key, text in kinds],
                        value=given.kind,
                        allowDeselect=False,
                        size="xs",
                        className="form-kind",
                        attributes={"input": {"aria-label": f"How {name} varies"}},
                    ),
                    _fixed(name, spec, value, hidden=given.kind != "fixed"),
                    _range(name, shown, hidden=given.kind not in ("range", "log")),
                    _items(name, spec, shown, hidden=given.kind != "list"),
                    html.Span(
                        count_words(given), id=ids.form_axis("count", name), className="form-count"
                    ),
                ],
                className="form-row",
            ),
            html.Div(error, id=ids.form_axis("error", name), className="field-error"),
        ],
        className="form-param",
    )


def count_words(given: Axis) -> str:
    """Return how many values an axis has."""
    if given.kind == "fixed":
        return ""
    n_values = axes.count(given)
    if n_values is None:
        return fmt.MISSING
    return "1 value" if n_values == 1 else f"{fmt.integer(n_values)} values"


def _fixed(name: str, spec: Mapping[str, Any], value: Any, *, hidden: bool) -> Component:
    label = {"input": {"aria-label": f"Value of {name}"}}
    control: Component
    if spec["kind"] in ("int", "float"):
        control = dmc.NumberInput(
            id=ids.form_axis("value", name),
            value=value,
            hideControls=True,
            size="xs",
            attributes=label,
        )
    elif spec.get("choices"):
        control = dmc.Select(
            id=ids.form_axis("value", name),
            data=[{"value": str(choice), "label": str(choice)} for choice in spec["choices"]],
            value=str(value),
            allowDeselect=False,
            size="xs",
            attributes=label,
        )
    else:
        control = dmc.TextInput(
            id=ids.form_axis("value", name),
            value=str(value),
            size="xs",
            attributes=label,
        )
    return html.Div(
        control, id=ids.form_axis("fixed-box", name), className="form-fixed", hidden=hidden
    )


def _range(name: str, given: Axis, *, hidden: bool) -> Component:
    is_log = given.kind == "log"
    numbers = given if given.kind in ("range", "log") else axes.Axis("range")
    controls = [
        dmc.NumberInput(
            id=ids.form_axis(part, name),
            value=value,
            leftSection=html.Span(
                text, id=ids.form_axis(f"{part}-label", name), className="form-prefix"
            ),
            leftSectionWidth=46,
            hideControls=True,
            size="xs",
            attributes={"input": {"aria-label": f"{name} {text}"}},
        )
        for part, text, value in (
            ("low", "from", numbers.low),
            ("high", "to", numbers.high),
            ("step", "count" if is_log else "step", numbers.step),
        )
    ]
    return html.Div(
        controls, id=ids.form_axis("range-box", name), className="form-range", hidden=hidden
    )


def _items(name: str, spec: Mapping[str, Any], given: Axis, *, hidden: bool) -> Component:
    label = {"input": {"aria-label": f"Values of {name}"}}
    control: Component
    if spec.get("choices"):
        chosen = [item for item in given.items.split(",") if item]
        control = dmc.MultiSelect(
            id=ids.form_axis("items", name),
            data=[str(choice) for choice in spec["choices"]],
            value=chosen,
            size="xs",
            attributes=label,
        )
    else:
        control = dmc.TextInput(
            id=ids.form_axis("items", name),
            value=given.items,
            placeholder="10, 20, 50",
            size="xs",
            attributes=label,
        )
    return html.Div(
        control, id=ids.form_axis("items-box", name), className="form-items", hidden=hidden
    )


def _rules(form: forms.Form, first: estimates.Estimate) -> Component:
    return card(
        "Rules",
        [
            html.Div(
                [
                    dmc.TextInput(
                        id=ids.FORM_WHERE,
                        label="Only combinations with",
                        value=form.constraints,
                        placeholder="fast < slow; slow - fast >= 10",
                        size="xs",
                        className="form-where",
                        error=first.where,
                    ),
                    dmc.Select(
                        id=ids.FORM_OBJECTIVE,
                        label="Best is the highest"
                        if not _is_least(form)
                        else "Best is the lowest",
                        data=[
                            {"value": name, "label": METRICS[name].label}
                            for name in forms.OBJECTIVES
                        ],
                        value=form.objective,
                        allowDeselect=False,
                        size="xs",
                    ),
                    dmc.NumberInput(
                        id=ids.FORM_RANDOM,
                        label="Random sample of",
                        value=form.random if form.random is not None else "",
                        placeholder="all",
                        min=1,
                        allowDecimal=False,
                        thousandSeparator=",",
                        hideControls=True,
                        size="xs",
                    ),
                    dmc.NumberInput(
                        id=ids.FORM_SEED,
                        label="Seed",
                        value=form.seed,
                        min=0,
                        allowDecimal=False,
                        hideControls=True,
                        size="xs",
                    ),
                ],
                className="fields form-rules",
            ),
        ],
        number=3,
    )


def _is_least(form: forms.Form) -> bool:
    return form.objective == "volatility"


def _reminder() -> Component:
    return html.P(
        "The best of many is partly luck. The result says how much: probability of overfitting, "
        "deflated Sharpe, and a plateau rather than a peak.",
        className="muted form-reminder",
    )
