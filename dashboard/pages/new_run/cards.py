"""The five cards of the form: data, strategy, portfolio, execution, checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html
from dash.development.base_component import Component

from dashboard import formatting as fmt
from dashboard import ids
from dashboard.client import Document
from dashboard.components import attributes, card, icon, segmented
from dashboard.pages.new_run import drafts, parts, view
from dashboard.pages.new_run import form as forms

SIZES = (
    ("own", "Strategy's own"),
    ("fraction", "Percent of equity"),
    ("units", "Units"),
    ("cash", "Cash amount"),
    ("risk", "Risk a trade, %"),
    ("volatility", "Volatility a year, %"),
    ("kelly", "Kelly, at most %"),
)
FLOWS = (
    (forms.NO_FLOWS, "Never"),
    ("day", "Each day"),
    ("week", "Each week"),
    ("month", "Each month"),
    ("quarter", "Each quarter"),
    ("year", "Each year"),
)


def data_card(
    form: forms.Form, series: Sequence[Document], spans: view.Spans, draft: drafts.Draft
) -> Component:
    """Return what is traded: symbols with their bars, timeframe and period."""
    names = sorted({item["symbol"] for item in series})
    frames = sorted({item["timeframe"] for item in series})
    picker = dmc.MultiSelect(
        id=ids.new_field("symbols"),
        data=names,
        value=form["symbols"],
        searchable=True,
        hidePickedOptions=True,
        nothingFoundMessage="No stored symbol has this name",
        placeholder="Add symbol",
        size="xs",
        className="symbols",
        attributes={"input": {"aria-label": "Symbols"}},
    )
    frame = segmented(
        ids.new_pick("timeframe"),
        [(code, fmt.timeframe(code).capitalize()) for code in frames],
        form["timeframe"],
        "Timeframe",
    )
    dates = html.Div(
        [
            _date("start", "From", form["start"]),
            _date("end", "To", form["end"]),
            html.Div(
                segmented(
                    ids.NEW_SPAN,
                    [(text, text) for text, _ in view.SPANS],
                    view.span_of(spans, form),
                    "Period",
                ),
            ),
            html.Div(frame, hidden=len(frames) == 1, style={"marginLeft": "auto"}),
        ],
        className="row-wrap dates",
    )
    bars = html.Div(parts.coverage_bars(draft.coverage), id=ids.NEW_COVERAGE)
    return card("Data", [picker, bars, dates], number=1, hint=fmt.timeframe(form["timeframe"]))


def _date(key: str, label: str, value: str | None) -> Component:
    return dmc.DateInput(
        id=ids.new_field(key),
        value=value,
        valueFormat="YYYY-MM-DD",
        placeholder=label,
        size="xs",
        className="date",
        attributes={"input": {"aria-label": label}},
    )


def strategy_card(
    form: forms.Form,
    strategies: Mapping[str, Document],
    specs: Mapping[str, Any],
    draft: drafts.Draft,
) -> Component:
    """Return a template or a formula, with the controls of its parameters."""
    is_formula = form["mode"] == "formula"
    template = html.Div(
        [
            dmc.Select(
                id=ids.new_field("strategy"),
                data=parts.strategy_options(strategies),
                value=form["strategy"]
                if form["strategy"] in strategies
                else next(iter(strategies)),
                allowDeselect=False,
                searchable=True,
                size="xs",
                attributes={"input": {"aria-label": "Strategy"}},
            ),
            html.Div(
                parts.about_template(strategies.get(form["strategy"])), id=ids.NEW_ABOUT_TEMPLATE
            ),
        ],
        id=ids.NEW_TEMPLATE,
        hidden=is_formula,
        className="stack",
    )
    formula = html.Div(
        [
            _editor(form["text"]),
            html.Div(draft.message, id=ids.NEW_MESSAGE, className="editor-foot"),
        ],
        id=ids.NEW_FORMULA,
        hidden=not is_formula,
        className="editor",
    )
    mode = segmented(
        ids.new_pick("mode"),
        [("template", "Template"), ("formula", "Formula")],
        form["mode"],
        "Template or formula",
    )
    sliders = html.Div(
        parts.parameters(specs, form["params"], form["symbols"]),
        id=ids.NEW_PARAMS,
        className="params",
    )
    return card("Strategy", [template, formula, sliders], number=2, actions=mode)


def _editor(text: str) -> Component:
    """Return the editor: a text area over its own coloured copy, beside line numbers."""
    return html.Div(
        [
            html.Pre(className="editor-lines mono", **attributes(aria_hidden="true")),
            html.Div(
                [
                    html.Pre(className="editor-colours mono", **attributes(aria_hidden="true")),
                    dcc.Textarea(
                        id=ids.NEW_TEXT,
                        value=text,
                        spellCheck=False,
                        wrap="off",
                        className="editor-text mono",
                        title="Formula",
                    ),
                ],
                className="editor-pane",
            ),
        ],
        className="editor-body",
    )


def portfolio_card(form: forms.Form, series: Sequence[Document]) -> Component:
    """Return cash, benchmark, size of an entry, and what is paid in."""
    symbols = sorted({item["symbol"] for item in series})
    benchmarks = [
        {"value": "buy_and_hold", "label": "Buy and hold"},
        *({"value": name, "label": name} for name in symbols),
        {"value": forms.NO_BENCHMARK, "label": "None"},
    ]
    size = html.Div(
        [
            dmc.Select(
                id=ids.new_field("size_kind"),
                label="Size of an entry",
                data=[{"value": kind, "label": text} for kind, text in SIZES],
                value=form["size_kind"],
                allowDeselect=False,
                size="xs",
                className="grow",
            ),
            _number("size_value", "Amount", form["size_value"], min=0, placeholder="–"),
        ],
        className="size-pair",
    )
    body = html.Div(
        [
            _number(
                "cash", "Cash", form["cash"], prefix="$", thousandSeparator=",", min=0, step=1000
            ),
            dmc.Select(
                id=ids.new_field("benchmark"),
                label="Benchmark",
                data=benchmarks,
                value=form["benchmark"],
                allowDeselect=False,
                searchable=True,
                size="xs",
            ),
            _number(
                "drawdown_stop",
                "Drawdown stop",
                form["drawdown_stop"],
                suffix=" %",
                min=0,
                max=100,
                placeholder="Off",
            ),
            html.Div([size, _flows(form)], className="pairs-row"),
        ],
        className="fields",
    )
    return card("Portfolio", body, number=3)


def _flows(form: forms.Form) -> Component:
    """Return how much is paid in, or taken out, and how often."""
    return html.Div(
        [
            dmc.Select(
                id=ids.new_field("flow_every"),
                label="Pay in or take out",
                data=[{"value": every, "label": text} for every, text in FLOWS],
                value=form["flow_every"],
                allowDeselect=False,
                size="xs",
            ),
            _number(
                "flow_amount",
                "Amount",
                form["flow_amount"],
                prefix="$",
                thousandSeparator=",",
                placeholder="− takes out",
            ),
        ],
        className="size-pair",
    )


def _number(key: str, label: str, value: Any, **props: Any) -> Component:
    return dmc.NumberInput(
        id=ids.new_field(key),
        label=label,
        value="" if value is None else value,
        size="xs",
        hideControls=True,
        **props,
    )


def execution_card(form: forms.Form) -> Component:
    """Return the execution rules, each in one plain sentence above its controls."""
    words = view.sentences(form)
    rows = [
        _rule("Fill", "fill", words, _choice("fill", form["fill"], view.FILL_WORDS)),
        _rule("Inside a bar", "path", words, _choice("path", form["path"], view.PATH_WORDS)),
        _rule(
            "Costs",
            "costs",
            words,
            _number("rate_bps", "Commission", form["rate_bps"], suffix=" bps", min=0),
            _number("fixed", "Per fill", form["fixed"], prefix="$", min=0),
            _number("slippage_bps", "Slippage", form["slippage_bps"], suffix=" bps", min=0),
            _number("spread_bps", "Spread", form["spread_bps"], suffix=" bps", min=0),
            _number("slippage_ticks", "Slippage, ticks", form["slippage_ticks"], min=0),
            _number("tick", "One tick", form["tick"], prefix="$", min=0, placeholder="Unknown"),
        ),
        _rule(
            "Volume",
            "volume",
            words,
            _number(
                "participation",
                "Share of a bar's volume",
                form["participation"],
                suffix=" %",
                min=0,
                max=100,
                placeholder="No limit",
            ),
            _number(
                "impact", "Impact, × √share", form["impact"], min=0, step=0.01, placeholder="None"
            ),
            _number(
                "volume_impact",
                "Impact, × share²",
                form["volume_impact"],
                min=0,
                step=0.01,
                placeholder="None",
            ),
            dmc.Select(
                id=ids.new_field("time_in_force"),
                label="An order works",
                data=[{"value": key, "label": text} for key, text in view.TIME_WORDS.items()],
                value=form["time_in_force"],
                allowDeselect=False,
                size="xs",
            ),
        ),
        _rule(
            "Cash",
            "cash",
            words,
            _number("cash_rate", "Idle cash a year", form["cash_rate"], suffix=" %"),
            _number("borrow_rate", "Borrowing shares", form["borrow_rate"], suffix=" %", min=0),
            _number(
                "margin_initial", "Cash for an opening", form["margin_initial"], suffix=" %", min=1
            ),
            dmc.Select(
                id=ids.new_field("cash_policy"),
                label="Short of cash",
                data=[
                    {"value": "reduce", "label": "Shrink the order"},
                    {"value": "reject", "label": "Refuse the order"},
                ],
                value=form["cash_policy"],
                allowDeselect=False,
                size="xs",
            ),
        ),
    ]
    preset = segmented(
        ids.NEW_PRESET,
        [(name, name.capitalize()) for name in forms.PRESETS],
        forms.preset_of(form),
        "Costs",
    )
    return card("Execution", rows, number=4, actions=preset, class_name="execution")


def _choice(key: str, value: str, options: Mapping[str, str]) -> Component:
    return dmc.RadioGroup(
        id=ids.new_field(key),
        value=value,
        children=[dmc.Radio(label=text, value=option) for option, text in options.items()],
        size="xs",
    )


def _rule(label: str, key: str, words: Mapping[str, str], *controls: Component) -> Component:
    return html.Details(
        [
            html.Summary(
                [
                    html.Span(label, className="exec-name"),
                    html.Span(words[key], id=ids.new_sentence(key), className="exec-words"),
                    icon("down"),
                ]
            ),
            html.Div(list(controls), className="fields exec-controls"),
        ],
        className="exec",
    )


def checks_card() -> Component:
    """Return what every run is checked for."""
    body = [
        html.Span([html.Span(icon("check"), className="check check-pass"), name], title=how)
        for name, how in view.CHECKS
    ]
    return card(
        "Checks", html.Div(body, className="checks"), number=5, hint="run after every backtest"
    )
