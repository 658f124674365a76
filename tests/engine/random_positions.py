"""Seeded random formulas that read the open position, on the markets of `random_markets`."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import numpy as np

from config.run import RunConfig
from engine.formula import evaluate, formula_definition, plan_strategy
from engine.types import Bars, Ledger, Market, Signals
from tests.engine import naive_formula, reference
from tests.engine.random_markets import random_config, random_market
from tests.engine.reference.loop import Live

# Only what is exact on the markets' coarse prices: an average that ties with a price may fall on
# either side by its last bit.
BARS = ("close > close[1]", "close > open", "volume > 50", "cross_above(close, lowest(high, 3)[1])",
        "close <= lowest(low, 2)[1]", "bar_index % 3 == 0", "close > 0")  # fmt: skip
LIVE = (
    "bars_in_trade >= 2", "bars_in_trade % 3 == 1", "not (bars_in_trade > 2)", "open_profit < -20",
    "open_profit > 10", "close < entry_price * 0.96875", "close >= entry_price",
    "entry_price != close", "abs(open_profit) > 8 and volume > 0", "sign(open_profit - 1) == 1",
    "max(bars_in_trade, 2) < close / 8", "min(bars_in_trade, close) >= 1", "log(open_profit) > 2",
    "sqrt(-open_profit) > 3", "1 / (close - entry_price) > 0.5", "(close > entry_price) * 2 > 1",
    "mom(close, 2) > bars_in_trade / 4",
    "exp(bars_in_trade) > 20 or close[1] > entry_price",
    "-open_profit > 2 ** bars_in_trade", "1 <= bars_in_trade < 3",
)  # fmt: skip
LIVE_NUMBERS = {
    "limit": ("entry_price", "close - bars_in_trade / 4", "min(close, entry_price)"),
    "trigger": ("entry_price + 1", "close + bars_in_trade / 8"),
    "stop": ("entry_price * (1 - bars_in_trade / 64)", "close - 2 - bars_in_trade",
             "entry_price - abs(open_profit) / 16 - 1"),
    "target": ("entry_price + 1 + bars_in_trade", "entry_price * 1.125 + log(open_profit) / 8"),
    "trail": ("1 + bars_in_trade / 2", "percent(0.03125 * (1 + bars_in_trade))"),
}  # fmt: skip
PLAIN_NUMBERS = {
    "limit": "close - 1", "trigger": "close + 1", "stop": "entry_price - 2", "target": "close + 3",
    "trail": "2",
}  # fmt: skip


def random_formula(rng: random.Random) -> dict[str, str]:
    """Both sides; one of them, or its exit, reads the position."""

    def condition(share: float) -> str:
        if rng.random() > share:
            return rng.choice(BARS)
        return f"{rng.choice(LIVE)} {rng.choice(['and', 'or'])} {rng.choice(BARS + LIVE)}"

    plain, other = rng.sample(["long", "short"], 2)
    formula = {
        f"enter_{plain}": rng.choice(BARS), f"exit_{plain}": condition(0.8),
        f"enter_{other}": condition(0.6), f"exit_{other}": condition(0.8),
        "size": rng.choice(["units(10)", "fraction(0.5)", "cash(200 + 10 * abs(close - open))"]),
        "pyramiding": rng.choice(["1", "2", "3"]), "expire_bars": rng.choice(["none", "2"]),
    }  # fmt: skip
    for kind in PLAIN_NUMBERS:
        if rng.random() < 0.25:
            formula[f"{kind}_{plain}"] = PLAIN_NUMBERS[kind]
        if rng.random() < 0.35:
            live = rng.random() < 0.7
            texts = LIVE_NUMBERS[kind] if live else (PLAIN_NUMBERS[kind],)
            formula[f"{kind}_{other}"] = rng.choice(texts)
    return formula


def naive_rules(formula: dict[str, str], market: Market) -> Live:
    """What the twin asks for at a bar of a position: every field once more, from its text."""
    bars = {}

    def own(row: int) -> tuple[Bars, dict[int, int]]:
        if row not in bars:
            at = np.flatnonzero(market.has_bar[row])
            names = ("open", "high", "low", "close", "volume")
            columns = [getattr(market, name)[row, at] for name in names]
            splits = tuple(
                (int(market.time[i]), float(market.split[row, i]))
                for i in at
                if market.split[row, i] != 1.0
            )
            bars[row] = (Bars(market.time[at], *columns, splits=splits),
                         {int(i): k for k, i in enumerate(at)})  # fmt: skip
        return bars[row]

    def said(row: int, i: int, position: dict[str, float]) -> dict[str, Any]:
        series, place = own(row)
        first = int(np.count_nonzero(market.has_bar[row, : market.first]))

        def value(text: str, **changed: float):
            text = text.replace("bar_index", str(place[i] - first))
            return naive_formula.last_value(text, series, place[i], None, position | changed)

        found: dict[str, Any] = {}
        for side in ("long", "short"):
            is_missing = (
                value(formula[f"enter_{side}"])[1]
                or value(formula["size"].partition("(")[2][:-1])[1]
            )
            for kind in ("limit", "trigger", "trail"):
                text = formula.get(f"{kind}_{side}")
                if text is not None:
                    text = text.removeprefix("percent(")[:-1] if "percent" in text else text
                    found[f"{kind}_{side}"], missing, _ = value(text)
                    is_missing |= missing
            for kind in ("stop", "target"):
                text = formula.get(f"{kind}_{side}")
                if text is not None:
                    a, missing, _ = value(text, entry_price=0.0)
                    b = value(text, entry_price=1.0)[0] - a
                    found |= {f"{kind}_{side}.a": a, f"{kind}_{side}.b": b}
                    is_missing |= missing
            found[f"exit_{side}"] = value(formula[f"exit_{side}"])[0]
            found[f"enter_{side}"] = value(formula[f"enter_{side}"])[0] and not is_missing
        return found

    return said


@dataclass(frozen=True)
class PositionCase:
    """One random run of rules that read the open position; `seed` makes it again."""

    seed: int
    market: Market
    formula: dict[str, str]
    signals: Signals
    config: RunConfig


def random_position_case(seed: int) -> PositionCase:
    """Return the case of a seed: always the same."""
    rng = random.Random(seed)  # noqa: S311
    grid = rng.choice([1.0, 0.5, 0.25])
    market = random_market(rng, grid)
    formula = random_formula(rng)
    signals = evaluate(plan_strategy(formula_definition(formula), {}), market)
    return PositionCase(seed, market, formula, signals, random_config(rng, market, grid))


def twin_of_positions(case: PositionCase) -> Ledger:
    """Return what the twin makes of a case, every rule read once more from its text."""
    rules = None if case.signals.live is None else naive_rules(case.formula, case.market)
    return reference.simulate(case.market, case.signals, case.config, live=rules)
