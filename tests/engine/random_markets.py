"""Seeded random markets, signals and configs, rich in the awkward cases of the rules.

Prices lie on a coarse dyadic grid, so that bars touch levels exactly, open on them and tie; there
are gaps, dojis, locked bars, missing bars, zero volume, splits, dividends and delistings.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from config.run import RunConfig
from engine.types import FloatArray, IntArray, Market, SideSignals, Signals, SizeKind

DAY_MS = 86_400_000
START_MS = 1_262_304_000_000  # 2010-01-01


@dataclass(frozen=True)
class Case:
    """One random simulation; `seed` makes it again."""

    seed: int
    market: Market
    signals: Signals
    config: RunConfig


def random_case(seed: int) -> Case:
    """Return the case of a seed: always the same."""
    rng = random.Random(seed)  # noqa: S311
    grid = rng.choice([1.0, 0.5, 0.25, 0.0625])
    market = random_market(rng, grid)
    signals = random_signals(rng, market, grid)
    return Case(seed, market, signals, random_config(rng, market, grid))


# ── markets ─────────────────────────────────────────────────────────────────────────────────


def random_market(rng: random.Random, grid: float) -> Market:
    """A market of 1–4 symbols on one union clock."""
    n_symbols = rng.choice([1, 1, 2, 3, 4])
    # Now and then a long one: with few signals most of its bars are quiet.
    n_times = rng.randint(2, 40) if rng.random() < 0.9 else rng.randint(60, 250)
    symbols = tuple(sorted(rng.sample(["A", "AA", "B", "Z", "a", "b1", "SPY"], n_symbols)))
    shape = (n_symbols, n_times)
    prices = {name: np.full(shape, np.nan) for name in ("open", "high", "low", "close", "volume")}
    has_bar = np.zeros(shape, dtype=np.bool_)
    split, dividend = np.ones(shape), np.zeros(shape)
    delisted = np.zeros(n_symbols, dtype=np.bool_)
    has_gaps, has_actions = rng.random() < 0.4, rng.random() < 0.4
    is_wild = rng.random() < 0.2
    for s in range(n_symbols):
        begin = rng.randint(0, n_times - 1) if has_gaps and rng.random() < 0.3 else 0
        end = rng.randint(begin + 1, n_times) if has_gaps and rng.random() < 0.4 else n_times
        delisted[s] = has_gaps and rng.random() < 0.4
        close = grid * rng.randint(40, 120)
        for i in range(begin, end):
            if i not in (begin, end - 1) and has_gaps and rng.random() < 0.15:
                continue
            has_bar[s, i] = True
            if i > begin and has_actions and rng.random() < 0.08:
                split[s, i] = rng.choice([2.0, 0.5, 4.0, 1.5, 3.0])
                close = max(round(close / split[s, i] / grid), 12) * grid
            if i > begin and has_actions and rng.random() < 0.08:
                dividend[s, i] = grid * rng.randint(1, 3)
            bar = random_bar(rng, close, grid, is_wild=is_wild)
            for name, value in zip(("open", "high", "low", "close"), bar, strict=True):
                prices[name][s, i] = value
            prices["volume"][s, i] = rng.choice([0.0, 10.0, 40.0, 137.0, 1000.0, 5000.0])
            close = bar[3]
    # The union clock has no instant without a bar.
    kept = has_bar.any(axis=0)
    steps = np.array([rng.choice([1, 1, 1, 3, 0.25]) for _ in range(n_times)]) * DAY_MS
    time = START_MS + np.cumsum(steps).astype(np.int64)
    n_kept = int(kept.sum())
    return Market(
        symbols=symbols,
        time=time[kept],
        **{name: values[:, kept] for name, values in prices.items()},
        has_bar=has_bar[:, kept],
        split=split[:, kept],
        dividend=dividend[:, kept],
        lot=np.array([rng.choice([0.0, 0.0, 1.0, 1.0, 0.5, 10.0]) for _ in symbols]),
        delisted=delisted,
        calendars=(None,) * n_symbols,
        zones=("UTC",) * n_symbols,
        first=rng.randint(0, min(3, n_kept - 1)) if rng.random() < 0.3 else 0,
    )


def random_bar(
    rng: random.Random, close: float, grid: float, *, is_wild: bool
) -> tuple[float, float, float, float]:
    """Open, high, low and close after a close: usual bars, gaps, dojis, locked bars."""

    def price(around: float, reach: int) -> float:
        return max(around + grid * rng.randint(-reach, reach), 8 * grid)

    kind = rng.random()
    if kind < 0.08:  # locked: one price, often after a jump
        value = price(close, rng.choice([0, 8]))
        return value, value, value, value
    open_ = price(close, rng.choice([0, 1, 2, 2, 40 if is_wild else 10]))
    close = open_ if kind < 0.16 else price(open_, rng.choice([1, 3, 6]))
    high = max(open_, close) + grid * rng.choice([0, 0, 1, 2, 4, 8])
    low = max(min(open_, close) - grid * rng.choice([0, 0, 1, 2, 4, 8]), 4 * grid)
    return open_, high, min(low, open_, close), close


# ── signals ─────────────────────────────────────────────────────────────────────────────────


def random_signals(rng: random.Random, market: Market, grid: float) -> Signals:
    """Signals of every order type and size, on one side or both."""
    kind = rng.choice(list(SizeKind))
    with_stop = kind == SizeKind.RISK or rng.random() < 0.5
    which = rng.choice(["long", "short", "both", "both"])
    density = rng.choice([0.02, 0.1, 0.3, 0.7])
    sides = {
        name: random_side(
            rng, market, grid, side, density if which in (name, "both") else 0.0, with_stop
        )
        for name, side in (("long", 1), ("short", -1))
    }
    scale = {
        SizeKind.FRACTION: [0.1, 0.5, 1.0, 1.0, 2.0, 8.0],
        SizeKind.UNITS: [1.0, 10.0, 30.0, 100.0],
        SizeKind.CASH: [50.0, 1000.0, 5000.0],
        SizeKind.RISK: [0.01, 0.05, 0.2],
        SizeKind.KELLY: [0.5, 1.0, 3.0],
    }[kind]
    shape = market.close.shape
    size = np.array([rng.choice(scale) for _ in range(shape[0] * shape[1])]).reshape(shape)
    return Signals(
        long=sides["long"],
        short=sides["short"],
        size_kind=kind,
        size=size,
        expire_bars=rng.choice([0, 0, 1, 2, 4]),
        pyramiding=rng.choice([1, 1, 2, 3]),
    )


def random_side(
    rng: random.Random, market: Market, grid: float, side: int, density: float, with_stop: bool
) -> SideSignals:
    """What one side wants; levels lie around the close of the signal bar, on the grid."""
    shape = market.close.shape

    def flags(share: float) -> np.ndarray:
        values = [rng.random() < share for _ in range(shape[0] * shape[1])]
        return np.array(values, dtype=np.bool_).reshape(shape) & market.has_bar

    def ticks(low: int, high: int) -> FloatArray:
        values = [grid * rng.randint(low, high) for _ in range(shape[0] * shape[1])]
        return np.array(values, dtype=np.float64).reshape(shape)

    def line(sign: int) -> tuple[FloatArray, FloatArray]:
        """A stop (sign −1) or target (+1) as a + b·entry_price."""
        form = rng.choice(["level", "distance", "share"])
        direction = side * sign
        if form == "level":
            return market.close + direction * ticks(-1, 6), np.zeros(shape)
        if form == "distance":
            return direction * ticks(0, 6), np.ones(shape)
        return np.zeros(shape), np.full(shape, 1.0 + direction * rng.choice([0.03125, 0.125]))

    order = rng.choice(["market", "market", "limit", "trigger", "both"])
    trail, is_fraction = None, rng.random() < 0.5
    if rng.random() < 0.3:
        share = rng.choice([0.03125, 0.125, 0.05])
        trail = np.full(shape, share) if is_fraction else ticks(1, 6)
    limit = market.close - side * ticks(-2, 5)
    trigger = market.close + side * ticks(-1, 5)
    if order == "both":
        limit = trigger + side * ticks(-2, 3)
    return SideSignals(
        enter=flags(density),
        exit=flags(rng.choice([0.0, 0.1, 0.4]) * min(1.0, 5.0 * density)),
        limit=limit if order in ("limit", "both") else None,
        trigger=trigger if order in ("trigger", "both") else None,
        stop=line(-1) if with_stop else None,
        target=line(1) if rng.random() < 0.5 else None,
        trail=trail,
        is_trail_fraction=is_fraction,
    )


# ── configs ─────────────────────────────────────────────────────────────────────────────────


def random_config(rng: random.Random, market: Market, grid: float) -> RunConfig:
    """A config with every option on now and then; half of them are simple."""
    is_simple = rng.random() < 0.5

    def pick(default: Any, *others: Any) -> Any:
        return default if is_simple or rng.random() < 0.5 else rng.choice(others)

    execution = {
        "fill": rng.choice(["next_open", "next_open", "this_close", "next_close"]),
        "path": rng.choice(["pessimistic", "optimistic", "ohlc"]),
        "slippage_bps": rng.choice([0.0, 5.0, 100.0]),
        "spread_bps": pick(0.0, 10.0, 200.0),
        "cash_policy": pick("reduce", "reject"),
        "limit_ticks_through": pick(0, 1, 2),
        "tick": pick(None, grid, grid / 4),
        "clip": pick(False, True),
        "participation": pick(None, 0.05, 0.3, 1.0),
        "volume_impact": pick(None, None, 0.1, 3.0),
        "impact": pick(None, None, 0.02, 0.5),
        "slippage_ticks": pick(0, 1, 3),
        "time_in_force": pick("gtc", "day", "ioc"),
        "finalize": pick(False, True),
    }
    if execution["tick"] is None:
        execution["limit_ticks_through"] = execution["slippage_ticks"] = 0
    costs = {
        "rate_bps": rng.choice([0.0, 10.0, 50.0]),
        "maker_bps": pick(None, 0.0, 5.0),
        "taker_bps": pick(None, 20.0),
        "per_unit": pick(0.0, 0.01),
        "fixed": pick(0.0, 1.0),
        "minimum": pick(0.0, 2.0),
        "maximum_rate_bps": pick(None, 30.0, 100.0),
        "borrow_rate": pick(0.0, 0.05),
        "cash_rate": pick(0.0, 0.03, -0.01),
        "margin_rate": pick(0.0, 0.08),
    }
    # Long and levered, a random account grows until 1e-9 of its first cash is below rounding (F16).
    is_long = market.time.size > 40
    margin = {
        "initial": rng.choice([1.0, 1.5] if is_long else [1.0, 1.0, 0.5, 0.2, 0.05, 1.5]),
        "maintenance": rng.choice([0.25, 0.0, 0.15]),
    }
    risk = {
        "max_gross": pick(None, 0.5, 1.5),
        "max_weight": pick(None, 0.3, 0.8),
        "max_drawdown_stop": pick(None, 0.05, 0.3),
    }
    return RunConfig.model_validate(
        {
            "symbols": list(market.symbols),
            "strategy": {"formula": {"enter_long": "close > 0"}},
            "cash": rng.choice([200.0, 1000.0, 10_000.0, 100_000.0]),
            "lot": rng.choice([None, None, 0.0, 1.0]),
            "execution": execution,
            "costs": costs,
            "margin": margin,
            "risk": risk,
            "flows": random_flows(rng, market),
        }
    )


def random_flows(rng: random.Random, market: Market) -> dict[str, Any] | None:
    """Now and then a regular contribution or withdrawal; too small to grow beyond F16."""
    if rng.random() < 0.7 or market.time.size > 60:
        return None
    every = rng.choice(["day", "week", "month", "quarter", "year"])
    return {"amount": rng.choice([25.0, 300.0, -40.0, -500.0]), "every": every}


# ── cutting a case down ─────────────────────────────────────────────────────────────────────


def cut(
    case: Case, *, times: slice | IntArray | None = None, rows: list[int] | None = None
) -> Case:
    """The case on some of its instants or symbols."""
    return replace(
        case,
        market=cut_market(case.market, times, rows),
        signals=map_signals(case.signals, lambda values: _part(values, times, rows)),
    )


def cut_market(market: Market, times: slice | IntArray | None, rows: list[int] | None) -> Market:
    matrices = ("open", "high", "low", "close", "volume", "has_bar", "split", "dividend")
    changed: dict[str, Any] = {name: _part(getattr(market, name), times, rows) for name in matrices}
    if times is not None:
        changed["time"] = market.time[times].copy()
    if rows is not None:
        changed["symbols"] = tuple(market.symbols[row] for row in rows)
        changed["calendars"] = tuple(market.calendars[row] for row in rows)
        changed["zones"] = tuple(market.zones[row] for row in rows)
        changed["lot"] = market.lot[rows]
        changed["delisted"] = market.delisted[rows]
    return replace(market, **changed)


def map_signals(signals: Signals, change: Any) -> Signals:
    """The signals with every array passed through `change`."""

    def side(one: SideSignals) -> SideSignals:
        return replace(
            one,
            enter=change(one.enter),
            exit=change(one.exit),
            limit=None if one.limit is None else change(one.limit),
            trigger=None if one.trigger is None else change(one.trigger),
            stop=None if one.stop is None else (change(one.stop[0]), change(one.stop[1])),
            target=None if one.target is None else (change(one.target[0]), change(one.target[1])),
            trail=None if one.trail is None else change(one.trail),
        )

    return replace(
        signals, long=side(signals.long), short=side(signals.short), size=change(signals.size)
    )


def _part(values: np.ndarray, times: slice | IntArray | None, rows: list[int] | None) -> np.ndarray:
    if rows is not None:
        values = values[rows]
    if times is not None:
        values = values[:, times]
    return np.ascontiguousarray(values).copy()


def scale_prices(case: Case, scale: FloatArray) -> Case:
    """The case with every price × scale and every unit ÷ scale, of shape (n_symbols, n_times)."""
    market = case.market
    prices = {
        name: getattr(market, name) * scale for name in ("open", "high", "low", "close", "dividend")
    }
    prices["volume"] = market.volume / scale

    def times_scale(values: FloatArray | None) -> FloatArray | None:
        return None if values is None else values * scale

    def side(one: SideSignals) -> SideSignals:
        trail = one.trail if one.is_trail_fraction else times_scale(one.trail)
        return replace(
            one,
            limit=times_scale(one.limit),
            trigger=times_scale(one.trigger),
            stop=None if one.stop is None else (one.stop[0] * scale, one.stop[1]),
            target=None if one.target is None else (one.target[0] * scale, one.target[1]),
            trail=trail,
        )

    signals = replace(case.signals, long=side(case.signals.long), short=side(case.signals.short))
    if signals.size_kind == SizeKind.UNITS:
        signals = replace(signals, size=signals.size / scale)
    return replace(case, market=replace(market, **prices), signals=signals)
