"""Truth tables: one row is one case, its fills derived by hand, for the engine and its twin.

Every row is run under all three path rules, by the compiled engine and by the naive twin, as it
stands (long) and mirrored (short). The mirror knows nothing of the engine: it reflects the whole
market, p → 200 − p, so that each rule for longs has to hold for shorts too. A few short rows
derived by hand in each table test the mirror itself.

Fills are written `bar phase price reason`, one after another: `1 open 100 signal; 2 inside 95
stop?`. A question mark says that the fill is ambiguous (F4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from engine.simulation import simulate
from engine.types import Bars, FillPhase, Ledger, Reason, SizeKind
from tests.engine import reference
from tests.engine.scenario import flat_bars, make_bars, trade

PATHS = ("pessimistic", "optimistic", "ohlc")
WORKERS: dict[str, Callable[..., Ledger]] = {"engine": simulate, "twin": reference.simulate}
QUIET = (100.0, 100.0, 100.0, 100.0)
MIDDLE = 100.0
AMPLE = {"cash": 10_000.0, "size": 1.0, "size_kind": SizeKind.UNITS, "margin__maintenance": 0.0}
"""Money for everything: these tables are about where and when, not about how much."""

PriceBar = tuple[float, float, float, float]
Prices = Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """One case: a shape of the market, an order, and the fills that the rules demand.

    `bars` follow a quiet bar 0, unless `first` takes its place; None is a missing bar. `enter` and
    `leave` are the bars of the signals: 0 and none, where neither the row nor its table says
    otherwise. `fills` may differ by path rule. `count` is the number of ambiguous fills where it
    is not simply that of the question marks: an order or position that only another rule fills
    counts too (F4).
    """

    shape: str
    name: str
    bars: Sequence[PriceBar | None]
    fills: str | Mapping[str, str]
    first: PriceBar = QUIET
    prices: Prices = field(default_factory=dict)
    enter: Iterable[int] | None = None
    leave: Iterable[int] | None = None
    count: int | Mapping[str, int] | None = None
    side: str = "long"
    is_mirrored: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)


def by_rule(pessimistic: str, optimistic: str, ohlc: str) -> dict[str, str]:
    """Return the fills of each path rule."""
    return {"pessimistic": pessimistic, "optimistic": optimistic, "ohlc": ohlc}


def params(rows: Iterable[Row], **defaults: Any) -> list[Any]:
    """Return the rows, and after each its mirror image, as parameters with readable names."""
    found = []
    for row in rows:
        given = row if not defaults else _with_defaults(row, defaults)
        sides = [given, mirrored(given)] if given.is_mirrored else [given]
        found += [pytest.param(one, id=f"{one.side}: {one.name}") for one in sides]
    return found


def _with_defaults(row: Row, defaults: Mapping[str, Any]) -> Row:
    """Return the row with the prices and options of its table, its own winning."""
    prices = {**defaults.get("prices", {}), **row.prices}
    options = {**defaults.get("options", {}), **row.options}
    enter = defaults.get("enter") if row.enter is None else row.enter
    leave = defaults.get("leave") if row.leave is None else row.leave
    return replace(row, prices=prices, options=options, enter=enter, leave=leave)


def check(row: Row) -> None:
    """Assert the row's fills and its count, under every rule, of the engine and of its twin."""
    for path in PATHS:
        expected = row.fills if isinstance(row.fills, str) else row.fills[path]
        wanted = [_parsed(text) for text in expected.split(";") if text.strip()]
        count = row.count.get(path) if isinstance(row.count, Mapping) else row.count
        if count is None:
            count = expected.count("?")
        for worker, by in WORKERS.items():
            ledger = run(row, path, by)
            got = fills_of(ledger)
            assert [f[0] for f in got] == [f[0] for f in wanted], f"{path}, {worker}: {got}"
            assert [f[1] for f in got] == pytest.approx([f[1] for f in wanted]), f"{path}, {worker}"
            assert ledger.ambiguous_fills == count, f"{path}, {worker}: {got}"


