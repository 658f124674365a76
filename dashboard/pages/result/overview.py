"""The Overview tab: equity and its numbers first, then the evidence row by row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dash import html
from dash.development.base_component import Component

from dashboard import formatting, ids
from dashboard.client import Api, ApiError, Columns, Document
from dashboard.components import attributes, card, error_card, graph, later, segmented
from dashboard.components.timechart import timechart
from dashboard.figures.equity import HEIGHT as EQUITY_HEIGHT
from dashboard.figures.equity import PHONE_HEIGHT, Scale, equity_figure, has_band
from dashboard.figures.returns import HEIGHT as RETURNS_HEIGHT
from dashboard.figures.returns import distribution_figure, qq_figure, yearly_figure
from dashboard.figures.windows import HEIGHT as WINDOWS_HEIGHT
from dashboard.figures.windows import exposure_figure, rolling_figure
from dashboard.metrics import METRICS
from dashboard.pages.result import analysis, view
from dashboard.pages.result.monthly import monthly_table
from dashboard.theme import Theme, is_phone

POINTS = 2000
"""Points a line: what a wide screen can show, and what the browser draws at once."""

FLOW_NUMBERS = ("money_weighted_return", "contributions")
NUMBERS_HEIGHT = 190
CARD_HEAD = 52
"""Pixels of a card around its chart."""

NUMBERS = (
    (
        "total_return",
        "money_weighted_return",
        "contributions",
        "omega",
        "ulcer_index",
        "max_drawdown_days",
        "longest_drawdown_days",
    ),
    ("var_95", "cvar_95", "tail_ratio", "skew", "kurtosis"),
    ("alpha", "tracking_error", "information_ratio"),
    ("payoff_ratio", "expectancy", "average_trade", "best_trade", "worst_trade"),
    ("average_bars_held", "sqn", "kelly", "turnover", "fees", "exposure_time"),
)
"""Below the equity, in groups: what the tiles do not say."""


def overview(
    api: Api, run: Document, selection: Mapping[str, Any], scale: Scale, theme: Theme
) -> list[Component]:
    """Return the tab's rows; a card whose data does not come says so by itself.

    Parameters
    ----------
    api : Api
    run : Document
        The run document.
    selection : mapping
        `from` and `to`, None where the run's own end is meant.
    scale : Scale
        Of the equity.
    theme : Theme
    """
    run_id = run["id"]

    def statistics() -> Document:
        return api.statistics(run_id, selection["from"], selection["to"])

    def whole() -> Document:
        return api.statistics(run_id)

    return [
        html.Div(
            [
                guarded(
                    "Equity", lambda: equity_card(run, equity(api, run_id), whole(), scale, theme)
                ),
                html.Div(
                    analysis.overview_cards(api, run), id=ids.RESULT_ANALYSIS, className="stack"
                ),
            ],
            className="result-row result-row-first",
        ),
        *later(
            ids.RESULT_NUMBERS,
            guarded("The numbers", lambda: numbers_card(run, statistics())),
            height=NUMBERS_HEIGHT,
        ),
        *later(
            ids.RESULT_CALENDAR,
            guarded("Returns by month", lambda: calendar_cards(run, statistics(), theme)),
            height=RETURNS_HEIGHT + CARD_HEAD,
            class_name="result-row result-row-calendar",
        ),
        *later(
            ids.RESULT_WINDOWS,
            [
                guarded("Rolling statistics", lambda: rolling_card(run, whole(), theme)),
                guarded("Exposure", lambda: exposure_card(api, run, theme)),
            ],
            height=WINDOWS_HEIGHT + CARD_HEAD,
            class_name="result-row result-row-windows",
        ),
        html.Div(
            [
                *later(
                    ids.RESULT_SPREAD,
                    guarded("The distribution", lambda: spread_cards(statistics(), theme)),
                    height=RETURNS_HEIGHT + CARD_HEAD,
                    class_name="result-pair",
                ),
                *later(
                    ids.RESULT_DRAWDOWNS,
                    guarded("Drawdowns", lambda: drawdowns_card(whole())),
                    height=RETURNS_HEIGHT + CARD_HEAD,
                    class_name="result-cell",
                ),
            ],
            className="result-row result-row-spread",
        ),
        html.P(conventions(run), className="result-conventions"),
    ]


def guarded(title: str, build: Callable[[], Any]) -> Any:
    """Return what `build` makes, or an error card in its place: other cards keep working."""
    try:
        return build()
    except ApiError as error:
        return error_card(f"{title} did not load", error)


def equity(api: Api, run_id: str) -> Columns:
    """Return the curves of the equity card."""
    return api.equity(run_id, points=POINTS)


def equity_height() -> int:
    """Return the height of the equity chart on the screen that asks."""
    return PHONE_HEIGHT if is_phone() else EQUITY_HEIGHT


def equity_card(
    run: Document, curves: Columns, statistics: Document, scale: Scale, theme: Theme
) -> Component:
    """Return equity and underwater, their values under the crosshair in the head."""
    options = [("log", "Log"), ("linear", "Lin")]
    has_benchmark = "benchmark" in curves
    if has_benchmark:
        options.append(("relative", "Relative"))
    height = equity_height()
    figure = equity_figure(curves, statistics["drawdowns"], theme, scale=scale, height=height)
    label = f"Equity of {view.title_of(run, {})} over time, with its drawdown below"
    return card(
        "Equity",
        timechart(
            graph(ids.RESULT_EQUITY, figure, height=height, label=label),
            curves["time"],
            right=58,
            selects=True,
        ),
        hint=equity_legend(run, curves),
        actions=segmented(
            ids.RESULT_SCALE_CONTROL, options, scale if has_benchmark else "log", "Scale"
        ),
        class_name="result-equity",
    )


def equity_legend(run: Document, curves: Columns) -> Component:
    """Return the legend; the browser replaces its values by those under the crosshair."""
    final = {name: float(values[-1]) for name, values in curves.items()}
    parts = [legend("strategy", "Strategy", "equity", formatting.money(final["equity"]))]
    if "benchmark" in curves:
        name = view.benchmark_name(run["config"])
        parts.append(legend("benchmark", name, "benchmark", formatting.money(final["benchmark"])))
    if has_band(curves):
        low, high = (formatting.short_money(final[n]) for n in ("band_low", "band_high"))
        parts.append(
            legend(
                "band",
                "Range",
                "band",
                f"{low} – {high}",
                hint="Equity over the three intrabar rules: a range, not a bound.",
            )
        )
    parts.append(legend("", "DD", "drawdown", formatting.percent(final["drawdown"])))
    return html.Div(parts, className="legend")


def legend(key: str, text: str, slot: str, value: str, hint: str = "") -> Component:
    """Return one entry of a legend: its line, its name, and the value in its slot."""
    line = [html.I(className=f"legend-key legend-{key}")] if key else []
    shown = html.B(value, **attributes(data_slot=slot)) if value else ""
    props: dict[str, Any] = {"title": hint} if hint else {}
    return html.Span([*line, html.Span(text), shown], className="legend-entry", **props)


def numbers_card(run: Document, statistics: Document) -> Component:
    """Return the metrics that have no tile, beside the benchmark's, in groups side by side."""
    metrics, benchmark = statistics["metrics"], statistics["benchmark_metrics"]
    name = view.benchmark_name(run["config"])
    tables = []
    for group in NUMBERS if name else (g for g in NUMBERS if "alpha" not in g):
        has_other = bool(name) and any(benchmark.get(key) is not None for key in group)
        heads = ["", "Strategy", *([name] if has_other else [])]
        head = html.Thead(html.Tr([html.Th(text, scope="col") for text in heads]))
        rows = []
        for key in group:
            # Of runs with flows only.
            if key in FLOW_NUMBERS and not metrics.get("contributions"):
                continue
            metric = METRICS[key]
            cells = [html.Th(metric.label, scope="row"), html.Td(metric.text(metrics.get(key)))]
            if has_other:
                theirs = benchmark.get(key)
                cells.append(html.Td("" if theirs is None else metric.text(theirs)))
            props = attributes(data_passport=key)
            rows.append(html.Tr(cells, title=metric.definition, tabIndex=0, **props))
        tables.append(html.Table([head, html.Tbody(rows)], className="numbers"))
    return card(
        "Numbers",
        html.Div(tables, className="number-groups"),
        hint="click one for its formula",
        class_name="result-numbers",
    )


