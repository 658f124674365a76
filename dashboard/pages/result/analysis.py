"""What a worker found about a run: the strip and the diagnosis of Overview, the Robustness tab.

While a worker is at it the cards say so, and the page's script asks until it is done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from dashboard import formatting, ids
from dashboard.client import Api, ApiError, Document
from dashboard.components import card, check_icon, error_card, graph, segmented
from dashboard.figures.robustness import COSTS_HEIGHT, Dot, cost_figure, dots_figure, dots_height
from dashboard.metrics import METRICS
from dashboard.pages.result import robustness_view as view
from dashboard.pages.result.luck import luck_cards
from dashboard.pages.result.tiles import whisker_bar
from dashboard.theme import Theme

WAITING = {
    "queued": "Waiting for a worker: this run is to be repeated with other costs, a bar of delay, "
    "other starts and parameters.",
    "running": "A worker is repeating this run with other costs, a bar of delay, other starts and "
    "parameters.",
}
CARDS = (
    (("delay", "start"), "Later", "acting or beginning later"),
    (("parameters",), "Parameters one step off", "one at a time"),
    (("trades",), "Best trades dropped", "what remains without them"),
)
MIN_APART = 30.0
"""Percent of the strip's width between two names at its foot."""

INTERVALS = ("cagr", "sharpe", "sortino", "max_drawdown", "calmar", "volatility")
CERTAINTY = ("psr", "min_track_record_length")


def found_or_none(api: Api, run_id: str) -> Document | None:
    """Return the run's analysis when it is done, None otherwise: the numbers stand without it."""
    try:
        found = api.analysis(run_id)
    except ApiError:
        return None
    return found if found["status"] == "done" else None


def overview_cards(api: Api, run: Document) -> list[Component]:
    """Return the strip and the diagnosis, or what became of them so far."""
    try:
        found = api.analysis(run["id"])
    except ApiError as error:
        return [error_card("Robustness and diagnosis did not load", error)]
    if found["status"] != "done":
        return [_state(found), card("Robustness", state_words(found), class_name="result-waiting")]
    return [strip_card(run, found["robustness"]), diagnosis_card(found["diagnosis"])]


def _state(found: Document) -> Component:
    """Return what the page's script looks at: whether to ask again."""
    return dcc.Store(id=ids.RESULT_ANALYSIS_STATE, data=found["status"])


def state_words(found: Document) -> list[Component]:
    """Return one sentence on an analysis that is not done."""
    if found["status"] == "failed":
        return [
            html.P([check_icon("fail"), html.B("The analysis failed.")], className="state-line"),
            html.P(str(found.get("error") or "The worker did not say why.")),
            html.P("The numbers of the run itself do not depend on it.", className="muted"),
        ]
    return [
        html.P(
            [html.Span(className="state-dot"), html.Span(WAITING[found["status"]])],
            className="state-line",
            role="status",
        )
    ]


def strip_card(run: Document, robustness: Document) -> Component:
    """Return final equity if one thing changes, a row each, against this run's."""
    rows, scale = view.strip(run, robustness)
    lines = [_strip_row(row) for row in rows]
    names = [html.Span("this run", style={"left": f"{scale.base}%"})]
    if abs(scale.cash - scale.base) > MIN_APART:
        names.append(html.Span("cash", style={"left": f"{scale.cash}%"}))
    foot = html.Div(names, className="strip-foot")
    marks = {"--base": f"{scale.base}%", "--cash": f"{scale.cash}%"}
    return card(
        "Robustness",
        html.Div(
            [*lines, html.Div([html.Span(), foot], className="strip-row")],
            className="strip",
            style=marks,
        ),
        hint="final equity if …",
        actions=html.Span(view.break_even(robustness), className="card-hint"),
        class_name="result-robustness",
    )


def _strip_row(row: view.Strip) -> Component:
    sign = "is-up" if row.is_better else "is-down"
    style = {"--at": f"{row.at}%"}
    if row.low is not None and row.high is not None:
        style |= {"--low": f"{row.low}%", "--high": f"{row.high}%"}
    kind = "strip-range" if row.low is not None else "strip-dot"
    return html.Div(
        [
            html.Span(row.label),
            html.Div(className=f"strip-track {kind} {sign}", style=style),
            html.B(row.value, className="is-down" if row.is_loss else ""),
            html.Span(row.change, className=sign),
        ],
        className="strip-row",
        title=row.detail,
    )


