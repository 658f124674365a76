"""The list of runs: filters, order, and pages that stay right while runs are added."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

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


def order(sort: str) -> tuple[Any, list[peewee.Node]]:
    """Return the column that a list is sorted by, and its ORDER BY terms."""
    column = _sort_column(sort)
    # Only metrics can be missing; without this term the list by time is read off its index.
    terms = [column.is_null()] if sort.removeprefix("-") in METRICS else []
    if sort.startswith("-"):
        return column, [*terms, column.desc(), RunEntry.id.desc()]
    return column, [*terms, column.asc(), RunEntry.id.asc()]


def after_cursor(query: RunQuery) -> Any:
    """Return the condition for the rows behind the cursor, in the query's order."""
    value, entry_id = _decode_cursor(query)
    column = _sort_column(query.sort)
    is_descending = query.sort.startswith("-")
    later_id = RunEntry.id < entry_id if is_descending else RunEntry.id > entry_id
    if value is None:
        return column.is_null() & later_id
    later = column < value if is_descending else column > value
    return later | ((column == value) & later_id) | column.is_null()


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


def _sort_column(sort: str) -> Any:
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
