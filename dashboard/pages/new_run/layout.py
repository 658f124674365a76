"""The new-run page as it is first shown: the form, and the preview of its first draft."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html
from dash.development.base_component import Component

from dashboard import formatting as fmt
from dashboard import ids, urlstate
from dashboard.client import Api, ApiError, Document
from dashboard.components import (
    attributes,
    badge,
    button,
    card,
    empty_state,
    graph,
    icon,
    link_button,
    segmented,
)
from dashboard.pages.new_run import drafts, formula_text, packing, parts, view
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
FIRST_SYMBOL = "AAPL"
FIRST_STRATEGY = "sma_cross"


def layout(api: Api, args: Mapping[str, str], search: str) -> Component:
    """Return the page: a clone of `?from=`, `?draft=`, or `?strategy=` on `?symbols=`."""
    wanted = urlstate.NEW_RUN.parse(search)
    series = api.series()
    if not series:
        return html.Div(
            [
                html.Div(html.H1("New run", className="page-title"), className="page-head"),
                empty_state(
                    "A run needs bars, and none are stored: import some with ./run import FILE.",
                    link_button("All runs", "/"),
                ),
            ]
        )
    strategies = {item["name"]: item for item in api.strategies()}
    origin = api.get_run(wanted["from"]) if wanted["from"] else None
    config = origin["config"] if origin else packing.unpack(wanted["draft"] or "")
    if config is not None:
        form = forms.from_config(config, strategies)
        base = forms.base_of(config)
        specs = _specs_of(form, strategies)
    else:
        form, base = _first_form(wanted, series, strategies), {}
        specs = strategies[form["strategy"]]["params"]
    draft = drafts.draft(api, form, None, base)
    spans = view.spans(series, form["symbols"])
    return html.Div(
        [
            dcc.Store(id=ids.NEW_FORM, data=form),
            dcc.Store(id=ids.NEW_DRAFT, data=form),
            dcc.Store(id=ids.NEW_PREVIOUS),
            dcc.Store(id=ids.NEW_BASE, data=base),
            dcc.Store(id=ids.NEW_DESIGN),
            dcc.Store(id=ids.NEW_SPECS, data=specs),
            dcc.Store(id=ids.NEW_GENERATED, data=""),
            dcc.Store(id=ids.NEW_PRESETS, data=forms.PRESETS),
            dcc.Store(id=ids.NEW_SPANS, data=spans),
            dcc.Store(id=ids.NEW_WORDS),
            dcc.Store(id=ids.NEW_MARK),
            dcc.Store(id=ids.NEW_GO),
            dcc.Store(id=ids.NEW_COPIED),
            _head(_origin_name(api, origin)),
            html.Div(
                [
                    html.Div(
                        [
                            _data(form, series, spans, draft),
                            _strategy(form, strategies, specs, draft),
                            _portfolio(form, series),
                            _execution(form),
                            _checks(),
                        ],
                        className="stack new-form",
                    ),
                    _preview(draft),
                ],
                className="new-body",
            ),
        ]
    )


def _first_form(
    wanted: Mapping[str, Any], series: Sequence[Document], strategies: Mapping[str, Document]
) -> forms.Form:
    names = [item["symbol"] for item in series]
    symbols = [name for name in wanted["symbols"] if name in names]
    if not symbols:
        symbols = [FIRST_SYMBOL if FIRST_SYMBOL in names else names[0]]
    timeframe = next(item["timeframe"] for item in series if item["symbol"] == symbols[0])
    strategy = wanted["strategy"] if wanted["strategy"] in strategies else FIRST_STRATEGY
    if strategy not in strategies:
        strategy = next(iter(strategies))
    start, end = view.span(series, symbols, 0)
    config = {
        **forms.DEFAULTS,
        "symbols": symbols,
        "timeframe": timeframe,
        "start": start,
        "end": end,
        "strategy": {"name": strategy, "params": {}},
    }
    return forms.from_config(config, strategies)


def _specs_of(form: forms.Form, strategies: Mapping[str, Document]) -> dict[str, Any]:
    """Return the parameters' schema of a cloned run; a formula's are guessed around its values."""
    if form["mode"] == "formula":
        return formula_text.read(form["text"]).params
    specs: dict[str, Any] = strategies.get(form["strategy"], {}).get("params", {})
    return specs


def _origin_name(api: Api, origin: Mapping[str, Any] | None) -> str:
    """Return what the cloned run is called, "" without one."""
    if origin is None:
        return ""
    try:
        return str(api.about(origin["id"])["name"] or origin["id"])
    except ApiError:
        return str(origin["id"])


def _head(origin: str) -> Component:
    hint = f"from {origin}" if origin else ""
    copy = dmc.Menu(
        [
            dmc.MenuTarget(
                html.Button(
                    [icon("terminal"), html.Span("Copy as"), icon("down")],
                    className="button",
                    type="button",
                )
            ),
            dmc.MenuDropdown(
                [
                    dmc.MenuItem("Command line", id=ids.new_copy("cli")),
                    dmc.MenuItem("JSON", id=ids.new_copy("json")),
                    dmc.MenuItem("Python", id=ids.new_copy("python")),
                ]
            ),
        ],
        position="bottom-end",
        shadow="none",
    )
    return html.Div(
        [
            html.H1("New run", className="page-title"),
            html.Span(hint, className="page-hint"),
            html.Div(
                [
                    dmc.TextInput(
                        id=ids.NEW_NAME,
                        value="",
                        placeholder="Name, if you like",
                        size="xs",
                        className="new-name",
                        attributes={"input": {"aria-label": "Name", "maxLength": 120}},
                    ),
                    copy,
                    button("Sweep this", id=ids.NEW_SWEEP, icon_name="sweep"),
                    button(
                        "Run",
                        id=ids.NEW_RUN,
                        kind="primary",
                        icon_name="play",
                        hint="Ctrl Enter",
                        **attributes(data_run="1"),
                    ),
                ],
                className="page-actions",
            ),
        ],
        className="page-head new-head",
    )


def _data(
    form: forms.Form, series: Sequence[Document], spans: view.Spans, draft: drafts.Draft
) -> Component:
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


def _strategy(
    form: forms.Form,
    strategies: Mapping[str, Document],
    specs: Mapping[str, Any],
    draft: drafts.Draft,
) -> Component:
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


def _portfolio(form: forms.Form, series: Sequence[Document]) -> Component:
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


def _execution(form: forms.Form) -> Component:
    words = view.sentences(form)
    rows = [
        _rule(
            "Fill",
            "fill",
            words,
            dmc.RadioGroup(
                id=ids.new_field("fill"),
                value=form["fill"],
                children=[
                    dmc.Radio(label=text, value=key) for key, text in view.FILL_WORDS.items()
                ],
                size="xs",
            ),
        ),
        _rule(
            "Inside a bar",
            "path",
            words,
            dmc.RadioGroup(
                id=ids.new_field("path"),
                value=form["path"],
                children=[
                    dmc.Radio(label=text, value=key) for key, text in view.PATH_WORDS.items()
                ],
                size="xs",
            ),
        ),
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


def _checks() -> Component:
    body = [
        html.Span([html.Span(icon("check"), className="check check-pass"), name], title=how)
        for name, how in view.CHECKS
    ]
    return card(
        "Checks", html.Div(body, className="checks"), number=5, hint="run after every backtest"
    )


def _preview(draft: drafts.Draft) -> Component:
    chart = card(
        ["Preview"],
        [
            graph(
                ids.NEW_PREVIEW,
                draft.figure,
                height=view.HEIGHT,
                label="Equity and drawdown of this draft, the one before, and the benchmark",
            ),
            html.Div(draft.tiles, id=ids.NEW_TILES, className="preview-tiles"),
        ],
        hint=[badge("draft"), html.Span(draft.elapsed, id=ids.NEW_ELAPSED)],
        actions=html.Div(draft.legend, id=ids.NEW_LEGEND, className="keys"),
        class_name="preview",
    )
    summary = card(
        "What will be tested", html.P(draft.summary, id=ids.NEW_SUMMARY), class_name="summary"
    )
    notice = html.Div(draft.notice, id=ids.NEW_NOTICE)
    return html.Div(
        html.Div([chart, notice, summary], className="stack new-sticky"), className="new-preview"
    )