def calendar_cards(run: Document, statistics: Document, theme: Theme) -> list[Component]:
    """Return the month by year heat map and the yearly bars."""
    years = statistics["monthly"]
    name = view.benchmark_title(run["config"])
    actions = None
    if name:
        actions = segmented(
            ids.RESULT_MONTHLY_KIND,
            [("strategy", "Strategy"), ("excess", "Excess")],
            "strategy",
            "Returns of the strategy, or their excess over the benchmark",
        )
    # As tall as the grid beside it, whose rows are 26 px.
    height = max(RETURNS_HEIGHT, 22 + 26 * len(years))
    figure = yearly_figure(years, theme)
    entries = [legend("bar", "Strategy", "", "")]
    if name:
        entries.append(legend("tick", name, "", ""))
    return [
        card(
            "Monthly returns",
            html.Div(
                monthly_table(years, view.benchmark_name(run["config"])), id=ids.RESULT_MONTHLY
            ),
            hint="percent, net of costs",
            actions=actions,
            class_name="result-monthly",
        ),
        card(
            "Yearly returns",
            graph(ids.RESULT_YEARLY, figure, height=height, label="Return of each year"),
            actions=html.Div(entries, className="legend"),
        ),
    ]


def rolling_card(run: Document, statistics: Document, theme: Theme) -> Component:
    """Return Sharpe, volatility and beta over a moving half year."""
    rolling = statistics["rolling"]
    name = view.benchmark_title(run["config"])
    entries = [legend("strategy", "Strategy", "", "")]
    if name:
        entries.append(legend("benchmark", name, "", ""))
    if not rolling["time"]:
        needed = formatting.integer(rolling["window_bars"])
        body: Component = html.P(f"A window needs {needed} periods; this run is shorter.")
        return card("Rolling six months", html.Div(body, className="card-empty"))
    figure = rolling_figure(rolling, theme)
    chart = graph(
        ids.RESULT_ROLLING,
        figure,
        height=WINDOWS_HEIGHT,
        label="Sharpe ratio, volatility and beta over a moving half year",
    )
    return card(
        "Rolling six months",
        timechart(chart, rolling["time"], right=46),
        hint=f"{formatting.integer(rolling['window_bars'])} periods",
        actions=html.Div(entries, className="legend"),
    )