def fills_of(ledger: Ledger) -> list[tuple[tuple[int, str, str, bool], float]]:
    """Return ((bar, phase, reason, is ambiguous), price) of every fill."""
    columns = (ledger.fills[n].tolist() for n in ("i_time", "phase", "reason", "ambiguous"))
    heads = [
        (bar, FillPhase(phase).name.lower(), Reason(reason).name.lower(), bool(doubt))
        for bar, phase, reason, doubt in zip(*columns, strict=True)
    ]
    return list(zip(heads, ledger.fills["price"].tolist(), strict=True))


def _parsed(text: str) -> tuple[tuple[int, str, str, bool], float]:
    bar, phase, price, reason = text.split()
    return (int(bar), phase, reason.rstrip("?"), reason.endswith("?")), float(price)


def run(row: Row, path: str, by: Callable[..., Ledger]) -> Ledger:
    """Trade one row under one path rule; where a bar is missing, symbol B keeps the clock."""
    rows = [row.first, *row.bars]
    days = [day for day, bar in enumerate(rows) if bar is not None]
    bars = make_bars([bar for bar in rows if bar is not None], days=days)
    options = {**AMPLE, **row.options}
    bars = replace(bars, splits=options.pop("splits", None))
    if "volume" in options:
        bars = replace(bars, volume=np.full(len(days), options.pop("volume")))
    market: dict[str, Bars] = {"A": bars}
    if len(days) < len(rows):
        market["B"] = flat_bars([MIDDLE] * len(rows))
    signals = {
        f"enter_{row.side}": {"A": {0} if row.enter is None else set(row.enter)},
        f"exit_{row.side}": {"A": set(row.leave or ())},
        row.side: _arrays(row.prices, (len(market), len(rows))),
    }
    return trade(market, path=path, by=by, **signals, **options)


def _arrays(prices: Prices, shape: tuple[int, int]) -> dict[str, Any]:
    """Return the prices of a side; a sequence gives a level bar by bar, the last one lasting."""
    found: dict[str, Any] = {}
    for name, value in prices.items():
        is_by_bar = isinstance(value, list)
        found[name] = [_stretched(value, shape[1])] * shape[0] if is_by_bar else value
    return found


def _stretched(values: list[float], n: int) -> list[float]:
    return (values + [values[-1]] * n)[:n]


def mirrored(row: Row) -> Row:
    """Return the same case upside down: p → 200 − p, highs and lows, buys and sells swapped.

    A tie of the `ohlc` rule (low first) has no mirror image; such rows say `is_mirrored=False`.
    """
    return replace(
        row,
        side="short" if row.side == "long" else "long",
        first=_flipped(row.first),
        bars=[None if bar is None else _flipped(bar) for bar in row.bars],
        prices={name: _mirror_price(name, value) for name, value in row.prices.items()},
        fills=(
            _mirror_fills(row.fills)
            if isinstance(row.fills, str)
            else {path: _mirror_fills(text) for path, text in row.fills.items()}
        ),
    )


def _flipped(bar: PriceBar) -> PriceBar:
    open_, high, low, close = (2 * MIDDLE - price for price in bar)
    return open_, low, high, close


def _mirror_price(name: str, value: Any) -> Any:
    if name in ("trail", "is_trail_fraction"):
        return value  # a distance is the same on both sides
    if isinstance(value, tuple):
        # 200 − (a + b·(200 − p)) = 200·(1 − b) − a + b·p
        a, b = value
        return 2 * MIDDLE * (1.0 - b) - a, b
    if isinstance(value, list):
        return [2 * MIDDLE - level for level in value]
    return 2 * MIDDLE - value


def _mirror_fills(text: str) -> str:
    parts = [fill.split() for fill in text.split(";") if fill.strip()]
    flipped = [(bar, phase, repr(2 * MIDDLE - float(p)), reason) for bar, phase, p, reason in parts]
    return "; ".join(" ".join(part) for part in flipped)
