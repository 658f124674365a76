"""Small markets and signals by hand, for the tests of the execution rules.

A bar is (open, high, low, close); a signal is the set of bars at whose close it is true. Costs
and slippage are zero and lots fractional unless a test says otherwise, so that expected values
can be derived in the head.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from config.run import RunConfig
from engine.market import build_market
from engine.simulation import simulate
from engine.types import Bars, Ledger, Market, SideSignals, Signals, SizeKind

DAY_MS = 86_400_000
FREE = {"execution": {"slippage_bps": 0.0}, "costs": {"rate_bps": 0.0}, "lot": 0.0, "cash": 1000.0}


def make_bars(rows: Iterable[tuple[float, float, float, float]], **fields: Any) -> Bars:
    """Return daily bars; `days` numbers them when some are missing."""
    table = np.array(list(rows), dtype=np.float64).reshape(-1, 4)
    days = np.array(fields.pop("days", range(len(table))), dtype=np.int64)
    volume = np.array(fields.pop("volume", [1e6] * len(table)), dtype=np.float64)
    return Bars(days * DAY_MS, *table.T.copy(), volume, **fields)


def flat_bars(closes: Iterable[float], **fields: Any) -> Bars:
    """Return bars whose four prices are equal."""
    return make_bars([(c, c, c, c) for c in closes], **fields)


def make_config(**options: Any) -> RunConfig:
    """Return a config without costs, changed by dotted options such as costs__rate_bps."""
    document: dict[str, Any] = {"symbols": ["A"], "strategy": {"name": "test"}}
    for name, value in FREE.items():
        document[name] = dict(value) if isinstance(value, dict) else value
    for name, value in options.items():
        part, _, key = name.partition("__")
        if key:
            document.setdefault(part, {})[key] = value
        else:
            document[part] = value
    return RunConfig.model_validate(document)


def make_side(
    market: Market,
    enter: Mapping[str, Iterable[int]],
    exit_: Mapping[str, Iterable[int]],
    prices: Mapping[str, Any],
) -> SideSignals:
    """Return one side; `stop` and `target` are (a, b) of a + b * entry_price, or just a."""
    shape = market.has_bar.shape
    fields: dict[str, Any] = {}
    for name, value in prices.items():
        if name in ("stop", "target"):
            a, b = value if isinstance(value, tuple) else (value, 0.0)
            fields[name] = (np.full(shape, a, dtype=float), np.full(shape, b, dtype=float))
        elif name == "is_trail_fraction":
            fields[name] = value
        else:
            fields[name] = np.full(shape, value, dtype=float)
    return SideSignals(enter=_mask(market, enter), exit=_mask(market, exit_), **fields)


def _mask(market: Market, at: Mapping[str, Iterable[int]]) -> np.ndarray:
    mask = np.zeros(market.has_bar.shape, dtype=np.bool_)
    for symbol, places in at.items():
        mask[market.symbols.index(symbol), list(places)] = True
    return mask


def trade(
    bars: Bars | Mapping[str, Bars],
    *,
    enter_long: Any = (),
    exit_long: Any = (),
    enter_short: Any = (),
    exit_short: Any = (),
    long: Mapping[str, Any] | None = None,
    short: Mapping[str, Any] | None = None,
    size: float | np.ndarray = 1.0,
    size_kind: SizeKind = SizeKind.FRACTION,
    expire_bars: int = 0,
    pyramiding: int = 1,
    path: str | None = None,
    by: Callable[..., Ledger] = simulate,
    **options: Any,
) -> Ledger:
    """Run signals on bars; one symbol is called A, and its signals are plain sets of bars.

    `by` is the engine or its naive twin.
    """
    many = {"A": bars} if isinstance(bars, Bars) else bars
    market = build_market(many)

    def by_symbol(at: Any) -> Mapping[str, Iterable[int]]:
        return at if isinstance(at, Mapping) else ({"A": at} if at else {})

    signals = Signals(
        long=make_side(market, by_symbol(enter_long), by_symbol(exit_long), long or {}),
        short=make_side(market, by_symbol(enter_short), by_symbol(exit_short), short or {}),
        size_kind=size_kind,
        size=np.broadcast_to(size, market.has_bar.shape).astype(float),
        expire_bars=expire_bars,
        pyramiding=pyramiding,
    )
    return by(market, signals, make_config(**options), path=path)


def fills(ledger: Ledger, *names: str) -> list[tuple[Any, ...]]:
    """Return the named columns of the fills as rows of plain numbers, reasons as names."""
    return _rows(ledger.fills, names or ("i_time", "side", "quantity", "price", "reason"))


def trades(ledger: Ledger, *names: str) -> list[tuple[Any, ...]]:
    """Return the named columns of the trades as rows."""
    return _rows(ledger.trades, names)


def orders(ledger: Ledger, *names: str) -> list[tuple[Any, ...]]:
    """Return the named columns of the orders as rows."""
    return _rows(ledger.orders, names)


def _rows(table: Mapping[str, np.ndarray], names: Iterable[str]) -> list[tuple[Any, ...]]:
    return list(zip(*(table[name].tolist() for name in names), strict=True))
