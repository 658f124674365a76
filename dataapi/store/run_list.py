"""The list of runs: filters, order, and pages that stay right while runs are added."""

from __future__ import annotations

import base64
import json
import sys
from dataclasses import dataclass
from typing import Any, NamedTuple

import peewee
from peewee import fn

from dataapi.store.errors import InvalidQueryError
from dataapi.store.models import Run, RunEntry, RunSymbol

METRICS = (
    "final_equity",
    "total_return",
    "cagr",
    "volatility",
    "sharpe",
    "sortino",
    "calmar",
    "max_drawdown",
    "trades",
    "win_rate",
    "profit_factor",
    "exposure_time",
    "turnover",
)
"""The metrics that lists show, filter and sort by; all others are in the run's document."""

SORT_KEYS = ("created", "name", "strategy", "symbols", *METRICS)
MAX_LIMIT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class RunQuery:
    """Which runs are wanted, in which order.

    Parameters
    ----------
    q : str
        Every word must occur in name, id, strategy, parameters, symbols, tags or note.
    max_drawdown : float or None
        The deepest fall allowed, 0.2 and −0.2 alike: runs that lost at most 20 %.
    sort : str
        One of SORT_KEYS, with "-" before it for descending; runs without the value come last.
    cursor : str or None
        `next_cursor` of the page before, for the same sort.
    limit : int
        1 … 500 runs a page.
    """

    q: str = ""
    strategy: str | None = None
    symbol: str | None = None
    timeframe: str | None = None
    tag: str | None = None
    is_starred: bool | None = None
    min_sharpe: float | None = None
    max_drawdown: float | None = None
    min_trades: int | None = None
    sort: str = "-created"
    cursor: str | None = None
    limit: int = 50


def filters(query: RunQuery, owner: str) -> list[peewee.Node]:
    """Return the conditions of a query, to be joined by AND."""
    conditions: list[peewee.Node] = [RunEntry.owner == owner]
    conditions += [_has_word(word) for word in query.q.split()]
    if query.strategy is not None:
        conditions.append(Run.strategy == query.strategy)
    if query.timeframe is not None:
        conditions.append(Run.timeframe == query.timeframe)
    if query.symbol is not None:
        used = RunSymbol.select(RunSymbol.run).where(RunSymbol.symbol == query.symbol)
        conditions.append(Run.id.in_(used))
    if query.tag is not None:
        conditions.append(RunEntry.tags.contains(json.dumps(query.tag, ensure_ascii=False)))
    if query.is_starred is not None:
        conditions.append(RunEntry.is_starred == query.is_starred)
    if query.min_sharpe is not None:
        conditions.append(Run.sharpe >= query.min_sharpe)
    if query.max_drawdown is not None:
        conditions.append(Run.max_drawdown >= -abs(query.max_drawdown))
    if query.min_trades is not None:
        conditions.append(Run.trades >= query.min_trades)
    return conditions


def reads_runs(query: RunQuery) -> bool:
    """Return whether the filters are about runs, and not about their entries alone."""
    wanted = (query.strategy, query.symbol, query.timeframe)
    bounds = (query.min_sharpe, query.max_drawdown, query.min_trades)
    return bool(query.q.split()) or any(value is not None for value in (*wanted, *bounds))


class Part(NamedTuple):
    """Some of a list: which rows, in which order."""

    conditions: tuple[Any, ...]
    terms: tuple[peewee.Node, ...]


def sorted_by(sort: str) -> Any:
    """Return the column that a list is sorted by.

    Raises
    ------
    InvalidQueryError
        If there is none.
    """
    name = sort.removeprefix("-")
    if name not in SORT_KEYS:
        raise InvalidQueryError(
            f"Expected sort to be one of {', '.join(SORT_KEYS)} (with - before it for "
            f"descending), was {sort!r}."
        )
    if name == "created":
        return RunEntry.created_ms
    if name == "name":
        return fn.LOWER(RunEntry.name)
    return getattr(Run, name)


def parts(query: RunQuery) -> list[Part]:
    """Return what to read one after the other for a page: from the cursor on, missing values last.

    The rows with a value and those without are asked for apart: each part is read off the column's
    index in the order wanted and ends with the page. As one query, with the missing ones sorted
    last, every row was read and sorted: 0.8 s of 100,000.
    """
    column = sorted_by(query.sort)
    is_descending = query.sort.startswith("-")
    # Only metrics can be missing.
    may_miss = query.sort.removeprefix("-") in METRICS
    by_id = RunEntry.id.desc() if is_descending else RunEntry.id.asc()
    terms = (column.desc() if is_descending else column.asc(), by_id)
    known = (column.is_null(False), column >= _lowest(column)) if may_miss else ()
    missing = [Part((column.is_null(),), (by_id,))] if may_miss else []
    if query.cursor is None:
        return [Part(known, terms), *missing]
    value, entry_id = _decode_cursor(query)
    later_id = RunEntry.id < entry_id if is_descending else RunEntry.id > entry_id
    if value is None:
        return [Part((column.is_null(), later_id), (by_id,))]
    # Two conditions for one: the first begins at the right place of the index.
    reached = column <= value if is_descending else column >= value
    later = (column != value) | later_id
    return [Part((*known, reached, later), terms), *missing]


def _lowest(column: peewee.Field) -> float:
    """Return what no value is below; without such an end SQLite leaves the index unread."""
    return -(2**31) if isinstance(column, peewee.IntegerField) else -sys.float_info.max


def encode_cursor(sort: str, value: Any, entry_id: int) -> str:
    """Return the text that names a place in a sorted list."""
    return base64.urlsafe_b64encode(json.dumps([sort, value, entry_id]).encode()).decode()


def _decode_cursor(query: RunQuery) -> tuple[Any, int]:
    try:
        sort, value, entry_id = json.loads(base64.urlsafe_b64decode(query.cursor or ""))
    except ValueError:
        raise InvalidQueryError(
            "The cursor is not one of this list: start again without it."
        ) from None
    if sort != query.sort or type(entry_id) is not int or isinstance(value, list | dict):
        raise InvalidQueryError(
            f"The cursor belongs to another list than the one sorted by {query.sort}: "
            "start again without it."
        )
    return value, entry_id


def _has_word(word: str) -> peewee.Node:
    return (
        RunEntry.name.contains(word)
        | RunEntry.tags.contains(word)
        | RunEntry.note.contains(word)
        | Run.strategy.contains(word)
        | Run.params_text.contains(word)
        | Run.symbols.contains(word)
        | (Run.id == word)
    )