def diagnosis_card(diagnosis: Sequence[Document]) -> Component:
    """Return what there is to doubt, the gravest first, each with its reason on hover."""
    found = view.findings(diagnosis)
    if not found:
        body: Component = html.P("No rule found anything to doubt.", className="card-empty")
    else:
        body = html.Ul([_finding(item) for item in found], className="findings")
    counts = [
        html.Span([check_icon(level), text], className=f"verdict-count verdict-count-{level}")
        for level, text in view.finding_counts(found)
    ]
    return card(
        "Diagnosis",
        body,
        actions=html.Div(counts, className="line-counts"),
        class_name="result-diagnosis",
    )


def _finding(item: view.Doubt) -> Component:
    words = [html.B(f"{item.title.rstrip('.')}. "), html.Span(item.detail)]
    why = html.Div(item.why, className="finding-why")
    return html.Li(
        html.Details(
            [
                html.Summary([check_icon(item.level), html.Span(words)], title="Why this matters"),
                why,
            ]
        )
    )


def robustness_tab(api: Api, run: Document, theme: Theme) -> list[Component]:
    """Return the tab: costs and intervals first, then one chart a kind of change."""
    found = api.analysis(run["id"])
    if found["status"] != "done":
        return [card("Robustness", state_words(found), class_name="result-waiting")]
    return [
        html.Div(
            [
                costs_card(run, found["robustness"], theme),
                intervals_card(run, found["confidence"], _ledger(api, run)),
            ],
            className="result-row result-row-costs",
        ),
        html.Div(
            luck_cards(api, run, found.get("monte_carlo"), theme),
            className="result-row result-row-variants",
        ),
        html.Div(
            variant_cards(run, found["robustness"], "total_return", theme),
            id=ids.RESULT_ROBUSTNESS,
            className="result-row result-row-variants",
        ),
    ]


def costs_card(run: Document, robustness: Document, theme: Theme) -> Component:
    """Return total return against costs, with the costs that leave nothing."""
    paid = robustness.get("paid_bps") or _configured_bps(run["config"])
    points = sorted(
        (float(v["id"].removeprefix("costs_")) * paid, float(v["metrics"]["total_return"]))
        for v in robustness["variants"]
        if v["group"] == "costs"
    )
    if len(points) < 2:
        sentence = "This run pays nothing, so there is nothing to multiply."
        detail = html.P(robustness.get("break_even_detail") or "", className="muted")
        return card("Costs", [html.P(sentence), detail], class_name="card-words")
    figure = cost_figure(points, paid, robustness.get("break_even_bps"), theme)
    return card(
        "Costs",
        [
            graph(
                ids.RESULT_COSTS,
                figure,
                height=COSTS_HEIGHT,
                label="Total return against the costs of a side",
            ),
            html.P(robustness.get("break_even_detail") or "", className="card-note"),
        ],
        hint="total return if trading cost more or less",
    )


def _configured_bps(config: Document) -> float:
    execution = config["execution"]
    slippage = execution["slippage_bps"] + execution["spread_bps"] / 2.0
    return float(config["costs"]["rate_bps"] + slippage)


def _ledger(api: Api, run: Document) -> Document:
    """Return what the trial ledger says of the run by now; nothing when it cannot be asked."""
    try:
        return api.about(run["id"]).get("ledger") or {}
    except ApiError:
        return {}


