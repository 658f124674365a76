"""What the new-run page says, decided from the form and the API's documents: no components."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import numpy as np

from dashboard import formatting as fmt
from dashboard import theme
from dashboard.figures import axes
from dashboard.theme import Figure, Theme

HEIGHT = 388
EQUITY_DOMAIN = [0.32, 1.0]
UNDERWATER_DOMAIN = [0.0, 0.26]

Form = Mapping[str, Any]
Preview = Mapping[str, Any]

CHECKS = (
    ("Look-ahead", "The data are cut and poisoned after each of many bars: nothing may change."),
    ("Warm-up", "Indicators begun elsewhere must agree on the first bar that may trade."),
    ("Intrabar rules", "Final equity if every bar went the best, the worst, or the usual way."),
    ("Reconciliation", "Cash and positions add up to equity on every bar."),
)


class Tile(NamedTuple):
    """A metric of the preview, and its change against the draft before."""

    label: str
    value: str
    change: str
    better: bool | None


# name, label, how it is printed, how a change is printed, 1: more is better, -1: less is
TILES = (
    ("cagr", "CAGR", fmt.signed_percent, "points", 1),
    ("sharpe", "Sharpe", fmt.decimal, "decimal", 1),
    ("max_drawdown", "Max drawdown", fmt.percent, "points", 1),
    ("profit_factor", "Profit factor", fmt.decimal, "decimal", 1),
    ("trades", "Trades", fmt.integer, "count", 0),
    ("fees", "Fees", fmt.money, "money", -1),
)


def tiles(metrics: Mapping[str, Any], before: Mapping[str, Any] | None) -> list[Tile]:
    """Return the six tiles; a change is its size, the mark says whether it is better."""
    result = []
    for name, label, write, kind, sign in TILES:
        value = metrics.get(name)
        old = (before or {}).get(name)
        change, better = "", None
        if fmt.is_known(value) and fmt.is_known(old):
            difference = value - old
            change = _change(abs(difference), kind)
            if change and sign:
                better = difference * sign > 0
            elif change:
                change = ("+" if difference > 0 else fmt.MINUS) + change
        result.append(Tile(label, write(value), change, better))
    return result


def _change(size: float, kind: str) -> str:
    """Return the size of a change, "" when it would print as nothing."""
    if kind == "points":
        text = fmt.decimal(size * 100.0, 1)
    elif kind == "money":
        text = fmt.money(size)
    else:
        text = fmt.decimal(size, 0 if kind == "count" else 2)
    return text if text.strip("$0.,") else ""


def preview_figure(preview: Preview, before: Preview | None, current: Theme) -> Figure:
    """Return equity (log where it can be) over drawdown: this draft, the one before, benchmark."""
    curves = _curves(preview)
    old = _curves(before) if before else None
    time = curves["time"]
    figure = axes.chart(current)
    layout = figure["layout"]
    layout["xaxis"] = axes.time_axis(current, time, anchor="y2")
    layout["uirevision"] = "preview"

    def add(source: Mapping[str, Any], name: str, look: dict[str, Any], **more: Any) -> None:
        values = source.get(name)
        if values is None or not values.size:
            return
        trace = {"type": "scatter", "mode": "lines", "line": look, "hoverinfo": "skip", **more}
        trace.update(x=axes.typed(source["time"]), y=axes.typed(values), meta=name)
        figure["data"].append(trace)

    dashed = theme.line("benchmark", current, 1.1, "4px,3px")
    grey = theme.line("ink3", current, 1.2)
    add(curves, "benchmark", dashed)
    if old is not None:
        add(old, "equity", grey)
        add(old, "drawdown", grey, yaxis="y2")
    add(curves, "equity", theme.line("accent", current))
    fill = {"fill": "tozeroy", "fillcolor": theme.color("down", current, 0.25)}
    add(curves, "drawdown", theme.line("down", current, 1.2), yaxis="y2", **fill)

    shown = [curves["equity"], curves.get("benchmark"), None if old is None else old["equity"]]
    layout["yaxis"] = _equity_axis([s for s in shown if s is not None and s.size], current)
    depths = [curves["drawdown"], *([] if old is None else [old["drawdown"]])]
    low = min([float(np.nanmin(d)) for d in depths if d.size] or [0.0])
    low = min(low * 1.08, -0.01)
    layout["yaxis2"] = axes.value_axis(
        current,
        axes.linear_ticks(low, 0.0, 4),
        lambda value: fmt.percent(value, 0),
        range=[low, 0.0],
        domain=UNDERWATER_DOMAIN,
    )
    return figure


def _curves(preview: Preview) -> dict[str, axes.FloatArray]:
    curves = preview["curves"]
    return {
        name: np.asarray(values, dtype=np.float64)
        for name, values in curves.items()
        if values is not None
    }


def _equity_axis(shown: Sequence[axes.FloatArray], current: Theme) -> dict[str, Any]:
    low = min(float(np.nanmin(values)) for values in shown)
    high = max(float(np.nanmax(values)) for values in shown)
    common = {"domain": EQUITY_DOMAIN}
    if low > 0.0:
        bounds = axes.padded(math.log10(low), math.log10(high), 0.05)
        ticks = axes.log_ticks(low, high, 5)
        return axes.value_axis(
            current, ticks, fmt.short_money, type="log", range=list(bounds), **common
        )
    bounds = axes.padded(low, high, 0.05)
    ticks = axes.linear_ticks(low, high, 5)
    return axes.value_axis(current, ticks, fmt.short_money, range=list(bounds), **common)


def draft_label(form: Form, before: Form | None) -> tuple[str, str]:
    """Return what to call this draft and the one before: by the parameter that changed."""
    new, old = form.get("params") or {}, (before or {}).get("params") or {}
    names = [name for name in new if name in old and new[name] != old[name]]
    if len(names) == 1:
        name = names[0]
        return f"{name} {fmt.plain(new[name])}", f"{name} {fmt.plain(old[name])}, before"
    return "this draft", "before"


FILL_WORDS = {
    "next_open": "Orders made at a close fill in the next bar, at its open or later.",
    "next_close": "Orders made at a close fill at the next bar's close.",
    "this_close": "Orders fill at the very close that made them, which nobody can trade.",
}
PATH_WORDS = {
    "pessimistic": "If a stop and a target share a bar, assume the stop was hit.",
    "optimistic": "If a stop and a target share a bar, assume the target was hit.",
    "ohlc": "Inside a bar the price goes first to the nearer of its high and low.",
}
CASH_WORDS = {
    "reduce": "short of it, an order shrinks",
    "reject": "short of it, an order is refused",
}


def sentences(form: Form) -> dict[str, str]:
    """Return each execution rule as one plain sentence."""
    return {
        "fill": FILL_WORDS.get(str(form.get("fill")), ""),
        "path": PATH_WORDS.get(str(form.get("path")), ""),
        "costs": costs_sentence(form),
        "volume": volume_sentence(form),
        "cash": cash_sentence(form),
    }


def costs_sentence(form: Form) -> str:
    """Return what a fill costs."""
    rate, fixed = _number(form, "rate_bps"), _number(form, "fixed")
    slippage, spread = _number(form, "slippage_bps"), _number(form, "spread_bps")
    fees = [f"{fmt.plain(rate)} bps"] if rate else []
    if fixed:
        fees.append(fmt.money(fixed, 2))
    parts = [f"{' and '.join(fees)} a side"] if fees else []
    if slippage:
        parts.append(f"{fmt.plain(slippage)} bps slippage")
    if spread:
        parts.append(f"half of a {fmt.plain(spread)} bps spread")
    ticks = _number(form, "slippage_ticks")
    if ticks:
        parts.append(f"{fmt.plain(ticks)} tick{'' if ticks == 1 else 's'} slippage")
    if not parts:
        return "Nothing: no commission, no slippage, no spread. No market offers that."
    text = f"{', '.join(parts[:-1])} plus {parts[-1]}" if len(parts) > 1 else parts[0]
    return text[0].upper() + text[1:] + "."


TIME_WORDS = {
    "gtc": "Until it is filled",
    "day": "For one bar",
    "ioc": "For one bar, once",
}
RESTS = {
    "gtc": "the rest works on",
    "day": "the rest of it ends with the bar",
    "ioc": "the rest is cancelled at once",
}


def volume_sentence(form: Form) -> str:
    """Return how much of a bar's volume an order may take, and what its size does to the price."""
    share, force = _number(form, "participation"), str(form.get("time_in_force"))
    if share:
        text = f"A symbol's fills take at most {_rate(share)} of a bar's volume; {RESTS[force]}."
    elif force == "gtc":
        text = "Any size fills at once; limits and stops work until filled."
    else:
        text = "Any size fills at once; limits and stops work for one bar."
    laws = [
        f"{fmt.plain(_number(form, key))} × {law}"
        for key, law in (
            ("impact", "the root of the share of the volume"),
            ("volume_impact", "the square of the share of the volume"),
        )
        if _number(form, key)
    ]
    return f"{text} Size moves the price by {' and '.join(laws)}." if laws else text


