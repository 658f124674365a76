"""The view of a page as its URL's query, and back. Total: a bad query is the default view.

A `Query` names the fields of a page. `parse` never raises: what cannot be read becomes the
field's default. `format` leaves defaults out, so the plain path is the plain view, and
`parse(format(view)) == view` for every view.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, urlencode

View = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One key of a query: its default, and how its text is read (ValueError: not readable)."""

    default: Any
    read: Callable[[str], Any]
    write: Callable[[Any], str] = str


@dataclass(frozen=True, slots=True)
class Query:
    """The keys that make up a page's view."""

    fields: Mapping[str, Field]

    def parse(self, search: str | None) -> View:
        """Return the view that `search` ("?a=b&c=d") asks for."""
        given = parse_qs((search or "").lstrip("?"), keep_blank_values=False)
        view: View = {}
        for name, field in self.fields.items():
            view[name] = field.default
            if name in given:
                try:
                    view[name] = field.read(given[name][-1])
                except ValueError:
                    continue
        return view

    def format(self, view: Mapping[str, Any]) -> str:
        """Return the query of `view`: "" or "?a=b&c=d" in the order of the fields."""
        pairs = [
            (name, field.write(view[name]))
            for name, field in self.fields.items()
            if name in view and view[name] != field.default
        ]
        return f"?{urlencode(pairs, quote_via=quote, safe=',:')}" if pairs else ""


def text(default: str | None = None, *, limit: int = 200) -> Field:
    """Return a field of free text, at most `limit` characters."""

    def read(value: str) -> str:
        value = value.strip()
        if not value or len(value) > limit:
            raise ValueError(value)
        return value

    return Field(default=default, read=read)


def choice(values: tuple[str, ...], default: str | None = None) -> Field:
    """Return a field that takes one of `values`."""

    def read(value: str) -> str:
        if value not in values:
            raise ValueError(value)
        return value

    return Field(default=default, read=read)


def number(default: float | None = None) -> Field:
    """Return a field that takes a finite number."""

    def read(value: str) -> float:
        result = float(value)
        if result != result or result in (float("inf"), float("-inf")):
            raise ValueError(value)
        return result

    def write(value: float) -> str:
        return repr(float(value)).removesuffix(".0")

    return Field(default=default, read=read, write=write)


def flag() -> Field:
    """Return a field that is either there ("1") or not."""

    def read(value: str) -> bool:
        if value != "1":
            raise ValueError(value)
        return True

    return Field(default=False, read=read, write=lambda value: "1")


def names(default: tuple[str, ...] = ()) -> Field:
    """Return a field that takes a list of names, separated by commas."""

    def read(value: str) -> tuple[str, ...]:
        items = tuple(item for item in value.split(",") if item)
        if not items or any(not re.fullmatch(r"[A-Za-z0-9._\-^=]{1,64}", item) for item in items):
            raise ValueError(value)
        return items

    return Field(default=default, read=read, write=",".join)


def date(default: str | None = None) -> Field:
    """Return a field that takes an ISO date."""

    def read(value: str) -> str:
        from datetime import date as calendar_date

        return calendar_date.fromisoformat(value).isoformat()

    return Field(default=default, read=read)


RUN_COLUMNS = ("sparkline", "cagr", "sharpe", "max_drawdown", "trades", "symbols", "check", "age")
"""The columns of the runs page beside the name, unless its address names others."""

RUN_SORTS = ("created", "name", "cagr", "sharpe", "max_drawdown", "trades")

RUNS = Query(
    {
        "q": text(),
        "strategy": text(limit=48),
        "symbol": text(limit=32),
        "tag": text(limit=48),
        "min_sharpe": number(),
        "max_drawdown": number(),
        "min_trades": number(),
        "starred": flag(),
        "sort": choice(
            tuple(f"{mark}{name}" for name in RUN_SORTS for mark in ("", "-")), "-created"
        ),
        "columns": names(RUN_COLUMNS),
    }
)
"""The runs page; `sort` is a column, with "-" in front: descending; `columns` are shown."""

NEW_RUN = Query(
    {
        "from": text(limit=64),
        "strategy": text(limit=48),
        "symbols": names(),
        "draft": text(limit=8000),
    }
)
"""The new-run page: a run or a draft to begin from, or a strategy and symbols."""


def moment() -> Field:
    """Return a field that takes an ISO date, or an instant to the minute ("2005-03-01T14:30")."""

    def read(value: str) -> str:
        from datetime import datetime

        if not re.fullmatch(r"\d{4}-\d\d-\d\d(T\d\d:\d\d)?", value):
            raise ValueError(value)
        datetime.fromisoformat(value)
        return value

    return Field(default=None, read=read)