def intervals_card(
    run: Document, confidence: Document | None, ledger: Document | None = None
) -> Component:
    """Return the headline numbers with their intervals, and how sure one can be of the Sharpe."""
    rows = []
    for name in INTERVALS:
        interval = (confidence or {}).get("intervals", {}).get(name)
        bar = whisker_bar(interval, run["metrics"].get(name), run["benchmark_metrics"].get(name))
        if bar is None:
            continue
        metric = METRICS[name]
        low, high = (metric.text(value) for value in interval)
        rows.append(
            html.Tr(
                [
                    html.Th(metric.label, scope="row"),
                    html.Td(metric.text(run["metrics"].get(name))),
                    html.Td(bar, className="interval-cell"),
                    html.Td(f"{low} to {high}"),
                ],
                title=metric.definition,
            )
        )
    certainty = [
        html.Tr(
            [
                html.Th(METRICS[name].label, scope="row"),
                html.Td(METRICS[name].text(run["metrics"][name])),
                html.Td(CERTAINTY_WORDS[name], className="interval-words", colSpan=2),
            ],
            title=METRICS[name].definition,
        )
        for name in CERTAINTY
        if name in run["metrics"]
    ]
    certainty += _deflated(ledger or {})
    parts: list[Any] = [html.Tbody(rows), html.Tbody(certainty)]
    return card(
        "How sure",
        html.Table([part for part in parts if part.children], className="intervals"),
        hint=_method(confidence),
        class_name="result-intervals",
    )


def _deflated(ledger: Document) -> list[html.Tr]:
    """Return the deflated Sharpe at the ledger's count, as a row."""
    if ledger.get("dsr") is None:
        return []
    trials = formatting.integer(ledger["trials"])
    noun = "trial" if ledger["trials"] == 1 else "trials"
    words = f"chance that it beats the best of {trials} {noun} without skill"
    return [
        html.Tr(
            [
                html.Th(METRICS["dsr"].label, scope="row"),
                html.Td(METRICS["dsr"].text(ledger["dsr"])),
                html.Td(words, className="interval-words", colSpan=2),
            ],
            title="As the trial ledger counts by now: every distinct trial of this strategy on "
            "these data, deleted ones too.",
        )
    ]


CERTAINTY_WORDS = {
    "psr": "chance that the true Sharpe is above zero",
    "min_track_record_length": "periods needed to be 95\N{NARROW NO-BREAK SPACE}% sure",
}


def _method(confidence: Document | None) -> str:
    if not confidence:
        return ""
    level = formatting.percent(confidence["level"], 0)
    samples = formatting.integer(confidence["samples"])
    return f"{level} intervals, {samples} resampled histories"


def variant_cards(
    run: Document, robustness: Document, metric: str, theme: Theme
) -> list[Component]:
    """Return one card a kind of change, drawn by `metric`; kinds without variants are left out."""
    picked = METRICS[metric]
    base = robustness["base"].get(metric)
    cards: list[Component] = [_metric_choice(metric)]
    for groups, title, hint in CARDS:
        dots = [
            Dot(v["label"], float(v["metrics"][metric]), v["detail"])
            for v in robustness["variants"]
            if v["group"] in groups and not formatting.is_missing(v["metrics"].get(metric))
        ]
        if not dots or formatting.is_missing(base):
            continue
        figure = dots_figure(
            dots, float(base), picked.text, theme, more_is_better=picked.better != "lower"
        )
        chart = graph(
            f"{ids.RESULT_ROBUSTNESS}-{groups[-1]}",
            figure,
            height=dots_height(len(dots)),
            label=f"{picked.label} of each variant: {title}",
        )
        cards.append(card(title, chart, hint=hint))
    return cards


def _metric_choice(metric: str) -> Component:
    options = [(name, METRICS[name].label) for name in view.CHOICES]
    return html.Div(
        [
            segmented(ids.RESULT_ROBUSTNESS_METRIC, options, metric, "Draw by"),
            html.Span(
                "The line is this run; a hollow dot is better, a filled one worse.",
                className="card-hint",
            ),
        ],
        className="variants-choice",
    )


def tile_whiskers(
    found: Document | None, metrics: Mapping[str, Any], benchmark: Mapping[str, Any]
) -> dict[str, Component]:
    """Return the whisker of each metric that has an interval."""
    intervals = ((found or {}).get("confidence") or {}).get("intervals") or {}
    bars = {
        name: whisker_bar(interval, metrics.get(name), benchmark.get(name))
        for name, interval in intervals.items()
    }
    return {name: bar for name, bar in bars.items() if bar is not None}