def cash_sentence(form: Form) -> str:
    """Return what idle cash, borrowing and margin do."""
    cash, borrow = _number(form, "cash_rate"), _number(form, "borrow_rate")
    margin = _number(form, "margin_initial")
    idle = f"Idle cash earns {_rate(cash)} a year" if cash else "Idle cash earns nothing"
    policy = CASH_WORDS.get(str(form.get("cash_policy")), "")
    first = f"{idle}; {policy}." if policy else f"{idle}."
    second = "No margin." if margin >= 100 else f"An opening needs {_rate(margin)} in cash."
    third = f" Borrowed shares cost {_rate(borrow)} a year." if borrow else ""
    return f"{first} {second}{third}"


def _rate(percent: float) -> str:
    return f"{fmt.plain(percent)}{fmt.THIN}%"


def _number(form: Form, key: str) -> float:
    value = form.get(key)
    return float(value) if isinstance(value, int | float) else 0.0


class Coverage(NamedTuple):
    """One symbol's bar: shares of the common time line, and how many bars it has."""

    symbol: str
    left: float
    width: float
    used_left: float
    used_width: float
    bars: str


def coverage(series: Sequence[Mapping[str, Any]], form: Form) -> list[Coverage]:
    """Return where each chosen symbol has bars, and which of them the run uses."""
    chosen = [item for name in form["symbols"] or [] for item in series if item["symbol"] == name]
    if not chosen:
        return []
    first = min(date.fromisoformat(fmt.date(item["first"])) for item in chosen)
    last = max(date.fromisoformat(fmt.date(item["last"])) for item in chosen)
    days = max((last - first).days, 1)
    start = max(_day(form.get("start"), first), first)
    end = min(_day(form.get("end"), last), last)

    def share(day: date) -> float:
        return round(100.0 * min(max((day - first).days / days, 0.0), 1.0), 3)

    rows = []
    for item in chosen:
        own_first = date.fromisoformat(fmt.date(item["first"]))
        own_last = date.fromisoformat(fmt.date(item["last"]))
        left, right = share(own_first), share(own_last)
        used_left, used_right = share(max(start, own_first)), share(min(end, own_last))
        bars = f"{fmt.integer(item['bars'])} bars"
        width = max(used_right - used_left, 0.0)
        rows.append(Coverage(item["symbol"], left, right - left, used_left, width, bars))
    return rows


