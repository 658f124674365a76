"""A run in plain English: what is traded, when, how much, at which price, at what cost."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from config.run import RunConfig
from dataapi.services.phrases import phrase

TIMEFRAME_WORDS = {
    "1d": "daily bars",
    "1w": "weekly bars",
    "1mo": "monthly bars",
    "1h": "hourly bars",
}
UNIT_WORDS = {"s": "second", "min": "minute", "h": "hour", "d": "day", "w": "week", "mo": "month"}
FILLS = {
    "next_open": "Market orders made at a close fill at the next bar's open.",
    "this_close": "Market orders fill at the very close that made them, which nobody can trade.",
    "next_close": "Market orders made at a close fill at the next bar's close.",
}
PATHS = {
    "pessimistic": "Where a bar touches both a stop and a target, the stop is taken.",
    "optimistic": "Where a bar touches both a stop and a target, the target is taken.",
    "ohlc": "Inside a bar the price visits the nearer of its high and low first.",
}


def summary(
    config: RunConfig,
    *,
    title: str,
    formula: Mapping[str, str | int | float],
    targets: str = "",
    params: Mapping[str, Any],
    first: str,
    last: str,
) -> str:
    """Return the run in plain sentences.

    Parameters
    ----------
    config : RunConfig
        Resolved.
    title : str
        Of the strategy.
    formula : mapping
        Field name to expression.
    targets : str
        What a target strategy does, with its parameters in braces.
    params : mapping
        Every parameter with its value.
    first, last : str
        Dates of the first and the last bar of the run.
    """
    sentences = [_what(config, title, first, last)]
    sentences += _entries_and_exits(formula, params, config)
    if targets:
        sentences.append(_target_sentence(targets, params))
    sentences.append(_size(config, formula, params))
    if _has_levels(formula):
        sentences.append("Limit and stop orders work from the next bar on.")
    sentences.append(FILLS[config.execution.fill])
    sentences.append(_flows(config))
    if _has_two_levels(formula):
        sentences.append(PATHS[config.execution.path])
    sentences.append(_volume_cap(config))
    sentences.append(_costs(config))
    return " ".join(sentence for sentence in sentences if sentence)


def _what(config: RunConfig, title: str, first: str, last: str) -> str:
    bars = _bars(config.timeframe)
    return (
        f"{title} on {_listed(config.symbols)}, {bars} from {first} to {last}, "
        f"starting with {config.cash:,.0f} in cash."
    )


def _bars(timeframe: str) -> str:
    if timeframe in TIMEFRAME_WORDS:
        return TIMEFRAME_WORDS[timeframe]
    count = timeframe.rstrip("abcdefghijklmnopqrstuvwxyz")
    return f"{count}-{UNIT_WORDS[timeframe[len(count) :]]} bars"


def _entries_and_exits(
    formula: Mapping[str, Any], params: Mapping[str, Any], config: RunConfig
) -> list[str]:
    each = "" if len(config.symbols) == 1 else " each symbol"
    sentences = []
    for side, enter, leave in (("long", "Buys", "Sells"), ("short", "Goes short", "Covers")):
        entry = formula.get(f"enter_{side}")
        if entry is None or _is_off(entry, side, params):
            continue
        sentences.append(f"{enter}{each} {_when(entry, params)}{_levels(formula, side, params)}.")
        exit_when = formula.get(f"exit_{side}")
        exits = [] if exit_when is None or _is_never(exit_when) else [_when(exit_when, params)]
        exits += _children(formula, side, params)
        sentences.append(f"{leave} {_either(exits)}." if exits else f"Never {leave.lower()}.")
    return sentences


def _is_off(entry: Any, side: str, params: Mapping[str, Any]) -> bool:
    """Return whether a side is switched off, by its formula or by the direction."""
    direction = params.get("direction")
    is_other = direction == ("short_only" if side == "long" else "long_only")
    return _is_never(entry) or is_other


def _is_never(expression: Any) -> bool:
    return str(expression).strip() in {"0", "0.0", "False", ""}


def _when(expression: Any, params: Mapping[str, Any]) -> str:
    text = "".join(str(expression).split())
    if text in {"1", "1.0", "True"}:
        return "at every chance"
    if text == "bar_index==0":
        return "at the first bar"
    if every := re.fullmatch(r"bar_index%(\w+)==0", text):
        return f"at the first bar and every {params.get(every[1], every[1])} bars after it"
    return f"when {phrase(expression, params)}"


def _levels(formula: Mapping[str, Any], side: str, params: Mapping[str, Any]) -> str:
    """Return at which price an entry works, when it is not a market order."""
    texts = []
    if trigger := formula.get(f"trigger_{side}"):
        texts.append(f"as a stop order at {phrase(trigger, params)}")
    if limit := formula.get(f"limit_{side}"):
        texts.append(f"with a limit at {phrase(limit, params)}")
    return "".join(f", {text}" for text in texts)


def _children(formula: Mapping[str, Any], side: str, params: Mapping[str, Any]) -> list[str]:
    texts = []
    if stop := formula.get(f"stop_{side}"):
        texts.append(f"at a stop at {phrase(stop, params)}")
    if target := formula.get(f"target_{side}"):
        texts.append(f"at a target at {phrase(target, params)}")
    if trail := formula.get(f"trail_{side}"):
        texts.append(f"at a stop trailing by {phrase(trail, params)}")
    return texts


def _size(config: RunConfig, formula: Mapping[str, Any], params: Mapping[str, Any]) -> str:
    if config.sizing is None:
        if "size" in formula:
            return f"The size of an entry is {phrase(formula['size'], params)}."
        return ""
    value = config.sizing.value
    match config.sizing.kind:
        case "fraction" if value == 1.0:
            return "Each entry uses all equity."
        case "fraction":
            return f"Each entry uses {100 * value:.4g} % of equity."
        case "units":
            return f"Each entry is {value:,.10g} units."
        case "cash":
            return f"Each entry is worth {value:,.10g}."
        case "risk":
            return f"Each entry risks {100 * value:.4g} % of equity down to its stop."
        case "volatility":
            return (
                f"Each entry is cut so that its volatility is at most {100 * value:.4g} % a year, "
                "within an equal part of equity."
            )
        case "kelly":
            return (
                f"Each entry uses {value:g} times the Kelly fraction of the positions closed so "
                "far, within an equal part of equity."
            )


def _target_sentence(summary: str, params: Mapping[str, Any]) -> str:
    """Return what a target strategy does, with the values of its parameters."""
    said = dict(params)
    if "weights" in params:
        weights = params["weights"]
        shares = [f"{100 * weight:.4g} % {name}" for name, weight in weights.items()]
        said["weights"] = _listed(shares) if shares else "equal parts of all symbols"
    if "rebalance" in params:
        when = str(params["rebalance"])
        band = when.removeprefix("band:")
        said["rebalance"] = f"at the first bar of each {when}"
        if band != when:
            said["rebalance"] = f"when one is off by more than {100 * float(band):.4g} % of equity"
    if "target" in params:
        said["target"] = f"{100 * params['target']:.4g} %"
    return f"{summary.format(**said)}."


def _flows(config: RunConfig) -> str:
    flows = config.flows
    if flows is None:
        return ""
    what = "is paid in" if flows.amount > 0.0 else "is withdrawn, as far as cash allows,"
    return f"{abs(flows.amount):,.10g} {what} at the first close of each {flows.every}."


def _volume_cap(config: RunConfig) -> str:
    execution = config.execution
    if execution.participation is None:
        return ""
    rest = "works on" if execution.time_in_force == "gtc" else "is cancelled"
    return (
        f"No more than {100 * execution.participation:.4g} % of a bar's volume fills; the rest of "
        f"an entry {rest}."
    )


def _costs(config: RunConfig) -> str:
    costs, execution = config.costs, config.execution
    parts = []
    if costs.rate_bps:
        parts.append(f"{costs.rate_bps:g} bps commission")
    if costs.maker_bps is not None or costs.taker_bps is not None:
        parts.append(f"maker {_bps(costs.maker_bps)} and taker {_bps(costs.taker_bps)}")
    if costs.per_unit:
        parts.append(f"{costs.per_unit:g} a unit")
    if costs.fixed:
        parts.append(f"{costs.fixed:g} fixed")
    if costs.minimum:
        parts.append(f"at least {costs.minimum:g}")
    if execution.slippage_bps:
        parts.append(f"{execution.slippage_bps:g} bps slippage")
    if execution.spread_bps:
        parts.append(f"half of {execution.spread_bps:g} bps spread")
    if execution.slippage_ticks:
        parts.append(f"{execution.slippage_ticks} ticks of {execution.tick:g}")
    if execution.volume_impact:
        parts.append(f"{execution.volume_impact:g} × its share of the bar's volume squared")
    if execution.impact:
        parts.append(f"{execution.impact:g} × the square root of its share of the bar's volume")
    if not parts:
        return "Fills cost nothing, which no market offers."
    return f"Every fill pays {_listed(parts)}."


def _bps(value: float | None) -> str:
    return "the same" if value is None else f"{value:g} bps"


def _has_levels(formula: Mapping[str, Any]) -> bool:
    return any(name.startswith(("limit_", "trigger_")) for name in formula)


def _has_two_levels(formula: Mapping[str, Any]) -> bool:
    return any(
        f"target_{side}" in formula and (f"stop_{side}" in formula or f"trail_{side}" in formula)
        for side in ("long", "short")
    )


def _either(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " or " + parts[-1]


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
