"""Where two runs part: the first event that only one of them has, or has otherwise."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from engine.analysis.words import amount, day, price
from engine.types import FloatArray, IntArray, Table

ORDER_COLUMNS = ("side", "type", "limit", "stop")
FILL_COLUMNS = ("side", "quantity", "price", "fee", "reason")
PRICES = frozenset({"price", "limit", "stop", "open", "high", "low", "close"})
# Within one bar: what is done to the account comes before what the strategy then wants.
RANKS = {"action": 0, "fill": 1, "market": 2, "signal": 3, "risk": 4, "order": 5, "equity": 6}

Values = Mapping[str, Any]


class Event(NamedTuple):
    """One event as runs are compared by it: what was known when it happened, no more."""

    time: int
    kind: str
    symbol: str
    values: Values


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """The first event at which two runs differ; None where a run has no such event."""

    time: int
    kind: str
    symbol: str
    a: Values | None
    b: Values | None

    @property
    def place(self) -> tuple[int, str, str]:
        """Return when it was, and of which kind and symbol."""
        return (self.time, self.kind, self.symbol)

    @property
    def text(self) -> str:
        """Return it in one sentence."""
        what = f"{self.kind} of {self.symbol}" if self.symbol else self.kind
        when = day(self.time)
        if self.a is None or self.b is None:
            has, lacks = ("second", "first") if self.a is None else ("first", "second")
            values = _in_words(self.b if self.a is None else self.a)
            return (
                f"The first difference is a {what} on {when} that the {has} run has and the "
                f"{lacks} has not{f' ({values})' if values else ''}."
            )
        names = [name for name in self.a if self.a[name] != self.b.get(name)]
        words = ", ".join(
            f"{name} {_word(name, self.a[name])} against {_word(name, self.b.get(name))}"
            for name in names
        )
        return f"The first difference is in the {what} on {when}: {words}."


def logged(table: Table) -> list[Event]:
    """Return the events of `engine.events.event_table` as they are compared."""
    columns = (table[name].tolist() for name in ("time", "kind", "symbol", "values"))
    return [
        Event(time, kind, symbol, _known_then(kind, json.loads(values)))
        for time, kind, symbol, values in zip(*columns, strict=True)
    ]


def recorded(orders: Table, fills: Table) -> list[Event]:
    """Return the events that the stored tables of a run show: its orders and its fills."""
    events = [*_rows(orders, "order", ORDER_COLUMNS), *_rows(fills, "fill", FILL_COLUMNS)]
    return sorted(events, key=lambda event: (event.time, RANKS[event.kind]))


def first_divergence(one: Sequence[Event], other: Sequence[Event]) -> Divergence | None:
    """Return the first event at which two logs differ, None when there is none.

    A market event says what a bar was like and stands in a log only where something happened, so
    one that only one log has is no difference of its own.
    """
    both = dict(_bars(one)).keys() & dict(_bars(other)).keys()
    left, right = (
        [event for event in log if event.kind != "market" or (event.time, event.symbol) in both]
        for log in (one, other)
    )
    for a, b in zip(left, right, strict=False):
        if a != b:
            return _divergence(a, b)
    if len(left) > len(right):
        return _divergence(left[len(right)], None)
    return _divergence(None, right[len(left)]) if len(right) > len(left) else None


def equity_divergence(
    one: tuple[IntArray, FloatArray], other: tuple[IntArray, FloatArray]
) -> Divergence | None:
    """Return the first bar at which two equity curves (time, value) differ."""
    n_both = min(one[0].size, other[0].size)
    differs = (one[0][:n_both] != other[0][:n_both]) | (one[1][:n_both] != other[1][:n_both])
    places = np.flatnonzero(differs)
    if places.size == 0:
        return None
    at = int(places[0])
    values = [{"equity": float(curve[1][at])} for curve in (one, other)]
    return Divergence(time=int(one[0][at]), kind="equity", symbol="", a=values[0], b=values[1])


def distance(one: Values | None, other: Values | None) -> float:
    """Return how unlike two events are: the relative differences of their values, summed."""
    if one is None or other is None:
        return 0.0 if one is other else math.inf
    return sum(_unlikeness(one.get(name), other.get(name)) for name in {*one, *other})


def _unlikeness(one: Any, other: Any) -> float:
    if isinstance(one, int | float) and isinstance(other, int | float):
        largest = max(abs(one), abs(other))
        return abs(one - other) / largest if largest > 0.0 else 0.0
    return 0.0 if one == other else 1.0


def _divergence(a: Event | None, b: Event | None) -> Divergence:
    if a is not None and b is not None and a[:3] == b[:3]:
        return Divergence(time=a.time, kind=a.kind, symbol=a.symbol, a=a.values, b=b.values)
    first = min((event for event in (a, b) if event is not None), key=_rank)
    return Divergence(
        time=first.time,
        kind=first.kind,
        symbol=first.symbol,
        a=first.values if first is a else None,
        b=first.values if first is b else None,
    )


def _rank(event: Event) -> tuple[int, int, str]:
    return (event.time, RANKS[event.kind], event.symbol)


def _bars(log: Sequence[Event]) -> list[tuple[tuple[int, str], Values]]:
    return [((e.time, e.symbol), e.values) for e in log if e.kind == "market"]


def _known_then(kind: str, values: Values) -> Values:
    """Leave out what an order's row says of its end: that comes later, by its fills."""
    if kind == "order":
        return {name: values[name] for name in ORDER_COLUMNS if name in values}
    return values


def _rows(table: Table, kind: str, names: tuple[str, ...]) -> list[Event]:
    columns = [table[name].tolist() for name in ("time", "symbol", *names)]
    return [
        Event(
            row[0],
            kind,
            row[1],
            # A price that an order has not is NaN, which equals nothing.
            {name: value for name, value in zip(names, row[2:], strict=True) if value == value},
        )
        for row in zip(*columns, strict=True)
    ]


def _in_words(values: Values | None) -> str:
    return ", ".join(f"{name} {_word(name, value)}" for name, value in (values or {}).items())


def _word(name: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "none" if value is None else str(value).lower()
    return price(value) if name in PRICES else amount(value)