def _day(text: Any, default: date) -> date:
    try:
        return date.fromisoformat(str(text)[:10])
    except ValueError:
        return default


SPANS = (("3Y", 3), ("5Y", 5), ("8Y", 8), ("All", 0))
Spans = dict[str, dict[str, str]]


def spans(series: Sequence[Mapping[str, Any]], symbols: Sequence[str]) -> Spans:
    """Return start and end of each of the offered periods, by its text."""
    found = {text: span(series, symbols, years) for text, years in SPANS}
    return {text: {"start": start, "end": end} for text, (start, end) in found.items()}


def span_of(known: Spans, form: Form) -> str:
    """Return which of the offered periods the form's dates are, "" for none."""
    dates = {"start": form.get("start"), "end": form.get("end")}
    return next((text for text, ends in known.items() if ends == dates), "")


def span(
    series: Sequence[Mapping[str, Any]], symbols: Sequence[str], years: int
) -> tuple[str, str]:
    """Return start and end of the last `years` that the chosen symbols have; 0: all of it."""
    chosen = [item for item in series if item["symbol"] in symbols] or list(series)
    first = min(fmt.date(item["first"]) for item in chosen)
    last = max(fmt.date(item["last"]) for item in chosen)
    if not years:
        return first, last
    end = date.fromisoformat(last)
    try:
        start = end.replace(year=end.year - years)
    except ValueError:
        # 29 February of a year that has none.
        start = end.replace(year=end.year - years, day=28)
    return max(first, start.isoformat()), last