def exposure_card(api: Api, run: Document, theme: Theme) -> Component:
    """Return the total exposure and a strip a symbol."""
    exposure = api.exposure(run["id"], points=POINTS)
    figure = exposure_figure(exposure, view.symbols_of(run), theme)
    chart = graph(
        ids.RESULT_EXPOSURE,
        figure,
        height=WINDOWS_HEIGHT,
        label="Exposure over time, in total and by symbol",
    )
    return card(
        "Exposure",
        timechart(chart, exposure["time"], right=46),
        hint="share of equity at the close",
    )


def spread_cards(statistics: Document, theme: Theme) -> list[Component]:
    """Return the distribution of returns and its quantiles against normal ones."""
    distribution, metrics = statistics["distribution"], statistics["metrics"]
    moments = (
        f"all bars: skew {METRICS['skew'].text(metrics.get('skew'))}, "
        f"excess kurtosis {METRICS['kurtosis'].text(metrics.get('kurtosis'))}"
    )
    return [
        card(
            "Returns",
            graph(
                ids.RESULT_DISTRIBUTION,
                distribution_figure(distribution, theme),
                height=RETURNS_HEIGHT,
                label="Histogram of returns with value at risk",
            ),
            hint=f"{formatting.integer(distribution['n'])} periods with a position",
        ),
        card(
            "Against normal",
            graph(
                ids.RESULT_QQ,
                qq_figure(statistics["qq"], theme),
                height=RETURNS_HEIGHT,
                label="Quantiles of returns against those of a normal distribution",
            ),
            hint=moments,
        ),
    ]


def drawdowns_card(statistics: Document) -> Component:
    """Return the five deepest drawdowns; a click selects the period of one."""
    drawdowns = statistics["drawdowns"]
    if not drawdowns:
        return card("Deepest drawdowns", html.P("Equity never fell.", className="card-empty"))
    names = ("", "Depth", "Peak", "Trough", "Recovered", "Days")
    head = html.Thead(html.Tr([html.Th(name, scope="col") for name in names]))
    rows = []
    for number, fall in enumerate(drawdowns, start=1):
        until = fall["recovered"]
        dates = [formatting.date(fall[key]) for key in ("peak", "trough", "recovered")]
        recovered = dates[2] if until is not None else html.Span("ongoing", className="is-doubt")
        period = attributes(data_from=dates[0], data_to=dates[2] if until is not None else "")
        rows.append(
            html.Tr(
                [
                    html.Td(str(number)),
                    html.Td(formatting.percent(fall["depth"]), className="is-down"),
                    html.Td(dates[0]),
                    html.Td(dates[1]),
                    html.Td(recovered),
                    html.Td(formatting.integer(fall["days"])),
                ],
                tabIndex=0,
                title="Select this period",
                **period,
            )
        )
    return card(
        "Deepest drawdowns",
        html.Table([head, html.Tbody(rows)], className="drawdowns"),
        hint="click selects",
        class_name="result-drawdowns",
    )


def conventions(run: Document) -> str:
    """Return the line at the foot: what the numbers above rest on."""
    config, periods = run["config"], run["metrics"].get("periods_per_year")
    sentences = [
        "Prices as stored, fills at raw prices, splits and dividends booked on their dates.",
        f"Sharpe and volatility annualised with {formatting.plain(periods)} periods, "
        f"risk-free rate {formatting.percent(config['risk_free_rate'])}.",
    ]
    if config.get("benchmark") == "buy_and_hold":
        sentences.append(
            "Buy and hold: equal parts at the first bar, dividends reinvested, no costs."
        )
    return " ".join(sentences)
