"""The execution rules of a run in plain words, each with the name it has in the manual."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from dashboard import formatting

Config = Mapping[str, Any]


class Rule(NamedTuple):
    """One rule as the run had it."""

    name: str
    sentence: str


FILLS = {
    "next_open": "A signal is known at the close of its bar; its order fills at the next bar's "
    "open.",
    "this_close": "An order fills at the very close it was decided on. Nobody can trade that; "
    "compare it with the next open.",
    "next_close": "A signal is known at the close of its bar; its order fills at the next bar's "
    "close.",
}
PATHS = {
    "pessimistic": "the stop is hit and the target is not.",
    "optimistic": "the target is hit and the stop is not.",
    "ohlc": "the bar is taken to visit the nearer of its high and its low first.",
}
CASH_POLICIES = {
    "reduce": "the order is reduced to the largest lot that fits.",
    "reject": "the order is rejected and logged.",
}
TIMES = {
    "gtc": "until it fills or is cancelled",
    "day": "for one bar",
    "ioc": "for one bar, and its rest is cancelled at the first fill",
}
RESTS = {
    "gtc": "the rest works on.",
    "day": "the rest is cancelled at the end of the bar.",
    "ioc": "the rest is cancelled at the first fill.",
}
SIZES = {
    "fraction": "Each entry takes {percent} of equity at the fill.",
    "units": "Each entry is for {value} units.",
    "cash": "Each entry is for {money}.",
    "risk": "Each entry risks {percent} of equity between its price and its stop.",
    "volatility": "Each entry is sized for a volatility of {percent} a year.",
    "kelly": "Each entry takes the Kelly fraction of the trades before it, at most {percent}.",
}


def rules(config: Config, formula: Mapping[str, Any]) -> list[Rule]:
    """Return the rules that this run's orders were filled by.

    Parameters
    ----------
    config : mapping
        The resolved configuration.
    formula : mapping
        The strategy's fields; a size of its own holds when the configuration has none.
    """
    execution, costs = config["execution"], config["costs"]
    found = [
        Rule("F1", FILLS[execution["fill"]]),
        Rule(
            "F4",
            "Where one bar allows more than one order of events, what is certain comes first; "
            f"otherwise {PATHS[execution['path']]}",
        ),
        Rule("F6", _slippage(execution)),
        Rule("F7", _size(config, formula)),
        Rule("F7", _lots(config)),
        Rule("F7", f"When cash or margin is short, {CASH_POLICIES[execution['cash_policy']]}"),
        Rule("F8", _fees(costs)),
        Rule("F2", f"A limit or stop order works {TIMES[execution['time_in_force']]}."),
        *_volume(execution),
        Rule("F10", _margin(config["margin"])),
        Rule("F10", _carry(costs)),
        Rule("F14", "Splits multiply shares on their date; dividends are cash on their ex-date."),
        Rule("F15", _end(execution)),
    ]
    if execution["limit_ticks_through"]:
        ticks = formatting.integer(execution["limit_ticks_through"])
        found.append(
            Rule("F3", f"A limit fills only when the price goes {ticks} ticks through it.")
        )
    found += _limits(config["risk"])
    if config.get("flows"):
        found.append(Rule("F16", _flows(config["flows"])))
    return found


def _volume(execution: Config) -> list[Rule]:
    """Return the rules of the volume cap and of what size does to the price."""
    found = []
    if execution.get("participation"):
        share = formatting.percent(execution["participation"])
        text = f"The fills of a symbol take at most {share} of a bar's volume, exits included; "
        found.append(Rule("F9", text + RESTS[execution["time_in_force"]]))
    laws = [
        f"{formatting.plain(execution[key])} × {law}"
        for key, law in (
            ("impact", "√(quantity / volume)"),
            ("volume_impact", "(quantity / volume)²"),
        )
        if execution.get(key)
    ]
    if laws:
        text = f"A fill's price moves against its order by {' + '.join(laws)} of the price."
        found.append(Rule("F6", text))
    return found


def _flows(flows: Config) -> str:
    amount = formatting.money(abs(flows["amount"]))
    verb = "paid in" if flows["amount"] > 0 else "taken out, as far as there is cash"
    return f"At the close of the first bar of each {flows['every']} {amount} is {verb}."


def _slippage(execution: Config) -> str:
    slip, spread = execution["slippage_bps"], execution["spread_bps"]
    ticks = execution.get("slippage_ticks")
    if not (slip or spread or ticks):
        return "Fills are at the raw price: no slippage and no spread."
    parts = []
    if slip:
        parts.append(f"{formatting.plain(slip)} bps slippage")
    if spread:
        parts.append(f"half of {formatting.plain(spread)} bps spread")
    if ticks:
        noun = "tick" if ticks == 1 else "ticks"
        size = formatting.money(execution["tick"], 4).rstrip("0").rstrip(".")
        parts.append(f"{formatting.integer(ticks)} {noun} of {size}")
    clip = ", kept inside the bar's range" if execution["clip"] else ""
    return (
        f"Market and stop fills are {' and '.join(parts)} worse than the price{clip}. "
        "A limit never fills beyond its price."
    )


def _size(config: Config, formula: Mapping[str, Any]) -> str:
    sizing = config.get("sizing")
    if sizing is None:
        written = formula.get("size")
        return f"Each entry is sized by the formula: {written}." if written else "Equal parts."
    value = sizing["value"]
    text = SIZES.get(sizing["kind"], "Each entry is sized by {kind}, {value}.")
    return text.format(
        percent=formatting.percent(value),
        value=formatting.plain(value),
        money=formatting.money(value),
        kind=sizing["kind"],
    )


def _lots(config: Config) -> str:
    lot = config.get("lot")
    if lot is None:
        return "Quantities are rounded down to the symbol's own lot."
    if lot == 0:
        return "Quantities are fractional."
    return f"Quantities are rounded down to multiples of {formatting.plain(lot)}."


def _fees(costs: Config) -> str:
    parts = []
    if costs["rate_bps"]:
        parts.append(f"{formatting.plain(costs['rate_bps'])} bps of its value")
    for key, word in (("maker_bps", "as a limit"), ("taker_bps", "otherwise")):
        if costs.get(key) is not None:
            parts.append(f"{formatting.plain(costs[key])} bps {word}")
    if costs["per_unit"]:
        parts.append(f"{formatting.money(costs['per_unit'], 4)} a share")
    if costs["fixed"]:
        parts.append(f"{formatting.money(costs['fixed'], 2)}")
    if not parts and not costs["minimum"]:
        return "No commission is charged."
    text = f"Each fill pays {', '.join(parts)}" if parts else "Each fill pays a commission"
    if costs["minimum"]:
        text += f", at least {formatting.money(costs['minimum'], 2)}"
    if costs.get("maximum_rate_bps") is not None:
        text += f", at most {formatting.plain(costs['maximum_rate_bps'])} bps"
    return f"{text}."


def _margin(margin: Config) -> str:
    initial, maintenance = (formatting.percent(margin[k], 0) for k in ("initial", "maintenance"))
    return (
        f"An opening must be covered to {initial}; below {maintenance} of the gross value "
        "positions are closed at the next open."
    )


def _carry(costs: Config) -> str:
    parts = [
        f"{formatting.percent(costs[key], 2)} a year {text}"
        for key, text in (
            ("cash_rate", "is earned on cash"),
            ("margin_rate", "is paid on borrowed cash"),
            ("borrow_rate", "is paid on short positions"),
        )
        if costs[key]
    ]
    return f"{'; '.join(parts)}." if parts else "Cash, loans and shorts carry no interest."


def _end(execution: Config) -> str:
    if execution["finalize"]:
        return "Open positions are sold at the last close, with costs."
    return "Open positions are marked at the last close and left open."


def _limits(risk: Config) -> list[Rule]:
    texts = {
        "max_gross": "Openings are reduced so that gross exposure stays within {}.",
        "max_weight": "Openings are reduced so that one symbol stays within {} of equity.",
        "max_drawdown_stop": "At a drawdown of {} everything is closed and nothing opened again.",
    }
    return [
        Rule("F18", text.format(formatting.percent(risk[key])))
        for key, text in texts.items()
        if risk.get(key) is not None
    ]