def whole(least: int) -> Field:
    """Return a field that takes an integer of at least `least`."""

    def read(value: str) -> int:
        result = int(value)
        if result < least or len(value) > 9:
            raise ValueError(value)
        return result

    return Field(default=None, read=read)


RESULT = Query(
    {
        "tab": choice(
            ("overview", "chart", "trades", "robustness", "orders", "config"), "overview"
        ),
        "from": moment(),
        "to": moment(),
        "scale": choice(("log", "linear", "relative"), "log"),
        "symbol": text(limit=32),
        "trade": whole(1),
    }
)
"""A run's page; `trade` is the number of a row of the trades table, from 1."""

COMPARE = Query(
    {
        "ids": names(),
        "base": text(limit=64),
        "kind": choice(("equity", "relative"), "equity"),
        "scale": choice(("log", "linear"), "log"),
    }
)
"""The compare page: which runs, against which one, and how the curves are drawn."""


def bounds() -> Field:
    """Return a field of ranges by name, "sharpe:1.1:,trades::50": an open end is empty."""

    def read(value: str) -> dict[str, tuple[float | None, float | None]]:
        result: dict[str, tuple[float | None, float | None]] = {}
        for item in value.split(","):
            name, low, high = item.split(":")
            ends = tuple(float(end) if end else None for end in (low, high))
            known = [end for end in ends if end is not None]
            if not _is_name(name) or not known or not all(abs(end) < 1e300 for end in known):
                raise ValueError(value)
            result[name] = (ends[0], ends[1])
        return result

    def write(value: Mapping[str, tuple[float | None, float | None]]) -> str:
        return ",".join(f"{name}:{_end(low)}:{_end(high)}" for name, (low, high) in value.items())

    return Field(default={}, read=read, write=write)


def _end(value: float | None) -> str:
    return "" if value is None else repr(float(value)).removesuffix(".0")


def _is_name(text: str) -> bool:
    return re.fullmatch(r"[a-z][a-z0-9_]{0,47}", text) is not None


def places() -> Field:
    """Return a field of whole numbers by name, "k:3,stop:0"."""

    def read(value: str) -> dict[str, int]:
        result = {}
        for item in value.split(","):
            name, number = item.split(":")
            if not _is_name(name) or not re.fullmatch(r"[0-9]{1,7}", number):
                raise ValueError(value)
            result[name] = int(number)
        return result

    def write(value: Mapping[str, int]) -> str:
        return ",".join(f"{name}:{number}" for name, number in value.items())

    return Field(default={}, read=read, write=write)


SWEEP_METRICS = (
    "sharpe",
    "total_return",
    "final_equity",
    "max_drawdown",
    "cagr",
    "calmar",
    "volatility",
    "trades",
)
"""What a point of a sweep is measured by."""

SWEEP = Query(
    {
        "x": text(limit=48),
        "y": text(limit=48),
        "metric": choice(SWEEP_METRICS),
        "at": places(),
        "view": choice(("value", "worst"), "value"),
        "kind": choice(("map", "slices"), "map"),
        "brush": bounds(),
        "from": text(limit=64),
    }
)
"""A sweep's page; `at` is where the other axes stand: the number of a value from 1, 0 is all;
`from` is the run one came from."""


def texts() -> Field:
    """Return a field of texts by name, "fast:2..60;slow:10..200:5"; a text has no ";"."""

    def read(value: str) -> dict[str, str]:
        result = {}
        for item in value.split(";"):
            name, _, content = item.partition(":")
            if not _is_name(name) or not content.strip() or len(content) > 2000:
                raise ValueError(value)
            result[name] = content.strip()
        return result

    def write(value: Mapping[str, str]) -> str:
        return ";".join(f"{name}:{content}" for name, content in value.items())

    return Field(default={}, read=read, write=write)


def count(default: int | None, least: int) -> Field:
    """Return a field that takes an integer of at least `least`."""
    return Field(default=default, read=whole(least).read)


SWEEP_FORM = Query(
    {
        "from": text(limit=64),
        "sweep": text(limit=64),
        "walkforward": text(limit=64),
        "draft": text(limit=8000),
        "axes": texts(),
        "where": text(limit=1000),
        "objective": choice(SWEEP_METRICS[:-1], "sharpe"),
        "random": whole(1),
        "seed": count(0, 0),
        "mode": choice(("sweep", "walkforward"), "sweep"),
        "in": whole(2),
        "out": whole(1),
        "anchored": flag(),
        "method": choice(("walk_forward", "kfold", "cpcv"), "walk_forward"),
        "folds": whole(2),
        "tested": whole(1),
        "purge": count(0, 0),
        "embargo": count(0, 0),
    }
)
"""The form of a sweep: the run it is about, and all its controls; `where` is conditions with ";"
between them, "-" is none."""