# Field of the API's problem document -> control of the form that shows it.
FIELDS = {
    "symbols": "symbols",
    "timeframe": "symbols",
    "start": "start",
    "end": "end",
    "cash": "cash",
    "benchmark": "benchmark",
    "sizing": "size_value",
    "risk.max_drawdown_stop": "drawdown_stop",
    "costs.rate_bps": "rate_bps",
    "costs.fixed": "fixed",
    "costs.borrow_rate": "borrow_rate",
    "costs.cash_rate": "cash_rate",
    "margin.initial": "margin_initial",
    "execution.slippage_bps": "slippage_bps",
    "execution.spread_bps": "spread_bps",
    "execution.slippage_ticks": "slippage_ticks",
    "execution.tick": "tick",
    "execution.participation": "participation",
    "execution.impact": "impact",
    "execution.volume_impact": "volume_impact",
    "execution.time_in_force": "time_in_force",
    "flows": "flow_amount",
}


class FieldErrors(NamedTuple):
    """A refusal, told apart by where it is shown."""

    controls: dict[str, str]
    params: dict[str, str]
    formula: list[dict[str, Any]]
    rest: list[str]


def field_errors(problem: Mapping[str, Any]) -> FieldErrors:
    """Return where each error of a problem document belongs; what has no place is in `rest`."""
    result = FieldErrors({}, {}, [], [])
    for error in problem.get("errors") or []:
        name, message = str(error.get("field") or ""), str(error["message"])
        parts = name.split(".")
        if name in FIELDS or parts[0] in FIELDS:
            result.controls[FIELDS.get(name) or FIELDS[parts[0]]] = message
        elif parts[:2] == ["strategy", "params"] and len(parts) > 2:
            result.params[parts[2]] = message
        elif parts[:2] == ["strategy", "formula"] and len(parts) > 2:
            result.formula.append({**error, "field": parts[2]})
        else:
            result.rest.append(f"{name}: {message}" if name else message)
    return result


def slider(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return lowest, highest, step and decimals of a parameter's slider."""
    low, high = spec.get("min"), spec.get("max")
    default = spec["default"]
    low = min(0, default) if low is None else low
    reach = max(20 * abs(default), 1)
    # A range of many powers of ten is no range for a hand; the number beside still takes it.
    high = max(2 * abs(default), 1) if high is None else min(high, reach) if low < reach else high
    if spec["kind"] == "int":
        return {"min": low, "max": high, "step": int(spec.get("step") or 1), "decimals": 0}
    step = spec.get("step") or 10.0 ** math.floor(math.log10((high - low) / 50.0 or 0.01))
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return {"min": low, "max": high, "step": step, "decimals": decimals}
